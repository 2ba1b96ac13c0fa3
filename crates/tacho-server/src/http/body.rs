//! Request bodies: whole, bounded in size, number and time.
//!
//! A body is read before its handler runs, so the bound on queries does not hold here: at most
//! `bodies_max` bodies are in memory at a time, the next sender waits, and one that takes too long
//! is told so. Together with the limit on a body's size that bounds the memory of all of them.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::problem::Problem;
use crate::app::{QUEUE_WAIT, SharedApp};

/// How long a body may take to arrive.
const ARRIVAL_WAIT: Duration = Duration::from_secs(30);

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
        let Ok(Ok(place)) = timeout(QUEUE_WAIT, app.place_for_body()).await else {
            return Err(Problem::overloaded(
                "too many bodies are arriving; try again",
            ));
        };
        match timeout(ARRIVAL_WAIT, Bytes::from_request(request, app)).await {
            Err(_) => {
                let detail = "the body took too long to arrive; nothing of it was kept";
                Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail))
            }
            Ok(Err(rejection)) => Err(problem(&rejection, app)),
            Ok(Ok(bytes)) => Ok(Self {
                bytes,
                _place: place,
            }),
        }
    }
}

/// Why a body could not be read: too large, or it broke off.
fn problem(rejection: &BytesRejection, app: &SharedApp) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let limit = app.settings.server.body_bytes_max;
        let detail = format!("the body has more than {limit} bytes; send smaller batches");
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail);
    }
    Problem::bad_request("the body broke off; nothing of it was kept")
}
