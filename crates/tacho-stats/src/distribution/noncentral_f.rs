//! The non-central F distribution: what an F statistic follows where there is an effect.
//!
//! Invariant: relative error at most 1e-12 in both tails. P(F ≤ x) is the mean of Iᵤ(d₁/2 + J, d₂/2)
//! over J from a Poisson distribution with mean λ/2, and the upper tail likewise. The sum starts
//! from its largest term, found first, and each tail is advanced in the direction in which its
//! recurrence only adds, so that nothing cancels.
//! Sources: DLMF 8.17.20 (recurrence); Benton & Krishnamoorthy, Computational Statistics & Data
//! Analysis 43 (2003), for starting where the terms are large.

use crate::error::{Result, StatsError, positive, probability};
use crate::special::{Ratio, Tail, Tails, beta_tails, falling_root, log1pmx};
use crate::special::{sqrt_two_pi, stirling_remainder};

/// The largest non-centrality; the number of terms grows with its root.
const NONCENTRALITY_MAX: f64 = 1e10;
/// e to this is far below the rounding of a sum.
const LOG_TERM_MIN: f64 = -44.0;

/// Fisher's F distribution with a non-centrality.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoncentralF {
    d1: f64,
    d2: f64,
    noncentrality: f64,
}

impl NoncentralF {
    /// With the given degrees of freedom (above zero) and non-centrality λ (0 to 1e10): the sum of
    /// squared means of the d₁ normal variables in the numerator.
    pub fn new(d1: f64, d2: f64, noncentrality: f64) -> Result<Self> {
        positive("d1", d1)?;
        positive("d2", d2)?;
        if !(0.0..=NONCENTRALITY_MAX).contains(&noncentrality) {
            return Err(StatsError::Invalid {
                name: "noncentrality",
                why: "it must lie in 0..=1e10",
            });
        }
        Ok(Self {
            d1,
            d2,
            noncentrality,
        })
    }

    /// Probability of a value at or below `x`.
    pub fn cdf(&self, x: f64) -> f64 {
        self.mass(Tail::Lower, x)
    }

    /// Probability of a value above `x`.
    pub fn sf(&self, x: f64) -> f64 {
        self.mass(Tail::Upper, x)
    }

    /// The value that is not exceeded with probability `p`.
    pub fn quantile(&self, p: f64) -> Result<f64> {
        probability("p", p)?;
        if p > 0.5 {
            return self.inverse_sf(1.0 - p);
        }
        if p == 0.0 {
            return Ok(0.0);
        }
        // The lower tail falls as 1/x rises.
        let mean = 1.0 + self.noncentrality / self.d1;
        let inverse = falling_root(|d| self.cdf(1.0 / d), p, 1.0 / mean);
        Ok(inverse.map_or(0.0, |d| 1.0 / d))
    }

    /// The value that is exceeded with probability `q`.
    pub fn inverse_sf(&self, q: f64) -> Result<f64> {
        probability("q", q)?;
        if q > 0.5 {
            return self.quantile(1.0 - q);
        }
        if q == 0.0 {
            return Ok(f64::INFINITY);
        }
        let mean = 1.0 + self.noncentrality / self.d1;
        Ok(falling_root(|x| self.sf(x), q, mean).unwrap_or(f64::INFINITY))
    }

    fn mass(&self, tail: Tail, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        let mixture = Mixture {
            a: 0.5 * self.d1,
            b: 0.5 * self.d2,
            mean: 0.5 * self.noncentrality,
            x: x.max(0.0),
            tail,
        };
        if x <= 0.0 || x.is_infinite() || mixture.mean == 0.0 {
            let tails = mixture.tails(0.0);
            return mixture.pick(&tails);
        }
        mixture.sum().min(1.0)
    }
}

/// One tail as a Poisson mixture of tails of beta distributions.
struct Mixture {
    a: f64,
    b: f64,
    /// Mean of the Poisson distribution.
    mean: f64,
    /// The F value.
    x: f64,
    tail: Tail,
}

impl Mixture {
    fn tails(&self, j: f64) -> Tails {
        let a = self.a + j;
        let scaled = self.x * (self.a / a);
        beta_tails(a, self.b, &Ratio::from_scaled_odds(a, self.b, scaled))
    }

    fn pick(&self, tails: &Tails) -> f64 {
        match self.tail {
            Tail::Lower => tails.lower,
            Tail::Upper => tails.upper,
        }
    }

    /// Logarithm of the j-th term.
    fn log_term(&self, j: f64) -> f64 {
        log_poisson(j, self.mean) + self.pick(&self.tails(j)).ln()
    }

    /// Whether the term after the j-th is the larger.
    fn rises(&self, j: f64) -> bool {
        let tails = self.tails(j);
        let value = self.pick(&tails);
        let step = tails.density / (self.a + j);
        match self.tail {
            Tail::Lower => value > 0.0 && (1.0 - step / value) * self.mean > j + 1.0,
            Tail::Upper => value == 0.0 || (1.0 + step / value) * self.mean > j + 1.0,
        }
    }

