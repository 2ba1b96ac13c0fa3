//! What fired, and when: each alert in words, with its span on a common line of time.

use tacho_analysis::Severity;
use tacho_model::TimeRange;

use super::{ROWS_MAX, card, escape, left_out, moment};
use crate::number;
use crate::order;
use crate::report::{AlertFact, Report};
use crate::words::{capital, counted};

pub(super) fn section(report: &Report) -> String {
    if report.alerts.is_empty() {
        let span = number::duration(report.range.duration());
        let text = format!(
            "<p class=\"calm\">No alert fired in {}.</p>\n",
            escape(&span)
        );
        return card("", "Alerts", "", &text);
    }
    let alerts = order::alerts(report);
    let firing = alerts
        .iter()
        .filter(|alert| alert.ended_at.is_none())
        .count();
    let remark = match (firing, alerts.len()) {
        (0, all) => format!("{}, all ended", counted(all, "alert")),
        (firing, all) => format!(
            "{} of {} firing",
            number::count(firing),
            counted(all, "alert")
        ),
    };
    let rows: String = alerts
        .iter()
        .take(ROWS_MAX)
        .map(|alert| row(report, alert))
        .collect();
    let content = format!(
        "<ol class=\"alerts\">\n{rows}</ol>\n<div class=\"track-ends\" aria-hidden=\"true\">\
         <div><span>{}</span><span>{} UTC</span></div></div>\n{}",
        escape(&number::end(report.range.start, report.range)),
        escape(&number::end(report.range.end, report.range)),
        left_out(alerts.len())
    );
    card("", "Alerts", &remark, &content)
}

fn row(report: &Report, alert: &AlertFact) -> String {
    let tone = match alert.severity {
        Severity::Critical => "worse",
        Severity::Warning => "unsure",
        Severity::Info => "stable",
    };
    let message = if alert.message.is_empty() {
        &alert.rule
    } else {
        &alert.message
    };
    format!(
        "<li><span class=\"tag {tone}\">{}</span><div class=\"what\"><p>{}</p><small>{}</small></div>\
         {}</li>\n",
        alert.severity,
        escape(&capital(message)),
        facts(report, alert),
        track(report.range, alert, tone),
    )
}

/// When, how long, by which rule.
fn facts(report: &Report, alert: &AlertFact) -> String {
    let began = moment(alert.started_at, report.range);
    let when = match alert.ended_at {
        Some(end) => {
            let lasted = escape(&number::duration(end.since(alert.started_at)));
            format!("{began} to {}, {lasted}", moment(end, report.range))
        }
        None => format!("since {began}, <b>still firing</b>"),
    };
    let limit = if alert.threshold.is_finite() {
        format!(
            " · limit {}",
            escape(&number::text(alert.threshold, &alert.unit))
        )
    } else {
        String::new()
    };
    format!("{when} · {}{limit}", escape(&alert.rule))
}

/// Its span within the range; decorative, for the words beside it say the same.
fn track(range: TimeRange, alert: &AlertFact, tone: &str) -> String {
    let axes = crate::chart::Axes::new(range, 0.0, 1.0, "");
    let from = 100.0 * axes.share(alert.started_at);
    let to = 100.0 * axes.share(alert.ended_at.unwrap_or(range.end));
    let open = if alert.ended_at.is_none() {
        " open"
    } else {
        ""
    };
    format!(
        "<div class=\"track\" aria-hidden=\"true\"><i class=\"{tone}{open}\" \
         style=\"left:{from:.2}%;width:{:.2}%\"></i></div>",
        (to - from).max(0.0)
    )
}
