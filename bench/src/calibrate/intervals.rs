//! Histograms of intervals: what a verdict on a latency rests on.

use tacho_stats::Alternative;
use tacho_stats::dependence::MIN_EFFECTIVE_N;
use tacho_stats::intervals::{Bucket, IntervalHistogram, Plan, Run, compare_runs};
use tacho_stats::rng::Rng;

use super::{Alarms, Process, Role, Section, Study, Trial};

const ALPHA: f64 = 0.05;
const REQUESTS: usize = 100;
/// How much the level of an interval sways, on the logarithm, in standard deviations.
const SWAY: f64 = 0.05;
/// Known change: everything takes this many times as long.
const SLOWER: f64 = 1.2;
const STATISTICS: [&str; 5] = ["mean", "rate", "p50", "p95", "p99"];

/// Two runs of each process of levels.
pub(super) fn measure(study: &Study) -> Section {
    let mut section = Section {
        title: "Histograms of intervals",
        about: format!(
            "Two runs of n intervals of about {REQUESTS} log-normal requests each, in native \
             histograms of 64 buckets to the power of two. The level of an interval and the number \
             of its requests follow the process (standard deviation {SWAY} and 0.1 on the \
             logarithm). The known change is everything {SLOWER} times as slow and as frequent."
        ),
        ..Section::default()
    };
    for (process, sizes) in [
        (Process::White, &[20, 60][..]),
        (Process::Autoregression(0.5), &[60, 120]),
        (Process::Autoregression(0.9), &[300]),
    ] {
        for n in sizes {
            rows(&mut section, study, process, *n);
        }
    }
    section
}

fn rows(section: &mut Section, study: &Study, process: Process, n: usize) {
    let one = |rng: &mut Rng| {
        let before = run(rng, process, n, 1.0);
        let trials = [(1.0, false), (SLOWER, true)].map(|(slower, changed)| {
            let after = run(rng, process, n, slower);
            let plan = Plan {
                quantiles: &[0.5, 0.95, 0.99],
                resamples: 200,
                seed: rng.next_u64(),
            };
            let Ok(found) = compare_runs(&before, &after, plan) else {
                return [Trial::default(); 5];
            };
            let [p50, p95, p99] = [0, 1, 2].map(|i| found.quantiles[i].as_ref());
            [found.mean.as_ref(), found.rate.as_ref(), p50, p95, p99].map(|shift| {
                let Some(shift) = shift.filter(|s| s.is_decidable()) else {
                    return Trial::default();
                };
                let claims = shift.p(0.0, Alternative::TwoSided) < ALPHA;
                Trial {
                    decided: true,
                    alarm: claims && !changed,
                    found: claims && changed,
                }
            })
        });
        std::array::from_fn(|i| Trial {
            found: trials[1][i].found,
            ..trials[0][i]
        })
    };
    let chosen = process.effective_n(n) >= MIN_EFFECTIVE_N;
    for (statistic, tally) in STATISTICS.iter().zip(study.count::<5>(n as u64, one)) {
        section.alarms.push(Alarms {
            method: format!("compare_runs, {statistic}"),
            role: if chosen { Role::Chosen } else { Role::Textbook },
            process: process.to_string(),
            n,
            nominal: ALPHA,
            tally,
        });
    }
}

fn run(rng: &mut Rng, process: Process, n: usize, slower: f64) -> Run {
    let sd = process.variance().sqrt();
    let levels = process.sample(rng, n);
    let loads = process.sample(rng, n);
    let intervals: Vec<IntervalHistogram> = levels
        .iter()
        .zip(&loads)
        .map(|(level, load)| {
            let level = slower * (SWAY * level / sd).exp();
            let requests = (slower * REQUESTS as f64 * (0.1 * load / sd).exp()).round() as usize;
            interval(rng, level, requests)
        })
        .collect();
    Run::new(&intervals).expect("the run is well formed")
}

fn interval(rng: &mut Rng, level: f64, requests: usize) -> IntervalHistogram {
    const PER_OCTAVE: f64 = 64.0;
    let mut sum = 0.0;
    let mut indices: Vec<i32> = (0..requests)
        .map(|_| {
            let value = level * (0.4 * rng.standard_normal()).exp();
            sum += value;
            (value.log2() * PER_OCTAVE).ceil() as i32
        })
        .collect();
    indices.sort_unstable();
    let bound = |i: i32| (f64::from(i) / PER_OCTAVE).exp2();
    let bucket = |same: &[i32]| Bucket {
        low: bound(same[0] - 1),
        high: bound(same[0]),
        count: same.len() as f64,
    };
    IntervalHistogram {
        buckets: indices.chunk_by(|a, b| a == b).map(bucket).collect(),
        sum,
        exposure: 15.0,
    }
}
