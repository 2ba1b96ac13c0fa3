//! How things are, in one sentence, most important first: what fires, what got worse, what is not
//! known yet, and only then that all is well.

use tacho_analysis::verdict::{Answer, Verdict};

use crate::number;
use crate::order;
use crate::report::{AlertFact, Report};
use crate::verdict::{before_after, change_words, quantile_name};
use crate::words::{capital, clean, counted};

/// One sentence with its numbers; when all is well it says so, and on what grounds.
pub fn summary_sentence(report: &Report) -> String {
    let alerts = order::alerts(report);
    let verdicts = order::verdicts(report);
    let firing = alerts
        .iter()
        .filter(|alert| alert.ended_at.is_none())
        .count();
    let regressed = count(&verdicts, Answer::Regressed);
    let sentence = if let Some(worst) = alerts.first().filter(|_| firing > 0) {
        firing_alert(report, worst) + &others(firing - 1, regressed)
    } else if let Some(worst) = verdicts.first().filter(|_| regressed > 0) {
        let rest = others_regressed(regressed - 1);
        regression(report, worst) + &rest + &ended(alerts.len())
    } else if let Some(newest) = alerts.first() {
        ended_alert(report, newest, alerts.len())
    } else {
        calm(report, &verdicts)
    };
    capital(&sentence) + "."
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

fn firing_alert(report: &Report, alert: &AlertFact) -> String {
    let message = clean(&alert.message);
    let what = match (message.trim_end_matches('.'), alert.value) {
        ("", Some(value)) => {
            let (value, limit) = (
                number::text(value, &alert.unit),
                number::text(alert.threshold, &alert.unit),
            );
            format!("{} is {value} (limit {limit})", clean(&alert.rule))
        }
        ("", None) => format!("{} fires", clean(&alert.rule)),
        (message, _) => message.to_owned(),
    };
    format!("{} alert on {}: {what}", alert.severity, host(report))
}

fn others(firing: usize, regressed: usize) -> String {
    let mut parts = Vec::new();
    if firing > 0 {
        parts.push(counted(firing, "more alert"));
    }
    if regressed > 0 {
        parts.push(format!("{} regressed", counted(regressed, "metric")));
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!("; {}", parts.join(", "))
    }
}

fn others_regressed(more: usize) -> String {
    match more {
        0 => String::new(),
        more => format!("; {} regressed", counted(more, "more metric")),
    }
}

fn ended(alerts: usize) -> String {
    match alerts {
        0 => String::new(),
        alerts => format!("; {} fired and ended", counted(alerts, "alert")),
    }
}

/// The name that people know the verdict's metric by.
pub(crate) fn title(report: &Report, verdict: &Verdict) -> String {
    let known = report
        .statistics
        .iter()
        .filter(|s| s.metric == verdict.metric);
    let same = known.clone().find(|s| s.labels == verdict.labels);
    let only = || known.clone().next().filter(|_| known.clone().count() == 1);
    let name = same
        .or_else(only)
        .map_or(verdict.metric.as_str(), |s| s.title.as_str());
    match quantile_name(verdict) {
        Some(quantile) => format!("{} {quantile}", clean(name)),
        None => clean(name),
    }
}

fn regression(report: &Report, verdict: &Verdict) -> String {
    let (before, after) = before_after(verdict);
    let unit = verdict.unit.as_str();
    let numbers = format!(
        "{} → {}",
        number::text(before, unit),
        number::text(after, unit)
    );
    let baseline = against(report);
    let severity = verdict
        .severity
        .map(|s| format!(", {s}"))
        .unwrap_or_default();
    format!(
        "{} on {} regressed {}, {numbers}{baseline}{severity}",
        title(report, verdict),
        host(report),
        change_words(verdict),
    )
}

fn against(report: &Report) -> String {
    let name = report.comparison.as_ref().map(|c| clean(&c.baseline));
    name.map(|name| format!(", against baseline {name}"))
        .unwrap_or_default()
}

fn ended_alert(report: &Report, newest: &AlertFact, count: usize) -> String {
    let lasted = newest
        .ended_at
        .map(|end| number::duration(end.since(newest.started_at)));
    let lasted = lasted
        .map(|lasted| format!(" for {lasted}"))
        .unwrap_or_default();
    let at = number::moment(newest.started_at, report.range);
    let rule = clean(&newest.rule);
    let newest = format!("{rule}, {} at {at} UTC{lasted}", newest.severity);
    match count {
        1 => format!("one alert fired on {} and ended: {newest}", host(report)),
        n => format!(
            "{} fired on {} and ended, the last {newest}",
            counted(n, "alert"),
            host(report)
        ),
    }
}

fn calm(report: &Report, verdicts: &[&Verdict]) -> String {
    let host = host(report);
    if report.statistics.iter().all(|s| s.n == 0) && verdicts.is_empty() {
        return format!("nothing was measured on {host} in this time");
    }
    let span = number::duration(report.range.duration());
    let total = verdicts.len();
    if total == 0 {
        return format!("no alert on {host} in {span}; nothing to compare with yet");
    }
    let unsure = count(verdicts, Answer::Inconclusive);
    let improved = count(verdicts, Answer::Improved);
    let stable = count(verdicts, Answer::Stable);
    if unsure == total {
        let all = counted(total, "metric");
        return format!(
            "nothing is known yet of {host}: {all} inconclusive{}",
            against(report)
        );
    }
    let parts = [
        (stable, "stable"),
        (improved, "improved"),
        (unsure, "inconclusive"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{} {word}", number::count(*n)))
        .collect();
    let metrics = if total == 1 { "metric" } else { "metrics" };
    format!(
        "all is well on {host}: {} of {} {metrics}{}, no alert in {span}",
        parts.join(", "),
        number::count(total),
        against(report)
    )
}
