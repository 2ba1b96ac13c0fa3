//! What a request looks like to others: read by prost, and by a receiver that translates names.

use prost::Message as _;

use super::*;
use crate::otlp::metrics::tests::messages::{KeyValue, Metric, Number, Request, ResourceMetrics};

fn known(name: &str) -> Option<Metadata> {
    let (kind, unit) = match name {
        "http_requests_total" => (Kind::Counter, "{request}"),
        "network_bytes_total" => (Kind::Counter, "By"),
        "app_requests" => (Kind::Counter, ""),
        "cpu_seconds" | "took" | "load" => (Kind::Gauge, "s"),
        "hit_ratio" => (Kind::Gauge, "1"),
        "latency_seconds" => (Kind::Timing, "s"),
        "size" => (Kind::Histogram, "By"),
        _ => return None,
    };
    Some(Metadata {
        kind,
        unit: Unit::of(unit),
        help: format!("about {name}"),
    })
}

fn pairs(attributes: &[KeyValue]) -> String {
    let text = |one: &KeyValue| one.value.clone().and_then(|value| value.text).unwrap();
    let pairs = attributes
        .iter()
        .map(|one| format!("{}={}", one.key, text(one)));
    pairs.collect::<Vec<_>>().join(" ")
}

/// A line a metric, without its points.
fn metric_line(metric: &Metric) -> String {
    let data = if metric.gauge.is_some() {
        "gauge".to_owned()
    } else if let Some(sum) = &metric.sum {
        format!("sum {} {}", sum.temporality, sum.monotonic)
    } else if let Some(data) = &metric.exponential {
        format!("exponential {}", data.temporality)
    } else {
        let data = metric.histogram.as_ref().unwrap();
        format!("histogram {}", data.temporality)
    };
    let told = pairs(&metric.metadata).replace("tachograph.", "");
    let (name, unit) = (&metric.name, &metric.unit);
    assert!(metric.description.is_empty() || metric.description == format!("about {name}"));
    format!("{name} [{unit}] {data} ({told})")
}

fn encoded(batch: &Batch) -> Vec<u8> {
    let encoder = MetricsEncoder::new(batch);
    let encoded = encoder.encode(0..batch.len(), usize::MAX, &mut known);
    encoded.unwrap().body
}

#[test]
fn kinds_and_units_are_told_where_they_leave_the_name_as_it_is() {
    let mut batch = Batch::new();
    for name in [
        "app_requests",
        "cpu_seconds",
        "hit_ratio",
        "http_requests_total",
        "load",
        "network_bytes_total",
        "nobody_knows",
        "nobody_knows_total",
    ] {
        let series = batch.series([("__name__", name), ("job", "a")]).unwrap();
        batch.push(series, Timestamp::from_secs(1), 1.0);
    }
    let body = encoded(&batch);
    let request = Request::decode(&*body).unwrap();
    let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
    let lines: Vec<String> = metrics.iter().map(metric_line).collect();
    assert_eq!(
        lines,
        [
            // A monotonic sum would become `app_requests_total`.
            "app_requests [] sum 2 false (kind=counter)",
            "cpu_seconds [s] gauge (kind=gauge)",
            "hit_ratio [1] gauge (kind=gauge)",
            "http_requests_total [{request}] sum 2 true (kind=counter)",
            // With its unit it would become `load_seconds`.
            "load [] gauge (kind=gauge unit=s)",
            "network_bytes_total [By] sum 2 true (kind=counter)",
            "nobody_knows [] gauge (kind=unknown)",
            "nobody_knows_total [] sum 2 true (kind=unknown)",
        ]
    );
    let (translated, _) = read(&for_strangers(body));
    assert_eq!(shown(&translated), shown(&batch));
}

