//! `tacho rules`: recording rules, as they go; groups put and removed at run time.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tacho_server::rules::{INTERVAL, load};

use crate::client::{Client, Remote, Source};
use crate::commands::token::escape;
use crate::commands::{print, print_json};
use crate::exit::Outcome;
use crate::table::{Format, Table};

const PATH: &str = "/api/performance/rules";

/// Recording rules: list them, put and remove groups of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho rules list
  tacho rules apply rules.yml       each group of the file, in place of the one of its name
  tacho rules delete checkout

What is put so is kept by the server, beside the files of its configuration.
Exit code 1 of `list`: a rule has no result.")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// All rules, and how they go
    List {
        #[command(flatten)]
        source: Source,
        /// How to write the answer
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Put the groups of a rule file
    Apply {
        /// A rule file as Prometheus has it
        file: PathBuf,
        #[command(flatten)]
        remote: Remote,
        /// How to write the answer
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Remove a group that was put; its series end
    Delete {
        /// Its name
        group: String,
        #[command(flatten)]
        remote: Remote,
    },
}

/// Lists, puts, removes.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    match &args.action {
        Action::List { source, format } => list(&Client::open(source)?, *format),
        Action::Apply {
            file,
            remote,
            format,
        } => apply(file, &Client::connect(remote)?, *format),
        Action::Delete { group, remote } => {
            let path = format!("{PATH}/{}", escape(group));
            Client::connect(remote)?.delete(&path)?.text()?;
            eprintln!("removed {group}");
            Ok(Outcome::Fine)
        }
    }
}

fn list(client: &Client, format: Format) -> Result<Outcome> {
    let body = client.get(PATH, &[])?.json()?;
    tell(&body, format)?;
    let groups = body["groups"].as_array().map(Vec::as_slice);
    let mut rules = groups.unwrap_or_default().iter().flat_map(rules_of);
    let fails = rules.any(|rule| rule["health"] == "err");
    Ok(if fails {
        Outcome::BadNews
    } else {
        Outcome::Fine
    })
}

fn apply(file: &std::path::Path, client: &Client, format: Format) -> Result<Outcome> {
    let groups = load::file(file, INTERVAL)?;
    if groups.is_empty() {
        bail!("{} has no groups", file.display());
    }
    let mut put = Vec::new();
    for group in &groups {
        let path = format!("{PATH}/{}", escape(&group.name));
        put.push(client.put(&path, &group.definition())?.json()?);
    }
    if format == Format::Table {
        for group in &put {
            let name = group["name"].as_str().unwrap_or_default();
            eprintln!("put {name}: {} rules", rules_of(group).len());
        }
        for note in put.iter().filter_map(|group| group["notes"].as_array()) {
            for note in note.iter().filter_map(Value::as_str) {
                eprintln!("  {note}");
            }
        }
        return Ok(Outcome::Fine);
    }
    tell(&json!({"groups": put}), format)?;
    Ok(Outcome::Fine)
}

fn rules_of(group: &Value) -> &[Value] {
    let rules = group["rules"].as_array().map(Vec::as_slice);
    rules.unwrap_or_default()
}

fn tell(body: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return print_json(body);
    }
    let headings = [
        "group",
        "file",
        "rule",
        ">series",
        "health",
        "last evaluation",
        "error",
    ];
    let mut table = Table::new(&headings);
    for group in body["groups"].as_array().map_or(&[][..], Vec::as_slice) {
        for rule in rules_of(group) {
            let of = |value: &Value| match value {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            table.row(vec![
                of(&group["name"]).into(),
                of(&group["file"]).into(),
                of(&rule["name"]).into(),
                of(&rule["series"]).into(),
                of(&rule["health"]).into(),
                of(&rule["last_evaluation"]).into(),
                of(&rule["last_error"]).into(),
            ]);
        }
    }
    print(&table.render(format))
}
