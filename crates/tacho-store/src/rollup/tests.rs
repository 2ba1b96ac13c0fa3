//! Windows against the same worked out the long way.

use super::layout::{self, Day};
use super::*;
use proptest::prelude::*;
use tacho_model::{Kind, TimeRange, Unit, append::STALE_NAN_BITS, histogram::HistogramParts};

/// What the windows are, computed the long way: for each window that has a sample, all of them.
fn by_hand(columns: &Columns, resolution: Resolution) -> Vec<(i128, Vec<(Timestamp, f64)>)> {
    let step = resolution.step().as_nanos() as i128;
    let mut all: Vec<(i128, Vec<(Timestamp, f64)>)> = Vec::new();
    for (time, value) in columns.timestamps.iter().zip(&columns.values) {
        if value.to_bits() == STALE_NAN_BITS {
            continue;
        }
        let nanos = i128::from(time.as_nanos());
        let number = (nanos + step - 1).div_euclid(step);
        assert!((number - 1) * step < nanos && nanos <= number * step);
        match all.last_mut() {
            Some((last, samples)) if *last == number => samples.push((*time, *value)),
            _ => all.push((number, vec![(*time, *value)])),
        }
    }
    all
}

/// As Prometheus' `sum_over_time` does it.
fn sum(values: &[f64]) -> f64 {
    let (mut sum, mut c) = (0.0f64, 0.0);
    for value in values {
        let t = sum + value;
        c = match () {
            () if t.is_infinite() => 0.0,
            () if sum.abs() >= value.abs() => c + ((sum - t) + value),
            () => c + ((value - t) + sum),
        };
        sum = t;
    }
    if sum.is_infinite() { sum } else { sum + c }
}

/// As Prometheus' `extrapolatedRate` does it before it extrapolates.
fn increase(values: &[f64]) -> f64 {
    let mut grown = values[values.len() - 1] - values[0];
    for pair in values.windows(2) {
        if pair[1] < pair[0] {
            grown += pair[0];
        }
    }
    grown
}

/// The extreme among what is not NaN, the first of equals; NaN when there is nothing else.
fn extreme(values: &[f64], better: impl Fn(f64, f64) -> bool) -> f64 {
    let numbers = values.iter().copied().filter(|value| !value.is_nan());
    let best = numbers.reduce(|best, value| if better(value, best) { value } else { best });
    best.unwrap_or(values[values.len() - 1])
}

fn check(columns: &Columns, resolution: Resolution) {
    let mut windows = Windows::default();
    windows.fill(columns, resolution);
    let expected = by_hand(columns, resolution);
    assert_eq!(windows.numbers.len(), expected.len());
    for (window, (number, samples)) in windows.numbers.iter().zip(&expected) {
        let end = number * resolution.step().as_nanos() as i128;
        let end = i64::try_from(end).unwrap_or(i64::MAX);
        assert_eq!(window.end.as_nanos(), end);
        let values: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
        let bits = |(time, value): (Timestamp, f64)| (time, value.to_bits());
        assert_eq!(bits(window.first), bits(samples[0]));
        assert_eq!(bits(window.last), bits(samples[samples.len() - 1]));
        assert_eq!(window.count, samples.len() as u64);
        // A NaN that was computed has no bits of its own.
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        assert!(same(window.sum(), sum(&values)), "{values:?}");
        assert!(same(window.increase(), increase(&values)), "{values:?}");
        assert!(same(window.min, extreme(&values, |a, b| a < b)));
        assert!(same(window.max, extreme(&values, |a, b| a > b)));
    }
    check_layout(columns, &windows);
}

/// What is laid out of each day leads back to the windows.
fn check_layout(columns: &Columns, windows: &Windows) {
    let days = columns.timestamps.iter().map(|time| Day::of(*time));
    let days: std::collections::BTreeSet<Day> = days.collect();
    let mut counted = 0;
    for day in days {
        let range = day.range();
        assert_eq!(Day::parse(&day.name()), Some(day));
        let numbers = windows.numbers.iter().filter(|w| range.contains(w.end));
        let of_day = Windows {
            numbers: numbers.cloned().collect(),
            histograms: Vec::new(),
        };
        counted += of_day.numbers.len();
        let rows = layout::lay_out(&of_day, day, true);
        let places: Vec<Timestamp> = rows.iter().flat_map(|c| c.timestamps.clone()).collect();
        assert!(places.is_sorted_by(|a, b| a < b));
        let Some(firsts) = rows.get(1) else { continue };
        for (window, place) in of_day.numbers.iter().zip(&firsts.timestamps) {
            assert_eq!(day.time(*place), Some(window.first.0));
        }
    }
    assert_eq!(
        counted,
        windows.numbers.len(),
        "windows lie in one day each"
    );
}

fn columns(samples: impl IntoIterator<Item = (i64, f64)>) -> Columns {
    let mut columns = Columns::new();
    let sorted: std::collections::BTreeMap<i64, f64> = samples.into_iter().collect();
    for (time, value) in sorted {
        columns.timestamps.push(Timestamp::from_nanos(time));
        columns.values.push(value);
    }
    columns
}

