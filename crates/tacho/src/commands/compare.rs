//! `tacho compare`: the last minutes against a baseline.

use anyhow::Result;
use serde_json::{Value, json};

use crate::client::{Client, Source};
use crate::commands::{print, print_json, verdicts};
use crate::exit::Outcome;
use crate::table::Format;

/// Compare the last minutes with a baseline.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho compare default
  tacho compare before-1.4 --window 15m
  tacho compare default --format json | jq '.verdicts[] | {metric, answer}'

Answers: regressed, improved, stable, or inconclusive with where it leans and how much longer to
measure. Exit code 1 when something regressed, 3 when nothing could be decided.")]
pub(crate) struct Args {
    /// The baseline
    #[arg(default_value = "default")]
    name: String,
    #[command(flatten)]
    source: Source,
    /// How much of the past to compare
    #[arg(
        long,
        default_value = "5m",
        value_name = "DURATION",
        conflicts_with = "from"
    )]
    window: String,
    /// Beginning of the window, in place of the last minutes
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// End of the window
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<String>,
    /// Exit with 0 when nothing could be decided
    #[arg(long)]
    allow_inconclusive: bool,
    /// How to write the answer
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Shows a verdict a metric.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let client = Client::open(&args.source)?;
    let body = match &args.from {
        Some(from) => json!({"from": from, "to": args.to}),
        None => json!({"window": args.window}),
    };
    let path = format!("{}/compare", super::baseline::path(&args.name));
    let comparison = client.post(&path, &body)?.json()?;
    let verdicts: &[Value] = comparison["verdicts"].as_array().map_or(&[], Vec::as_slice);
    if args.format == Format::Json {
        print_json(&comparison)?;
    } else {
        print(&verdicts::table(verdicts).render(args.format))?;
        if args.format == Format::Table {
            print(&verdicts::conclusion(verdicts))?;
        }
    }
    Ok(match verdicts::outcome(verdicts) {
        Outcome::Inconclusive if args.allow_inconclusive => Outcome::Fine,
        outcome => outcome,
    })
}
