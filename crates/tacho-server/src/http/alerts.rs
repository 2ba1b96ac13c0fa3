//! `GET /api/performance/alerts`: what fires, what fired, and by which rules.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tacho_model::TimeRange;
use tacho_model::time::format_duration;
use utoipa::ToSchema;

use super::SCHEMA;
use super::params::Params;
use super::problem::Answer;
use crate::alerting::Alert;
use crate::app::SharedApp;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 10_000;

/// Alerts and rules.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertsBody {
    schema: u32,
    /// Firing ones first, then the newest.
    alerts: Vec<AlertBody>,
    /// The rules that are evaluated.
    rules: Vec<RuleBody>,
}

/// One alert.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AlertBody {
    id: String,
    rule: String,
    /// The metric that the rule watches.
    metric: String,
    /// `firing` or `resolved`.
    state: &'static str,
    /// `info`, `warning` or `critical`.
    severity: &'static str,
    /// The newest value while firing, else the last.
    value: Option<f64>,
    threshold: f64,
    /// UCUM unit of both.
    unit: String,
    /// RFC 3339.
    started_at: String,
    /// RFC 3339.
    ended_at: Option<String>,
    message: String,
    labels: BTreeMap<String, String>,
}

impl From<&Alert> for AlertBody {
    fn from(alert: &Alert) -> Self {
        let labels = alert
            .plain_labels()
            .map(|(n, v)| (n.to_owned(), v.to_owned()));
        Self {
            id: alert.id.to_string(),
            rule: alert.rule.clone(),
            metric: alert.labels.name().to_owned(),
            state: alert.state(),
            severity: alert.severity.as_str(),
            value: alert.value,
            threshold: alert.threshold,
            unit: alert.unit.clone(),
            started_at: alert.started_at.to_rfc3339(),
            ended_at: alert.ended_at.map(tacho_model::Timestamp::to_rfc3339),
            message: alert.message.clone(),
            labels: labels.collect(),
        }
    }
}

/// One rule.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleBody {
    name: String,
    metric: String,
    condition: String,
    window: String,
    severity: &'static str,
}

/// What fires, what fired, and by which rules.
#[utoipa::path(get, path = "/api/performance/alerts", tag = "alerts",
    params(("state" = Option<String>, Query, description = "`firing` or `resolved`; both without"),
        ("limit" = Option<usize>, Query, description = "100 by default")),
    responses((status = 200, body = AlertsBody)))]
pub(crate) async fn get(
    State(app): State<SharedApp>,
    mut params: Params,
) -> Answer<Json<AlertsBody>> {
    let state = params.parsed("state", |text| match text {
        "firing" | "resolved" => Ok(text.to_owned()),
        _ => Err("use firing or resolved"),
    })?;
    let limit = params.number::<usize>("limit")?.unwrap_or(LIMIT_DEFAULT);
    params.finish()?;
    let wanted = move |alert: &Alert| state.as_deref().is_none_or(|state| alert.state() == state);
    let alerts = app
        .blocking(move |app| {
            let mut alerts = app.alerting.active();
            let past = app
                .store
                .state()
                .alert_events(TimeRange::ALL, limit.min(LIMIT_MAX))?;
            let past = past.iter().filter(|event| event.ended_at.is_some());
            alerts.extend(past.filter_map(Alert::from_event));
            alerts.retain(wanted);
            alerts.truncate(limit);
            Ok(alerts)
        })
        .await?;
    let rules = app.settings.rules.rules.iter().map(|rule| RuleBody {
        name: rule.name.clone(),
        metric: rule.metric.clone(),
        condition: rule.condition.to_string(),
        window: format_duration(rule.window),
        severity: rule.severity.as_str(),
    });
    Ok(Json(AlertsBody {
        schema: SCHEMA,
        alerts: alerts.iter().map(AlertBody::from).collect(),
        rules: rules.collect(),
    }))
}
