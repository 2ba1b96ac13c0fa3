//! A grid of noise models, and what a series in the frequency domain says of each.
//!
//! Invariant: model 0 is white noise; every other is white noise plus a first-order autoregression
//! with coefficient φ and share w of the variance, on a fixed grid ordered by φ, so that the models
//! of a shorter series are a prefix of those of a longer one. What a mean and what a line are tested
//! on comes from this one grid, one spectrum and one likelihood.
//! Not a spectrum estimator for other ends: neighbouring frequencies are taken together.
//! Sources: Whittle, "The analysis of multiple stationary time series", Journal of the Royal
//! Statistical Society B 15 (1953); Müller, "HAC corrections for strongly autocorrelated time
//! series", Journal of Business & Economic Statistics 32 (2014), for averaging over such models.

use std::f64::consts::PI;

/// Coefficients of the autoregression; its correlation time is 1/(1 − φ).
const PHI: [f64; 12] = [
    0.3, 0.5, 0.65, 0.75, 0.82, 0.87, 0.9, 0.925, 0.945, 0.96, 0.97, 0.98,
];
/// Shares of the autoregression in the variance.
const SHARE: [f64; LANES] = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
/// Models of one φ, which are weighed side by side.
const LANES: usize = 12;
/// A correlation time longer than this part of the series cannot be told from a trend.
const RESOLUTION: f64 = 8.0;
/// Prior probability of white noise; the other models that the series can tell apart share the
/// rest equally.
const WHITE_PRIOR: f64 = 0.5;
/// Levels multiplied before a logarithm is taken: each lies between 0.01 and 99.
const LEVELS_MAX: usize = 64;
/// Longer series are averaged down to this length first, which leaves slow variation alone.
pub(crate) const LENGTH_MAX: usize = 1024;

/// One model beside a series: products of amplitudes, each over its frequency's spectrum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Weighed<const K: usize> {
    /// Prior weight, not normalised: that of white noise is one.
    pub(crate) prior: f64,
    /// Observations over effective observations: the spectrum at zero over the variance.
    pub(crate) tau: f64,
    /// Σ ln spectrum, for a variance of one.
    pub(crate) log_determinant: f64,
    /// Each product's Σ over the frequencies of product / spectrum.
    pub(crate) sums: [f64; K],
}

/// Weighs every model that a series can tell apart. `products` holds, for each of the series'
/// `length` − 1 cosines (frequency πj / length), products of amplitudes there: the energy, say.
pub(crate) fn weigh<const K: usize>(products: &[[f64; K]]) -> Vec<Weighed<K>> {
    let length = products.len() + 1;
    let longest = (length as f64 / RESOLUTION).max(1.45);
    let bins = bins(products, length);
    let visible = PHI.iter().filter(|phi| 1.0 / (1.0 - **phi) <= longest);
    let count = visible.clone().count() * LANES;
    let mut models = Vec::with_capacity(1 + count);
    models.push(white(&bins));
    // White noise has WHITE_PRIOR of the whole, and one here.
    let prior = (1.0 - WHITE_PRIOR) / WHITE_PRIOR / count as f64;
    for phi in visible {
        models.extend(with_memory(&bins, *phi, prior));
    }
    models
}

/// n over the median of τ under `weights`, as a number of observations.
pub(crate) fn effective_n(n: f64, models: impl Iterator<Item = (f64, f64)>) -> f64 {
    let mut order: Vec<(f64, f64)> = models.collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = 0.5 * order.iter().map(|o| o.1).sum::<f64>();
    let mut below = 0.0;
    for (tau, weight) in order {
        below += weight;
        if below >= half {
            return (n / tau).clamp(1.0, n);
        }
    }
    n
}

/// Neighbouring frequencies, whose spectrum hardly differs, taken together.
struct Bin<const K: usize> {
    /// 2 − 2 cos of the middle frequency.
    gap: f64,
    /// How many.
    count: usize,
    sums: [f64; K],
}

/// Single frequencies up to the eighth, then bins an eighth of their frequency wide.
fn bins<const K: usize>(products: &[[f64; K]], length: usize) -> Vec<Bin<K>> {
    let mut bins = Vec::with_capacity(64);
    let mut first = 1;
    while first <= products.len() {
        let end = (first + (first / 8).max(1)).min(products.len() + 1);
        let mut sums = [0.0; K];
        for one in &products[first - 1..end - 1] {
            for (sum, product) in sums.iter_mut().zip(one) {
                *sum += product;
            }
        }
        let centre = 0.5 * (first + end - 1) as f64;
        // 2 − 2 cos ω = 4 sin²(ω/2), which loses no digits.
        let sine = (0.5 * PI * centre / length as f64).sin();
        bins.push(Bin {
            gap: 4.0 * sine * sine,
            count: end - first,
            sums,
        });
        first = end;
    }
    bins
}

