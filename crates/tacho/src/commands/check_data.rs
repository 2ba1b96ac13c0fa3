//! `tacho check data`: whether a data folder is sound, and making it sound.

use std::path::PathBuf;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tacho_store::{Checked, Progress};

use crate::commands::{print, print_json};
use crate::exit::Outcome;
use crate::table::{Cell, Format, Table};
use crate::term::{self, Colour};

/// Verify every checksum and index of a data folder that no server has open.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho check data ./tacho-data
  tacho check data ./tacho-data --repair
  tacho check data /backup/tacho-2026-11-21 --format json | jq .damaged

Exit code 0 when it is clean, 1 when anything is (or, with --repair, was) damaged, 2 when it
could not be checked. Without --repair nothing is changed.")]
pub(crate) struct Args {
    /// The data folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Set damaged pieces aside in its folder `quarantine`, and write the rest anew
    #[arg(long)]
    repair: bool,
    /// How to write the answer
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Checks, and repairs where that is asked for.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    // It shows itself on a terminal only.
    let bar = ProgressBar::new(0);
    let template = "reading {msg} {bar:40.cyan} {bytes} of {total_bytes}";
    bar.set_style(ProgressStyle::with_template(template)?.progress_chars("━╸─"));
    let progress = |progress: Progress<'_>| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        bar.set_message(progress.file.to_owned());
    };
    let checked = if args.repair {
        tacho_store::repair(&args.dir, progress)
    } else {
        tacho_store::check(&args.dir, progress)
    };
    bar.finish_and_clear();
    let checked = checked?;
    match args.format {
        Format::Json => print_json(&body(args, &checked))?,
        Format::Table => print(&text(args, &checked))?,
        format => print(&table(&checked).render(format))?,
    }
    if checked.damaged.is_empty() {
        Ok(Outcome::Fine)
    } else {
        Ok(Outcome::BadNews)
    }
}

fn body(args: &Args, checked: &Checked) -> Value {
    let entry = |entry: &tacho_store::Quarantined| {
        json!({
            "file": entry.file,
            "offset": entry.offset,
            "bytes": entry.bytes,
            "reason": entry.reason,
        })
    };
    json!({
        "schema": 1,
        "dir": args.dir,
        "clean": checked.damaged.is_empty(),
        "repaired": args.repair,
        "blocks": checked.blocks,
        "segments": checked.segments,
        "samples_in_blocks": checked.samples,
        "record_files": checked.record_files,
        "records": checked.records,
        "bytes": checked.bytes,
        "damaged": checked.damaged.iter().map(entry).collect::<Vec<_>>(),
        "lost": checked.lost,
        "quarantined": checked.quarantined,
    })
}

fn table(checked: &Checked) -> Table {
    let mut table = Table::new(&["file", ">offset", ">bytes", "reason"]);
    for entry in &checked.damaged {
        table.row([
            entry.file.as_str().into(),
            entry.offset.to_string().into(),
            entry.bytes.to_string().into(),
            Cell::coloured(entry.reason.as_str(), Some(Colour::Worse)),
        ]);
    }
    table
}

fn text(args: &Args, checked: &Checked) -> String {
    let dir = args.dir.display();
    let records = match checked.record_files {
        0 => String::new(),
        files => format!(
            " {files} files with {} records,",
            term::number(checked.records as f64)
        ),
    };
    let read = format!(
        "{} blocks with {} samples,{records} {} log segments, {}, and the state records",
        checked.blocks,
        term::number(checked.samples as f64),
        checked.segments,
        term::with_unit(checked.bytes as f64, "By"),
    );
    let mut text = match (checked.damaged.len(), args.repair) {
        (0, _) => format!("{dir} is clean: {read}\n"),
        (_, true) => format!("{dir} was damaged and is sound again: {read}\n"),
        (_, false) => format!("{dir} is damaged: {read}\n"),
    };
    if !checked.damaged.is_empty() {
        text += &table(checked).render(Format::Table);
        if args.repair {
            text += "what was damaged is in quarantine; lost are\n";
            for lost in &checked.lost {
                text += &format!("  {lost}\n");
            }
        } else {
            text += &format!("set it aside with: tacho check data {dir} --repair\n");
        }
    }
    if checked.quarantined > 0 {
        let count = checked.quarantined;
        text += &format!("quarantine holds {count} pieces that were set aside before\n");
    }
    text
}
