//! The Mann-Kendall test: does a series rise or fall more often than chance has it?
//!
//! Invariant: S = pairs that rise less pairs that fall, counted exactly in O(n log n); only the
//! order of the values matters. Plain, it is a test of independent observations: at AR(1) 0.5 it
//! raises three to five times the false alarms asked for. The published corrections help and do not
//! suffice (the table of `tacho-bench calibrate --only trend`); [`trend`](super::trend()) does.
//!
//! Sources: Mann, "Nonparametric tests against trend", Econometrica 13 (1945); Kendall, "Rank
//! correlation methods" (1970), for ties and the exact distribution; Hamed & Rao, "A modified
//! Mann-Kendall trend test for autocorrelated data", Journal of Hydrology 204 (1998); Yue, Pilon,
//! Phinney & Cavadias, "The influence of autocorrelation on the ability to detect trend in
//! hydrological series", Hydrological Processes 16 (2002).

use super::inversions;
use super::theil_sen::theil_sen_series;
use crate::dependence::autocorrelation;
use crate::distribution::Normal;
use crate::error::{Result, StatsError, observations};
use crate::hypothesis::Alternative;

/// The longest series whose exact distribution is computed.
const EXACT_N_MAX: usize = 150;
/// Up to this length, and without ties, the exact distribution is chosen.
const EXACT_N: usize = 33;

/// Where the p-value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum MannKendallMethod {
    /// Exact without ties up to 33 observations (and beyond, for series almost in order), else the
    /// normal distribution; as scipy's `kendalltau` chooses.
    #[default]
    Automatic,
    /// The exact distribution: no ties, at most 150 observations.
    Exact,
    /// The normal distribution, with the variance corrected for ties.
    Asymptotic,
    /// The same with Kendall's correction for continuity, as hydrologists have it.
    ContinuityCorrected,
}

/// How the dependence of neighbours is taken into account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SerialCorrection {
    /// Hamed & Rao's factor of the variance, from the significant autocorrelations of the ranks
    /// of the detrended series, at ⌊10 log₁₀ n⌋ lags.
    HamedRao,
    /// Trend-free pre-whitening: where the autocorrelation at lag 1 is significant, it is taken out
    /// of the detrended series, and the trend put back.
    TrendFreePrewhitening,
}

/// The result of a Mann-Kendall test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannKendall {
    /// Number of observations compared.
    pub n: usize,
    /// Pairs that rise less pairs that fall.
    pub s: i64,
    /// Kendall's tau-b of value against time; in −1..=1.
    pub tau: f64,
    /// Variance of S without a trend.
    pub variance: f64,
    /// The method that was used; never `Automatic`.
    pub method: MannKendallMethod,
    /// Pairs that fall.
    falling: u64,
}

impl MannKendall {
    /// The p-value; [`Alternative::Greater`] claims that the series rises.
    pub fn p(&self, alternative: Alternative) -> f64 {
        let rising = pairs(self.n) - self.falling;
        if self.method == MannKendallMethod::Exact {
            return match alternative {
                Alternative::Greater => inversions_at_most(self.n, self.falling),
                Alternative::Less => inversions_at_most(self.n, rising),
                Alternative::TwoSided => {
                    (2.0 * inversions_at_most(self.n, self.falling.min(rising))).min(1.0)
                }
            };
        }
        match alternative {
            Alternative::Greater => Normal::STANDARD.sf(self.z(self.s)),
            Alternative::Less => Normal::STANDARD.sf(self.z(-self.s)),
            Alternative::TwoSided => (2.0 * Normal::STANDARD.sf(self.z(self.s.abs()))).min(1.0),
        }
    }

    fn z(&self, s: i64) -> f64 {
        let continuity = f64::from(u8::from(
            self.method == MannKendallMethod::ContinuityCorrected && s > 0,
        ));
        (s as f64 - continuity) / self.variance.sqrt()
    }
}

