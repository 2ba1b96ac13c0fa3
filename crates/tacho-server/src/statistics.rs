//! Statistics on a user's own numbers: a test of two samples, and how many observations one needs.
//!
//! Requests and answers as the API and the command line both speak them, so that they cannot
//! differ. Pure: no store, no clock. Not for series that are in the store; those are compared by
//! verdicts, which know about dependence by themselves.

use serde::{Deserialize, Serialize};
use tacho_stats::equivalence::Margin;
use tacho_stats::power::{Design, SampleSize, TestFamily};
use tacho_stats::report::{Question, Report, Test, hypothesis_test};
use tacho_stats::{Alternative, Interval, StatsError};
use thiserror::Error;
use utoipa::ToSchema;

/// The version of both bodies.
const SCHEMA: u32 = 1;

/// Why there is no answer; always a matter of the request.
#[derive(Debug, Error)]
pub enum StatisticsError {
    /// A word that is not known.
    #[error("there is no {what} {given:?}; choose one of {known}")]
    Unknown {
        /// What was to be named.
        what: &'static str,
        /// What was given.
        given: String,
        /// What there is.
        known: String,
    },
    /// The request leaves open, or says twice, what is asked.
    #[error("{0}")]
    Unclear(&'static str),
    /// The numbers do not allow it.
    #[error("failed to {0}")]
    Numbers(#[from] StatsError),
}

/// Two samples and what to ask of them.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestRequest {
    /// The first sample.
    pub a: Vec<f64>,
    /// The second sample.
    pub b: Vec<f64>,
    /// `welch` by default.
    pub test: Option<String>,
    /// `two-sided` by default; `less` and `greater` claim it of the first sample.
    pub alternative: Option<String>,
    /// Rate of false alarms, 0.05 by default.
    pub alpha: Option<f64>,
    /// For `tost`: differences up to this do not matter, in the unit of the samples.
    pub margin: Option<f64>,
    /// Seed of tests that resample.
    pub seed: Option<u64>,
}

/// What a test found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TestAnswer {
    schema: u32,
    /// The test.
    pub test: &'static str,
    /// What was claimed of the first sample.
    pub alternative: &'static str,
    /// Rate of false alarms asked for.
    pub alpha: f64,
    /// Its letter in the books, and its value.
    pub statistic: StatisticBody,
    /// The p-value.
    pub p_value: f64,
    /// Whether p is at most alpha (for `tost`: the samples are equivalent).
    pub significant: bool,
    /// Whether there is an answer at all: numbers that resemble their neighbours may be worth too
    /// few.
    pub decidable: bool,
    /// First sample less second, where the test estimates it.
    pub difference: Option<DifferenceBody>,
    /// Effect sizes, each in words too.
    pub effects: Vec<EffectBody>,
    /// Both samples.
    pub samples: [SampleBody; 2],
    /// What to keep in mind.
    pub warnings: Vec<String>,
}

/// A test statistic.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StatisticBody {
    /// t, U, W, D.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// Degrees of freedom, where there are any.
    pub df: Option<f64>,
}

/// An estimate with its interval.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DifferenceBody {
    /// What is estimated.
    pub name: &'static str,
    /// The estimate.
    pub value: f64,
    /// `[low, high]`.
    pub interval: [f64; 2],
    /// Confidence of the interval.
    pub level: f64,
}

/// An effect size.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EffectBody {
    /// Which.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// In a word: negligible, small, medium, large.
    pub class: &'static str,
    /// `[low, high]`, where there is one.
    pub interval: Option<[f64; 2]>,
}

/// One sample.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SampleBody {
    /// Number of observations.
    pub n: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub sd: f64,
    /// Median.
    pub median: f64,
}

/// Runs a test.
pub fn test(request: &TestRequest) -> Result<TestAnswer, StatisticsError> {
    let test = match &request.test {
        None => Test::default(),
        Some(name) => name.parse().map_err(|_| StatisticsError::Unknown {
            what: "test",
            given: name.clone(),
            known: test_names().join(", "),
        })?,
    };
    let mut question = Question::new(test);
    question.alternative = alternative(request.alternative.as_deref())?;
    question.alpha = request.alpha.unwrap_or(question.alpha);
    question.seed = request.seed.unwrap_or(question.seed);
    question.margin = match request.margin {
        Some(margin) => Some(Margin::symmetric(margin)?),
        None if test == Test::Tost => {
            let detail = "margin: say up to which difference the samples count as equal";
            return Err(StatisticsError::Unclear(detail));
        }
        None => None,
    };
    Ok(answer(&hypothesis_test(&question, &request.a, &request.b)?))
}

/// The names of all tests.
pub fn test_names() -> Vec<&'static str> {
    Test::ALL.iter().map(|(_, name)| *name).collect()
}

