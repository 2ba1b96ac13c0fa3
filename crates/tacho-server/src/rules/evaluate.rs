//! One slot of one group: its rules in their order, each one's result written before the next.
//!
//! 1. A rule's result is written at the slot (less the group's `query_offset`), under its name and
//!    labels; all of it or, where it cannot be, none.
//! 2. A series that a rule gave at its last evaluation and does not give now ends with a staleness
//!    marker at that time, unless another rule of the group gives it.
//! 3. A rule that fails says why, writes nothing and ends nothing; the next one is evaluated.
//!
//! Source: Prometheus, `rules/group.go`, `Eval`, and `rules/recording.go`.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tacho_model::{
    AppendError, Appender as _, Batch, LabelError, Labels, METRIC_NAME, QueryError, Refusal,
    Timestamp,
};
use tacho_promql::{Error, Limits, Options, Point, Sample, Value, ValueType, Watch};

use super::group::{Group, Rule, RuleKind};
use crate::intake::{Origin, Protocol};
use crate::query::QueryCtx;
use crate::scrape::sweep::stale;

/// Most bytes that parts of one expression take while it is evaluated.
const MEMORY_BYTES_MAX: u64 = 256 << 20;

/// Why a rule has no result.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// Its expression could not be evaluated.
    #[error(transparent)]
    Query(#[from] Error),
    /// A text is no series.
    #[error("rule result is not a vector or scalar")]
    NotVector,
    /// Two of its values would be one series.
    #[error("vector contains metrics with the same labelset after applying rule labels")]
    Duplicate,
    /// More series than its group allows.
    #[error("exceeded limit of {limit} with {found} series")]
    Limit {
        /// What is allowed.
        limit: usize,
        /// What it gave.
        found: usize,
    },
    /// A label set of the result is not valid.
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// The store took none of it.
    #[error("{}", told(.0))]
    Append(#[from] AppendError),
    /// Some values are not kept.
    #[error("{found} of {of} values are not kept: {why}")]
    Refused {
        /// How many.
        found: usize,
        /// Of how many.
        of: usize,
        /// Why the first of them is not.
        why: String,
    },
}

/// That it was not kept is known; why is the news.
fn told(error: &AppendError) -> String {
    match error {
        AppendError::Failed(source) => source.to_string(),
        error => error.to_string(),
    }
}

/// What the rules of a group gave at their last evaluations.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Of each rule.
    rules: Vec<HashSet<Labels>>,
    /// Of rules that are no more.
    former: HashSet<Labels>,
}

impl Given {
    /// What is left to end of what rules gave that were replaced.
    pub(super) fn former(before: Self) -> Self {
        let former = before.rules.into_iter().flatten();
        Self {
            rules: Vec::new(),
            former: former.chain(before.former).collect(),
        }
    }

    /// Ends all series.
    pub(super) fn end(self, ctx: &QueryCtx<'_>, group: &Group, at: Timestamp) {
        let all: HashSet<Labels> = Self::former(self).former;
        let mut batch = Batch::new();
        for labels in &all {
            stale(&mut batch, labels.as_ref(), at);
        }
        if let Err(error) = append(ctx, group, &batch) {
            tracing::warn!(group = group.name, "series of rules have no end: {error}");
        }
    }

    fn is_given(&self, labels: &Labels) -> bool {
        self.rules.iter().any(|rule| rule.contains(labels))
    }
}

/// What became of a rule at a slot.
#[derive(Debug)]
pub(super) struct Evaluated {
    pub(super) took: Duration,
    /// How many series it gave; `None` for an alerting rule, which is not evaluated.
    pub(super) outcome: Option<Result<usize, RuleError>>,
}

/// Evaluates all rules of a group at a slot. `None` when the server ends meanwhile: then the slot
/// is not over.
pub(super) fn evaluate(
    ctx: &QueryCtx<'_>,
    group: &Group,
    slot: Timestamp,
    given: &mut Given,
) -> Option<Vec<Evaluated>> {
    let at = slot - group.query_offset;
    given.rules.resize_with(group.rules.len(), HashSet::new);
    let mut evaluated = Vec::with_capacity(group.rules.len());
    for (number, rule) in group.rules.iter().enumerate() {
        let began = Instant::now();
        let outcome = match &rule.kind {
            RuleKind::Alerting { .. } => None,
            RuleKind::Recording { record } => {
                Some(recorded(ctx, group, (number, record), at, given))
            }
        };
        if let Some(Err(RuleError::Query(Error::Query(QueryError::Cancelled)))) = outcome {
            return None;
        }
        let took = began.elapsed();
        evaluated.push(Evaluated { took, outcome });
    }
    let former = std::mem::take(&mut given.former);
    let mut batch = Batch::new();
    for labels in former.iter().filter(|labels| !given.is_given(labels)) {
        stale(&mut batch, labels.as_ref(), at);
    }
    if let Err(error) = append(ctx, group, &batch) {
        tracing::warn!(group = group.name, "series of rules have no end: {error}");
    }
    Some(evaluated)
}

