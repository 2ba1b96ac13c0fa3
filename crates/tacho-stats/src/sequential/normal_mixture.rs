//! The two-sided normal mixture: the boundary that a random walk crosses with probability α at most,
//! at any time whatever.
//!
//! Invariant: for a walk S whose variance so far is V, exp(λS − λ²V/2) averaged over λ ~ N(0, 1/ρ)
//! is √(ρ/(V+ρ)) exp(S²/(2(V+ρ))), a martingale from 1; by Ville's inequality it ever reaches 1/α
//! with probability α at most. p-value and boundary are the two readings of that one formula.
//! Not for walks whose variance is only estimated from a handful of observations.
//! Sources: Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of
//! Mathematical Statistics 41 (1970); Howard, Ramdas, `McAuliffe` & Sekhon, "Time-uniform,
//! nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49 (2021), eq. 14 and
//! proposition 3 (tuning).

use crate::error::{self, Result, StatsError, positive};

/// A normal mixture with precision ρ, in the unit of the walk's variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormalMixture {
    rho: f64,
}

impl NormalMixture {
    /// With the precision given.
    pub fn new(rho: f64) -> Result<Self> {
        positive("rho", rho)?;
        Ok(Self { rho })
    }

    /// The mixture whose boundary is tightest when the walk's variance is `variance`
    /// (proposition 3: ρ = V / (−W₋₁(−α²/e) − 1)).
    pub fn tightest_at(variance: f64, alpha: f64) -> Result<Self> {
        positive("variance", variance)?;
        error::level(alpha)?;
        Self::new(variance / (lambert_root(alpha) - 1.0))
    }

    /// As [`tightest_at`](Self::tightest_at) by the closed approximation of Waudby-Smith et al.,
    /// ρ = V / (−2 ln α + ln(1 − 2 ln α)), which published tools use.
    pub fn nearly_tightest_at(variance: f64, alpha: f64) -> Result<Self> {
        positive("variance", variance)?;
        error::level(alpha)?;
        let twice = -2.0 * alpha.ln();
        Self::new(variance / (twice + twice.ln_1p()))
    }

    /// The precision ρ.
    pub fn rho(self) -> f64 {
        self.rho
    }

    /// ln of the martingale where S²/V = `z`² at variance `v`.
    pub(super) fn ln_e(self, z: f64, v: f64) -> f64 {
        if v <= 0.0 {
            return 0.0;
        }
        // V/(V+ρ) as 1/(1 + ρ/V), so that neither end overflows.
        0.5 * z * z / (1.0 + self.rho / v) - 0.5 * (v / self.rho).ln_1p()
    }

    /// |S|/√V at which the martingale is 1/α, at variance `v`.
    pub fn critical_z(self, v: f64, alpha: f64) -> f64 {
        if v <= 0.0 {
            return f64::INFINITY;
        }
        let grown = (v / self.rho).ln_1p() - 2.0 * alpha.ln();
        ((1.0 + self.rho / v) * grown).sqrt()
    }

    /// The p-value of this look alone.
    pub(super) fn p(self, z: f64, v: f64) -> f64 {
        (-self.ln_e(z, v)).exp().min(1.0)
    }

    /// The variance at which a walk with this drift (per unit of variance) meets the boundary.
    ///
    /// Half of all walks need less, nearly.
    pub(super) fn crossing(self, drift: f64, alpha: f64) -> Result<f64> {
        let beyond = |v: f64| drift * v.sqrt() > self.critical_z(v, alpha);
        let mut high = self.rho;
        while !beyond(high) {
            high *= 2.0;
            if !high.is_finite() {
                return Err(StatsError::Overflow {
                    what: "the sample size",
                });
            }
        }
        let mut low = 0.0;
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if beyond(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Ok(high)
    }
}

/// −W₋₁(−α²/e): the y above 1 with y − ln y = 1 − 2 ln α.
fn lambert_root(alpha: f64) -> f64 {
    let c = 1.0 - 2.0 * alpha.ln();
    let mut y = c + c.ln() + 1.0;
    for _ in 0..60 {
        let next = y - (y - y.ln() - c) / (1.0 - 1.0 / y);
        if (next - y).abs() <= 4.0 * f64::EPSILON * y {
            return next;
        }
        y = next;
    }
    y
}

/// The number of observations (both arms together, halved between them) after which a difference of
/// `effect_size` standard deviations is typically found by a mixture tuned for `expected_n`.
///
/// ```
/// use tacho_stats::sequential::{expected_n_for_effect, typical_stopping_n};
/// let n = expected_n_for_effect(0.1, 0.05)?;
/// assert!((n - typical_stopping_n(0.1, n, 0.05)?).abs() < 1.0);
/// // Tuned for ten times as many, the same difference takes longer to find.
/// assert!(typical_stopping_n(0.1, 10.0 * n, 0.05)? > n);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn typical_stopping_n(effect_size: f64, expected_n: f64, alpha: f64) -> Result<f64> {
    positive("effect_size", effect_size.abs())?;
    positive("expected_n", expected_n)?;
    // With N/2 an arm the difference has variance 4σ²/N: a drift of d/2 for each observation.
    NormalMixture::tightest_at(expected_n, alpha)?.crossing(0.5 * effect_size.abs(), alpha)
}

/// The `expected_n` (both arms together) to tune for where a difference of `effect_size` standard
/// deviations is what matters: that at which such a difference is typically found, and earliest.
pub fn expected_n_for_effect(effect_size: f64, alpha: f64) -> Result<f64> {
    positive("effect_size", effect_size.abs())?;
    error::level(alpha)?;
    // At the tightest point z² = y exactly: (1 + ρ/V)(ln(1 + V/ρ) − 2 ln α) with V/ρ = y − 1.
    let n = 4.0 * lambert_root(alpha) / (effect_size * effect_size);
    error::in_range("the sample size", n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_and_boundary_are_one_formula() {
        for (rho, v, alpha) in [(1.0, 5.0, 0.05), (300.0, 2.0, 0.01), (1e-9, 1e9, 0.5)] {
            let mixture = NormalMixture::new(rho).unwrap();
            let z = mixture.critical_z(v, alpha);
            assert!((mixture.p(z, v) / alpha - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn the_tuned_boundary_is_the_tightest() {
        let (v, alpha) = (1_000.0, 0.05);
        let best = NormalMixture::tightest_at(v, alpha).unwrap();
        let width = |rho: f64| NormalMixture::new(rho).unwrap().critical_z(v, alpha);
        let least = width(best.rho());
        assert!(width(1.01 * best.rho()) > least && width(0.99 * best.rho()) > least);
        assert!((least * least - lambert_root(alpha)).abs() < 1e-9);
        let near = NormalMixture::nearly_tightest_at(v, alpha).unwrap();
        assert!((near.rho() / best.rho() - 1.0).abs() < 0.1);
    }

    #[test]
    fn plans() {
        let n = expected_n_for_effect(0.1, 0.05).unwrap();
        assert!((3_600.0..3_800.0).contains(&n), "{n}");
        assert!((typical_stopping_n(0.1, n, 0.05).unwrap() - n).abs() < 1e-6 * n);
        assert!(typical_stopping_n(0.0, n, 0.05).is_err());
        assert!(expected_n_for_effect(f64::NAN, 0.05).is_err());
        assert!(typical_stopping_n(1e-300, n, 0.05).is_err());
        assert!(NormalMixture::new(0.0).is_err());
        assert!(NormalMixture::tightest_at(1.0, 1.0).is_err());
    }
}
