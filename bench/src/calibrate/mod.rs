//! False-alarm rates, run lengths and power, on series whose truth is known.
//!
//! Each subject is a file and a line in [`SECTIONS`]. A row says which method, on which process,
//! what was asked for and what came out, with its Monte-Carlo bound. Methods that Tachograph would
//! choose by itself must keep what was asked for ([`Role::Chosen`]); textbook methods stand beside
//! them for comparison.

mod changes;
mod detectors;
mod forecast;
mod independent;
mod intervals;
mod means;
mod multivariate;
mod process;
mod ranks;
mod rates;
mod sequential;
mod study;
mod table;
mod trend;

use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;

pub(crate) use process::Process;
pub(crate) use study::{Study, Tally, Trial};
pub(crate) use table::{Alarms, Role, RunLength, Section};

/// Every subject: its name on the command line, and what measures it.
const SECTIONS: &[(&str, Measure)] = &[
    ("means", means::measure),
    ("ranks", ranks::measure),
    ("intervals", intervals::measure),
    ("rates", rates::measure),
    ("sequential", sequential::measure),
    ("independent", independent::measure),
    ("forecast", forecast::measure),
    ("trend", trend::measure),
    ("changes", changes::measure),
    ("multivariate", multivariate::measure),
    ("detectors", detectors::measure),
    ("patterns", detectors::patterns::measure),
];

type Measure = fn(&Study) -> Section;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tacho-bench calibrate                     the whole table (about an hour on two cores)
  tacho-bench calibrate --quick             a short form of every row
  tacho-bench calibrate --only means        one section")]
pub(crate) struct Arguments {
    /// Replicates a row
    #[arg(long, default_value_t = 10_000)]
    replicates: u64,
    /// A short form: 300 replicates a row, and only what goes beyond chance fails
    #[arg(long, conflicts_with = "replicates")]
    quick: bool,
    /// Only these sections
    #[arg(long, value_name = "SECTION", value_parser = PossibleValuesParser::new(SECTIONS.iter().map(|s| s.0)))]
    only: Vec<String>,
}

/// Prints every section; the last line is the worst ratio of false-alarm rate to nominal among the
/// chosen methods. Fails when a chosen method breaks its promise.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let replicates = if arguments.quick {
        300
    } else {
        arguments.replicates
    };
    let study = Study::new(replicates);
    let mut worst = 0.0f64;
    let mut broken = Vec::new();
    for (name, measure) in SECTIONS {
        if !arguments.only.is_empty() && !arguments.only.iter().any(|only| only == *name) {
            continue;
        }
        let section = measure(&study);
        println!("{section}");
        worst = worst.max(section.worst_ratio());
        broken.extend(section.broken(arguments.quick));
    }
    for promise in &broken {
        println!("broken: {promise}");
    }
    println!("worst ratio {worst:.2}");
    ExitCode::from(u8::from(!broken.is_empty()))
}
