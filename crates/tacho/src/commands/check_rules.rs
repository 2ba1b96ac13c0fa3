//! `tacho check rules`: whether Prometheus' rule files can be used.

use std::path::PathBuf;

use anyhow::{Result, bail};
use tacho_server::rules::{INTERVAL, load};

use crate::commands::print;
use crate::config::rules;
use crate::exit::Outcome;

/// Which files.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho check rules rules.yml
  tacho check rules rules/*.yml

Exit code 2 when one of them is not usable.")]
pub(crate) struct Args {
    /// Rule files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Checks all of them, and says of each what it is.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let mut text = String::new();
    let mut failures = Vec::new();
    for file in &args.files {
        match load::file(file, INTERVAL) {
            Ok(groups) => {
                let count: usize = groups.iter().map(|group| group.rules.len()).sum();
                let plural = if count == 1 { "rule" } else { "rules" };
                text += &format!("{}: {count} {plural} found\n", file.display());
                for told in rules::told(&groups) {
                    text += &format!("  {told}\n");
                }
            }
            Err(error) => failures.push(error.to_string()),
        }
    }
    print(&text)?;
    if failures.is_empty() {
        return Ok(Outcome::Fine);
    }
    bail!(failures.join("\n"))
}
