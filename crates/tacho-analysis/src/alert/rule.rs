//! An alert rule: what is watched, when it fires, when it is over.
//!
//! A rule is configuration already checked: [`AlertRule::validate`] has the last word on whether
//! it can work, and [`AlertRule::limits`] brings its numbers to the unit of the metric.

use std::time::Duration;

use tacho_model::{Matcher, Shape, Unit};

use super::condition::Condition;
use super::state::Limits;
use super::unit::{self, ThresholdUnit};
use crate::Severity;
use crate::error::{AnalysisError, Result};

/// Least time between two firing notices of one series, unless the rule says otherwise.
pub const COOLDOWN: Duration = Duration::from_mins(5);
/// How much of the past a rule looks at, unless it says otherwise.
pub const WINDOW: Duration = Duration::from_mins(5);

/// What a series without samples in its window means.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum NoData {
    /// Nothing: the state stays as it is.
    #[default]
    Keep,
    /// All is well.
    Ok,
    /// It is bad news.
    Alert,
}

impl NoData {
    /// Its name in rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Ok => "ok",
            Self::Alert => "alert",
        }
    }

    /// The policy of that name.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Keep, Self::Ok, Self::Alert];
        all.into_iter().find(|n| n.as_str() == text)
    }
}

/// What is watched, and when it is worth a notice.
#[derive(Clone, PartialEq, Debug)]
pub struct AlertRule {
    /// Unique among rules.
    pub name: String,
    /// The metric's name.
    pub metric: String,
    /// Only series with this `source` label.
    pub source: Option<String>,
    /// Only series with all these labels.
    pub labels: Vec<(String, String)>,
    /// Series that agree on these labels are judged as one; `None`: each alone.
    pub by: Option<Vec<String>>,
    /// When it is bad.
    pub condition: Condition,
    /// When it is over, in place of "the condition no longer holds".
    pub clear: Option<Condition>,
    /// How much of the past becomes one number.
    pub window: Duration,
    /// How long the condition must hold before the rule fires (`for`).
    pub hold: Duration,
    /// Least time between two firing notices of one series.
    pub cooldown: Duration,
    /// What silence means.
    pub no_data: NoData,
    /// Severity at the threshold; one step more far past it ([`Limits::severity`]).
    pub severity: Severity,
}

