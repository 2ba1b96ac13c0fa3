//! Operations, whichever series tell of them.
//!
//! What spans tell is the most exact, so a library's own metrics are asked only about what no span of
//! the same service tells: the same kind of operation on the same side. Of two conventions of one
//! library, which some send at once, the newer one counts. So nothing is ever added up twice. Who
//! tells is decided for each window by itself, since a service may begin or stop to send either.
//! A library's metrics are of `job`, which has the namespace of a service before its name; where spans
//! tell the two apart, both are known by the spans' name.
//!
//! Source of the metrics' names: OpenTelemetry semantic conventions of today and of 1.20 (HTTP) and
//! before (RPC), as Prometheus writes them; Micrometer for `http_server_requests_seconds`.

use std::collections::{HashMap, HashSet};

use tacho_model::{Labels, Matcher, Querier, QueryError, Timestamp};

use super::measures::{self, Measure};
use super::operation::{Kind, Operation, Side, service};
use super::stats::{Origin, Tally};
use super::window::Window;

/// The durations of spans.
pub const SPAN_DURATION: &str = "traces_span_metrics_duration_seconds";

/// A library's metric of durations.
struct Family {
    metric: &'static str,
    /// Seconds in its unit.
    scale: f64,
    kind: Kind,
    side: Side,
    /// Of the same kind and side the lowest counts.
    rank: u8,
}

const fn family(metric: &'static str, scale: f64, kind: Kind, side: Side, rank: u8) -> Family {
    Family {
        metric,
        scale,
        kind,
        side,
        rank,
    }
}

const FAMILIES: [Family; 13] = [
    family(
        "http_server_request_duration_seconds",
        1.0,
        Kind::Http,
        Side::Server,
        0,
    ),
    family(
        "http_server_duration_milliseconds",
        1e-3,
        Kind::Http,
        Side::Server,
        1,
    ),
    family(
        "http_server_requests_seconds",
        1.0,
        Kind::Http,
        Side::Server,
        2,
    ),
    family(
        "http_client_request_duration_seconds",
        1.0,
        Kind::Http,
        Side::Client,
        0,
    ),
    family(
        "http_client_duration_milliseconds",
        1e-3,
        Kind::Http,
        Side::Client,
        1,
    ),
    family(
        "db_client_operation_duration_seconds",
        1.0,
        Kind::Database,
        Side::Client,
        0,
    ),
    family(
        "messaging_process_duration_seconds",
        1.0,
        Kind::Messaging,
        Side::Server,
        0,
    ),
    family(
        "messaging_client_operation_duration_seconds",
        1.0,
        Kind::Messaging,
        Side::Client,
        0,
    ),
    family(
        "rpc_server_call_duration_seconds",
        1.0,
        Kind::Rpc,
        Side::Server,
        0,
    ),
    family(
        "rpc_server_duration_milliseconds",
        1e-3,
        Kind::Rpc,
        Side::Server,
        1,
    ),
    family(
        "rpc_client_call_duration_seconds",
        1.0,
        Kind::Rpc,
        Side::Client,
        0,
    ),
    family(
        "rpc_client_duration_milliseconds",
        1e-3,
        Kind::Rpc,
        Side::Client,
        1,
    ),
    family(
        "gen_ai_client_operation_duration_seconds",
        1.0,
        Kind::Model,
        Side::Client,
        0,
    ),
];

/// Which operations are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Of this service only.
    pub service: Option<&'a str>,
    /// Of these kinds only; of all where there are none.
    pub kinds: &'a [Kind],
}

impl Wanted<'_> {
    /// Everything.
    pub const ALL: Self = Self {
        service: None,
        kinds: &[],
    };

    /// Operations of these kinds.
    pub fn kinds(kinds: &[Kind]) -> Wanted<'_> {
        Wanted {
            service: None,
            kinds,
        }
    }

    fn takes(&self, operation: &Operation<'_>) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&operation.kind)
    }
}

/// What somebody tells of: a service's operations of one kind on one side.
type Claim = (String, Kind, Side);

/// Who tells what, by window: the best rank of a library's, or that spans do.
type Told<T> = HashMap<Claim, Vec<T>>;

/// What services are called by their own metrics, where spans call them otherwise.
#[derive(Debug, Default)]
pub struct Names(HashMap<String, String>);

