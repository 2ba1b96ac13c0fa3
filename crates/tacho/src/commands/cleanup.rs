//! `tacho cleanup`: remove samples by age, by selector, or both.

use std::io::{BufRead, IsTerminal as _};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::client::{Client, Remote};
use crate::commands::{print, print_json};
use crate::exit::Outcome;
use crate::table::{Format, Table};
use crate::term;

/// Remove samples by age, by selector, or both.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho cleanup --older-than 30d --dry-run
  tacho cleanup --match 'http_requests_total{path=~\"/user/.*\"}'
  tacho cleanup --match debug_info --match 'up{job=\"old\"}' --older-than 7d --yes

What is removed is gone for queries at once; the disk gets smaller within a minute. Snapshots of
values are not touched. On a terminal it asks first, unless --yes is given.")]
pub(crate) struct Args {
    #[command(flatten)]
    remote: Remote,
    /// Only samples older than this: 30d, or an RFC 3339 time
    #[arg(long, value_name = "AGE")]
    older_than: Option<String>,
    /// Only samples of these series; may be repeated
    #[arg(long = "match", value_name = "SELECTOR")]
    selectors: Vec<String>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// How to write the answer
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Asks, removes, tells.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    if args.older_than.is_none() && args.selectors.is_empty() {
        bail!("say what to remove: --older-than AGE, --match SELECTOR or both");
    }
    let client = Client::connect(&args.remote)?;
    let asks = !args.dry_run && !args.yes && std::io::stdin().is_terminal();
    if asks {
        let would = clean(&client, args, true)?;
        if would["series"] == 0 {
            eprintln!("{}", sentence(&would));
            return Ok(Outcome::Fine);
        }
        eprint!(
            "{}{} [y/N] ",
            table(&would).render(Format::Table),
            question(&would)
        );
        if !agrees(&mut std::io::stdin().lock())? {
            eprintln!("nothing was removed");
            return Ok(Outcome::Fine);
        }
    }
    let done = clean(&client, args, args.dry_run)?;
    if args.format == Format::Json {
        print_json(&done)?;
        return Ok(Outcome::Fine);
    }
    if !asks && done["series"] != 0 {
        print(&table(&done).render(args.format))?;
    }
    eprintln!("{}", sentence(&done));
    Ok(Outcome::Fine)
}

fn clean(client: &Client, args: &Args, dry_run: bool) -> Result<Value> {
    let mut body = json!({ "dry_run": dry_run });
    if let Some(age) = &args.older_than {
        body["older_than"] = json!(age);
    }
    if !args.selectors.is_empty() {
        body["match"] = json!(args.selectors);
    }
    client.post("/api/performance/cleanup", &body)?.json()
}

/// Whether the next line says yes; anything else, and the end of input, means no.
fn agrees(input: &mut impl BufRead) -> Result<bool> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(["y", "yes"].contains(&line.trim().to_ascii_lowercase().as_str()))
}

/// The metrics that are concerned.
fn table(cleaned: &Value) -> Table {
    let mut table = Table::new(&["metric", ">series"]);
    let metrics = cleaned["metrics"].as_array();
    let shown = metrics.map_or(0, Vec::len) as u64;
    for one in metrics.into_iter().flatten() {
        let series = one["series"].as_u64().unwrap_or(0);
        let metric = one["metric"].as_str().unwrap_or("");
        table.row([metric.into(), term::number(series as f64).into()]);
    }
    let others = cleaned["metrics_total"]
        .as_u64()
        .unwrap_or(0)
        .saturating_sub(shown);
    if others > 0 {
        let others = format!("and {} more metrics", term::number(others as f64));
        table.row([others.into(), "".into()]);
    }
    table
}

/// `412 series`, and of what age.
fn what(cleaned: &Value) -> String {
    let series = cleaned["series"].as_u64().unwrap_or(0);
    let at_least = if cleaned["at_least"] == true {
        "at least "
    } else {
        ""
    };
    let number = term::number(series as f64);
    match cleaned["older_than"].as_str() {
        Some(time) => format!("samples before {time} of {at_least}{number} series"),
        None => format!("all samples of {at_least}{number} series"),
    }
}

fn question(cleaned: &Value) -> String {
    format!("Remove {}?", what(cleaned))
}

fn sentence(cleaned: &Value) -> String {
    match (cleaned["series"] == 0, cleaned["dry_run"] == true) {
        (true, _) => "nothing matches; nothing was removed".to_owned(),
        (false, true) => format!("would remove {}; nothing was removed", what(cleaned)),
        (false, false) => format!("removed {}", what(cleaned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for (answer, expected) in [
            ("y\n", true),
            ("YES\n", true),
            (" yes ", true),
            ("\n", false),
            ("", false),
            ("n\n", false),
            ("yep\n", false),
        ] {
            assert_eq!(
                agrees(&mut answer.as_bytes()).unwrap(),
                expected,
                "{answer:?}"
            );
        }
    }

    #[test]
    fn the_question_says_what_goes() {
        let cleaned = json!({"series": 41_200, "at_least": true, "older_than": null,
            "dry_run": true, "metrics": [{"metric": "a", "series": 9}], "metrics_total": 3});
        assert_eq!(
            question(&cleaned),
            "Remove all samples of at least 41\u{2009}200 series?"
        );
        let shown = table(&cleaned).render(Format::Csv);
        assert_eq!(shown, "metric,series\na,9\nand 2 more metrics,\n");
    }
}
