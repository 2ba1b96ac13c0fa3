//! One service: its endpoints, what it depends on, sizes, and averages over longer windows.

use std::collections::BTreeMap;
use std::time::Duration;

use tacho_model::{Labels, Querier, QueryError, TimeRange, Timestamp};

use super::list::Whole;
use super::measures;
use super::operation::{Kind, Operation, Side};
use super::source::{Names, Wanted, observe};
use super::stats::{Listed, Measured, Row, Tally, listed};
use super::window::{Scope, Window};

/// Over how long the error rate of the last minutes is.
const MINUTES: Duration = Duration::from_mins(5);
/// Over how long averages are.
const AVERAGES: [Duration; 2] = [Duration::from_hours(1), Duration::from_hours(24)];
/// Most statuses, and most reasons for errors, that an endpoint tells apart.
const OUTCOMES_MAX: usize = 50;
/// What stands for the others.
const OTHERS: &str = "other";

/// A service.
#[derive(Debug, Clone)]
pub struct Service {
    /// What it does.
    pub kinds: Vec<&'static str>,
    /// What it answers; everything it does, where it answers nothing.
    pub measured: Measured,
    /// Share of the last five minutes' observations that failed.
    pub error_rate_5m: Option<f64>,
    /// Over one hour and one day until the end of the window.
    pub averages: [Average; 2],
    /// What it answers.
    pub endpoints: Listed<Endpoint>,
    /// What it asks.
    pub dependencies: Listed<Dependency>,
    /// Of the bodies of all requests and responses.
    pub sizes: Sizes,
    /// Observations of operations that were too many to be told apart.
    pub overflow: f64,
    /// When there was something last.
    pub last_seen: Option<Timestamp>,
}

/// Over a longer window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Average {
    /// Seconds an observation.
    pub mean: Option<f64>,
    /// Observations a second.
    pub rate: f64,
    /// Share that failed.
    pub error_rate: Option<f64>,
}

/// An operation that others ask for.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// What it is called.
    pub name: String,
    /// What sort.
    pub kind: Kind,
    /// HTTP's method.
    pub method: Option<String>,
    /// HTTP's route.
    pub route: Option<String>,
    /// Its figures.
    pub measured: Measured,
    /// How often each status was answered.
    pub statuses: BTreeMap<String, f64>,
    /// How often it failed for each reason.
    pub errors: BTreeMap<String, f64>,
    /// Of its bodies.
    pub sizes: Sizes,
}

/// Something that a service asks.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// What sort.
    pub kind: Kind,
    /// What it is called.
    pub name: String,
    /// Its figures, as the service sees them.
    pub measured: Measured,
}

/// Bodies of requests and of responses.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sizes {
    /// What is asked.
    pub request: Option<Size>,
    /// What is answered.
    pub response: Option<Size>,
}

/// A distribution of sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    /// How many bodies told theirs.
    pub count: f64,
    /// Mean.
    pub mean: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// The largest, where it is known.
    pub max: Option<f64>,
}

/// What is gathered of an endpoint.
#[derive(Debug, Default)]
struct Gathered {
    row: Row,
    method: Option<String>,
    route: Option<String>,
    statuses: BTreeMap<String, f64>,
    errors: BTreeMap<String, f64>,
}

impl Gathered {
    fn add(&mut self, operation: &Operation<'_>, tallies: &[Tally], last: Option<Timestamp>) {
        self.row.add(tallies, last);
        let count = tallies.first().map_or(0.0, |tally| tally.count);
        if operation.kind == Kind::Http {
            self.method = self.method.take().or(operation.method().map(str::to_owned));
            self.route = self.route.take().or(operation.route().map(str::to_owned));
            outcome(&mut self.statuses, operation.status(), count);
        }
        if operation.is_error() {
            outcome(&mut self.errors, operation.error_type(), count);
        }
    }
}

fn outcome(all: &mut BTreeMap<String, f64>, name: Option<&str>, count: f64) {
    let Some(name) = name.filter(|_| count > 0.0) else {
        return;
    };
    let is_full = all.len() >= OUTCOMES_MAX && !all.contains_key(name);
    let name = if is_full { OTHERS } else { name };
    *all.entry(name.to_owned()).or_default() += count;
}

