//! `tacho report`: a report to send to a colleague.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::client::{Client, Source};
use crate::commands::print;
use crate::exit::Outcome;

/// A report to send to a colleague.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho report --out report.html
  tacho report --format markdown --window 24h
  tacho report --format json --window 3600 | jq .summary")]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    /// How it is written
    #[arg(long, value_enum, default_value = "html")]
    format: ReportFormat,
    /// How much of the past it covers: a duration or a number of seconds
    #[arg(long, default_value = "3600", value_name = "DURATION")]
    window: String,
    /// File to write; standard output without
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ReportFormat {
    /// A page that opens from disk without network
    Html,
    /// The same facts for programs
    Json,
    /// For a chat or an issue
    Markdown,
}

/// Writes a report.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let client = Client::open(&args.source)?;
    let format = match args.format {
        ReportFormat::Html => "html",
        ReportFormat::Json => "json",
        ReportFormat::Markdown => "markdown",
    };
    let query = [("format", format), ("window", args.window.as_str())];
    let text = client.get("/api/performance/report", &query)?.text()?;
    match &args.out {
        None => print(&text)?,
        Some(path) => {
            std::fs::write(path, &text)
                .with_context(|| format!("cannot write {}", path.display()))?;
            eprintln!(
                "wrote {} ({} KiB)",
                path.display(),
                text.len().div_ceil(1024)
            );
        }
    }
    Ok(Outcome::Fine)
}
