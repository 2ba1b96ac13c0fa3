//! Rates of events in successive intervals, whose scatter nobody knows.
//!
//! Source of the textbook test: Przyborowski & Wilenski (1940), two Poisson counts, here by the
//! normal approximation of the difference.

use tacho_stats::Alternative;
use tacho_stats::dependence::{EventSeries, MIN_EFFECTIVE_N, compare_rates};
use tacho_stats::distribution::Normal;
use tacho_stats::rng::Rng;

use super::{Alarms, Process, Role, Section, Study, Trial};

const ALPHA: f64 = 0.05;
/// Events expected for each unit of exposure, which lies between 5 and 15 an interval.
const RATE: f64 = 1.0;
const EXPOSURE: f64 = 10.0;
/// The known change, in true standard errors of the difference.
const SHIFT: f64 = 3.0;

/// How events scatter around what is expected.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scatter {
    Poisson,
    /// The rate of each interval is drawn anew, log-normal with this standard deviation.
    Overdispersed(f64),
    /// The logarithm of the rate follows an autoregression with this coefficient and standard
    /// deviation.
    Modulated(f64, f64),
}

impl Scatter {
    fn name(self) -> String {
        match self {
            Self::Poisson => "Poisson".to_owned(),
            Self::Overdispersed(sd) => format!("overdispersed {sd}"),
            Self::Modulated(phi, sd) => format!("AR(1) {phi} × {sd} in Poisson"),
        }
    }

    /// Variance of a sum of intervals for each interval, in events², at long range.
    fn long_run_variance(self, rate: f64) -> f64 {
        let mean = rate * EXPOSURE;
        let squares = rate * rate * (EXPOSURE * EXPOSURE + 100.0 / 12.0);
        match self {
            Self::Poisson => mean,
            Self::Overdispersed(sd) => mean + squares * (sd * sd).exp_m1(),
            // Autocovariances of exp of a Gaussian series are exp(σ²φᵏ) − 1.
            Self::Modulated(phi, sd) => {
                let lags = (1..400).map(|k| (sd * sd * phi.powi(k)).exp_m1());
                let far = rate * rate * EXPOSURE * EXPOSURE * 2.0 * lags.sum::<f64>();
                mean + squares * (sd * sd).exp_m1() + far
            }
        }
    }

    fn variance(self, rate: f64) -> f64 {
        match self {
            Self::Modulated(_, sd) => Self::Overdispersed(sd).long_run_variance(rate),
            independent => independent.long_run_variance(rate),
        }
    }

    /// Events and exposure of `n` intervals.
    fn sample(self, rng: &mut Rng, n: usize, rate: f64) -> [Vec<f64>; 2] {
        let logs: Vec<f64> = match self {
            Self::Poisson => vec![0.0; n],
            Self::Overdispersed(sd) => (0..n)
                .map(|_| sd * rng.standard_normal() - 0.5 * sd * sd)
                .collect(),
            Self::Modulated(phi, sd) => {
                let scale = sd * (1.0 - phi * phi).sqrt();
                let noise = Process::Autoregression(phi).sample(rng, n);
                noise.iter().map(|v| scale * v - 0.5 * sd * sd).collect()
            }
        };
        let exposure: Vec<f64> = (0..n).map(|_| EXPOSURE * (0.5 + rng.uniform())).collect();
        let events = logs
            .iter()
            .zip(&exposure)
            .map(|(log, e)| poisson(rng, rate * e * log.exp()))
            .collect();
        [events, exposure]
    }
}

/// Knuth's product of uniforms: means here stay far below 700.
fn poisson(rng: &mut Rng, mean: f64) -> f64 {
    let floor = (-mean).exp();
    let (mut product, mut count) = (rng.uniform(), 0.0);
    while product > floor {
        product *= rng.uniform();
        count += 1.0;
    }
    count
}

/// Two series of intervals of each kind.
pub(super) fn measure(study: &Study) -> Section {
    let mut section = Section {
        title: "Rates of two series of intervals",
        about: format!(
            "Events in n intervals of varying exposure, {EXPOSURE} expected in each, at the same \
             rate in both series; the known change is {SHIFT} true standard errors, which a test \
             that knew the scatter would find in 85 %. The textbook test takes events as Poisson. \
             Chosen is `compare_rates` wherever both series are worth {MIN_EFFECTIVE_N} intervals."
        ),
        ..Section::default()
    };
    for (scatter, sizes) in [
        (Scatter::Poisson, &[20, 60, 300][..]),
        (Scatter::Overdispersed(0.5), &[20, 60, 300]),
        (Scatter::Modulated(0.5, 0.5), &[60, 300]),
        (Scatter::Modulated(0.9, 0.3), &[300]),
    ] {
        for n in sizes {
            rows(&mut section, study, scatter, *n);
        }
    }
    section
}

fn rows(section: &mut Section, study: &Study, scatter: Scatter, n: usize) {
    let long_run = scatter.long_run_variance(RATE);
    let effective = n as f64 * scatter.variance(RATE) / long_run;
    let shift = SHIFT * (2.0 * long_run / n as f64).sqrt() / EXPOSURE;
    let tallies = study.count(n as u64, |rng| {
        let [before, same, moved] =
            [RATE, RATE, RATE + shift].map(|rate| scatter.sample(rng, n, rate));
        [poisson_test, ours].map(|test| {
            let (decided, p) = test(&before, &same);
            let (decides, changed) = test(&before, &moved);
            Trial {
                decided,
                alarm: decided && p < ALPHA,
                found: decides && changed < ALPHA,
            }
        })
    });
    for ((method, chosen), tally) in [("Poisson", false), ("compare_rates", true)]
        .into_iter()
        .zip(tallies)
    {
        let chosen = chosen && effective >= MIN_EFFECTIVE_N;
        section.alarms.push(Alarms {
            method: method.to_owned(),
            role: if chosen { Role::Chosen } else { Role::Textbook },
            process: scatter.name(),
            n,
            nominal: ALPHA,
            tally,
        });
    }
}

fn ours(before: &[Vec<f64>; 2], after: &[Vec<f64>; 2]) -> (bool, f64) {
    let [first, second] =
        [before, after].map(|[events, exposure]| EventSeries { events, exposure });
    compare_rates(first, second).map_or((false, 1.0), |comparison| {
        (
            comparison.is_decidable(),
            comparison.p(Alternative::TwoSided),
        )
    })
}

fn poisson_test(before: &[Vec<f64>; 2], after: &[Vec<f64>; 2]) -> (bool, f64) {
    let [(na, ea), (nb, eb)] = [before, after]
        .map(|[events, exposure]| (events.iter().sum::<f64>(), exposure.iter().sum::<f64>()));
    let pooled = (na + nb) / (ea + eb);
    let z = (nb / eb - na / ea) / (pooled * (1.0 / ea + 1.0 / eb)).sqrt();
    let p = Normal::new(0.0, 1.0).map_or(1.0, |normal| 2.0 * normal.sf(z.abs()));
    (true, p)
}
