//! Quantiles of what is counted: exact while it is little, of a histogram afterwards.
//!
//! A node of a call tree may stand for one call or for a million, and there are thousands of nodes.

use tacho_model::Histogram;

/// So many values are kept as they are; with the next one they become a histogram.
pub const EXACT_MAX: usize = 256;

/// What was observed.
#[derive(Debug, Clone)]
pub struct Distribution(Held);

#[derive(Debug, Clone)]
enum Held {
    Exact(Vec<f64>),
    Histogram(Box<Histogram>),
}

impl Default for Distribution {
    fn default() -> Self {
        Self(Held::Exact(Vec::new()))
    }
}

impl Distribution {
    /// Adds one observation.
    pub fn observe(&mut self, value: f64) {
        match &mut self.0 {
            Held::Exact(values) if values.len() < EXACT_MAX => values.push(value),
            Held::Exact(values) => {
                let mut histogram = Histogram::new();
                for value in values {
                    histogram.observe(*value);
                }
                histogram.observe(value);
                self.0 = Held::Histogram(Box::new(histogram));
            }
            Held::Histogram(histogram) => histogram.observe(value),
        }
    }

    /// The value below which a fraction `q` lies; `None` when nothing was observed or `q` is outside
    /// 0 to 1. Between two values it is interpolated (Hyndman and Fan's type 7).
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let values = match &self.0 {
            Held::Histogram(histogram) => return histogram.quantile(q),
            Held::Exact(values) => values,
        };
        if values.is_empty() || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = q * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
        Some(low + (high - low) * rank.fract())
    }

    /// The largest relative error of a quantile.
    pub fn relative_error(&self) -> f64 {
        match &self.0 {
            Held::Exact(_) => 0.0,
            Held::Histogram(histogram) => histogram.relative_error(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_exact_and_then_within_the_histograms_error() {
        let mut held = Distribution::default();
        assert_eq!(held.quantile(0.5), None);
        for value in (1..=EXACT_MAX).rev() {
            held.observe(value as f64);
        }
        assert_eq!(held.quantile(0.5), Some(128.5));
        assert_eq!(held.quantile(1.0), Some(256.0));
        assert_eq!((held.quantile(1.5), held.relative_error()), (None, 0.0));
        for value in EXACT_MAX + 1..=1000 {
            held.observe(value as f64);
        }
        for (q, expected) in [(0.0, 1.0), (0.5, 500.5), (0.99, 990.0), (1.0, 1000.0)] {
            let told = held.quantile(q).unwrap();
            let error = (told - expected).abs() / expected;
            assert!(error <= held.relative_error() + 0.001, "{q}: {told}");
        }
    }
}
