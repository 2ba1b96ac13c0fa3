//! Alert rules at work: evaluated on the store, remembered in the state database, told in the log.
//!
//! Each notice is one structured log record (target `tacho::alert`) and one row of history that
//! is closed when the alert resolves. What fired when the server stopped is taken up again at
//! the next start, so a restart neither repeats a notice nor forgets one.

use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tacho_analysis::Severity;
use tacho_analysis::aggregate::{Function, Grouping, Windows};
use tacho_analysis::alert::{AlertRule, AlertState, Change, Limits, RuleState, Transition};
use tacho_collect::HostSnapshot;
use tacho_model::{
    Columns, Labels, METRIC_NAME, Querier, QueryError, Shape, TimeRange, Timestamp, Unit,
};
use tacho_store::Store;
use tacho_store::state::AlertEvent;

use crate::app::App;
use crate::reading::{SeriesAt, group};
use crate::series;

pub(crate) mod expression;
mod message;

/// A rule waits until its window could have been filled since the start, at most this long: a
/// start is busy, and two seconds of it are no minute's average.
const WARM_UP: Duration = Duration::from_mins(1);

/// An alert, firing or over.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Its number in the history.
    pub id: i64,
    /// The rule's name.
    pub rule: String,
    /// The series it is about.
    pub labels: Labels,
    /// How bad.
    pub severity: Severity,
    /// The newest value, in `unit`.
    pub value: Option<f64>,
    /// The threshold, in `unit`.
    pub threshold: f64,
    /// UCUM unit.
    pub unit: String,
    /// When the condition began to hold.
    pub started_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// What to tell a person.
    pub message: String,
}

/// The rules and their states.
#[derive(Debug)]
pub struct Alerting {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    rules: Vec<(AlertRule, RuleState)>,
    active: Vec<Alert>,
    /// Rules whose evaluation failed, and why, so that each failure is said once.
    failing: Vec<(String, String)>,
}

impl Alerting {
    /// Takes up what was firing when the server stopped. Alerts of rules that are gone are closed.
    pub fn new(rules: &[AlertRule], store: &Store) -> Self {
        let mut rules: Vec<_> = rules
            .iter()
            .map(|rule| (rule.clone(), RuleState::new()))
            .collect();
        let mut active = Vec::new();
        let open = store.state().open_alert_events().unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "alerts that were firing could not be read");
            Vec::new()
        });
        for event in open {
            let alert = Alert::from_event(&event);
            let rule = rules.iter_mut().find(|(rule, _)| rule.name == event.rule);
            match (rule, alert) {
                (Some((_, state)), Some(alert)) => {
                    let told =
                        AlertState::restored(alert.started_at, alert.severity, alert.started_at);
                    state.restore(alert.labels.clone(), told);
                    active.push(alert);
                }
                _ => close(
                    store,
                    &AlertEvent {
                        ended_at: Some(Timestamp::now()),
                        ..event
                    },
                ),
            }
        }
        Self {
            inner: Mutex::new(Inner {
                rules,
                active,
                failing: Vec::new(),
            }),
        }
    }

    /// Alerts that fire now, the most severe first.
    pub fn active(&self) -> Vec<Alert> {
        let mut active = self.inner.lock().active.clone();
        active.sort_by_key(|alert| (std::cmp::Reverse(alert.severity), alert.started_at));
        active
    }

    /// Rules that cannot be evaluated, and why.
    pub fn failing(&self) -> Vec<(String, String)> {
        self.inner.lock().failing.clone()
    }

    /// Evaluates every rule at `now`.
    pub fn evaluate(&self, app: &App, now: Timestamp) {
        let mut guard = self.inner.lock();
        let Inner {
            rules,
            active,
            failing,
        } = &mut *guard;
        for (rule, state) in rules {
            if app.uptime() < rule.window.min(WARM_UP) {
                continue;
            }
            match values(app.store.as_ref(), rule, now) {
                Ok((limits, values)) => {
                    failing.retain(|(name, _)| *name != rule.name);
                    let host = app.host.read();
                    let teller = Teller {
                        store: &app.store,
                        host: &host,
                        rule,
                        limits: &limits,
                    };
                    for (labels, transition) in state.evaluate(&limits, now, &values) {
                        teller.tell(labels, &transition, active);
                    }
                    teller.follow_silent(state, &values, now, active);
                    refresh(active, rule, &values);
                }
                Err(error) if !failing.iter().any(|(name, _)| *name == rule.name) => {
                    tracing::error!(rule = rule.name, "the rule cannot be evaluated: {error}");
                    failing.push((rule.name.clone(), error.to_string()));
                }
                Err(_) => {}
            }
        }
    }
}

