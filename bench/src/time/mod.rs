//! Times one task on arrays from files, for a comparison with a peer on the same bytes.
//!
//! Each task is a function in a file here and a line in [`TASKS`]: it reads its arrays and returns
//! what is timed. `bench/peers.py` writes the arrays, runs the peer, runs this, and compares both
//! times and both results. One thread only.

mod auto_ets;
mod bootstrap;
mod changes;
mod hodges_lehmann;
mod isolation_forest;
mod mannwhitney;
mod matrix_profile;
mod permutation;
mod quantiles;
mod stl;
mod trend;
mod ttest;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;

/// What is timed: returns numbers to compare with the peer's.
pub(crate) type Work = Box<dyn FnMut() -> Result<Vec<f64>>>;

/// Every task: its name and what prepares it.
const TASKS: &[(&str, Prepare)] = &[
    ("auto-ets", auto_ets::prepare),
    ("bootstrap-mean", bootstrap::mean),
    ("bootstrap-median", bootstrap::median),
    ("e-divisive-1000", changes::prepare_e_divisive),
    ("e-divisive-5000", changes::prepare_e_divisive),
    ("hodges-lehmann", hodges_lehmann::prepare),
    ("isolation-forest", isolation_forest::prepare),
    ("isolation-forest-row", isolation_forest::prepare_row),
    ("least-squares", trend::prepare_least_squares),
    ("mann-kendall", trend::prepare_mann_kendall),
    ("mannwhitney", mannwhitney::prepare),
    ("matrix-profile", matrix_profile::prepare),
    ("pelt", changes::prepare_pelt),
    ("pelt-quiet", changes::prepare_pelt),
    ("permutation", permutation::prepare),
    ("quantiles", quantiles::prepare),
    ("stl", stl::prepare_plain),
    ("stl-robust", stl::prepare_robust),
    ("theil-sen", trend::prepare_theil_sen),
    ("ttest", ttest::prepare),
];

type Prepare = fn(&Path) -> Result<Work>;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The task
    #[arg(value_parser = PossibleValuesParser::new(TASKS.iter().map(|t| t.0)))]
    task: String,
    /// The folder with the task's arrays: NAME.f64, little-endian doubles
    folder: PathBuf,
    /// How often; the best time counts
    #[arg(long, default_value_t = 5)]
    repeat: u32,
}

/// Prints `SECONDS RESULT...` on one line: the best of the repetitions.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Some((_, prepare)) = TASKS.iter().find(|(name, _)| *name == arguments.task) else {
        bail!("there is no task {}", arguments.task);
    };
    let mut work = prepare(&arguments.folder)?;
    let mut best = f64::INFINITY;
    let mut result = Vec::new();
    for _ in 0..arguments.repeat.max(1) {
        let start = Instant::now();
        result = work()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    let numbers: Vec<String> = result.iter().map(|v| format!("{v:e}")).collect();
    println!("{best:e} {}", numbers.join(" "));
    Ok(ExitCode::SUCCESS)
}

/// The array `NAME.f64` of a task's folder.
pub(crate) fn array(folder: &Path, name: &str) -> Result<Vec<f64>> {
    let path = folder.join(format!("{name}.f64"));
    let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let (numbers, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        bail!("{} is not a whole number of doubles", path.display());
    }
    Ok(numbers.iter().map(|b| f64::from_le_bytes(*b)).collect())
}
