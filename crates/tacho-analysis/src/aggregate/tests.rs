use std::time::Duration;

use tacho_model::append::STALE_NAN_BITS;
use tacho_model::{Columns, Histogram, Labels, Shape, TimeRange, Timestamp};

use super::{Function, Grouping, Windows, merge_groups, over, stepped};

fn secs(s: f64) -> Timestamp {
    Timestamp::from_secs_f64(s).unwrap()
}

fn numbers(samples: &[(f64, f64)]) -> Columns {
    Columns {
        timestamps: samples.iter().map(|s| secs(s.0)).collect(),
        values: samples.iter().map(|s| s.1).collect(),
        ..Columns::new()
    }
}

fn histograms(samples: &[(f64, &[f64])]) -> Columns {
    let fold = |values: &[f64]| {
        let mut histogram = Histogram::new();
        for value in values {
            histogram.observe(*value);
        }
        histogram
    };
    Columns {
        histogram_timestamps: samples.iter().map(|s| secs(s.0)).collect(),
        histograms: samples.iter().map(|s| fold(s.1)).collect(),
        ..Columns::new()
    }
}

fn range(start: f64, end: f64) -> TimeRange {
    TimeRange::new(secs(start), secs(end))
}

fn close(got: Option<f64>, want: Option<f64>, relative: f64) {
    match (got, want) {
        (Some(got), Some(want)) => {
            assert!(
                (got - want).abs() <= relative * want.abs().max(1e-12),
                "{got} is not {want}"
            );
        }
        (got, want) => assert_eq!(got, want),
    }
}

#[test]
fn names_round_trip() {
    for function in Function::ALL {
        assert_eq!(Function::parse(function.as_str()), Some(function));
    }
}

#[test]
fn r4_functions_of_a_gauge() {
    let columns = numbers(&[(0.0, 100.0), (1.0, 4.0), (2.0, 1.0), (3.0, 3.0), (4.0, 2.0)]);
    let check = |name: &str, want: f64| {
        let function = Function::parse(name).unwrap();
        close(
            over(function, &columns, Shape::Gauge, range(0.0, 4.0)),
            Some(want),
            1e-12,
        );
    };
    check("avg", 2.5);
    check("min", 1.0);
    check("max", 4.0);
    check("sum", 10.0);
    check("last", 2.0);
    check("count", 4.0);
    check("stddev", 1.25_f64.sqrt());
    check("p50", 2.5);
    check("p90", 3.7);
    check("p95", 3.85);
    check("p99", 3.97);
    check("p999", 3.997);
}

#[test]
fn r4_functions_of_a_histogram() {
    let columns = histograms(&[(0.0, &[9.0]), (15.0, &[0.1, 0.2]), (30.0, &[0.3, 0.4])]);
    let check = |name: &str, want: f64, relative: f64| {
        let function = Function::parse(name).unwrap();
        close(
            over(function, &columns, Shape::Histogram, range(0.0, 30.0)),
            Some(want),
            relative,
        );
    };
    check("avg", 0.25, 1e-12);
    check("sum", 1.0, 1e-12);
    check("count", 4.0, 1e-12);
    check("last", 0.35, 1e-12);
    check("rate", 4.0 / 30.0, 1e-12);
    check("min", 0.1, 0.006);
    check("max", 0.4, 0.006);
    check("stddev", 0.0125_f64.sqrt(), 0.03);
    check("p50", 0.2, 0.006);
    check("p99", 0.3, 0.006);
}

#[test]
fn windows_are_open_on_the_left_and_closed_on_the_right() {
    let columns = numbers(&[
        (10.0, 1.0),
        (15.0, 2.0),
        (15.5, 4.0),
        (30.0, 8.0),
        (31.0, 16.0),
    ]);
    let step = Duration::from_secs(15);
    let points = stepped(
        Function::Sum,
        &columns,
        Shape::Gauge,
        range(15.0, 44.0),
        step,
    );
    assert_eq!(points, vec![(secs(15.0), 3.0), (secs(30.0), 12.0)]);
    assert_eq!(
        over(Function::Sum, &columns, Shape::Gauge, range(15.0, 30.0)),
        Some(12.0)
    );
}

