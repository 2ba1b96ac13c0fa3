//! HTTPS, as clients meet it: which connections come about and which do not.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;
use ureq::tls::{Certificate, RootCerts};

use crate::support::{Home, PATIENCE, QUIET, Ran, Server, eventually};

/// An authority of its own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Writes a certificate for these names, its key, and the authority's own certificate.
    pub(crate) fn sign(&self, home: &Home, names: &[&str]) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names).unwrap();
        let cert = params.signed_by(&key, &self.0).unwrap();
        home.write("ca.pem", &self.0.pem());
        // The key first: what is seen in between is no pair, and must not be used.
        home.write("key.pem", &key.serialize_pem());
        home.write("cert.pem", &cert.pem());
    }

    fn roots(&self) -> RootCerts {
        let certificate = Certificate::from_der(self.0.der()).to_owned();
        RootCerts::new_with_certs(&[certificate])
    }
}

fn home() -> Home {
    Home::with(&format!(
        "{QUIET}server: {{tls: {{cert: cert.pem, key: key.pem}}}}\n"
    ))
}

pub(crate) fn start(home: &Home, authority: &Authority) -> Server {
    let args = ["start", "--port", "0", "--data-dir", "data"];
    Server::spawn_trusted(home.command(&args), authority.roots())
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A connection of these versions; the certificate that was shown.
fn connect(
    server: &Server,
    authority: &Authority,
    versions: &[&'static rustls::SupportedProtocolVersion],
    protocols: &[&[u8]],
) -> Result<(Tls, CertificateDer<'static>), std::io::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = TcpStream::connect(server.address())?;
    socket.set_read_timeout(Some(PATIENCE))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket)?;
    }
    let shown = connection.peer_certificates().unwrap()[0]
        .clone()
        .into_owned();
    Ok((StreamOwned::new(connection, socket), shown))
}

