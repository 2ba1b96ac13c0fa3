//! Rank tests, permutation and the bootstrap: as in the books, and what dependence does to them;
//! the comparison of ranks that knows about dependence; block-bootstrap intervals.
//!
//! Sources: those of `tacho_stats`' modules of the same names.

use tacho_stats::bootstrap::{
    BlockScheme, BootstrapPlan, Resampling, Series, block_bootstrap, bootstrap_mean,
    bootstrap_mean_difference,
};
use tacho_stats::brunner_munzel::brunner_munzel;
use tacho_stats::dependence::{MIN_EFFECTIVE_N, compare_ranks};
use tacho_stats::kolmogorov_smirnov::{KolmogorovSmirnovMethod, kolmogorov_smirnov};
use tacho_stats::mannwhitney::{MannWhitneyMethod, mann_whitney};
use tacho_stats::permutation::{PermutationPlan, permute_means};
use tacho_stats::rng::Rng;
use tacho_stats::wilcoxon::{SignedRankMethod, Zeros, signed_rank_paired};
use tacho_stats::{Alternative, Interval, Result};

use super::{Alarms, Process, Role, Section, Study, Trial};

const ALPHA: f64 = 0.05;
/// The shift for power, in true standard errors of the difference of means.
const SHIFT: f64 = 3.0;
/// Resampling is slow, so it sees only every tenth replicate.
const RESAMPLED_EVERY: u64 = 10;
const RESAMPLES: usize = 999;

/// Whether a method decides, and whether it raises an alarm.
type Method = fn(&[f64], &[f64], u64) -> (bool, bool);

const CHOSEN: &str = "compare_ranks";

const QUICK: [(&str, Method); 5] = [
    ("Mann-Whitney", |a, b, _| {
        below(mann_whitney(a, b, MannWhitneyMethod::Auto).map(|t| t.p(Alternative::TwoSided)))
    }),
    ("Wilcoxon, paired", |a, b, _| {
        let test = signed_rank_paired(a, b, Zeros::Wilcoxon, SignedRankMethod::Auto);
        below(test.map(|t| t.p(Alternative::TwoSided)))
    }),
    ("Brunner-Munzel", |a, b, _| {
        below(brunner_munzel(a, b).map(|t| t.p(Alternative::TwoSided)))
    }),
    ("Kolmogorov-Smirnov", |a, b, _| {
        let test = kolmogorov_smirnov(a, b, KolmogorovSmirnovMethod::Exact);
        below(test.map(|t| t.p(Alternative::TwoSided)))
    }),
    (CHOSEN, |a, b, _| {
        compare_ranks(a, b).map_or((false, false), |c| {
            (c.is_decidable(), c.p(Alternative::TwoSided) < ALPHA)
        })
    }),
];

const RESAMPLED: [(&str, Method); 2] = [
    ("permutation of means", |a, b, seed| {
        let plan = PermutationPlan {
            permutations: RESAMPLES as u64,
            seed,
        };
        below(permute_means(a, b, plan).map(|t| t.p(Alternative::TwoSided)))
    }),
    ("BCa, difference of means", |a, b, seed| {
        let plan = Resampling {
            resamples: RESAMPLES,
            seed,
        };
        outside(bootstrap_mean_difference(a, b, plan).and_then(|r| r.bca(1.0 - ALPHA)))
    }),
];

/// Intervals of the mean of one series; an alarm is an interval without the true mean, zero.
const INTERVALS: [(&str, Method); 3] = [
    ("BCa, mean", |a, _, seed| {
        let plan = Resampling {
            resamples: RESAMPLES,
            seed,
        };
        outside(bootstrap_mean(a, plan).and_then(|r| r.bca(1.0 - ALPHA)))
    }),
    ("moving blocks, mean", |a, _, seed| {
        blocks(a, seed, BlockScheme::Moving)
    }),
    ("stationary blocks, mean", |a, _, seed| {
        blocks(a, seed, BlockScheme::Stationary)
    }),
];

fn below(p: Result<f64>) -> (bool, bool) {
    (true, p.is_ok_and(|p| p < ALPHA))
}

