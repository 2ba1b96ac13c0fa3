//! What every sequential method shares: the arms, what a look says, and what looks add up to.
//!
//! Invariant: from look to look the p-value never rises, a running interval never widens, and a
//! verdict once reached stays. Not a test by itself.
//! Source: Johari, Koomen, Pekelis & Walsh, "Always valid inference: continuous monitoring of A/B
//! tests", Operations Research 70 (2022), for always-valid p-values.

use crate::error::{self, Result, StatsError};
use crate::hypothesis::Interval;

/// One side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arm {
    /// What is compared against.
    Control,
    /// What is compared; differences are treatment less control.
    Treatment,
}

/// What a sequential test says so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Verdict {
    /// Nothing yet; go on measuring, or stop without an answer.
    #[default]
    Undecided,
    /// The treatment (or the single stream) is higher; one may stop.
    Higher,
    /// It is lower; one may stop.
    Lower,
}

/// One look at a running comparison; looks may be as many as wanted, at any time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// Observations so far: control and treatment, or all and none for a single stream.
    pub n: [u64; 2],
    /// The estimate now (difference of the arms, or the single stream's value less the null's).
    pub estimate: f64,
    /// Always-valid p-value: the smallest of all looks so far.
    pub p: f64,
    /// Whether the level asked for has been reached at this look or an earlier one.
    pub verdict: Verdict,
}

/// What all looks so far add up to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Running {
    pub(super) alpha: f64,
    p: f64,
    verdict: Verdict,
    low: f64,
    high: f64,
    consistent: bool,
}

impl Running {
    pub(super) fn new(alpha: f64) -> Result<Self> {
        error::level(alpha).map_err(|_| StatsError::Invalid {
            name: "alpha",
            why: "it must lie strictly between 0 and 1",
        })?;
        Ok(Self {
            alpha,
            p: 1.0,
            verdict: Verdict::Undecided,
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            consistent: true,
        })
    }

    pub(super) fn p(&self) -> f64 {
        self.p
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(super) fn consistent(&self) -> bool {
        self.consistent
    }

    /// Takes the p-value of this look, and which side `estimate` points to.
    pub(super) fn take_p(&mut self, p: f64, estimate: f64) {
        self.p = self.p.min(p);
        if self.verdict == Verdict::Undecided && p <= self.alpha {
            self.verdict = if estimate > 0.0 {
                Verdict::Higher
            } else {
                Verdict::Lower
            };
        }
    }

    /// Cuts the running interval with that of this look. Where nothing is left (under the
    /// assumptions in at most α of all runs), the last one stands and the conflict is kept.
    pub(super) fn cut(&mut self, low: f64, high: f64) {
        let (low, high) = (self.low.max(low), self.high.min(high));
        if low <= high {
            (self.low, self.high) = (low, high);
        } else {
            self.consistent = false;
        }
    }

    pub(super) fn interval(&self) -> Interval {
        Interval {
            low: self.low,
            high: self.high,
            level: 1.0 - self.alpha,
        }
    }

    pub(super) fn look(&self, n: [u64; 2], estimate: f64) -> Look {
        Look {
            n,
            estimate,
            p: self.p,
            verdict: self.verdict,
        }
    }
}
