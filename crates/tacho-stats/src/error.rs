//! The one error type of this crate, and the checks that raise it.
//!
//! Invariant: a public function that takes observations either refuses them here or returns finite
//! numbers. Not for errors of logic inside the crate; those are assertions.

use thiserror::Error;

/// Why a statistic could not be computed. One variant for each decision a caller can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatsError {
    /// The sample is smaller than the method allows: measure longer.
    #[error("compute from {got} observations where at least {need} are needed")]
    TooFew {
        /// The smallest number of observations that the method accepts.
        need: usize,
        /// The number of observations given.
        got: usize,
    },
    /// An observation is NaN or infinite: clean the data.
    #[error("use the observation at index {index}, which is not finite")]
    NotFinite {
        /// Index of the first offending observation.
        index: usize,
    },
    /// Paired samples differ in length.
    #[error("pair {left} observations with {right}")]
    LengthMismatch {
        /// Length of the first sample.
        left: usize,
        /// Length of the second sample.
        right: usize,
    },
    /// A parameter is outside its range: a mistake of the caller.
    #[error("accept {name}: {why}")]
    Invalid {
        /// The parameter's name.
        name: &'static str,
        /// What it must be.
        why: &'static str,
    },
    /// All observations are equal where the statistic divides by their spread.
    #[error("divide by the spread of observations that are all equal")]
    ZeroVariance,
    /// A predictor is, to rounding, a combination of those before it: leave it out.
    #[error("tell predictor {column} from a combination of those before it")]
    RankDeficient {
        /// Index of the predictor; where there is an intercept, it can be told from none.
        column: usize,
    },
    /// Finite observations are so large that the result exceeds the range of `f64`.
    #[error("represent {what}, which exceeds the range of a double")]
    Overflow {
        /// The quantity that overflowed.
        what: &'static str,
    },
}

/// The result of a statistic.
pub type Result<T> = std::result::Result<T, StatsError>;

/// Refuses NaN and infinities, and fewer than `need` observations.
pub(crate) fn observations(x: &[f64], need: usize) -> Result<()> {
    if x.len() < need {
        return Err(StatsError::TooFew { need, got: x.len() });
    }
    // Whole stretches at a time, which runs in vector instructions.
    let clean = |stretch: &[f64]| stretch.iter().fold(true, |ok, v| ok & v.is_finite());
    if x.chunks(1024).all(clean) {
        return Ok(());
    }
    let index = x.iter().position(|v| !v.is_finite()).unwrap_or(0);
    Err(StatsError::NotFinite { index })
}

/// Refuses lengths that differ.
pub(crate) fn same_length(left: usize, right: usize) -> Result<()> {
    if left == right {
        Ok(())
    } else {
        Err(StatsError::LengthMismatch { left, right })
    }
}

/// Refuses a probability outside `0..=1`.
pub(crate) fn probability(name: &'static str, p: f64) -> Result<()> {
    if (0.0..=1.0).contains(&p) {
        Ok(())
    } else {
        Err(StatsError::Invalid {
            name,
            why: "a probability lies between 0 and 1",
        })
    }
}

/// Refuses a confidence level that is not strictly between 0 and 1.
pub(crate) fn level(level: f64) -> Result<()> {
    if level > 0.0 && level < 1.0 {
        Ok(())
    } else {
        Err(StatsError::Invalid {
            name: "level",
            why: "it must lie strictly between 0 and 1",
        })
    }
}

/// Refuses a parameter that is not a finite number above zero.
pub(crate) fn positive(name: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(StatsError::Invalid {
            name,
            why: "it must be finite and above zero",
        })
    }
}

/// Refuses a result that left the range of `f64`.
pub(crate) fn in_range(what: &'static str, value: f64) -> Result<f64> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(StatsError::Overflow { what })
    }
}
