//! Tests that are looked at 496 times: how often a true null is ever rejected, and when a
//! difference is found.
//!
//! Sources: Armitage, `McPherson` & Rowe (1969) for what repeated looks do to a plain test; the
//! methods' own are in `tacho_stats::sequential`.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use tacho_stats::describe::mean;
use tacho_stats::rng::Rng;
use tacho_stats::sequential::{
    Arm, DependentMeans, MeanMethod, ProportionPlan, SequentialMeans, SequentialProportions,
    SequentialQuantiles, Sigma, Verdict, expected_n_for_effect,
};

use super::{Alarms, Process, Role, Section, Study, Trial};

const ALPHA: f64 = 0.05;
/// The known change, in (long-run) standard deviations of an observation.
const EFFECT: f64 = 0.1;
/// What a fixed design that knew the change beforehand would need, for 80 %, of each arm.
const FIXED_N: usize = 1_570;
/// Looks after 50, 60, ... 5 000 observations of each arm: 496.
const FIRST_LOOK: usize = 50;
const STEP: usize = 10;
const N: usize = 5_000;
/// One in so many replicates sees the methods that take milliseconds a look.
const SLOW_EVERY: u64 = 25;
/// Success rate of the proportions.
const RATE: f64 = 0.1;

/// What the arms consist of.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Subject {
    Numbers(Process),
    Proportion,
}

impl Subject {
    fn name(self) -> String {
        match self {
            Self::Numbers(process) => process.to_string(),
            Self::Proportion => format!("Bernoulli {RATE}"),
        }
    }

    fn sd(self) -> f64 {
        match self {
            Self::Numbers(process) => process.long_run_variance().sqrt(),
            Self::Proportion => (RATE * (1.0 - RATE)).sqrt(),
        }
    }

    /// Control, treatment without a change, and with it.
    fn arms(self, rng: &mut Rng) -> [Vec<f64>; 3] {
        let shift = EFFECT * self.sd();
        match self {
            Self::Numbers(process) => {
                let (a, b) = (process.sample(rng, N), process.sample(rng, N));
                let moved = b.iter().map(|v| v + shift).collect();
                [a, b, moved]
            }
            Self::Proportion => {
                let mut uniform = || (0..N).map(|_| rng.uniform()).collect::<Vec<f64>>();
                let (a, b) = (uniform(), uniform());
                let at = |x: &[f64], p: f64| x.iter().map(|u| f64::from(*u < p)).collect();
                [at(&a, RATE), at(&b, RATE), at(&b, RATE + shift)]
            }
        }
    }
}

/// A running comparison: the number of observations of each arm at which it rejects.
type Watch = fn(&[f64], &[f64], f64) -> Option<usize>;

/// Name, role on independent observations, and the method.
const METHODS: [(&str, Role, Watch); 6] = [
    ("z-test at every look", Role::Textbook, plain),
    ("mSPRT", Role::Chosen, |a, b, sd| {
        let tau = EFFECT * sd;
        let sigma = Sigma::Estimated;
        watch_means(a, b, MeanMethod::Msprt { tau, sigma })
    }),
    ("GAVI", Role::Chosen, |a, b, _| {
        let (expected_n, sigma) = (expected_n(), Sigma::Estimated);
        watch_means(a, b, MeanMethod::Gavi { expected_n, sigma })
    }),
    ("asymptotic", Role::Chosen, |a, b, _| {
        let expected_n = expected_n();
        watch_means(a, b, MeanMethod::Asymptotic { expected_n })
    }),
    ("Student", Role::Chosen, |a, b, _| {
        let expected_n = expected_n();
        watch_means(a, b, MeanMethod::Student { expected_n })
    }),
    ("batches", Role::Chosen, |a, b, _| {
        let mut test = DependentMeans::new(expected_n(), ALPHA).ok()?;
        watch(a, b, |at, x, y| {
            test.update(Arm::Control, x).ok()?;
            test.update(Arm::Treatment, y).ok()?;
            if at {
                Some(test.look().ok()?.verdict)
            } else {
                None
            }
        })
    }),
];

const EXACT: (&str, Role, Watch) = ("exact proportions", Role::Chosen, |a, b, _| {
    let plan = ProportionPlan::new(expected_n(), RATE);
    let mut test = SequentialProportions::new(plan, ALPHA).ok()?;
    watch(a, b, |at, x, y| {
        test.update(Arm::Control, x).ok()?;
        test.update(Arm::Treatment, y).ok()?;
        if at {
            Some(test.look().ok()?.verdict)
        } else {
            None
        }
    })
});

const MEDIANS: (&str, Role, Watch) = ("medians", Role::Chosen, |a, b, _| {
    let mut test = SequentialQuantiles::new(0.5, expected_n(), ALPHA).ok()?;
    watch(a, b, |at, x, y| {
        test.update(Arm::Control, x).ok()?;
        test.update(Arm::Treatment, y).ok()?;
        if at {
            Some(test.look().ok()?.verdict)
        } else {
            None
        }
    })
});

fn expected_n() -> f64 {
    expected_n_for_effect(EFFECT, ALPHA).unwrap_or(1.0)
}

