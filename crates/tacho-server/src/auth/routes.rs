//! What each request needs: one table, the first line that fits decides.
//!
//! A path is compared byte by byte, as the router does, so that no spelling reaches a handler
//! without its line. What no line knows needs `admin`: a route that is forgotten here is shut.

use axum::http::Method;

use super::{Need, Scope};

const NOTHING: Need = Need::Nothing;
const ANY: Need = Need::Token;
const READ: Need = Need::Scope(Scope::Read);
const WRITE: Need = Need::Scope(Scope::Write);
const ADMIN: Need = Need::Scope(Scope::Admin);

/// Methods (`*` for all; `GET` is `HEAD` too), paths (`*` is one segment, `**` at the end is any
/// rest), and what they need.
const RULES: [(&str, &str, Need); 41] = [
    // Whether the server lives, for those that restart it.
    ("GET", "/healthz", NOTHING),
    ("GET", "/readyz", NOTHING),
    ("GET", "/-/healthy", NOTHING),
    ("GET", "/-/ready", NOTHING),
    // What only the operator may do.
    ("*", "/api/performance/tokens**", ADMIN),
    ("*", "/api/performance/cleanup", ADMIN),
    ("*", "/-/**", ADMIN),
    // What senders send, and ask before they do.
    ("*", "/v1/**", WRITE),
    ("POST", "/opentelemetry.proto.collector.**", WRITE),
    ("POST", "/api/v1/write", WRITE),
    ("POST", "/api/performance/metrics", WRITE),
    ("POST", "/write", WRITE),
    ("POST", "/api/v2/write", WRITE),
    ("GET POST", "/query", ANY),
    ("GET", "/ping", ANY),
    ("GET", "/health", ANY),
    ("POST PUT DELETE", "/metrics/job/**", WRITE),
    ("POST PUT DELETE", "/metrics/job@base64/**", WRITE),
    // Questions that are posted because they are long.
    ("POST", "/api/v1/query", READ),
    ("POST", "/api/v1/query_range", READ),
    ("POST", "/api/v1/query_exemplars", READ),
    ("POST", "/api/v1/labels", READ),
    ("POST", "/api/v1/series", READ),
    ("POST", "/api/v1/read", READ),
    ("POST", "/api/v1/format_query", READ),
    ("POST", "/api/v1/parse_query", READ),
    ("POST", "/api/performance/detect", READ),
    ("POST", "/api/performance/stats/**", READ),
    ("POST", "/api/performance/baselines/*/compare", READ),
    ("POST", "/api/performance/benchmarks/*/compare", READ),
    // What people make and remove.
    ("POST PUT DELETE", "/api/performance/baselines**", WRITE),
    ("POST PUT DELETE", "/api/performance/benchmarks**", WRITE),
    ("POST PUT DELETE", "/api/performance/snapshots**", WRITE),
    ("POST PUT DELETE", "/api/performance/annotations**", WRITE),
    ("POST PUT DELETE", "/api/performance/experiments**", WRITE),
    ("POST PUT DELETE", "/api/performance/reports**", WRITE),
    ("POST PUT DELETE", "/api/performance/silences**", WRITE),
    ("POST PUT DELETE", "/api/performance/alerts**", WRITE),
    ("POST PUT DELETE", "/api/performance/rules**", WRITE),
    // The page, the API's questions, `/metrics`, live updates.
    ("GET", "**", READ),
    ("*", "**", ADMIN),
];

/// What is told of the lines that take whatever is left.
const QUESTIONS: &str = "the page, a question or /metrics (GET)";
const ELSE: &str = "a path or method that only an admin may use, or that is none";

/// What a request needs, and what the line is about, which can be told where the request's own path
/// cannot.
pub(crate) fn need(method: &Method, path: &str) -> (Need, &'static str) {
    let method = match *method {
        Method::HEAD => "GET",
        _ => method.as_str(),
    };
    let fits = |methods: &str, pattern: &str| {
        matches_path(pattern, path)
            && (methods == "*" || methods.split(' ').any(|one| one == method))
    };
    let found = RULES.iter().find(|rule| fits(rule.0, rule.1));
    match found {
        Some(&("GET", "**", need)) => (need, QUESTIONS),
        Some(&(_, "**", need)) => (need, ELSE),
        Some(&(_, path, need)) => (need, path),
        None => (ADMIN, ELSE),
    }
}

