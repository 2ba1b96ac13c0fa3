//! One HTTP client a destination: requests, and what their answers mean.
//!
//! An answer is one of five: it arrived; a part of it did; come back later; this sort of message
//! is not taken; these samples will never be taken. What is wrong with the address or with who we are (401, 403, 404,
//! redirects) is no fault of the samples, so they wait until it is put right.
//! Sources: Remote-Write 1.0 and 2.0, "Retries and Backoff"; OTLP 1.x, "OTLP/HTTP Response".

use std::time::Duration;

use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use tacho_wire::otlp::answer::Partial;
use tacho_wire::remote_write::encode::Version;

use super::settings::ForwardSettings;
use crate::otlp::COUNTED;
use crate::outgoing::advice::told;
use crate::outgoing::tls::{TlsError, secured};
use crate::outgoing::{ANSWER_BYTES_MAX, Auth, AuthError, beginning, in_a_line, said};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait that a receiver may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(5);
/// Bytes of an answer that says what of a request was refused; of a longer one nothing is known.
const PARTIAL_BYTES_MAX: usize = 64 << 10;
/// What names the authority of a destination's certificate.
const CA_KEY: &str = "forward.tls.ca";
/// The headers that say what a receiver kept begin with this.
const WRITTEN: [&str; 3] = [
    "x-prometheus-remote-write-samples-written",
    "x-prometheus-remote-write-histograms-written",
    "x-prometheus-remote-write-exemplars-written",
];

/// Why a destination cannot be sent to at all.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A header cannot be sent.
    #[error("`{0}` and its value are no HTTP header")]
    Header(String),
    /// The authorities or other settings of TLS are of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A secret cannot be read.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// No client can be made for another reason.
    #[error("no client can be made")]
    Client(#[from] reqwest::Error),
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It arrived.
    Kept,
    /// It arrived, but for so many of its items; and why.
    Part(u64, String),
    /// Nothing is wrong with it; again later, and not before that long.
    Later(String, Option<Duration>),
    /// The message is not one that the receiver takes.
    NotThis,
    /// It will never be taken: the status, what was said, and how many of its items were kept, if
    /// the receiver keeps a part.
    Never(u16, String, Option<u64>),
}

/// A message and where it goes.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) url: &'a Url,
    pub(super) body: Vec<u8>,
    pub(super) sort: Sort,
}

/// The sort of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Write(Version),
    Otlp(Packing),
}

/// How a message of OTLP is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
}

/// Sends to one destination.
#[derive(Debug)]
pub(super) struct Sender {
    client: Client,
    auth: Auth,
}

impl Sender {
    pub(super) fn new(settings: &ForwardSettings) -> Result<Self, ClientError> {
        // Where another part of the program did it first, that one stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            let wrong = || ClientError::Header(name.clone());
            let name = HeaderName::try_from(name).map_err(|_| wrong())?;
            let mut value = HeaderValue::try_from(value.read()?).map_err(|_| wrong())?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let counted = settings.sends_counted().join(", ");
        if let Some(value) = HeaderValue::try_from(counted)
            .ok()
            .filter(|value| !value.is_empty())
        {
            headers.insert(COUNTED, value);
        }
        let mut builder = Client::builder()
            .user_agent(concat!("Tachograph/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            // A request of data that is sent elsewhere is a mistake to be told.
            .redirect(redirect::Policy::none());
        builder = secured(builder, &settings.tls)?;
        if is_loopback(&settings.url) {
            builder = builder.no_proxy();
        }
        Ok(Self {
            client: builder.build()?,
            auth: settings.auth.clone(),
        })
    }

    /// Sends a message once.
    pub(super) async fn send(&self, message: Message<'_>) -> Outcome {
        let Message { url, body, sort } = message;
        let mut request = self.client.post(url.clone()).body(body);
        request = match sort {
            Sort::Write(version) => request
                .header(CONTENT_ENCODING, "snappy")
                .header(CONTENT_TYPE, version.content_type())
                .header("X-Prometheus-Remote-Write-Version", version.header()),
            Sort::Otlp(packing) => {
                let request = request.header(CONTENT_TYPE, "application/x-protobuf");
                match packing {
                    Packing::Plain => request,
                    Packing::Gzip => request.header(CONTENT_ENCODING, "gzip"),
                }
            }
        };
        request = match self.auth.header().await {
            Err(error) => return Outcome::Later(error.to_string(), None),
            Ok(None) => request,
            Ok(Some(value)) => request.header(AUTHORIZATION, value),
        };
        match request.send().await {
            Ok(response) => judge(response, sort).await,
            Err(error) => Outcome::Later(told(&error.without_url(), CA_KEY), None),
        }
    }
}

/// What an answer means.
async fn judge(response: Response, sort: Sort) -> Outcome {
    let status = response.status();
    let written = written(response.headers());
    let wait = retry_after(response.headers());
    if status.is_success() {
        // A receiver of version 1 that does not look at what it is sent takes version 2 for
        // nothing, and says nothing of what it wrote.
        return match sort {
            Sort::Write(Version::Two) if written.is_none() => Outcome::NotThis,
            Sort::Write(_) => Outcome::Kept,
            Sort::Otlp(_) => part(response).await,
        };
    }
    let is_passing = status.is_server_error()
        || status.is_redirection()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::REQUEST_TIMEOUT
                | StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
                | StatusCode::NOT_FOUND
                | StatusCode::PROXY_AUTHENTICATION_REQUIRED
        );
    let has_other = matches!(sort, Sort::Write(Version::Two) | Sort::Otlp(Packing::Gzip));
    if status == StatusCode::UNSUPPORTED_MEDIA_TYPE && has_other {
        return Outcome::NotThis;
    }
    let said = said(response).await;
    if is_passing {
        return Outcome::Later(format!("{status}{}{said}", advice(status)), wait);
    }
    Outcome::Never(status.as_u16(), format!("{status}{said}"), written)
}

/// What to do about a status that only the user can change.
fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            " (the token or password is refused: see forward.token)"
        }
        StatusCode::NOT_FOUND => " (nothing takes samples at this address: see forward.url)",
        status if status.is_redirection() => " (it is elsewhere: see forward.url)",
        _ => "",
    }
}

/// What of a request of OTLP was refused, by the answer to one that was taken. An answer that says
/// nothing that is understood refuses nothing.
async fn part(response: Response) -> Outcome {
    let body = beginning(response, PARTIAL_BYTES_MAX).await;
    match Partial::from_protobuf(&body) {
        Ok(partial) if partial.rejected > 0 => {
            let said: String = partial.message.chars().take(ANSWER_BYTES_MAX).collect();
            Outcome::Part(partial.rejected, in_a_line(&said))
        }
        _ => Outcome::Kept,
    }
}

/// How many items were kept, by the headers that say so; `None` where none does.
fn written(headers: &HeaderMap) -> Option<u64> {
    let count = |name: &&str| {
        headers
            .get(*name)?
            .to_str()
            .ok()?
            .trim()
            .parse::<u64>()
            .ok()
    };
    let mut found = WRITTEN.iter().filter_map(count).peekable();
    found.peek()?;
    Some(found.sum())
}

/// How long to wait, in seconds; a date is not understood and means the usual time.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or("").trim_matches(['[', ']']);
    let is_local = |address: std::net::IpAddr| address.is_loopback();
    host == "localhost" || host.parse().is_ok_and(is_local)
}
