//! `POST /v1/traces`, `/v1/metrics`, `/v1/logs`: OTLP over HTTP, on the main port and on 4318.
//!
//! Answers are in the encoding of the request, errors too (`google.rpc.Status`). A success is 200,
//! even a partial one, as the specification demands; what may be sent again is answered 429 or 503
//! with `Retry-After`, because clients drop what got any other error.
//! `GET /v1/info` is what logfire asks before it sends. Source: OTLP 1.x specification, "OTLP/HTTP".

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tacho_wire::otlp::answer::{Partial, Status};
use tacho_wire::otlp::json::Kind;

use super::body::{self, Arrived};
use super::peer::Peer;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::intake::Protocol;
use crate::otlp::unpack::Packing;
use crate::otlp::{self, COUNTED, CountedBy, Encoding, ReceiveError, counted_name};

/// When to come back where that helps.
pub(crate) const RETRY: Duration = Duration::from_secs(1);
const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The routes of OTLP over HTTP.
pub(crate) fn routes() -> Router<SharedApp> {
    Router::new()
        .route("/v1/traces", post(traces))
        .route("/v1/metrics", post(metrics))
        .route("/v1/logs", post(logs))
        .route("/v1/info", get(info))
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

/// What logfire wants to know of its project before it sends: a name and where to look.
async fn info(State(app): State<SharedApp>, headers: HeaderMap) -> Response {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let scheme = match app.settings.server.tls {
        Some(_) => "https",
        None => "http",
    };
    let url = format!("{scheme}://{}/", host.unwrap_or("localhost"));
    let body = serde_json::json!({"project_name": "tachograph", "project_url": url});
    axum::Json(body).into_response()
}

async fn respond(kind: Kind, app: &SharedApp, peer: Peer, request: Request) -> Response {
    let answer = take(kind, app, peer, request).await;
    let response = answer.unwrap_or_else(Problem::into_response);
    app.intake
        .answered(Protocol::Otlp, response.status().as_u16());
    response
}

async fn take(kind: Kind, app: &SharedApp, peer: Peer, request: Request) -> Answer<Response> {
    let encoding = encoding(request.headers())?;
    let packing = body::packing(request.headers())?;
    let counted = counted(request.headers(), kind);
    let body = body::read(request, app).await?;
    let message = Message {
        kind,
        encoding,
        packing,
        start: 0,
        peer,
        counted,
    };
    let partial = message.receive(app, body).await?;
    Ok(match encoding {
        Encoding::Protobuf => typed(StatusCode::OK, PROTOBUF, partial.to_protobuf()),
        Encoding::Json => typed(StatusCode::OK, JSON, partial.to_json(kind)),
    })
}

/// A request's message, whatever brought it.
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) encoding: Encoding,
    pub(crate) packing: Packing,
    /// Where in the body it begins.
    pub(crate) start: usize,
    pub(crate) peer: Peer,
    pub(crate) counted: CountedBy,
}

impl Message {
    /// Keeps what it holds, on a blocking thread, as soon as it is its turn.
    pub(crate) async fn receive(self, app: &SharedApp, body: Arrived) -> Answer<Partial> {
        let receive = move |app: &SharedApp, body: &[u8]| {
            let request = otlp::Request {
                kind: self.kind,
                encoding: self.encoding,
                packing: self.packing,
                body: body.get(self.start..).unwrap_or(&[]),
                peer: &self.peer.to_string(),
                counted: self.counted,
            };
            otlp::receive(app, request)
        };
        match body.work(app, receive).await? {
            Ok(partial) => Ok(partial),
            Err(ReceiveError::Append(error)) => Err(error.into()),
            Err(ReceiveError::Passing(message)) => Err(Problem::overloaded(message)),
            Err(ReceiveError::Query(error)) => Err(error.into()),
            Err(error) if error.is_size() => {
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                Err(Problem::new(status, error.to_string()))
            }
            Err(error) => Err(Problem::bad_request(error.to_string())),
        }
    }
}

fn typed(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind))];
    (status, headers, body.into()).into_response()
}

