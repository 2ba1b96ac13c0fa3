//! `/api/performance/rules`: recording rules and how they go; groups put and removed at run time.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use tacho_model::Timestamp;
use tacho_model::time::format_duration;
use utoipa::ToSchema;

use super::SCHEMA;
use super::body::Whole;
use super::params::Params;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::rules::group::{Rule, RuleKind};
use crate::rules::{GroupStatus, RuleStatus, RulesError};

/// Largest definition of a group.
const GROUP_BYTES_MAX: usize = 1 << 20;

/// All groups.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleGroupsBody {
    schema: u32,
    /// By where they stand, and their names.
    groups: Vec<RuleGroupBody>,
}

/// One group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleGroupBody {
    schema: u32,
    name: String,
    /// `builtin`, `api` where it was put at run time, or the file's path.
    file: String,
    /// How often it is evaluated.
    interval: String,
    /// How far before its time.
    query_offset: String,
    /// Most series of a rule; 0 for no limit.
    limit: usize,
    /// In the order of evaluation.
    rules: Vec<RuleOfGroupBody>,
    /// When its last evaluation began, RFC 3339.
    last_evaluation: Option<String>,
    /// The time that was evaluated, RFC 3339: long ago while missed evaluations are made good.
    last_slot: Option<String>,
    /// How long that took.
    evaluation_seconds: f64,
    /// Evaluations that were missed for good since the start.
    missed: u64,
    /// What is to be known of it.
    notes: Vec<String>,
}

/// One rule.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleOfGroupBody {
    /// `recording` or `alerting`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The record, or the alert.
    name: String,
    /// PromQL.
    query: String,
    /// What it adds, its group's labels among it.
    labels: BTreeMap<String, String>,
    /// `ok`, `err` or `unknown`.
    health: &'static str,
    /// Why it had no result.
    last_error: Option<String>,
    /// RFC 3339.
    last_evaluation: Option<String>,
    /// How long that took.
    evaluation_seconds: f64,
    /// How many series it gave.
    series: usize,
}

impl From<&GroupStatus> for RuleGroupBody {
    fn from(status: &GroupStatus) -> Self {
        let group = &status.group;
        let rules = group.rules.iter().zip(&status.rules);
        let alerting = group.alerting();
        let note = format!("{alerting} alerting rules are kept and listed, and not evaluated yet");
        Self {
            schema: SCHEMA,
            name: group.name.clone(),
            file: group.origin.as_str().to_owned(),
            interval: format_duration(group.interval),
            query_offset: format_duration(group.query_offset),
            limit: group.limit,
            rules: rules.map(|(rule, status)| of_rule(rule, status)).collect(),
            last_evaluation: status.last_evaluation.map(Timestamp::to_rfc3339),
            last_slot: status.last_slot.map(Timestamp::to_rfc3339),
            evaluation_seconds: status.took.as_secs_f64(),
            missed: status.missed,
            notes: (alerting > 0).then_some(note).into_iter().collect(),
        }
    }
}

fn of_rule(rule: &Rule, status: &RuleStatus) -> RuleOfGroupBody {
    RuleOfGroupBody {
        kind: match rule.kind {
            RuleKind::Recording { .. } => "recording",
            RuleKind::Alerting { .. } => "alerting",
        },
        name: rule.name().to_owned(),
        query: rule.query.text().to_owned(),
        labels: rule.labels.iter().cloned().collect(),
        health: status.health.as_str(),
        last_error: status.last_error.clone(),
        last_evaluation: status.last_evaluation.map(Timestamp::to_rfc3339),
        evaluation_seconds: status.took.as_secs_f64(),
        series: status.series,
    }
}

/// All rule groups: built in, of files, and put at run time.
#[utoipa::path(get, path = "/api/performance/rules", tag = "rules",
    responses((status = 200, body = RuleGroupsBody)))]
pub(crate) async fn list(
    State(app): State<SharedApp>,
    params: Params,
) -> Answer<Json<RuleGroupsBody>> {
    params.finish()?;
    let groups = app.rules.status();
    Ok(Json(RuleGroupsBody {
        schema: SCHEMA,
        groups: groups.iter().map(RuleGroupBody::from).collect(),
    }))
}

/// Puts a rule group, in place of the one that was put under its name.
#[utoipa::path(put, path = "/api/performance/rules/{name}", tag = "rules",
    params(("name" = String, Path, description = "its name, as in the body")),
    request_body(content = String, content_type = "application/yaml",
        description = "one group of a Prometheus rule file, in YAML or JSON"),
    responses((status = 200, description = "it took another one's place", body = RuleGroupBody),
        (status = 201, body = RuleGroupBody), (status = 400, body = Problem),
        (status = 409, description = "a file has a group of that name", body = Problem)))]
pub(crate) async fn put(
    State(app): State<SharedApp>,
    Path(name): Path<String>,
    params: Params,
    body: Whole,
) -> Answer<(StatusCode, Json<RuleGroupBody>)> {
    params.finish()?;
    if body.len() > GROUP_BYTES_MAX {
        let told = format!("a rule group has at most {GROUP_BYTES_MAX} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, told));
    }
    let text = std::str::from_utf8(&body).map_err(|_| Problem::bad_request("not UTF-8"))?;
    let text = text.to_owned();
    let put = app.blocking(move |app| {
        let put = app.rules.put(&app.store, &name, &text, Timestamp::now());
        put.map_err(problem)
    });
    let (status, is_replaced) = put.await?;
    let code = if is_replaced {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((code, Json(RuleGroupBody::from(&status))))
}

/// Removes a rule group that was put; its series end.
#[utoipa::path(delete, path = "/api/performance/rules/{name}", tag = "rules",
    params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub(crate) async fn delete(
    State(app): State<SharedApp>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    params.finish()?;
    app.blocking(move |app| app.rules.delete(&app.store, &name).map_err(problem))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn problem(error: RulesError) -> Problem {
    match error {
        RulesError::Store(error) => error.into(),
        RulesError::Taken { .. } => Problem::new(StatusCode::CONFLICT, error.to_string()),
        RulesError::Unknown { .. } => Problem::not_found(error.to_string()),
        RulesError::Full => Problem::new(StatusCode::INSUFFICIENT_STORAGE, error.to_string()),
        RulesError::Content(_) | RulesError::Named { .. } => {
            Problem::bad_request(error.to_string())
        }
    }
}