/// The value of each series of a rule for the window that ends `now`.
#[expect(
    clippy::type_complexity,
    reason = "a pair that exists only between two functions here"
)]
fn values(
    querier: &dyn Querier,
    rule: &AlertRule,
    now: Timestamp,
) -> Result<(Limits, Vec<(Labels, Option<f64>)>), EvaluationError> {
    let (kind, unit) = series::described(querier, &rule.metric);
    let shape = kind.shape();
    let limits = rule.limits((unit != Unit::NONE).then_some(&unit), shape)?;
    let function: Function = rule.condition.function;
    let windows = Windows::one(TimeRange::last(rule.window, now));
    let selection = querier.select(&rule.matchers(), windows.read_range())?;
    let grouping = || Grouping::new(function, windows, rule.by.as_deref());
    let wanted = SeriesAt::all(selection.as_ref());
    let shape_of = |columns: &Columns| {
        if columns.histograms.is_empty() {
            shape
        } else {
            Shape::Histogram
        }
    };
    let grouping = group(&wanted, windows, grouping, shape_of)?;
    let newest = |points: Vec<(Timestamp, f64)>| points.last().map(|(_, value)| *value);
    let groups = grouping.finish().into_iter();
    Ok((
        limits,
        groups
            .map(|(labels, points)| (labels, newest(points)))
            .collect(),
    ))
}

/// Why a rule could not be evaluated.
#[derive(Debug, thiserror::Error)]
enum EvaluationError {
    #[error(transparent)]
    Rule(#[from] tacho_analysis::AnalysisError),
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Keeps the shown values of firing alerts fresh.
fn refresh(active: &mut [Alert], rule: &AlertRule, values: &[(Labels, Option<f64>)]) {
    for alert in active.iter_mut().filter(|alert| alert.rule == rule.name) {
        let fresh = values.iter().find(|(labels, _)| *labels == alert.labels);
        alert.value = fresh.and_then(|(_, value)| *value).or(alert.value);
    }
}

/// Keeps log, history and the list of active alerts in step with one rule.
struct Teller<'a> {
    store: &'a Store,
    host: &'a HostSnapshot,
    rule: &'a AlertRule,
    limits: &'a Limits,
}

impl Teller<'_> {
    /// Tells a notice: log record, history, the list of active alerts.
    fn tell(&self, labels: Labels, transition: &Transition, active: &mut Vec<Alert>) {
        let message = self.message(&labels, transition);
        log(self.rule, self.limits, &labels, transition, &message);
        self.record(labels, transition, message, active);
    }

    /// What the cooldown keeps from being told is shown all the same: it enters the history and
    /// the list of active alerts without a log record, and leaves them so.
    fn follow_silent(
        &self,
        state: &RuleState,
        values: &[(Labels, Option<f64>)],
        now: Timestamp,
        active: &mut Vec<Alert>,
    ) {
        let of_rule = |alert: &Alert| alert.rule == self.rule.name;
        let fires = |alert: &Alert| state.firing().any(|(labels, _)| *labels == alert.labels);
        for mut over in active.extract_if(.., |alert| of_rule(alert) && !fires(alert)) {
            over.ended_at = Some(now);
            close(self.store, &over.to_event());
        }
        for (labels, firing) in state.firing() {
            let shown = active.iter().any(|a| of_rule(a) && a.labels == *labels);
            let (Some(severity), Some(since), false) = (firing.severity(), firing.since(), shown)
            else {
                continue;
            };
            let value = values.iter().find(|(known, _)| known == labels);
            let transition = Transition {
                change: Change::Fired,
                severity,
                value: value.and_then(|(_, value)| *value),
                threshold: self.limits.threshold,
                since,
                at: now,
                duration: now.since(since),
            };
            let message = self.message(labels, &transition);
            self.record(labels.clone(), &transition, message, active);
        }
    }

