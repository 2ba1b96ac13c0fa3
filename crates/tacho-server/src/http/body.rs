//! Request bodies: whole, bounded in size, number and time.
//!
//! A body is read before its handler runs, so the bound on queries does not hold here: at most
//! `bodies_max` bodies are in memory at a time, the next sender waits, and one that takes too long
//! is told so. Together with the limit on a body's size that bounds the memory of all of them.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::problem::{Answer, Problem};
use crate::app::{QUEUE_WAIT, SharedApp};
use crate::otlp::unpack::{Packing, UnpackError, unpack};

/// How long a body may take to arrive.
const ARRIVAL_WAIT: Duration = Duration::from_secs(30);

/// What of a refused request's body is let arrive.
const DISCARD_BYTES_MAX: usize = 4 << 20;
/// How long that may take.
const DISCARD_WAIT: Duration = Duration::from_secs(5);

/// A whole body. Its place among the bodies in memory is free again when this is dropped.
pub(crate) struct Whole {
    bytes: Bytes,
    _place: OwnedSemaphorePermit,
}

impl std::ops::Deref for Whole {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl FromRequest<SharedApp> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &SharedApp) -> Result<Self, Problem> {
        let place = place(app).await?;
        match timeout(ARRIVAL_WAIT, Bytes::from_request(request, app)).await {
            Err(_) => Err(too_slow()),
            Ok(Err(rejection)) => Err(problem(&rejection, app)),
            Ok(Ok(bytes)) => Ok(Self {
                bytes,
                _place: place,
            }),
        }
    }
}

/// A whole body, in a buffer that is used again.
pub(crate) struct Arrived {
    pub(crate) bytes: Vec<u8>,
    place: OwnedSemaphorePermit,
}

impl Arrived {
    /// Hands it to `work` on a blocking thread, as soon as it is its turn.
    pub(crate) async fn work<T: Send + 'static>(
        self,
        app: &SharedApp,
        work: impl FnOnce(&SharedApp, &[u8]) -> T + Send + 'static,
    ) -> Answer<T> {
        let turn = app.remote_write.turn().await.ok_or_else(|| {
            Problem::overloaded("too many requests are waiting to be written; try again")
        })?;
        let shared = SharedApp::clone(app);
        let work = move || {
            // Held by the work itself: a client that hangs up must not make room for another.
            let _held = (self.place, turn);
            let done = work(&shared, &self.bytes);
            shared.remote_write.put_back(self.bytes);
            done
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| Problem::internal(&error))
    }
}

/// Reads a body. A length that is stated is taken at once, so that nothing is moved while the body
/// arrives.
pub(crate) async fn read(request: Request, app: &SharedApp) -> Answer<Arrived> {
    let mut buffer = app.remote_write.buffer();
    buffer.clear();
    let body = request.into_body();
    let limit = app.settings.server.body_bytes_max;
    let stated = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if stated > limit {
        return Err(too_large(limit));
    }
    let place = place(app).await?;
    buffer.reserve_exact(stated);
    match timeout(ARRIVAL_WAIT, arrive(body, limit, &mut buffer)).await {
        Err(_) => Err(too_slow()),
        Ok(arrived) => arrived.map(|()| Arrived {
            bytes: buffer,
            place,
        }),
    }
}

async fn arrive(mut body: Body, limit: usize, buffer: &mut Vec<u8>) -> Result<(), Problem> {
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| broken_off())?;
        let Some(bytes) = frame.data_ref() else {
            continue;
        };
        if bytes.len() > limit - buffer.len() {
            return Err(too_large(limit));
        }
        buffer.extend_from_slice(bytes);
    }
    Ok(())
}

/// Lets the body of a refused request arrive, and keeps nothing of it: many clients see only a
/// broken connection when the answer comes while they still send. Gives up on long or slow ones.
pub(crate) async fn discard(mut body: Body) {
    let mut left = DISCARD_BYTES_MAX;
    let arriving = async {
        while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    let _ = timeout(DISCARD_WAIT, arriving).await;
}

async fn place(app: &SharedApp) -> Result<OwnedSemaphorePermit, Problem> {
    match timeout(QUEUE_WAIT, app.place_for_body()).await {
        Ok(Ok(place)) => Ok(place),
        _ => Err(Problem::overloaded(
            "too many bodies are arriving; try again",
        )),
    }
}

/// How a body is compressed.
pub(crate) fn packing(headers: &HeaderMap) -> Answer<Packing> {
    let given = headers.get(header::CONTENT_ENCODING);
    let given = given.map_or("", |value| value.to_str().unwrap_or("?"));
    Packing::of_name(given).ok_or_else(|| {
        let shown: String = given.chars().take(80).collect();
        let detail = format!("the Content-Encoding is `{shown}`; send gzip, zstd or none");
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    })
}

/// A body as it was before it was compressed, of at most `bytes_max` bytes; into `buffer` where it
/// was. Blocks.
pub(crate) fn unpacked<'b>(
    packing: Packing,
    body: &'b [u8],
    bytes_max: usize,
    buffer: &'b mut Vec<u8>,
) -> Answer<&'b [u8]> {
    unpack(packing, body, bytes_max, buffer).map_err(|error| {
        let status = match error {
            UnpackError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            UnpackError::Corrupt { .. } => StatusCode::BAD_REQUEST,
        };
        Problem::new(status, error.to_string())
    })
}

/// A JSON body; an empty one is an empty object.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let text: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(text).map_err(|error| Problem::bad_request(format!("the body: {error}")))
}

/// Why a body could not be read: too large, or it broke off.
fn problem(rejection: &BytesRejection, app: &SharedApp) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large(app.settings.server.body_bytes_max);
    }
    broken_off()
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("the body has more than {limit} bytes; send smaller batches");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

fn too_slow() -> Problem {
    let detail = "the body took too long to arrive; nothing of it was kept";
    Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
}

fn broken_off() -> Problem {
    Problem::bad_request("the body broke off; nothing of it was kept")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn a_bomb_is_refused_within_the_limit() {
        let level = flate2::Compression::best();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
        encoder.write_all(&vec![b'\n'; 10 << 20]).unwrap();
        let bomb = encoder.finish().unwrap();
        let opened = |body, limit| {
            let mut buffer = Vec::new();
            let opened = unpacked(Packing::Gzip, body, limit, &mut buffer).map(<[u8]>::len);
            assert!(buffer.len() <= limit + 1);
            opened.map_err(|problem| problem.into_response().status().as_u16())
        };
        assert_eq!(opened(&bomb, 10 << 20), Ok(10 << 20));
        assert_eq!(opened(&bomb, 1 << 20), Err(413));
        assert_eq!(opened(&bomb[..bomb.len() / 2], 10 << 20), Err(400));
        assert_eq!(opened(b"no gzip", 100), Err(400));
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        let mut headers = HeaderMap::new();
        assert_eq!(packing(&headers).unwrap(), Packing::Identity);
        headers.insert(header::CONTENT_ENCODING, "br".parse().unwrap());
        let problem = packing(&headers).unwrap_err();
        assert!(
            problem.detail().contains("`br`; send gzip"),
            "{}",
            problem.detail()
        );
        assert_eq!(problem.into_response().status(), 415);
    }
}
