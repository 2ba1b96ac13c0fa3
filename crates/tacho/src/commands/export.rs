//! `tacho export`: data for elsewhere; a snapshot of everything, for now.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::client::{Client, Source};
use crate::commands::{print, print_json};
use crate::exit::Outcome;
use crate::table::{Format, Table};
use crate::term;

/// A consistent copy of all data, while the server goes on.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho export --snapshot /backup/tacho-2026-11-21
  tacho export --snapshot copy --data-dir ./tacho-data     while no server runs
  tacho start --data-dir /backup/tacho-2026-11-21          to restore: start on the copy

The copy holds everything that was acknowledged before. On the same file system it shares the
blocks with the original by hard links, so it is quick and takes little room; against a failing
disk, copy it elsewhere.")]
pub(crate) struct Args {
    /// The folder to make, on the machine of the server; it must not exist yet
    #[arg(long, value_name = "DIR")]
    snapshot: PathBuf,
    #[command(flatten)]
    source: Source,
    /// How to write the answer
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Takes a snapshot.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    // The server has another working folder.
    let dir = std::path::absolute(&args.snapshot)
        .with_context(|| format!("cannot tell where {} is", args.snapshot.display()))?;
    let client = Client::open(&args.source)?;
    let made = client.post("/-/snapshot", &json!({"dir": dir}))?.json()?;
    match args.format {
        Format::Json => print_json(&made)?,
        Format::Table => print(&sentence(&dir, &made))?,
        format => print(&table(&dir, &made).render(format))?,
    }
    Ok(Outcome::Fine)
}

fn bytes(made: &Value, key: &str) -> String {
    term::with_unit(made[key].as_f64().unwrap_or(0.0), "By")
}

fn sentence(dir: &Path, made: &Value) -> String {
    format!(
        "{} is complete: {} blocks and {} log segments, {} of which {} were copied\n",
        dir.display(),
        made["blocks"],
        made["segments"],
        bytes(made, "bytes"),
        bytes(made, "bytes_copied"),
    )
}

fn table(dir: &Path, made: &Value) -> Table {
    let mut table = Table::new(&["dir", ">blocks", ">segments", ">bytes", ">bytes_copied"]);
    let number = |key: &str| made[key].to_string().into();
    table.row([
        dir.display().to_string().into(),
        number("blocks"),
        number("segments"),
        number("bytes"),
        number("bytes_copied"),
    ]);
    table
}
