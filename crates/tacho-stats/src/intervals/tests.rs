use super::*;
use crate::quantile::QuantileType;
use crate::rng::Rng;
use crate::{Alternative, StatsError};

const PLAN: Plan<'static> = Plan {
    quantiles: &[0.5, 0.99],
    resamples: 300,
    seed: 7,
};

/// A histogram of exponential buckets, 64 to the power of two unless `per_octave` says otherwise.
fn histogram(values: &[f64], per_octave: f64) -> IntervalHistogram {
    let mut indices: Vec<i32> = values
        .iter()
        .map(|v| (v.log2() * per_octave).ceil() as i32)
        .collect();
    indices.sort_unstable();
    let bound = |i: i32| (f64::from(i) / per_octave).exp2();
    let buckets = indices
        .chunk_by(|a, b| a == b)
        .map(|same| Bucket {
            low: bound(same[0] - 1),
            high: bound(same[0]),
            count: same.len() as f64,
        })
        .collect();
    IntervalHistogram {
        buckets,
        sum: values.iter().sum(),
        exposure: 15.0,
    }
}

/// Intervals of log-normal latencies around 100; `tail` multiplies one request in fifty.
fn latencies(rng: &mut Rng, intervals: usize, scale: f64, tail: f64) -> Vec<Vec<f64>> {
    let mut request = |k: usize| {
        let slow = if k.is_multiple_of(50) {
            3.0 * tail
        } else {
            1.0
        };
        scale * slow * 100.0 * (0.2 * rng.standard_normal()).exp()
    };
    (0..intervals)
        .map(|_| (0..200).map(&mut request).collect())
        .collect()
}

fn run(intervals: &[Vec<f64>], per_octave: f64) -> Run {
    let parts: Vec<_> = intervals.iter().map(|v| histogram(v, per_octave)).collect();
    Run::new(&parts).unwrap()
}

fn quantile(comparison: &RunComparison, index: usize) -> &Shift {
    comparison.quantiles[index].as_ref().unwrap()
}

#[test]
fn quantiles_lie_in_the_right_bucket() {
    let mut rng = Rng::new(1);
    let values = latencies(&mut rng, 20, 1.0, 1.0);
    let all: Vec<f64> = values.concat();
    let run = run(&values, 64.0);
    assert_eq!((run.intervals(), run.observations()), (20, 4000.0));
    for q in [0.01, 0.5, 0.95, 0.999] {
        let exact = crate::quantile::quantile(&all, q, QuantileType::default()).unwrap();
        let found = run.quantile(q).unwrap();
        assert!(found.low <= found.value && found.value <= found.high);
        assert!(
            (found.value / exact).ln().abs() < 1.01 * 2f64.ln() / 64.0,
            "{q}: {found:?} {exact}"
        );
    }
}

#[test]
fn a_slower_tail_is_found_where_it_is() {
    let mut rng = Rng::new(2);
    let before = run(&latencies(&mut rng, 40, 1.0, 1.0), 64.0);
    let after = run(&latencies(&mut rng, 40, 1.0, 1.3), 64.0);
    let found = compare_runs(&before, &after, PLAN).unwrap();
    let (median, tail) = (quantile(&found, 0), quantile(&found, 1));
    assert!(median.is_decidable() && median.p(0.0, Alternative::TwoSided) > 0.05);
    assert!(median.relative_interval(0.95).unwrap().contains(0.0));
    assert!(tail.is_decidable() && tail.p(0.0, Alternative::Greater) < 1e-3);
    assert!(tail.relative_interval(0.95).unwrap().contains(0.3));
    let rate = found.rate.unwrap();
    assert_eq!((rate.before, rate.relative_change()), (200.0 / 15.0, 0.0));
    assert_eq!(rate.p(0.0, Alternative::TwoSided), 1.0);
}

#[test]
fn swapping_mirrors_and_scaling_changes_nothing() {
    let mut rng = Rng::new(3);
    let (a, b) = (
        latencies(&mut rng, 30, 1.0, 1.0),
        latencies(&mut rng, 30, 1.1, 1.0),
    );
    let doubled = |x: &[Vec<f64>]| -> Vec<Vec<f64>> {
        x.iter()
            .map(|v| v.iter().map(|v| 2.0 * v).collect())
            .collect()
    };
    let forth = compare_runs(&run(&a, 64.0), &run(&b, 64.0), PLAN).unwrap();
    let back = compare_runs(&run(&b, 64.0), &run(&a, 64.0), PLAN).unwrap();
    let twice = compare_runs(&run(&doubled(&a), 64.0), &run(&doubled(&b), 64.0), PLAN).unwrap();
    let (mean, mirrored) = (forth.mean.clone().unwrap(), back.mean.unwrap());
    let (up, down) = (
        mean.relative_interval(0.95).unwrap(),
        mirrored.relative_interval(0.95).unwrap(),
    );
    assert!(((1.0 + up.low) * (1.0 + down.high) - 1.0).abs() < 1e-9);
    assert!(
        (mean.p(0.0, Alternative::TwoSided) - mirrored.p(0.0, Alternative::TwoSided)).abs() < 1e-9
    );
    for index in [0, 1] {
        let (one, two) = (quantile(&forth, index), quantile(&twice, index));
        assert!((one.relative_change() - two.relative_change()).abs() < 1e-9);
        let (one, two) = (
            one.relative_interval(0.9).unwrap(),
            two.relative_interval(0.9).unwrap(),
        );
        assert!((one.low - two.low).abs() < 1e-9 && (one.high - two.high).abs() < 1e-9);
    }
}

