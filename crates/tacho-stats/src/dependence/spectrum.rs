//! A series as energies of cosines.
//!
//! Invariant: the energies Λⱼ² of all n − 1 cosines add up to Σ(x − x̄)² (the transform is
//! orthonormal), and the mean plays no part in them. For a stationary series each is nearly
//! independent, with expectation equal to the spectrum at πj/n.
//! Source: Müller, "A theory of robust long-run variance estimation", Journal of Econometrics 141
//! (2007).

use std::f64::consts::PI;

/// Frequencies taken together, so that their recurrences overlap in the processor.
const LANES: usize = 8;

/// Λⱼ² = (2/n) (Σ yₜ cos(πj(t − ½)/n))² for j = 1 to `terms`, of deviations from the mean.
pub(super) fn cosine_energies(y: &[f64], terms: usize) -> Vec<f64> {
    let n = y.len() as f64;
    let mut energies = Vec::with_capacity(terms + LANES);
    while energies.len() < terms {
        let first = energies.len() + 1;
        let step = |lane: usize| PI * (first + lane) as f64 / n;
        // cos(step (t − ½)) by its three-term recurrence, from t = 0 and t = 1, which are equal.
        let twice: [f64; LANES] = std::array::from_fn(|lane| 2.0 * step(lane).cos());
        let mut now: [f64; LANES] = std::array::from_fn(|lane| (0.5 * step(lane)).cos());
        let mut before = now;
        let mut total = [0.0; LANES];
        for value in y {
            for lane in 0..LANES {
                total[lane] += value * now[lane];
                let next = twice[lane] * now[lane] - before[lane];
                before[lane] = now[lane];
                now[lane] = next;
            }
        }
        energies.extend(total.map(|sum| sum * sum * 2.0 / n));
    }
    energies.truncate(terms);
    energies
}

/// Cuts single peaks of the spectrum down to their surroundings.
///
/// A season is a line in the spectrum. It says nothing about the slow variation that moves a mean,
/// but a smooth model would stretch to cover it. From the eighth frequency, an energy above
/// `PEAK` times the level of its neighbours (median / 0.455, the median of χ² with one degree of
/// freedom) is replaced by that level; without a peak one in 1 900 is. Series with fewer than
/// `LENGTH_MIN` energies show no level to stand out from and are left alone.
pub(super) fn flatten_peaks(energies: &mut [f64]) {
    const PEAK: f64 = 12.0;
    const REACH: usize = 12;
    const FIRST: usize = 7;
    const LENGTH_MIN: usize = 48;
    const CHI_SQUARED_MEDIAN: f64 = 0.454_936_423_119_572_8;
    if energies.len() < LENGTH_MIN {
        return;
    }
    let original = energies.to_vec();
    for (j, energy) in energies.iter_mut().enumerate().skip(FIRST) {
        let from = j.saturating_sub(REACH).max(FIRST - 4);
        let to = (j + REACH + 1).min(original.len());
        let mut around = original[from..to].to_vec();
        let middle = around.len() / 2;
        let (_, median, _) = around.select_nth_unstable_by(middle, f64::total_cmp);
        let level = *median / CHI_SQUARED_MEDIAN;
        if level > 0.0 && *energy > PEAK * level {
            *energy = level;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energies_add_up_to_the_sum_of_squares() {
        let x = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0];
        let mean = x.iter().sum::<f64>() / 9.0;
        let y: Vec<f64> = x.iter().map(|v| v - mean).collect();
        let energies = cosine_energies(&y, 8);
        let want: f64 = y.iter().map(|v| v * v).sum();
        assert!((energies.iter().sum::<f64>() - want).abs() < 1e-12);
    }

    #[test]
    fn a_season_is_flattened_and_slow_drift_is_not() {
        let mut energies = vec![1.0; 60];
        energies[0] = 500.0;
        energies[30] = 500.0;
        energies[31] = 80.0;
        flatten_peaks(&mut energies);
        assert_eq!(energies[0], 500.0);
        assert!(energies[30] < 3.0 && energies[31] < 3.0);
    }
}
