//! On data without any change, how often a change is claimed at margin 0; and beside it, how
//! often a real one is found. `examples/aa.rs` prints the same with 10 000 replicates.

use tacho_analysis::aggregate::Function;
use tacho_analysis::measurement::{Measurement, Summary};
use tacho_analysis::metric::{Margin, MetricKind, MetricSpec};
use tacho_analysis::verdict::{Answer, Settings, compare_summaries};
use tacho_model::{Labels, Unit};
use tacho_stats::rng::Rng;

use crate::noise::{Process, latencies, values};

/// Claims of a change among `replicates` pairs at margin 0.
fn claims(replicates: u64, mut pair: impl FnMut(&mut Rng) -> (Measurement, Measurement)) -> f64 {
    let labels = Labels::metric("m").unwrap();
    let kind = MetricKind::Other;
    let mut spec = MetricSpec::new("host", labels, Function::Avg, Unit::NONE, kind);
    spec.margin = Margin {
        relative: 0.0,
        absolute: 0.0,
    };
    let settings = Settings {
        resamples: 150,
        seed: 1,
    };
    let claimed = (0..replicates).filter(|seed| {
        let (a, b) = pair(&mut Rng::new(*seed));
        let (a, b) = (Summary::of(&a).unwrap(), Summary::of(&b).unwrap());
        let verdict = compare_summaries(&spec, &a, &b, &settings).unwrap();
        matches!(verdict.answer, Answer::Regressed | Answer::Improved)
    });
    claimed.count() as f64 / replicates as f64
}

/// 1.2 times nominal, plus two Monte-Carlo standard errors of a rate there.
fn bound(replicates: u64) -> f64 {
    let rate: f64 = 1.2 * 0.05;
    rate + 2.0 * (rate * (1.0 - rate) / replicates as f64).sqrt()
}

fn check_means(process: Process, n: usize, least_power: f64) {
    let replicates = 1_000;
    let false_alarms = claims(replicates, |rng| {
        (
            values(rng, process, n, 100.0, 5.0),
            values(rng, process, n, 100.0, 5.0),
        )
    });
    // One standard deviation of the values.
    let power = claims(200, |rng| {
        (
            values(rng, process, n, 100.0, 5.0),
            values(rng, process, n, 105.0, 5.0),
        )
    });
    println!("{process:?} n {n}: false alarms {false_alarms}, power {power}");
    assert!(
        false_alarms <= bound(replicates),
        "{process:?}: {false_alarms}"
    );
    assert!(power >= least_power, "{process:?}: {power}");
}

#[test]
fn means_of_white_noise() {
    check_means(Process::White, 60, 0.95);
}

#[test]
fn means_of_heavy_tails() {
    check_means(Process::T3, 60, 0.9);
}

#[test]
fn means_under_mild_dependence() {
    check_means(Process::Ar(0.5), 100, 0.8);
}

#[test]
fn means_under_strong_dependence() {
    check_means(Process::Ar(0.9), 300, 0.4);
}

fn check_latencies(process: Process, n: usize, least_power: f64) {
    let replicates = 200;
    let false_alarms = claims(replicates, |rng| {
        let mut side = || latencies(rng, process, (n, 40), 0.05, |_, v| v);
        (side(), side())
    });
    let power = claims(40, |rng| {
        let a = latencies(rng, process, (n, 40), 0.05, |_, v| v);
        (a, latencies(rng, process, (n, 40), 0.05, |_, v| 1.15 * v))
    });
    println!("latencies {process:?} n {n}: false alarms {false_alarms}, power {power}");
    assert!(
        false_alarms <= bound(replicates),
        "{process:?}: {false_alarms}"
    );
    assert!(power >= least_power, "{process:?}: {power}");
}

#[test]
fn latencies_of_independent_intervals() {
    check_latencies(Process::White, 40, 0.95);
}

#[test]
fn latencies_of_dependent_intervals() {
    check_latencies(Process::Ar(0.5), 60, 0.8);
}
