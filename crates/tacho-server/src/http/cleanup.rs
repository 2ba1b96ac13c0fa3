//! `POST /api/performance/cleanup`: removes samples on demand, by age, by selector, or both.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tacho_model::time::parse_duration;
use tacho_model::{
    Labels, METRIC_NAME, MatchOp, Matcher, Querier, QueryError, TimeRange, Timestamp,
};
use utoipa::ToSchema;

use super::SCHEMA;
use super::body::{Whole, json};
use super::params::Params;
use super::problem::{Answer, Problem};
use crate::app::{App, SharedApp};
use crate::series;

/// Most selectors in one request.
const SELECTORS_MAX: usize = 100;
/// Most metrics that are named in the answer, those with the most series.
const METRICS_SHOWN: usize = 20;

/// What to remove; one of the first two must be there.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CleanupBody {
    /// Samples older than this: a duration such as `30d`, or an RFC 3339 time.
    older_than: Option<String>,
    /// Samples of these series: one selector or a list.
    #[serde(rename = "match", alias = "match[]")]
    selectors: Option<OneOrMany>,
    /// Only say what would be removed.
    #[serde(default)]
    dry_run: bool,
}

/// One selector or several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
enum OneOrMany {
    /// One.
    One(String),
    /// Any of these.
    Many(Vec<String>),
}

/// What was or would be removed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CleanedBody {
    schema: u32,
    /// Nothing was removed.
    dry_run: bool,
    /// Samples up to this time, RFC 3339; `null` when they are removed whatever their age.
    older_than: Option<String>,
    /// How many series are concerned.
    series: usize,
    /// There are more series than a query may touch, so the number is a lower bound.
    at_least: bool,
    /// The metrics with the most of them.
    metrics: Vec<CleanedMetricBody>,
    /// How many metrics are concerned; `null` when the number of series is a lower bound.
    metrics_total: Option<usize>,
    /// Bytes on disk before; they get fewer with the next maintenance.
    disk_bytes: u64,
}

/// A metric that is concerned.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CleanedMetricBody {
    metric: String,
    /// How many of its series.
    series: usize,
}

/// Removes samples: those of an age, those of some series, or those of some series of an age.
/// Snapshots of values are not touched.
#[utoipa::path(post, path = "/api/performance/cleanup", tag = "store",
    request_body = CleanupBody,
    responses((status = 200, body = CleanedBody), (status = 400, body = Problem),
        (status = 429, body = Problem), (status = 503, body = Problem)))]
pub(crate) async fn post(
    State(app): State<SharedApp>,
    params: Params,
    body: Whole,
) -> Answer<Json<CleanedBody>> {
    params.finish()?;
    let wanted = Wanted::of(json(&body)?, Timestamp::now())?;
    let cleaned = app.blocking(move |app| wanted.clean(app)).await?;
    Ok(Json(cleaned))
}

/// A request that makes sense.
struct Wanted {
    older_than: Option<Timestamp>,
    selectors: Vec<Vec<Matcher>>,
    dry_run: bool,
}

impl Wanted {
    fn of(body: CleanupBody, now: Timestamp) -> Answer<Self> {
        let older_than = body.older_than.map(|text| age(&text, now)).transpose()?;
        let texts = match body.selectors {
            None => Vec::new(),
            Some(OneOrMany::One(text)) => vec![text],
            Some(OneOrMany::Many(texts)) if texts.is_empty() => {
                let detail = "match: an empty list selects nothing; leave it out to mean all";
                return Err(Problem::bad_request(detail));
            }
            Some(OneOrMany::Many(texts)) => texts,
        };
        if texts.len() > SELECTORS_MAX {
            let detail = format!("match: at most {SELECTORS_MAX} selectors at a time");
            return Err(Problem::bad_request(detail));
        }
        if texts.is_empty() && older_than.is_none() {
            let detail = "say what to remove: older_than, match or both";
            return Err(Problem::bad_request(detail));
        }
        let selectors = if texts.is_empty() {
            let all = Matcher::new(METRIC_NAME, MatchOp::NotEqual, "");
            vec![vec![all.map_err(|error| Problem::internal(&error))?]]
        } else {
            series::selectors(&texts, &[])?
        };
        Ok(Self {
            older_than,
            selectors,
            dry_run: body.dry_run,
        })
    }

