//! OTLP over gRPC: the three `Export` calls, on 4317 and on the main port.
//!
//! These calls are unary and their messages are read by hand, so what is left of gRPC is a frame of
//! five bytes, a status in trailers and the names of things; that is all there is here, and the
//! body is bounded, unpacked and worked on as one that came over plain HTTP.
//! Sources: gRPC over HTTP/2 ("PROTOCOL-HTTP2"); OTLP 1.x specification, "OTLP/gRPC".

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http_body::{Frame, SizeHint};
use tacho_wire::otlp::answer::{Partial, Status};
use tacho_wire::otlp::json::Kind;

use super::body;
use super::otlp::{Message, counted, failure, text};
use super::peer::Peer;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::intake::Protocol;
use crate::otlp::Encoding;
use crate::otlp::unpack::Packing;

/// A frame's flag and the length of its message.
const PREFIX_BYTES: usize = 5;
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
/// gRPC's code for what there is not.
const UNIMPLEMENTED: u32 = 12;

/// The routes of OTLP over gRPC.
pub(crate) fn routes() -> Router<SharedApp> {
    Router::new()
        .route(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            post(traces),
        )
        .route(
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            post(metrics),
        )
        .route(
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            post(logs),
        )
}

/// A call that there is not.
pub(crate) async fn unknown(headers: HeaderMap) -> Response {
    if !is_grpc(&headers) {
        let detail = "this port takes OTLP over gRPC; OTLP over HTTP goes to port 4318, or to the \
                      main port";
        return Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).into_response();
    }
    let status = Status {
        code: UNIMPLEMENTED,
        message: "only the Export calls of OTLP are taken here".to_owned(),
        retry_after: None,
    };
    told(&status)
}

async fn traces(State(app): State<SharedApp>, peer: Peer, request: Request) -> Response {
    respond(Kind::Traces, &app, peer, request).await
}

async fn metrics(State(app): State<SharedApp>, peer: Peer, request: Request) -> Response {
    respond(Kind::Metrics, &app, peer, request).await
}

async fn logs(State(app): State<SharedApp>, peer: Peer, request: Request) -> Response {
    respond(Kind::Logs, &app, peer, request).await
}

async fn respond(kind: Kind, app: &SharedApp, peer: Peer, request: Request) -> Response {
    let answer = take(kind, app, peer, request).await;
    // Problems become a status of gRPC on their way out, and are counted as what they are.
    let response = answer.map_or_else(Problem::into_response, |partial| success(&partial));
    app.intake
        .answered(Protocol::Otlp, response.status().as_u16());
    response
}

async fn take(kind: Kind, app: &SharedApp, peer: Peer, request: Request) -> Answer<Partial> {
    if !is_grpc(request.headers()) {
        let detail = "the Content-Type is not application/grpc; send OTLP over HTTP to /v1/traces, \
                      /v1/metrics or /v1/logs";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let name = header::HeaderName::from_static("grpc-encoding");
    let packing = Packing::of_name(text(request.headers(), name));
    let counted = counted(request.headers(), kind);
    let body = body::read(request, app).await?;
    let packing = match frame(&body.bytes)? {
        Flag::Plain => Packing::Identity,
        Flag::Packed => packing.ok_or_else(|| {
            Problem::bad_request("the grpc-encoding is unknown; send gzip, zstd or identity")
        })?,
    };
    let message = Message {
        kind,
        encoding: Encoding::Protobuf,
        packing,
        start: PREFIX_BYTES,
        peer,
        counted,
    };
    message.receive(app, body).await
}

/// Whether what follows was packed.
#[derive(Debug, PartialEq, Eq)]
enum Flag {
    Plain,
    Packed,
}

/// Checks that a body is one frame.
fn frame(body: &[u8]) -> Answer<Flag> {
    let wrong = |detail| Err(Problem::bad_request(detail));
    let Some(([flag, length @ ..], message)) = body.split_first_chunk::<PREFIX_BYTES>() else {
        return wrong("the call breaks off inside its first five bytes");
    };
    if u32::from_be_bytes(*length) as usize != message.len() {
        return wrong("the call is not one message of the length that it states");
    }
    match flag {
        0 => Ok(Flag::Plain),
        1 => Ok(Flag::Packed),
        _ => wrong("the first byte of the call is neither 0 nor 1"),
    }
}

/// Whether a request is a call of gRPC.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = text(headers, header::CONTENT_TYPE);
    let rest = kind.strip_prefix("application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

fn success(partial: &Partial) -> Response {
    let message = partial.to_protobuf();
    let mut data = vec![0];
    data.extend_from_slice(&(message.len() as u32).to_be_bytes());
    data.extend_from_slice(&message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Trailing {
        data: Some(data.into()),
        trailers: Some(trailers),
    };
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response
}

/// The response, a problem put into gRPC's shape: its status in headers, and no body.
pub(crate) fn reshape(mut response: Response) -> Response {
    match failure(&mut response) {
        Some((_, status, _)) => told(&status),
        None => response,
    }
}

fn told(status: &Status) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, GRPC);
    let mut put = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    put("grpc-status", status.code.to_string());
    put("grpc-message", percent_encoded(&status.message));
    put("grpc-status-details-bin", base64(&status.to_protobuf()));
    put(
        "grpc-accept-encoding",
        "identity,gzip,deflate,zstd".to_owned(),
    );
    response
}

/// A message as it may stand in a header.
fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b' '..=b'~' if byte != b'%' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Binary metadata: base64 without padding.
fn base64(bytes: &[u8]) -> String {
    let text = tacho_wire::otlp::resource::base64(bytes);
    text.trim_end_matches('=').to_owned()
}

/// A message and what comes after it.
struct Trailing {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl http_body::Body for Trailing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let trailers = self.trailers.take();
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_one_frame() {
        assert_eq!(frame(b"\0\0\0\0\x02ab").unwrap(), Flag::Plain);
        assert_eq!(frame(b"\x01\0\0\0\0").unwrap(), Flag::Packed);
        for wrong in [
            &b""[..],
            b"\0\0\0\0",
            b"\0\0\0\0\x02a",
            b"\0\0\0\0\0a",
            b"\x02\0\0\0\0",
        ] {
            assert!(frame(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn headers_carry_any_message() {
        assert_eq!(percent_encoded("50% of\né"), "50%25 of%0A%C3%A9");
        let problem = Problem::overloaded("später").into_response();
        let response = reshape(problem);
        let header = |name| response.headers().get(name).unwrap().to_str().unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(
            (header("grpc-status"), header("grpc-message")),
            ("8", "sp%C3%A4ter")
        );
        assert!(!header("grpc-status-details-bin").contains('='));
    }

    #[test]
    fn calls_are_known_by_their_type() {
        for (kind, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;x=y", true),
            ("application/grpc-web", false),
            ("application/json", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            assert_eq!(is_grpc(&headers), expected, "{kind}");
        }
    }
}
