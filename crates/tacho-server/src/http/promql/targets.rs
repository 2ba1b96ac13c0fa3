//! `/api/v1/targets/metadata`: what is known of the metrics of each target that is scraped.
//!
//! Source: Prometheus "HTTP API", "Querying target metadata".

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use tacho_model::{Labels, METRIC_NAME, Matcher, Querier as _, TimeRange, Timestamp};
use tacho_promql::parse_selector;

use super::form::Form;
use super::metadata::About;
use super::{invalid, told};
use crate::app::SharedApp;
use crate::exposition::FRESH;
use crate::http::problem::Answer;
use crate::query::QueryCtx;

/// What is known of a metric of a target.
#[derive(Debug, Serialize)]
struct OfTarget {
    target: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<String>,
    #[serde(flatten)]
    about: About,
}

/// What is known of the metrics of targets that `match_target` selects.
pub(super) async fn metadata(State(app): State<SharedApp>, form: Form) -> Answer<Response> {
    let selector = form.one("match_target").map(str::to_owned);
    let metric = form.one("metric").map(str::to_owned);
    let limit = form.limit("limit")?.unwrap_or(usize::MAX);
    app.blocking(move |ctx| {
        let matchers = selector.map_or_else(
            || Ok(Vec::new()),
            |text| parse_selector(&text).map_err(|error| invalid("match_target", error)),
        )?;
        let mut found = Vec::new();
        let pools = ctx.scraping.pools();
        let targets = pools.values().flat_map(|pool| &pool.active);
        for labels in targets.map(|active| &active.target.labels) {
            if matchers.iter().all(|one| one.matches_set(labels.as_ref())) {
                of_target(ctx, labels, metric.as_deref(), limit, &mut found)?;
            }
        }
        told(&found, &[])
    })
    .await
}

fn of_target(
    ctx: &QueryCtx<'_>,
    labels: &Labels,
    metric: Option<&str>,
    limit: usize,
    found: &mut Vec<OfTarget>,
) -> Answer<()> {
    let querier = ctx.querier();
    let own: Vec<Matcher> = labels.iter().map(|(n, v)| Matcher::equal(n, v)).collect();
    let over = TimeRange::last(FRESH, Timestamp::now());
    let names = querier.label_values(METRIC_NAME, &own, over)?;
    let wanted = names
        .into_iter()
        .filter(|name| metric.is_none_or(|one| one == name));
    for name in wanted {
        let Some(known) = querier.metadata(&name).filter(|_| found.len() < limit) else {
            continue;
        };
        let owned = |(n, v): (&str, &str)| (n.to_owned(), v.to_owned());
        found.push(OfTarget {
            target: labels.iter().map(owned).collect(),
            // Who asks for one knows its name.
            metric: metric.is_none().then_some(name),
            about: known.into(),
        });
    }
    Ok(())
}