impl Names {
    /// Whose series it is, as spans call it.
    pub fn of<'a>(&'a self, labels: &'a Labels) -> &'a str {
        let told = service(labels);
        self.0.get(told).map_or(told, String::as_str)
    }
}

/// Hands `take` the operations that are wanted, with what each has in the windows; the names by which
/// whatever else the services' own metrics tell is known.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn observe(
    querier: &dyn Querier,
    wanted: Wanted<'_>,
    windows: &[Window],
    mut take: impl FnMut(&Operation<'_>, &[Tally], Option<Timestamp>) + Send,
) -> Result<Names, QueryError> {
    let mut claims: Told<bool> = HashMap::new();
    let mut names = Names::default();
    let matchers = span_matchers(SPAN_DURATION, wanted.service);
    measures::native(
        querier,
        matchers,
        windows,
        Origin::Spans,
        |labels, tallies, last| {
            let operation = Operation::of_span(labels);
            if let Some(job) = job(labels).filter(|job| !names.0.contains_key(job)) {
                names.0.insert(job, operation.service().to_owned());
            }
            if last.is_none() || !wanted.takes(&operation) {
                return;
            }
            let Operation { kind, side, .. } = operation;
            let claim = (operation.service().to_owned(), kind, side);
            let told = claims.entry(claim).or_default();
            told.resize(windows.len(), false);
            for (told, tally) in told.iter_mut().zip(tallies) {
                *told |= tally.count > 0.0;
            }
            with_errors(&operation, tallies, |tallies| {
                take(&operation, tallies, last);
            });
        },
    )?;
    let mut library = library(querier, wanted, windows, &names)?;
    only_best(&mut library, &claims, &names);
    for (family, measure) in library {
        let labels = &measure.labels;
        let operation = Operation::of_metric(labels, family.kind, family.side);
        let operation = operation.of_service(names.of(labels));
        with_errors(&operation, &measure.tallies, |tallies| {
            take(&operation, tallies, measure.last);
        });
    }
    Ok(names)
}

/// What the metrics of a service's own library call it.
///
/// # Errors
/// [`QueryError`] of the store.
pub(super) fn jobs(
    querier: &dyn Querier,
    service: &str,
    range: tacho_model::TimeRange,
) -> Result<Vec<String>, QueryError> {
    let spans = span_matchers(SPAN_DURATION, Some(service));
    let namespaces = querier.label_values("service_namespace", &spans, range)?;
    let named = namespaces.iter().filter(|name| !name.is_empty());
    let named = named.map(|name| format!("{name}/{service}"));
    Ok(std::iter::once(service.to_owned()).chain(named).collect())
}

/// What a library's metrics call the service of a span, where they call it otherwise.
fn job(labels: &Labels) -> Option<String> {
    let namespace = labels.get("service_namespace")?;
    Some(format!("{namespace}/{}", service(labels)))
}

/// The series of a metric derived from spans, of one service or all.
pub(super) fn span_matchers(metric: &str, service: Option<&str>) -> Vec<Matcher> {
    let metric = Matcher::metric(metric);
    let service = service.map(|name| Matcher::equal("service", name));
    std::iter::once(metric).chain(service).collect()
}

/// What libraries tell, the conventions that count first.
fn library(
    querier: &dyn Querier,
    wanted: Wanted<'_>,
    windows: &[Window],
    names: &Names,
) -> Result<Vec<(&'static Family, Measure)>, QueryError> {
    let is_wanted =
        |family: &&Family| wanted.kinds.is_empty() || wanted.kinds.contains(&family.kind);
    let families: Vec<&'static Family> = FAMILIES.iter().filter(is_wanted).collect();
    let metrics: Vec<&str> = families.iter().map(|family| family.metric).collect();
    if metrics.is_empty() {
        return Ok(Vec::new());
    }
    let find = |metric: &str| {
        families
            .iter()
            .find(|family| family.metric == metric)
            .copied()
    };
    let scale = |metric: &str| find(metric).map_or(1.0, |family| family.scale);
    let keep = |labels: &Labels| wanted.service.is_none_or(|name| names.of(labels) == name);
    let all = measures::any(querier, &metrics, windows, keep, scale)?;
    let with_family = all.into_iter().filter_map(|measure| {
        let seen = measure.tallies.iter().any(|tally| tally.count > 0.0);
        let family = find(measure.labels.name())?;
        seen.then_some((family, measure))
    });
    let mut all: Vec<(&Family, Measure)> = with_family.collect();
    all.sort_by_key(|(family, _)| family.rank);
    Ok(all)
}