fn values() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (0u32..1000).prop_map(f64::from),
        2 => -1e9..1e9f64,
        1 => any::<f64>(),
        1 => Just(f64::from_bits(STALE_NAN_BITS)),
        1 => Just(f64::NAN),
        1 => Just(-0.0),
    ]
}

/// Times around windows' ends, of the epoch, of the days and of time itself.
fn times() -> impl Strategy<Value = i64> {
    const MINUTE: i64 = 60_000_000_000;
    prop_oneof![
        4 => (-300..300i64).prop_map(|minutes| minutes * MINUTE),
        4 => (-300 * MINUTE)..300 * MINUTE,
        1 => (-3..3i64, -2..2i64).prop_map(|(day, by)| day * 24 * 60 * MINUTE + by),
        1 => any::<i64>(),
        1 => (0..10i64).prop_map(|by| i64::MAX - by),
        1 => (0..10i64).prop_map(|by| i64::MIN + by),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn windows_are_what_they_are_by_hand(
        samples in prop::collection::vec((times(), values()), 0..200),
    ) {
        let columns = columns(samples);
        for resolution in Resolution::ALL {
            check(&columns, resolution);
        }
    }

    #[test]
    fn whole_windows_hold_what_shares_a_window(
        (a, b, time) in (times(), times(), times()),
    ) {
        let [a, b, time] = [a.min(b), a.max(b), time].map(Timestamp::from_nanos);
        for resolution in Resolution::ALL {
            let end = resolution.window_end(time);
            let shares = resolution.window_end(a) <= end && end <= resolution.window_end(b);
            let whole = layout::whole_windows(TimeRange::new(a, b), resolution);
            assert_eq!(whole.contains(time), shares);
            assert_eq!(whole.contains(end), shares);
        }
    }
}

#[test]
fn an_end_belongs_to_the_window_before_it() {
    let end = |secs: i64, nanos: i64| {
        let time = Timestamp::from_nanos(secs * 1_000_000_000 + nanos);
        Resolution::FiveMinutes.window_end(time).as_nanos() / 1_000_000_000
    };
    assert_eq!(
        [end(0, 0), end(0, 1), end(300, 0), end(300, 1)],
        [0, 300, 300, 600]
    );
    assert_eq!([end(-300, 0), end(-300, 1), end(-1, 0)], [-300, 0, 0]);
}

#[test]
fn a_reset_is_growth_from_zero() {
    let mut windows = Windows::default();
    let samples = [(1, 5.0), (2, 9.0), (3, 2.0), (4, 3.0), (5, 1.0)];
    windows.fill(&columns(samples), Resolution::Hour);
    assert_eq!(windows.numbers[0].increase(), 4.0 + 2.0 + 1.0 + 1.0);
    windows.fill(&columns([(1, 5.0)]), Resolution::Hour);
    assert_eq!(windows.numbers[0].increase(), 0.0);
}

#[test]
fn histograms_of_any_schema_are_merged_and_counted_with_the_numbers() {
    let mut columns = columns([(30, 1.0), (i64::from(u32::MAX) * 4000, 1.0)]);
    let mut merged = Histogram::new();
    for (time, schema) in [(10, 6), (20, 3), (40, 5)] {
        let mut histogram = Histogram::new();
        histogram.observe(f64::from(time as i32));
        histogram.reduce_to(schema);
        merged.merge(&histogram);
        columns
            .histogram_timestamps
            .push(Timestamp::from_nanos(time));
        columns.histograms.push(histogram);
    }
    let mut windows = Windows::default();
    windows.fill(&columns, Resolution::Hour);
    assert_eq!(windows.histograms.len(), 1);
    assert_eq!(windows.histograms[0].2, merged);
    assert_eq!(merged.schema(), 3);
    let counts: Vec<u64> = windows.counts().iter().map(|(_, count)| *count).collect();
    assert_eq!(counts, [4, 1]);
}

#[test]
fn of_cumulative_histograms_the_last_says_it_all() {
    let mut columns = Columns::new();
    let mut histogram = Histogram::from_parts(HistogramParts {
        temporality: Temporality::Cumulative,
        ..Histogram::new().to_parts()
    })
    .unwrap();
    for time in [10, 20, 30] {
        histogram.observe(1.0);
        columns
            .histogram_timestamps
            .push(Timestamp::from_nanos(time));
        columns.histograms.push(histogram.clone());
    }
    let mut windows = Windows::default();
    windows.fill(&columns, Resolution::FiveMinutes);
    let [(_, count, last)] = &windows.histograms[..] else {
        panic!("one window");
    };
    assert_eq!((*count, last), (3, &histogram));
}

#[test]
fn counters_are_known_by_what_they_are_said_to_be_or_their_ending() {
    let metadata = |kind| Metadata {
        kind,
        unit: Unit::NONE,
        help: String::new(),
    };
    assert!(is_counter("x_total", None));
    assert!(is_counter("x_bucket", Some(&metadata(Kind::Histogram))));
    assert!(is_counter("x", Some(&metadata(Kind::Counter))));
    assert!(!is_counter("x", Some(&metadata(Kind::Gauge))));
    assert!(!is_counter("x_totals", None));
}