#[test]
fn a_counter_rises_from_the_sample_before_the_step() {
    let columns = numbers(&[
        (9.0, 90.0),
        (11.0, 110.0),
        (19.0, 190.0),
        (21.0, 210.0),
        (29.0, 690.0),
    ]);
    let step = Duration::from_secs(10);
    let rates = stepped(
        Function::Rate,
        &columns,
        Shape::Counter,
        range(10.0, 30.0),
        step,
    );
    assert_eq!(rates, vec![(secs(20.0), 10.0), (secs(30.0), 50.0)]);
}

#[test]
fn a_counter_that_falls_was_reset() {
    let columns = numbers(&[(0.0, 1000.0), (5.0, 1010.0), (10.0, 5.0)]);
    assert_eq!(
        over(Function::Rate, &columns, Shape::Counter, range(0.0, 10.0)),
        Some(1.5)
    );
}

#[test]
fn a_start_long_gone_is_no_start() {
    let columns = numbers(&[(0.0, 0.0), (1000.0, 10.0), (1001.0, 20.0)]);
    assert_eq!(
        over(
            Function::Rate,
            &columns,
            Shape::Counter,
            range(990.0, 1001.0)
        ),
        Some(10.0)
    );
    let lone = numbers(&[(0.0, 0.0), (1000.0, 10.0)]);
    assert_eq!(
        over(Function::Rate, &lone, Shape::Counter, range(990.0, 1001.0)),
        None
    );
}

#[test]
fn the_rate_of_a_gauge_is_its_slope() {
    let columns = numbers(&[(0.0, 5.0), (10.0, 25.0), (20.0, 45.0)]);
    close(
        over(Function::Rate, &columns, Shape::Gauge, range(0.0, 20.0)),
        Some(2.0),
        1e-12,
    );
    // Far from the origin of time nothing is lost.
    let late: Vec<_> = (0..60)
        .map(|i| (1.8e9 + f64::from(i), 1e9 - f64::from(i)))
        .collect();
    let rate = over(
        Function::Rate,
        &numbers(&late),
        Shape::Gauge,
        range(1.8e9 - 1.0, 1.9e9),
    );
    close(rate, Some(-1.0), 1e-9);
}

#[test]
fn markers_and_nans_are_skipped() {
    let stale = f64::from_bits(STALE_NAN_BITS);
    let columns = numbers(&[
        (1.0, 2.0),
        (2.0, stale),
        (3.0, f64::NAN),
        (4.0, 4.0),
        (5.0, stale),
    ]);
    for (function, want) in [
        (Function::Avg, 3.0),
        (Function::Count, 2.0),
        (Function::P50, 3.0),
        (Function::Rate, 2.0 / 3.0),
    ] {
        close(
            over(function, &columns, Shape::Gauge, range(0.0, 9.0)),
            Some(want),
            1e-12,
        );
    }
    // The newest sample says that the series has ended; before that it was 4.
    let last = |end| over(Function::Last, &columns, Shape::Gauge, range(0.0, end));
    assert_eq!((last(4.5), last(9.0)), (Some(4.0), None));
    let gone = numbers(&[(1.0, stale)]);
    assert_eq!(
        over(Function::Count, &gone, Shape::Gauge, range(0.0, 9.0)),
        None
    );
}

