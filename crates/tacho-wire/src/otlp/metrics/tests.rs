mod captured;
pub(in crate::otlp) mod messages;

use proptest::prelude::*;
use prost::Message as _;
use tacho_model::append::is_stale;
use tacho_model::{Kind as ModelKind, Value};

use self::messages::{
    AnyValue, Buckets, Exemplar, Explicit, Exponential, Exponentials, Histograms, KeyValue, Metric,
    Number, Numbers, Quantile, Request, Resource, ResourceMetrics, Scope, ScopeMetrics, Summaries,
    Summary,
};
use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_000);
const SECOND: u64 = 1_000_000_000;
const DELTA: i32 = 1;
const CUMULATIVE: i32 = 2;

fn pair(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            text: Some(value.to_owned()),
            integer: None,
        }),
    }
}

/// A request of service `api` with one metric.
fn request(metric: Metric) -> Request {
    Request {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: vec![pair("service.name", "api"), pair("host.name", "a")],
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(Scope {
                    name: "lib".to_owned(),
                    version: String::new(),
                }),
                metrics: vec![metric],
            }],
        }],
    }
}

fn translator() -> Translator {
    Translator::new(Limits::default(), 1)
}

/// What a body becomes: a line a row, a delta and a refusal.
fn lines(body: &[u8]) -> Vec<String> {
    let mut batch = Batch::new();
    let decoded = translator().decode(body, NOW, &mut batch).unwrap();
    shown(&batch, &decoded)
}

fn shown(batch: &Batch, decoded: &Decoded) -> Vec<String> {
    let labels = |series| batch.labels(series).unwrap().to_string();
    let mut lines = Vec::new();
    for (series, time, value) in batch.rows() {
        let value = match value {
            Value::Float(value) if is_stale(value) => "stale".to_owned(),
            Value::Float(value) => value.to_string(),
            Value::Histogram(histogram) => histogram_text(histogram),
        };
        let at = time.as_nanos() / SECOND as i64;
        lines.push(format!("{} {value} @{at}", labels(series)));
    }
    for delta in &decoded.deltas {
        let value = match delta.amount {
            Amount::Number(value) => value.to_string(),
            Amount::Histogram(at) => histogram_text(&decoded.histograms[at as usize]),
        };
        let (start, time) = (delta.start.as_nanos(), delta.time.as_nanos());
        let (start, time) = (start / SECOND as i64, time / SECOND as i64);
        lines.push(format!("{} +{value} @{start}-{time}", labels(delta.series)));
    }
    lines.extend(decoded.refused.examples.iter().cloned());
    let shorten = |line: String| {
        line.replace("job=\"api\",", "")
            .replace("otel_scope_name=\"lib\"", "L")
            .replace("job=\"api\"", "J")
    };
    lines.into_iter().map(shorten).collect()
}

fn histogram_text(histogram: &tacho_model::Histogram) -> String {
    let parts = histogram.to_parts();
    let side = |buckets: &[tacho_model::histogram::Bucket]| {
        let one = |b: &tacho_model::histogram::Bucket| format!("{}:{}", b.index, b.count);
        buckets.iter().map(one).collect::<Vec<_>>().join(" ")
    };
    format!(
        "[schema {} count {} sum {} zero {} | {} | {}]",
        parts.schema,
        parts.count,
        parts.sum,
        parts.zero_count,
        side(&parts.negative),
        side(&parts.positive)
    )
}

#[track_caller]
fn check(metric: Metric, expected: &[&str]) {
    let mut expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
    let lines = lines(&request(metric).encode_to_vec());
    if lines.iter().any(|line| line.starts_with("target_info")) {
        let newest = lines.iter().find(|line| line.starts_with("target_info"));
        expected.insert(
            lines.iter().position(|l| Some(l) == newest).unwrap(),
            newest.unwrap().clone(),
        );
    }
    assert_eq!(lines, expected);
}

fn gauge(point: Number) -> Metric {
    Metric {
        name: "g".to_owned(),
        gauge: Some(Numbers {
            points: vec![point],
            ..Numbers::default()
        }),
        ..Metric::default()
    }
}

