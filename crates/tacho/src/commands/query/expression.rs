//! `tacho query` of an expression: PromQL, answered at one instant or over a range.

use anyhow::{Result, bail};
use serde_json::Value;
use tacho_model::Timestamp;
use tacho_model::time::{format_duration, parse_duration};

use super::Args;
use crate::client::Client;
use crate::commands::{print, print_json};
use crate::exit::Outcome;
use crate::table::{Format, Table};
use crate::term;

/// Columns of a plot in the terminal.
const PLOT_COLUMNS: usize = 32;
/// Steps of a range that states none.
const STEPS: u32 = 240;

/// Evaluates an expression and shows what it answers.
pub(super) fn run(args: &Args) -> Result<Outcome> {
    for (option, given) in [
        ("--agg", args.agg.is_some()),
        ("--by", args.by.is_some()),
        ("--raw", args.raw),
    ] {
        if given {
            bail!(
                "{option} is for selectors; `{}` says itself what to do with its series",
                args.query
            );
        }
    }
    let client = Client::open(&args.source)?;
    let query = [("query", args.query.as_str())];
    let range = asked_range(args)?;
    let answer = match &range {
        None => {
            let to = args.to.iter().map(|to| ("time", to.as_str()));
            let query: Vec<_> = query.into_iter().chain(to).collect();
            client.get("/api/v1/query", &query)?
        }
        Some([start, end, step]) => {
            let range = [("start", start), ("end", end), ("step", step)];
            let range = range.map(|(name, value)| (name, value.as_str()));
            let query: Vec<_> = query.into_iter().chain(range).collect();
            client.get("/api/v1/query_range", &query)?
        }
    };
    let body = answer.json()?;
    for told in ["warnings", "infos"] {
        let told = body[told].as_array().into_iter().flatten();
        told.filter_map(Value::as_str)
            .for_each(|told| eprintln!("{told}"));
    }
    let data = &body["data"];
    let series = data["result"].as_array().map_or(&[][..], Vec::as_slice);
    if args.format == Format::Json {
        print_json(&body)?;
        return Ok(Outcome::Fine);
    }
    let table = match data["resultType"].as_str() {
        Some("vector") => instants(series),
        Some("matrix") if args.format == Format::Table => plots(series),
        Some("matrix") => points(series),
        // One number or text, with its time.
        _ => {
            let mut table = Table::new(&[">value"]);
            table.row([series.get(1).map(shown).unwrap_or_default().into()]);
            table
        }
    };
    if series.is_empty() {
        eprintln!("nothing matches, or there are no samples in that time");
    }
    print(&table.render(args.format))?;
    Ok(Outcome::Fine)
}

/// Start, end and step of a range, where one is asked for.
fn asked_range(args: &Args) -> Result<Option<[String; 3]>> {
    if args.window.is_none() && args.from.is_none() && args.step.is_none() {
        return Ok(None);
    }
    let end = match &args.to {
        Some(to) => Timestamp::parse(to)?,
        None => Timestamp::now(),
    };
    let start = match (&args.from, &args.window) {
        (Some(from), _) => Timestamp::parse(from)?,
        (None, window) => end - parse_duration(window.as_deref().unwrap_or(super::WINDOW))?,
    };
    let step = match &args.step {
        Some(step) => step.clone(),
        None => format_duration((end.since(start) / STEPS).max(std::time::Duration::from_secs(1))),
    };
    let seconds = |time: Timestamp| format!("{:.3}", time.as_nanos() as f64 / 1e9);
    Ok(Some([seconds(start), seconds(end), step]))
}

/// The value of a point: a number as it is, of a distribution its count and sum.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => {
            let field = |name: &str| value[name].as_str().unwrap_or("").to_owned();
            format!("count {} sum {}", field("count"), field("sum"))
        }
    }
}

fn name(series: &Value) -> String {
    let labels = series["metric"].as_object().into_iter().flatten();
    let mut name = "";
    let mut shown = Vec::new();
    for (label, value) in labels {
        match label.as_str() {
            "__name__" => name = value.as_str().unwrap_or(""),
            label => shown.push(format!("{label}={value}")),
        }
    }
    if shown.is_empty() && !name.is_empty() {
        return name.to_owned();
    }
    format!("{name}{{{}}}", shown.join(","))
}

fn instants(series: &[Value]) -> Table {
    let mut table = Table::new(&["series", ">value"]);
    for one in series {
        let value = one.get("value").or_else(|| one.get("histogram"));
        let value = value.map(|point| shown(&point[1])).unwrap_or_default();
        table.row([name(one).into(), value.into()]);
    }
    table
}

