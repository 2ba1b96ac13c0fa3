//! What speaks against relying on a baseline.

use std::fmt;
use std::time::Duration;

use tacho_model::TimeRange;
use tacho_model::time::format_duration;

use crate::measurement::{Estimate, Summary};

/// One reason.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// Fewer values than asked for.
    TooFew {
        /// How many there are.
        n: usize,
        /// How many were asked for.
        need: usize,
    },
    /// Values hang together so much that too few independent ones are left for a verdict.
    TooDependent {
        /// Effective number of values.
        effective_n: f64,
    },
    /// The first half and the second half have different means.
    NotStationary {
        /// Mean of the first half.
        first: f64,
        /// Mean of the second half.
        second: f64,
        /// Two-sided p-value of their difference.
        p_value: f64,
    },
    /// An alert fired during it.
    Incident {
        /// When.
        range: TimeRange,
    },
    /// Every value is the same: any change at all will stand out.
    Constant,
}

/// All reasons; empty is good.
pub type Findings = Vec<Finding>;

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFew { n, need } => write!(f, "{n} samples are fewer than the {need} needed"),
            Self::TooDependent { effective_n } => write!(
                f,
                "its samples hang together: they are worth {effective_n:.1} independent ones"
            ),
            Self::NotStationary { first, second, .. } => write!(
                f,
                "it was not steady: {first:.4} in the first half, {second:.4} in the second"
            ),
            Self::Incident { range } => {
                // Whole seconds: the rest would only blur the line.
                let lasted = Duration::from_secs(range.duration().as_secs());
                write!(f, "an alert fired for {} of it", format_duration(lasted))
            }
            Self::Constant => f.write_str("every sample is the same"),
        }
    }
}

/// The p-value below which halves are said to differ: strict, because the first-order correction
/// for dependence lets slow noise through, and a false finding makes a good baseline doubtful.
const HALVES_ALPHA: f64 = 0.001;

pub(super) fn validate(summary: &Summary, need: usize, incidents: &[TimeRange]) -> Findings {
    let mut findings = Findings::new();
    if summary.n < need {
        findings.push(Finding::TooFew { n: summary.n, need });
    }
    if summary.n > 1 && summary.sd == 0.0 {
        findings.push(Finding::Constant);
    }
    let effective_n = summary.estimate.effective_n;
    if summary.n >= need && effective_n < crate::verdict::EFFECTIVE_MIN {
        findings.push(Finding::TooDependent { effective_n });
    }
    findings.extend(halves_differ(&summary.sample.values));
    let hit = incidents.iter().filter(|i| i.overlaps(summary.range));
    let within = |i: &TimeRange| {
        TimeRange::new(
            i.start.max(summary.range.start),
            i.end.min(summary.range.end),
        )
    };
    findings.extend(hit.map(|range| Finding::Incident {
        range: within(range),
    }));
    findings
}

/// Compares the halves. Their dependence is taken from the deviations within each half, so that a
/// step between them does not pass for slow noise.
fn halves_differ(values: &[f64]) -> Option<Finding> {
    let (a, b) = values.split_at(values.len() / 2);
    let (a, b) = (Estimate::of(a).ok()?, Estimate::of(b).ok()?);
    let enough = a.effective_n.min(b.effective_n) >= crate::verdict::EFFECTIVE_MIN / 2.0;
    let error = a.standard_error.hypot(b.standard_error);
    if !enough || !error.is_finite() || error <= 0.0 {
        return None;
    }
    let t = (b.mean - a.mean) / error;
    let df = a.df.min(b.df);
    let student = tacho_stats::distribution::StudentT::new(df).ok()?;
    let p_value = student.two_sided(t);
    (p_value < HALVES_ALPHA).then_some(Finding::NotStationary {
        first: a.mean,
        second: b.mean,
        p_value,
    })
}
