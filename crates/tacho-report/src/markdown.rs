//! The report for a chat, an issue or a pull request: GitHub-flavoured Markdown.
//!
//! Invariant: text from outside cannot become markup, a link, a mention or a second table cell.
//! Charts are left out; the statistics say what they show.

use tacho_analysis::verdict::Verdict;

use crate::number::{self, count, text};
use crate::order;
use crate::report::{AlertFact, Comparison, HostFacts, Report, Statistic};
use crate::summary::{summary_sentence, title};
use crate::verdict::{answer_words, before_after, change_words, hint, quantile_name};
use crate::words::{clean, counted};

/// Most rows of one table; how many more there are is said below it.
pub const ROWS_MAX: usize = 100;

/// The report as Markdown.
pub fn to_markdown(report: &Report) -> String {
    let mut out = String::new();
    let name = if report.host.name.is_empty() {
        "this host"
    } else {
        &report.host.name
    };
    line(&mut out, &format!("# Report on {}", escape(name)));
    line(&mut out, "");
    line(
        &mut out,
        &format!("**{}**", escape(&summary_sentence(report))),
    );
    line(&mut out, "");
    let facts = host_facts(&report.host);
    let covered = number::duration(report.range.duration());
    let span = number::span(report.range);
    line(&mut out, &format!("{span} ({covered}){}", escape(&facts)));
    comparison(&mut out, report);
    alerts(&mut out, report);
    statistics(&mut out, &report.statistics);
    line(&mut out, "");
    let made = number::stamp(report.created_at);
    line(
        &mut out,
        &format!("Tachograph {}, {made}", escape(&report.version)),
    );
    out
}

/// What is known of the machine, each part after a dot.
pub(crate) fn host_facts(host: &HostFacts) -> String {
    let parts = [
        host.cores.map(|cores| counted(cores, "core")),
        host.memory_bytes.map(|bytes| text(bytes as f64, "By")),
        host.kernel.as_deref().map(clean),
    ];
    parts
        .into_iter()
        .flatten()
        .map(|part| format!(" · {part}"))
        .collect()
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn heading(out: &mut String, text: &str) {
    line(out, "");
    line(out, &format!("## {text}"));
    line(out, "");
}

/// One table; how many rows were left out is said below.
fn table(out: &mut String, head: &[&str], align: &str, rows: &[Vec<String>]) {
    line(out, &format!("| {} |", head.join(" | ")));
    let rule: Vec<&str> = align
        .chars()
        .map(|c| if c == 'r' { "---:" } else { "---" })
        .collect();
    line(out, &format!("| {} |", rule.join(" | ")));
    for row in rows.iter().take(ROWS_MAX) {
        line(out, &format!("| {} |", row.join(" | ")));
    }
    if rows.len() > ROWS_MAX {
        line(out, "");
        line(out, &format!("and {} more", count(rows.len() - ROWS_MAX)));
    }
}

fn comparison(out: &mut String, report: &Report) {
    let Some(comparison) = &report.comparison else {
        return;
    };
    heading(out, &against(comparison));
    let verdicts = order::verdicts(report);
    if verdicts.is_empty() {
        line(out, "No metric of the baseline was measured in this time.");
        return;
    }
    let rows: Vec<Vec<String>> = verdicts.iter().map(|v| verdict_row(report, v)).collect();
    let head = ["Metric", "Verdict", "Change", "Before", "After", "Effect"];
    table(out, &head, "llrrrl", &rows);
    let hints: Vec<String> = verdicts
        .iter()
        .take(ROWS_MAX)
        .filter_map(|v| {
            Some(format!(
                "- {}: {}",
                escape(&title(report, v)),
                escape(&hint(v)?)
            ))
        })
        .collect();
    if !hints.is_empty() {
        line(out, "");
        for hint in &hints {
            line(out, hint);
        }
    }
}

fn against(comparison: &Comparison) -> String {
    format!(
        "Against baseline {} (version {}, {})",
        escape(&comparison.baseline),
        comparison.version,
        number::span(comparison.range)
    )
}

fn verdict_row(report: &Report, verdict: &Verdict) -> Vec<String> {
    let (before, after) = before_after(verdict);
    let unit = verdict.unit.as_str();
    let mut words = format!("**{}**", answer_words(verdict));
    if let Some(severity) = verdict.severity {
        words += &format!(" ({severity})");
    }
    let known = report.statistic_of(verdict).filter(|s| !s.title.is_empty());
    let mut name = known.map(|s| escape(&s.title) + " ").unwrap_or_default();
    name += &code(&verdict.metric);
    if let Some(quantile) = quantile_name(verdict) {
        name = format!("{name} {quantile}");
    }
    let effect = verdict
        .effect
        .map_or(number::DASH, |effect| effect.class.as_str());
    vec![
        name,
        words,
        escape(&change_words(verdict)),
        escape(&text(before, unit)),
        escape(&text(after, unit)),
        effect.to_owned(),
    ]
}

fn alerts(out: &mut String, report: &Report) {
    heading(out, "Alerts");
    if report.alerts.is_empty() {
        line(out, "No alert fired in this time.");
        return;
    }
    let alerts = order::alerts(report);
    let rows: Vec<Vec<String>> = alerts
        .iter()
        .map(|alert| alert_row(report, alert))
        .collect();
    let head = ["Severity", "Rule", "Began (UTC)", "Lasted", "Message"];
    table(out, &head, "llrrl", &rows);
}

fn alert_row(report: &Report, alert: &AlertFact) -> Vec<String> {
    let lasted = match alert.ended_at {
        Some(end) => number::duration(end.since(alert.started_at)),
        None => "still firing".to_owned(),
    };
    vec![
        alert.severity.as_str().to_owned(),
        escape(&alert.rule),
        number::moment(alert.started_at, report.range),
        lasted,
        escape(&alert.message),
    ]
}

fn statistics(out: &mut String, statistics: &[Statistic]) {
    heading(out, "Statistics");
    if statistics.is_empty() {
        line(out, "Nothing was measured in this time.");
        return;
    }
    let rows: Vec<Vec<String>> = statistics.iter().map(statistic_row).collect();
    let head = [
        "Metric", "Mean", "sd", "Min", "p50", "p90", "p95", "p99", "p99.9", "Max", "n",
    ];
    table(out, &head, "lrrrrrrrrrr", &rows);
}

fn statistic_row(s: &Statistic) -> Vec<String> {
    let values = [
        s.mean, s.stddev, s.min, s.median, s.p90, s.p95, s.p99, s.p999, s.max,
    ];
    let mut row = vec![escape(statistic_title(s))];
    row.extend(values.iter().map(|value| escape(&text(*value, &s.unit))));
    row.push(count(s.n));
    row
}

/// The title, or the metric's name where it has none.
pub(crate) fn statistic_title(statistic: &Statistic) -> &str {
    if statistic.title.is_empty() {
        &statistic.metric
    } else {
        &statistic.title
    }
}

/// Text from outside as text.
fn escape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in clean(raw)
        .replace("://", ":\u{2060}//")
        .replace("www.", "www\u{2060}.")
        .chars()
    {
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            // A mention would call someone.
            '@' => out += "&#64;",
            // As entities, because table parsers disagree about a backslash before a bar.
            '|' => out += "&#124;",
            '\\' => out += "&#92;",
            '`' | '*' | '_' | '[' | ']' | '~' | '#' | '$' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A name as code, unless it holds what could end the code or the cell.
fn code(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_:.-/ ".contains(c);
    let name = clean(name);
    if name.chars().all(plain) {
        format!("`{name}`")
    } else {
        escape(&name)
    }
}
