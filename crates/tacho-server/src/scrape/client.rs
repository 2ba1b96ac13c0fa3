//! Asking a target: one HTTP request, its answer bounded in size and time.
//!
//! A job has one client, so that connections are kept between scrapes. Secrets in files are read
//! for each request, so that they can be changed while the server runs; certificates when the
//! client is made.

use std::hash::{BuildHasher as _, RandomState};
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::settings::{Auth, ClientSettings, Redirects, Secret, TlsSettings, Verify};

/// What it says it is.
const USER_AGENT: &str = concat!("Tachograph/", env!("CARGO_PKG_VERSION"));
/// Most answers that may send elsewhere, one after the other.
const REDIRECTS_MAX: usize = 10;
/// Largest secret that is read.
const SECRET_BYTES_MAX: u64 = 64 << 10;
/// How long a connection is kept beyond an interval.
const IDLE_MORE: Duration = Duration::from_secs(10);

/// Why a target could not be asked, or did not answer as it should.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The client cannot be made: a certificate is not there or is none.
    #[error("{0}")]
    Client(String),
    /// A secret's file cannot be read.
    #[error("cannot read the secret in {path}: {reason}")]
    Secret {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// No answer came.
    #[error("{0}")]
    Http(String),
    /// An answer of another status came.
    #[error("the server answered with HTTP status {0}")]
    Status(reqwest::StatusCode),
    /// The body is larger than allowed.
    #[error("body_size_limit exceeded: more than {limit} bytes")]
    TooLarge {
        /// What is allowed.
        limit: usize,
    },
    /// The body cannot be decompressed.
    #[error("the body is no gzip: {0}")]
    Gzip(String),
    /// It took too long.
    #[error("no whole answer within the scrape timeout of {0:?}")]
    Timeout(Duration),
}

/// Asks the targets of a job.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    auth: Arc<Auth>,
}

/// What came back.
#[derive(Debug)]
pub struct Fetched {
    /// The body as it came.
    pub body: Vec<u8>,
    /// What it says it is.
    pub content_type: String,
    /// Whether it is compressed by gzip.
    pub coding: Coding,
    /// The headers, for who wants more of them.
    pub headers: HeaderMap,
}

/// The header that tells a target who asks, so that none scrapes itself: what its page tells is in
/// its store already, and would come back as more series with each turn.
const INSTANCE: &str = "x-tachograph-instance";

/// What this process calls itself, as long as it lives.
static NAME: LazyLock<HeaderValue> = LazyLock::new(|| {
    let random = RandomState::new().hash_one(std::process::id());
    HeaderValue::from(random)
});

fn own() -> HeaderMap {
    HeaderMap::from_iter([(HeaderName::from_static(INSTANCE), NAME.clone())])
}

/// Whether a request comes from this very process.
pub fn is_own(headers: &HeaderMap) -> bool {
    headers.get(INSTANCE).is_some_and(|name| *name == *NAME)
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Plain,
    /// By gzip.
    Gzip,
}

impl Client {
    /// A client for targets that are asked every `interval`.
    pub fn new(settings: &ClientSettings, interval: Duration) -> Result<Self, FetchError> {
        let wrong = |error: reqwest::Error| FetchError::Client(chain(&error));
        let redirects = match settings.redirects {
            Redirects::Follow => reqwest::redirect::Policy::limited(REDIRECTS_MAX),
            Redirects::Refuse => reqwest::redirect::Policy::none(),
        };
        // The process has one provider of cryptography, whoever comes first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(own())
            .redirect(redirects)
            .no_proxy()
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(interval + IDLE_MORE)
            .tcp_nodelay(true);
        let http = tls(builder, &settings.tls)?.build().map_err(wrong)?;
        let auth = Arc::new(settings.auth.clone());
        Ok(Self { http, auth })
    }

    /// Asks once. Nothing is decompressed.
    pub async fn fetch(
        &self,
        url: &str,
        headers: &HeaderMap,
        timeout: Duration,
        bytes_max: usize,
    ) -> Result<Fetched, FetchError> {
        let asked = self.ask(url, headers, bytes_max);
        match tokio::time::timeout(timeout, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(FetchError::Timeout(timeout)),
        }
    }

    async fn ask(
        &self,
        url: &str,
        headers: &HeaderMap,
        bytes_max: usize,
    ) -> Result<Fetched, FetchError> {
        let wrong = |error: reqwest::Error| FetchError::Http(chain(&error.without_url()));
        let mut request = self.http.get(url).headers(headers.clone());
        if let Some(value) = authorization(&self.auth).await? {
            request = request.header(header::AUTHORIZATION, value);
        }
        let mut answer = request.send().await.map_err(wrong)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status(answer.status()));
        }
        let headers = std::mem::take(answer.headers_mut());
        let text = |name| {
            headers
                .get(name)
                .and_then(|v: &HeaderValue| v.to_str().ok())
        };
        let content_type = text(header::CONTENT_TYPE).unwrap_or("").to_owned();
        let coding = match text(header::CONTENT_ENCODING) {
            Some(coding) if coding.eq_ignore_ascii_case("gzip") => Coding::Gzip,
            _ => Coding::Plain,
        };
        let too_large = || FetchError::TooLarge { limit: bytes_max };
        let stated = text(header::CONTENT_LENGTH).and_then(|text| text.parse::<usize>().ok());
        let stated = stated.unwrap_or(0);
        if stated > bytes_max {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(stated);
        while let Some(chunk) = answer.chunk().await.map_err(wrong)? {
            if chunk.len() > bytes_max - body.len() {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched {
            body,
            content_type,
            coding,
            headers,
        })
    }
}

