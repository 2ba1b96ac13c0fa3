//! `tacho query`: the values of a metric, or of a PromQL expression.

mod expression;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tacho_promql::{Features, parse_selector};

use crate::client::{Client, Source};
use crate::commands::{print, print_json};
use crate::exit::Outcome;
use crate::table::{Format, Table};
use crate::term;

/// Where the range of a selector begins when nothing is said.
const WINDOW: &str = "5m";

/// Show the values of a metric, or evaluate PromQL.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho query node_load1
  tacho query 'node_cpu_seconds_total{mode!=\"idle\"}' --agg rate --by mode --window 10m
  tacho query cpu_usage_percent --agg p95 --window 1h --step 5m --format csv
  tacho query node_memory_MemAvailable_bytes --window 24h --step 1h --format json
  tacho query 'sum by (mode) (rate(node_cpu_seconds_total[1m]))'
  tacho query '100 * (1 - avg(rate(node_cpu_seconds_total{mode=\"idle\"}[1m])))' --window 1h")]
pub(crate) struct Args {
    /// PromQL: a selector as metric{label="value"}, or an expression, which is evaluated now (or at
    /// --to), or at each --step of --window
    query: String,
    #[command(flatten)]
    source: Source,
    /// How much of the past to look at [default: 5m for a selector]
    #[arg(long, value_name = "DURATION", conflicts_with = "from")]
    window: Option<String>,
    /// One value a step, in place of one for the whole window
    #[arg(long, value_name = "DURATION")]
    step: Option<String>,
    /// How samples become one value: avg min max sum last count stddev p50 p90 p95 p99 p999 rate
    /// [default: avg, or rate for counters]
    #[arg(long, value_name = "FUNCTION")]
    agg: Option<String>,
    /// Labels to keep, comma-separated; series that agree on them become one
    #[arg(long, value_name = "LABELS")]
    by: Option<String>,
    /// All stored samples, as they are
    #[arg(long, conflicts_with_all = ["step", "agg", "by"])]
    raw: bool,
    /// Beginning of the range: RFC 3339 or unix seconds
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// End of the range; now unless told otherwise
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// How to write the answer
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Shows series.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    if parse_selector(&args.query).is_err() {
        // The server knows what is switched on there.
        let parsed = tacho_promql::parse(&args.query, Features::Experimental);
        parsed.with_context(|| format!("`{}` is no PromQL", args.query))?;
        return expression::run(args);
    }
    let client = Client::open(&args.source)?;
    let mut query = vec![("match[]", args.query.as_str())];
    match (&args.from, &args.to) {
        (Some(from), to) => {
            query.push(("from", from));
            query.extend(to.iter().map(|to| ("to", to.as_str())));
        }
        (None, to) => {
            query.push(("window", args.window.as_deref().unwrap_or(WINDOW)));
            query.extend(to.iter().map(|to| ("to", to.as_str())));
        }
    }
    let optional = [("step", &args.step), ("agg", &args.agg), ("by", &args.by)];
    query.extend(
        optional
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_deref()?))),
    );
    if !args.raw && args.agg.is_none() && args.step.is_none() && args.by.is_none() {
        // One value a series is what a person expects of a bare selector.
        query.push(("agg", "last"));
    }
    let body = client.get("/api/performance/metrics", &query)?.json()?;
    let series = body["series"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if series.is_empty() {
        bail!(
            "no series match `{}` in that range; names are listed at {}/metrics",
            args.query,
            client.base()
        );
    }
    if args.format == Format::Json {
        print_json(&body)?;
    } else {
        print(&table(series, args.step.is_some() || args.raw).render(args.format))?;
        if body["next"].is_string() {
            eprintln!("there are more series; narrow the selector or use --by");
        }
    }
    Ok(Outcome::Fine)
}

fn table(series: &[Value], with_time: bool) -> Table {
    let headings: &[&str] = if with_time {
        &["series", "time", ">value"]
    } else {
        &["series", ">value"]
    };
    let mut table = Table::new(headings);
    for one in series {
        let name = series_name(one);
        let unit = one["unit"].as_str().unwrap_or("");
        for point in one["points"].as_array().into_iter().flatten() {
            let value = point[1].as_f64();
            let shown = value.map_or_else(|| "NaN".to_owned(), |v| term::with_unit(v, unit));
            if with_time {
                let time = point[0]
                    .as_f64()
                    .and_then(tacho_model::Timestamp::from_secs_f64);
                let time = time
                    .map(tacho_model::Timestamp::to_rfc3339)
                    .unwrap_or_default();
                table.row([name.clone().into(), time.into(), shown.into()]);
            } else {
                table.row([name.clone().into(), shown.into()]);
            }
        }
    }
    table
}

/// The series as PromQL writes it.
pub(crate) fn series_name(series: &Value) -> String {
    let labels = series["labels"].as_object().into_iter().flatten();
    let labels: Vec<String> = labels
        .map(|(n, v)| format!("{n}=\"{}\"", v.as_str().unwrap_or("")))
        .collect();
    let name = series["name"].as_str().unwrap_or("");
    if labels.is_empty() {
        name.to_owned()
    } else {
        format!("{name}{{{}}}", labels.join(","))
    }
}
