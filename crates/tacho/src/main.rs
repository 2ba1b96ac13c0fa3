//! The `tacho` command.
//!
//! Contents: [`cli`] is what may be typed, [`commands`] one file a command, [`config`] the
//! configuration file, [`client`] the way to a running server (or to a data folder when none
//! runs), [`columns`] a user's own files, [`table`] and [`term`] how answers look, [`exit`] what scripts read.

#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a command speaks to its user")]

mod cli;
mod client;
mod columns;
mod commands;
mod config;
mod exit;
mod table;
mod term;

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    let cli = cli::Cli::parse();
    exit::report(commands::run(cli))
}
