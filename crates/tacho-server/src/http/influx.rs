//! Influx's ways in: `POST /write` (v1), `POST /api/v2/write`, `/ping`, `/health`, and as much of
//! `/query` as clients need before they write.
//!
//! Good lines are kept and bad ones named, in the shape of errors that the sender's version knows:
//! 204 when all were kept, 400 for what repeating would not change, 413 for too much at once, 429
//! and 503 with `Retry-After` for what passes. The body may be compressed.
//! Sources: `InfluxDB` 1.8 "`InfluxDB` API reference"; `InfluxDB` 2.7 `/api/v2` reference.

mod answers;
mod receive;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use tacho_wire::influx::Precision;

pub(crate) use self::answers::{health, ping, query, reshape};
use self::receive::Written;
use super::body;
use super::peer::Peer;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::intake::Protocol;
use crate::otlp::unpack::Packing;

/// Which version of the protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    V1,
    V2,
}

/// How a body is to be read.
#[derive(Debug, Default)]
struct Asked {
    precision: Precision,
    /// The database or bucket.
    db: String,
    packing: Packing,
}

/// Influx's routes.
pub(crate) fn routes() -> Router<SharedApp> {
    Router::new()
        .route("/write", routing::post(write_v1))
        .route("/api/v2/write", routing::post(write_v2))
        .route("/ping", routing::get(ping))
        .route("/health", routing::get(health))
        .route("/query", routing::get(query).post(query))
}

async fn write_v1(State(app): State<SharedApp>, peer: Peer, request: Request) -> Response {
    write(&app, peer, Dialect::V1, request).await
}

async fn write_v2(State(app): State<SharedApp>, peer: Peer, request: Request) -> Response {
    write(&app, peer, Dialect::V2, request).await
}

async fn write(app: &SharedApp, peer: Peer, dialect: Dialect, request: Request) -> Response {
    let response = match take(app, peer, dialect, request).await {
        Err(problem) => dialect.refuse(&problem, None),
        Ok(written) => match written.complaint() {
            None => StatusCode::NO_CONTENT.into_response(),
            Some(complaint) if written.is_passing() => {
                dialect.refuse(&Problem::overloaded(complaint), None)
            }
            Some(complaint) => {
                let problem = Problem::bad_request(format!("partial write: {complaint}"));
                dialect.refuse(&problem, written.first_line())
            }
        },
    };
    let status = response.status().as_u16();
    app.intake.answered(Protocol::Influx, status);
    response
}

async fn take(app: &SharedApp, peer: Peer, dialect: Dialect, request: Request) -> Answer<Written> {
    let asked = asked(dialect, &request)?;
    let arrived = body::read(request, app).await?;
    let write =
        move |app: &SharedApp, bytes: &[u8]| receive::write(app, &peer.to_string(), &asked, bytes);
    arrived.work(app, write).await?
}

/// What the parameters and headers of a request say. Those that mean nothing here (`rp`, `org`,
/// `consistency`, …) are passed over, as `InfluxDB` does.
fn asked(dialect: Dialect, request: &Request) -> Answer<Asked> {
    let mut asked = Asked::default();
    let query = request.uri().query().unwrap_or("");
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match (&*name, dialect) {
            ("precision", _) => {
                asked.precision = Precision::parse(&value).ok_or_else(|| {
                    let value: String = value.chars().take(32).collect();
                    Problem::bad_request(format!(
                        "precision `{value}` is not ns, us, ms, s, m or h"
                    ))
                })?;
            }
            ("db", Dialect::V1) | ("bucket", Dialect::V2) => asked.db = value.into_owned(),
            _ => {}
        }
    }
    asked.packing = body::packing(request.headers())?;
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::header;

    use super::*;

    fn check(dialect: Dialect, uri: &str, encoding: &str, expected: Result<&str, &str>) {
        let request = Request::builder().uri(uri);
        let request = request.header(header::CONTENT_ENCODING, encoding);
        let read = asked(dialect, &request.body(Body::empty()).unwrap());
        let shown =
            read.map(|asked| format!("{:?} {} {:?}", asked.precision, asked.db, asked.packing));
        match (shown, expected) {
            (Ok(shown), Ok(expected)) => assert_eq!(shown, expected, "{uri}"),
            (Err(problem), Err(text)) => {
                assert!(problem.detail().contains(text), "{}", problem.detail());
            }
            (shown, _) => panic!("{uri}: {shown:?}"),
        }
    }

    #[test]
    fn parameters_of_both_versions_are_understood() {
        use Dialect::{V1, V2};
        check(V1, "/write", "", Ok("Nanos  Identity"));
        check(
            V1,
            "/write?db=t%20e&precision=s&rp=x&u=a&p=b",
            "gzip",
            Ok("Secs t e Gzip"),
        );
        check(
            V2,
            "/api/v2/write?org=o&bucket=b&precision=us",
            "GZIP",
            Ok("Micros b Gzip"),
        );
        check(V2, "/api/v2/write?db=x", "identity", Ok("Nanos  Identity"));
        check(V1, "/write?precision=days", "", Err("`days`"));
        check(V1, "/write", "br", Err("gzip"));
    }
}
