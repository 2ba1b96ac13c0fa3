//! What clients ask beside writing: is it there, is it well, make me a database.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::Dialect;
use crate::app::SharedApp;
use crate::http::problem::Problem;

/// The version whose protocol this is; clients choose theirs by its first number.
const VERSION: HeaderValue = HeaderValue::from_static("1.8.10");
/// Who answers.
const BUILD: HeaderValue = HeaderValue::from_static("Tachograph");

/// What version 2 says of an error.
#[derive(Debug, Serialize)]
struct ErrorV2<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

impl Dialect {
    /// A problem in the shape that the sender knows.
    pub(super) fn refuse(self, problem: &Problem, line: Option<usize>) -> Response {
        let plain = problem.clone().into_response();
        self.shaped(&plain, problem, line)
    }

    /// `plain`, which says `problem`, in the shape that the sender knows.
    fn shaped(self, plain: &Response, problem: &Problem, line: Option<usize>) -> Response {
        let status = plain.status();
        let message = problem.detail();
        let mut response = match self {
            Self::V1 => (status, Json(json!({ "error": message }))).into_response(),
            Self::V2 => {
                let code = code(status);
                let error = ErrorV2 {
                    code,
                    message,
                    line,
                };
                (status, Json(error)).into_response()
            }
        };
        for name in [header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
            for value in plain.headers().get_all(&name) {
                response.headers_mut().append(&name, value.clone());
            }
        }
        response
    }
}

/// The answer to a request for this path, a problem put into the shape of its version.
pub(crate) fn reshape(path: &str, mut response: Response) -> Response {
    let dialect = match path {
        "/write" => Dialect::V1,
        "/api/v2/write" => Dialect::V2,
        _ => return response,
    };
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => dialect.shaped(&response, &problem, None),
        None => response,
    }
}

/// Version 2's word for a status.
fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::PAYLOAD_TOO_LARGE => "request too large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported media type",
        StatusCode::TOO_MANY_REQUESTS => "too many requests",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        status if status.is_server_error() => "internal error",
        _ => "invalid",
    }
}

/// Says that somebody is there.
pub(crate) async fn ping() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert("x-influxdb-version", VERSION);
    headers.insert("x-influxdb-build", BUILD);
    response
}

/// Says whether writes are taken, as version 2 does.
pub(crate) async fn health(State(app): State<SharedApp>) -> Response {
    let refusing = app.refusing();
    let (status, word) = match refusing {
        None => (StatusCode::OK, "pass"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "fail"),
    };
    let body = json!({
        "name": "tachograph",
        "message": refusing.as_deref().unwrap_or("ready for queries and writes"),
        "status": word,
        "checks": [],
        "version": env!("CARGO_PKG_VERSION"),
    });
    (status, Json(body)).into_response()
}

/// Agrees to `CREATE DATABASE`, which clients send before they write; a database is a label here
/// and needs no making. Answers no other query.
pub(crate) async fn query(uri: Uri, body: Bytes) -> Response {
    let in_uri = form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
    let in_body = form_urlencoded::parse(&body);
    let mut parameters = in_uri.chain(in_body);
    let asked = parameters.find_map(|(name, value)| (name == "q").then(|| value.into_owned()));
    let Some(asked) = asked else {
        let problem = Problem::bad_request("missing required parameter \"q\"");
        return Dialect::V1.refuse(&problem, None);
    };
    let mut words = asked.split_ascii_whitespace().map(str::to_ascii_uppercase);
    let (first, second) = (words.next(), words.next());
    if (first.as_deref(), second.as_deref()) == (Some("CREATE"), Some("DATABASE")) {
        return Json(json!({ "results": [{ "statement_id": 0 }] })).into_response();
    }
    let detail = "InfluxQL is not answered here, but for CREATE DATABASE; read with selectors of \
        PromQL: GET /api/performance/metrics?match[]=measurement_field";
    Dialect::V1.refuse(&Problem::bad_request(detail), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overload_tells_when_to_come_back_in_both_shapes() {
        for dialect in [Dialect::V1, Dialect::V2] {
            let response = dialect.refuse(&Problem::overloaded("later"), None);
            assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        }
        let response = Dialect::V2.refuse(&Problem::bad_request("no"), Some(3));
        assert!(!response.headers().contains_key(header::RETRY_AFTER));
    }
}
