//! A series made ready for the search: on a common scale, without lone outliers, not too long.
//!
//! Invariant: the result has mean 0 and variance 1 (before clipping), so that shifting and scaling
//! a series changes nothing that is found. Steps survive: clipping is towards a running median,
//! which keeps them.
//! Source: Hampel, "The influence curve and its role in robust estimation", JASA 69 (1974); running
//! medians: Tukey, "Exploratory data analysis" (1977).

/// Observations on either side of a running median.
const REACH: usize = 3;
/// Farther from the running median than this many robust standard deviations is clipped.
const CLIP: f64 = 3.0;

/// Deviations in units of the standard deviation, none where all are equal.
pub(super) fn standardised(x: &[f64]) -> Option<Vec<f64>> {
    let scale = crate::describe::power_of_two_scale(x);
    let (high, low) = crate::sum::mean_parts(x);
    let deviations: Vec<f64> = x.iter().map(|v| ((v - high) - low) * scale).collect();
    let squares: f64 = deviations.iter().map(|v| v * v).sum();
    let sd = (squares / x.len() as f64).sqrt();
    (sd > 0.0 && sd.is_finite()).then(|| deviations.into_iter().map(|v| v / sd).collect())
}

/// Means of `batch` neighbours; the last may be of fewer.
pub(super) fn batched(y: &[f64], batch: usize) -> Vec<f64> {
    y.chunks(batch)
        .map(|c| c.iter().sum::<f64>() / c.len() as f64)
        .collect()
}

/// Lone outliers pulled towards the running median.
pub(super) fn clipped(y: &[f64]) -> Vec<f64> {
    let mut window = Vec::with_capacity(2 * REACH + 1);
    let centres: Vec<f64> = (0..y.len())
        .map(|t| {
            window.clear();
            window.extend_from_slice(&y[t.saturating_sub(REACH)..(t + REACH + 1).min(y.len())]);
            median(&mut window)
        })
        .collect();
    let mut distances: Vec<f64> = y.iter().zip(&centres).map(|(v, c)| (v - c).abs()).collect();
    let reach = CLIP * 1.482_602_218_505_602 * median(&mut distances);
    if reach == 0.0 {
        return y.to_vec();
    }
    y.iter()
        .zip(centres)
        .map(|(v, c)| v.clamp(c - reach, c + reach))
        .collect()
}

/// The median of a non-empty slice, which is left in another order.
pub(super) fn median(x: &mut [f64]) -> f64 {
    let middle = x.len() / 2;
    let odd = x.len() % 2 == 1;
    let (below, upper, _) = x.select_nth_unstable_by(middle, f64::total_cmp);
    if odd {
        return *upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    0.5 * (lower + *upper)
}
