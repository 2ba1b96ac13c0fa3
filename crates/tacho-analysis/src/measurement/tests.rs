use proptest::prelude::*;
use tacho_stats::rng::Rng;

use super::*;

fn values(values: impl IntoIterator<Item = f64>) -> Measurement {
    let step = Duration::from_secs(1);
    let at = |i: usize| Timestamp::from_secs(i as i64 + 1);
    let points = values.into_iter().enumerate().map(|(i, v)| (at(i), v));
    Measurement::Values {
        step,
        points: points.collect(),
    }
}

fn autoregression(phi: f64, n: usize, seed: u64) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    let mut state = 0.0;
    let mut next = || {
        state = phi * state + (1.0 - phi * phi).sqrt() * rng.standard_normal();
        state
    };
    (0..n).map(|_| next()).collect()
}

#[test]
fn a_summary_describes_its_values() {
    let summary = Summary::of(&values((1..=100).map(f64::from).chain([f64::NAN]))).unwrap();
    assert_eq!((summary.n, summary.min, summary.max), (100, 1.0, 100.0));
    assert_eq!(summary.estimate.mean, 50.5);
    assert!((summary.percentile(0.95).unwrap() - 95.05).abs() < 1e-9);
    assert_eq!(
        summary.range,
        TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(100))
    );
    assert_eq!(summary.histogram.count(), 100.0);
    assert_eq!(summary.sample.values.len(), 100);
}

#[test]
fn a_summary_of_intervals_weighs_each_request_alike() {
    let histogram = |observations: &[f64]| {
        let mut histogram = Histogram::new();
        for value in observations {
            histogram.observe(*value);
        }
        histogram
    };
    let parts = [histogram(&[1.0]), histogram(&[2.0; 9]), histogram(&[])];
    let at = |i: usize| Timestamp::from_secs(15 * (i as i64 + 1));
    let measured = Measurement::Intervals {
        width: Duration::from_secs(15),
        parts: parts
            .into_iter()
            .enumerate()
            .map(|(i, h)| (at(i), h))
            .collect(),
    };
    let summary = Summary::of(&measured).unwrap();
    assert_eq!((summary.n, summary.observations), (2, 10.0));
    assert!((summary.estimate.mean - 1.9).abs() < 1e-12);
    assert!((summary.percentile(0.5).unwrap() - 2.0).abs() < 0.02);
}

#[test]
fn everything_kept_is_bounded() {
    let long = autoregression(0.9, 86_400, 1);
    let summary = Summary::of(&values(long.iter().copied())).unwrap();
    assert_eq!(
        (summary.n, summary.sample.values.len()),
        (86_400, SAMPLE_MAX)
    );
    assert!(summary.trend.len() <= TREND_MAX);
    // Dependence survives inside the blocks.
    let kept = Estimate::of(&summary.sample.values).unwrap();
    assert!(
        (kept.autocorrelation - 0.9).abs() < 0.05,
        "{}",
        kept.autocorrelation
    );
    // The blocks reach from the first value to the last.
    assert_eq!(summary.sample.values[0], long[0]);
    assert_eq!(summary.sample.values.last(), long.last());

    let mut histogram = Histogram::new();
    histogram.observe(0.1);
    let at = |i: i64| Timestamp::from_secs(15 * i);
    let day = (1..=5760).map(|i| (at(i), histogram.clone())).collect();
    let day = Measurement::Intervals {
        width: Duration::from_secs(15),
        parts: day,
    };
    let intervals = Summary::of(&day).unwrap().intervals.unwrap();
    assert_eq!(intervals.parts.len(), INTERVALS_MAX);
    assert_eq!(intervals.width, Duration::from_secs(15));
}

#[test]
fn effective_number_follows_the_dependence() {
    let check = |phi: f64, low: f64, high: f64| {
        let estimate = Estimate::of(&autoregression(phi, 4000, 7)).unwrap();
        let share = estimate.effective_n / 4000.0;
        assert!((low..high).contains(&share), "phi {phi}: {share}");
    };
    check(0.0, 0.9, 1.01);
    check(0.5, 0.28, 0.39);
    check(0.9, 0.035, 0.07);
}

#[test]
fn little_is_known_of_little() {
    let one = Estimate::of(&[5.0]).unwrap();
    assert_eq!((one.mean, one.effective_n), (5.0, 1.0));
    assert!(one.standard_error.is_infinite());
    let constant = Estimate::of(&[5.0; 40]).unwrap();
    assert_eq!((constant.standard_error, constant.effective_n), (0.0, 40.0));
    assert!(Estimate::of(&[]).is_err());
    assert!(Summary::of(&values([])).is_err());
    assert!(Summary::of(&values([f64::INFINITY])).is_err());
}

/// The standard error is what the mean does: over many series, the mean divided by its standard
/// error stays inside the 95 % points of t in 91 to 98 %.
#[test]
fn intervals_cover_the_mean() {
    for (phi, n) in [(0.0, 60), (0.5, 120), (0.8, 400)] {
        let covered = (0..600).filter(|seed| {
            let e = Estimate::of(&autoregression(phi, n, *seed)).unwrap();
            let student = tacho_stats::distribution::StudentT::new(e.df).unwrap();
            student.two_sided(e.mean / e.standard_error) > 0.05
        });
        let share = covered.count() as f64 / 600.0;
        assert!((0.91..0.985).contains(&share), "phi {phi}: {share}");
    }
}

proptest! {
    #[test]
    fn a_summary_never_panics_and_keeps_its_order(
        v in proptest::collection::vec(proptest::num::f64::ANY, 0..300)
    ) {
        if let Ok(summary) = Summary::of(&values(v)) {
            let ascending = summary.percentiles.windows(2).all(|p| p[0].1 <= p[1].1);
            prop_assert!(ascending);
            prop_assert!(summary.estimate.effective_n >= 1.0);
            prop_assert!(summary.estimate.effective_n <= summary.n as f64);
        }
    }
}