/// Decompresses into `out`, which is emptied first; at most so many bytes.
pub fn gunzip(body: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Result<(), FetchError> {
    out.clear();
    let limited = flate2::read::MultiGzDecoder::new(body);
    let mut limited = limited.take(bytes_max as u64 + 1);
    let read = limited.read_to_end(out);
    read.map_err(|error| FetchError::Gzip(error.to_string()))?;
    if out.len() > bytes_max {
        return Err(FetchError::TooLarge { limit: bytes_max });
    }
    Ok(())
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text += ": ";
            text += &more;
        }
        source = cause.source();
    }
    text
}

/// The value of the header that says who asks.
async fn authorization(auth: &Auth) -> Result<Option<HeaderValue>, FetchError> {
    let text = match auth {
        Auth::None => return Ok(None),
        Auth::Basic { username, password } => {
            let pair = format!("{}:{}", reveal(username).await?, reveal(password).await?);
            format!("Basic {}", STANDARD.encode(pair))
        }
        Auth::Credentials {
            scheme,
            credentials,
        } => format!("{scheme} {}", reveal(credentials).await?),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| FetchError::Client("the credentials are no header text".to_owned()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

async fn reveal(secret: &Secret) -> Result<String, FetchError> {
    let path = match secret {
        Secret::Text(text) => return Ok(text.clone()),
        Secret::File(path) => path.clone(),
    };
    let shown = path.display().to_string();
    let wrong = |reason: String| FetchError::Secret {
        path: shown.clone(),
        reason,
    };
    let read = move || {
        let mut text = String::new();
        let file = std::fs::File::open(path)?;
        file.take(SECRET_BYTES_MAX).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text.trim().to_owned())
    };
    let read = tokio::task::spawn_blocking(read).await;
    let read = read.map_err(|error| wrong(error.to_string()))?;
    read.map_err(|error| wrong(error.to_string()))
}

fn tls(
    builder: reqwest::ClientBuilder,
    settings: &TlsSettings,
) -> Result<reqwest::ClientBuilder, FetchError> {
    let is_plain = settings.ca.is_none()
        && settings.identity.is_none()
        && settings.server_name.is_none()
        && settings.verify == Verify::Always;
    if is_plain {
        return Ok(builder);
    }
    if let (Verify::Always, Some(ca)) = (settings.verify, &settings.ca) {
        let verifier = named_verifier(ca, settings.server_name.as_deref())?;
        return Ok(builder.tls_backend_preconfigured(config(verifier, settings)?));
    }
    if settings.verify == Verify::Never {
        let verifier = Arc::new(Anybody);
        return Ok(builder.tls_backend_preconfigured(config(verifier, settings)?));
    }
    match &settings.identity {
        Some((certificate, key)) => {
            let mut pem = read(key)?;
            pem.extend(read(certificate)?);
            let identity = reqwest::Identity::from_pem(&pem)
                .map_err(|error| unusable(certificate, &chain(&error)))?;
            Ok(builder.identity(identity))
        }
        None => Ok(builder),
    }
}

fn config(
    verifier: Arc<dyn ServerCertVerifier>,
    settings: &TlsSettings,
) -> Result<ClientConfig, FetchError> {
    let config = ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let Some((certificate, key)) = &settings.identity else {
        return Ok(config.with_no_client_auth());
    };
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|error| unusable(key, &error.to_string()))?;
    config
        .with_client_auth_cert(chain, private)
        .map_err(|error| unusable(certificate, &error.to_string()))
}

fn read(path: &Path) -> Result<Vec<u8>, FetchError> {
    std::fs::read(path).map_err(|error| unusable(path, &error.to_string()))
}

fn unusable(path: &Path, reason: &str) -> FetchError {
    FetchError::Client(format!("cannot use {}: {reason}", path.display()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FetchError> {
    let pem = read(path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match read {
        Ok(read) if !read.is_empty() => Ok(read),
        Ok(_) => Err(unusable(path, "it holds no certificate in PEM form")),
        Err(error) => Err(unusable(path, &error.to_string())),
    }
}

/// A verifier that trusts the authorities in a file, for this name where one is given.
fn named_verifier(
    ca: &Path,
    name: Option<&str>,
) -> Result<Arc<dyn ServerCertVerifier>, FetchError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        let added = roots.add(certificate);
        added.map_err(|error| unusable(ca, &error.to_string()))?;
    }
    let verifier = WebPkiServerVerifier::builder(Arc::new(roots))
        .build()
        .map_err(|error| unusable(ca, &error.to_string()))?;
    let Some(name) = name else {
        return Ok(verifier);
    };
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| FetchError::Client(format!("`{name}` is no server_name")))?;
    Ok(Arc::new(Named { verifier, name }))
}

/// Takes a certificate for a name other than that of the address.
#[derive(Debug)]
struct Named {
    verifier: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

type Signed = Result<HandshakeSignatureValid, rustls::Error>;

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let name = &self.name;
        self.verifier
            .verify_server_cert(end, between, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        by: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Signed {
        self.verifier.verify_tls12_signature(message, by, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        by: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Signed {
        self.verifier.verify_tls13_signature(message, by, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Takes any certificate (`insecure_skip_verify`).
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _by: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Signed {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _by: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Signed {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
