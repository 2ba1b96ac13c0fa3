//! `/api/v1/status/…` beside what it is: how it runs, what it holds, and what was asked of it, in
//! the fields that Prometheus has for it.
//!
//! What has no meaning here is left out (the Go runtime's settings), or empty (other servers'
//! alerting). Source: Prometheus "HTTP API", "Status" and "TSDB stats".

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use tacho_model::time::format_duration;
use tacho_model::{METRIC_NAME, MatchOp, Matcher, Querier as _, TimeRange, Timestamp};
use tacho_promql::Features;

use super::form::Form;
use super::told;
use crate::app::{App, SharedApp};
use crate::http::problem::{Answer, Problem};
use crate::query::QueryCtx;

/// How many of the largest are told where nothing else is asked for.
const LARGEST: usize = 10;
/// Most that may be asked for.
const LARGEST_MAX: usize = 10_000;

/// `runtimeinfo`: since when it runs, where, and with what.
pub(super) async fn runtime(State(app): State<SharedApp>) -> Answer<Response> {
    app.blocking(|ctx| {
        let cwd = std::env::current_dir().unwrap_or_default();
        let threads = std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let data = json!({
            "startTime": ctx.started.to_rfc3339(),
            "CWD": cwd.display().to_string(),
            "hostname": ctx.host_name(),
            "serverTime": Timestamp::now().to_rfc3339(),
            "reloadConfigSuccess": true,
            "lastConfigTime": ctx.started.to_rfc3339(),
            "corruptionCount": ctx.store.stats().quarantined.len(),
            "goroutineCount": threads,
            "GOMAXPROCS": cores,
            "storageRetention": retention(ctx),
        });
        told(&data, &[])
    })
    .await
}

/// As Prometheus says how long data is kept.
fn retention(app: &App) -> String {
    let options = &app.settings.storage.options;
    let mut parts = Vec::new();
    if options.retention < Duration::MAX {
        parts.push(format_duration(options.retention));
    }
    if options.retention_bytes < u64::MAX {
        parts.push(format!("{}B", options.retention_bytes));
    }
    parts.join(" or ")
}

/// `flags`: what those who ask a Prometheus look for, under its names.
pub(super) async fn flags(State(app): State<SharedApp>) -> Answer<Response> {
    let (server, storage) = (&app.settings.server, &app.settings.storage);
    let options = &storage.options;
    let retention = match options.retention {
        Duration::MAX => "0s".to_owned(),
        age => format_duration(age),
    };
    let flags = BTreeMap::from([
        ("web.listen-address", server.listen.to_string()),
        ("web.max-connections", server.connections_max.to_string()),
        ("web.enable-remote-write-receiver", "true".to_owned()),
        ("web.enable-otlp-receiver", "true".to_owned()),
        ("storage.tsdb.path", storage.dir.display().to_string()),
        ("storage.tsdb.retention.time", retention),
        ("query.timeout", format_duration(server.query_timeout)),
        ("query.max-concurrency", server.queries_max.to_string()),
        ("query.max-samples", options.query_samples_max.to_string()),
        ("query.lookback-delta", "5m".to_owned()),
    ]);
    told(&flags, &[])
}

/// `config`: what it was configured with.
pub(super) async fn config(State(app): State<SharedApp>) -> Answer<Response> {
    told(&json!({"yaml": app.settings.shown}), &[])
}

/// `features`: what may be asked of it, and what would have to be switched on.
pub(super) async fn features(State(app): State<SharedApp>) -> Answer<Response> {
    let on = app.settings.promql.features;
    let is_experimental = on == Features::Experimental;
    let usable = |stage| stage == Features::Stable || is_experimental;
    let functions = tacho_promql::functions().map(|(name, stage)| (name, usable(stage)));
    let functions: BTreeMap<&str, bool> = functions.collect();
    let operators = tacho_promql::aggregations().map(|(name, stage)| (name, usable(stage)));
    let operators: BTreeMap<&str, bool> = operators.collect();
    let data = json!({
        "api": {
            "admin": true,
            "label_values_match": true,
            "otlp_write_receiver": true,
            "query_stats": true,
            "query_warnings": true,
            "remote_write_receiver": true,
            "time_range_labels": true,
            "time_range_series": true,
        },
        "promql": {
            "anchored": is_experimental,
            "at_modifier": true,
            "duration_expr": is_experimental,
            "negative_offset": true,
            "per_query_lookback_delta": true,
            "smoothed": is_experimental,
            "subqueries": true,
        },
        "promql_functions": functions,
        "promql_operators": operators,
    });
    told(&data, &[])
}

/// `walreplay`: nobody is answered before the log is read.
pub(super) async fn replay() -> Answer<Response> {
    told(
        &json!({"min": 0, "max": 0, "current": 0, "state": "done"}),
        &[],
    )
}

/// Something and how many there are of it.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Count {
    name: String,
    value: u64,
}

/// What series of the last hour have most of.
#[derive(Debug, Default)]
struct Counts {
    series: u64,
    metrics: HashMap<String, u64>,
    /// By label, how many series have each value.
    values: HashMap<String, HashMap<String, u64>>,
}

