//! False-alarm rates and power of the comparison of means on series whose truth is known.
//!
//! `cargo run --release -p tacho-stats --example calibrate [REPLICATES [METHOD]]` prints the table
//! that the documentation of `tacho_stats::dependence` quotes (10 000 replicates a row by default),
//! or one method's rows of it.
#![expect(clippy::print_stdout, reason = "an example speaks to the terminal")]

use tacho_stats::bootstrap::{BlockScheme, BootstrapPlan, Series, two_sample_block_bootstrap};
use tacho_stats::dependence::{
    compare_means, cosine_long_run_variance, cosine_terms, effective_sample_size,
};
use tacho_stats::describe::{mean_difference, variance};
use tacho_stats::distribution::{Beta, StudentT};
use tacho_stats::rng::Rng;
use tacho_stats::{Alternative, ttest};

const ALPHA: f64 = 0.05;
/// The shift for power, in true standard errors of the difference: a test that knew the long-run
/// variance would find it in 85 %.
const SHIFT: f64 = 3.0;

/// Resampling is slow, so the bootstrap sees only every tenth replicate.
const BOOTSTRAP_EVERY: u32 = 10;

/// A stationary process of mean zero.
#[derive(Clone, Copy)]
enum Process {
    White,
    StudentT3,
    Autoregression(f64),
    /// First-order autoregression of 0.9 seen through white noise of nine times its innovation.
    NoisyDrift,
    /// White noise on a season of 24 observations and amplitude 1.5.
    Season,
}

impl Process {
    fn sample(self, rng: &mut Rng, n: usize) -> Vec<f64> {
        match self {
            Self::White => (0..n).map(|_| rng.standard_normal()).collect(),
            Self::StudentT3 => (0..n)
                .map(|_| {
                    let z = rng.standard_normal();
                    let square = (0..3).map(|_| rng.standard_normal().powi(2)).sum::<f64>();
                    z / (square / 3.0).sqrt()
                })
                .collect(),
            Self::Autoregression(phi) => {
                let mut state = rng.standard_normal() / (1.0 - phi * phi).sqrt();
                (0..n)
                    .map(|_| {
                        state = phi * state + rng.standard_normal();
                        state
                    })
                    .collect()
            }
            Self::NoisyDrift => {
                let drift = Self::Autoregression(0.9).sample(rng, n);
                drift
                    .into_iter()
                    .map(|v| v + 3.0 * rng.standard_normal())
                    .collect()
            }
            Self::Season => (0..n)
                .map(|i| {
                    let phase = std::f64::consts::TAU * (i % 24) as f64 / 24.0;
                    1.5 * phase.sin() + rng.standard_normal()
                })
                .collect(),
        }
    }

    /// n times the variance of the mean, and the variance of one observation.
    fn variances(self) -> (f64, f64) {
        match self {
            // The season is the same in every series, so it does not move the difference.
            Self::White | Self::Season => (1.0, 1.0),
            Self::StudentT3 => (3.0, 3.0),
            Self::Autoregression(phi) => ((1.0 - phi).powi(-2), 1.0 / (1.0 - phi * phi)),
            Self::NoisyDrift => (109.0, 9.0 + 1.0 / 0.19),
        }
    }
}

/// Counts of one method over the replicates of a row.
#[derive(Default, Clone, Copy)]
struct Tally {
    decided: u32,
    false_alarms: u32,
    found: u32,
}

/// Whether a method decides, and its p-value.
type Method = fn(&[f64], &[f64], u64) -> (bool, f64);

const METHODS: [(&str, Method); 5] = [
    ("Welch", |a, b, _| {
        (
            true,
            ttest::welch(a, b).map_or(1.0, |t| t.p(Alternative::TwoSided)),
        )
    }),
    ("effective n", effective_n_test),
    ("cosine 0.4 n^2/3", cosine_test),
    ("compare_means", |a, b, _| {
        compare_means(a, b).map_or((false, 1.0), |c| {
            (c.is_decidable(), c.p(Alternative::TwoSided))
        })
    }),
    ("block bootstrap", bootstrap_test),
];

/// Welch's test with effective for actual sizes.
fn effective_n_test(a: &[f64], b: &[f64], _seed: u64) -> (bool, f64) {
    let side = |x: &[f64]| {
        let n = effective_sample_size(x).unwrap_or(2.0).max(2.0);
        (variance(x).unwrap_or(0.0) / n, n)
    };
    let ((va, na), (vb, nb)) = (side(a), side(b));
    (
        na.min(nb) >= 12.0,
        t_test(a, b, (va, na - 1.0), (vb, nb - 1.0)),
    )
}

/// Cosine long-run variances with t critical values (Lazarus et al. 2018).
fn cosine_test(a: &[f64], b: &[f64], _seed: u64) -> (bool, f64) {
    let side = |x: &[f64]| {
        let terms = cosine_terms(x.len());
        let variance = cosine_long_run_variance(x, terms).unwrap_or(0.0);
        (variance / x.len() as f64, terms as f64)
    };
    (true, t_test(a, b, side(a), side(b)))
}

