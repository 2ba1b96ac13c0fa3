//! `tacho baseline`: measure what is normal, and manage what was measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tacho_model::Timestamp;
use tacho_model::time::{format_duration, parse_duration};

use crate::client::{Client, Source};
use crate::commands::{print, print_json};
use crate::exit::Outcome;
use crate::table::{Cell, Format, Table};
use crate::term::{self, Colour};

/// Measure what is normal, and manage what was measured. Alone: `baseline create default`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  tacho baseline                                   five minutes from now, as `default`
  tacho baseline create before-1.4 --duration 10m
  tacho baseline create yesterday --from 2026-11-20T09:00:00Z --to 2026-11-20T17:00:00Z
  tacho baseline create api --select 'http_request_seconds{service=\"api\"}'
  tacho baseline list
  tacho baseline invalidate default --reason 'the disk was replaced'

Ctrl-C while measuring keeps what was measured so far."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    create: CreateOptions,
}

/// How to measure.
#[derive(Debug, clap::Args)]
struct CreateOptions {
    #[command(flatten)]
    source: Source,
    /// How long to measure, from now
    #[arg(long, default_value = "300", value_name = "DURATION", conflicts_with_all = ["from", "window"])]
    duration: String,
    /// Take a window of the past in place: its beginning
    #[arg(long, value_name = "TIME", conflicts_with = "window")]
    from: Option<String>,
    /// Its end; now unless told otherwise
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<String>,
    /// Take the last so much of the past
    #[arg(long, value_name = "DURATION")]
    window: Option<String>,
    /// Series to measure, in place of the host's key metrics and every latency; may be repeated
    #[arg(long, value_name = "SELECTOR")]
    select: Vec<String>,
    /// How to write the answer
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Measure and keep a baseline
    Create {
        /// Its name
        #[arg(default_value = "default")]
        name: String,
        #[command(flatten)]
        options: CreateOptions,
    },
    /// Measure anew under the same name; the version before is kept
    Update {
        /// Its name
        #[arg(default_value = "default")]
        name: String,
        #[command(flatten)]
        options: CreateOptions,
    },
    /// All baselines
    List {
        #[command(flatten)]
        source: Source,
        /// How to write the answer
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// What a baseline holds
    // `--version` is the baseline's here, not the program's.
    #[command(disable_version_flag = true)]
    Show {
        /// Its name
        #[arg(default_value = "default")]
        name: String,
        /// Its version; the newest unless told otherwise
        #[arg(long, value_name = "NUMBER")]
        version: Option<u32>,
        #[command(flatten)]
        source: Source,
        /// How to write the answer
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Say that a baseline is no longer to be used
    Invalidate {
        /// Its name
        name: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        source: Source,
    },
    /// Remove a baseline with its history
    Delete {
        /// Its name
        name: String,
        #[command(flatten)]
        source: Source,
    },
}

/// Runs the action; `create default` when there is none.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    match args.action {
        None => create("default", &args.create),
        Some(Action::Create { name, options }) => create(&name, &options),
        Some(Action::Update { name, options }) => {
            let client = Client::open(&options.source)?;
            client.get(&path(&name), &[])?.json()?;
            create(&name, &options)
        }
        Some(Action::List { source, format }) => list(&Client::open(&source)?, format),
        Some(Action::Show {
            name,
            version,
            source,
            format,
        }) => {
            let version = version.map(|version| version.to_string());
            let query: Vec<_> = version.iter().map(|v| ("version", v.as_str())).collect();
            let body = Client::open(&source)?.get(&path(&name), &query)?.json()?;
            show(&body, format)
        }
        Some(Action::Invalidate {
            name,
            reason,
            source,
        }) => {
            let client = Client::open(&source)?;
            let answer = client.post(
                &format!("{}/invalidate", path(&name)),
                &json!({"reason": reason}),
            )?;
            answer.json()?;
            eprintln!("{name} is no longer used");
            Ok(Outcome::Fine)
        }
        Some(Action::Delete { name, source }) => {
            Client::open(&source)?.delete(&path(&name))?.text()?;
            eprintln!("{name} is deleted");
            Ok(Outcome::Fine)
        }
    }
}

/// The path of a baseline; its name may hold what a URL gives a meaning.
pub(crate) fn path(name: &str) -> String {
    format!("/api/performance/baselines/{}", encoded(name))
}