fn sum(temporality: i32, monotonic: bool, point: Number) -> Metric {
    Metric {
        name: "c".to_owned(),
        sum: Some(Numbers {
            points: vec![point],
            temporality,
            monotonic,
        }),
        ..Metric::default()
    }
}

fn number(value: f64) -> Number {
    Number {
        start: 5 * SECOND,
        time: 7 * SECOND,
        double: Some(value),
        ..Number::default()
    }
}

#[test]
fn numbers_become_samples() {
    check(gauge(number(1.5)), &["g{L} 1.5 @7"]);
    let integer = Number {
        integer: Some(-3),
        ..Number::default()
    };
    // Without a time: when it arrived.
    check(gauge(integer), &["g{L} -3 @1000"]);
    check(sum(CUMULATIVE, true, number(2.0)), &["c_total{L} 2 @7"]);
    check(sum(CUMULATIVE, false, number(-2.0)), &["c{L} -2 @7"]);
    check(sum(DELTA, true, number(2.0)), &["c_total{L} +2 @5-7"]);
    check(sum(DELTA, false, number(-2.0)), &["c{L} +-2 @5-7"]);
    let ended = Number {
        flags: 1,
        time: 7 * SECOND,
        ..Number::default()
    };
    check(gauge(ended.clone()), &["g{L} stale @7"]);
    check(sum(DELTA, true, ended), &["c_total{L} stale @7"]);
    let labelled = Number {
        attributes: vec![pair("http.route", "/x"), pair("2", "y")],
        ..number(1.0)
    };
    check(gauge(labelled), &[r#"g{http_route="/x",key_2="y",L} 1 @7"#]);
}

#[test]
fn what_breaks_a_rule_is_refused_alone() {
    check(gauge(Number::default()), &["g: the point has no value"]);
    check(
        sum(0, true, number(1.0)),
        &["c: the aggregation temporality is neither delta nor cumulative"],
    );
    check(
        sum(DELTA, true, number(-1.0)),
        &["c: a delta of a monotonic sum is negative"],
    );
    check(
        sum(DELTA, false, number(f64::NAN)),
        &["c: a delta is not finite"],
    );
    let late = Number {
        time: u64::MAX,
        ..number(1.0)
    };
    check(gauge(late), &["g: the time is after the year 2262"]);
    let nameless = Metric {
        name: String::new(),
        ..gauge(number(1.0))
    };
    check(nameless, &[": the metric has no name"]);
    let long = Number {
        attributes: vec![pair("a", &"x".repeat(5000))],
        ..number(1.0)
    };
    check(
        gauge(long),
        &["g: label `a` has 5000 bytes, more than the 4096 allowed"],
    );
    let mut both = gauge(Number::default());
    if let Some(gauge) = &mut both.gauge {
        gauge.points.push(number(3.0));
    }
    check(both, &["g{L} 3 @7", "g: the point has no value"]);
}

fn histogram(temporality: i32, point: Explicit) -> Metric {
    Metric {
        name: "h".to_owned(),
        unit: "s".to_owned(),
        histogram: Some(Histograms {
            points: vec![point],
            temporality,
        }),
        ..Metric::default()
    }
}

fn explicit() -> Explicit {
    Explicit {
        start: 5 * SECOND,
        time: 7 * SECOND,
        count: 6,
        sum: Some(9.5),
        counts: vec![1, 2, 3],
        bounds: vec![0.005, 10.0],
        ..Explicit::default()
    }
}

#[test]
fn explicit_histograms_become_classic_ones() {
    check(
        histogram(CUMULATIVE, explicit()),
        &[
            r#"h_seconds_bucket{le="0.005",L} 1 @7"#,
            r#"h_seconds_bucket{le="10",L} 3 @7"#,
            r#"h_seconds_bucket{le="+Inf",L} 6 @7"#,
            "h_seconds_count{L} 6 @7",
            "h_seconds_sum{L} 9.5 @7",
        ],
    );
    let plain = Explicit {
        count: 4,
        sum: None,
        counts: vec![],
        bounds: vec![],
        ..explicit()
    };
    check(
        histogram(DELTA, plain),
        &[
            r#"h_seconds_bucket{le="+Inf",L} +4 @5-7"#,
            "h_seconds_count{L} +4 @5-7",
        ],
    );
    let mismatched = Explicit {
        bounds: vec![1.0],
        ..explicit()
    };
    let wrong = "h: the histogram's bounds are not increasing, or do not match its counts";
    check(histogram(DELTA, mismatched), &[wrong]);
    for bounds in [
        vec![2.0, 1.0],
        vec![f64::NAN, 1.0],
        vec![1.0, f64::INFINITY],
    ] {
        let odd = Explicit {
            bounds,
            ..explicit()
        };
        check(histogram(CUMULATIVE, odd), &[wrong]);
    }
    let ended = Explicit {
        flags: 1,
        counts: vec![],
        bounds: vec![],
        ..explicit()
    };
    check(
        histogram(CUMULATIVE, ended),
        &[
            r#"h_seconds_bucket{le="+Inf",L} stale @7"#,
            "h_seconds_count{L} stale @7",
            "h_seconds_sum{L} stale @7",
        ],
    );
}

fn exponential(temporality: i32, point: Exponential) -> Metric {
    Metric {
        name: "e".to_owned(),
        exponential: Some(Exponentials {
            points: vec![point],
            temporality,
        }),
        ..Metric::default()
    }
}

fn buckets(offset: i32, counts: &[u64]) -> Buckets {
    let counts = counts.to_vec();
    Buckets { offset, counts }
}

#[test]
fn exponential_histograms_become_native_ones() {
    let point = Exponential {
        start: 5 * SECOND,
        time: 7 * SECOND,
        count: 10,
        sum: Some(2.5),
        scale: 3,
        zero_count: 1,
        positive: Some(buckets(-2, &[1, 0, 2])),
        negative: Some(buckets(4, &[6])),
        ..Exponential::default()
    };
    let expected = "e{L} [schema 3 count 10 sum 2.5 zero 1 | 5:6 | -1:1 1:2] @7";
    check(exponential(CUMULATIVE, point.clone()), &[expected]);
    let expected = "e{L} +[schema 3 count 10 sum 2.5 zero 1 | 5:6 | -1:1 1:2] @5-7";
    check(exponential(DELTA, point.clone()), &[expected]);
    // At scale 10 four neighbours become one bucket of scale 8: (base^0, base^4] and so on.
    let fine = Exponential {
        count: 6,
        zero_count: 0,
        scale: 10,
        sum: None,
        positive: Some(buckets(-1, &[1, 1, 1, 1, 1, 1])),
        negative: None,
        ..point.clone()
    };
    let expected = "e{L} [schema 8 count 6 sum NaN zero 0 |  | 0:1 1:4 2:1] @7";
    check(exponential(CUMULATIVE, fine), &[expected]);
    let coarse = Exponential {
        scale: -5,
        ..point.clone()
    };
    check(
        exponential(CUMULATIVE, coarse),
        &["e: the exponential histogram's scale is below -4"],
    );
    let short = Exponential { count: 2, ..point };
    check(
        exponential(CUMULATIVE, short),
        &["e: it is no valid histogram: the count is less than what the buckets hold"],
    );
}

#[test]
fn summaries_become_quantiles() {
    let metric = Metric {
        name: "s".to_owned(),
        summary: Some(Summaries {
            points: vec![Summary {
                time: 7 * SECOND,
                count: 3,
                sum: 1.5,
                quantiles: vec![Quantile {
                    quantile: 0.99,
                    value: 0.7,
                }],
            }],
        }),
        ..Metric::default()
    };
    check(
        metric,
        &[
            r#"s{L,quantile="0.99"} 0.7 @7"#,
            "s_count{L} 3 @7",
            "s_sum{L} 1.5 @7",
        ],
    );
}

#[test]
fn a_resource_is_told_once_at_its_newest_time() {
    let mut twice = request(gauge(number(1.0)));
    let mut later = request(gauge(Number {
        time: 9 * SECOND,
        ..number(2.0)
    }));
    twice.resource_metrics.append(&mut later.resource_metrics);
    let lines = lines(&twice.encode_to_vec());
    let targets = lines.iter().filter(|line| line.starts_with("target_info"));
    let expected = [r#"target_info{host_name="a",J} 1 @9"#];
    assert_eq!(targets.collect::<Vec<_>>(), expected);
}

#[test]
fn resources_are_told_in_the_order_of_the_body() {
    let mut many = Request::default();
    let hosts: Vec<String> = (0..9).map(|n| format!("h{}", n * 7 % 9)).collect();
    for host in &hosts {
        let mut one = request(gauge(number(1.0)));
        let resource = one.resource_metrics[0].resource.as_mut().unwrap();
        resource.attributes[1] = pair("host.name", host);
        many.resource_metrics.append(&mut one.resource_metrics);
    }
    let lines = lines(&many.encode_to_vec());
    let told = lines.iter().filter(|line| line.starts_with("target_info"));
    let told: Vec<&str> = told.map(|line| line.split('"').nth(1).unwrap()).collect();
    assert_eq!(told, hosts);
}

#[test]
fn metrics_are_described_once_by_the_names_of_their_samples() {
    let mut translator = translator();
    let mut batch = Batch::new();
    let metric = Metric {
        description: "How long.".to_owned(),
        ..histogram(CUMULATIVE, explicit())
    };
    let body = request(metric).encode_to_vec();
    translator.decode(&body, NOW, &mut batch).unwrap();
    let told: Vec<_> = batch
        .metadata()
        .map(|(name, m)| (name, m.kind, m.unit.as_str(), m.help.as_str()))
        .collect();
    let (counter, help) = (ModelKind::Counter, "How long.");
    assert_eq!(
        told,
        [
            ("h_seconds_bucket", counter, "", help),
            ("h_seconds_count", counter, "", help),
            ("h_seconds_sum", counter, "s", help),
            ("h_seconds", ModelKind::Histogram, "s", help),
        ]
    );
    translator.decode(&body, NOW, &mut batch).unwrap();
    assert_eq!(batch.metadata().count(), 0);
    translator.forget();
    translator.decode(&body, NOW, &mut batch).unwrap();
    assert_eq!(batch.metadata().count(), 4);
}

#[test]
fn exemplars_belong_to_their_bucket() {
    let exemplar = Exemplar {
        time: 6 * SECOND,
        double: Some(3.0),
        span_id: vec![0, 0, 0, 0, 0, 0, 0, 9],
        trace_id: [vec![0; 15], vec![7]].concat(),
        attributes: vec![pair("user.id", "u")],
    };
    let point = Explicit {
        exemplars: vec![exemplar],
        ..explicit()
    };
    let body = request(histogram(CUMULATIVE, point)).encode_to_vec();
    let mut batch = Batch::new();
    translator().decode(&body, NOW, &mut batch).unwrap();
    let [(series, exemplar)] = batch.exemplars() else {
        panic!("one exemplar");
    };
    assert_eq!(batch.labels(*series).unwrap().get("le"), Some("10"));
    assert_eq!((exemplar.trace_id, exemplar.span_id), (7, 9));
    assert_eq!(exemplar.timestamp, Timestamp::from_secs(6));
    assert_eq!(exemplar.labels.to_string(), r#"{user_id="u"}"#);
}

#[test]
fn limits_refuse_the_request() {
    let limits = Limits {
        points_max: 1,
        ..Limits::default()
    };
    let mut metric = gauge(number(1.0));
    if let Some(gauge) = &mut metric.gauge {
        gauge.points.push(number(2.0));
    }
    let body = request(metric).encode_to_vec();
    let mut translator = Translator::new(limits, 0);
    let refused = translator.decode(&body, NOW, &mut Batch::new());
    assert!(refused.unwrap_err().is_size());
    let limits = Limits {
        label_bytes_max: 100,
        ..Limits::default()
    };
    let body = request(histogram(CUMULATIVE, explicit())).encode_to_vec();
    let mut translator = Translator::new(limits, 0);
    let refused = translator.decode(&body, NOW, &mut Batch::new());
    let text = refused.unwrap_err().to_string();
    assert_eq!(
        text,
        "more than 100 bytes of labels in one request; send smaller requests"
    );
}

#[test]
fn fields_may_come_in_any_order_and_attributes_apart() {
    let [a, b] = [("a", "1"), ("b", "2")].map(|(k, v)| {
        let encoded = pair(k, v).encode_to_vec();
        [vec![7 << 3 | 2, encoded.len() as u8], encoded].concat()
    });
    let value = [vec![4 << 3 | 1], 5f64.to_le_bytes().to_vec()].concat();
    let wrapped =
        |number: u8, inside: &[u8]| [&[number << 3 | 2, inside.len() as u8][..], inside].concat();
    let point = wrapped(1, &[a, value, b].concat());
    // The temporality behind the points, the name behind the data.
    let sum = wrapped(7, &[point, vec![2 << 3, 2, 3 << 3, 1]].concat());
    let metric = wrapped(2, &[sum, wrapped(1, b"c")].concat());
    let scope = wrapped(1, &wrapped(1, b"lib"));
    let scope_metrics = wrapped(2, &[metric, scope].concat());
    let body = wrapped(1, &scope_metrics);
    assert_eq!(lines(&body), [r#"c_total{a="1",b="2",L} 5 @1000"#]);
}

/// Requests that mean something.
fn any_request() -> impl Strategy<Value = Request> {
    let attributes = || {
        let one = ("[a-c.]{1,2}", "[xy]?").prop_map(|(k, v)| pair(&k, &v));
        prop::collection::vec(one, 0..3)
    };
    let number = (
        any::<u64>(),
        0..20u64,
        any::<Option<f64>>(),
        attributes(),
        0..2u32,
    );
    let number = number.prop_map(|(start, time, double, attributes, flags)| Number {
        start,
        time: time * SECOND,
        double,
        attributes,
        flags,
        ..Number::default()
    });
    let kinds = (0..3, any::<bool>(), prop::collection::vec(number, 0..4));
    let metric = ("[a-c.]{0,3}", kinds).prop_map(|(name, (temporality, monotonic, points))| {
        let sum = Some(Numbers {
            points,
            temporality,
            monotonic,
        });
        Metric {
            name,
            sum,
            ..Metric::default()
        }
    });
    prop::collection::vec(metric, 0..4).prop_map(|metrics| {
        let mut all = request(Metric::default());
        all.resource_metrics[0].scope_metrics[0].metrics = metrics;
        all
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = translator().decode(&bytes, NOW, &mut Batch::new());
    }

    /// What is remembered changes nothing.
    #[test]
    fn a_second_time_is_as_the_first(requests in prop::collection::vec(any_request(), 1..4)) {
        // So little room that much is forgotten again.
        let limits = Limits { known_bytes_max: 800, ..Limits::default() };
        let mut used = Translator::new(limits, 3);
        let mut batch = Batch::new();
        for request in requests.iter().chain(&requests) {
            let body = request.encode_to_vec();
            let decoded = used.decode(&body, NOW, &mut batch).unwrap();
            prop_assert_eq!(batch.len(), decoded.rows.len());
            prop_assert_eq!(shown(&batch, &decoded), lines(&body));
        }
    }

    /// Every point is a row, a delta or a refusal.
    #[test]
    fn no_point_is_lost(request in any_request()) {
        let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
        let points = metrics.iter().map(|m| m.sum.as_ref().map_or(0, |s| s.points.len()));
        let points: usize = points.sum();
        let mut batch = Batch::new();
        let body = request.encode_to_vec();
        let decoded = translator().decode(&body, NOW, &mut batch).unwrap();
        let rows = decoded.rows.iter().filter(|point| **point != NO_POINT).count();
        prop_assert_eq!(decoded.points, points);
        prop_assert_eq!(rows + decoded.deltas.len() + decoded.refused.total(), points);
    }
}
