//! Runs scripts in Prometheus' language for testing PromQL:
//! `cargo run --release -p tacho-promql --example promqltest -- FILE…`.
//!
//! A line a file on standard output, `FILE: N passed, N failed`, and last the same for all. What
//! failed is told on standard error. A file that cannot be read or is no script counts as one
//! failure. The exit code is 1 when anything failed, 2 when the arguments make no sense.

use std::io::{self, Write};
use std::process::ExitCode;

use tacho_promql::testing::{Report, Script, Settings};
use tacho_promql::{Features, NameRemoval};

const USAGE: &str = "usage: promqltest [--experimental] [--immediate-name-removal] [--quiet] FILE…";

/// What was asked for.
#[derive(Default)]
struct Arguments {
    settings: Settings,
    is_quiet: bool,
    files: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = match arguments(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(reason) => {
            // Nobody is left to be told that nobody listens.
            let _ = writeln!(io::stderr(), "{reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run_all(&arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) | Err(_) => ExitCode::FAILURE,
    }
}

/// Runs all files; how many evaluations failed. An error is that of writing: whoever reads has gone.
fn run_all(arguments: &Arguments) -> io::Result<usize> {
    let (mut passed, mut failed) = (0, 0);
    for file in &arguments.files {
        let (good, failures) = run(file, &arguments.settings);
        if !arguments.is_quiet {
            for (line, text) in &failures {
                writeln!(io::stderr(), "{file}:{line}: {text}")?;
            }
        }
        let bad = failures.len();
        writeln!(io::stdout(), "{file}: {good} passed, {bad} failed")?;
        passed += good;
        failed += bad;
    }
    writeln!(io::stdout(), "total: {passed} passed, {failed} failed")?;
    Ok(failed)
}

/// Runs one file; how many evaluations passed, and the line and reason of each that failed.
fn run(file: &str, settings: &Settings) -> (usize, Vec<(usize, String)>) {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return (0, vec![(0, format!("cannot be read: {error}"))]),
    };
    let script = match Script::parse(&text) {
        Ok(script) => script,
        Err(error) => return (0, vec![(error.line, error.message)]),
    };
    let Report { passed, failures } = script.run(settings);
    let told = failures.into_iter().map(|failure| {
        let text = format!("{}\n    {}", failure.query, failure.reason);
        (failure.line, text)
    });
    (passed, told.collect())
}

fn arguments(given: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    for argument in given {
        match argument.as_str() {
            "--experimental" => arguments.settings.features = Features::Experimental,
            "--immediate-name-removal" => {
                arguments.settings.options.name_removal = NameRemoval::Immediate;
            }
            "--quiet" => arguments.is_quiet = true,
            "--verbose" => arguments.is_quiet = false,
            option if option.starts_with('-') => return Err(format!("{option} is no option")),
            _ => arguments.files.push(argument),
        }
    }
    if arguments.files.is_empty() {
        return Err("no file is given".to_owned());
    }
    Ok(arguments)
}
