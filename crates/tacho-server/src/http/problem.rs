//! Errors as problem details (RFC 9457), and the one place that maps errors to HTTP status.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tacho_model::{AppendError, QueryError};
use tacho_store::StoreError;
use utoipa::ToSchema;

use crate::series::SeriesError;

/// A problem detail, `application/problem+json`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong here, and what to do about it.
    detail: String,
    #[serde(skip)]
    retry_after: bool,
    /// The request took too long.
    #[serde(skip)]
    is_timeout: bool,
}

/// What handlers answer.
pub(crate) type Answer<T> = Result<T, Problem>;

impl Problem {
    /// A problem of this status.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            retry_after: false,
            is_timeout: false,
        }
    }

    /// 400: the request makes no sense.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 404: there is no such thing.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 429: try again after a second.
    pub(crate) fn overloaded(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, detail);
        Self {
            retry_after: true,
            ..problem
        }
    }

    /// 503: try again after a second.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        Self {
            retry_after: true,
            ..problem
        }
    }

    /// The same, but 503 where it is 429: for protocols whose clients repeat only the former.
    pub(crate) fn or_unavailable(self) -> Self {
        match self.status {
            429 => Self::unavailable(self.detail),
            _ => self,
        }
    }

    /// 503: it took longer than it may. Asking again at once would take as long, so no time is named.
    pub(crate) fn timeout(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        Self {
            is_timeout: true,
            ..problem
        }
    }

    /// 500: our fault. The cause goes to the log, not to the client.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the request failed; the log says why",
        )
    }

    /// What became of `error`, whose cause may be one that passes.
    fn failed(
        error: &(dyn std::error::Error + 'static),
        source: &(dyn std::error::Error + 'static),
    ) -> Self {
        match source.downcast_ref::<StoreError>() {
            Some(source @ StoreError::TooManyFiles { .. }) => Self::unavailable(source.to_string()),
            _ => Self::internal(error),
        }
    }

    /// Whether the request took too long.
    pub(crate) fn is_timeout(&self) -> bool {
        self.is_timeout
    }

    /// What went wrong.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(&self)).into_response();
        response.extensions_mut().insert(self);
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, content_type);
        if retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<SeriesError> for Problem {
    fn from(error: SeriesError) -> Self {
        match error {
            SeriesError::Query(error) => error.into(),
            other => Self::bad_request(other.to_string()),
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match &error {
            QueryError::TooMuch { .. } => Self::bad_request(error.to_string()),
            QueryError::TimedOut { .. } => {
                let detail = format!("{error}, or raise server.query_timeout");
                Self::timeout(detail)
            }
            QueryError::Cancelled => Self::unavailable(error.to_string()),
            QueryError::Failed(source) => Self::failed(&error, source.as_ref()),
        }
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match &error {
            AppendError::NoSpace | AppendError::ReadOnly(_) => Self::unavailable(error.to_string()),
            AppendError::Overloaded | AppendError::RateLimit { .. } => {
                Self::overloaded(error.to_string())
            }
            AppendError::Failed(source) => Self::failed(&error, source.as_ref()),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NoSpace { .. }
            | StoreError::ReadOnly { .. }
            | StoreError::TooManyFiles { .. } => Self::unavailable(error.to_string()),
            StoreError::TooManyDeletions { .. } => Self::overloaded(error.to_string()),
            StoreError::SnapshotName { .. } => Self::bad_request(error.to_string()),
            StoreError::NotFound { .. } => Self::not_found(error.to_string()),
            StoreError::Invalid { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
            }
            // What is there stands in the way; the caller can change that.
            StoreError::Exists { .. }
            | StoreError::Full { .. }
            | StoreError::Occupied { .. }
            | StoreError::TooManySnapshots { .. }
            | StoreError::Transition { .. } => Self::new(StatusCode::CONFLICT, error.to_string()),
            // The folder, its files or our own state failed: not for the caller to mend.
            StoreError::Locked { .. }
            | StoreError::NotWritable { .. }
            | StoreError::Missing { .. }
            | StoreError::NewerFormat { .. }
            | StoreError::OlderFormat { .. }
            | StoreError::Io { .. }
            | StoreError::Damaged { .. }
            | StoreError::Query { .. }
            | StoreError::State(_) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: impl Into<Problem>, status: u16, retry_after: bool, detail: &str) {
        let problem = error.into();
        assert_eq!(
            (problem.status, problem.retry_after),
            (status, retry_after),
            "{detail}"
        );
        assert!(problem.detail.contains(detail), "{}", problem.detail);
    }

    fn too_many_files() -> StoreError {
        let path = "wal/1.log".into();
        StoreError::TooManyFiles {
            verb: "create",
            path,
        }
    }

    #[test]
    fn each_failure_of_the_store_has_its_status() {
        let (name, reason) = ("x".to_owned(), "it is odd".to_owned());
        let what = "experiment";
        check(
            StoreError::NotFound {
                what,
                name: name.clone(),
            },
            404,
            false,
            "`x`",
        );
        check(
            StoreError::Exists {
                what,
                name: name.clone(),
            },
            409,
            false,
            "one of that name",
        );
        check(
            StoreError::Invalid {
                what,
                reason: reason.clone(),
            },
            422,
            false,
            "it is odd",
        );
        check(
            StoreError::Full { what, limit: 7 },
            409,
            false,
            "there are 7",
        );
        let (from, to) = ("over", "running");
        check(
            StoreError::Transition {
                name: name.clone(),
                from,
                to,
            },
            409,
            false,
            "it is over",
        );
        check(
            StoreError::Occupied { path: "/b".into() },
            409,
            false,
            "exists already",
        );
        check(
            StoreError::TooManySnapshots { limit: 3 },
            409,
            false,
            "delete some",
        );
        check(StoreError::SnapshotName { name }, 400, false, "no name");
        check(
            StoreError::TooManyDeletions { limit: 3 },
            429,
            true,
            "try again",
        );
        check(
            StoreError::NoSpace { path: "/b".into() },
            503,
            true,
            "no space",
        );
        check(
            StoreError::ReadOnly {
                reason: reason.clone(),
            },
            503,
            true,
            "read-only",
        );
        check(too_many_files(), 503, true, "ulimit -n");
        // What only the log should tell.
        let source = std::io::Error::other("secret");
        let (verb, path) = ("read", "/b".into());
        check(
            StoreError::Io { verb, path, source },
            500,
            false,
            "the log says why",
        );
    }

    #[test]
    fn a_lack_of_files_is_told_through_reading_and_writing() {
        check(
            AppendError::Failed(Box::new(too_many_files())),
            503,
            true,
            "too many files",
        );
        check(
            QueryError::Failed(Box::new(too_many_files())),
            503,
            true,
            "too many files",
        );
        check(
            QueryError::Failed("else".into()),
            500,
            false,
            "the log says why",
        );
        check(AppendError::Overloaded, 429, true, "");
        let per_second = 7;
        check(
            AppendError::RateLimit { per_second },
            429,
            true,
            "7 samples",
        );
    }
}
