//! `GET /metrics` and `GET /api/performance/prometheus`: current values for a Prometheus to scrape.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tacho_model::{Batch, Timestamp};
use tacho_wire::openmetrics::Exposition;

use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::exposition;
use crate::scrape::client::is_own;
use crate::store_metrics;

/// Current values, OpenMetrics or the older text as `Accept` asks.
#[utoipa::path(get, path = "/api/performance/prometheus", tag = "metrics",
    responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
pub(crate) async fn get(State(app): State<SharedApp>, headers: HeaderMap) -> Answer<Response> {
    if is_own(&headers) {
        let detail = "a server does not scrape itself: what it tells is in its store already";
        return Err(Problem::new(StatusCode::LOOP_DETECTED, detail));
    }
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let how = Exposition::negotiate(accept);
    let write = move |app: &crate::query::QueryCtx<'_>| {
        let (now, mut own) = (Timestamp::now(), Batch::new());
        app.intake.observe(now, &app.host_name(), &mut own);
        app.filters.observe(now, &app.host_name(), &mut own);
        app.forward.observe(now, &app.host_name(), &mut own);
        app.rules.observe(now, &app.host_name(), &mut own);
        store_metrics::observe(app, now, &mut own);
        Ok(exposition::write(&app.querier(), &own, how, now)?)
    };
    let text = app.blocking(write).await?;
    Ok(([(header::CONTENT_TYPE, how.content_type())], text).into_response())
}