fn white<const K: usize>(bins: &[Bin<K>]) -> Weighed<K> {
    let mut sums = [0.0; K];
    for bin in bins {
        for (sum, product) in sums.iter_mut().zip(bin.sums) {
            *sum += product;
        }
    }
    Weighed {
        prior: 1.0,
        tau: 1.0,
        log_determinant: 0.0,
        sums,
    }
}

/// The models of one φ. An autoregression of unit variance has the spectrum
/// (1 − φ²) / (1 − 2φ cos ω + φ²), whose denominator is (1 − φ)² + φ (2 − 2 cos ω).
fn with_memory<const K: usize>(bins: &[Bin<K>], phi: f64, prior: f64) -> [Weighed<K>; LANES] {
    let mut sums = [[0.0; LANES]; K];
    let mut logs = [0.0; LANES];
    let (mut levels, mut gathered) = ([1.0; LANES], 0);
    for (index, bin) in bins.iter().enumerate() {
        let excess = (1.0 - phi * phi) / ((1.0 - phi).powi(2) + phi * bin.gap) - 1.0;
        let level: [f64; LANES] = std::array::from_fn(|lane| 1.0 + SHARE[lane] * excess);
        let inverse = level.map(|level| 1.0 / level);
        for (sums, product) in sums.iter_mut().zip(bin.sums) {
            for lane in 0..LANES {
                sums[lane] += product * inverse[lane];
            }
        }
        for lane in 0..LANES {
            levels[lane] *= level[lane];
        }
        gathered += 1;
        // Bins as wide as the next share its logarithm.
        let next = bins.get(index + 1).map(|bin| bin.count);
        if next != Some(bin.count) || gathered == LEVELS_MAX {
            for lane in 0..LANES {
                logs[lane] += bin.count as f64 * levels[lane].ln();
            }
            (levels, gathered) = ([1.0; LANES], 0);
        }
    }
    let memory = (1.0 + phi) / (1.0 - phi);
    std::array::from_fn(|lane| Weighed {
        prior,
        tau: 1.0 - SHARE[lane] + SHARE[lane] * memory,
        log_determinant: logs[lane],
        sums: std::array::from_fn(|k| sums[k][lane]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Straight from the definition, one model and one bin at a time.
    #[test]
    fn models_are_weighed_as_defined() {
        for n in [4usize, 12, 40, 240, 1024] {
            let products: Vec<[f64; 2]> = (1..n)
                .map(|j| [((j * j) % 7 + 1) as f64, 1.0 / j as f64])
                .collect();
            let models = weigh(&products);
            let phis = PHI
                .iter()
                .filter(|phi| (1.0 - **phi).recip() <= (n as f64 / 8.0).max(1.45));
            let grid = phis.flat_map(|phi| SHARE.iter().map(move |share| (*phi, *share)));
            let grid: Vec<(f64, f64)> = std::iter::once((0.0, 0.0)).chain(grid).collect();
            assert_eq!(models.len(), grid.len());
            let spectrum = |phi: f64, share: f64, frequency: f64| {
                let denominator = 1.0 - 2.0 * phi * frequency.cos() + phi * phi;
                1.0 - share + share * (1.0 - phi * phi) / denominator
            };
            for (model, (phi, share)) in models.iter().zip(grid) {
                let (mut log, mut sums, mut first) = (0.0, [0.0; 2], 1);
                while first < n {
                    let end = (first + (first / 8).max(1)).min(n);
                    let centre = 0.5 * (first + end - 1) as f64;
                    let level = spectrum(phi, share, PI * centre / n as f64);
                    for product in &products[first - 1..end - 1] {
                        log += level.ln();
                        sums[0] += product[0] / level;
                        sums[1] += product[1] / level;
                    }
                    first = end;
                }
                assert!((model.log_determinant - log).abs() < 1e-9 * (1.0 + log.abs()));
                for (got, want) in model.sums.iter().zip(sums) {
                    assert!((got / want - 1.0).abs() < 1e-12, "{got} {want}");
                }
                assert!((model.tau / spectrum(phi, share, 0.0) - 1.0).abs() < 1e-12);
            }
            let others: f64 = models[1..].iter().map(|m| m.prior).sum();
            assert!((others - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn effective_number_is_read_at_the_median() {
        let models = [(4.0, 0.2), (1.0, 0.5), (9.0, 0.3)];
        assert_eq!(effective_n(36.0, models.into_iter()), 36.0);
        let models = [(4.0, 0.3), (1.0, 0.4), (9.0, 0.3)];
        assert_eq!(effective_n(36.0, models.into_iter()), 9.0);
        assert_eq!(effective_n(2.0, models.into_iter()), 1.0);
    }
}