/// Leaves of each service, kind and side and each window only what no span tells, of the convention
/// that counts.
fn only_best(all: &mut Vec<(&Family, Measure)>, claims: &Told<bool>, names: &Names) {
    let mut best: Told<Option<u8>> = HashMap::new();
    all.retain_mut(|(family, measure)| {
        let claim = (
            names.of(&measure.labels).to_owned(),
            family.kind,
            family.side,
        );
        let by_spans = claims.get(&claim).map_or(&[][..], Vec::as_slice);
        let best = best.entry(claim).or_default();
        best.resize(measure.tallies.len(), None);
        for (place, tally) in measure.tallies.iter_mut().enumerate() {
            if tally.count <= 0.0 {
                continue;
            }
            let rank = *best[place].get_or_insert(family.rank);
            if rank != family.rank || by_spans.get(place) == Some(&true) {
                *tally = Tally::default();
            }
        }
        measure.tallies.iter().any(|tally| tally.count > 0.0)
    });
}

/// Matches every metric that [`library_metric`] knows.
pub(super) fn any_library_metric() -> Result<Matcher, QueryError> {
    let each = FAMILIES
        .iter()
        .flat_map(|family| ["", "_bucket"].map(|suffix| format!("{}{suffix}", family.metric)));
    super::read::any_metric(&each.collect::<Vec<_>>())
}

/// What a library's metric of durations, or a bucket of it, is of, and the seconds in its unit.
pub(super) fn library_metric(name: &str) -> Option<(Kind, Side, f64)> {
    let metric = name.strip_suffix("_bucket").unwrap_or(name);
    let found = FAMILIES.iter().find(|family| family.metric == metric)?;
    Some((found.kind, found.side, found.scale))
}

/// The tallies, all of whose observations failed where the operation did.
fn with_errors(operation: &Operation<'_>, tallies: &[Tally], take: impl FnOnce(&[Tally])) {
    if !operation.is_error() {
        return take(tallies);
    }
    let mut failed = tallies.to_vec();
    for tally in &mut failed {
        tally.errors = tally.count;
    }
    take(&failed);
}