/// Percent-encoding of everything that RFC 3986 does not leave unreserved.
fn encoded(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    name.bytes()
        .map(|b| {
            if plain(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

fn create(name: &str, options: &CreateOptions) -> Result<Outcome> {
    if options.source.data_dir.is_some() {
        bail!("a baseline is kept by the server; start one, or leave --data-dir away");
    }
    let client = Client::open(&options.source)?;
    let mut body = json!({"name": name});
    if !options.select.is_empty() {
        body["match"] = json!(options.select);
    }
    if let Some(window) = &options.window {
        body["window"] = json!(window);
    } else if let Some(from) = &options.from {
        body["from"] = json!(from);
        body["to"] = json!(options.to);
    } else {
        let duration = parse_duration(&options.duration).context("--duration")?;
        // Asked before the wait, so that a server that is not there is found out at once.
        client.get("/readyz", &[])?.text()?;
        let start = Timestamp::from_millis(Timestamp::now().as_millis());
        wait(duration, name)?;
        body["from"] = json!(start.to_rfc3339());
        body["to"] = json!(Timestamp::from_millis(Timestamp::now().as_millis()).to_rfc3339());
    }
    let made = client.post("/api/performance/baselines", &body)?.json()?;
    show(&made, options.format)
}

/// Waits with a progress bar; Ctrl-C ends the wait, not the command.
fn wait(duration: Duration, name: &str) -> Result<()> {
    if duration.is_zero() {
        bail!("--duration must be longer than nothing; for the past use --window or --from");
    }
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))
        .context("cannot listen for Ctrl-C")?;
    let bar = ProgressBar::new(duration.as_millis() as u64);
    let template = "measuring {msg} {bar:40.cyan} {percent:>3} %, {prefix} left, Ctrl-C keeps it";
    bar.set_style(ProgressStyle::with_template(template)?.progress_chars("━╸─"));
    bar.set_message(name.to_owned());
    let start = Instant::now();
    while start.elapsed() < duration && !interrupted.load(Ordering::Relaxed) {
        let left = duration.saturating_sub(start.elapsed());
        bar.set_position(duration.saturating_sub(left).as_millis() as u64);
        bar.set_prefix(format_duration(Duration::from_secs(left.as_secs())));
        std::thread::sleep(left.min(Duration::from_millis(200)));
    }
    bar.finish_and_clear();
    if interrupted.load(Ordering::Relaxed) {
        let measured = format_duration(Duration::from_secs(start.elapsed().as_secs()));
        eprintln!("interrupted: keeping the {measured} that were measured");
    }
    Ok(())
}

fn list(client: &Client, format: Format) -> Result<Outcome> {
    let body = client.get("/api/performance/baselines", &[])?.json()?;
    if format == Format::Json {
        print_json(&body)?;
        return Ok(Outcome::Fine);
    }
    let baselines = body["baselines"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if baselines.is_empty() {
        eprintln!("there is no baseline yet; make one with: tacho baseline --duration 300");
        return Ok(Outcome::Fine);
    }
    let mut table = Table::new(&["name", ">version", "from", "to", ">metrics", "state"]);
    for baseline in baselines {
        let text = |key: &str| baseline[key].as_str().unwrap_or("").to_owned();
        let metrics = baseline["metrics"].as_array().map_or(0, Vec::len);
        let state = if let Some(true) = baseline["valid"].as_bool() {
            Cell::from("valid")
        } else {
            let reason = text("invalid_reason");
            Cell::coloured(format!("invalid: {reason}"), Some(Colour::Unsure))
        };
        table.row([
            text("name").into(),
            baseline["version"].to_string().into(),
            text("from").into(),
            text("to").into(),
            metrics.to_string().into(),
            state,
        ]);
    }
    print(&table.render(format))?;
    Ok(Outcome::Fine)
}

fn show(baseline: &Value, format: Format) -> Result<Outcome> {
    if format == Format::Json {
        print_json(baseline)?;
        return Ok(Outcome::Fine);
    }
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or("").to_owned();
    if format == Format::Table {
        let heading = format!(
            "{} version {}, {} to {}\n",
            text(baseline, "name"),
            baseline["version"],
            text(baseline, "from"),
            text(baseline, "to")
        );
        print(&term::paint(&heading, Colour::Bold))?;
    }
    let mut table = Table::new(&[
        "metric",
        ">n",
        ">effective",
        ">mean",
        ">sd",
        ">p50",
        ">p95",
        ">p99",
        "notes",
    ]);
    for metric in baseline["metrics"].as_array().into_iter().flatten() {
        let unit = text(metric, "unit");
        let value = |key: &str| {
            metric[key]
                .as_f64()
                .map_or_else(|| "–".to_owned(), |v| term::with_unit(v, &unit))
        };
        let notes: Vec<&str> = metric["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let effective = metric["effective_n"]
            .as_f64()
            .map_or_else(|| "–".to_owned(), term::number);
        table.row([
            text(metric, "metric").into(),
            metric["n"].to_string().into(),
            effective.into(),
            value("mean").into(),
            value("stddev").into(),
            value("median").into(),
            value("p95").into(),
            value("p99").into(),
            Cell::coloured(notes.join("; "), Some(Colour::Unsure)),
        ]);
    }
    print(&table.render(format))?;
    Ok(Outcome::Fine)
}