/// Evaluates a recording rule and writes what it gives; how many series that is.
fn recorded(
    ctx: &QueryCtx<'_>,
    group: &Group,
    (number, record): (usize, &str),
    at: Timestamp,
    given: &mut Given,
) -> Result<usize, RuleError> {
    let rule = &group.rules[number];
    let samples = values(ctx, rule, at)?;
    let found = samples.len();
    if group.limit > 0 && found > group.limit {
        let limit = group.limit;
        return Err(RuleError::Limit { limit, found });
    }
    let mut batch = Batch::new();
    let mut now = HashSet::with_capacity(found);
    let mut lost: Option<String> = None;
    let mut lost_count = 0;
    for sample in samples {
        let labels = labelled(&sample.labels, record, rule)?;
        let series = batch.series_encoded(labels.as_ref());
        match sample.value {
            Point::Float(value) => batch.push(series, at, value),
            Point::Histogram(histogram) => match histogram.to_model() {
                Ok(histogram) => batch.push_histogram(series, at, histogram),
                // The store counts observations, of which there are not less than none.
                Err(error) => {
                    lost.get_or_insert_with(|| error.to_string());
                    lost_count += 1;
                }
            },
        }
        if !now.insert(labels) {
            return Err(RuleError::Duplicate);
        }
    }
    let before = std::mem::replace(&mut given.rules[number], now);
    for labels in before.iter().filter(|labels| !given.is_given(labels)) {
        stale(&mut batch, labels.as_ref(), at);
    }
    let refused = match append(ctx, group, &batch) {
        Ok(refused) => refused,
        Err(error) => {
            // Nothing was written: what was given before is still to be ended.
            given.rules[number] = before;
            return Err(error.into());
        }
    };
    let (more, why) = refused;
    let why = lost.or(why.map(|why| why.to_string()));
    match why {
        None => Ok(found),
        Some(why) => Err(RuleError::Refused {
            found: lost_count + more,
            of: found,
            why,
        }),
    }
}

/// What a rule's expression gives: a number is a series without labels.
fn values(ctx: &QueryCtx<'_>, rule: &Rule, at: Timestamp) -> Result<Vec<Sample>, RuleError> {
    if !matches!(
        rule.query.value_type(),
        ValueType::Vector | ValueType::Scalar
    ) {
        return Err(RuleError::NotVector);
    }
    let limit = ctx.settings.server.query_timeout;
    let end = Instant::now().checked_add(limit);
    let bounds = Bounds { ctx, end, limit };
    let options = Options {
        limits: Limits {
            memory_bytes_max: MEMORY_BYTES_MAX,
            ..Limits::default()
        },
        ..Options::default()
    };
    let answer = rule.query.instant(&ctx.querier(), at, &options, &bounds)?;
    match answer.value {
        Value::Vector(samples) => Ok(samples),
        Value::Scalar { time, value } => Ok(vec![Sample {
            labels: Labels::default(),
            time,
            value: Point::Float(value),
        }]),
        Value::String { .. } | Value::Matrix(_) => Err(RuleError::NotVector),
    }
}

/// The labels of a result under the rule's name and labels.
fn labelled(labels: &Labels, record: &str, rule: &Rule) -> Result<Labels, LabelError> {
    let replaced = |name: &str| name == METRIC_NAME || rule.labels.iter().any(|(n, _)| n == name);
    let kept = labels.iter().filter(|(name, _)| !replaced(name));
    let own = rule.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    Labels::new(kept.chain(own).chain([(METRIC_NAME, record)]))
}

/// Writes a batch; how many of its rows were refused, and why the first of them.
fn append(
    ctx: &QueryCtx<'_>,
    group: &Group,
    batch: &Batch,
) -> Result<(usize, Option<Refusal>), AppendError> {
    if batch.is_empty() {
        return Ok((0, None));
    }
    let origin = Origin::new(Protocol::Rule, &group.name);
    let outcome = ctx.door(origin).append(batch)?;
    let first = outcome.rejected.first().map(|rejected| rejected.reason);
    Ok((outcome.rejected.len(), first))
}

/// Ends a rule's query when its time is over, or the server ends.
struct Bounds<'a, 'c> {
    ctx: &'a QueryCtx<'c>,
    end: Option<Instant>,
    limit: Duration,
}

impl Watch for Bounds<'_, '_> {
    fn check(&self) -> Result<(), QueryError> {
        self.ctx.check()?;
        match self.end {
            Some(end) if Instant::now() >= end => Err(QueryError::TimedOut { limit: self.limit }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
