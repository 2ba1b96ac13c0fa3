//! `tacho status`: how the server and this machine are.

mod sources;
mod store;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::client::{Client, Source};
use crate::commands::{print, print_json};
use crate::exit::Outcome;
use crate::table::{Cell, Format, Table};
use crate::term::{self, Colour};

/// How the server and this machine are.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho status
  tacho status --format json | jq .status

Exit code 1 when an alert fires or the server is not healthy.")]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    /// How to write the answer
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Shows health, numbers and alerts.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let client = Client::open(&args.source)?;
    let answer = client.get("/api/performance/health", &[("verbose", "true")])?;
    // 503 carries the same body: it says what is wrong.
    let health: Value = match answer.status {
        200 | 503 => serde_json::from_str(&answer.body).context("the answer is no JSON")?,
        _ => answer.json()?,
    };
    let alerts = health["alerts"].as_array().map_or(0, Vec::len);
    let outcome = match health["status"].as_str() {
        Some("healthy") if alerts == 0 => Outcome::Fine,
        _ => Outcome::BadNews,
    };
    let mut health = health;
    // An older server does not know of sources; everything else is still worth showing.
    let sources = client.get("/api/performance/sources", &[])?.json();
    let mut sources = sources.unwrap_or_default();
    for key in ["sources", "spans"] {
        health[key] = sources[key].take();
    }
    if args.format == Format::Json {
        print_json(&health)?;
        return Ok(outcome);
    }
    print(&text(&health, client.base(), args.format))?;
    Ok(outcome)
}

fn text(health: &Value, base: &str, format: Format) -> String {
    let mut table = Table::new(&["", "", ""]);
    let status = health["status"].as_str().unwrap_or("unknown");
    let colour = match status {
        "healthy" => Colour::Better,
        "degraded" => Colour::Unsure,
        _ => Colour::Worse,
    };
    let uptime = health["uptime_seconds"].as_f64().unwrap_or(0.0);
    let up = std::time::Duration::from_secs(uptime as u64);
    let up = tacho_model::time::format_duration(up);
    let about = format!(
        "{base}, up {up}, version {}",
        health["version"].as_str().unwrap_or("?")
    );
    table.row([
        "server".into(),
        Cell::coloured(status, Some(colour)),
        about.into(),
    ]);
    for part in health["components"].as_array().into_iter().flatten() {
        let text = |key: &str| part[key].as_str().unwrap_or("").to_owned();
        let (name, status) = (text("name"), text("status"));
        // What a healthy store says of itself is below.
        let told = name == "store" && status == "healthy" && health["store"].is_object();
        let detail = if told { String::new() } else { text("detail") };
        let colour = (status != "healthy").then_some(Colour::Worse);
        table.row([
            name.as_str().into(),
            Cell::coloured(status, colour),
            detail.into(),
        ]);
        for problem in part["problems"].as_array().into_iter().flatten() {
            let problem = problem.as_str().unwrap_or("");
            table.row(["".into(), "".into(), problem.into()]);
        }
        if name == "store" {
            store::rows(&health["store"], &mut table);
        }
    }
    sources::rows(health, &mut table);
    let performance = &health["performance"];
    let value = |key: &str, unit: &str| {
        performance[key]
            .as_f64()
            .map_or_else(|| "unknown".to_owned(), |v| term::with_unit(v, unit))
    };
    let own = format!(
        "{} of a core, {}",
        value("process_cpu_percent", "%"),
        value("process_memory_mb", "MiB")
    );
    table.row(["CPU".into(), value("cpu_percent", "%").into(), "".into()]);
    table.row([
        "memory".into(),
        value("memory_percent", "%").into(),
        "".into(),
    ]);
    table.row(["load".into(), value("load1", "").into(), "".into()]);
    table.row(["own cost".into(), own.into(), "".into()]);
    for alert in health["alerts"].as_array().into_iter().flatten() {
        let severity = alert["severity"].as_str().unwrap_or("");
        let message = alert["message"].as_str().unwrap_or("");
        table.row([
            "alert".into(),
            Cell::coloured(severity, Some(Colour::Worse)),
            message.into(),
        ]);
    }
    table.render(format)
}