fn t_test(a: &[f64], b: &[f64], (va, dfa): (f64, f64), (vb, dfb): (f64, f64)) -> f64 {
    let total = va + vb;
    let df = total * total / (va * va / dfa + vb * vb / dfb);
    let t = mean_difference(a, b).unwrap_or(0.0) / total.sqrt();
    StudentT::new(df).map_or(1.0, |distribution| distribution.two_sided(t))
}

/// The difference of means by moving blocks; alarms where the 95 % interval excludes zero.
fn bootstrap_test(a: &[f64], b: &[f64], seed: u64) -> (bool, f64) {
    let pick = |x: &[f64], indices: &[usize]| {
        indices.iter().map(|i| x[*i]).sum::<f64>() / indices.len() as f64
    };
    let plan = BootstrapPlan {
        resamples: 400,
        seed,
        scheme: BlockScheme::Moving,
    };
    let series = |x| Series {
        influence: x,
        block: None,
    };
    two_sample_block_bootstrap(series(a), series(b), plan, |i, j| pick(b, j) - pick(a, i)).map_or(
        (false, 1.0),
        |result| {
            let inside = result
                .percentile(1.0 - ALPHA)
                .is_ok_and(|i| i.contains(0.0));
            (result.is_decidable(), if inside { 1.0 } else { 0.0 })
        },
    )
}

fn row(name: &str, processes: [Process; 2], n: usize, replicates: u32) {
    let only = std::env::args().nth(2);
    let chosen = |label: &str| only.as_ref().is_none_or(|only| only == label);
    let [(long_a, one_a), (long_b, one_b)] = processes.map(Process::variances);
    let count = n as f64;
    let effective = (count * one_a / long_a).min(count * one_b / long_b);
    let shift = SHIFT * ((long_a + long_b) / count).sqrt();
    let mut tallies = [Tally::default(); METHODS.len()];
    let mut rng = Rng::new(n as u64 * 1_000_003 + name.len() as u64);
    for replicate in 0..replicates {
        let a = processes[0].sample(&mut rng, n);
        let b = processes[1].sample(&mut rng, n);
        let moved: Vec<f64> = b.iter().map(|v| v + shift).collect();
        for ((label, method), tally) in METHODS.iter().zip(&mut tallies) {
            let skipped = *label == "block bootstrap" && replicate % BOOTSTRAP_EVERY != 0;
            if skipped || !chosen(label) {
                continue;
            }
            let (decides, p) = method(&a, &b, u64::from(replicate));
            tally.decided += u32::from(decides);
            tally.false_alarms += u32::from(decides && p < ALPHA);
            let (decides, p) = method(&a, &moved, u64::from(replicate));
            tally.found += u32::from(decides && p < ALPHA);
        }
    }
    for ((label, _), tally) in METHODS
        .iter()
        .zip(tallies)
        .filter(|((label, _), _)| chosen(label))
    {
        let runs = if *label == "block bootstrap" {
            replicates / BOOTSTRAP_EVERY
        } else {
            replicates
        };
        println!(
            "| {name} | {n} | {effective:.1} | {label} | {:.1} | {:.2} | {:.2} | {:.2} | {:.1} |",
            percent(tally.decided, runs),
            percent(tally.false_alarms, runs),
            100.0 * upper_bound(tally.false_alarms, runs),
            percent(tally.false_alarms, tally.decided),
            percent(tally.found, runs),
        );
    }
}

fn percent(part: u32, whole: u32) -> f64 {
    if whole == 0 {
        0.0
    } else {
        100.0 * f64::from(part) / f64::from(whole)
    }
}

/// Clopper & Pearson's one-sided 97.5 % upper bound of a rate.
fn upper_bound(hits: u32, runs: u32) -> f64 {
    if hits >= runs {
        return 1.0;
    }
    Beta::new(f64::from(hits) + 1.0, f64::from(runs - hits))
        .and_then(|beta| beta.inverse_sf(0.025))
        .unwrap_or(1.0)
}

fn main() {
    let replicates = std::env::args()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(10_000);
    let (half, strong) = (Process::Autoregression(0.5), Process::Autoregression(0.9));
    println!(
        "{replicates} replicates a row, level {ALPHA}, shift of {SHIFT} standard errors, in %\n"
    );
    println!(
        "| process | n | effective n | method | decides | false alarms | bound | of decided | power |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (name, process, sizes) in [
        ("white", Process::White, &[14, 30, 60, 300][..]),
        ("t3", Process::StudentT3, &[30, 60, 300]),
        ("AR(1) 0.5", half, &[40, 60, 100, 300]),
        ("AR(1) 0.9", strong, &[60, 100, 150, 230, 300, 600]),
        ("AR(1) 0.9 in noise", Process::NoisyDrift, &[200, 400]),
        ("season of 24", Process::Season, &[120, 240]),
    ] {
        for n in sizes {
            row(name, [process, process], *n, replicates);
        }
    }
    row(
        "AR(1) 0.5 against white",
        [half, Process::White],
        100,
        replicates,
    );
    row(
        "white against AR(1) 0.9",
        [Process::White, strong],
        300,
        replicates,
    );
}
