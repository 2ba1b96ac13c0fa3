//! Rows of several variables: how often a quiet row is called unusual.
//!
//! Sources of what is compared: Hardin & Rocke (2005) for the F law of robust distances, Rousseeuw &
//! Van Zomeren (1990) for the chi-squared cut-off, Bates et al. (2023) for conformal p-values.

use tacho_stats::detect::{
    ConformalCalibration, IsolationForest, IsolationForestOptions, RobustCovariance, Rows,
    split_rows,
};
use tacho_stats::distribution::ChiSquared;
use tacho_stats::rng::Rng;

use super::{Alarms, Process, Role, Section, Study, Trial};

const ALPHAS: [f64; 1] = [0.05];
/// The known outlier: this many standard deviations are added to the first variable.
const SHIFT: f64 = 5.0;
/// Larger tables are slow, so they see only every fourth replicate.
const LARGE: usize = 200;
const LARGE_EVERY: u64 = 4;

/// What is compared; the second is chosen where rows are normal, since no method that trusts the
/// normal law can keep its rate in heavy tails, and the conformal ones everywhere.
const METHODS: [&str; 4] = [
    "robust distance, chi-squared",
    F_LAW,
    "conformal, robust distance",
    "conformal, isolation forest",
];
const F_LAW: &str = "robust distance, F law";

/// The p-values of two new rows, and the smallest that the method can give.
type Found = ([f64; 2], f64);

fn p_values(rows: &Rows, new: [&[f64]; 2], seed: u64) -> [Option<Found>; METHODS.len()] {
    let (chi_squared, f_law) = laws(rows, new, seed).unzip();
    [
        chi_squared,
        f_law,
        conformal(rows, new, seed, |train| {
            let normal = RobustCovariance::fit(train, seed).ok()?;
            Some(move |row: &[f64]| normal.distance_squared(row).ok())
        }),
        conformal(rows, new, seed, |train| {
            let options = IsolationForestOptions {
                seed,
                ..IsolationForestOptions::default()
            };
            let forest = IsolationForest::fit(train, options).ok()?;
            Some(move |row: &[f64]| forest.score(row).ok())
        }),
    ]
}

/// By the chi-squared law, and by that of this sample size.
fn laws(rows: &Rows, new: [&[f64]; 2], seed: u64) -> Option<(Found, Found)> {
    let normal = RobustCovariance::fit(rows, seed).ok()?;
    let law = ChiSquared::new(rows.width() as f64).ok()?;
    let chi_squared = |row| Some(law.sf(normal.distance_squared(row).ok()?));
    let f_law = |row| normal.p_value(row).ok();
    Some((
        ([chi_squared(new[0])?, chi_squared(new[1])?], 0.0),
        ([f_law(new[0])?, f_law(new[1])?], 0.0),
    ))
}

/// Trains on half of the rows and calibrates with the other half.
fn conformal<S: Fn(&[f64]) -> Option<f64>>(
    rows: &Rows,
    new: [&[f64]; 2],
    seed: u64,
    fit: impl Fn(&Rows) -> Option<S>,
) -> Option<Found> {
    let (train, calibrate) = split_rows(rows, 0.5, seed).ok()?;
    let score = fit(&Rows::new(&train, rows.width()).ok()?)?;
    let quiet = calibrate.chunks_exact(rows.width());
    let scores: Vec<f64> = quiet.map(&score).collect::<Option<_>>()?;
    let calibration = ConformalCalibration::new(&scores).ok()?;
    let p = |row| calibration.p(score(row)?).ok();
    let least = 1.0 / (calibration.len() + 1) as f64;
    Some(([p(new[0])?, p(new[1])?], least))
}

/// Normal and heavy-tailed tables of two and five independent variables.
pub(super) fn measure(study: &Study) -> Section {
    let mut section = Section {
        title: "Rows of several variables",
        about: format!(
            "A table of n quiet rows of p independent variables, then one new row: quiet, or with \
             {SHIFT} standard deviations added to its first variable. Conformal methods train on \
             half of the rows, calibrate with the other half, and decline where that is too small \
             for the rate asked for."
        ),
        ..Section::default()
    };
    for process in [Process::White, Process::StudentT3] {
        for p in [2, 5] {
            for n in [50, 100, LARGE, 1000] {
                rows(&mut section, study, process, n, p);
            }
        }
    }
    section
}

fn rows(section: &mut Section, study: &Study, process: Process, n: usize, p: usize) {
    let shift = SHIFT * process.variance().sqrt();
    let trial = |rng: &mut Rng| {
        let table = process.sample(rng, n * p);
        let quiet = process.sample(rng, p);
        let mut unusual = quiet.clone();
        unusual[0] += shift;
        let seed = rng.next_u64();
        let mut trials = [Trial::default(); METHODS.len() * ALPHAS.len()];
        let Ok(table) = Rows::new(&table, p) else {
            return trials;
        };
        let found = p_values(&table, [&quiet, &unusual], seed);
        for (found, trials) in found.iter().zip(trials.chunks_mut(ALPHAS.len())) {
            let Some(([quiet, unusual], least)) = found else {
                continue;
            };
            for (alpha, trial) in ALPHAS.iter().zip(trials) {
                let decided = *least <= *alpha;
                *trial = Trial {
                    decided,
                    alarm: decided && *quiet <= *alpha,
                    found: decided && *unusual <= *alpha,
                };
            }
        }
        trials
    };
    let every = if n < LARGE { 1 } else { LARGE_EVERY };
    let tallies = study.one_in(every).count((n * 10 + p) as u64, trial);
    for (name, tallies) in METHODS.iter().zip(tallies.chunks(ALPHAS.len())) {
        let conformal = name.starts_with("conformal");
        let chosen = conformal || (*name == F_LAW && process == Process::White);
        for (alpha, tally) in ALPHAS.iter().zip(tallies) {
            section.alarms.push(Alarms {
                method: (*name).to_owned(),
                role: if chosen { Role::Chosen } else { Role::Textbook },
                process: format!("{process}, p = {p}"),
                n,
                nominal: *alpha,
                tally: *tally,
            });
        }
    }
}
