//! `GET /api/v1/targets` and `/api/v1/scrape_pools`: what is scraped, as Prometheus tells it.
//!
//! Source: Prometheus "HTTP API", section "Targets".

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tacho_model::time::format_duration;

use super::params::Params;
use super::problem::Answer;
use crate::app::SharedApp;
use crate::scrape::status::Active;

/// A success in Prometheus' shape.
#[derive(Debug, Serialize)]
pub(crate) struct Success<T> {
    status: &'static str,
    data: T,
}

type Labels = BTreeMap<String, String>;

/// What is scraped.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TargetsBody {
    active_targets: Vec<ActiveBody>,
    dropped_targets: Vec<DroppedBody>,
    dropped_target_counts: BTreeMap<String, usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ActiveBody {
    discovered_labels: Labels,
    labels: Labels,
    scrape_pool: String,
    scrape_url: String,
    global_url: String,
    last_error: String,
    last_scrape: String,
    last_scrape_duration: f64,
    health: &'static str,
    scrape_interval: String,
    scrape_timeout: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DroppedBody {
    discovered_labels: Labels,
    scrape_pool: String,
}

/// The names of all jobs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PoolsBody {
    scrape_pools: Vec<String>,
}

/// `GET /api/v1/targets`.
pub(crate) async fn get(
    State(app): State<SharedApp>,
    mut params: Params,
) -> Answer<Json<Success<TargetsBody>>> {
    let state = params.parsed("state", |text| match text {
        "active" | "dropped" | "any" => Ok(text.to_owned()),
        _ => Err("use active, dropped or any"),
    })?;
    let wanted = params.one("scrapePool");
    params.finish()?;
    let state = state.as_deref().unwrap_or("any");
    let mut data = TargetsBody::default();
    for (job, pool) in app.scraping.pools() {
        if wanted.as_ref().is_some_and(|wanted| *wanted != job) {
            continue;
        }
        if state != "dropped" {
            let active = pool.active.iter();
            data.active_targets
                .extend(active.map(|one| ActiveBody::of(&job, one)));
        }
        data.dropped_target_counts
            .insert(job.clone(), pool.dropped_count);
        if state != "active" {
            let body = |labels: Vec<(String, String)>| DroppedBody {
                discovered_labels: labels.into_iter().collect(),
                scrape_pool: job.clone(),
            };
            data.dropped_targets
                .extend(pool.dropped.into_iter().map(body));
        }
    }
    Ok(success(data))
}

/// `GET /api/v1/scrape_pools`.
pub(crate) async fn pools(
    State(app): State<SharedApp>,
    params: Params,
) -> Answer<Json<Success<PoolsBody>>> {
    params.finish()?;
    let scrape_pools = app.scraping.pools().into_keys().collect();
    Ok(success(PoolsBody { scrape_pools }))
}

fn success<T>(data: T) -> Json<Success<T>> {
    let status = "success";
    Json(Success { status, data })
}

impl ActiveBody {
    fn of(job: &str, active: &Active) -> Self {
        let (target, last) = (&active.target, active.last());
        let owned = |(n, v): (&str, &str)| (n.to_owned(), v.to_owned());
        Self {
            discovered_labels: target.discovered.iter().cloned().collect(),
            labels: target.labels.iter().map(owned).collect(),
            scrape_pool: job.to_owned(),
            scrape_url: target.url.clone(),
            global_url: target.url.clone(),
            last_error: last.error.unwrap_or_default(),
            // As Prometheus shows that there was none.
            last_scrape: last.at.map_or_else(
                || "0001-01-01T00:00:00Z".to_owned(),
                tacho_model::Timestamp::to_rfc3339,
            ),
            last_scrape_duration: last.duration.as_secs_f64(),
            health: last.health.as_str(),
            scrape_interval: format_duration(target.interval),
            scrape_timeout: format_duration(target.timeout),
        }
    }
}
