//! Any bytes to the decoder of OTLP metrics: twice, by one that knows nothing and by one that
//! remembers, which must agree.

#![no_main]

use tacho_fuzz::plant;
use tacho_model::{Batch, Timestamp};
use tacho_wire::otlp::metrics::{Amount, Decoded, Limits, NO_POINT, Translator};

/// What the SDK for Python sent.
fn seeds() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../../crates/tacho-wire/tests/assets/otlp-metrics-cumulative-explicit.bin")
            .to_vec(),
        include_bytes!("../../crates/tacho-wire/tests/assets/otlp-metrics-delta-exponential.bin")
            .to_vec(),
        include_bytes!("../../crates/tacho-wire/tests/assets/otlp-metrics-delta-explicit.bin")
            .to_vec(),
    ]
}

/// What there is must hold together.
fn check(batch: &Batch, decoded: &Decoded) {
    assert_eq!(batch.len(), decoded.rows.len());
    assert!(decoded.refused.total() <= decoded.points);
    for point in decoded.rows.iter().filter(|point| **point != NO_POINT) {
        assert!((*point as usize) < decoded.points);
    }
    for (series, _, _) in batch.rows() {
        assert!(batch.labels(series).is_some());
    }
    for delta in &decoded.deltas {
        assert!(batch.labels(delta.series).is_some() && delta.start <= delta.time);
        match delta.amount {
            Amount::Number(value) => assert!(value.is_finite()),
            Amount::Histogram(at) => assert!((at as usize) < decoded.histograms.len()),
        }
    }
}

libfuzzer_sys::fuzz_target!(init: plant(seeds()), |bytes: &[u8]| {
    let limits = Limits {
        label_bytes_max: 16 << 20,
        known_bytes_max: 1 << 20,
        ..Limits::default()
    };
    let now = Timestamp::from_secs(1_000);
    let mut translator = Translator::new(limits, 1);
    let mut first = Batch::new();
    let Ok(decoded) = translator.decode(bytes, now, &mut first) else {
        return;
    };
    check(&first, &decoded);
    let mut second = Batch::new();
    if let Ok(again) = translator.decode(bytes, now, &mut second) {
        check(&second, &again);
        assert_eq!((decoded.rows, decoded.deltas), (again.rows, again.deltas));
        assert!(first.all_label_bytes().eq(second.all_label_bytes()));
    }
});