fn watch(
    a: &[f64],
    b: &[f64],
    mut step: impl FnMut(bool, f64, f64) -> Option<Verdict>,
) -> Option<usize> {
    a.iter().zip(b).enumerate().find_map(|(i, (x, y))| {
        let n = i + 1;
        let at_look = n >= FIRST_LOOK && n.is_multiple_of(STEP);
        let verdict = step(at_look, *x, *y)?;
        (verdict != Verdict::Undecided).then_some(n)
    })
}

fn watch_means(a: &[f64], b: &[f64], method: MeanMethod) -> Option<usize> {
    let mut test = SequentialMeans::new(method, ALPHA).ok()?;
    watch(a, b, |at, x, y| {
        test.update(Arm::Control, x).ok()?;
        test.update(Arm::Treatment, y).ok()?;
        if at {
            Some(test.look().ok()?.verdict)
        } else {
            None
        }
    })
}

/// The plain two-sample z-test, looked at as often.
fn plain(a: &[f64], b: &[f64], _sd: f64) -> Option<usize> {
    const CRITICAL: f64 = 1.959_963_984_540_054;
    let start = [mean(&a[..1]).ok()?, mean(&b[..1]).ok()?];
    let (mut sums, mut squares) = ([0.0; 2], [0.0; 2]);
    let mut n = 0.0;
    watch(a, b, |at, x, y| {
        n += 1.0;
        for (i, value) in [x - start[0], y - start[1]].into_iter().enumerate() {
            sums[i] += value;
            squares[i] += value * value;
        }
        if !at {
            return None;
        }
        let variance: f64 = [0, 1]
            .map(|i| (squares[i] - sums[i] * sums[i] / n) / (n - 1.0))
            .iter()
            .sum();
        let difference = (sums[1] - sums[0]) / n + start[1] - start[0];
        let z = difference / (variance / n).sqrt();
        Some(if z.abs() > CRITICAL {
            Verdict::Higher
        } else {
            Verdict::Undecided
        })
    })
}

/// Every method on every subject, 496 looks each.
pub(super) fn measure(study: &Study) -> Section {
    let mut section = Section {
        title: "Tests looked at 496 times",
        about: format!(
            "Two arms without a difference, looked at after every tenth observation from \
             {FIRST_LOOK} to {N} of each arm: how often the null is ever rejected. The known change \
             is {EFFECT} (long-run) standard deviations, for which a fixed design that knew it \
             needs {FIXED_N} of each arm for 80 %; the methods are tuned for it. On dependent \
             observations only the batches are chosen.\n\nMean number of observations of each arm \
             until that change was found, or {N}:\n"
        ),
        ..Section::default()
    };
    let independent = [
        Subject::Numbers(Process::White),
        Subject::Numbers(Process::StudentT3),
        Subject::Numbers(Process::LogNormal),
        Subject::Proportion,
    ];
    for subject in independent {
        rows(&mut section, study, subject, &METHODS, 1);
    }
    rows(
        &mut section,
        study,
        Subject::Proportion,
        &[EXACT],
        SLOW_EVERY,
    );
    let skewed = Subject::Numbers(Process::LogNormal);
    rows(&mut section, study, skewed, &[MEDIANS], SLOW_EVERY);
    for phi in [0.5, 0.9] {
        let subject = Subject::Numbers(Process::Autoregression(phi));
        rows(&mut section, study, subject, &METHODS, 1);
    }
    section
}

fn rows<const M: usize>(
    section: &mut Section,
    study: &Study,
    subject: Subject,
    methods: &[(&str, Role, Watch); M],
    every: u64,
) {
    let study = study.one_in(every);
    let dependent = matches!(subject, Subject::Numbers(Process::Autoregression(_)));
    let sd = subject.sd();
    let used: [AtomicU64; M] = std::array::from_fn(|_| AtomicU64::new(0));
    let tallies = study.count(N as u64, |rng| {
        let [control, same, moved] = subject.arms(rng);
        let mut trials = [Trial::default(); M];
        for ((trial, (_, _, watch)), used) in trials.iter_mut().zip(methods).zip(&used) {
            let found = watch(&control, &moved, sd);
            used.fetch_add(found.unwrap_or(N) as u64, Ordering::Relaxed);
            *trial = Trial {
                decided: true,
                alarm: watch(&control, &same, sd).is_some(),
                found: found.is_some(),
            };
        }
        trials
    });
    let _ = write!(section.about, "\n- {}:", subject.name());
    for (((method, role, _), tally), used) in methods.iter().zip(tallies).zip(&used) {
        let average = used.load(Ordering::Relaxed) as f64 / tally.runs as f64;
        let _ = write!(section.about, " {method} {average:.0};");
        let chosen = *role == Role::Chosen && (!dependent || *method == "batches");
        section.alarms.push(Alarms {
            method: (*method).to_owned(),
            role: if chosen { Role::Chosen } else { Role::Textbook },
            process: subject.name(),
            n: N,
            nominal: ALPHA,
            tally,
        });
    }
}
