//! Exit codes: the one place that maps outcomes to what scripts read.
//!
//! 0 fine · 1 the answer is bad news · 2 the command could not do its work · 3 inconclusive.

use std::process::ExitCode;

use tacho_server::causes;

use crate::term;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Stable, improved, nothing found.
    Fine,
    /// Regressed, a threshold failed, an alert fires.
    BadNews,
    /// Not enough data to say.
    Inconclusive,
}

/// Prints an error and gives the exit code.
pub(crate) fn report(outcome: anyhow::Result<Outcome>) -> ExitCode {
    match outcome {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::BadNews) => ExitCode::from(1),
        Ok(Outcome::Inconclusive) => ExitCode::from(3),
        Err(error) => {
            // A closed pipe (`tacho query | head`) is no error of ours.
            let broken = error.downcast_ref::<std::io::Error>();
            if broken.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe) {
                return ExitCode::SUCCESS;
            }
            let told = causes::in_one_line(error.as_ref());
            eprintln!("{} {told}", term::paint_err("error:", term::Colour::Worse));
            ExitCode::from(2)
        }
    }
}