#[test]
fn hostile_values_give_an_answer() {
    let columns = numbers(&[
        (1.0, f64::INFINITY),
        (2.0, f64::NEG_INFINITY),
        (3.0, f64::MAX),
    ]);
    for function in Function::ALL {
        for shape in [Shape::Gauge, Shape::Counter, Shape::Histogram] {
            over(function, &columns, shape, TimeRange::ALL);
            stepped(
                function,
                &columns,
                shape,
                TimeRange::ALL,
                Duration::from_nanos(1),
            );
            stepped(function, &columns, shape, TimeRange::ALL, Duration::MAX);
            assert!(stepped(function, &columns, shape, range(0.0, 9.0), Duration::ZERO).is_empty());
            assert_eq!(over(function, &Columns::new(), shape, TimeRange::ALL), None);
        }
    }
}

#[test]
fn groups_add_up_or_pool() {
    let labels = |core: &str, mode: &str| {
        Labels::new([("__name__", "cpu"), ("core", core), ("mode", mode)]).unwrap()
    };
    let series = [
        (labels("0", "user"), numbers(&[(0.0, 0.0), (10.0, 10.0)])),
        (labels("1", "user"), numbers(&[(0.0, 0.0), (10.0, 30.0)])),
        (labels("0", "idle"), numbers(&[(0.0, 0.0), (10.0, 50.0)])),
    ];
    let check = |function: Function, by: &[&str], want: &[(&str, f64)]| {
        let by: Vec<String> = by.iter().map(|s| (*s).to_owned()).collect();
        let inputs = series.iter().map(|(l, c)| (l, c, Shape::Counter));
        let windows = Windows::steps(range(1.0, 10.0), Duration::from_secs(10));
        let groups = merge_groups(function, windows, Some(&by), inputs);
        let got: Vec<_> = groups
            .iter()
            .map(|(l, p)| (l.to_string(), p[0].1))
            .collect();
        let want: Vec<_> = want.iter().map(|(l, v)| ((*l).to_owned(), *v)).collect();
        assert_eq!(got, want);
    };
    check(
        Function::Rate,
        &["mode"],
        &[(r#"cpu{mode="idle"}"#, 5.0), (r#"cpu{mode="user"}"#, 4.0)],
    );
    check(Function::Rate, &[], &[("cpu", 9.0)]);
    check(
        Function::Last,
        &["mode"],
        &[(r#"cpu{mode="idle"}"#, 50.0), (r#"cpu{mode="user"}"#, 40.0)],
    );
    check(Function::Avg, &[], &[("cpu", 30.0)]);
    check(Function::Max, &[], &[("cpu", 50.0)]);
    check(Function::P50, &[], &[("cpu", 30.0)]);
    check(Function::Count, &[], &[("cpu", 3.0)]);
}

#[test]
fn percentiles_of_a_group_are_those_of_all_observations() {
    let slow: Vec<f64> = (1..=100).map(f64::from).collect();
    let (a, b) = (
        histograms(&[(5.0, &slow)]),
        histograms(&[(6.0, &[1000.0; 100])]),
    );
    let labels = |i: &str| Labels::new([("__name__", "t"), ("i", i)]).unwrap();
    let (la, lb) = (labels("a"), labels("b"));
    let series = [(&la, &a, Shape::Histogram), (&lb, &b, Shape::Histogram)];
    let groups = merge_groups(
        Function::P90,
        Windows::one(range(0.0, 9.0)),
        Some(&[]),
        series,
    );
    close(Some(groups[0].1[0].1), Some(1000.0), 0.006);
}

proptest::proptest! {
    /// Series may come in any order, and a group is what its samples are together.
    #[test]
    fn groups_do_not_depend_on_order(
        values in proptest::collection::vec(-1e3..1e3_f64, 2..40),
        which in 0_usize..12,
    ) {
        let function = Function::ALL[which];
        let series: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(i, v)| {
                let labels = [("__name__", "m".to_owned()), ("i", i.to_string())];
                (Labels::new(labels).unwrap(), numbers(&[(1.0, *v)]))
            })
            .collect();
        let windows = Windows::one(range(0.0, 9.0));
        let there = series.iter().map(|(l, c)| (l, c, Shape::Gauge));
        let there = merge_groups(function, windows, Some(&[]), there)[0].1[0].1;
        let back = series.iter().rev().map(|(l, c)| (l, c, Shape::Gauge));
        let back = merge_groups(function, windows, Some(&[]), back)[0].1[0].1;
        proptest::prop_assert!((there - back).abs() <= 1e-9 * (1.0 + there.abs()));
        if function != Function::Last {
            let together: Vec<_> = values.iter().enumerate().map(|(i, v)| (0.1 * i as f64, *v)).collect();
            let pooled = over(function, &numbers(&together), Shape::Gauge, range(-1.0, 9.0)).unwrap();
            proptest::prop_assert!((there - pooled).abs() <= 1e-9 * (1.0 + pooled.abs()));
        }
    }

    /// Each step's value is what `over` says of the same window.
    #[test]
    fn steps_agree_with_windows(
        gaps in proptest::collection::vec((1_u32..40, -1e3..1e3_f64), 1..60),
        which in 0_usize..13,
        counter in proptest::bool::ANY,
    ) {
        let mut t = 0.0;
        let mut samples = Vec::new();
        for (gap, value) in gaps {
            t += f64::from(gap);
            samples.push((t, value));
        }
        let columns = numbers(&samples);
        let (function, step) = (Function::ALL[which], Duration::from_secs(30));
        let shape = if counter { Shape::Counter } else { Shape::Gauge };
        for (end, value) in stepped(function, &columns, shape, range(0.0, t), step) {
            let alone = over(function, &columns, shape, TimeRange::last(step, end));
            proptest::prop_assert_eq!(alone, Some(value));
        }
    }
}

#[test]
fn groupings_merged_in_order_are_the_series_added_in_order_to_the_bit() {
    let numbers_of = |i: u32| {
        let sample = |n: u32| (f64::from(n) * 1.7, (f64::from(n * i + 1)).sin() * 1e3 / 7.0);
        numbers(&(0..60).map(sample).collect::<Vec<_>>())
    };
    let both_of = |i: u32| Columns {
        histogram_timestamps: vec![secs(3.0), secs(55.0)],
        histograms: histograms(&[(3.0, &[0.1, f64::from(i)]), (55.0, &[0.7])]).histograms,
        ..numbers_of(i)
    };
    let series: Vec<(Labels, Columns)> = (0..12)
        .map(|i| {
            let labels = [("__name__", "m"), ("a", if i % 3 == 0 { "x" } else { "y" })];
            let id = i.to_string();
            let labels = labels.into_iter().chain([("id", id.as_str())]);
            let columns = if i % 4 == 0 {
                both_of(i)
            } else {
                numbers_of(i)
            };
            (Labels::new(labels).unwrap(), columns)
        })
        .collect();
    let windows = Windows::steps(range(0.0, 120.0), Duration::from_secs(10));
    let by = ["a".to_owned()];
    for function in Function::ALL {
        for by in [None, Some(&by[..]), Some(&[])] {
            for shape in [Shape::Gauge, Shape::Counter, Shape::Histogram] {
                let mut added = Grouping::new(function, windows, by);
                let mut merged = Grouping::new(function, windows, by);
                for (labels, columns) in &series {
                    added.add(labels, columns, shape);
                    let mut one = Grouping::new(function, windows, by);
                    one.add(labels, columns, shape);
                    merged.merge(one);
                }
                assert_eq!(added.len(), merged.len());
                let bits = |grouping: Grouping| -> Vec<_> {
                    let groups = grouping.finish().into_iter();
                    groups
                        .map(|(labels, points)| {
                            let points = points.into_iter().map(|(t, v)| (t, v.to_bits()));
                            (labels, points.collect::<Vec<_>>())
                        })
                        .collect()
                };
                assert_eq!(bits(added), bits(merged), "{function} {shape:?} {by:?}");
            }
        }
    }
}
