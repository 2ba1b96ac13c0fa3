//! The dashboard's files, embedded in the binary.
//!
//! The build script puts what Vite made into a table. Where there was no Node to make it, the
//! table is empty and `/` says how to get the dashboard.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};

use super::problem::Problem;
use crate::app::SharedApp;

/// One embedded file.
struct Asset {
    /// Its path below `/`.
    path: &'static str,
    /// Its bytes, gzip-compressed where that is smaller.
    bytes: &'static [u8],
    /// Whether `bytes` are compressed.
    gzip: bool,
    /// A hash of its content.
    etag: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

const NO_DASHBOARD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<title>Tachograph</title><body style=\"font:16px/1.5 system-ui;max-width:40em;margin:4em auto\">\
<h1>Tachograph is running</h1><p>This build has no dashboard, because Node.js was not there when \
it was made. Install Node 20 or newer and build again:</p><pre>cargo run --release -- start</pre>\
<p>The API is here all the same: <a href=\"/api/performance/system\">the host now</a>, \
<a href=\"/metrics\">metrics</a>, <a href=\"/api/openapi.json\">OpenAPI</a>.</p>";

/// Answers every path that is not an API's.
pub(crate) async fn serve(
    State(app): State<SharedApp>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let path = uri.path().trim_start_matches('/');
    let to_read = matches!(method, Method::GET | Method::HEAD);
    if path.starts_with("api/") || !to_read {
        return Problem::not_found(format!("there is no {}", uri.path())).into_response();
    }
    if !app.settings.server.dashboard {
        let detail = "the dashboard is switched off (--no-dashboard)";
        return Problem::not_found(detail).into_response();
    }
    // Pages are routed in the browser: a path that is no file is the one page.
    let index = || ASSETS.iter().find(|asset| asset.path == "index.html");
    let is_file = path
        .rsplit('/')
        .next()
        .is_some_and(|name| name.contains('.'));
    let asset = match ASSETS.iter().find(|asset| asset.path == path) {
        Some(asset) => Some(asset),
        None if is_file => {
            return Problem::not_found(format!("there is no /{path}")).into_response();
        }
        None => index(),
    };
    asset.map_or_else(
        || Html(NO_DASHBOARD).into_response(),
        |asset| send(asset, &headers),
    )
}

fn send(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let cache = if asset.path.starts_with("assets/") {
        // Vite names these by their content.
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|tag| tag == asset.etag);
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        asset.bytes.into_response()
    };
    let out = response.headers_mut();
    out.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(content_type(asset.path)),
    );
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(header::ETAG, HeaderValue::from_static(asset.etag));
    if asset.gzip {
        // Every browser takes gzip; a client that does not can ask curl to decompress.
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "webmanifest" => "application/json",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