/// A service; `None` where it did nothing in the window, the one that is compared with or the day
/// before the end.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn service(
    querier: &dyn Querier,
    name: &str,
    scope: &Scope,
) -> Result<Option<Service>, QueryError> {
    let mut windows = scope.windows();
    let shown = windows.len();
    let end = scope.range.end;
    let longer = [MINUTES, AVERAGES[0], AVERAGES[1]];
    windows.extend(longer.map(|length| Window::mean(TimeRange::last(length, end))));
    let wanted = Wanted {
        service: Some(name),
        kinds: &[],
    };
    let mut whole = Whole::default();
    let mut served: BTreeMap<(String, Kind), Gathered> = BTreeMap::new();
    let mut others: BTreeMap<(String, Kind), Gathered> = BTreeMap::new();
    let mut dependencies: BTreeMap<(String, Kind), Row> = BTreeMap::new();
    let names = observe(querier, wanted, &windows, |operation, tallies, last| {
        whole.add(operation, tallies, last);
        let kind = operation.kind;
        let tallies = tallies.get(..shown).unwrap_or(tallies);
        let is_seen = tallies.iter().any(|tally| tally.count > 0.0);
        if !is_seen {
            return;
        }
        if is_dependency(operation) {
            let key = (operation.dependency(), kind);
            dependencies.entry(key).or_default().add(tallies, last);
        }
        let into = match operation.endpoint() {
            Some(Side::Server) => &mut served,
            Some(_) => &mut others,
            None => return,
        };
        let gathered = into.entry((operation.name(), kind)).or_default();
        gathered.add(operation, tallies, last);
    })?;
    if whole.last_seen().is_none() {
        return Ok(None);
    }
    let endpoints = if whole.serves(scope) { served } else { others };
    let sizes = sizes(querier, name, &names, scope)?;
    let row = whole.row(scope);
    let average = |place: usize, length: Duration| Average {
        mean: row.tally(shown + place).and_then(Tally::mean),
        rate: row.count(shown + place) / length.as_secs_f64(),
        error_rate: row.tally(shown + place).and_then(Tally::error_rate),
    };
    let dependency = |((name, kind), row): ((String, Kind), Row)| Dependency {
        kind,
        name,
        measured: row.measured(scope),
    };
    Ok(Some(Service {
        kinds: whole.kinds(),
        measured: row.measured(scope),
        error_rate_5m: row.tally(shown).and_then(Tally::error_rate),
        averages: [average(1, AVERAGES[0]), average(2, AVERAGES[1])],
        endpoints: listed(
            endpoints,
            |one| &one.row,
            scope,
            |(key, gathered)| endpoint(key, gathered, &sizes, scope),
        ),
        dependencies: listed(dependencies, |row| row, scope, dependency),
        sizes: sizes.all(),
        overflow: whole.overflow,
        last_seen: whole.last_seen(),
    }))
}

/// Whether it is something that the service asks of others.
fn is_dependency(operation: &Operation<'_>) -> bool {
    let is_asked = matches!(operation.kind, Kind::Model | Kind::Tool | Kind::Mcp);
    let is_one = !operation.is_overflow() && operation.kind != Kind::Websocket;
    is_one && (operation.side == Side::Client || (is_asked && operation.side == Side::Internal))
}

fn endpoint(key: (String, Kind), of: Gathered, sizes: &AllSizes, scope: &Scope) -> Endpoint {
    let (name, kind) = key;
    Endpoint {
        sizes: sizes.of(of.method.as_deref(), of.route.as_deref()),
        measured: of.row.measured(scope),
        name,
        kind,
        method: of.method,
        route: of.route,
        statuses: of.statuses,
        errors: of.errors,
    }
}

/// The sizes of requests and responses by method and route.
#[derive(Debug, Default)]
struct AllSizes([BTreeMap<(String, String), Tally>; 2]);

impl AllSizes {
    fn of(&self, method: Option<&str>, route: Option<&str>) -> Sizes {
        let key = (
            method.unwrap_or("").to_owned(),
            route.unwrap_or("").to_owned(),
        );
        let [request, response] = self.0.each_ref().map(|all| all.get(&key).and_then(size));
        Sizes { request, response }
    }

    fn all(&self) -> Sizes {
        let [request, response] = self.0.each_ref().map(|all| {
            let mut sum = Tally::default();
            for one in all.values() {
                sum.add(one);
            }
            size(&sum)
        });
        Sizes { request, response }
    }
}

fn size(tally: &Tally) -> Option<Size> {
    let stats = tally.stats(1.0);
    let [p50, _, p95, ..] = stats.quantiles;
    (stats.count > 0.0).then_some(Size {
        count: stats.count,
        mean: stats.mean,
        p50,
        p95,
        max: stats.max,
    })
}

/// The metrics of sizes: derived from spans first, then a library's, the newer convention first.
const SIZES: [[&str; 3]; 2] = [
    [
        "traces_span_metrics_http_request_body_size_bytes",
        "http_server_request_body_size_bytes",
        "http_server_request_size_bytes",
    ],
    [
        "traces_span_metrics_http_response_body_size_bytes",
        "http_server_response_body_size_bytes",
        "http_server_response_size_bytes",
    ],
];

