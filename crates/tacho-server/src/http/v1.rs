//! Errors under `/api/v1`: Prometheus' clients expect them in Prometheus' own shape.
//!
//! Handlers answer problems, as everywhere; a problem that leaves under `/api/v1` is put into
//! `{"status": "error", "errorType": ..., "error": ...}` on its way out.
//! Source: Prometheus "HTTP API", section "Format overview".

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::Problem;

/// What Prometheus answers when something went wrong.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody<'a> {
    status: &'static str,
    error_type: &'static str,
    error: &'a str,
}

/// Whether errors of this path have Prometheus' shape.
pub(crate) fn is_here(path: &str) -> bool {
    path.starts_with("/api/v1/")
}

/// The response, a problem put into Prometheus' shape.
pub(crate) fn reshape(mut response: Response) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let status = response.status();
    let body = ErrorBody {
        status: "error",
        error_type: error_type(status, &problem),
        error: problem.detail(),
    };
    let mut reshaped = (status, Json(body)).into_response();
    // What else was said stands; type and length are the new body's.
    for (name, value) in response.headers() {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
            reshaped.headers_mut().append(name, value.clone());
        }
    }
    reshaped
}

fn error_type(status: StatusCode, problem: &Problem) -> &'static str {
    match status {
        _ if problem.is_timeout() => "timeout",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::REQUEST_TIMEOUT => "timeout",
        StatusCode::UNPROCESSABLE_ENTITY => "execution",
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        status if status.is_server_error() => "internal",
        _ => "bad_data",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::response::IntoResponse as _;
    use tacho_model::QueryError;

    use super::*;

    fn check(problem: Problem, expected: (u16, &str, bool)) {
        let status = StatusCode::from_u16(expected.0).unwrap();
        assert_eq!(error_type(status, &problem), expected.1);
        let response = reshape(problem.into_response());
        assert_eq!(response.status(), status);
        let names_a_time = response.headers().contains_key(header::RETRY_AFTER);
        assert_eq!(names_a_time, expected.2);
    }

    #[test]
    fn errors_have_the_types_that_prometheus_gives_them() {
        let limit = Duration::from_secs(30);
        check(
            QueryError::TimedOut { limit }.into(),
            (503, "timeout", false),
        );
        check(QueryError::Cancelled.into(), (503, "unavailable", true));
        check(Problem::overloaded("later"), (429, "unavailable", true));
        check(Problem::bad_request("no"), (400, "bad_data", false));
    }
}
