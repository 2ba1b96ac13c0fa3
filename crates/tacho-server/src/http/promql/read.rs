//! `POST /api/v1/read`: samples for another Prometheus, which evaluates by itself.
//!
//! 1. A stream is made while it is sent, a few frames ahead of the client; it ends early, so that
//!    the client sees it broken, where something goes wrong behind its beginning.
//! 2. What comes before the first frame is answered as any error is.
//! 3. The work ends with its time or its client, also while it waits for the client to read.
//!
//! Source: Prometheus documentation, "Remote Read API".

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use tacho_model::{Columns, Querier as _, QueryError};
use tacho_wire::remote_read::samples::{self, QueryResult};
use tacho_wire::remote_read::{AnswerType, Request, decode, frames};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendTimeoutError;

use super::encode::BYTES_MAX;
use crate::app::SharedApp;
use crate::http::body::Whole;
use crate::http::problem::{Answer, Problem};
use crate::query::QueryCtx;

/// Most samples of an answer that is one message (Prometheus' `--storage.remote.read-sample-limit`).
const SAMPLES_MAX: usize = 50_000_000;
/// Frames that wait for the client, of about a megabyte each.
const FRAMES_AHEAD_MAX: usize = 4;
/// How often it is looked whether the time is over while a client does not read.
const LOOK: Duration = Duration::from_millis(100);

/// Answers a request of remote read.
pub(super) async fn post(State(app): State<SharedApp>, body: Whole) -> Answer<Response> {
    let decoded = app
        .blocking(move |_| decode(&body).map_err(|error| Problem::bad_request(error.to_string())));
    let request = decoded.await?;
    let answer = request.answer;
    let mut response = match answer {
        AnswerType::Samples => {
            let message = app.blocking(move |ctx| message(ctx, &request)).await?;
            let packed = [(header::CONTENT_ENCODING, HeaderValue::from_static("snappy"))];
            (packed, message).into_response()
        }
        AnswerType::StreamedChunks => stream(app, request).await?,
    };
    let kind = HeaderValue::from_static(answer.content_type());
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// All samples as one message.
fn message(ctx: &QueryCtx<'_>, request: &Request) -> Answer<Vec<u8>> {
    let (mut count, mut bytes) = (0, 0);
    let mut results = Vec::with_capacity(request.queries.len());
    for query in 0..request.queries.len() {
        let mut result = QueryResult::default();
        each_series(ctx, request, query, |labels, columns| {
            count += result.push(labels, columns);
            if count > SAMPLES_MAX {
                let told = format!("exceeded sample limit ({SAMPLES_MAX})");
                return Err(Problem::bad_request(told));
            }
            if bytes + result.len() > BYTES_MAX {
                let (what, limit) = ("bytes of an answer", BYTES_MAX as u64);
                return Err(QueryError::TooMuch { what, limit }.into());
            }
            Ok(())
        })?;
        bytes += result.len();
        results.push(result);
    }
    samples::encode(&results).map_err(|error| Problem::internal(&error))
}

/// Reads the series that a query of the request finds, in their order.
fn each_series(
    ctx: &QueryCtx<'_>,
    request: &Request,
    query: usize,
    mut take: impl FnMut(&tacho_model::Labels, &Columns) -> Answer<()>,
) -> Answer<()> {
    let query = &request.queries[query];
    let Some(range) = query.range else {
        return Ok(());
    };
    let querier = ctx.querier();
    let selection = querier.select(&query.matchers, range)?;
    let mut columns = Columns::new();
    for index in 0..selection.len() {
        selection.read(index, &mut columns)?;
        take(selection.labels(index), &columns)?;
    }
    Ok(())
}

/// Work that makes frames.
type Work = Pin<Box<dyn Future<Output = Answer<()>> + Send>>;

async fn stream(app: SharedApp, request: Request) -> Answer<Response> {
    let (sender, mut frames) = mpsc::channel(FRAMES_AHEAD_MAX);
    let work = async move {
        let handle = Handle::current();
        let send = move |ctx: &QueryCtx<'_>| {
            for query in 0..request.queries.len() {
                each_series(ctx, &request, query, |labels, columns| {
                    frames::encode(query, labels, columns, |frame| {
                        give(ctx, &handle, &sender, frame)
                    })
                })?;
            }
            Ok(())
        };
        app.blocking(send).await
    };
    let mut work: Work = Box::pin(work);
    let (first, work) = tokio::select! {
        biased;
        Some(first) = frames.recv() => (Some(first), Some(work)),
        // With the last frames still on their way.
        done = &mut work => done.map(|()| (None, None))?,
    };
    let body = Frames {
        first,
        rest: frames,
        work,
    };
    Ok(Body::new(body).into_response())
}

/// Gives the client a frame, as soon as it reads. Blocks.
fn give(
    ctx: &QueryCtx<'_>,
    handle: &Handle,
    sender: &mpsc::Sender<Bytes>,
    frame: Vec<u8>,
) -> Answer<()> {
    let mut frame = Bytes::from(frame);
    loop {
        ctx.check()?;
        match handle.block_on(sender.send_timeout(frame, LOOK)) {
            Ok(()) => return Ok(()),
            Err(SendTimeoutError::Closed(_)) => return Err(QueryError::Cancelled.into()),
            Err(SendTimeoutError::Timeout(unsent)) => frame = unsent,
        }
    }
}

/// A body of frames, and the work that makes them, which ends with it.
struct Frames {
    first: Option<Bytes>,
    rest: mpsc::Receiver<Bytes>,
    /// Until it is done.
    work: Option<Work>,
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let next = match self.first.take() {
            Some(first) => Some(first),
            None => ready!(self.rest.poll_recv(ctx)),
        };
        if let Some(frame) = next {
            return Poll::Ready(Some(Ok(Frame::data(frame))));
        }
        let Some(work) = &mut self.work else {
            return Poll::Ready(None);
        };
        let done = ready!(work.as_mut().poll(ctx));
        self.work = None;
        let broken = |problem: Problem| Err(std::io::Error::other(problem.detail().to_owned()));
        Poll::Ready(done.err().map(broken))
    }
}
