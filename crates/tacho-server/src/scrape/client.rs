//! Asking a target: one HTTP request, its answer bounded in size and time.
//!
//! A job has one client, so that connections are kept between scrapes. Secrets in files are read
//! for each request, so that they can be changed while the server runs; certificates when the
//! client is made.

use std::hash::{BuildHasher as _, RandomState};
use std::io::Read as _;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::settings::{ClientSettings, Redirects};
use crate::causes;
use crate::outgoing::advice::told;
use crate::outgoing::tls::{TlsError, secured};
use crate::outgoing::{Auth, AuthError, said};

/// What it says it is.
const USER_AGENT: &str = concat!("Tachograph/", env!("CARGO_PKG_VERSION"));
/// Most answers that may send elsewhere, one after the other.
const REDIRECTS_MAX: usize = 10;
/// What names the authority of a target's certificate.
const CA_KEY: &str = "tls_config.ca_file";
/// How long a connection is kept beyond an interval.
const IDLE_MORE: Duration = Duration::from_secs(10);

/// Why a target could not be asked, or did not answer as it should.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The client cannot be made: a certificate is not there or is none.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Nor for another reason.
    #[error("no client can be made: {0}")]
    Client(String),
    /// It cannot be said who asks.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// No answer came.
    #[error("{0}")]
    Http(String),
    /// An answer of another status came.
    #[error("the server answered with HTTP status {status}{said}")]
    Status {
        /// Its status.
        status: reqwest::StatusCode,
        /// What it says about it, after a colon.
        said: String,
    },
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
        let wrong = |error: reqwest::Error| FetchError::Client(causes::in_one_line(&error));
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
        let http = secured(builder, &settings.tls)?.build().map_err(wrong)?;
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
        let wrong = |error: reqwest::Error| FetchError::Http(told(&error.without_url(), CA_KEY));
        let mut request = self.http.get(url).headers(headers.clone());
        if let Some(value) = self.auth.header().await? {
            request = request.header(header::AUTHORIZATION, value);
        }
        let mut answer = request.send().await.map_err(wrong)?;
        if answer.status() != reqwest::StatusCode::OK {
            let status = answer.status();
            let said = said(answer).await;
            return Err(FetchError::Status { status, said });
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
