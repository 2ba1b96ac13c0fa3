//! One series against a map that does the same.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

/// All samples as a reader sees them: numbers by their bits, histograms by their count.
fn read(series: &Series) -> BTreeMap<i64, u64> {
    let mut columns = Columns::new();
    let mut gather = Gather::new(&mut columns, TimeRange::ALL);
    for chunk in series.chunks() {
        chunk.read(&mut gather).unwrap();
    }
    if let Some(open) = series.open(TimeRange::ALL) {
        gather.columns(&open);
    }
    gather.finish();
    let floats = columns.timestamps.iter().zip(&columns.values);
    let floats = floats.map(|(time, value)| (time.as_nanos(), value.to_bits()));
    let histograms = columns.histogram_timestamps.iter().zip(&columns.histograms);
    let histograms = histograms.map(|(time, value)| (time.as_nanos(), value.count() as u64));
    floats.chain(histograms).collect()
}

#[test]
fn a_regular_series_keeps_no_times() {
    let mut series = Series::default();
    for i in 0..100 {
        assert_eq!(series.push(at(i * 15), Value::Float(i as f64)), 8);
    }
    assert!(series.times.is_none());
    assert_eq!(series.range(), Some(TimeRange::new(at(0), at(99 * 15))));
    series.push(at(99 * 15 + 14), Value::Float(7.0));
    assert!(series.times.is_some());
    assert_eq!(read(&series).len(), 101);
}

#[test]
fn a_sealed_series_starts_over_and_shares_times() {
    let mut sealer = Sealer::default();
    let mut series = [Series::default(), Series::default()];
    for i in 0..OPEN_MAX as i64 / 2 {
        for series in &mut series {
            assert!(!series.is_full());
            series.push(at(i * 15 + i % 3), Value::Float(i as f64));
        }
    }
    for series in &mut series {
        assert!(series.is_full());
        assert!(series.seal(&mut sealer).unwrap() < 0, "memory is freed");
        assert!(!series.is_full());
        assert_eq!(series.push(at(1_000_000), Value::Float(0.0)), 8);
        assert_eq!(read(series).len(), OPEN_MAX / 2 + 1);
    }
}

#[test]
fn times_at_the_limits_are_kept() {
    let times = [i64::MIN, i64::MAX, 0, -1, i64::MIN + 1, i64::MAX - 1, 1];
    let mut series = Series::default();
    for time in times {
        series.push(Timestamp::from_nanos(time), Value::Float(time as f64));
    }
    let mut sorted = times;
    sorted.sort_unstable();
    assert!(read(&series).into_keys().eq(sorted));
    series.seal(&mut Sealer::default()).unwrap();
    assert!(read(&series).into_keys().eq(sorted));
    let all = TimeRange::new(Timestamp::MIN, Timestamp::MAX);
    assert_eq!(series.range(), Some(all));
}

proptest! {
    #[test]
    fn any_order_of_writes_agrees_with_a_map(
        writes in prop::collection::vec((0i64..60, 0u8..10, any::<u64>()), 0..300),
    ) {
        let mut series = Series::default();
        let mut sealer = Sealer::default();
        let mut map = BTreeMap::new();
        for (time, sort, bits) in writes {
            let time = at(time);
            match sort {
                0 => { series.seal(&mut sealer).unwrap(); }
                1 => {
                    let mut histogram = Histogram::new();
                    (0..bits % 5).for_each(|i| histogram.observe(i as f64));
                    series.push(time, Value::Histogram(&histogram));
                    map.insert(time.as_nanos(), bits % 5);
                }
                _ => {
                    series.push(time, Value::Float(f64::from_bits(bits)));
                    map.insert(time.as_nanos(), bits);
                }
            }
        }
        prop_assert_eq!(read(&series), map.clone());
        let held = series.range().map(|range| range.contains(at(0)));
        if map.contains_key(&0) {
            prop_assert_eq!(held, Some(true));
        }
    }
}
