//! Bodies that the OpenTelemetry SDK for Python 1.45.2 sent: the first round of
//! `crates/tacho/tests/clients/otlp_metrics.py`.

use proptest::prelude::*;

use super::*;

macro_rules! body {
    ($name:literal) => {
        include_bytes!(concat!(
            "../../../../tests/assets/otlp-metrics-",
            $name,
            ".bin"
        ))
    };
}

const ALL: [&[u8]; 4] = [
    body!("cumulative-explicit"),
    body!("cumulative-exponential"),
    body!("delta-explicit"),
    body!("delta-exponential"),
];

/// Metric names and values, without other labels and times.
fn values(body: &[u8]) -> Vec<String> {
    let mut batch = Batch::new();
    let decoded = translator().decode(body, NOW, &mut batch).unwrap();
    assert_eq!((decoded.points, decoded.refused.total()), (6, 0));
    let mut values = Vec::new();
    for line in shown(&batch, &decoded) {
        let (name, rest) = line.split_once('{').unwrap();
        let (labels, value) = rest.rsplit_once("} ").unwrap();
        let value = value.rsplit_once(" @").unwrap().0;
        let le = labels
            .split(',')
            .find(|l| l.starts_with("le="))
            .unwrap_or("");
        values.push(format!("{name}{le} {value}"));
    }
    values.sort();
    values
}

#[test]
fn cumulative_points_and_classic_histograms() {
    assert_eq!(
        values(ALL[0]),
        [
            "shop_items 1",
            "shop_memory_used_kibibytes 1",
            "shop_network_io_bytes_total 10",
            "shop_request_duration_seconds_bucketle=\"+Inf\" 3",
            "shop_request_duration_seconds_bucketle=\"0.5\" 1",
            "shop_request_duration_seconds_bucketle=\"1\" 2",
            "shop_request_duration_seconds_bucketle=\"5\" 2",
            "shop_request_duration_seconds_count 3",
            "shop_request_duration_seconds_sum 9",
            "shop_requests_total 1",
            "shop_requests_total 2",
            "target_info 1",
        ]
    );
}

#[test]
fn deltas_and_native_histograms() {
    let values = values(ALL[3]);
    let (histogram, numbers): (Vec<_>, Vec<_>) = values.iter().partition(|v| v.contains('['));
    assert_eq!(
        numbers,
        [
            "shop_items 1",
            "shop_memory_used_kibibytes 1",
            "shop_network_io_bytes_total +10",
            "shop_requests_total +1",
            "shop_requests_total +2",
            "target_info 1",
        ]
    );
    let [histogram] = histogram.as_slice() else {
        panic!("one histogram: {values:?}");
    };
    assert!(histogram.contains("+[schema"), "{histogram}");
    assert!(histogram.contains("count 3 sum 9 zero 0"), "{histogram}");
}

#[test]
fn labels_of_a_real_point() {
    let mut batch = Batch::new();
    translator().decode(ALL[0], NOW, &mut batch).unwrap();
    let labels = batch.rows().map(|(series, _, _)| batch.labels(series));
    let labels: Vec<String> = labels.map(|set| set.unwrap().to_string()).collect();
    let get = r#"shop_requests_total{http_request_method="GET",http_response_status_code="200",instance="cart-1",job="shop/cart",otel_scope_name="shop.cart",otel_scope_version="1.2"}"#;
    assert!(labels.iter().any(|set| set == get), "{labels:#?}");
    let target = labels.iter().find(|set| set.starts_with("target_info{"));
    let target = target.expect("a target");
    assert!(target.contains(r#"tags="[\"a\",\"b\"]""#), "{target}");
    assert!(
        target.contains(r#"telemetry_sdk_language="python""#),
        "{target}"
    );
}

proptest! {
    /// A damaged body is read or refused, and never leaves what does not hold together.
    #[test]
    fn damage_does_no_harm(
        which in 0..ALL.len(),
        cut in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut body = ALL[which].to_vec();
        for (at, byte) in flips {
            let at = at.index(body.len());
            body[at] ^= byte;
        }
        body.truncate(cut.index(body.len()) + 1);
        let mut batch = Batch::new();
        if let Ok(decoded) = translator().decode(&body, NOW, &mut batch) {
            prop_assert_eq!(batch.len(), decoded.rows.len());
            for delta in &decoded.deltas {
                prop_assert!(batch.labels(delta.series).is_some());
                prop_assert!(delta.start <= delta.time);
            }
        }
    }
}
