//! Probes of servers whose delays, answers and certificates are known.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread::sleep;
use std::time::Duration;

use super::{collecting, problems, value};
use crate::support::{Home, Server, eventually, now};
use crate::tls::Authority;

/// Whether a probe went well at last.
fn success(server: &Server, name: &str) -> Option<f64> {
    value(server, &format!(r#"probe_success{{instance="{name}"}}"#))
}

fn wait(server: &Server, name: &str, expected: f64) {
    eventually(name, || (success(server, name)? == expected).then_some(()));
}

/// Answers as the path says: `/slow` 150 ms later and its second half 100 ms after that.
fn serve(mut stream: TcpStream) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    lines.read_line(&mut first).ok()?;
    let mut line = String::new();
    while lines.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    let path = first.split(' ').nth(1)?;
    match path {
        "/slow" => {
            sleep(Duration::from_millis(150));
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
            stream.write_all(head.as_bytes()).ok()?;
            sleep(Duration::from_millis(100));
            stream.write_all(b"6\r\n world\r\n0\r\n\r\n").ok()
        }
        "/away" => stream
            .write_all(b"HTTP/1.1 302 Found\r\nLocation: /slow\r\nContent-Length: 0\r\n\r\n")
            .ok(),
        "/round" => stream
            .write_all(b"HTTP/1.1 302 Found\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n")
            .ok(),
        "/hang" => {
            sleep(Duration::from_secs(2));
            Some(())
        }
        "/endless" => loop {
            stream.write_all(&[b'x'; 1 << 13]).ok()?;
        },
        "/garbage" => stream.write_all(b"\x00\x01nonsense\r\n\r\n").ok(),
        _ => stream
            .write_all(b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nfail")
            .ok(),
    }
}

fn http_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

#[test]
fn r2_http_is_probed_by_phases_that_add_up() {
    let at = http_server();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = closed.local_addr().unwrap();
    drop(closed);
    let home = Home::new();
    let usual = "interval: 400ms, timeout: 400ms";
    let server = collecting(
        &home,
        &format!(
            "probes: [\n\
             {{http: 'http://{at}/away', name: slow, {usual}, expect_body: '^hello world$'}},\n\
             {{http: 'http://{at}/500', name: fails, {usual}}},\n\
             {{http: 'http://{at}/500', name: wanted, {usual}, expect_status: [5xx]}},\n\
             {{http: 'http://{at}/slow', name: text, {usual}, refuse_body: world}},\n\
             {{http: 'http://{at}/round', name: round, {usual}, redirects: 3}},\n\
             {{http: 'http://{at}/hang', name: hang, {usual}}},\n\
             {{http: 'http://{at}/endless', name: endless, {usual}}},\n\
             {{http: 'http://{at}/garbage', name: garbage, {usual}}},\n\
             {{http: 'http://{nobody}/', name: nobody, {usual}}}]"
        ),
    );
    wait(&server, "slow", 1.0);
    wait(&server, "wanted", 1.0);
    for name in ["fails", "text", "round", "hang", "garbage", "nobody"] {
        wait(&server, name, 0.0);
    }
    eventually("a probe of what does not end", || {
        success(&server, "endless")
    });
    let at = |series: &str| value(&server, series);
    let phase = |phase: &str| {
        at(&format!(
            r#"probe_http_duration_seconds{{instance="slow",phase="{phase}"}}"#
        ))
        .unwrap()
    };
    // The times are the server's own, and the machine's besides.
    let (processing, transfer) = (phase("processing"), phase("transfer"));
    assert!((0.15..0.3).contains(&processing), "{processing}");
    assert!((0.1..0.25).contains(&transfer), "{transfer}");
    assert_eq!(phase("tls"), 0.0);
    let all: f64 = ["resolve", "connect", "tls", "processing", "transfer"]
        .map(phase)
        .iter()
        .sum();
    let whole = at(r#"probe_duration_seconds{instance="slow"}"#).unwrap();
    assert!(all <= whole && whole - all < 0.1, "{all} of {whole}");
    for (series, expected) in [
        (r#"probe_http_status_code{instance="slow"}"#, 200.0),
        (r#"probe_http_redirects{instance="slow"}"#, 1.0),
        (
            r#"probe_http_uncompressed_body_length{instance="slow"}"#,
            11.0,
        ),
        (r#"probe_http_version{instance="slow"}"#, 1.1),
        (r#"probe_failed_due_to_regex{instance="slow"}"#, 0.0),
        (r#"probe_failed_due_to_regex{instance="text"}"#, 1.0),
        (r#"probe_http_status_code{instance="fails"}"#, 500.0),
        (r#"probe_http_status_code{instance="nobody"}"#, 0.0),
        (r#"probe_ip_protocol{instance="slow"}"#, 4.0),
    ] {
        assert_eq!(at(series), Some(expected), "{series}");
    }
    let said = problems(&server, "probes").join("\n");
    for reason in [
        "it is 500",
        "see the body without `world`",
        "more than 3",
        "hear an answer within 400ms",
        "this is no HTTP",
        "connect to 127.0.0.1:",
    ] {
        assert!(said.contains(reason), "no `{reason}` in {said}");
    }
    // Every run is in the histograms, so that a percentile over a window is one of all of them.
    let selector =
        r#"tacho_probe_duration_seconds{instance="slow",phase="processing",outcome="success"}"#;
    let p50 = server.values(&[("match[]", selector), ("agg", "p50")]);
    assert!(p50.iter().any(|p50| (0.15..0.3).contains(p50)), "{p50:?}");
}

#[test]
fn r2_ports_and_name_servers_are_probed() {
    let greeter = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = greeter.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in greeter.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"220 mail ready\r\n");
            let mut said = [0; 6];
            let _ = stream.read_exact(&mut said);
            let _ = stream.write_all(&said);
        }
    });
    let names = UdpSocket::bind("127.0.0.1:0").unwrap();
    let dns = names.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, from)) = names.recv_from(&mut question) {
            let mut answer = question[..length].to_vec();
            answer[2] |= 0x80;
            // `good.test` has an address, `gone.test` is none, of others nothing is heard.
            match &question[12..17] {
                b"\x04good" => {
                    answer[7] = 1;
                    answer
                        .extend_from_slice(&[192, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 1, 2, 3]);
                }
                b"\x04gone" => answer[3] |= 3,
                _ => continue,
            }
            let _ = names.send_to(&answer, from);
        }
    });
    let home = Home::new();
    let usual = "interval: 300ms, timeout: 300ms";
    let server = collecting(
        &home,
        &format!(
            "probes: [\n\
             {{tcp: '{port}', name: port, {usual}}},\n\
             {{tcp: '{port}', name: greets, {usual}, expect: '^220 .*ready'}},\n\
             {{tcp: '{port}', name: echoes, {usual}, send: 'EHLO\\n\\n', expect: 'EHLO'}},\n\
             {{tcp: '{port}', name: other, {usual}, expect: '^SSH'}},\n\
             {{dns: good.test, server: '{dns}', name: good, {usual}, expect: '^10[.]1[.]2[.]3$'}},\n\
             {{dns: gone.test, server: '{dns}', name: gone, {usual}}},\n\
             {{dns: quiet.test, server: '{dns}', name: quiet, {usual}}}]"
        ),
    );
    for name in ["port", "greets", "echoes", "good"] {
        wait(&server, name, 1.0);
    }
    for name in ["other", "gone", "quiet"] {
        wait(&server, name, 0.0);
    }
    let answers = value(&server, r#"probe_dns_answer_rrs{instance="good"}"#);
    assert_eq!(answers, Some(1.0));
    let asked = r#"probe_dns_duration_seconds{instance="good",phase="request"}"#;
    assert!(value(&server, asked).unwrap() < 0.3);
    let said = problems(&server, "probes").join("\n");
    for reason in [
        "gone.test` is: NXDOMAIN",
        "hear from the name server within 300ms",
    ] {
        assert!(said.contains(reason), "no `{reason}` in {said}");
    }
}

#[test]
fn r2_websockets_are_probed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let Ok(mut socket) = tungstenite::accept(stream) else {
                continue;
            };
            while let Ok(message) = socket.read() {
                if message.is_text() {
                    sleep(Duration::from_millis(60));
                    let _ = socket.send(message);
                }
            }
        }
    });
    let plain = http_server();
    let home = Home::new();
    let usual = "interval: 400ms, timeout: 400ms";
    let server = collecting(
        &home,
        &format!(
            "probes: [\n\
             {{websocket: 'ws://{at}/', name: ping, {usual}}},\n\
             {{websocket: 'ws://{at}/', name: echo, {usual}, send: hello, expect: '^hello$'}},\n\
             {{websocket: 'ws://{at}/', name: wrong, {usual}, send: hello, expect: bye}},\n\
             {{websocket: 'ws://{plain}/', name: none, {usual}}}]"
        ),
    );
    wait(&server, "ping", 1.0);
    wait(&server, "echo", 1.0);
    wait(&server, "wrong", 0.0);
    wait(&server, "none", 0.0);
    let latency = r#"current_latency_ms{source="websocket",instance="echo"}"#;
    let latency = value(&server, latency).unwrap();
    assert!((60.0..300.0).contains(&latency), "{latency}");
    assert_eq!(
        value(&server, r#"probe_is_upgraded{instance="none"}"#),
        Some(0.0)
    );
    let said = problems(&server, "probes").join("\n");
    assert!(said.contains("answered with HTTP status 500"), "{said}");
}

#[test]
fn r2_certificates_are_looked_at() {
    let authority = Authority::new();
    let other =
        Home::with("server: {tls: {cert: cert.pem, key: key.pem}}\ncollect: {host: false}\n");
    authority.sign(&other, &["127.0.0.1"]);
    let safe = crate::tls::start(&other, &authority);
    let at = safe.address().to_owned();
    let home = Home::new();
    let ca = other.path("ca.pem").display().to_string();
    let usual = "interval: 500ms, timeout: 500ms";
    let server = collecting(
        &home,
        &format!(
            "probes: [\n\
             {{http: 'https://{at}/readyz', name: safe, {usual}, tls: {{ca: '{ca}'}}}},\n\
             {{tcp: '{at}', name: port, {usual}, tls: {{ca: '{ca}'}}}},\n\
             {{http: 'https://{at}/readyz', name: unknown, {usual}}},\n\
             {{http: 'https://{at}/readyz', name: anybody, {usual}, \
             tls: {{insecure_skip_verify: true}}}},\n\
             {{http: 'https://{at}/readyz', name: lost, {usual}, tls: {{ca: nowhere.pem}}}}]"
        ),
    );
    for (name, expected) in [
        ("safe", 1.0),
        ("port", 1.0),
        ("anybody", 1.0),
        ("unknown", 0.0),
        ("lost", 0.0),
    ] {
        wait(&server, name, expected);
    }
    let expiry = value(
        &server,
        r#"probe_ssl_earliest_cert_expiry{instance="safe"}"#,
    )
    .unwrap();
    assert!(expiry > now() + 86_400.0, "{expiry}");
    let version = r#"probe_tls_version_info{instance="port",version="TLS 1.3"}"#;
    assert_eq!(value(&server, version), Some(1.0));
    let tls = r#"probe_http_duration_seconds{instance="safe",phase="tls"}"#;
    assert!(value(&server, tls).unwrap() > 0.0);
    let said = problems(&server, "probes").join("\n");
    assert!(said.contains("nowhere.pem"), "{said}");
    assert!(
        said.to_lowercase().contains("issuer") || said.contains("no certificates"),
        "{said}"
    );
}
