//! `tacho services`: how services do, and each of their endpoints.

use anyhow::{Result, bail};
use serde_json::Value;

use super::token::escape;
use super::windows::{Asked, list, tell_more, text};
use crate::client::Client;
use crate::commands::{print, print_json};
use crate::exit::Outcome;
use crate::table::{Cell, Format, Table};

const PATH: &str = "/api/performance/services";

/// Services: rates, errors and latencies, by endpoint.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho services                           all services of the last hour, the busiest first
  tacho services checkout --window 15m     one service: its endpoints and what it depends on
  tacho services --compare previous        beside the hour before
  tacho services checkout --compare 24h --format csv

Latencies are seconds in CSV and JSON. Where only explicit buckets arrive, they are within a bucket;
--format json has its bounds.")]
pub(crate) struct Args {
    /// One service, by its name
    name: Option<String>,
    #[command(flatten)]
    asked: Asked,
}

/// Shows services, or one.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let asked = &args.asked;
    let client = Client::open(&asked.source)?;
    let path = match &args.name {
        Some(name) => format!("{PATH}/{}", escape(name)),
        None => PATH.to_owned(),
    };
    let body = asked.get(&client, &path, &[])?;
    if args.name.is_none() && list(&body, "services").is_empty() {
        let when = asked.when();
        bail!(
            "no service was seen {when}; send spans or metrics (OpenTelemetry) to {}, or widen \
             --window",
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
    for more in ["more", "endpoints_more", "dependencies_more"] {
        tell_more(&body[more]);
    }
    Ok(Outcome::Fine)
}

fn all(body: &Value, asked: &Asked) -> Table {
    let mut table = Table::new(&asked.headings(&["service", "does", ">endpoints"]));
    for service in list(body, "services") {
        let kinds = list(service, "kinds").iter().map(text).collect::<Vec<_>>();
        let first: [Cell; 3] = [
            text(&service["name"]).into(),
            kinds.join(", ").into(),
            asked.number(&service["endpoints"], "").into(),
        ];
        table.row(first.into_iter().chain(asked.figures(service)));
    }
    table
}

/// The service itself, what it answers, what it asks.
fn one(body: &Value, asked: &Asked) -> Table {
    let mut table = Table::new(&asked.headings(&["", "name"]));
    let mut add = |what: &str, row: &Value| {
        let first: [Cell; 2] = [what.into(), text(&row["name"]).into()];
        table.row(first.into_iter().chain(asked.figures(row)));
    };
    add("service", body);
    for endpoint in list(body, "endpoints") {
        add("endpoint", endpoint);
    }
    for dependency in list(body, "dependencies") {
        add(&format!("asks {}", text(&dependency["kind"])), dependency);
    }
    table
}