/// Tests a series in order of time, of at least three observations, for a trend.
///
/// ```
/// use tacho_stats::Alternative;
/// use tacho_stats::regression::{MannKendallMethod, mann_kendall};
///
/// let test = mann_kendall(&[1.0, 1.4, 1.2, 1.9, 2.5, 2.4, 3.1], MannKendallMethod::Automatic)?;
/// assert_eq!(test.s, 17);
/// assert!(test.p(Alternative::TwoSided) < 0.02);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn mann_kendall(x: &[f64], method: MannKendallMethod) -> Result<MannKendall> {
    observations(x, 3)?;
    let n = x.len();
    let mut sorted = x.to_vec();
    let falling = inversions::count(&mut sorted, |a, b| a > b);
    let (mut tied, mut tie_term) = (0, 0.0);
    for group in sorted.chunk_by(|a, b| a == b) {
        tied += pairs(group.len());
        let size = group.len() as f64;
        tie_term += size * (size - 1.0) * (2.0 * size + 5.0);
    }
    let all = pairs(n);
    if tied == all {
        return Err(StatsError::ZeroVariance);
    }
    let s = (all - tied) as i64 - 2 * falling as i64;
    let count = n as f64;
    let method = chosen(method, n, tied > 0, falling.min(all - falling))?;
    Ok(MannKendall {
        n,
        s,
        tau: s as f64 / (all as f64).sqrt() / ((all - tied) as f64).sqrt(),
        variance: (count * (count - 1.0) * (2.0 * count + 5.0) - tie_term) / 18.0,
        method,
        falling,
    })
}

/// The same with a published correction for autocorrelation; at least ten observations.
///
/// Kept for comparison with the literature: the false-alarm rate stays above the one asked for.
pub fn mann_kendall_corrected(x: &[f64], correction: SerialCorrection) -> Result<MannKendall> {
    observations(x, 10)?;
    match correction {
        SerialCorrection::HamedRao => hamed_rao(x),
        SerialCorrection::TrendFreePrewhitening => prewhitened(x),
    }
}

fn chosen(
    method: MannKendallMethod,
    n: usize,
    ties: bool,
    fewest: u64,
) -> Result<MannKendallMethod> {
    match method {
        MannKendallMethod::Automatic => {
            let exact = !ties && n <= EXACT_N_MAX && (n <= EXACT_N || fewest <= 1);
            Ok(if exact {
                MannKendallMethod::Exact
            } else {
                MannKendallMethod::Asymptotic
            })
        }
        MannKendallMethod::Exact if ties || n > EXACT_N_MAX => Err(StatsError::Invalid {
            name: "method",
            why: "the exact distribution needs distinct values, at most 150",
        }),
        other => Ok(other),
    }
}

/// Probability that a random order of `n` things has at most `count` inversions.
fn inversions_at_most(n: usize, count: u64) -> f64 {
    if count >= pairs(n) {
        return 1.0;
    }
    // Inserting the m-th thing adds 0 to m − 1 inversions, each as likely.
    let mut chances = vec![0.0; count as usize + 1];
    chances[0] = 1.0;
    for m in 2..=n {
        let before = chances.clone();
        let mut window = 0.0;
        for (k, chance) in chances.iter_mut().enumerate() {
            window += before[k];
            if k >= m {
                window -= before[k - m];
            }
            *chance = window / m as f64;
        }
    }
    chances.iter().sum::<f64>().min(1.0)
}

fn hamed_rao(x: &[f64]) -> Result<MannKendall> {
    let mut test = mann_kendall(x, MannKendallMethod::Asymptotic)?;
    let n = x.len() as f64;
    let slope = theil_sen_series(x, 0.95)?.slope;
    let lags = ((10.0 * n.log10()) as usize).min(x.len() - 1);
    let ranks = ranks(&detrended(x, slope));
    // A series exactly on its line has no autocorrelation to correct for.
    let correlations = match autocorrelation(&ranks, lags) {
        Err(StatsError::ZeroVariance) => return Ok(test),
        other => other?,
    };
    let significant = 1.96 / n.sqrt();
    let mut total = 0.0;
    for (lag, correlation) in correlations.iter().enumerate().skip(1) {
        if correlation.abs() > significant {
            let left = n - lag as f64;
            total += left * (left - 1.0) * (left - 2.0) * correlation;
        }
    }
    let factor = 1.0 + 2.0 * total / (n * (n - 1.0) * (n - 2.0));
    test.variance *= factor.max(1.0 / n);
    Ok(test)
}

fn prewhitened(x: &[f64]) -> Result<MannKendall> {
    let method = MannKendallMethod::Asymptotic;
    let slope = theil_sen_series(x, 0.95)?.slope;
    let rest = detrended(x, slope);
    let correlation = match autocorrelation(&rest, 1) {
        Err(StatsError::ZeroVariance) => return mann_kendall(x, method),
        other => other?[1],
    };
    if correlation.abs() <= 1.96 / (x.len() as f64).sqrt() {
        return mann_kendall(x, method);
    }
    let steps = rest.windows(2).enumerate();
    let blended: Vec<f64> = steps
        .map(|(t, pair)| pair[1] - correlation * pair[0] + slope * (t + 1) as f64)
        .collect();
    mann_kendall(&blended, method)
}

