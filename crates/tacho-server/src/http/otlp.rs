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
use tokio::sync::OwnedSemaphorePermit;

use super::body;
use super::peer::Peer;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::intake::Protocol;
use crate::otlp::unpack::Packing;
use crate::otlp::{self, Encoding, ReceiveError};

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
async fn info(headers: HeaderMap) -> Response {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let url = format!("http://{}/", host.unwrap_or("localhost"));
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
    let packing = packing(request.headers())?;
    let mut body = app.remote_write.buffer();
    let place = body::read_into(request, app, &mut body).await?;
    let message = Message {
        kind,
        encoding,
        packing,
        body,
        start: 0,
        peer,
    };
    let partial = message.receive(app, place).await?;
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
    pub(crate) body: Vec<u8>,
    /// Where in the body it begins.
    pub(crate) start: usize,
    pub(crate) peer: Peer,
}

impl Message {
    /// Keeps what it holds, on a blocking thread, as soon as it is its turn.
    pub(crate) async fn receive(
        self,
        app: &SharedApp,
        place: OwnedSemaphorePermit,
    ) -> Answer<Partial> {
        let turn = app.remote_write.turn().await.ok_or_else(|| {
            Problem::overloaded("too many requests are waiting to be written; try again")
        })?;
        let shared = SharedApp::clone(app);
        let work = move || {
            // Held by the work itself: a client that hangs up must not make room for another.
            let _held = (place, turn);
            let request = otlp::Request {
                kind: self.kind,
                encoding: self.encoding,
                packing: self.packing,
                body: self.body.get(self.start..).unwrap_or(&[]),
                peer: &self.peer.to_string(),
            };
            let received = otlp::receive(&shared, request);
            shared.remote_write.put_back(self.body);
            received
        };
        let done = tokio::task::spawn_blocking(work).await;
        match done.map_err(|error| Problem::internal(&error))? {
            Ok(partial) => Ok(partial),
            Err(ReceiveError::Append(error)) => Err(error.into()),
            Err(ReceiveError::Passing(message)) => Err(Problem::overloaded(message)),
            // Nothing was kept, and clients drop what they get 500 for.
            Err(ReceiveError::Query(error)) => Err(Problem::unavailable(error.to_string())),
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

fn packing(headers: &HeaderMap) -> Answer<Packing> {
    let given = text(headers, header::CONTENT_ENCODING);
    Packing::of_name(given).ok_or_else(|| {
        let shown: String = given.chars().take(80).collect();
        let detail = format!("the Content-Encoding is `{shown}`; send gzip, zstd or none");
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    })
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
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let status = response.status();
    let wait = response.headers_mut().remove(header::RETRY_AFTER);
    let body = Status {
        code: code(status),
        message: problem.detail().to_owned(),
        retry_after: wait.as_ref().map(|_| RETRY),
    };
    let mut reshaped = match encoding {
        Encoding::Protobuf => typed(status, PROTOBUF, body.to_protobuf()),
        Encoding::Json => typed(status, JSON, body.to_json()),
    };
    if let Some(wait) = wait {
        reshaped.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    reshaped
}

/// The code of gRPC that says the same as an HTTP status.
pub(crate) fn code(status: StatusCode) -> u32 {
    match status {
        StatusCode::UNAUTHORIZED => 16,
        StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => 7,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => 12,
        StatusCode::REQUEST_TIMEOUT => 4,
        StatusCode::TOO_MANY_REQUESTS => 8,
        StatusCode::SERVICE_UNAVAILABLE => 14,
        status if status.is_server_error() => 13,
        _ => 3,
    }
}
