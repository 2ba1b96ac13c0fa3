//! Means of two dependent series: what a verdict on two windows rests on.
//!
//! Sources of the methods that are compared: Welch (1947); Geyer (1992) for effective sizes;
//! Lazarus, Lewis, Stock & Watson (2018) for cosines; Künsch (1989) for blocks.

use tacho_stats::bootstrap::{BlockScheme, BootstrapPlan, Series, two_sample_block_bootstrap};
use tacho_stats::dependence::{
    MIN_EFFECTIVE_N, compare_means, cosine_long_run_variance, cosine_terms, effective_sample_size,
};
use tacho_stats::describe::{mean_difference, variance};
use tacho_stats::distribution::StudentT;
use tacho_stats::rng::Rng;
use tacho_stats::{Alternative, ttest};

use super::{Alarms, Process, Role, Section, Study, Trial};

const ALPHA: f64 = 0.05;
/// The shift for power, in true standard errors of the difference: a test that knew the long-run
/// variance would find it in 85 %.
const SHIFT: f64 = 3.0;
/// Resampling is slow, so the bootstrap sees only every tenth replicate.
const BOOTSTRAP_EVERY: u64 = 10;

const CHOSEN: &str = "compare_means";

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
    (CHOSEN, |a, b, _| {
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

/// Two series of each process and length.
pub(super) fn measure(study: &Study) -> Section {
    let (half, strong) = (Process::Autoregression(0.5), Process::Autoregression(0.9));
    let mut section = Section {
        title: "Means of two series",
        about: format!(
            "Two series of n observations with the same mean; the known change is {SHIFT} true \
             standard errors of the difference, which a test that knew the noise would find in \
             85 %. Chosen is `compare_means` wherever both series are worth {MIN_EFFECTIVE_N} \
             independent observations; below, it should decline."
        ),
        ..Section::default()
    };
    for (process, sizes) in [
        (Process::White, &[14, 30, 60, 300][..]),
        (Process::StudentT3, &[30, 60, 300]),
        (half, &[40, 60, 100, 300]),
        (strong, &[60, 100, 150, 230, 300, 600]),
        (Process::NoisyDrift, &[200, 400]),
        (Process::Season, &[120, 240]),
    ] {
        for n in sizes {
            rows(&mut section, study, [process; 2], *n);
        }
    }
    rows(&mut section, study, [half, Process::White], 100);
    rows(&mut section, study, [Process::White, strong], 300);
    section
}

fn rows(section: &mut Section, study: &Study, processes: [Process; 2], n: usize) {
    let effective = processes[0].effective_n(n).min(processes[1].effective_n(n));
    let long_run: f64 = processes.iter().map(|p| p.long_run_variance()).sum();
    let shift = SHIFT * (long_run / n as f64).sqrt();
    let name = if processes[0] == processes[1] {
        processes[0].to_string()
    } else {
        format!("{} against {}", processes[0], processes[1])
    };
    let trials = |rng: &mut Rng, methods: &[(&str, Method)]| -> Vec<Trial> {
        let a = processes[0].sample(rng, n);
        let b = processes[1].sample(rng, n);
        let moved: Vec<f64> = b.iter().map(|v| v + shift).collect();
        let seed = rng.next_u64();
        let trial = |(_, method): &(&str, Method)| {
            let (decided, p) = method(&a, &b, seed);
            let (decides, changed) = method(&a, &moved, seed);
            Trial {
                decided,
                alarm: decided && p < ALPHA,
                found: decides && changed < ALPHA,
            }
        };
        methods.iter().map(trial).collect()
    };
    let (quick, slow) = METHODS.split_at(METHODS.len() - 1);
    let seed = n as u64;
    let one = |rng: &mut Rng| {
        let found = trials(rng, quick);
        [found[0], found[1], found[2], found[3]]
    };
    let tallies = study.count(seed, one);
    let resampled = study
        .one_in(BOOTSTRAP_EVERY)
        .count(seed, |rng| [trials(rng, slow)[0]]);
    for ((method, _), tally) in METHODS.iter().zip(tallies.into_iter().chain(resampled)) {
        let chosen = *method == CHOSEN && effective >= MIN_EFFECTIVE_N;
        section.alarms.push(Alarms {
            method: (*method).to_owned(),
            role: if chosen { Role::Chosen } else { Role::Textbook },
            process: name.clone(),
            n,
            nominal: ALPHA,
            tally,
        });
    }
}