fn matches_path(pattern: &str, path: &str) -> bool {
    if let Some(start) = pattern.strip_suffix("**") {
        return path.starts_with(start);
    }
    match pattern.split_once('*') {
        None => pattern == path,
        Some((start, end)) => {
            let rest = path.strip_prefix(start);
            let segment = rest.and_then(|rest| rest.strip_suffix(end));
            segment.is_some_and(|segment| !segment.is_empty() && !segment.contains('/'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(needed: Need, requests: &str) {
        for request in requests.split(", ") {
            let (method, path) = request.split_once(' ').unwrap();
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(need(&method, path).0, needed, "{request}");
        }
    }

    #[test]
    fn what_is_told_means_something() {
        let told = |method: &Method, path: &str| need(method, path).1;
        assert_eq!(told(&Method::POST, "/api/v1/write"), "/api/v1/write");
        assert_eq!(told(&Method::GET, "/api/performance/x"), QUESTIONS);
        assert_eq!(told(&Method::PATCH, "/secret-in-a-path"), ELSE);
    }

    #[test]
    fn each_request_needs_its_scope() {
        check(
            NOTHING,
            "GET /healthz, HEAD /readyz, GET /-/healthy, GET /-/ready",
        );
        check(READ, "GET /, GET /ws, HEAD /metrics, GET /api/v1/query");
        check(
            READ,
            "POST /api/v1/read, POST /api/v1/parse_query, GET /federate",
        );
        check(READ, "GET /assets/index.js, GET /api/openapi.json");
        check(READ, "POST /api/v1/query_range, POST /api/v1/labels");
        check(READ, "POST /api/performance/baselines/default/compare");
        check(READ, "POST /api/performance/stats/test");
        check(WRITE, "POST /v1/traces, POST /v1/metrics, GET /v1/info");
        check(WRITE, "POST /api/v1/write, POST /write, POST /api/v2/write");
        check(
            WRITE,
            "PUT /metrics/job/a/instance/b, DELETE /metrics/job/a",
        );
        check(WRITE, "POST /api/performance/metrics");
        check(
            WRITE,
            "POST /api/performance/baselines, DELETE /api/performance/snapshots/x",
        );
        check(WRITE, "POST /api/performance/baselines/a/b/compare");
        check(
            WRITE,
            "PUT /api/performance/rules/a, DELETE /api/performance/rules/a",
        );
        check(
            READ,
            "GET /api/performance/rules, GET /api/v1/rules, GET /api/v1/alerts",
        );
        check(
            WRITE,
            "POST /opentelemetry.proto.collector.trace.v1.TraceService/Export",
        );
        check(
            ADMIN,
            "GET /api/performance/tokens, POST /api/performance/tokens",
        );
        check(
            ADMIN,
            "DELETE /api/performance/tokens/1, HEAD /api/performance/tokens",
        );
        check(
            ADMIN,
            "POST /api/performance/cleanup, POST /-/flush, GET /-/snapshot, POST /-/ready, \
             POST /api/v1/admin/tsdb/delete_series",
        );
        check(
            ANY,
            "GET /ping, HEAD /ping, GET /health, POST /query, GET /query",
        );
    }

    #[test]
    fn what_no_line_knows_is_shut() {
        check(
            ADMIN,
            "POST /healthz, OPTIONS /, PATCH /api/performance/metrics",
        );
        check(ADMIN, "POST /api/v1/writes, POST /API/V1/WRITE, BREW /pot");
        check(
            ADMIN,
            "POST /api/v1/query/, POST //api/v1/query, POST /api/v1/qu%65ry",
        );
        check(ADMIN, "POST /metrics/jobs, CONNECT host:80");
        check(READ, "GET /healthz/, GET /HEALTHZ, GET //healthz");
    }
}