    fn clean(&self, app: &App) -> Answer<CleanedBody> {
        let end = self.older_than.unwrap_or(Timestamp::MAX);
        let range = TimeRange::new(Timestamp::MIN, end);
        let disk_bytes = app.store.stats().disk_bytes;
        let known = concerned(app.store.as_ref(), &self.selectors, range)?;
        let mut removed = 0;
        for matchers in &self.selectors {
            removed += if self.dry_run {
                // Only where the series are too many to be listed.
                known
                    .as_ref()
                    .map_or_else(|| app.store.count_series(matchers, range), |_| Ok(0))?
            } else {
                app.store.delete(matchers, range)?
            };
        }
        let counted = known.as_ref().map(|metrics| metrics.values().sum());
        let metrics_total = known.as_ref().map(BTreeMap::len);
        let mut metrics: Vec<(String, usize)> = known.into_iter().flatten().collect();
        metrics.sort_by_key(|(_, series)| std::cmp::Reverse(*series));
        metrics.truncate(METRICS_SHOWN);
        let metrics = metrics.into_iter();
        Ok(CleanedBody {
            schema: SCHEMA,
            dry_run: self.dry_run,
            older_than: self.older_than.map(Timestamp::to_rfc3339),
            series: counted.unwrap_or(removed),
            at_least: counted.is_none(),
            metrics: metrics
                .map(|(metric, series)| CleanedMetricBody { metric, series })
                .collect(),
            metrics_total,
            disk_bytes,
        })
    }
}

/// The time before which samples go.
fn age(text: &str, now: Timestamp) -> Answer<Timestamp> {
    let before = match parse_duration(text) {
        Ok(age) => now - age,
        Err(_) => Timestamp::parse(text).map_err(|_| {
            let text: String = text.chars().take(64).collect();
            let detail = format!(
                "older_than: `{text}` is neither a duration such as 30d nor an RFC 3339 time"
            );
            Problem::bad_request(detail)
        })?,
    };
    if before >= now {
        let detail = "older_than: it must lie in the past; give match alone to remove whatever \
                      its age";
        return Err(Problem::bad_request(detail));
    }
    Ok(before.align_down(super::INSTANT))
}

/// How many series of each metric are concerned; `None` when they are more than a query may touch.
fn concerned(
    querier: &dyn Querier,
    selectors: &[Vec<Matcher>],
    range: TimeRange,
) -> Answer<Option<BTreeMap<String, usize>>> {
    // A series that several selectors match is removed once.
    let mut seen: BTreeSet<Labels> = BTreeSet::new();
    let mut metrics: BTreeMap<String, usize> = BTreeMap::new();
    for matchers in selectors {
        let selection = match querier.select(matchers, range) {
            Ok(selection) => selection,
            Err(QueryError::TooMuch { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        for index in 0..selection.len() {
            let labels = selection.labels(index);
            if selectors.len() == 1 || seen.insert(labels.clone()) {
                *metrics.entry(labels.name().to_owned()).or_default() += 1;
            }
        }
    }
    Ok(Some(metrics))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Wanted, String> {
        let parsed: CleanupBody = json(body.as_bytes()).map_err(|p| p.detail().to_owned())?;
        let wanted = Wanted::of(parsed, Timestamp::from_secs(1000));
        wanted.map_err(|problem| problem.detail().to_owned())
    }

    #[test]
    fn k6_a_cleanup_says_what_it_means() {
        let check = |body: &str, older_than: Option<i64>, selectors: usize| {
            let wanted = read(body).unwrap_or_else(|error| panic!("{body}: {error}"));
            let time = older_than.map(Timestamp::from_secs);
            assert_eq!(
                (wanted.older_than, wanted.selectors.len()),
                (time, selectors),
                "{body}"
            );
        };
        check(r#"{"older_than": "400s"}"#, Some(600), 1);
        check(r#"{"older_than": "1970-01-01T00:01:00Z"}"#, Some(60), 1);
        check(r#"{"match": "up"}"#, None, 1);
        check(
            r#"{"match": ["up", "down"], "older_than": "1s"}"#,
            Some(999),
            2,
        );
    }

    #[test]
    fn k6_a_cleanup_that_means_nothing_or_everything_is_refused() {
        let check = |body: &str, expected: &str| {
            let error = read(body).map(|_| ()).unwrap_err();
            assert!(error.contains(expected), "{body}: {error}");
        };
        check("{}", "say what to remove");
        check("", "say what to remove");
        check(r#"{"dry_run": true}"#, "say what to remove");
        check(r#"{"match": []}"#, "selects nothing");
        check(r#"{"match": [], "older_than": "1s"}"#, "selects nothing");
        check(r#"{"match": ""}"#, "selector");
        check(r#"{"match": "rate(up[5m])"}"#, "selector");
        check(r#"{"match": "{}"}"#, "selector");
        check(r#"{"older_than": "0"}"#, "in the past");
        check(r#"{"older_than": "-5m"}"#, "neither a duration");
        check(r#"{"older_than": "soon"}"#, "neither a duration");
        check(r#"{"older_than": "2030-01-01T00:00:00Z"}"#, "in the past");
        check(r#"{"older": "5m"}"#, "unknown field");
    }
}