fn detrended(x: &[f64], slope: f64) -> Vec<f64> {
    x.iter()
        .enumerate()
        .map(|(t, v)| v - slope * t as f64)
        .collect()
}

/// Ranks from 1, means among equals.
fn ranks(x: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_unstable_by(|a, b| x[*a].total_cmp(&x[*b]));
    let mut ranks = vec![0.0; x.len()];
    let mut below = 0;
    for group in order.chunk_by(|a, b| x[*a] == x[*b]) {
        let rank = below as f64 + 0.5 * (group.len() + 1) as f64;
        for index in group {
            ranks[*index] = rank;
        }
        below += group.len();
    }
    ranks
}

fn pairs(n: usize) -> u64 {
    let n = n as u64;
    n * n.saturating_sub(1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn exact_distribution_of_four() {
        // Inversions of the 24 orders of four: 1, 3, 5, 6, 5, 3, 1.
        let want = [1.0, 4.0, 9.0, 15.0, 20.0, 23.0, 24.0].map(|c| c / 24.0);
        for (count, want) in want.iter().enumerate() {
            assert!((inversions_at_most(4, count as u64) - want).abs() < 1e-15);
        }
    }

    #[test]
    fn normal_and_exact_agree_in_the_middle() {
        let mut rng = Rng::new(4);
        let x: Vec<f64> = (0..120)
            .map(|t| 0.004 * f64::from(t) + rng.standard_normal())
            .collect();
        let exact = mann_kendall(&x, MannKendallMethod::Exact).unwrap();
        let normal = mann_kendall(&x, MannKendallMethod::ContinuityCorrected).unwrap();
        for alternative in [Alternative::TwoSided, Alternative::Greater] {
            let (exact, normal) = (exact.p(alternative), normal.p(alternative));
            assert!((exact / normal - 1.0).abs() < 0.02, "{exact} {normal}");
        }
    }

    #[test]
    fn reversing_mirrors() {
        let x = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.5];
        let mut back = x;
        back.reverse();
        for method in [
            MannKendallMethod::Automatic,
            MannKendallMethod::ContinuityCorrected,
        ] {
            let (there, back) = (
                mann_kendall(&x, method).unwrap(),
                mann_kendall(&back, method).unwrap(),
            );
            assert_eq!((there.s, there.tau), (-back.s, -back.tau));
            assert_eq!(there.p(Alternative::Greater), back.p(Alternative::Less));
            assert_eq!(
                there.p(Alternative::TwoSided),
                back.p(Alternative::TwoSided)
            );
        }
    }

    #[test]
    fn corrections_widen_under_dependence() {
        let mut rng = Rng::new(5);
        let mut state = 0.0;
        let x: Vec<f64> = (0..300)
            .map(|_| {
                state = 0.8 * state + rng.standard_normal();
                state
            })
            .collect();
        let plain = mann_kendall(&x, MannKendallMethod::Asymptotic).unwrap();
        let wide = mann_kendall_corrected(&x, SerialCorrection::HamedRao).unwrap();
        assert!(wide.s == plain.s && wide.variance > 3.0 * plain.variance);
        let white = mann_kendall_corrected(&x, SerialCorrection::TrendFreePrewhitening).unwrap();
        assert_eq!(white.n, 299);
        let line: Vec<f64> = (0..20).map(f64::from).collect();
        for correction in [
            SerialCorrection::HamedRao,
            SerialCorrection::TrendFreePrewhitening,
        ] {
            let test = mann_kendall_corrected(&line, correction).unwrap();
            assert_eq!(test.tau, 1.0);
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let automatic = MannKendallMethod::Automatic;
        assert_eq!(
            mann_kendall(&[2.0; 5], automatic),
            Err(StatsError::ZeroVariance)
        );
        let short = Err(StatsError::TooFew { need: 3, got: 2 });
        assert_eq!(mann_kendall(&[1.0, 2.0], automatic), short);
        let exact = MannKendallMethod::Exact;
        assert!(mann_kendall(&[1.0, 1.0, 2.0], exact).is_err());
        assert!(mann_kendall(&[1e308, -1e308, 5e-324], exact).is_ok());
    }
}
