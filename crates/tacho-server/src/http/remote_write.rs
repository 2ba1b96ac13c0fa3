//! `POST /api/v1/write`: what a Prometheus, or an agent that speaks its protocol, forwards.
//!
//! A body is read into one buffer of its stated length, then decoded and appended in one go on a
//! blocking thread. At most as many requests as there are cores are worked on at a time; buffers
//! and batches are used again. Nothing is logged for a request: senders repeat themselves.
//! Source: Prometheus Remote-Write 1.0 specification.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::body;
use super::peer::Peer;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::intake::{Origin, Protocol, Signal, error_reason};
use crate::remote_write::{ReceiveError, Received};

/// Takes a request of remote write 1.0.
pub(crate) async fn post(State(app): State<SharedApp>, peer: Peer, request: Request) -> Response {
    let answer = take(&app, peer, request).await;
    let response = answer.map_or_else(Problem::into_response, IntoResponse::into_response);
    let status = response.status().as_u16();
    app.intake.answered(Protocol::RemoteWrite, status);
    response
}

async fn take(app: &SharedApp, peer: Peer, request: Request) -> Answer<StatusCode> {
    check_headers(request.headers())?;
    let mut bytes = app.remote_write.buffer();
    let place = body::read_into(request, app, &mut bytes).await?;
    let turn = app.remote_write.turn().await.ok_or_else(|| {
        Problem::overloaded("too many requests are waiting to be written; try again")
    })?;
    let shared = SharedApp::clone(app);
    let work = move || {
        // Held by the work itself: a client that hangs up must not make room for another.
        let _held = (place, turn);
        let source = peer.to_string();
        let door = shared.door(Origin::new(Protocol::RemoteWrite, &source));
        let received = shared
            .remote_write
            .receive(&|batch| door.append_uncounted(batch), &bytes);
        match &received {
            Ok(received) => door.count(Signal::Samples, &received.tally()),
            Err(ReceiveError::Append(error)) => {
                door.refuse(Signal::Samples, error_reason(error), 1);
            }
            Err(ReceiveError::Decode(_)) => door.refuse(Signal::Samples, "malformed", 1),
        }
        shared.remote_write.put_back(bytes);
        received
    };
    let done = tokio::task::spawn_blocking(work).await;
    match done.map_err(|error| Problem::internal(&error))? {
        Ok(received) => answer(&received),
        Err(ReceiveError::Append(error)) => Err(error.into()),
        Err(ReceiveError::Decode(error)) if error.is_size() => {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            Err(Problem::new(status, error.to_string()))
        }
        Err(ReceiveError::Decode(error)) => Err(Problem::bad_request(error.to_string())),
    }
}

/// A sender never repeats what it got 400 for, so that is the answer when some samples were
/// refused by rule: the others are kept, and repeating would not help. It does help where new series
/// came too fast, and then costs nothing: what is kept is kept once.
fn answer(received: &Received) -> Answer<StatusCode> {
    match received.complaint() {
        None => Ok(StatusCode::NO_CONTENT),
        Some(complaint) if received.is_passing() => Err(Problem::overloaded(complaint)),
        Some(complaint) => Err(Problem::bad_request(complaint)),
    }
}

/// Refuses what this is not the receiver of, before the body is read.
fn check_headers(headers: &HeaderMap) -> Answer<()> {
    let text = |name| {
        let value = headers.get(name);
        value.map_or("", |value| value.to_str().unwrap_or("?"))
    };
    let unsupported = |detail: String| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
    let content_type = text(header::CONTENT_TYPE);
    let mut parts = content_type.split(';').map(str::trim);
    let is_protobuf = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-protobuf"));
    if !is_protobuf {
        return Err(unsupported(format!(
            "the Content-Type is `{}`; send application/x-protobuf",
            shown(content_type)
        )));
    }
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        if name.eq_ignore_ascii_case("proto") && value.trim_matches('"') != PROTO {
            return Err(unsupported(format!(
                "messages of `{}` are not taken; send {PROTO} (remote write 1.0)",
                shown(value)
            )));
        }
    }
    let encoding = text(header::CONTENT_ENCODING);
    if !encoding.eq_ignore_ascii_case("snappy") {
        return Err(unsupported(format!(
            "the Content-Encoding is `{}`; send snappy (the block format)",
            shown(encoding)
        )));
    }
    Ok(())
}

/// The message of remote write 1.0, and what is meant when none is named.
const PROTO: &str = "prometheus.WriteRequest";

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content_type: &str, encoding: &str, refused: Option<&str>) {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::CONTENT_TYPE, content_type),
            (header::CONTENT_ENCODING, encoding),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        match (check_headers(&headers), refused) {
            (Ok(()), None) => {}
            (Err(problem), Some(text)) => {
                assert!(problem.detail().contains(text), "{}", problem.detail());
            }
            (other, _) => panic!("{content_type} {encoding}: {other:?}"),
        }
    }

    #[test]
    fn only_snappy_protobuf_of_version_one_is_taken() {
        let one = "application/x-protobuf;proto=prometheus.WriteRequest";
        let two = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
        check("application/x-protobuf", "snappy", None);
        check("Application/X-Protobuf; charset=utf-8", "Snappy", None);
        check(one, "snappy", None);
        check(two, "snappy", Some("remote write 1.0"));
        check("application/json", "snappy", Some("application/json"));
        check("", "snappy", Some("application/x-protobuf"));
        check("application/x-protobuf", "zstd", Some("`zstd`"));
        check("application/x-protobuf", "", Some("block format"));
    }
}
