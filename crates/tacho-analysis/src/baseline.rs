//! A baseline: what normal looked like, kept well enough to compare with after the raw data has
//! gone.
//!
//! Invariants:
//! 1. targets never mix: a baseline belongs to one target, and every metric in it too;
//! 2. what it holds is bounded by [`crate::measurement`], however long it was measured;
//! 3. a comparison is refused, with its reason, when the baseline is invalid, expired, or of
//!    something else ([`Baseline::usable`]).
//!
//! Not for storing: the fields are public so that the store's own format can hold them.

use std::time::Duration;

use tacho_model::{TimeRange, Timestamp};

use crate::error::{AnalysisError, Result};
use crate::measurement::{Measurement, Summary};
use crate::metric::MetricSpec;

mod validate;

pub use validate::{Finding, Findings};

/// Fewest values or intervals that a metric's baseline is made of, unless configured.
pub const SAMPLES_MIN: usize = 30;

/// Under which conditions it was measured. A comparison under others says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// The host's name.
    pub host: String,
    /// Logical processors.
    pub cores: Option<u32>,
    /// Kernel name and release.
    pub kernel: String,
    /// Version of what was measured, where known.
    pub version: Option<String>,
}

/// How baselines are made and how long they hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Fewest values or intervals.
    pub samples_min: usize,
    /// Age at which it expires; `None`: never.
    pub expires_after: Option<Duration>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            samples_min: SAMPLES_MIN,
            expires_after: None,
        }
    }
}

/// What is kept of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricBaseline {
    /// Which metric, and how to judge it.
    pub spec: MetricSpec,
    /// What was measured.
    pub summary: Summary,
    /// What speaks against relying on it.
    pub findings: Findings,
}

impl MetricBaseline {
    /// Whether it still describes what `spec` measures.
    ///
    /// # Errors
    /// [`AnalysisError::Incomparable`] naming what has changed: target, labels, function or unit.
    pub fn describes(&self, spec: &MetricSpec) -> Result<()> {
        let then = &self.spec;
        let changed = [
            ("target", then.target.clone(), spec.target.clone()),
            ("labels", then.labels.to_string(), spec.labels.to_string()),
            (
                "function",
                then.function.to_string(),
                spec.function.to_string(),
            ),
            (
                "unit",
                then.unit.as_str().to_owned(),
                spec.unit.as_str().to_owned(),
            ),
        ];
        match changed.into_iter().find(|(_, then, now)| then != now) {
            None => Ok(()),
            Some((what, then, now)) => Err(AnalysisError::Incomparable {
                problem: format!("its {what} was `{then}`, now `{now}`"),
            }),
        }
    }

    /// Sums up and validates what was measured. `incidents` are windows in which an alert fired.
    /// A baseline with findings is returned, not refused: whether to keep it is the caller's word.
    ///
    /// # Errors
    /// [`AnalysisError::NoData`] when nothing finite was measured.
    pub fn new(
        spec: MetricSpec,
        measured: &Measurement,
        policy: &Policy,
        incidents: &[TimeRange],
    ) -> Result<Self> {
        let summary = Summary::of(measured)?;
        let findings = validate::validate(&summary, policy.samples_min, incidents);
        Ok(Self {
            spec,
            summary,
            findings,
        })
    }
}

/// Everything measured of one target at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// Its name; versions of one name replace each other.
    pub name: String,
    /// Counts up from 1.
    pub version: u32,
    /// Whose it is.
    pub target: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The window that was asked for.
    pub range: TimeRange,
    /// Under which conditions.
    pub conditions: Conditions,
    /// Age at which it expires; `None`: never.
    pub expires_after: Option<Duration>,
    /// Since when and why it is no longer to be used.
    pub invalidated: Option<(Timestamp, String)>,
    /// One entry a metric.
    pub metrics: Vec<MetricBaseline>,
}

impl Baseline {
    /// Marks it as no longer to be used; the first reason stays.
    pub fn invalidate(&mut self, at: Timestamp, reason: &str) {
        if self.invalidated.is_none() {
            self.invalidated = Some((at, reason.to_owned()));
        }
    }

    /// What it keeps of the series with these labels.
    pub fn metric(&self, labels: &tacho_model::Labels) -> Option<&MetricBaseline> {
        self.metrics.iter().find(|m| m.spec.labels == *labels)
    }

    /// How old it is: from the end of its window.
    pub fn age(&self, now: Timestamp) -> Duration {
        now.since(self.range.end)
    }

    /// Whether it may be compared with something measured on `target` by `now`.
    ///
    /// # Errors
    /// [`AnalysisError::Incomparable`] when invalid or of another target,
    /// [`AnalysisError::Expired`] when too old.
    pub fn usable(&self, target: &str, now: Timestamp) -> Result<()> {
        if let Some((_, reason)) = &self.invalidated {
            let problem = format!("it was invalidated: {reason}");
            return Err(AnalysisError::Incomparable { problem });
        }
        if target != self.target {
            let problem = format!("it is of `{}`, not of `{target}`", self.target);
            return Err(AnalysisError::Incomparable { problem });
        }
        match self.expires_after {
            Some(limit) if self.age(now) > limit => Err(AnalysisError::Expired {
                age: self.age(now),
                limit,
            }),
            _ => Ok(()),
        }
    }

    /// Why what is measured under `now` is no longer the same thing, in words: another version,
    /// host, kernel or number of cores. Empty when it is.
    pub fn changed_conditions(&self, now: &Conditions) -> Vec<String> {
        let then = &self.conditions;
        let mut changes = Vec::new();
        let mut note = |what: &str, then: &str, now: &str| {
            if then != now && !then.is_empty() && !now.is_empty() {
                changes.push(format!("{what} was {then}, now {now}"));
            }
        };
        let text = |cores: Option<u32>| cores.map_or_else(String::new, |c| c.to_string());
        note("host", &then.host, &now.host);
        note("cores", &text(then.cores), &text(now.cores));
        note("kernel", &then.kernel, &now.kernel);
        let version = |c: &Conditions| c.version.clone().unwrap_or_default();
        note("version", &version(then), &version(now));
        changes
    }
}

#[cfg(test)]
mod tests;