impl AlertRule {
    /// A rule with every default.
    ///
    /// # Errors
    /// [`AnalysisError::Condition`] when the condition cannot be read.
    pub fn new(name: &str, metric: &str, condition: &str) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            metric: metric.to_owned(),
            source: None,
            labels: Vec::new(),
            by: None,
            condition: Condition::parse(condition)?,
            clear: None,
            window: WINDOW,
            hold: Duration::ZERO,
            cooldown: COOLDOWN,
            no_data: NoData::Keep,
            severity: Severity::Warning,
        })
    }

    /// Sets when the rule is over. See [`Condition::parse_clear`].
    pub fn with_clear(mut self, clear: &str) -> Result<Self> {
        self.clear = Some(Condition::parse_clear(clear, &self.condition)?);
        Ok(self)
    }

    /// Checks a `threshold` that stands beside the condition: as written there, or the same in
    /// the metric's unit (`1000 ms` beside `threshold: 1` on a metric in seconds).
    ///
    /// # Errors
    /// [`AnalysisError::ThresholdDisagrees`], naming both.
    pub fn check_threshold(&self, threshold: f64) -> Result<()> {
        let unit = unit::metric_unit(&self.metric, None);
        let Condition {
            function,
            threshold: written,
            unit: written_unit,
            ..
        } = self.condition;
        let converted = unit::convert(written, written_unit, function, &unit, Shape::Gauge);
        // Conversions round; a millionth is far below what anyone writes down.
        let same = |a: f64| (a - threshold).abs() <= 1e-6 * a.abs().max(threshold.abs());
        if same(written) || converted.is_ok_and(same) {
            return Ok(());
        }
        Err(AnalysisError::ThresholdDisagrees {
            rule: self.name.clone(),
            condition: self.condition.to_string(),
            threshold,
        })
    }

    /// Whether the rule can work at all.
    ///
    /// # Errors
    /// [`AnalysisError::Rule`] with the reason.
    pub fn validate(&self) -> Result<()> {
        let problem = if self.name.trim().is_empty() {
            "it has no name".to_owned()
        } else if self.metric.is_empty() {
            "it names no metric".to_owned()
        } else if self.window.is_zero() {
            "its window is empty".to_owned()
        } else {
            return self.validate_clear();
        };
        Err(self.refuse(problem))
    }

    fn validate_clear(&self) -> Result<()> {
        let Some(clear) = self.clear else {
            return Ok(());
        };
        let Some(upwards) = self.condition.operator.upwards() else {
            let operator = self.condition.operator;
            return Err(self.refuse(format!("`clear` means nothing beside `{operator}`")));
        };
        if clear.operator.upwards() != Some(!upwards) {
            return Err(self.refuse(format!(
                "`{clear}` does not look the other way from `{}`",
                self.condition
            )));
        }
        let (limit, calm) = (self.base(&self.condition)?, self.base(&clear)?);
        let beyond = if upwards { calm > limit } else { calm < limit };
        if beyond {
            return Err(self.refuse(format!(
                "`{clear}` is already true where `{}` begins",
                self.condition
            )));
        }
        Ok(())
    }

    /// A threshold in the smallest unit of its dimension, to compare two that are written in
    /// different units before the metric is known.
    fn base(&self, condition: &Condition) -> Result<f64> {
        let promised = || unit::metric_unit(&self.metric, None);
        let written = self.condition.unit.map(ThresholdUnit::metric);
        let unit = written.unwrap_or_else(promised);
        let (number, written) = (condition.threshold, condition.unit);
        let function = crate::aggregate::Function::Avg;
        unit::convert(number, written, function, &unit, Shape::Gauge)
    }

    fn refuse(&self, problem: String) -> AnalysisError {
        AnalysisError::Rule {
            rule: self.name.clone(),
            problem,
        }
    }

    /// Which series are watched.
    pub fn matchers(&self) -> Vec<Matcher> {
        let mut matchers = vec![Matcher::metric(&self.metric)];
        let source = self.source.iter().map(|s| ("source", s.as_str()));
        let labels = self.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        matchers.extend(source.chain(labels).map(|(n, v)| Matcher::equal(n, v)));
        matchers
    }

    /// The rule's numbers in the unit of the metric as it is stored: `unit` from its metadata
    /// where known. Compute it once for each evaluation.
    ///
    /// # Errors
    /// [`AnalysisError::UnitMismatch`] when there is no conversion.
    pub fn limits(&self, unit: Option<&Unit>, shape: Shape) -> Result<Limits> {
        let unit = unit::metric_unit(&self.metric, unit);
        let function = self.condition.function;
        let number = |c: &Condition| unit::convert(c.threshold, c.unit, function, &unit, shape);
        let clear = self.clear.as_ref();
        let clear = clear.map(|c| Ok((c.operator, number(c)?))).transpose()?;
        let result = unit::result_unit(function, &unit, shape);
        let threshold = number(&self.condition)?;
        let operator = self.condition.operator;
        let whole = match result.as_str() {
            "%" => Some(100.0),
            "1" if self.condition.unit == Some(ThresholdUnit::Percent) => Some(1.0),
            _ => None,
        };
        Ok(Limits {
            operator,
            threshold,
            clear,
            far: super::state::far(operator, threshold, whole),
            hold: self.hold,
            cooldown: self.cooldown,
            no_data: self.no_data,
            severity: self.severity,
            unit: result,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(condition: &str) -> AlertRule {
        AlertRule::new("r", "cpu_usage_percent", condition).unwrap()
    }

    #[test]
    fn a_threshold_beside_the_condition_must_agree() {
        assert!(rule("avg > 80 %").check_threshold(80.0).is_ok());
        let error = rule("avg > 80 %").check_threshold(90.0).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("90") && text.contains("avg > 80 %"), "{text}");
        let slow = AlertRule::new("slow", "request_seconds", "p95 > 1000 ms").unwrap();
        assert!(slow.check_threshold(1000.0).is_ok());
        assert!(slow.check_threshold(1.0).is_ok());
        assert!(slow.check_threshold(2.0).is_err());
        assert!(slow.check_threshold(f64::NAN).is_err());
    }

    #[test]
    fn clear_must_be_calmer_than_the_condition() {
        let check = |condition: &str, clear: &str, fine: bool| {
            let rule = rule(condition).with_clear(clear).unwrap();
            assert_eq!(rule.validate().is_ok(), fine, "{condition} clear {clear}");
        };
        check("avg > 80", "70", true);
        check("avg > 80", "80", true);
        check("avg > 80", "90", false);
        check("avg < 10", "15", true);
        check("avg < 10", "5", false);
        check("avg > 80", "> 70", false);
        check("avg == 1", "0", false);
        check("avg > 1 GiB", "900 MiB", true);
        check("avg > 1 GiB", "1100 MiB", false);
        check("avg > 1 GiB", "5 s", false);
        check("avg > 80", "75 %", true);
    }

    #[test]
    fn a_rule_that_cannot_work_is_refused() {
        let mut rule = rule("avg > 80");
        assert!(rule.validate().is_ok());
        rule.window = Duration::ZERO;
        assert!(rule.validate().is_err());
    }

    #[test]
    fn limits_are_in_the_unit_of_the_metric() {
        let slow = AlertRule::new("slow", "t_seconds", "p95 > 250 ms").unwrap();
        let slow = slow.with_clear("200 ms").unwrap();
        let limits = slow.limits(None, Shape::Histogram).unwrap();
        assert_eq!((limits.threshold, limits.far), (0.25, Some(0.5)));
        assert_eq!(limits.clear, Some((super::super::Operator::LessEqual, 0.2)));
        let busy = rule("avg > 80 %").limits(None, Shape::Gauge).unwrap();
        assert_eq!(busy.far, Some(90.0));
        assert!(slow.limits(Some(&Unit::BYTES), Shape::Histogram).is_err());
    }
}
