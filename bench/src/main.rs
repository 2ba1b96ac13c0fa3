//! Measures what `tacho-stats` promises: false-alarm rates, quality on public data, and times.
//!
//! One file a command, or a folder of one file a subject. Not shipped, and nothing depends on it.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program speaks to the terminal"
)]

mod calibrate;
mod tcpd;
mod time;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "tacho-bench", about, version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// False-alarm rates, run lengths and power on series whose truth is known
    Calibrate(calibrate::Arguments),
    /// Changes that people marked in real series (Turing change point data): F1 and cover
    Tcpd(tcpd::Arguments),
    /// The time of one task on arrays from files (called by bench/peers.py)
    Time(time::Arguments),
}

fn main() -> ExitCode {
    run(Arguments::parse().command).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Calibrate(arguments) => Ok(calibrate::run(&arguments)),
        Command::Tcpd(arguments) => tcpd::run(&arguments),
        Command::Time(arguments) => time::run(&arguments),
    }
}
