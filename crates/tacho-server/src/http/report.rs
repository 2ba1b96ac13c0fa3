//! `GET /api/performance/report`: the host's report, as HTML, JSON or Markdown.

use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tacho_model::Timestamp;

use super::params::Params;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::reporting;

const WINDOW_DEFAULT: Duration = Duration::from_hours(1);
/// A report is a page of its own: it loads nothing and runs nothing.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'";

#[derive(Clone, Copy)]
enum Format {
    Html,
    Json,
    Markdown,
}

/// A report over a window.
#[utoipa::path(get, path = "/api/performance/report", tag = "reports",
    params(("format" = Option<String>, Query, description = "`html` (default), `json` or `markdown`"),
        ("window" = Option<String>, Query, description = "1h by default"),
        ("from" = Option<String>, Query), ("to" = Option<String>, Query)),
    responses((status = 200, body = String), (status = 400, body = Problem)))]
pub(crate) async fn get(State(app): State<SharedApp>, mut params: Params) -> Answer<Response> {
    let format = params.parsed("format", |text| match text {
        "html" => Ok(Format::Html),
        "json" => Ok(Format::Json),
        "markdown" => Ok(Format::Markdown),
        _ => Err("use html, json or markdown"),
    })?;
    let now = Timestamp::now().align_down(super::INSTANT);
    let range = params.range(WINDOW_DEFAULT, now)?;
    params.finish()?;
    let format = format.unwrap_or(Format::Html);
    let (content_type, text) = app
        .blocking(move |app| {
            let report = reporting::gather(app, range, now)?;
            Ok(match format {
                Format::Html => ("text/html; charset=utf-8", tacho_report::to_html(&report)),
                Format::Json => (
                    "application/json",
                    tacho_report::to_json(&report).to_string(),
                ),
                Format::Markdown => (
                    "text/markdown; charset=utf-8",
                    tacho_report::to_markdown(&report),
                ),
            })
        })
        .await?;
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    ];
    Ok((headers, text).into_response())
}
