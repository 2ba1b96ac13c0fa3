//! How groups go: health of each rule, times, and what was missed, for people and for `/metrics`.

use std::sync::Arc;
use std::time::Duration;

use tacho_model::{Batch, Kind, METRIC_NAME, Metadata, Timestamp, Unit};

use super::Rules;
use super::evaluate::Evaluated;
use super::group::Group;

/// Whether a rule has a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// It was not evaluated yet.
    #[default]
    Unknown,
    /// It has.
    Ok,
    /// It has not.
    Err,
}

impl Health {
    /// Prometheus' word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ok => "ok",
            Self::Err => "err",
        }
    }
}

/// How a rule went at its last evaluation.
#[derive(Debug, Clone, Default)]
pub struct RuleStatus {
    /// Whether it had a result.
    pub health: Health,
    /// Why not.
    pub last_error: Option<String>,
    /// When it was evaluated.
    pub last_evaluation: Option<Timestamp>,
    /// How long that took.
    pub took: Duration,
    /// How many series it gave.
    pub series: usize,
}

/// A group and how it goes.
#[derive(Debug, Clone)]
pub struct GroupStatus {
    /// What is evaluated.
    pub group: Arc<Group>,
    /// How its rules went, in their order.
    pub rules: Vec<RuleStatus>,
    /// When its last evaluation began.
    pub last_evaluation: Option<Timestamp>,
    /// How long that took.
    pub took: Duration,
    /// The slot of that evaluation: behind it while missed ones are made good.
    pub last_slot: Option<Timestamp>,
    /// Evaluations of rules since the start.
    pub evaluations: u64,
    /// Those that failed.
    pub failures: u64,
    /// Slots that were given up since the start.
    pub missed: u64,
}

impl GroupStatus {
    pub(super) fn new(group: Arc<Group>) -> Self {
        Self {
            rules: vec![RuleStatus::default(); group.rules.len()],
            group,
            last_evaluation: None,
            took: Duration::ZERO,
            last_slot: None,
            evaluations: 0,
            failures: 0,
            missed: 0,
        }
    }

    /// Notes what became of a slot. That a rule fails, and that it works again, is logged once.
    pub(super) fn note(&mut self, began: Timestamp, took: Duration, evaluated: Vec<Evaluated>) {
        self.last_evaluation = Some(began);
        self.took = took;
        for ((status, rule), one) in self.rules.iter_mut().zip(&self.group.rules).zip(evaluated) {
            let Some(outcome) = one.outcome else {
                continue;
            };
            self.evaluations += 1;
            status.last_evaluation = Some(began);
            status.took = one.took;
            let (group, rule) = (&self.group.name, rule.name());
            match outcome {
                Ok(series) => {
                    if status.health == Health::Err {
                        tracing::info!(group, rule, "the rule is evaluated again");
                    }
                    status.health = Health::Ok;
                    status.last_error = None;
                    status.series = series;
                }
                Err(error) => {
                    self.failures += 1;
                    if status.health != Health::Err {
                        tracing::error!(group, rule, "the rule cannot be evaluated: {error}");
                    }
                    status.health = Health::Err;
                    status.last_error = Some(error.to_string());
                    status.series = 0;
                }
            }
        }
    }
}

const EVALUATIONS: &str = "tacho_rule_evaluations_total";
const FAILURES: &str = "tacho_rule_evaluation_failures_total";
const MISSED: &str = "tacho_rule_group_iterations_missed_total";
const DURATION: &str = "tacho_rule_group_last_duration_seconds";

impl Rules {
    /// Adds how groups go that were evaluated; a total of nothing is left out.
    pub fn observe(&self, now: Timestamp, host: &str, batch: &mut Batch) {
        let before = batch.len();
        let mut push = |name, identity: &str, value: f64| {
            let labels = [
                (METRIC_NAME, name),
                ("instance", host),
                ("job", "tacho"),
                ("rule_group", identity),
            ];
            if let Ok(series) = batch.series(labels) {
                batch.push(series, now, value);
            }
        };
        let groups = self.groups.lock();
        for status in groups.values().map(|entry| entry.shown()) {
            let identity = status.group.identity();
            let totals = [
                (EVALUATIONS, status.evaluations),
                (FAILURES, status.failures),
                (MISSED, status.missed),
            ];
            for (name, count) in totals {
                if count > 0 {
                    push(name, &identity, count as f64);
                }
            }
            if status.last_evaluation.is_some() {
                push(DURATION, &identity, status.took.as_secs_f64());
            }
        }
        if batch.len() == before {
            return;
        }
        let counter = |help| (Kind::Counter, Unit::NONE, help);
        for (name, (kind, unit, help)) in [
            (EVALUATIONS, counter("Evaluations of rules.")),
            (FAILURES, counter("Evaluations of rules that failed.")),
            (
                MISSED,
                counter("Evaluations of rule groups that were missed and are not made good."),
            ),
            (
                DURATION,
                (
                    Kind::Gauge,
                    Unit::SECONDS,
                    "How long the last evaluation of a rule group took.",
                ),
            ),
        ] {
            let help = help.to_owned();
            batch.describe(name, Metadata { kind, unit, help });
        }
    }
}
