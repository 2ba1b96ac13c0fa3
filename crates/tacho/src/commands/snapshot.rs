//! `tacho snapshot`: keep what everything reads now, and look at it later.

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tacho_model::Timestamp;

use crate::client::{Client, Remote, Source};
use crate::commands::query::series_name;
use crate::commands::{print, print_json};
use crate::exit::Outcome;
use crate::table::{Format, Table};
use crate::term;

const PATH: &str = "/api/performance/snapshots";

/// Keep what everything reads now, and look at it later. Alone: `snapshot create`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  tacho snapshot create before-1.4
  tacho snapshot list
  tacho snapshot show before-1.4 --match 'node_filesystem_avail_bytes'
  tacho snapshot show latest --format csv
  tacho snapshot delete before-1.4

A snapshot with a name stays until it is deleted; the others follow storage.snapshots."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    create: CreateOptions,
}

#[derive(Debug, clap::Args)]
struct CreateOptions {
    #[command(flatten)]
    remote: Remote,
    /// How old a value may be [default: 5m]
    #[arg(long, value_name = "DURATION")]
    lookback: Option<String>,
    /// How to write the answer
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Keep what everything reads now
    Create {
        /// What to call it
        name: Option<String>,
        #[command(flatten)]
        options: CreateOptions,
    },
    /// All snapshots, the newest first
    List {
        #[command(flatten)]
        source: Source,
        /// How to write the answer
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// The values of a snapshot
    Show {
        /// Its id, its name, or `latest`
        #[arg(default_value = "latest")]
        id: String,
        /// Only these series; may be repeated
        #[arg(long = "match", value_name = "SELECTOR")]
        selectors: Vec<String>,
        /// What to show of histograms: avg count p50 p90 p95 p99 ... [default: avg]
        #[arg(long, value_name = "FUNCTION")]
        agg: Option<String>,
        #[command(flatten)]
        source: Source,
        /// How to write the answer
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Remove a snapshot
    Delete {
        /// Its id, its name, or `latest`
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
}

/// Takes, lists, shows, removes.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    match &args.action {
        None => create(None, &args.create),
        Some(Action::Create { name, options }) => create(name.as_deref(), options),
        Some(Action::List { source, format }) => list(source, *format),
        Some(Action::Show {
            id,
            selectors,
            agg,
            source,
            format,
        }) => show(id, selectors, agg.as_deref(), source, *format),
        Some(Action::Delete { id, remote }) => delete(id, remote),
    }
}

fn create(name: Option<&str>, options: &CreateOptions) -> Result<Outcome> {
    let body = json!({ "name": name, "lookback": options.lookback });
    let taken = Client::connect(&options.remote)?
        .post(PATH, &body)?
        .json()?;
    tell(
        &taken,
        std::slice::from_ref(&taken["snapshot"]),
        options.format,
    )
}

fn list(source: &Source, format: Format) -> Result<Outcome> {
    let body = Client::open(source)?.get(PATH, &[])?.json()?;
    let snapshots = body["snapshots"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if snapshots.is_empty() && format == Format::Table {
        eprintln!("there are no snapshots; take one with `tacho snapshot create`");
        return Ok(Outcome::Fine);
    }
    tell(&body, snapshots, format)
}

/// Shows what is known of snapshots.
fn tell(body: &Value, snapshots: &[Value], format: Format) -> Result<Outcome> {
    if format == Format::Json {
        print_json(body)?;
        return Ok(Outcome::Fine);
    }
    let mut table = Table::new(&["snapshot", "name", "taken", ">series", ">size"]);
    for snapshot in snapshots {
        let text = |key: &str| snapshot[key].as_str().unwrap_or("").to_owned();
        let number = |key: &str| snapshot[key].as_f64().unwrap_or(0.0);
        table.row([
            text("id").into(),
            text("name").into(),
            text("created_at").into(),
            term::number(number("series")).into(),
            term::with_unit(number("bytes"), "By").into(),
        ]);
    }
    print(&table.render(format))?;
    Ok(Outcome::Fine)
}

fn show(
    id: &str,
    selectors: &[String],
    agg: Option<&str>,
    source: &Source,
    format: Format,
) -> Result<Outcome> {
    let client = Client::open(source)?;
    let path = path_of(id)?;
    let mut series: Vec<Value> = Vec::new();
    let mut cursor = "0".to_owned();
    let mut body = loop {
        let mut query = vec![("limit", "10000"), ("cursor", cursor.as_str())];
        query.extend(
            selectors
                .iter()
                .map(|selector| ("match[]", selector.as_str())),
        );
        query.extend(agg.map(|agg| ("agg", agg)));
        let mut body = client.get(&path, &query)?.json()?;
        if let Some(page) = body["series"].as_array_mut() {
            series.append(page);
        }
        match body["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break body,
        }
    };
    if series.is_empty() && !selectors.is_empty() {
        bail!(
            "no series of snapshot {id} match {}",
            selectors.join(" or ")
        );
    }
    if format == Format::Json {
        body["series"] = Value::Array(series);
        print_json(&body)?;
        return Ok(Outcome::Fine);
    }
    let mut table = Table::new(&["series", ">value", "time"]);
    for one in &series {
        let (time, value) = (one["points"][0][0].as_f64(), one["points"][0][1].as_f64());
        let unit = one["unit"].as_str().unwrap_or("");
        let value = match value {
            None => "NaN".to_owned(),
            // Programs want the number itself.
            Some(value) if format == Format::Csv => value.to_string(),
            Some(value) => term::with_unit(value, unit),
        };
        let time = time
            .and_then(Timestamp::from_secs_f64)
            .map(Timestamp::to_rfc3339);
        table.row([
            series_name(one).into(),
            value.into(),
            time.unwrap_or_default().into(),
        ]);
    }
    print(&table.render(format))?;
    Ok(Outcome::Fine)
}

fn delete(id: &str, remote: &Remote) -> Result<Outcome> {
    let gone = Client::connect(remote)?.delete(&path_of(id)?)?.json()?;
    let id = gone["snapshot"]["id"].as_str().unwrap_or(id);
    eprintln!("deleted {id}");
    Ok(Outcome::Fine)
}

/// Where a snapshot is found.
fn path_of(id: &str) -> Result<String> {
    // Ids and names have no other characters, so none needs to be escaped.
    let usual = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if id.is_empty() || !id.chars().all(usual) {
        bail!("there is no snapshot `{id}`; `tacho snapshot list` names them");
    }
    Ok(format!("{PATH}/{id}"))
}