fn outside(interval: Result<Interval>) -> (bool, bool) {
    (true, interval.is_ok_and(|i| !i.contains(0.0)))
}

fn blocks(x: &[f64], seed: u64, scheme: BlockScheme) -> (bool, bool) {
    let plan = BootstrapPlan {
        resamples: RESAMPLES,
        seed,
        scheme,
    };
    let series = Series {
        influence: x,
        block: None,
    };
    let mean =
        |indices: &[usize]| indices.iter().map(|i| x[*i]).sum::<f64>() / indices.len() as f64;
    block_bootstrap(series, plan, mean).map_or((false, false), |found| {
        let (_, alarm) = outside(found.percentile(1.0 - ALPHA));
        (found.is_decidable(), alarm)
    })
}

/// Two series of each process and length.
pub(super) fn measure(study: &Study) -> Section {
    let (half, strong) = (Process::Autoregression(0.5), Process::Autoregression(0.9));
    let mut section = Section {
        title: "Ranks, permutations and the bootstrap",
        about: format!(
            "Two series of n observations of one distribution, or one series for the intervals of a \
             mean, where an alarm is an interval without the true mean. The known change is a shift \
             by {SHIFT} true standard errors of the difference of means (of the mean). \"times 3\" \
             spreads the second series by three, which changes neither median nor mean. Chosen is \
             `compare_ranks` wherever both series are worth {MIN_EFFECTIVE_N} independent \
             observations."
        ),
        ..Section::default()
    };
    let one = Scale::default();
    for (process, n, scale) in [
        (Process::White, 20, one),
        (Process::White, 60, one),
        (Process::White, 60, Scale(3.0)),
        (Process::StudentT3, 60, one),
        (Process::LogNormal, 60, one),
        (half, 60, one),
        (half, 200, one),
        (strong, 100, one),
        (strong, 300, one),
    ] {
        rows(&mut section, study, process, n, scale);
    }
    section
}

/// By how much the second series is spread out.
#[derive(Debug, Clone, Copy)]
struct Scale(f64);

impl Default for Scale {
    fn default() -> Self {
        Self(1.0)
    }
}

fn rows(section: &mut Section, study: &Study, process: Process, n: usize, Scale(scale): Scale) {
    let error = (process.long_run_variance() / n as f64).sqrt();
    let name = if scale == 1.0 {
        process.to_string()
    } else {
        format!("{process}, times {scale}")
    };
    let trials = |rng: &mut Rng, methods: &[(&str, Method)], shift: f64| -> Vec<Trial> {
        let a = process.sample(rng, n);
        let b: Vec<f64> = process.sample(rng, n).iter().map(|v| scale * v).collect();
        let moved: Vec<f64> = a.iter().map(|v| v + shift).collect();
        let seed = rng.next_u64();
        let trial = |(_, method): &(&str, Method)| {
            let (decided, alarm) = method(&a, &b, seed);
            let (decides, found) = method(&moved, &b, seed);
            Trial {
                decided,
                alarm: decided && alarm,
                found: decides && found,
            }
        };
        methods.iter().map(trial).collect()
    };
    let two = SHIFT * error * scale.hypot(1.0);
    let seed = n as u64;
    let resampling = study.one_in(RESAMPLED_EVERY);
    let quick = study.count(seed, |rng| fixed::<5>(&trials(rng, &QUICK, two)));
    let resampled = resampling.count(seed, |rng| fixed::<2>(&trials(rng, &RESAMPLED, two)));
    let intervals = resampling.count(seed, |rng| {
        fixed::<3>(&trials(rng, &INTERVALS, SHIFT * error))
    });
    let named = QUICK.iter().zip(quick);
    let named = named.chain(RESAMPLED.iter().zip(resampled));
    for ((method, _), tally) in named.chain(INTERVALS.iter().zip(intervals)) {
        let chosen = *method == CHOSEN && process.effective_n(n) >= MIN_EFFECTIVE_N;
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

fn fixed<const N: usize>(trials: &[Trial]) -> [Trial; N] {
    std::array::from_fn(|at| trials[at])
}