/// The names of all services that any of the series here are of, at some time in `range`, sorted.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn service_names(
    querier: &dyn Querier,
    range: tacho_model::TimeRange,
) -> Result<Vec<String>, QueryError> {
    let mut names: HashSet<String> = HashSet::new();
    let spans = [Matcher::metric(SPAN_DURATION)];
    names.extend(querier.label_values("service", &spans, range)?);
    let each = FAMILIES
        .iter()
        .flat_map(|family| ["", "_count"].map(|suffix| format!("{}{suffix}", family.metric)));
    let library = [super::read::any_metric(&each.collect::<Vec<_>>())?];
    for label in ["service", "job"] {
        names.extend(querier.label_values(label, &library, range)?);
    }
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::testing::{Store, range};
    use super::*;

    /// Count and errors by service and name.
    fn read(store: &Store, wanted: Wanted<'_>) -> BTreeMap<String, (f64, f64, Option<Origin>)> {
        let windows = [Window::whole(range(0, 1000))];
        let mut all = BTreeMap::new();
        observe(
            store.querier(),
            wanted,
            &windows,
            |operation, tallies, _| {
                let name = format!("{} {}", operation.service(), operation.name());
                let one: &mut (f64, f64, Option<Origin>) = all.entry(name).or_default();
                one.0 += tallies[0].count;
                one.1 += tallies[0].errors;
                one.2 = one.2.max(tallies[0].origin);
            },
        )
        .unwrap();
        all
    }

    #[test]
    fn a_namespace_makes_no_second_service() {
        let store = Store::new();
        let span = [
            ("service", "api"),
            ("service_namespace", "shop"),
            ("span_kind", "SPAN_KIND_SERVER"),
            ("span_name", "GET /a"),
            ("http_request_method", "GET"),
        ];
        store.spans(&span, 10, &[0.1]);
        let metric = "db_client_operation_duration_seconds";
        let buckets = [("1", 3.0), ("+Inf", 3.0)];
        store.buckets(
            &[("job", "shop/api"), ("db_operation_name", "GET")],
            metric,
            20,
            &buckets,
            1.0,
        );
        store.buckets(
            &[("job", "shop/api"), ("http_route", "/a")],
            NEW,
            20,
            &buckets,
            1.0,
        );
        let names = |wanted| read(&store, wanted).into_keys().collect::<Vec<_>>();
        assert_eq!(names(Wanted::ALL), ["api GET", "api GET /a"]);
        let one = Wanted {
            service: Some("api"),
            kinds: &[],
        };
        assert_eq!(names(one), ["api GET", "api GET /a"]);
    }

    #[test]
    fn who_tells_is_decided_for_each_window() {
        let store = Store::new();
        let get = [("http_request_method", "GET"), ("http_route", "/a")];
        let [method, route] = get;
        // Spans and metrics at first, then metrics alone: of a new convention, then of an old one.
        let kind = ("span_kind", "SPAN_KIND_SERVER");
        let span = [("service", "api"), kind, method, route];
        store.spans(&span, 500, &[0.1; 2]);
        let mut count = 0.0;
        for secs in [100, 500, 1500] {
            count += 5.0;
            let buckets = [("1", count), ("+Inf", count)];
            store.buckets(&[("job", "api"), method, route], NEW, secs, &buckets, 1.0);
        }
        let old = [("job", "api"), ("http_method", "GET")];
        for (secs, count) in [(1500, 3.0), (2500, 7.0)] {
            let buckets = [("1000", count), ("+Inf", count)];
            store.buckets(&old, OLD, secs, &buckets, 1000.0);
        }
        let windows = [(2000, 3000), (1000, 2000), (200, 1000)];
        let windows = windows.map(|(start, end)| Window::whole(range(start, end)));
        let mut counts = [0.0; 3];
        let mut take = |tallies: &[Tally]| {
            for (all, one) in counts.iter_mut().zip(tallies) {
                *all += one.count;
            }
        };
        observe(store.querier(), Wanted::ALL, &windows, |_, tallies, _| {
            take(tallies);
        })
        .unwrap();
        assert_eq!(counts, [4.0, 5.0, 2.0]);
    }

    const NEW: &str = "http_server_request_duration_seconds";
    const OLD: &str = "http_server_duration_milliseconds";

    #[test]
    fn spans_win_over_a_librarys_metrics_and_new_conventions_over_old_ones() {
        let store = Store::new();
        let get = [("http_request_method", "GET"), ("http_route", "/a")];
        let [method, route] = get;
        store.spans(
            &[
                ("service", "both"),
                ("span_kind", "SPAN_KIND_SERVER"),
                ("span_name", "GET /a"),
                method,
                route,
            ],
            10,
            &[0.1, 0.2],
        );
        for job in ["both", "metrics"] {
            store.buckets(
                &[("job", job), method, route],
                NEW,
                20,
                &[("1", 5.0), ("+Inf", 5.0)],
                1.0,
            );
            let old = [("job", job), ("http_method", "GET"), ("http_target", "/a")];
            store.buckets(&old, OLD, 20, &[("1000", 5.0), ("+Inf", 5.0)], 1000.0);
        }
        let old = [
            ("job", "old"),
            ("http_method", "GET"),
            ("http_status_code", "500"),
        ];
        store.buckets(&old, OLD, 20, &[("1000", 5.0), ("+Inf", 5.0)], 1000.0);
        // No span tells of queries, so their metric does.
        let query = [("job", "both"), ("db_operation_name", "SELECT")];
        let metric = "db_client_operation_duration_seconds";
        store.buckets(&query, metric, 20, &[("1", 3.0), ("+Inf", 3.0)], 1.0);
        let (spans, buckets) = (Some(Origin::Spans), Some(Origin::Buckets));
        let expected = [
            ("both GET /a", (2.0, 0.0, spans)),
            ("both SELECT", (3.0, 0.0, buckets)),
            ("metrics GET /a", (5.0, 0.0, buckets)),
            ("old GET", (5.0, 5.0, buckets)),
        ];
        let expected: BTreeMap<_, _> = expected
            .into_iter()
            .map(|(name, all)| (name.to_owned(), all))
            .collect();
        assert_eq!(read(&store, Wanted::ALL), expected);
        let one = Wanted {
            service: Some("both"),
            kinds: &[Kind::Database],
        };
        let only: Vec<String> = read(&store, one).into_keys().collect();
        assert_eq!(only, ["both SELECT"]);
        let names = service_names(store.querier(), range(0, 1000)).unwrap();
        assert_eq!(names, ["both", "metrics", "old"]);
    }
}
