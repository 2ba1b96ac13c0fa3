//! `tacho agents`: runs of AI agents, with what they took.

use anyhow::{Result, bail};
use serde_json::Value;

use super::token::escape;
use super::windows::{Asked, list, tell_more, text};
use crate::client::Client;
use crate::commands::{print, print_json};
use crate::exit::Outcome;
use crate::table::{Cell, Format, Table};

const PATH: &str = "/api/performance/agents";

/// Agents: runs, tokens and cost, tools and models.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho agents                             all agents of the last hour
  tacho agents Weather --window 24h        one agent: its tools, models and newest runs
  tacho agents --service support-bot --compare previous

Costs are in the price table's currency; – where a model's price is not known.")]
pub(crate) struct Args {
    /// One agent, by its name
    name: Option<String>,
    /// Agents of this service only
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    #[command(flatten)]
    asked: Asked,
}

/// Shows agents, or one.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let asked = &args.asked;
    let client = Client::open(&asked.source)?;
    let path = match &args.name {
        Some(name) => format!("{PATH}/{}", escape(name)),
        None => PATH.to_owned(),
    };
    let service = args.service.as_deref().map(|name| ("service", name));
    let more: Vec<_> = service.into_iter().collect();
    let body = asked.get(&client, &path, &more)?;
    if args.name.is_none() && list(&body, "agents").is_empty() {
        let when = asked.when();
        bail!(
            "no agent ran {when}; send its spans (OpenTelemetry, OpenInference, Traceloop or \
             Logfire) to {}, or widen --window",
            client.base()
        );
    }
    if asked.format == Format::Json {
        print_json(&body)?;
        return Ok(Outcome::Fine);
    }
    let table = match args.name {
        Some(_) => one(&body, asked),
        None => all(&body, asked),
    };
    print(&table.render(asked.format))?;
    tell_more(&body["more"]);
    Ok(Outcome::Fine)
}

fn all(body: &Value, asked: &Asked) -> Table {
    let first = ["agent", "service", ">runs", ">tokens in", ">out", ">cost"];
    let mut table = Table::new(&asked.headings(&first));
    for agent in list(body, "agents") {
        let first: [Cell; 6] = [
            text(&agent["name"]).into(),
            text(&agent["service"]).into(),
            asked.number(&agent["stats"]["count"], "").into(),
            asked.number(&agent["tokens"]["input"], "").into(),
            asked.number(&agent["tokens"]["output"], "").into(),
            asked.number(&agent["cost"], "").into(),
        ];
        table.row(first.into_iter().chain(asked.figures(agent)));
    }
    table
}

/// The agent itself, its tools and models, and its newest runs.
fn one(body: &Value, asked: &Asked) -> Table {
    let mut table = Table::new(&asked.headings(&["", "name", ">count", ">cost"]));
    let mut add = |what: &str, row: &Value, count: &Value| {
        let first: [Cell; 4] = [
            what.into(),
            text(&row["name"]).into(),
            asked.number(count, "").into(),
            asked.number(&row["cost"], "").into(),
        ];
        table.row(first.into_iter().chain(asked.figures(row)));
    };
    add("agent", body, &body["stats"]["count"]);
    for tool in list(body, "tools") {
        add("tool", tool, &tool["stats"]["count"]);
    }
    for model in list(body, "models") {
        add("model", model, &model["stats"]["count"]);
    }
    for run in list(body, "runs") {
        let outcome = if run["failed"] == true {
            "run, failed"
        } else {
            "run"
        };
        let first: [Cell; 4] = [
            outcome.into(),
            text(&run["trace_id"]).into(),
            "".into(),
            "".into(),
        ];
        let took = asked.number(&run["duration"], "s");
        table.row(
            first
                .into_iter()
                .chain([Cell::default(), Cell::default(), took.into()]),
        );
    }
    table
}
