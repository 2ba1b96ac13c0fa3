//! `POST /api/v1/write`: what a Prometheus, or an agent that speaks its protocol, forwards.
//!
//! A body is read into one buffer of its stated length, then decoded and appended in one go on a
//! blocking thread. At most as many requests as there are cores are worked on at a time; buffers
//! and batches are used again. Nothing is logged for a request: senders repeat themselves.
//! Sources: Prometheus Remote-Write specifications 1.0 and 2.0.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tacho_wire::remote_write::encode::Version;

use super::body;
use super::peer::Peer;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::intake::{Origin, Protocol, Signal, Tally, error_reason};
use crate::remote_write::{ReceiveError, Received};

/// What of a request was kept, as both versions' answers say it (remote write 2.0, "Required
/// Written Response Headers").
#[derive(Debug, Clone, Copy)]
struct Written([usize; 3]);

/// The headers that say so: numbers, distributions, exemplars.
const WRITTEN: [HeaderName; 3] = [
    HeaderName::from_static("x-prometheus-remote-write-samples-written"),
    HeaderName::from_static("x-prometheus-remote-write-histograms-written"),
    HeaderName::from_static("x-prometheus-remote-write-exemplars-written"),
];

/// Takes a request of remote write 1.0 or 2.0.
pub(crate) async fn post(State(app): State<SharedApp>, peer: Peer, request: Request) -> Response {
    let (written, answer) = match take(&app, peer, request).await {
        Ok(received) => (Some(Written::of(&received)), answer(&received)),
        Err(problem) => (None, Err(problem)),
    };
    // Of what passes a Prometheus repeats 5xx, and 429 only where `retry_on_http_429` is set: left
    // as it comes, it drops those samples.
    let answer = answer.map_err(Problem::or_unavailable);
    let mut response = answer.map_or_else(Problem::into_response, IntoResponse::into_response);
    let status = response.status().as_u16();
    app.intake.answered(Protocol::RemoteWrite, status);
    if let Some(Written(counts)) = written {
        for (name, count) in WRITTEN.into_iter().zip(counts) {
            response
                .headers_mut()
                .insert(name, HeaderValue::from(count));
        }
    }
    response
}

impl Written {
    fn of(received: &Received) -> Self {
        let numbers = received.accepted.saturating_sub(received.histograms);
        Self([numbers, received.histograms, received.exemplars])
    }
}

async fn take(app: &SharedApp, peer: Peer, request: Request) -> Answer<Received> {
    let version = check_headers(request.headers())?;
    let arrived = body::read(request, app).await?;
    let write =
        move |app: &SharedApp, bytes: &[u8]| receive(app, &peer.to_string(), version, bytes);
    match arrived.work(app, write).await? {
        Ok(received) => Ok(received),
        Err(ReceiveError::Append(error)) => Err(error.into()),
        Err(ReceiveError::Decode(error)) if error.is_size() => {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            Err(Problem::new(status, error.to_string()))
        }
        Err(ReceiveError::Decode(error)) => Err(Problem::bad_request(error.to_string())),
    }
}

/// Keeps a message, and counts what became of it. Blocks.
fn receive(
    app: &SharedApp,
    source: &str,
    version: Version,
    bytes: &[u8],
) -> Result<Received, ReceiveError> {
    let door = app.door(Origin::new(Protocol::RemoteWrite, source));
    let append = |batch: &_| door.append_uncounted(batch);
    let received = app.remote_write.receive(&append, version, bytes);
    match &received {
        Ok(received) => {
            door.count(Signal::Samples, &received.tally());
            if received.exemplars > 0 {
                door.count(Signal::Exemplars, &Tally::accepted(received.exemplars));
            }
        }
        Err(ReceiveError::Append(error)) => {
            door.refuse(Signal::Samples, error_reason(error), 1);
        }
        Err(ReceiveError::Decode(_)) => door.refuse(Signal::Samples, "malformed", 1),
    }
    received
}

/// A sender never repeats what it got 400 for, so that is the answer when some samples were
/// refused by rule: the others are kept, and repeating would not help. It does help where new
/// series came too fast, and then costs nothing: what is kept is kept once.
fn answer(received: &Received) -> Answer<StatusCode> {
    match received.complaint() {
        None => Ok(StatusCode::NO_CONTENT),
        Some(complaint) if received.is_passing() => Err(Problem::overloaded(complaint)),
        Some(complaint) => Err(Problem::bad_request(complaint)),
    }
}

/// Which message it is, by what its type says: the header that names the protocol's version says
/// nothing of the message. Refuses what this is not the receiver of, before the body is read.
fn check_headers(headers: &HeaderMap) -> Answer<Version> {
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
    let mut version = Version::One;
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        if !name.trim().eq_ignore_ascii_case("proto") {
            continue;
        }
        version = match value.trim().trim_matches('"') {
            PROTO_ONE => Version::One,
            PROTO_TWO => Version::Two,
            other => {
                return Err(unsupported(format!(
                    "messages of `{}` are not taken; send {PROTO_TWO} (remote write 2.0) or \
                     {PROTO_ONE} (1.0)",
                    shown(other)
                )));
            }
        };
    }
    let encoding = text(header::CONTENT_ENCODING);
    if !encoding.eq_ignore_ascii_case("snappy") {
        return Err(unsupported(format!(
            "the Content-Encoding is `{}`; send snappy (the block format)",
            shown(encoding)
        )));
    }
    Ok(version)
}

/// The message of remote write 1.0, and what is meant when none is named.
const PROTO_ONE: &str = "prometheus.WriteRequest";
/// The message of remote write 2.0.
const PROTO_TWO: &str = "io.prometheus.write.v2.Request";

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content_type: &str, encoding: &str, expected: Result<Version, &str>) {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::CONTENT_TYPE, content_type),
            (header::CONTENT_ENCODING, encoding),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        match (check_headers(&headers), expected) {
            (Ok(version), Ok(expected)) => assert_eq!(version, expected),
            (Err(problem), Err(text)) => {
                assert!(problem.detail().contains(text), "{}", problem.detail());
            }
            (other, _) => panic!("{content_type} {encoding}: {other:?}"),
        }
    }

    #[test]
    fn only_snappy_protobuf_of_either_version_is_taken() {
        let one = "application/x-protobuf;proto=prometheus.WriteRequest";
        let two = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
        let three = "application/x-protobuf; proto=io.prometheus.write.v3.Request";
        check("application/x-protobuf", "snappy", Ok(Version::One));
        check(
            "Application/X-Protobuf; charset=utf-8",
            "Snappy",
            Ok(Version::One),
        );
        check(one, "snappy", Ok(Version::One));
        check(two, "snappy", Ok(Version::Two));
        check(
            &two.replace(';', " ; ").replace("=io", "=\"io"),
            "snappy",
            Ok(Version::Two),
        );
        check(three, "snappy", Err("remote write 2.0"));
        check("application/json", "snappy", Err("application/json"));
        check("", "snappy", Err("application/x-protobuf"));
        check("application/x-protobuf", "zstd", Err("`zstd`"));
        check("application/x-protobuf", "", Err("block format"));
    }
}