/// The points of a series: numbers, then distributions.
fn of_series(one: &Value) -> impl Iterator<Item = (f64, String)> {
    let lists = ["values", "histograms"].map(|list| one[list].as_array());
    let points = lists.into_iter().flatten().flatten();
    points.map(|point| (point[0].as_f64().unwrap_or(f64::NAN), shown(&point[1])))
}

fn points(series: &[Value]) -> Table {
    let mut table = Table::new(&["series", "time", ">value"]);
    for one in series {
        for (time, value) in of_series(one) {
            let time = Timestamp::from_secs_f64(time).map(Timestamp::to_rfc3339);
            table.row([
                name(one).into(),
                time.unwrap_or_default().into(),
                value.into(),
            ]);
        }
    }
    table
}

fn plots(series: &[Value]) -> Table {
    let times = || series.iter().flat_map(of_series).map(|(time, _)| time);
    let first = times().fold(f64::INFINITY, f64::min);
    let last = times().fold(f64::NEG_INFINITY, f64::max);
    let mut table = Table::new(&["series", "", ">min", ">max", ">last"]);
    for one in series {
        let points: Vec<(f64, f64)> = of_series(one)
            .filter_map(|(time, value)| Some((time, value.parse().ok()?)))
            .collect();
        let values = || {
            points
                .iter()
                .map(|(_, value)| *value)
                .filter(|v| v.is_finite())
        };
        let (min, max) = (values().reduce(f64::min), values().reduce(f64::max));
        let newest = points.last().map(|(_, value)| *value);
        let number = |value: Option<f64>| value.map(term::number).unwrap_or_default();
        table.row([
            name(one).into(),
            plot(&points, (first, last)).into(),
            number(min).into(),
            number(max).into(),
            number(newest).into(),
        ]);
    }
    table
}

/// A line of blocks: the mean of each part of the range, between the least and the largest of them.
fn plot(points: &[(f64, f64)], (first, last): (f64, f64)) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let mut sums = [(0.0, 0u32); PLOT_COLUMNS];
    let length = (last - first).max(f64::MIN_POSITIVE);
    for (time, value) in points.iter().filter(|(_, value)| value.is_finite()) {
        let place = ((time - first) / length * PLOT_COLUMNS as f64) as usize;
        let (sum, count) = &mut sums[place.min(PLOT_COLUMNS - 1)];
        *sum += value;
        *count += 1;
    }
    let means = sums.map(|(sum, count)| (count > 0).then(|| sum / f64::from(count)));
    let known = || means.iter().flatten().copied();
    let least = known().fold(f64::INFINITY, f64::min);
    let most = known().fold(f64::NEG_INFINITY, f64::max);
    let block = |mean: Option<f64>| match mean {
        None => ' ',
        Some(_) if most <= least => BLOCKS[3],
        Some(mean) => BLOCKS[(((mean - least) / (most - least) * 7.0).round() as usize).min(7)],
    };
    means.map(block).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plot_rises_and_has_gaps_where_nothing_was() {
        let rising: Vec<(f64, f64)> = (0..64).map(|n| (f64::from(n), f64::from(n))).collect();
        let drawn = plot(&rising, (0.0, 64.0));
        assert!(drawn.starts_with("▁▁") && drawn.ends_with("██"), "{drawn}");
        let gap: Vec<(f64, f64)> = rising.iter().copied().filter(|(t, _)| *t < 32.0).collect();
        assert!(plot(&gap, (0.0, 64.0)).ends_with("        "));
        assert_eq!(plot(&[], (0.0, 1.0)).trim(), "");
        let odd = [(0.0, f64::NAN), (1.0, f64::INFINITY), (2.0, 5.0)];
        assert_eq!(plot(&odd, (0.0, 2.0)).trim(), "▄");
        assert_eq!(plot(&[(3.0, 5.0)], (3.0, 3.0)).trim(), "▄");
    }

    #[test]
    fn series_are_written_as_promql_does() {
        for (metric, expected) in [
            (json!({"__name__": "up"}), "up"),
            (json!({}), "{}"),
            (
                json!({"__name__": "up", "job": "a\"b"}),
                r#"up{job="a\"b"}"#,
            ),
            (json!({"job": "a"}), r#"{job="a"}"#),
        ] {
            assert_eq!(name(&json!({"metric": metric})), expected);
        }
    }
}