#[test]
fn whose_a_sample_is_becomes_resource_and_scope() {
    let mut batch = Batch::new();
    let labels = [
        ("__name__", "up"),
        ("job", "shop/api"),
        ("instance", "a:1"),
        ("otel_scope_name", "lib"),
        ("otel_scope_version", "2"),
        ("path", "/"),
    ];
    let series = batch.series(labels).unwrap();
    let end = f64::from_bits(STALE_NAN_BITS);
    batch.push(series, Timestamp::from_secs(3), end);
    batch.push(series, Timestamp::from_secs(4), 0.0);
    let plain = [("__name__", "up"), ("job", "a/b/c")];
    let plain = batch.series(plain).unwrap();
    batch.push(plain, Timestamp::from_secs(4), 1.0);
    let body = encoded(&batch);
    let request = Request::decode(&*body).unwrap();
    let [plain, shop] = &request.resource_metrics[..] else {
        panic!()
    };
    let who = |one: &ResourceMetrics| pairs(&one.resource.clone().unwrap().attributes);
    assert_eq!(who(plain), "service.name=a/b/c");
    assert_eq!(
        who(shop),
        "service.namespace=shop service.name=api service.instance.id=a:1"
    );
    let scope = &shop.scope_metrics[0];
    let named = scope.scope.clone().unwrap();
    assert_eq!((named.name.as_str(), named.version.as_str()), ("lib", "2"));
    let points = &scope.metrics[0].gauge.as_ref().unwrap().points;
    let told = |point: &Number| {
        let attributes = pairs(&point.attributes);
        (
            point.time / 1_000_000_000,
            point.double,
            point.flags,
            attributes,
        )
    };
    assert_eq!(told(&points[0]), (3, None, 1, "path=/".to_owned()));
    assert_eq!(told(&points[1]), (4, Some(0.0), 0, "path=/".to_owned()));
    let (translated, _) = read(&for_strangers(body));
    assert_eq!(shown(&translated), shown(&batch));
}

/// Two native histograms and a classic one.
fn distributions() -> Batch {
    let mut batch = Batch::new();
    let time = Timestamp::from_secs(1);
    for (name, temporality) in [
        ("latency_seconds", Temporality::Delta),
        ("size", Temporality::Cumulative),
    ] {
        let series = batch.series([("__name__", name)]).unwrap();
        let value = histogram(&[0.0, 1.0, 4.0, -2.0], 1.0, temporality);
        batch.push_histogram(series, time, value);
    }
    for (name, le, value) in [
        ("took_bucket", "0.5", 2.0),
        ("took_bucket", "1", 2.0),
        ("took_bucket", "+Inf", 5.0),
        ("took_count", "", 5.0),
        ("took_sum", "", 7.5),
    ] {
        let labels = [("__name__", name), ("le", le), ("x", "y")];
        let series = batch.series(labels).unwrap();
        batch.push(series, time, value);
    }
    batch
}

#[test]
fn distributions_have_their_own_forms() {
    let batch = distributions();
    let body = encoded(&batch);
    let request = Request::decode(&*body).unwrap();
    let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
    let lines: Vec<String> = metrics.iter().map(metric_line).collect();
    assert_eq!(
        lines,
        [
            "latency_seconds [s] exponential 1 (kind=timing)",
            "size [] exponential 2 (kind=histogram unit=By)",
            "took [] histogram 2 (kind=gauge unit=s)",
        ]
    );
    let size = &metrics[1].exponential.as_ref().unwrap().points[0];
    assert_eq!((size.count, size.sum), (4, Some(3.0)));
    assert_eq!((size.scale, size.zero_count), (6, 1));
    // (1/base, 1] is -1 by OpenTelemetry's count; 4 lies two powers of 64 buckets further.
    let positive = size.positive.as_ref().unwrap();
    assert_eq!((positive.offset, positive.counts.len()), (-1, 129));
    assert_eq!((positive.counts[0], positive.counts[128]), (1, 1));
    let negative = size.negative.as_ref().unwrap();
    assert_eq!((negative.offset, &negative.counts[..]), (63, &[1][..]));
    let took = &metrics[2].histogram.as_ref().unwrap().points[0];
    assert_eq!((took.count, took.sum), (5, Some(7.5)));
    assert_eq!(pairs(&took.attributes), "x=y");
    assert_eq!(took.bounds, [0.5, 1.0]);
    assert_eq!(took.counts, [2, 0, 3]);
}

#[test]
fn distributions_are_kept_as_they_were() {
    let batch = distributions();
    let body = encoded(&batch);
    let (back, decoded) = read(&body);
    assert!(decoded.deltas.is_empty(), "a sample is kept as it is");
    assert_eq!(shown(&back), shown(&batch));
    let mut told: Vec<&str> = back.metadata().map(|(name, _)| name).collect();
    told.sort_unstable();
    let parts = ["took_bucket", "took_count", "took_sum"];
    let whole = ["latency_seconds", "size", "took"];
    assert_eq!(told, [&whole[..], &parts[..]].concat());
    let (_, decoded) = read(&for_strangers(body));
    assert_eq!(decoded.deltas.len(), 1, "to others it is what was gained");
}