fn ask(mut connection: Tls) -> String {
    let request = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
    connection.write_all(request).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn w6_https_serves_everything_by_modern_versions() {
    let (home, authority) = (home(), Authority::new());
    authority.sign(&home, &["127.0.0.1", "localhost"]);
    let mut server = start(&home, &authority);
    assert!(server.url().starts_with("https://"), "{}", server.log());
    server.keep(&json!({"name": "depth", "value": 4}));
    assert_eq!(server.values(&[("name", "depth")]), [4.0]);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (connection, _) = connect(&server, &authority, &[version], &[]).unwrap();
        assert_eq!(connection.conn.protocol_version(), Some(version.version));
        let answer = ask(connection);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    // What it does not speak it does not promise.
    let both: &[&[u8]] = &[b"h2", b"http/1.1"];
    let (connection, _) = connect(&server, &authority, rustls::ALL_VERSIONS, both).unwrap();
    assert_eq!(connection.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    // Commands, with the authority named, and with tokens.
    let ca = home.path("ca.pem");
    let ca = ca.to_str().unwrap();
    let made = ["token", "create", "a", "--scope", "admin", "--ca", ca];
    let secret = server.tacho(&home, &made).exits(0).out.trim().to_owned();
    let status = ["status", "--ca", ca, "--token", &secret];
    server.tacho(&home, &status).exits(0);
    server
        .tacho(&home, &status[..3])
        .exits(2)
        .complains(&["asks for a token"]);
    server.authorize(&format!("Bearer {secret}"));
    assert_eq!(server.get("/metrics").status, 200);
    // A live connection, and a stop that does not wait for it.
    let (live, _) = connect(&server, &authority, rustls::ALL_VERSIONS, &[]).unwrap();
    let mut request = tungstenite::client::IntoClientRequest::into_client_request(format!(
        "ws://{}/ws",
        server.address()
    ))
    .unwrap();
    let bearer = format!("Bearer {secret}").parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    let origin = server.url().parse().unwrap();
    request.headers_mut().insert("origin", origin);
    let (mut socket, _) = tungstenite::client(request, live).unwrap();
    assert!(socket.read().unwrap().to_text().unwrap().contains("hello"));
    let start = Instant::now();
    assert!(server.stop().success());
    assert!(start.elapsed() < Duration::from_secs(5));
}

/// What a command says that names this authority to a server of the home, whose certificate is
/// not one that is taken.
fn distrusted(home: &Home, ca: &str) -> Ran {
    let mut command = home.command(&["start", "--port", "0", "--data-dir", "data"]);
    command.stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = String::new();
    let mut stderr = child.stderr.take().unwrap();
    let mut buffer = [0; 4096];
    while !said.contains("Ctrl-C") {
        let n = stderr.read(&mut buffer).unwrap();
        assert!(n > 0, "{said}");
        said.push_str(&String::from_utf8_lossy(&buffer[..n]));
    }
    let url = said.split_whitespace().find(|w| w.starts_with("https://"));
    let told = home.tacho(&["status", "--ca", ca, "--server", url.unwrap()]);
    child.kill().unwrap();
    child.wait().unwrap();
    told.exits(2)
}

#[test]
fn w6_who_does_not_know_the_authority_does_not_connect() {
    let (home, authority) = (home(), Authority::new());
    authority.sign(&home, &["127.0.0.1"]);
    let server = start(&home, &authority);
    let unknown = server.tacho(&home, &["status"]).exits(2);
    unknown.complains(&["is not secure", "--ca"]);
    let other = Authority::new();
    home.write("other.pem", &other.0.pem());
    let wrong = server
        .tacho(&home, &["status", "--ca", "other.pem"])
        .exits(2);
    wrong.complains(&["is not secure"]);
    assert!(connect(&server, &other, rustls::ALL_VERSIONS, &[]).is_err());
    for (file, says) in [("key.pem", "no certificate"), ("none.pem", "cannot read")] {
        let bad = server.tacho(&home, &["status", "--ca", file]);
        bad.exits(2).complains(&[file, says]);
    }
    server.tacho(&home, &["status", "--ca", "ca.pem"]).exits(0);
    // The name counts as well.
    let home = self::home();
    authority.sign(&home, &["elsewhere.example"]);
    distrusted(&home, "ca.pem").complains(&["is not secure", "subjectAltName"]);
}

#[test]
fn w6_common_mistakes_with_certificates_are_told_as_advice() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let address = format!("https://{}", server.address());
    let plain = home.tacho(&["status", "--server", &address]).exits(2);
    plain.complains(&["is not secure", "write http:// in the address"]);
    // What `openssl req -x509` makes unless it is told otherwise.
    let home = self::home();
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    home.write("key.pem", &key.serialize_pem());
    home.write("cert.pem", &certificate.pem());
    distrusted(&home, "cert.pem")
        .complains(&["is not secure", "basicConstraints=critical,CA:FALSE"]);
}

#[test]
fn w6_plain_http_and_old_tls_are_answered_clearly() {
    let (home, authority) = (home(), Authority::new());
    authority.sign(&home, &["127.0.0.1"]);
    let server = start(&home, &authority);
    let plain = server.raw(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    assert!(plain.starts_with("HTTP/1.1 400"), "{plain}");
    assert!(plain.ends_with("write https:// in the address"), "{plain}");
    let told = home.tacho(&[
        "status",
        "--server",
        &format!("http://{}", server.address()),
    ]);
    told.exits(2)
        .complains(&["400", "write https:// in the address"]);
    // A hello of TLS 1.0 and nothing else (RFC 2246): an alert, then the end.
    let mut hello = vec![22, 3, 1, 0, 47, 1, 0, 0, 43, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0, 0x2f, 0, 0x35, 1, 0]);
    let answer = server.cut(&hello);
    assert_eq!(answer.bytes().next(), Some(21), "an alert: {answer:?}");
    // Noise, halves of a handshake, and nothing at all end their own connection only.
    for noise in [&b"\x16\x03\x01\xff\xff"[..], b"\x16", b"", &[0xff; 3000]] {
        server.cut(noise);
    }
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn w6_slow_handshakes_keep_nobody_waiting() {
    let (home, authority) = (home(), Authority::new());
    authority.sign(&home, &["127.0.0.1"]);
    let server = start(&home, &authority);
    let silent: Vec<TcpStream> = (0..40)
        .map(|i| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            if i % 2 == 0 {
                stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00").unwrap();
            }
            stream
        })
        .collect();
    let start = Instant::now();
    for _ in 0..5 {
        let (connection, _) = connect(&server, &authority, rustls::ALL_VERSIONS, &[]).unwrap();
        assert!(ask(connection).starts_with("HTTP/1.1 200"));
    }
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    // Those that began and never ended are hung up on.
    for mut stream in silent {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

#[test]
fn w6_a_renewed_certificate_is_shown_without_a_restart() {
    let (home, authority) = (home(), Authority::new());
    authority.sign(&home, &["127.0.0.1"]);
    let server = start(&home, &authority);
    let shown = || {
        let (connection, shown) = connect(&server, &authority, rustls::ALL_VERSIONS, &[]).unwrap();
        assert!(ask(connection).starts_with("HTTP/1.1 200"));
        shown
    };
    let before = shown();
    // A broken renewal changes nothing and is told.
    home.write("cert.pem", "-----BEGIN CERTIFICATE-----\nhalf");
    eventually("the complaint", || {
        server
            .log()
            .contains("the certificate before stays in use")
            .then_some(())
    });
    assert_eq!(shown(), before);
    authority.sign(&home, &["127.0.0.1", "second.example"]);
    eventually("the new one", || (shown() != before).then_some(()));
}

#[test]
fn w6_a_certificate_that_cannot_be_used_ends_the_start() {
    let start = ["start", "--port", "0", "--data-dir", "data"];
    let home = home();
    home.tacho(&start)
        .exits(2)
        .complains(&["cannot read cert.pem (server.tls)"]);
    let authority = Authority::new();
    authority.sign(&home, &["127.0.0.1"]);
    home.write("key.pem", "nothing");
    home.tacho(&start)
        .exits(2)
        .complains(&["key.pem", "no private key"]);
    home.write("key.pem", &KeyPair::generate().unwrap().serialize_pem());
    let stranger = home.tacho(&start).exits(2);
    stranger.complains(&["cannot be used together: the key is not the certificate's;"]);
    assert!(!home.path("data").exists());
    for (config, says) in [
        ("server: {tls: {cert: a}}\n", "key"),
        ("server: {tls: {cert: a, key: b, ciphers: c}}\n", "ciphers"),
    ] {
        let home = Home::with(config);
        home.tacho(&start)
            .exits(2)
            .complains(&["tacho.yaml", says, "line 1"]);
    }
}
