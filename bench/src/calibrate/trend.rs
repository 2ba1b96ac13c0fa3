//! A trend in one series: what a verdict on slow growth rests on.
//!
//! Sources of the methods that are compared: Mann (1945) and Kendall (1970); Hamed & Rao (1998);
//! Yue et al. (2002); Newey & West (1987).

use tacho_stats::Alternative;
use tacho_stats::regression::{
    Coefficient, ErrorModel, Intercept, MIN_EFFECTIVE_N, MannKendallMethod, SerialCorrection,
    least_squares, mann_kendall, mann_kendall_corrected, trend,
};
use tacho_stats::rng::Rng;

use super::{Alarms, Process, Role, Section, Study, Trial};

const ALPHA: f64 = 0.05;
/// The slope for power, in standard errors of the least-squares slope under the true long-run
/// variance: a test that knew that variance would find it in 85 %.
const SLOPE: f64 = 3.0;

const CHOSEN: &str = "trend";

/// Whether a method decides, and its p-value.
type Method = fn(&[f64]) -> (bool, f64);

const METHODS: [(&str, Method); 6] = [
    ("least squares", |x| {
        (true, slope_p(x, ErrorModel::Independent))
    }),
    ("Newey-West", |x| {
        (true, slope_p(x, ErrorModel::NeweyWestAutomatic))
    }),
    ("Mann-Kendall", |x| {
        let test = mann_kendall(x, MannKendallMethod::Automatic);
        (true, test.map_or(1.0, |t| t.p(Alternative::TwoSided)))
    }),
    ("Hamed-Rao", |x| {
        (true, corrected_p(x, SerialCorrection::HamedRao))
    }),
    ("pre-whitened", |x| {
        (
            true,
            corrected_p(x, SerialCorrection::TrendFreePrewhitening),
        )
    }),
    (CHOSEN, |x| {
        let found = trend(x);
        found.map_or((false, 1.0), |t| {
            (t.is_decidable(), t.p(Alternative::TwoSided))
        })
    }),
];

fn slope_p(x: &[f64], errors: ErrorModel) -> f64 {
    let time: Vec<f64> = (0..x.len()).map(|t| t as f64).collect();
    let fit = least_squares(x, &[&time], Intercept::Fitted);
    let slope = fit
        .ok()
        .and_then(|fit| fit.with_errors(errors).coefficient(1));
    slope.as_ref().map_or(1.0, Coefficient::p)
}

fn corrected_p(x: &[f64], correction: SerialCorrection) -> f64 {
    mann_kendall_corrected(x, correction).map_or(1.0, |t| t.p(Alternative::TwoSided))
}

/// One series of each process and length.
pub(super) fn measure(study: &Study) -> Section {
    let (half, strong) = (Process::Autoregression(0.5), Process::Autoregression(0.9));
    let mut section = Section {
        title: "Trend of one series",
        about: format!(
            "A series of n observations without a trend; the known change is a slope of {SLOPE} \
             standard errors of the least-squares slope, which a test that knew the noise would \
             find in 85 %. Chosen is `trend` wherever the series is worth {MIN_EFFECTIVE_N} \
             independent observations; below, it should decline. Drift hidden in noise is listed and \
             not promised: a short series shows it as nothing but a trend."
        ),
        ..Section::default()
    };
    for (process, sizes) in [
        (Process::White, &[14, 30, 100, 300][..]),
        (Process::StudentT3, &[14, 30, 100]),
        (half, &[40, 60, 100, 300]),
        (strong, &[60, 100, 150, 230, 300, 600]),
        (Process::NoisyDrift, &[200, 400]),
    ] {
        for n in sizes {
            rows(&mut section, study, process, *n);
        }
    }
    section
}

fn rows(section: &mut Section, study: &Study, process: Process, n: usize) {
    // The slope's variance is 12 times the long-run variance over n³.
    let slope = SLOPE * (12.0 * process.long_run_variance() / (n as f64).powi(3)).sqrt();
    let tallies = study.count(n as u64, |rng: &mut Rng| {
        let x = process.sample(rng, n);
        let rising: Vec<f64> = x
            .iter()
            .enumerate()
            .map(|(t, v)| v + slope * t as f64)
            .collect();
        METHODS.map(|(_, method)| {
            let (decided, p) = method(&x);
            let (decides, changed) = method(&rising);
            Trial {
                decided,
                alarm: decided && p < ALPHA,
                found: decides && changed < ALPHA,
            }
        })
    });
    let hidden = process == Process::NoisyDrift;
    let promised = !hidden && process.effective_n(n) >= MIN_EFFECTIVE_N;
    for ((method, _), tally) in METHODS.iter().zip(tallies) {
        let chosen = *method == CHOSEN && promised;
        section.alarms.push(Alarms {
            method: (*method).to_owned(),
            role: if chosen { Role::Chosen } else { Role::Textbook },
            process: process.to_string(),
            n,
            nominal: ALPHA,
            tally,
        });
    }
}