impl Counts {
    fn add(&mut self, labels: &tacho_model::Labels) {
        self.series += 1;
        *entry(&mut self.metrics, labels.name()) += 1;
        for (name, value) in labels {
            *entry(entry(&mut self.values, name), value) += 1;
        }
    }

    fn pairs(&self) -> impl Iterator<Item = Count> {
        self.values.iter().flat_map(|(name, values)| {
            let count = move |(value, series): (&String, &u64)| Count {
                name: format!("{name}={value}"),
                value: *series,
            };
            values.iter().map(count)
        })
    }

    fn of_labels(&self, count: impl Fn(&HashMap<String, u64>) -> u64) -> Vec<Count> {
        let labels = self.values.iter();
        let each = labels.map(|(name, values)| Count {
            name: name.clone(),
            value: count(values),
        });
        each.collect()
    }
}

/// What is there under a key, which is copied only where it is new.
fn entry<'m, V: Default>(map: &'m mut HashMap<String, V>, key: &str) -> &'m mut V {
    if !map.contains_key(key) {
        map.insert(key.to_owned(), V::default());
    }
    map.entry(key.to_owned()).or_default()
}

/// The largest first; of equal ones those that come first by name.
fn largest(mut counts: Vec<Count>, limit: usize) -> Vec<Count> {
    let key = |one: &Count| (Reverse(one.value), one.name.clone());
    counts.sort_by_cached_key(key);
    counts.truncate(limit);
    counts
}

/// `tsdb`: how many series there are, and which labels make them so many.
pub(super) async fn tsdb(State(app): State<SharedApp>, form: Form) -> Answer<Response> {
    let limit = form.limit("limit")?.unwrap_or(LARGEST);
    if limit > LARGEST_MAX {
        let told = format!("limit must not exceed {LARGEST_MAX}");
        return Err(Problem::bad_request(told));
    }
    app.blocking(move |ctx| told(&statistics(ctx, limit)?, &[]))
        .await
}

fn statistics(ctx: &QueryCtx<'_>, limit: usize) -> Answer<Value> {
    let any = Matcher::new(METRIC_NAME, MatchOp::NotEqual, "");
    let any = any.map_err(|error| Problem::internal(&error))?;
    let block = ctx.settings.storage.options.block_duration;
    let range = TimeRange::new(Timestamp::now() - block, Timestamp::MAX);
    let querier = ctx.querier();
    let selection = querier.select(&[any], range)?;
    let mut counts = Counts::default();
    for index in 0..selection.len() {
        if index.is_multiple_of(4096) {
            ctx.check()?;
        }
        counts.add(selection.labels(index));
    }
    let pairs: Vec<Count> = counts.pairs().collect();
    let stats = ctx.store.stats();
    let millis = |time: Option<Timestamp>| time.map(Timestamp::as_millis);
    let metrics = counts.metrics.iter().map(|(name, value)| Count {
        name: name.clone(),
        value: *value,
    });
    let bytes = |values: &HashMap<String, u64>| {
        let each = values
            .iter()
            .map(|(value, series)| value.len() as u64 * series);
        each.sum()
    };
    Ok(json!({
        "headStats": {
            "numSeries": counts.series,
            "numLabelPairs": pairs.len(),
            "minTime": millis(stats.oldest.map(|oldest| oldest.max(range.start))),
            "maxTime": millis(stats.newest),
        },
        "seriesCountByMetricName": largest(metrics.collect(), limit),
        "labelValueCountByLabelName": largest(counts.of_labels(|values| values.len() as u64), limit),
        "memoryInBytesByLabelName": largest(counts.of_labels(bytes), limit),
        "seriesCountByLabelValuePair": largest(pairs, limit),
    }))
}

/// `alertmanagers`: none is told of alerts by this protocol.
pub(super) async fn alertmanagers() -> Answer<Response> {
    told(
        &json!({"activeAlertmanagers": [], "droppedAlertmanagers": []}),
        &[],
    )
}

/// `notifications`: nothing that an operator must know is kept back for them.
pub(super) async fn notifications() -> Answer<Response> {
    told(&json!([]), &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacho_model::Labels;

    #[test]
    fn what_there_is_most_of_comes_first() {
        let mut counts = Counts::default();
        for (metric, job) in [("up", "a"), ("up", "bb"), ("load", "a")] {
            counts.add(&Labels::new([(METRIC_NAME, metric), ("job", job)]).unwrap());
        }
        let told = |counts: Vec<Count>| {
            let shown = counts.into_iter().map(|one| (one.name, one.value));
            shown.collect::<Vec<_>>()
        };
        let pair = |name: &str, value| (name.to_owned(), value);
        assert_eq!(
            told(largest(counts.pairs().collect(), 3)),
            [
                pair("__name__=up", 2),
                pair("job=a", 2),
                pair("__name__=load", 1)
            ]
        );
        assert_eq!(
            told(largest(counts.of_labels(|values| values.len() as u64), 9)),
            [pair("__name__", 2), pair("job", 2)]
        );
        assert_eq!(counts.metrics["up"], 2);
    }
}
