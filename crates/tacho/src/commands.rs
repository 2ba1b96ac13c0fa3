//! One file a command: its arguments, its work, its output.

pub(crate) mod agents;
pub(crate) mod baseline;
pub(crate) mod check;
mod check_data;
mod check_rules;
pub(crate) mod cleanup;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod export;
pub(crate) mod query;
pub(crate) mod report;
pub(crate) mod rules;
pub(crate) mod services;
pub(crate) mod snapshot;
pub(crate) mod start;
pub(crate) mod stats;
pub(crate) mod status;
pub(crate) mod token;
mod verdicts;
mod windows;

use std::io::Write as _;

use anyhow::Result;

use crate::cli::{Cli, Command};
use crate::exit::Outcome;

/// Runs the command.
pub(crate) fn run(cli: Cli) -> Result<Outcome> {
    match cli.command {
        Command::Start(args) => start::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Query(args) => query::run(&args),
        Command::Services(args) => services::run(&args),
        Command::Agents(args) => agents::run(&args),
        Command::Baseline(args) => baseline::run(args),
        Command::Compare(args) => compare::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Snapshot(args) => snapshot::run(&args),
        Command::Cleanup(args) => cleanup::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Stats(args) => stats::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
}

/// Writes to standard output; a closed pipe is an error that [`crate::exit`] forgives.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// JSON as people read it.
fn print_json(value: &serde_json::Value) -> Result<()> {
    print(&format!("{value:#}\n"))
}
