//! What kind of thing a metric measures, and what a change of it means.
//!
//! Two numbers go with each kind and should not be confused: the **margin** of practical
//! equivalence decides *whether* something changed, the **severity threshold** grades *how bad* a
//! regression is.

use tacho_model::{Labels, Unit};

use crate::Severity;
use crate::aggregate::Function;
use crate::error::{AnalysisError, Result};

/// What is measured, as far as judging a change goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MetricKind {
    /// Use of the processor.
    Cpu,
    /// Use of memory.
    Memory,
    /// How long something takes; judged by its mean, p50, p95 and p99.
    Latency,
    /// The share of what goes wrong, as a ratio or in percent.
    ErrorRate,
    /// How much is done in a unit of time.
    Throughput,
    /// Anything else.
    Other,
}

/// Which way is worse.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// More is worse: latency, use of resources, errors.
    LowerIsBetter,
    /// Less is worse: throughput.
    HigherIsBetter,
}

/// A margin of practical equivalence. A change counts only when it is beyond both parts, so for a
/// value `v` the margin is `max(relative · v, absolute)`. Why there is an absolute part:
/// `docs/decisions/0004-absolute-floor-on-margins.md`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Margin {
    /// Fraction of the baseline's value; 0.05 is 5 %.
    pub relative: f64,
    /// In the metric's unit.
    pub absolute: f64,
}

impl Margin {
    /// Checks that both parts are finite and not negative, and the relative one at most 10.
    ///
    /// # Errors
    /// [`AnalysisError::Setting`] naming the part.
    pub fn validate(self) -> Result<Self> {
        let check = |name, value: f64, most: f64, range| {
            if value.is_finite() && (0.0..=most).contains(&value) {
                return Ok(());
            }
            Err(AnalysisError::Setting { name, value, range })
        };
        check("relative margin", self.relative, 10.0, "between 0 and 10")?;
        check(
            "absolute margin",
            self.absolute,
            f64::MAX,
            "finite and not negative",
        )?;
        Ok(self)
    }

    /// The margin around `value`, in the metric's unit.
    pub fn around(self, value: f64) -> f64 {
        (self.relative * value.abs()).max(self.absolute)
    }

    /// `change` in percent of the value at which the two parts meet, or of `value` where that is
    /// larger: near zero, percent of the value itself would grade noise.
    pub fn graded_percent(self, change: f64, value: f64) -> f64 {
        let meet = if self.relative > 0.0 {
            self.absolute / self.relative
        } else {
            0.0
        };
        let scale = value.abs().max(meet);
        if scale > 0.0 {
            100.0 * change / scale
        } else {
            0.0
        }
    }
}

impl MetricKind {
    /// All.
    pub const ALL: [Self; 6] = [
        Self::Cpu,
        Self::Memory,
        Self::Latency,
        Self::ErrorRate,
        Self::Throughput,
        Self::Other,
    ];

    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Latency => "latency",
            Self::ErrorRate => "error_rate",
            Self::Throughput => "throughput",
            Self::Other => "other",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == text)
    }

    /// Which way is worse, where nothing else is said.
    pub const fn direction(self) -> Direction {
        match self {
            Self::Throughput => Direction::HigherIsBetter,
            _ => Direction::LowerIsBetter,
        }
    }

    /// The margin for a metric of this kind in `unit`, where nothing else is said: 3 % for CPU and
    /// memory, 10 % and 0.5 percentage points for error rates, 5 % for the rest; floors of 1
    /// percentage point of CPU and 0.5 of memory where the unit is a share.
    pub fn margin(self, unit: &Unit) -> Margin {
        // One percentage point in the metric's unit; zero when it is no share.
        let point = match unit.as_str() {
            "%" => 1.0,
            "1" => 0.01,
            _ => 0.0,
        };
        let (relative, absolute) = match self {
            Self::Cpu => (0.03, point),
            Self::Memory => (0.03, 0.5 * point),
            Self::ErrorRate => (0.10, 0.5 * point),
            Self::Latency | Self::Throughput | Self::Other => (0.05, 0.0),
        };
        Margin { relative, absolute }
    }

    /// From how much a regression is a warning (K4): percent of the baseline, but percentage
    /// points for error rates. There the margin alone is 10 % of the rate, so a threshold of 5 %
    /// of the rate would grade nothing.
    pub const fn severity_threshold(self) -> f64 {
        match self {
            Self::Cpu => 20.0,
            Self::Memory => 15.0,
            Self::Latency => 25.0,
            Self::ErrorRate => 5.0,
            Self::Throughput | Self::Other => 10.0,
        }
    }

    /// How bad a regression by `amount` is, in the measure of [`Self::severity_threshold`]: info
    /// below the threshold, warning from there, critical from twice that.
    pub fn severity(self, amount: f64, threshold: f64) -> Severity {
        let amount = amount.abs();
        if amount >= 2.0 * threshold {
            Severity::Critical
        } else if amount >= threshold {
            Severity::Warning
        } else {
            Severity::Info
        }
    }
}

/// One metric of one target, and how to judge it.
#[derive(Clone, PartialEq, Debug)]
pub struct MetricSpec {
    /// Whose it is: a host, a service, an agent. Targets never mix.
    pub target: String,
    /// The metric's name.
    pub metric: String,
    /// Labels that select its series.
    pub labels: Labels,
    /// How samples become the values that are compared.
    pub function: Function,
    /// The unit of those values.
    pub unit: Unit,
    /// What it measures.
    pub kind: MetricKind,
    /// Which way is worse.
    pub direction: Direction,
    /// What does not count as a change.
    pub margin: Margin,
    /// From how much a regression is a warning, as [`MetricKind::severity_threshold`].
    pub severity_threshold: f64,
}

impl MetricSpec {
    /// A metric judged by the defaults of its kind.
    pub fn new(
        target: &str,
        labels: Labels,
        function: Function,
        unit: Unit,
        kind: MetricKind,
    ) -> Self {
        Self {
            target: target.to_owned(),
            metric: labels.name().to_owned(),
            labels,
            function,
            kind,
            direction: kind.direction(),
            margin: kind.margin(&unit),
            severity_threshold: kind.severity_threshold(),
            unit,
        }
    }

    /// `change` (in the unit, from `before`) in the measure of the severity threshold, positive
    /// when worse.
    pub fn worse_by(&self, change: f64, before: f64) -> f64 {
        let amount = match (self.kind, self.unit.as_str()) {
            (MetricKind::ErrorRate, "%") => change,
            (MetricKind::ErrorRate, _) => 100.0 * change,
            _ => self.margin.graded_percent(change, before),
        };
        match self.direction {
            Direction::LowerIsBetter => amount,
            Direction::HigherIsBetter => -amount,
        }
    }
}
