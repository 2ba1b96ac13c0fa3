//! Distributions while a query is evaluated.

/// A distribution while a query is evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct FloatHistogram {
    /// Observations.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
}
