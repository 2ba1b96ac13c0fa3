//! Groups, rules and alerts as bodies.

use serde_json::{Map, Value, json};
use tacho_analysis::alert::AlertRule;
use tacho_model::{Timestamp, Unit};

use super::{Listed, ListedRule, Sort};
use crate::alerting::expression::expression;
use crate::alerting::{Alert, Alerting};
use crate::query::QueryCtx;
use crate::rules::group::{Rule, RuleKind, pairs_body};
use crate::rules::{GroupStatus, Health, RuleStatus};
use crate::series::described;

/// The group of the alert rules of `tacho.yaml`.
const OWN_GROUP: &str = "tachograph";
const OWN_FILE: &str = "tacho.yaml";
/// What Prometheus says of a time that never was.
const NEVER: &str = "0001-01-01T00:00:00Z";
const ALERT_NAME: &str = "alertname";

pub(super) fn of_group(status: &GroupStatus) -> Listed {
    let group = &status.group;
    let rules = group.rules.iter().zip(&status.rules);
    let mut head = Map::new();
    head.insert("name".to_owned(), json!(group.name));
    head.insert("file".to_owned(), json!(group.origin.as_str()));
    head.insert("interval".to_owned(), seconds(group.interval.as_secs_f64()));
    head.insert("limit".to_owned(), json!(group.limit));
    let took = status.took.as_secs_f64();
    head.insert("evaluationTime".to_owned(), json!(took));
    let last = time(status.last_evaluation);
    head.insert("lastEvaluation".to_owned(), json!(last));
    Listed {
        file: group.origin.as_str().to_owned(),
        name: group.name.clone(),
        head,
        rules: rules.map(|(rule, status)| of_rule(rule, status)).collect(),
    }
}

fn of_rule(rule: &Rule, status: &RuleStatus) -> ListedRule {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("name", json!(rule.name()));
    put("query", json!(rule.query.text()));
    if !rule.labels.is_empty() {
        put("labels", pairs_body(&rule.labels));
    }
    let sort = match &rule.kind {
        RuleKind::Recording { .. } => {
            put("type", json!("recording"));
            Sort::Recording
        }
        RuleKind::Alerting {
            hold,
            keep_firing_for,
            annotations,
            ..
        } => {
            put("type", json!("alerting"));
            put("state", json!("inactive"));
            put("duration", seconds(hold.as_secs_f64()));
            put("keepFiringFor", seconds(keep_firing_for.as_secs_f64()));
            put("labels", pairs_body(&rule.labels));
            put("annotations", pairs_body(annotations));
            put("alerts", json!([]));
            Sort::Alerting
        }
    };
    put("health", json!(status.health.as_str()));
    if let Some(error) = &status.last_error {
        put("lastError", json!(error));
    }
    put("evaluationTime", json!(status.took.as_secs_f64()));
    put("lastEvaluation", json!(time(status.last_evaluation)));
    ListedRule {
        sort,
        name: rule.name().to_owned(),
        labels: rule.labels.clone(),
        body: body.into(),
    }
}

/// The alert rules of `tacho.yaml`, as a group.
pub(super) fn own_rules(ctx: &QueryCtx<'_>, has_alerts: bool) -> Listed {
    let Alerts { active, failing } = Alerts::of(&ctx.alerting);
    let settings = &ctx.settings.rules;
    let interval = settings.interval.as_secs_f64();
    let last = time(Some(ctx.last_tick()));
    let rules = settings.rules.iter().map(|rule| {
        let alerts = active.iter().filter(|alert| alert.rule == rule.name);
        let alerts: Vec<Value> = alerts.map(alert_body).collect();
        let failed = failing.iter().find(|(name, _)| *name == rule.name);
        let health = failed.map_or(Health::Ok, |_| Health::Err);
        let labels = vec![("severity".to_owned(), rule.severity.as_str().to_owned())];
        let mut body = json!({
            "state": if alerts.is_empty() { "inactive" } else { "firing" },
            "name": rule.name,
            "query": in_promql(ctx, rule),
            "duration": seconds(rule.hold.as_secs_f64()),
            "keepFiringFor": 0,
            "labels": pairs_body(&labels),
            "annotations": {},
            "alerts": if has_alerts { alerts } else { Vec::new() },
            "health": health.as_str(),
            "evaluationTime": 0.0,
            "lastEvaluation": last,
            "type": "alerting",
        });
        if let Some((_, why)) = failed {
            body["lastError"] = json!(why);
        }
        ListedRule {
            sort: Sort::Alerting,
            name: rule.name.clone(),
            labels,
            body,
        }
    });
    let head = json!({
        "name": OWN_GROUP,
        "file": OWN_FILE,
        "interval": seconds(interval),
        "limit": 0,
        "evaluationTime": 0.0,
        "lastEvaluation": last,
    });
    Listed {
        file: OWN_FILE.to_owned(),
        name: OWN_GROUP.to_owned(),
        head: head.as_object().cloned().unwrap_or_default(),
        rules: rules.collect(),
    }
}

/// What fires, and which rules cannot be evaluated.
struct Alerts {
    active: Vec<Alert>,
    failing: Vec<(String, String)>,
}

impl Alerts {
    fn of(alerting: &Alerting) -> Self {
        Self {
            active: alerting.active(),
            failing: alerting.failing(),
        }
    }
}

/// What a rule watches and when it is bad; as it was written, where its numbers have no unit yet.
fn in_promql(ctx: &QueryCtx<'_>, rule: &AlertRule) -> String {
    let (kind, unit) = described(&ctx.querier(), &rule.metric);
    let shape = kind.shape();
    match rule.limits((unit != Unit::NONE).then_some(&unit), shape) {
        Ok(limits) => expression(rule, shape, &limits),
        Err(_) => rule.condition.to_string(),
    }
}

pub(super) fn alert_body(alert: &Alert) -> Value {
    let own = [
        (ALERT_NAME, alert.rule.as_str()),
        ("severity", alert.severity.as_str()),
    ];
    let metric = [("metric", alert.labels.name())];
    let labels = alert.plain_labels().chain(metric).chain(own);
    let labels: Map<String, Value> = labels
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    json!({
        "labels": labels,
        "annotations": {"summary": alert.message},
        "state": "firing",
        "activeAt": time(Some(alert.started_at)),
        "value": exponent(alert.value.unwrap_or(f64::NAN)),
    })
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| NEVER.to_owned(), Timestamp::to_rfc3339)
}

/// Seconds, whole ones without a fraction.
fn seconds(seconds: f64) -> Value {
    if seconds.fract() == 0.0 && seconds.abs() < 1e15 {
        return json!(seconds as i64);
    }
    json!(seconds)
}

/// As Go writes a number with an exponent: `8.1e+01`.
fn exponent(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_does() {
        for (value, expected) in [
            (1.0, "1e+00"),
            (81.5, "8.15e+01"),
            (1e-7, "1e-07"),
            (-1e123, "-1e+123"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(exponent(value), expected);
        }
        assert_eq!(seconds(15.0), json!(15));
        assert_eq!(seconds(0.1), json!(0.1));
    }
}
