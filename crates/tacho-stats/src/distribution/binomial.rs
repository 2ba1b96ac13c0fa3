//! The binomial distribution.
//!
//! Source: DLMF 8.17.5, P(X > k) = Iₚ(k + 1, n − k); quantiles by bisection over the counts.

use crate::error::{Result, probability};
use crate::special::{Ratio, Tails, beta_tails};

/// Number of successes in independent trials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Binomial {
    trials: u64,
    p: f64,
}

impl Binomial {
    /// With the given number of trials and probability of success.
    pub fn new(trials: u64, p: f64) -> Result<Self> {
        probability("p", p)?;
        Ok(Self { trials, p })
    }

    /// Probability of exactly `k` successes.
    pub fn pmf(&self, k: u64) -> f64 {
        if k > self.trials {
            return 0.0;
        }
        if k == 0 || k == self.trials {
            // pⁿ or (1 − p)ⁿ; ln_1p keeps the digits of a small p.
            let ln = if k == 0 {
                (-self.p).ln_1p()
            } else {
                self.p.ln()
            };
            return if self.trials == 0 {
                1.0
            } else {
                (self.trials as f64 * ln).exp()
            };
        }
        if self.p == 0.0 || self.p == 1.0 {
            return 0.0;
        }
        // 1 / B(k + 1, n − k) = (n − k) · (n choose k), so the factor pᵃ (1 − p)ᵇ / B(a, b) that
        // both tails share is the probability wanted, times (n − k) p.
        self.tails(k).density / ((self.trials - k) as f64 * self.p)
    }

    /// Probability of at most `k` successes.
    pub fn cdf(&self, k: u64) -> f64 {
        if k >= self.trials {
            1.0
        } else {
            self.tails(k).upper
        }
    }

    /// Probability of more than `k` successes.
    pub fn sf(&self, k: u64) -> f64 {
        if k >= self.trials {
            0.0
        } else {
            self.tails(k).lower
        }
    }

    /// The smallest count whose cumulative probability is at least `p`.
    pub fn quantile(&self, p: f64) -> Result<u64> {
        probability("p", p)?;
        Ok(self.smallest(|k| self.cdf(k) >= p))
    }

    /// The smallest count that is exceeded with probability at most `q`.
    pub fn inverse_sf(&self, q: f64) -> Result<u64> {
        probability("q", q)?;
        Ok(self.smallest(|k| self.sf(k) <= q))
    }

    fn tails(&self, k: u64) -> Tails {
        let (a, b) = (k as f64 + 1.0, (self.trials - k) as f64);
        beta_tails(a, b, &Ratio::from_x(a, b, self.p))
    }

    /// The smallest count at which a condition that stays true once it holds does hold.
    fn smallest(&self, holds: impl Fn(u64) -> bool) -> u64 {
        let (mut low, mut high) = (0, self.trials);
        while low < high {
            let middle = low + (high - low) / 2;
            if holds(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_direct_sums() {
        let b = Binomial::new(10, 0.3).unwrap();
        let choose = [
            1.0, 10.0, 45.0, 120.0, 210.0, 252.0, 210.0, 120.0, 45.0, 10.0, 1.0,
        ];
        let mut total = 0.0;
        for (k, ways) in choose.into_iter().enumerate() {
            let exact = ways * 0.3f64.powi(k as i32) * 0.7f64.powi(10 - k as i32);
            total += exact;
            assert!((b.pmf(k as u64) / exact - 1.0).abs() < 1e-13, "pmf {k}");
            assert!((b.cdf(k as u64) / total - 1.0).abs() < 1e-13, "cdf {k}");
        }
        assert_eq!(
            (b.quantile(0.5), b.inverse_sf(0.05), b.quantile(0.0)),
            (Ok(3), Ok(5), Ok(0))
        );
        assert_eq!((b.cdf(10), b.sf(11), b.pmf(11)), (1.0, 0.0, 0.0));
    }

    #[test]
    fn sure_and_impossible() {
        let never = Binomial::new(5, 0.0).unwrap();
        let always = Binomial::new(5, 1.0).unwrap();
        assert_eq!((never.cdf(0), never.pmf(0), never.pmf(3)), (1.0, 1.0, 0.0));
        assert_eq!(
            (always.cdf(4), always.pmf(5), always.quantile(0.5)),
            (0.0, 1.0, Ok(5))
        );
        assert_eq!(Binomial::new(0, 0.5).unwrap().cdf(0), 1.0);
    }
}