fn sizes(
    querier: &dyn Querier,
    name: &str,
    names: &Names,
    scope: &Scope,
) -> Result<AllSizes, QueryError> {
    let mut all = AllSizes::default();
    let windows = [Window::whole(scope.range)];
    let keep = |labels: &Labels| {
        let side = labels.get("span_kind");
        names.of(labels) == name && side.is_none_or(|side| side == "SPAN_KIND_SERVER")
    };
    for (metrics, into) in SIZES.iter().zip(&mut all.0) {
        let found = measures::any(querier, metrics, &windows, keep, |_| 1.0)?;
        let seen = |metric: &&str| {
            let mut of = found.iter().filter(|one| one.labels.name() == *metric);
            of.any(|one| one.tallies.iter().any(|tally| tally.count > 0.0))
        };
        let Some(told) = metrics.iter().find(|metric| seen(metric)) else {
            continue;
        };
        for measure in found.iter().filter(|one| one.labels.name() == *told) {
            let operation = Operation::of_metric(&measure.labels, Kind::Http, Side::Server);
            let text = |text: Option<&str>| text.unwrap_or("").to_owned();
            let key = (text(operation.method()), text(operation.route()));
            let tally = into.entry(key).or_default();
            for one in &measure.tallies {
                tally.add(one);
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Store, range, scope};
    use super::*;

    fn store() -> Store {
        let store = Store::new();
        let served = |route: &str, status: &str, secs, durations: &[f64]| {
            let name = format!("GET {route}");
            let code = match status {
                "500" => "STATUS_CODE_ERROR",
                _ => "STATUS_CODE_UNSET",
            };
            let labels = [
                ("service", "api"),
                ("span_kind", "SPAN_KIND_SERVER"),
                ("span_name", name.as_str()),
                ("http_request_method", "GET"),
                ("http_route", route),
                ("http_response_status_code", status),
                ("status_code", code),
                ("error_type", if status == "500" { "Oops" } else { "" }),
            ];
            store.spans(&labels, secs, durations);
        };
        served("/a", "200", 100, &[0.1; 8]);
        served("/a", "500", 200, &[0.5; 2]);
        served("/b", "200", 990, &[3.0; 10]);
        let asked = [
            ("service", "api"),
            ("span_kind", "SPAN_KIND_CLIENT"),
            ("span_name", "SELECT users"),
            ("db_system_name", "postgresql"),
            ("db_namespace", "shop"),
        ];
        store.spans(&asked, 100, &[0.01; 5]);
        let mut size = tacho_model::Histogram::new();
        size.observe(1000.0);
        let labels = [
            ("__name__", SIZES[0][0]),
            ("service", "api"),
            ("http_request_method", "GET"),
            ("http_route", "/a"),
        ];
        store.histogram(&labels, 100, size);
        store
    }

    #[test]
    fn endpoints_dependencies_and_sizes() {
        let store = store();
        let found = service(store.querier(), "api", &scope()).unwrap().unwrap();
        assert_eq!(found.kinds, ["http", "database"]);
        assert_eq!(
            (found.measured.stats.count, found.measured.stats.errors),
            (20.0, 2.0)
        );
        assert_eq!(found.error_rate_5m, Some(0.0));
        assert_eq!(found.averages[0].rate, 20.0 / 3600.0);
        assert_eq!(found.averages[1].error_rate, Some(0.1));
        let endpoints = &found.endpoints.rows;
        let names: Vec<&str> = endpoints.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["GET /b", "GET /a"]);
        let a = &endpoints[1];
        assert_eq!(
            a.statuses,
            BTreeMap::from([("200".into(), 8.0), ("500".into(), 2.0)])
        );
        assert_eq!(a.errors, BTreeMap::from([("Oops".into(), 2.0)]));
        assert_eq!(a.sizes.request.unwrap().mean, Some(1000.0));
        assert_eq!(endpoints[0].sizes, Sizes::default());
        let dependency = &found.dependencies.rows[0];
        assert_eq!(dependency.name, "postgresql/shop");
        assert_eq!(dependency.measured.stats.count, 5.0);
    }

    #[test]
    fn a_list_that_is_cut_says_so_and_a_service_that_is_not_there_is_none() {
        let store = store();
        let scope = Scope {
            limit: 1,
            previous: Some(range(-1000, 0)),
            ..scope()
        };
        let found = service(store.querier(), "api", &scope).unwrap().unwrap();
        assert_eq!((found.endpoints.rows.len(), found.endpoints.more), (1, 1));
        assert_eq!(found.measured.previous.unwrap().count, 0.0);
        assert!(service(store.querier(), "apis", &scope).unwrap().is_none());
        // It did something that day, but nothing in this window.
        let later = Scope::last(Duration::from_mins(1), super::super::testing::at(9000));
        let found = service(store.querier(), "api", &later).unwrap().unwrap();
        assert_eq!(
            (found.measured.stats.count, found.endpoints.rows.len()),
            (0.0, 0)
        );
        assert!(found.last_seen.is_some());
    }
}
