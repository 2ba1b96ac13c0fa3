//! The report as one page: opens from disk, needs no network and no script, prints.
//!
//! Invariants:
//! 1. nothing in the page refers outside it, and its policy forbids that it does;
//! 2. text from outside is written by `escape` only, so it cannot become markup;
//! 3. its size is bounded by [`ROWS_MAX`] and [`CHARTS_MAX`], whatever the report holds.

use tacho_model::{TimeRange, Timestamp};

use crate::markdown::host_facts;
use crate::number;
use crate::report::Report;
use crate::summary::{State, state};
use crate::words::clean;

mod alerts;
mod charts;
mod statistics;
mod tiles;
mod verdicts;

/// Most rows of a table or list; how many more there are is said below it.
pub const ROWS_MAX: usize = 200;
/// Most charts.
pub const CHARTS_MAX: usize = 48;

const STYLE: &str = concat!(
    include_str!("html/base.css"),
    include_str!("html/parts.css")
);
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
const LOGO: &str = r#"<svg class="logo" viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="8.6" class="dial"/><path d="M10 10l4.2-4.4" class="hand"/><circle cx="10" cy="10" r="1.5" class="hub"/></svg>"#;

/// The report as one self-contained page.
pub fn to_html(report: &Report) -> String {
    let host = host_name(report);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"Tachograph {}\">\n\
         <title>{host} · {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        escape(&report.version),
        escape(&number::span(report.range)),
    );
    out += &header(report, &host);
    out += &tiles::section(report);
    out += &verdicts::section(report);
    out += &alerts::section(report);
    out += &charts::section(report);
    out += &statistics::section(report);
    out += &footer(report);
    out += "</main>\n</body>\n</html>\n";
    out
}

fn host_name(report: &Report) -> String {
    if report.host.name.is_empty() {
        "this host".to_owned()
    } else {
        escape(&report.host.name)
    }
}

fn header(report: &Report, host: &str) -> String {
    let State { headline, detail } = state(report);
    let detail = match detail.as_str() {
        "" => String::new(),
        detail => format!(
            "<p class=\"detail\">{}.</p>\n",
            escape(&crate::words::capital(detail))
        ),
    };
    format!(
        "<header>\n<p class=\"host\">{LOGO}<span><b>{host}</b>{}</span>\
         <span class=\"when\">{} <span class=\"nowrap\">({})</span></span></p>\n\
         <h1>{}.</h1>\n{detail}</header>\n",
        escape(&host_facts(&report.host)),
        escape(&number::span(report.range)),
        escape(&number::duration(report.range.duration())),
        escape(&headline),
    )
}

fn footer(report: &Report) -> String {
    let how = "A change counts only beyond its margin, the shaded part of each row. Regressed and \
               improved: the whole 95 % interval of the change lies beyond the margin. Stable: the \
               90 % interval lies inside it. Inconclusive: neither; measuring longer tells. \
               Intervals allow for neighbouring values that resemble each other; effective n says \
               how many independent ones they are worth.";
    let how = if report.comparison.is_some() { how } else { "" };
    format!(
        "<footer><p>{how}</p><p>Times are UTC. Made by Tachograph {} on {}.</p></footer>\n",
        escape(&report.version),
        escape(&number::stamp(report.created_at)),
    )
}

/// A card with its title, a soft remark beside it, and its content.
fn card(class: &str, title: &str, remark: &str, content: &str) -> String {
    let remark = if remark.is_empty() {
        String::new()
    } else {
        format!("<small>{remark}</small>")
    };
    format!("<section class=\"card {class}\">\n<h2>{title}{remark}</h2>\n{content}</section>\n")
}

/// `and 12 more`, where rows were left out.
fn left_out(total: usize) -> String {
    if total <= ROWS_MAX {
        return String::new();
    }
    let more = number::count(total - ROWS_MAX);
    format!("<p class=\"soft\">and {more} more; the JSON report has them all</p>\n")
}

/// A moment without its date where the range makes that plain.
fn moment(time: Timestamp, range: TimeRange) -> String {
    escape(&number::moment(time, range))
}

/// A value with its unit written softer.
fn value(value: f64, unit: &str) -> String {
    let number::Quantity { value, unit } = number::quantity(value, unit);
    if unit.is_empty() || value == number::DASH {
        escape(&value)
    } else {
        format!(
            "{}{}<i>{}</i>",
            escape(&value),
            number::SPACE,
            escape(&unit)
        )
    }
}

/// A metric's name, which may break after its underscores.
fn metric_name(name: &str) -> String {
    escape(name).replace('_', "_<wbr>")
}

/// Text from outside as text, in content and in quoted attributes.
fn escape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in clean(raw).chars() {
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}
