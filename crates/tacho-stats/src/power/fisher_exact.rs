//! Power of Fisher's exact test of two proportions, by counting every outcome.
//!
//! Invariant: exact, no approximation; the test is conservative, so its power lies below that of
//! the normal approximation ([`TestFamily::Proportions`](super::TestFamily::Proportions)), and it
//! does not rise evenly with n. For at most [`GROUP_MAX`] observations a group.
//! Source: Casagrande, Pike & Smith, Applied Statistics 27 (1978).

use crate::distribution::Binomial;
use crate::error::{self, Result, StatsError, probability};
use crate::hypothesis::Alternative;

/// The largest group: a million tables are counted.
pub const GROUP_MAX: usize = 1_000;

/// The probability that Fisher's test at `alpha` rejects, with `n` observations of proportion `p`
/// each: first and second group.
///
/// ```
/// use tacho_stats::Alternative;
/// use tacho_stats::power::fisher_exact;
///
/// let power = fisher_exact::power([30, 30], [0.7, 0.3], 0.05, Alternative::TwoSided)?;
/// assert!((0.8..0.9).contains(&power));
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn power(n: [usize; 2], p: [f64; 2], alpha: f64, alternative: Alternative) -> Result<f64> {
    error::level(alpha)?;
    probability("p", p[0])?;
    probability("p", p[1])?;
    for size in n {
        if size == 0 || size > GROUP_MAX {
            return Err(StatsError::Invalid {
                name: "n",
                why: "a group holds 1 to 1000 observations",
            });
        }
    }
    let chances = |size: usize, p: f64| -> Result<Vec<f64>> {
        let binomial = Binomial::new(size as u64, p)?;
        Ok((0..=size as u64).map(|k| binomial.pmf(k)).collect())
    };
    let (first, second) = (chances(n[0], p[0])?, chances(n[1], p[1])?);
    // Given the total, the null distribution does not depend on the proportion; ½ keeps it in range.
    let (null_first, null_second) = (chances(n[0], 0.5)?, chances(n[1], 0.5)?);
    let mut power = 0.0;
    for total in 0..=n[0] + n[1] {
        let low = total.saturating_sub(n[1]);
        let high = total.min(n[0]);
        let null: Vec<f64> = (low..=high)
            .map(|k| null_first[k] * null_second[total - k])
            .collect();
        let rejected = rejected(&null, alpha, alternative);
        for k in (low..=high).filter(|k| rejected[k - low]) {
            power += first[k] * second[total - k];
        }
    }
    Ok(power.min(1.0))
}

/// The smallest group size, the same in both, from which on the power stays at `power` or above
/// for three sizes in a row; none up to [`GROUP_MAX`].
pub fn sample_size(
    p: [f64; 2],
    power_asked: f64,
    alpha: f64,
    alternative: Alternative,
) -> Result<Option<usize>> {
    error::level(power_asked)?;
    let reaches = |n: usize| -> Result<bool> {
        Ok(n > GROUP_MAX || power([n, n], p, alpha, alternative)? >= power_asked)
    };
    if power([GROUP_MAX; 2], p, alpha, alternative)? < power_asked {
        return Ok(None);
    }
    // Doubling finds the scale, so that the scan is short.
    let mut n = 1;
    while !reaches(n)? {
        n *= 2;
    }
    let mut streak = 0;
    for candidate in n / 2..=GROUP_MAX {
        streak = if candidate > 0 && reaches(candidate)? {
            streak + 1
        } else {
            0
        };
        if streak == 3 {
            return Ok(Some(candidate - 2));
        }
    }
    Ok(None)
}

/// Which counts of the first group reject, given the total; two-sided by the sum of all chances
/// that are not larger, as in R and scipy.
fn rejected(null: &[f64], alpha: f64, alternative: Alternative) -> Vec<bool> {
    let whole: f64 = null.iter().sum();
    let mut order: Vec<usize> = (0..null.len()).collect();
    match alternative {
        Alternative::Less => {}
        Alternative::Greater => order.reverse(),
        Alternative::TwoSided => order.sort_by(|i, j| null[*i].total_cmp(&null[*j])),
    }
    let mut rejected = vec![false; null.len()];
    let mut place = 0;
    let mut sum = 0.0;
    while place < order.len() {
        // Two-sided, equal chances come in together.
        let mut end = place + 1;
        let chance = null[order[place]];
        while alternative == Alternative::TwoSided
            && end < order.len()
            && null[order[end]] <= chance * (1.0 + 1e-7)
        {
            end += 1;
        }
        sum += order[place..end].iter().map(|k| null[*k]).sum::<f64>();
        if sum > alpha * whole * (1.0 + 1e-12) {
            break;
        }
        for k in &order[place..end] {
            rejected[*k] = true;
        }
        place = end;
    }
    rejected
}