    fn message(&self, labels: &Labels, transition: &Transition) -> String {
        message::sentence(self.rule, self.limits, labels, transition, self.host)
    }

    /// Writes a change into the history and the list of active alerts.
    fn record(
        &self,
        labels: Labels,
        transition: &Transition,
        message: String,
        active: &mut Vec<Alert>,
    ) {
        let known = active
            .iter()
            .position(|a| a.rule == self.rule.name && a.labels == labels);
        let mut alert = known.map_or_else(
            || Alert {
                id: 0,
                rule: self.rule.name.clone(),
                labels,
                severity: transition.severity,
                value: None,
                threshold: transition.threshold,
                unit: self.limits.unit.as_str().to_owned(),
                started_at: transition.since,
                ended_at: None,
                message: String::new(),
            },
            |at| active.remove(at),
        );
        alert.severity = transition.severity;
        alert.value = transition.value.or(alert.value);
        if transition.change == Change::Resolved {
            // The message keeps what was wrong; that it is over is said by the end.
            alert.ended_at = Some(transition.at);
            close(self.store, &alert.to_event());
            return;
        }
        alert.message = message;
        let event = alert.to_event();
        if known.is_some() {
            close(self.store, &event);
        } else {
            match self.store.state().push_alert_event(&event) {
                Ok(id) => alert.id = id,
                Err(error) => lost(&error),
            }
        }
        active.push(alert);
    }
}

fn close(store: &Store, event: &AlertEvent) {
    if let Err(error) = store.state().update_alert_event(event) {
        lost(&error);
    }
}

fn lost(error: &(dyn std::error::Error + 'static)) {
    tracing::error!(error, "the alert's history was not kept");
}

/// The one structured record of a notice.
fn log(rule: &AlertRule, limits: &Limits, labels: &Labels, transition: &Transition, message: &str) {
    macro_rules! record {
        ($level:ident) => {
            tracing::$level!(
                target: "tacho::alert",
                rule = rule.name,
                change = transition.change.as_str(),
                severity = transition.severity.as_str(),
                value = transition.value,
                threshold = transition.threshold,
                unit = limits.unit.as_str(),
                series = %labels,
                since = %transition.since,
                duration_seconds = transition.duration.as_secs_f64(),
                "{message}"
            )
        };
    }
    match (transition.change, transition.severity) {
        (Change::Resolved, _) | (_, Severity::Info) => record!(info),
        (_, Severity::Warning) => record!(warn),
        (_, Severity::Critical) => record!(error),
    }
}

/// What the history keeps beside its columns.
#[derive(Serialize, Deserialize)]
struct EventBody {
    unit: String,
    labels: Vec<(String, String)>,
}

impl Alert {
    /// Reads an alert from the history; `None` when its record makes no sense.
    pub fn from_event(event: &AlertEvent) -> Option<Self> {
        let body: EventBody = serde_json::from_str(&event.body).ok()?;
        Some(Self {
            id: event.id,
            rule: event.rule.clone(),
            labels: Labels::new(body.labels).ok()?,
            severity: Severity::parse(&event.severity)?,
            value: event.value,
            threshold: event.threshold?,
            unit: body.unit,
            started_at: event.started_at,
            ended_at: event.ended_at,
            message: event.message.clone(),
        })
    }

    fn to_event(&self) -> AlertEvent {
        let labels = self
            .labels
            .iter()
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect();
        let body = EventBody {
            unit: self.unit.clone(),
            labels,
        };
        AlertEvent {
            id: self.id,
            rule: self.rule.clone(),
            series: self.labels.to_string(),
            state: self.state().to_owned(),
            severity: self.severity.as_str().to_owned(),
            value: self.value,
            threshold: Some(self.threshold),
            started_at: self.started_at,
            ended_at: self.ended_at,
            message: self.message.clone(),
            // Strings and pairs of strings always serialise.
            body: serde_json::to_string(&body).unwrap_or_default(),
        }
    }

    /// `firing` or `resolved`.
    pub fn state(&self) -> &'static str {
        if self.ended_at.is_some() {
            "resolved"
        } else {
            "firing"
        }
    }

    /// The labels without the metric's name.
    pub fn plain_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().filter(|(name, _)| *name != METRIC_NAME)
    }
}