fn answer(report: &Report) -> TestAnswer {
    let ends = |interval: Interval| [interval.low, interval.high];
    TestAnswer {
        schema: SCHEMA,
        test: report.test.as_str(),
        alternative: alternative_name(report.alternative),
        alpha: report.alpha,
        statistic: StatisticBody {
            name: report.statistic.name,
            value: report.statistic.value,
            df: report.statistic.df,
        },
        p_value: report.p,
        significant: report.is_significant(),
        decidable: report.is_decidable(),
        difference: report.difference.map(|found| DifferenceBody {
            name: found.name,
            value: found.value,
            interval: ends(found.interval),
            level: found.interval.level,
        }),
        effects: report
            .effects
            .iter()
            .map(|found| EffectBody {
                name: found.name,
                value: found.effect.value,
                class: found.effect.class.as_str(),
                interval: found.interval.map(ends),
            })
            .collect(),
        samples: report.samples.map(|sample| SampleBody {
            n: sample.n,
            mean: sample.mean,
            sd: sample.sd,
            median: sample.median,
        }),
        warnings: report.warnings.iter().map(ToString::to_string).collect(),
    }
}

/// A test that is planned. Of `effect`, `n` and `power`, the one that is left out is computed;
/// without `n` and `power` the answer is the sample size for a power of 0.8.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerRequest {
    /// `student` by default.
    pub test: Option<String>,
    /// The effect to be found, in the test's own measure: Cohen's d for t tests.
    pub effect: Option<f64>,
    /// Observations in the first sample (in each group; pairs for paired tests).
    pub n: Option<f64>,
    /// The probability of finding the effect.
    pub power: Option<f64>,
    /// Rate of false alarms, 0.05 by default.
    pub alpha: Option<f64>,
    /// `two-sided` by default.
    pub alternative: Option<String>,
    /// Observations of the second sample for each of the first, 1 by default.
    pub ratio: Option<f64>,
    /// For `welch`: standard deviation of the second population over that of the first.
    pub sd_ratio: Option<f64>,
    /// For `proportions`: the second proportion; the effect is the difference.
    pub baseline: Option<f64>,
    /// For `anova`: the number of groups.
    pub groups: Option<u32>,
}

/// A plan.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PowerAnswer {
    schema: u32,
    /// The test.
    pub test: String,
    /// What was claimed.
    pub alternative: &'static str,
    /// Rate of false alarms.
    pub alpha: f64,
    /// The measure of the effect.
    pub effect_name: &'static str,
    /// The effect that is found.
    pub effect: f64,
    /// The probability of finding it.
    pub power: f64,
    /// Observations needed or given.
    pub n: SizeBody,
}

/// A sample size.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SizeBody {
    /// In the first sample (in each group; pairs for paired tests).
    pub first: f64,
    /// In the second, where there is one.
    pub second: Option<f64>,
    /// In all.
    pub total: f64,
}

/// The names of the tests that can be planned.
pub const FAMILIES: [&str; 8] = [
    "student",
    "welch",
    "paired",
    "one-sample",
    "mann-whitney",
    "wilcoxon",
    "proportions",
    "anova",
];

/// Plans a test.
pub fn power(request: &PowerRequest) -> Result<PowerAnswer, StatisticsError> {
    let name = request.test.as_deref().unwrap_or(FAMILIES[0]);
    let mut design = Design::new(family(name, request)?, request.effect.unwrap_or(0.0));
    design.alternative = alternative(request.alternative.as_deref())?;
    design.alpha = request.alpha.unwrap_or(design.alpha);
    design.ratio = request.ratio.unwrap_or(design.ratio);
    let (power, n) = match (request.effect, request.n, request.power) {
        (None, None, _) | (None, _, None) => {
            let detail = "say two of effect, n and power (0.8 by default with an effect alone)";
            return Err(StatisticsError::Unclear(detail));
        }
        (Some(_), Some(_), Some(_)) => {
            let detail = "leave out one of effect, n and power: it is what is computed";
            return Err(StatisticsError::Unclear(detail));
        }
        (Some(_), Some(n), None) => (design.power(n)?, given(&design, n)),
        (Some(_), None, wanted) => {
            let size = design.sample_size(wanted.unwrap_or(0.8))?;
            (design.power(size.first as f64)?, found(size))
        }
        (None, Some(n), Some(power)) => {
            design.effect = design.detectable_effect(n, power)?;
            (power, given(&design, n))
        }
    };
    Ok(PowerAnswer {
        schema: SCHEMA,
        test: name.to_owned(),
        alternative: alternative_name(design.alternative),
        alpha: design.alpha,
        effect_name: design.family.effect_name(),
        effect: design.effect,
        power,
        n,
    })
}

