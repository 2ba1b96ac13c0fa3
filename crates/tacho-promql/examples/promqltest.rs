//! Runs scripts in Prometheus' language for testing PromQL:
//! `cargo run --release -p tacho-promql --example promqltest -- FILE…`.
//!
//! A line a file on standard output, `FILE: N passed, N failed`, and last the same for all. What
//! failed is told on standard error. A file that cannot be read or is no script counts as one
//! failure. The exit code is 1 when anything failed, 2 when the arguments make no sense.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

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
            eprintln!("{reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let (mut passed, mut failed) = (0, 0);
    for file in &arguments.files {
        let (good, bad) = run(file, &arguments);
        println!("{file}: {good} passed, {bad} failed");
        passed += good;
        failed += bad;
    }
    println!("total: {passed} passed, {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

/// Runs one file; how many evaluations passed and failed.
fn run(file: &str, arguments: &Arguments) -> (usize, usize) {
    let tell = |line: usize, text: &str| {
        if !arguments.is_quiet {
            eprintln!("{file}:{line}: {text}");
        }
    };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            tell(0, &format!("cannot be read: {error}"));
            return (0, 1);
        }
    };
    let script = match Script::parse(&text) {
        Ok(script) => script,
        Err(error) => {
            tell(error.line, &error.message);
            return (0, 1);
        }
    };
    let Report { passed, failures } = script.run(&arguments.settings);
    for failure in &failures {
        tell(
            failure.line,
            &format!("{}\n    {}", failure.query, failure.reason),
        );
    }
    (passed, failures.len())
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