    /// The index of the largest term: the terms rise to it and fall after it.
    fn largest(&self) -> f64 {
        let top = match self.tail {
            Tail::Lower => self.mean,
            Tail::Upper => self.mean.max(self.a * self.x) + 1.0,
        };
        let (mut low, mut high) = (0.0, top.min(1e15).ceil());
        while low < high {
            let middle = (0.5 * (low + high)).floor();
            if self.rises(middle) {
                low = middle + 1.0;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The last index, going from `peak` in steps of `sign`, whose term is not negligible.
    fn end(&self, peak: f64, sign: f64) -> f64 {
        let least = self.log_term(peak) + LOG_TERM_MIN;
        let counts = |distance: f64| {
            let j = peak + sign * distance;
            j >= 0.0 && self.log_term(j) >= least
        };
        let (mut inside, mut outside) = (0.0, 1.0);
        while counts(outside) {
            (inside, outside) = (outside, 2.0 * outside);
        }
        while outside - inside > 1.0 {
            let middle = (0.5 * (inside + outside)).floor();
            if counts(middle) {
                inside = middle;
            } else {
                outside = middle;
            }
        }
        peak + sign * inside
    }

    fn sum(&self) -> f64 {
        let peak = self.largest();
        if self.log_term(peak) == f64::NEG_INFINITY {
            return 0.0;
        }
        let (first, last) = (self.end(peak, -1.0), self.end(peak, 1.0));
        // u of DLMF 8.17, from the odds, and 1/u.
        let odds = self.a * self.x / self.b;
        let (u, inverse) = (odds / (1.0 + odds), 1.0 + 1.0 / odds);
        let start = match self.tail {
            Tail::Upper => first,
            Tail::Lower => last,
        };
        let tails = self.tails(start);
        let mut value = self.pick(&tails);
        let mut step = tails.density / (self.a + start);
        // Weights relative to that at the start, which may be tiny, by a common logarithm.
        let (log_start, mut weight, mut total) = (log_poisson(start, self.mean), 1.0, 0.0);
        let mut scale = 0.0;
        let mut j = start;
        loop {
            total += weight * value;
            if j == (if self.tail == Tail::Upper {
                last
            } else {
                first
            }) {
                break;
            }
            match self.tail {
                Tail::Upper => {
                    value += step;
                    step *= u * (self.a + self.b + j) / (self.a + j + 1.0);
                    weight *= self.mean / (j + 1.0);
                    j += 1.0;
                }
                Tail::Lower => {
                    step *= inverse * (self.a + j) / (self.a + self.b + j - 1.0);
                    value += step;
                    weight *= j / self.mean;
                    j -= 1.0;
                }
            }
            if weight > RESCALE_ABOVE {
                weight /= RESCALE_ABOVE;
                total /= RESCALE_ABOVE;
                scale += 1.0;
            }
        }
        total * (scale * RESCALE_ABOVE.ln() + log_start).exp()
    }
}

const RESCALE_ABOVE: f64 = 1e150;

/// ln of e⁻ᵐ mʲ / j!, in Loader's saddle-point form.
fn log_poisson(j: f64, mean: f64) -> f64 {
    if j == 0.0 {
        return -mean;
    }
    let ratio = mean / j;
    let deviance = if ratio < 0.5 {
        j * (ratio.ln() - (mean - j) / j)
    } else {
        j * log1pmx((mean - j) / j)
    };
    deviance - stirling_remainder(j) - 0.5 * j.ln() - sqrt_two_pi().ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::{FisherF, NoncentralT};

    #[test]
    fn without_an_effect_it_is_fisher_s() {
        let (one, plain) = (NoncentralF::new(3.0, 9.0, 0.0), FisherF::new(3.0, 9.0));
        let (one, plain) = (one.unwrap(), plain.unwrap());
        assert_eq!(one.sf(2.0), plain.sf(2.0));
        let near = NoncentralF::new(3.0, 9.0, 1e-14).unwrap();
        assert!((near.cdf(2.0) / plain.cdf(2.0) - 1.0).abs() < 1e-12);
    }

    /// With one degree of freedom above, F is the square of a non-central t.
    #[test]
    fn one_degree_of_freedom_is_t_squared() {
        for (d2, delta, x) in [
            (5.0, 0.3, 1.7),
            (40.0, 3.0, 2.0),
            (200.0, 20.0, 25.0),
            (9.0, 4.0, 0.01),
        ] {
            let f = NoncentralF::new(1.0, d2, delta * delta).unwrap();
            let t = NoncentralT::new(d2, delta).unwrap();
            let want = t.sf(x) + t.cdf(-x);
            assert!((f.sf(x * x) / want - 1.0).abs() < 1e-12, "{d2} {delta} {x}");
        }
    }

    #[test]
    fn edges() {
        assert!(NoncentralF::new(1.0, 1.0, -1.0).is_err());
        assert!(NoncentralF::new(1.0, 1.0, f64::NAN).is_err());
        assert!(NoncentralF::new(0.0, 1.0, 1.0).is_err());
        let f = NoncentralF::new(4.0, 30.0, 12.0).unwrap();
        assert_eq!(
            (f.cdf(0.0), f.cdf(-1.0), f.sf(f64::INFINITY)),
            (0.0, 0.0, 0.0)
        );
        assert!(f.sf(f64::NAN).is_nan());
        let far = NoncentralF::new(4.0, 30.0, 1e10).unwrap();
        assert!((far.cdf(2.5e9) + far.sf(2.5e9) - 1.0).abs() < 1e-9);
        for p in [1e-200, 0.01, 0.5, 0.97] {
            let (q, r) = (f.quantile(p).unwrap(), f.inverse_sf(p).unwrap());
            assert!((f.cdf(q) / p - 1.0).abs() < 1e-12 && (f.sf(r) / p - 1.0).abs() < 1e-12);
        }
    }
}
