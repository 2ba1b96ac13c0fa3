//! The bodies that all of these share.

use std::collections::BTreeMap;

use serde::Serialize;
use tacho_model::{TimeRange, Timestamp};
use utoipa::ToSchema;

use crate::services::detail::{Average, Dependency, Endpoint, Size, Sizes};
use crate::services::examples::Example;
use crate::services::stats::Origin;
use crate::services::{Measured, Scope, Stats};

/// Longest name that a problem repeats.
pub(crate) const NAME_CHARS_MAX: usize = 100;

/// A window: open at its beginning, closed at its end. RFC 3339.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RangeBody {
    from: String,
    to: String,
    /// The window that is compared with.
    previous: Option<PreviousBody>,
}

/// The window that is compared with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviousBody {
    from: String,
    to: String,
}

impl From<&Scope> for RangeBody {
    fn from(scope: &Scope) -> Self {
        let text = |range: TimeRange| (range.start.to_rfc3339(), range.end.to_rfc3339());
        let (from, to) = text(scope.range);
        let previous = scope.previous.map(|range| {
            let (from, to) = text(range);
            PreviousBody { from, to }
        });
        Self { from, to, previous }
    }
}

/// Figures; null where they are not known. Durations are seconds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatsBody {
    count: u64,
    errors: u64,
    /// Share that failed.
    error_rate: Option<f64>,
    /// How many a second, over the whole window.
    rate: f64,
    /// Time spent in all of them.
    total: f64,
    min: Option<f64>,
    mean: Option<f64>,
    max: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    p99_9: Option<f64>,
    /// How far off a quantile may be at most, in relation to it.
    relative_error: Option<f64>,
    /// Where only explicit buckets arrive: between what each quantile lies; null without an end.
    bounds: Option<BTreeMap<&'static str, [Option<f64>; 2]>>,
    /// `spans`, `histograms` or `buckets`.
    source: Option<&'static str>,
}

/// The keys of quantiles.
const QUANTILES: [&str; 5] = ["p50", "p90", "p95", "p99", "p99_9"];

impl From<Stats> for StatsBody {
    fn from(stats: Stats) -> Self {
        let [p50, p90, p95, p99, p99_9] = stats.quantiles;
        let bounds = stats
            .bounds
            .map(|all| QUANTILES.into_iter().zip(all.map(<[_; 2]>::from)).collect());
        Self {
            count: whole(stats.count),
            errors: whole(stats.errors),
            error_rate: stats.error_rate,
            rate: stats.rate,
            total: stats.sum,
            min: stats.min,
            mean: stats.mean,
            max: stats.max,
            p50,
            p90,
            p95,
            p99,
            p99_9,
            relative_error: stats.relative_error,
            bounds,
            source: stats.origin.map(Origin::as_str),
        }
    }
}

/// Figures, and those of the window that is compared with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MeasuredBody {
    stats: StatsBody,
    /// Null where nothing is compared.
    previous: Option<StatsBody>,
}

impl From<Measured> for MeasuredBody {
    fn from(measured: Measured) -> Self {
        Self {
            stats: measured.stats.into(),
            previous: measured.previous.map(StatsBody::from),
        }
    }
}

/// Averages of a longer window.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AverageBody {
    mean: Option<f64>,
    rate: f64,
    error_rate: Option<f64>,
}

impl From<Average> for AverageBody {
    fn from(average: Average) -> Self {
        let Average {
            mean,
            rate,
            error_rate,
        } = average;
        Self {
            mean,
            rate,
            error_rate,
        }
    }
}

/// What a service answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointBody {
    name: String,
    method: Option<String>,
    route: Option<String>,
    kind: &'static str,
    #[serde(flatten)]
    measured: MeasuredBody,
    /// How often each status of HTTP was answered.
    statuses: BTreeMap<String, u64>,
    /// How often it failed for each reason that was told.
    error_types: BTreeMap<String, u64>,
    request_bytes: Option<SizeBody>,
    response_bytes: Option<SizeBody>,
    /// The slowest two and the newest of those that lead to a trace.
    exemplars: Vec<ExampleBody>,
}

impl EndpointBody {
    /// An endpoint with its examples.
    pub(crate) fn new(endpoint: Endpoint, examples: &[Example]) -> Self {
        let counts = |all: BTreeMap<String, f64>| {
            let each = all.into_iter().map(|(name, count)| (name, whole(count)));
            each.collect()
        };
        Self {
            name: endpoint.name,
            method: endpoint.method,
            route: endpoint.route,
            kind: endpoint.kind.as_str(),
            measured: endpoint.measured.into(),
            statuses: counts(endpoint.statuses),
            error_types: counts(endpoint.errors),
            request_bytes: endpoint.sizes.request.map(SizeBody::from),
            response_bytes: endpoint.sizes.response.map(SizeBody::from),
            exemplars: examples.iter().map(ExampleBody::from).collect(),
        }
    }
}

/// An observation that leads to a trace.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExampleBody {
    /// 32 hexadecimal digits.
    trace_id: String,
    /// Seconds.
    value: f64,
    /// RFC 3339.
    time: String,
    failed: bool,
}

impl From<&Example> for ExampleBody {
    fn from(example: &Example) -> Self {
        Self {
            trace_id: format!("{:032x}", example.trace_id),
            value: example.value,
            time: time(example.time),
            failed: example.is_error,
        }
    }
}

/// What a service asks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DependencyBody {
    kind: &'static str,
    name: String,
    #[serde(flatten)]
    measured: MeasuredBody,
}

impl From<Dependency> for DependencyBody {
    fn from(dependency: Dependency) -> Self {
        Self {
            kind: dependency.kind.as_str(),
            name: dependency.name,
            measured: dependency.measured.into(),
        }
    }
}

/// Sizes of bodies.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SizesBody {
    request: Option<SizeBody>,
    response: Option<SizeBody>,
}

/// A distribution of bytes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SizeBody {
    /// How many bodies told theirs.
    count: u64,
    mean: Option<f64>,
    p50: Option<f64>,
    p95: Option<f64>,
    max: Option<f64>,
}

impl From<Sizes> for SizesBody {
    fn from(sizes: Sizes) -> Self {
        Self {
            request: sizes.request.map(SizeBody::from),
            response: sizes.response.map(SizeBody::from),
        }
    }
}

impl From<Size> for SizeBody {
    fn from(size: Size) -> Self {
        Self {
            count: whole(size.count),
            mean: size.mean,
            p50: size.p50,
            p95: size.p95,
            max: size.max,
        }
    }
}

/// A count. Those of histograms are floating-point numbers, for arithmetic's sake.
pub(crate) fn whole(count: f64) -> u64 {
    count.round() as u64
}

/// RFC 3339.
pub(crate) fn time(time: Timestamp) -> String {
    time.to_rfc3339()
}
