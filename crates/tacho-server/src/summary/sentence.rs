//! One sentence that says how things are, most important first.

use tacho_analysis::key_metrics;
use tacho_analysis::verdict::{Answer, Verdict};
use tacho_model::{TimeRange, Timestamp};

use super::{Tile, level_of};
use crate::alerting::Alert;
use crate::app::App;

/// How things are, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// All is well.
    Ok,
    /// Something changed, nothing is wrong.
    Info,
    /// Worth looking at.
    Warning,
    /// Worth waking someone.
    Critical,
}

impl Level {
    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// How things are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// In one word.
    pub level: Level,
    /// In one sentence.
    pub sentence: String,
    /// The numbers behind it.
    pub detail: String,
}

pub(super) fn state(
    app: &App,
    tiles: &[Tile],
    alerts: &[Alert],
    findings: &[Verdict],
    now: Timestamp,
) -> State {
    let host = app.host_name();
    if let Some(worst) = alerts.first() {
        let others = match alerts.len() {
            1 => String::new(),
            n => format!("; {} more alerts fire", n - 1),
        };
        return State {
            level: level_of(worst.severity),
            sentence: format!(
                "{} on {host}{}{others}.",
                headline(worst),
                culprit(app, worst)
            ),
            detail: capital(&worst.message),
        };
    }
    let regressed = findings
        .iter()
        .find(|finding| finding.answer == Answer::Regressed);
    if let Some(finding) = regressed {
        return State {
            level: finding.severity.map_or(Level::Info, level_of),
            sentence: format!(
                "{} on {host} is worse than its baseline{}.",
                capital(key_metrics::title(&finding.metric)),
                and_others(findings.len() - 1)
            ),
            detail: format!(
                "{}, last 5 minutes against the baseline.",
                change_of(finding)
            ),
        };
    }
    if tiles.iter().all(|tile| tile.value.is_none()) {
        return State {
            level: Level::Ok,
            sentence: "Nothing is measured yet.".to_owned(),
            detail: "The first samples of this machine appear within a second; if they do not, \
                     collection is switched off (collect.host)."
                .to_owned(),
        };
    }
    let value = |id: &str| {
        let tile = tiles.iter().find(|tile| tile.spec.id == id)?;
        Some(format!("{} {:.0} %", tile.spec.title, tile.value?))
    };
    let numbers: Vec<String> = [value("cpu"), value("memory")]
        .into_iter()
        .flatten()
        .collect();
    State {
        level: Level::Ok,
        sentence: format!("All is well on {host}."),
        detail: format!("{}. {}", quiet_since(app, now), numbers.join(", ")),
    }
}

/// Since when no alert fired, as far as the history tells.
fn quiet_since(app: &App, now: Timestamp) -> String {
    let last = app.store.state().alert_events(TimeRange::ALL, 1).ok();
    let ended = last.and_then(|events| events.first()?.ended_at);
    let ago = |t: Timestamp| {
        let minutes = now.since(t).as_secs() / 60;
        match minutes {
            0 => "for less than a minute".to_owned(),
            1..120 => format!("for {minutes} min"),
            120..2880 => format!("for {} h", minutes / 60),
            _ => format!("for {} days", minutes / 1440),
        }
    };
    match ended {
        Some(ended) => format!("No alert {}", ago(ended)),
        None => "No alert so far".to_owned(),
    }
}

/// `+18 % (12 to 24)`, or in the metric's unit where percent mean nothing.
fn change_of(verdict: &Verdict) -> String {
    match (verdict.change_percent, verdict.interval) {
        (Some(percent), Some(interval)) => {
            format!(
                "{percent:+.0} % ({:.0} to {:.0})",
                interval.low, interval.high
            )
        }
        _ => format!("{:+.3} {}", verdict.change, verdict.unit.as_str())
            .trim_end()
            .to_owned(),
    }
}

fn and_others(n: usize) -> String {
    match n {
        0 => "; everything else holds".to_owned(),
        1 => "; one more metric changed".to_owned(),
        n => format!("; {n} more metrics changed"),
    }
}

fn headline(alert: &Alert) -> String {
    let metric = alert.labels.name();
    let what = capital(key_metrics::title(metric));
    let higher = alert.value.is_none_or(|value| value >= alert.threshold);
    format!("{what} is {}", if higher { "high" } else { "low" })
}

/// Who is to blame, where one process stands out.
fn culprit(app: &App, alert: &Alert) -> String {
    let host = app.host.read();
    let top = match alert.labels.name() {
        "cpu_usage_percent" => host.top_cpu.first(),
        "memory_usage_percent" => host.top_memory.first(),
        _ => None,
    };
    let name = top.map(|p| p.executable.as_ref().unwrap_or(&p.name));
    name.map_or_else(String::new, |name| format!(": {name} takes most of it"))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