#[test]
fn interval_and_p_value_agree() {
    let mut rng = Rng::new(4);
    let before = run(&latencies(&mut rng, 30, 1.0, 1.0), 64.0);
    let after = run(&latencies(&mut rng, 30, 1.03, 1.0), 64.0);
    let found = compare_runs(&before, &after, PLAN).unwrap();
    for shift in found.quantiles.iter().flatten().chain(&found.mean) {
        let p = shift.p(0.0, Alternative::TwoSided);
        let interval = shift.relative_interval(1.0 - p).unwrap();
        assert!(
            interval.low.abs().min(interval.high.abs()) < 1e-9,
            "{interval:?}"
        );
        let one_sided = shift.p(0.0, Alternative::Less) + shift.p(0.0, Alternative::Greater);
        assert!((one_sided - 1.0).abs() < 1e-12);
    }
}

#[test]
fn coarse_buckets_widen_what_is_known() {
    let mut rng = Rng::new(5);
    let (a, b) = (
        latencies(&mut rng, 30, 1.0, 1.0),
        latencies(&mut rng, 30, 1.0, 1.0),
    );
    let width = |per_octave: f64| {
        let found = compare_runs(&run(&a, per_octave), &run(&b, per_octave), PLAN).unwrap();
        quantile(&found, 0)
            .relative_interval(0.95)
            .unwrap()
            .half_width()
    };
    assert!(width(4.0) > 1.5 * width(64.0));
    // Every request takes exactly as long: nothing is unknown but the place in the bucket.
    let constant = run(&vec![vec![100.0; 50]; 20], 64.0);
    let found = compare_runs(&constant, &constant, PLAN).unwrap();
    let shift = quantile(&found, 0);
    let interval = shift.relative_interval(0.95).unwrap();
    let bucket = 2f64.powf(1.0 / 64.0) - 1.0;
    assert!(
        interval.high > 0.9 * bucket && interval.high < 2.1 * bucket,
        "{interval:?}"
    );
    assert_eq!(shift.p(0.0, Alternative::TwoSided), 1.0);
    assert_eq!(shift.p(0.1, Alternative::TwoSided), 0.0);
}

#[test]
fn what_cannot_be_judged_is_left_out() {
    let few = run(&vec![vec![90.0, 100.0, 120.0]; 20], 64.0);
    let found = compare_runs(&few, &few, PLAN).unwrap();
    assert!(
        found.quantiles[0].is_some(),
        "thirty observations lie beyond the median"
    );
    assert!(
        found.quantiles[1].is_none(),
        "less than one lies beyond p99"
    );
    let empty = IntervalHistogram {
        buckets: vec![],
        sum: 0.0,
        exposure: 1.0,
    };
    let nothing = Run::new(&vec![empty; 5]).unwrap();
    let found = compare_runs(&nothing, &few, PLAN).unwrap();
    assert!(found.mean.is_none() && found.rate.is_none());
    assert!(found.quantiles.iter().all(Option::is_none));
    assert!(nothing.quantile(0.5).is_none());
}

#[test]
fn bad_input_is_refused() {
    let bucket = |low: f64, high: f64, count: f64| Bucket { low, high, count };
    let check = |buckets: Vec<Bucket>, exposure: f64| {
        let interval = IntervalHistogram {
            buckets,
            sum: 1.0,
            exposure,
        };
        let error = Run::new(&vec![interval; 4]).unwrap_err();
        assert!(matches!(error, StatsError::Invalid { .. }), "{error}");
    };
    check(vec![bucket(2.0, 1.0, 1.0)], 1.0);
    check(vec![bucket(f64::NAN, 1.0, 1.0)], 1.0);
    check(vec![bucket(0.0, 1.0, -1.0)], 1.0);
    check(vec![bucket(0.0, 1.0, f64::INFINITY)], 1.0);
    check(vec![bucket(0.0, 2.0, 1.0), bucket(1.0, 3.0, 1.0)], 1.0);
    check(vec![bucket(0.0, 1.0, 1.0)], 0.0);
    let shape = |high: f64| IntervalHistogram {
        buckets: vec![bucket(1.0, high, 1.0)],
        sum: 1.0,
        exposure: 1.0,
    };
    let mixed = [shape(2.0), shape(2.5), shape(2.0), shape(2.0)];
    assert!(Run::new(&mixed).is_err(), "two resolutions in one run");
    assert_eq!(Run::new(&[]), Err(StatsError::TooFew { need: 4, got: 0 }));
    let good = Run::new(&vec![shape(2.0); 4]).unwrap();
    for plan in [
        Plan {
            resamples: 1,
            ..PLAN
        },
        Plan {
            quantiles: &[1.0],
            ..PLAN
        },
        Plan {
            quantiles: &[f64::NAN],
            ..PLAN
        },
    ] {
        assert!(compare_runs(&good, &good, plan).is_err());
    }
    // Sums that no double holds are no mean, and not a panic.
    let huge = IntervalHistogram {
        sum: f64::INFINITY,
        ..shape(2.0)
    };
    let huge = Run::new(&vec![huge; 4]).unwrap();
    assert!(compare_runs(&huge, &huge, PLAN).unwrap().mean.is_none());
}