/// Who makes metrics of a request.
pub(crate) fn counted(headers: &HeaderMap, kind: Kind) -> CountedBy {
    let told = headers.get(COUNTED).and_then(|told| told.to_str().ok());
    let mut told = told.unwrap_or("").split(',').map(str::trim);
    if told.any(|told| told == counted_name(kind)) {
        CountedBy::Sender
    } else {
        CountedBy::Receiver
    }
}

/// How the message is written.
fn encoding(headers: &HeaderMap) -> Answer<Encoding> {
    let given = text(headers, header::CONTENT_TYPE);
    let kind = given.split(';').next().unwrap_or("").trim();
    let is = |name: &str| kind.eq_ignore_ascii_case(name);
    if is(PROTOBUF) || is("application/protobuf") {
        return Ok(Encoding::Protobuf);
    }
    if is(JSON) {
        return Ok(Encoding::Json);
    }
    let shown: String = given.chars().take(80).collect();
    let detail = format!("the Content-Type is `{shown}`; send {PROTOBUF} or {JSON}");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

pub(crate) fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    let value = headers.get(name);
    value.map_or("", |value| value.to_str().unwrap_or("?"))
}

/// How an error that leaves under this path is written; `None` when it is not OTLP's.
pub(crate) fn error_encoding(path: &str, headers: &HeaderMap) -> Option<Encoding> {
    let is_here = matches!(path, "/v1/traces" | "/v1/metrics" | "/v1/logs");
    is_here.then(|| match encoding(headers) {
        Ok(Encoding::Protobuf) => Encoding::Protobuf,
        // Who sends something else reads JSON more easily.
        _ => Encoding::Json,
    })
}

/// The response, a problem put into OTLP's shape.
pub(crate) fn reshape(mut response: Response, encoding: Encoding) -> Response {
    let Some((status, body, headers)) = failure(&mut response) else {
        return response;
    };
    let mut reshaped = match encoding {
        Encoding::Protobuf => typed(status, PROTOBUF, body.to_protobuf()),
        Encoding::Json => typed(status, JSON, body.to_json()),
    };
    reshaped.headers_mut().extend(headers);
    reshaped
}

/// What a response says that is a problem, and headers that say more.
///
/// Clients repeat what got 429, 502, 503 or 504 (`UNAVAILABLE` and such in gRPC), and drop
/// everything else. So what failed here, and what took too long, is told as 503: nothing of it is
/// promised, and what is sent again is kept once.
pub(crate) fn failure(response: &mut Response) -> Option<(StatusCode, Status, HeaderMap)> {
    let problem = response.extensions_mut().remove::<Problem>()?;
    let told = response.status();
    let is_ours = told.is_server_error() || told == StatusCode::REQUEST_TIMEOUT;
    let status = if is_ours {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        told
    };
    let mut headers = HeaderMap::new();
    for name in [header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
        let value = response.headers_mut().remove(&name);
        headers.extend(value.map(|value| (name, value)));
    }
    if is_ours {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY.as_secs()));
    }
    let body = Status {
        code: code(status),
        message: problem.detail().to_owned(),
        retry_after: headers.contains_key(header::RETRY_AFTER).then_some(RETRY),
    };
    Some((status, body, headers))
}

/// The code of gRPC that says the same as an HTTP status.
pub(crate) fn code(status: StatusCode) -> u32 {
    match status {
        StatusCode::UNAUTHORIZED => 16,
        StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => 7,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => 12,
        StatusCode::TOO_MANY_REQUESTS => 8,
        StatusCode::SERVICE_UNAVAILABLE => 14,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_here_may_be_sent_again() {
        for (problem, status, retry) in [
            (Problem::internal(&std::io::Error::other("x")), 503, true),
            (Problem::timeout("x"), 503, true),
            (Problem::new(StatusCode::REQUEST_TIMEOUT, "x"), 503, true),
            (Problem::overloaded("x"), 429, true),
            (Problem::bad_request("x"), 400, false),
        ] {
            let response = reshape(problem.into_response(), Encoding::Json);
            assert_eq!(response.status(), status);
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), retry);
        }
        let mut denied = Problem::new(StatusCode::UNAUTHORIZED, "x").into_response();
        let challenge = HeaderValue::from_static("Bearer");
        denied
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
        let response = reshape(denied, Encoding::Protobuf);
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
}
