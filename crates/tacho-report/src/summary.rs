//! How things are, in one sentence, most important first: what fires, what got worse, what is not
//! known yet, and only then that all is well.

use tacho_analysis::verdict::{Answer, Verdict};

use crate::number;
use crate::order;
use crate::report::{AlertFact, Report};
use crate::verdict::{before_after, change_words, quantile_name};
use crate::words::{capital, clean, counted};

/// How things are: what, and the numbers behind it. Both without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Reads alone.
    pub(crate) headline: String,
    /// In order of weight, parted by semicolons; may be empty.
    pub(crate) detail: String,
}

/// One sentence with its numbers; when all is well it says so, and on what grounds.
pub fn summary_sentence(report: &Report) -> String {
    let State { headline, detail } = state(report);
    if detail.is_empty() {
        format!("{headline}.")
    } else {
        format!("{headline}; {detail}.")
    }
}

/// The same in two parts, for a headline and the line below it.
pub(crate) fn state(report: &Report) -> State {
    let alerts = order::alerts(report);
    let verdicts = order::verdicts(report);
    let firing = alerts
        .iter()
        .filter(|alert| alert.ended_at.is_none())
        .count();
    let regressed = count(&verdicts, Answer::Regressed);
    let (headline, parts) = if let Some(worst) = alerts.first().filter(|_| firing > 0) {
        let (headline, culprit) = firing_alert(report, worst);
        let mut parts = vec![culprit];
        parts.push(some(firing - 1, |n| counted(n, "more alert")));
        parts.push(some(regressed, |n| {
            format!("{} regressed", counted(n, "metric"))
        }));
        (headline, parts)
    } else if let Some(worst) = verdicts.first().filter(|_| regressed > 0) {
        let more = |n| format!("{} regressed", counted(n, "more metric"));
        let ended = |n| format!("{} fired and ended", counted(n, "alert"));
        let parts = vec![
            numbers(report, worst),
            some(regressed - 1, more),
            some(alerts.len(), ended),
        ];
        (regression(report, worst), parts)
    } else if let Some(newest) = alerts.first() {
        (
            ended_alerts(report, alerts.len()),
            vec![newest_alert(report, newest)],
        )
    } else {
        calm(report, &verdicts)
    };
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    State {
        headline: capital(&headline),
        detail: parts.join("; "),
    }
}

fn some(n: usize, words: impl Fn(usize) -> String) -> String {
    if n == 0 { String::new() } else { words(n) }
}

fn count(verdicts: &[&Verdict], answer: Answer) -> usize {
    verdicts
        .iter()
        .filter(|verdict| verdict.answer == answer)
        .count()
}

fn host(report: &Report) -> String {
    if report.host.name.is_empty() {
        "this host".to_owned()
    } else {
        clean(&report.host.name)
    }
}

/// What fires, and what its message says after the first semicolon: who is to blame.
fn firing_alert(report: &Report, alert: &AlertFact) -> (String, String) {
    let message = clean(&alert.message);
    let message = message.trim().trim_end_matches('.');
    let (what, culprit) = match (message.split_once("; "), alert.value) {
        (Some((what, culprit)), _) => (what.to_owned(), culprit.to_owned()),
        (None, Some(value)) if message.is_empty() => {
            let value = number::text(value, &alert.unit);
            let limit = number::text(alert.threshold, &alert.unit);
            (
                format!("{} is {value} (limit {limit})", clean(&alert.rule)),
                String::new(),
            )
        }
        (None, None) if message.is_empty() => (clean(&alert.rule), String::new()),
        (None, _) => (message.to_owned(), String::new()),
    };
    (
        format!("{} alert on {}: {what}", alert.severity, host(report)),
        culprit,
    )
}

/// The name that people know the verdict's metric by.
pub(crate) fn title(report: &Report, verdict: &Verdict) -> String {
    let known = report.statistic_of(verdict);
    let name = known.map_or(verdict.metric.as_str(), |s| s.title.as_str());
    match quantile_name(verdict) {
        Some(quantile) => format!("{} {quantile}", clean(name)),
        None => clean(name),
    }
}

fn regression(report: &Report, verdict: &Verdict) -> String {
    let change = change_words(verdict);
    format!(
        "{} on {} regressed, {change}",
        title(report, verdict),
        host(report)
    )
}

/// From what to what, against what, and how bad that is.
fn numbers(report: &Report, verdict: &Verdict) -> String {
    let (before, after) = before_after(verdict);
    let unit = verdict.unit.as_str();
    let severity = verdict
        .severity
        .map(|s| format!(", severity {s}"))
        .unwrap_or_default();
    let (before, after) = (number::text(before, unit), number::text(after, unit));
    format!("{before} → {after}{}{severity}", against(report))
}

fn against(report: &Report) -> String {
    let name = report.comparison.as_ref().map(|c| clean(&c.baseline));
    name.map(|name| format!(" against baseline {name}"))
        .unwrap_or_default()
}

fn ended_alerts(report: &Report, count: usize) -> String {
    let alerts = if count == 1 {
        "one alert".to_owned()
    } else {
        counted(count, "alert")
    };
    format!("{alerts} fired on {} and ended", host(report))
}

fn newest_alert(report: &Report, newest: &AlertFact) -> String {
    let lasted = newest
        .ended_at
        .map(|end| number::duration(end.since(newest.started_at)));
    let lasted = lasted
        .map(|lasted| format!(" for {lasted}"))
        .unwrap_or_default();
    let at = number::moment(newest.started_at, report.range);
    format!(
        "last {}, {}, at {at} UTC{lasted}",
        clean(&newest.rule),
        newest.severity
    )
}

fn calm(report: &Report, verdicts: &[&Verdict]) -> (String, Vec<String>) {
    let host = host(report);
    if report.statistics.iter().all(|s| s.n == 0) && verdicts.is_empty() {
        return (
            format!("nothing was measured on {host} in this time"),
            Vec::new(),
        );
    }
    let span = number::duration(report.range.duration());
    let total = verdicts.len();
    if total == 0 {
        let reason = "no baseline to compare with yet".to_owned();
        return (format!("no alert on {host} in {span}"), vec![reason]);
    }
    let unsure = count(verdicts, Answer::Inconclusive);
    let headline = if unsure == total {
        format!("nothing is known yet of {host}")
    } else if let Some(worst) = verdicts
        .iter()
        .find(|v| v.leaning == Some(Answer::Regressed))
    {
        let (title, change) = (title(report, worst), change_words(worst));
        format!("nothing regressed on {host} for certain, but {title} leans that way, {change}")
    } else {
        format!("all is well on {host}")
    };
    (
        headline,
        vec![tally(report, verdicts), format!("no alert in {span}")],
    )
}

/// `3 stable, 1 improved of 4 metrics against baseline default`; empty without verdicts.
fn tally(report: &Report, verdicts: &[&Verdict]) -> String {
    if verdicts.is_empty() {
        return String::new();
    }
    let answers = [
        Answer::Regressed,
        Answer::Stable,
        Answer::Improved,
        Answer::Inconclusive,
    ];
    let parts: Vec<String> = answers
        .into_iter()
        .map(|answer| (count(verdicts, answer), answer.as_str()))
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{} {word}", number::count(n)))
        .collect();
    let metrics = counted(verdicts.len(), "metric");
    format!("{} of {metrics}{}", parts.join(", "), against(report))
}