fn family(name: &str, request: &PowerRequest) -> Result<TestFamily, StatisticsError> {
    Ok(match name {
        "student" => TestFamily::TwoSampleT,
        "welch" => TestFamily::Welch {
            sd_ratio: request.sd_ratio.unwrap_or(1.0),
        },
        "paired" => TestFamily::PairedT,
        "one-sample" => TestFamily::OneSampleT,
        "mann-whitney" => TestFamily::MannWhitney,
        "wilcoxon" => TestFamily::Wilcoxon,
        "proportions" => TestFamily::Proportions {
            baseline: request.baseline.ok_or(StatisticsError::Unclear(
                "baseline: say the proportion that the effect is added to",
            ))?,
        },
        "anova" => TestFamily::Anova {
            groups: request
                .groups
                .ok_or(StatisticsError::Unclear("groups: say how many there are"))?,
        },
        _ => {
            return Err(StatisticsError::Unknown {
                what: "test",
                given: name.to_owned(),
                known: FAMILIES.join(", "),
            });
        }
    })
}

fn found(size: SampleSize) -> SizeBody {
    SizeBody {
        first: size.first as f64,
        second: size.second.map(|n| n as f64),
        total: size.total as f64,
    }
}

fn given(design: &Design, n: f64) -> SizeBody {
    let second = (design.family.samples() == 2).then_some(n * design.ratio);
    let groups = match design.family {
        TestFamily::Anova { groups } => f64::from(groups),
        _ => 1.0,
    };
    SizeBody {
        first: n,
        second,
        total: groups * n + second.unwrap_or(0.0),
    }
}

/// The alternatives by name.
pub const ALTERNATIVES: [&str; 3] = ["two-sided", "less", "greater"];

fn alternative(name: Option<&str>) -> Result<Alternative, StatisticsError> {
    match name {
        None | Some("two-sided") => Ok(Alternative::TwoSided),
        Some("less") => Ok(Alternative::Less),
        Some("greater") => Ok(Alternative::Greater),
        Some(other) => Err(StatisticsError::Unknown {
            what: "alternative",
            given: other.to_owned(),
            known: ALTERNATIVES.join(", "),
        }),
    }
}

fn alternative_name(alternative: Alternative) -> &'static str {
    match alternative {
        Alternative::TwoSided => "two-sided",
        Alternative::Less => "less",
        Alternative::Greater => "greater",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<PowerAnswer, StatisticsError> {
        power(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a3_two_of_three_give_the_third() {
        // 64 an arm at d = 0.5 is in every textbook.
        assert_eq!(plan(r#"{"effect": 0.5}"#).unwrap().n.first, 64.0);
        let found = plan(r#"{"n": 64, "power": 0.8}"#).unwrap();
        assert!((found.effect - 0.4991).abs() < 1e-4, "{found:?}");
        let found = plan(r#"{"effect": 0.5, "n": 64}"#).unwrap();
        assert!((found.power - 0.8015).abs() < 1e-4, "{found:?}");
        let found = plan(r#"{"test": "anova", "groups": 3, "effect": 0.25}"#).unwrap();
        assert_eq!((found.n.first, found.n.total), (53.0, 159.0));
        for unclear in [
            "{}",
            r#"{"n": 10}"#,
            r#"{"power": 0.8}"#,
            r#"{"effect": 0.5, "n": 64, "power": 0.8}"#,
            r#"{"test": "anova", "effect": 0.5}"#,
            r#"{"test": "magic", "effect": 0.5}"#,
            r#"{"effect": 0}"#,
            r#"{"effect": 0.5, "alpha": 2}"#,
        ] {
            assert!(plan(unclear).is_err(), "{unclear}");
        }
    }

    #[test]
    fn a3_every_test_answers_by_its_name() {
        for name in test_names() {
            let request = TestRequest {
                a: vec![1.0, 2.5, 3.0, 4.25, 5.0, 6.5, 7.0, 8.0],
                b: vec![2.0, 3.0, 4.5, 5.0, 6.0, 7.0, 8.75, 9.0],
                test: Some(name.to_owned()),
                margin: Some(10.0),
                ..TestRequest::default()
            };
            let answer = test(&request).unwrap();
            assert_eq!(answer.test, name);
            assert!((0.0..=1.0).contains(&answer.p_value), "{answer:?}");
            assert!(answer.effects.len() >= 4, "{answer:?}");
        }
        let request = TestRequest {
            test: Some("tost".to_owned()),
            ..TestRequest::default()
        };
        assert!(test(&request).unwrap_err().to_string().contains("margin"));
        let empty = test(&TestRequest::default()).unwrap_err().to_string();
        assert_eq!(
            empty,
            "failed to compute from 0 observations where at least 1 are needed"
        );
    }
}
