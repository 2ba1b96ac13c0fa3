//! Every figure described: mean, spread, percentiles.

use super::{ROWS_MAX, card, escape, left_out, metric_name, value};
use crate::markdown::statistic_title;
use crate::number;
use crate::report::{Report, Statistic};
use crate::verdict::plain_labels;

const COLUMNS: [&str; 11] = [
    "Mean", "sd", "Min", "p50", "p90", "p95", "p99", "p99.9", "Max", "Last", "n",
];

pub(super) fn section(report: &Report) -> String {
    if report.statistics.is_empty() {
        return String::new();
    }
    let head: String = COLUMNS
        .iter()
        .map(|name| format!("<th scope=\"col\">{name}</th>"))
        .collect();
    let rows: String = report.statistics.iter().take(ROWS_MAX).map(row).collect();
    let content = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Statistics\">\
         <table class=\"statistics\"><thead><tr><th scope=\"col\">Metric</th>{head}</tr></thead>\n\
         <tbody>\n{rows}</tbody></table></div>\n{}",
        left_out(report.statistics.len())
    );
    card(
        "",
        "Statistics",
        &escape(&number::span(report.range)),
        &content,
    )
}

fn row(s: &Statistic) -> String {
    let values = [
        s.mean, s.stddev, s.min, s.median, s.p90, s.p95, s.p99, s.p999, s.max,
    ];
    let last = s.last.unwrap_or(f64::NAN);
    let cells: String = values
        .into_iter()
        .chain([last])
        .map(|number| format!("<td>{}</td>", value(number, &s.unit)))
        .collect();
    let labels: Vec<String> = plain_labels(&s.labels)
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let labels = match labels.as_slice() {
        [] => String::new(),
        labels => format!(" {}", escape(&labels.join(", "))),
    };
    let title = statistic_title(s);
    let own = if title == s.metric {
        String::new()
    } else {
        metric_name(&s.metric)
    };
    format!(
        "<tr><th scope=\"row\">{}<span class=\"soft\">{own}{labels}</span></th>{cells}\
         <td>{}</td></tr>\n",
        escape(title),
        number::count(s.n)
    )
}
