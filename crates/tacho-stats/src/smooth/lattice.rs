//! Local regression of an evenly spaced series: the smoother inside STL.
//!
//! Invariant: equals a weighted least-squares fit at every evaluated point, with the neighbourhood
//! rules of the published STL program; between evaluated points it interpolates linearly.
//! Not for uneven spacing; that is [`loess`](super::loess).
//!
//! Inside the series every neighbourhood is symmetric and has the same kernel, so that the sums of
//! the fit are convolutions, taken for eight neighbours at a time. Only the ends are fitted one by
//! one.
//! Source: Cleveland, Cleveland, `McRae` & Terpenning, "STL: a seasonal-trend decomposition procedure
//! based on loess", Journal of Official Statistics 6 (1990), section 2 and its program.

use super::Degree;
use super::robustness::tricube;

/// Neighbouring outputs computed together.
const LANES: usize = 8;
/// A line is fitted only where the weights' spread exceeds this part of the series' length.
const SPREAD_MIN: f64 = 0.001;

/// A local regression: kernel and scratch space, reused between series.
#[derive(Debug)]
pub(super) struct Lattice {
    window: usize,
    degree: Degree,
    jump: usize,
    /// Tricube weights of a full neighbourhood, and these times offset and offset squared.
    kernel: [Vec<f64>; 3],
    /// One over the sum of the kernel.
    unit: f64,
    weighted: Vec<f64>,
}

/// The sums of one neighbourhood, offsets counted from the evaluated point.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    weight: f64,
    offset: f64,
    square: f64,
    value: f64,
    product: f64,
}

impl Sums {
    /// The fit at offset zero, or none where nothing has any weight.
    fn fit(&self, degree: Degree, spread_min: f64) -> Option<f64> {
        if self.weight <= 0.0 {
            return None;
        }
        let mean = self.value / self.weight;
        if degree == Degree::Constant {
            return Some(mean);
        }
        let centre = self.offset / self.weight;
        let variance = self.square / self.weight - centre * centre;
        if variance <= spread_min * spread_min {
            return Some(mean);
        }
        let covariance = self.product / self.weight - centre * mean;
        Some(mean - centre * covariance / variance)
    }
}

impl Lattice {
    /// `window` is odd and at least 3, `jump` at least 1, the degree constant or linear; no series
    /// will be longer than `longest`.
    pub(super) fn new(window: usize, degree: Degree, jump: usize, longest: usize) -> Self {
        let half = window / 2;
        // A window that is never full needs no kernel.
        let kernel_length = if window < longest { window } else { 0 };
        let weight = |j: usize| tricube(j.abs_diff(half) as f64, half as f64);
        let power =
            |p: i32| (0..kernel_length).map(move |j| weight(j) * (j as f64 - half as f64).powi(p));
        Self {
            window,
            degree,
            jump,
            kernel: [0, 1, 2].map(|p| power(p).collect()),
            unit: 1.0 / power(0).sum::<f64>(),
            weighted: Vec::new(),
        }
    }

    /// Smooths `y` into `out`; `robustness` holds one weight for each value, or none at all.
    pub(super) fn smooth(&mut self, y: &[f64], robustness: Option<&[f64]>, out: &mut [f64]) {
        let n = y.len();
        if n < 2 {
            out.copy_from_slice(y);
            return;
        }
        let jump = self.jump.min(n - 1);
        let half = self.window / 2;
        let inside = if self.window < n {
            half..n - half
        } else {
            0..0
        };
        if jump == 1 {
            for i in (0..inside.start).chain(inside.end..n) {
                out[i] = self.at(y, robustness, i, self.bounds(n, i)).unwrap_or(y[i]);
            }
            self.inside(y, robustness, inside.start, out);
            return;
        }
        for i in (0..n).step_by(jump) {
            out[i] = self.at(y, robustness, i, self.bounds(n, i)).unwrap_or(y[i]);
        }
        for left in (0..n).step_by(jump).take_while(|left| left + jump < n) {
            interpolate(out, left, left + jump);
        }
        let last = (n - 1) / jump * jump;
        if last < n - 1 {
            // The published program keeps the neighbourhood of the last evaluated point here.
            let bounds = self.bounds(n, last);
            out[n - 1] = self.at(y, robustness, n - 1, bounds).unwrap_or(y[n - 1]);
            interpolate(out, last, n - 1);
        }
    }

    /// The fit one step before the first value.
    pub(super) fn before(&self, y: &[f64], robustness: Option<&[f64]>) -> Option<f64> {
        self.fit_at(y, robustness, -1.0, (0, self.window.min(y.len())))
    }

    /// The fit one step after the last value.
    pub(super) fn after(&self, y: &[f64], robustness: Option<&[f64]>) -> Option<f64> {
        let n = y.len();
        self.fit_at(y, robustness, n as f64, (n.saturating_sub(self.window), n))
    }

    /// The neighbourhood of a point, as near as the ends allow.
    fn bounds(&self, n: usize, i: usize) -> (usize, usize) {
        if self.window >= n {
            return (0, n);
        }
        let from = i.saturating_sub(self.window / 2).min(n - self.window);
        (from, from + self.window)
    }

    fn at(
        &self,
        y: &[f64],
        robustness: Option<&[f64]>,
        i: usize,
        bounds: (usize, usize),
    ) -> Option<f64> {
        self.fit_at(y, robustness, i as f64, bounds)
    }

    /// The fit at any place from any neighbourhood.
    fn fit_at(
        &self,
        y: &[f64],
        robustness: Option<&[f64]>,
        place: f64,
        (from, to): (usize, usize),
    ) -> Option<f64> {
        let n = y.len();
        let mut half_width = (place - from as f64).max(to as f64 - 1.0 - place);
        if self.window > n {
            half_width += ((self.window - n) / 2) as f64;
        }
        let mut sums = Sums::default();
        for j in from..to {
            let offset = j as f64 - place;
            let weight =
                tricube(offset.abs(), half_width) * robustness.map_or(1.0, |weights| weights[j]);
            sums.weight += weight;
            sums.offset += weight * offset;
            sums.square += weight * offset * offset;
            sums.value += weight * y[j];
            sums.product += weight * offset * y[j];
        }
        sums.fit(self.degree, SPREAD_MIN * (n as f64 - 1.0))
    }

    /// All points whose neighbourhood is symmetric; `start` is the first of them.
    fn inside(&mut self, y: &[f64], robustness: Option<&[f64]>, start: usize, out: &mut [f64]) {
        let count = (y.len() + 1).saturating_sub(self.window);
        if self.window >= y.len() {
            return;
        }
        let out = &mut out[start..start + count];
        let Some(weights) = robustness else {
            // Equal weights on both sides: line and mean agree at the centre.
            blocks(count, |first, lanes| {
                let sums = convolve(&self.kernel[0], y, first, lanes);
                for (slot, sum) in out[first..].iter_mut().zip(sums).take(lanes) {
                    *slot = sum * self.unit;
                }
            });
            return;
        };
        self.weighted.clear();
        self.weighted
            .extend(y.iter().zip(weights).map(|(v, w)| v * w));
        let spread_min = SPREAD_MIN * (y.len() as f64 - 1.0);
        blocks(count, |first, lanes| {
            let sums = self.weighted_sums(weights, first, lanes);
            for (lane, sums) in sums.iter().enumerate().take(lanes) {
                let fit = sums.fit(self.degree, spread_min);
                out[first + lane] = fit.unwrap_or(y[start + first + lane]);
            }
        });
    }

    fn weighted_sums(&self, weights: &[f64], first: usize, lanes: usize) -> [Sums; LANES] {
        let [flat, slope, curve] = &self.kernel;
        let weight = convolve(flat, weights, first, lanes);
        let value = convolve(flat, &self.weighted, first, lanes);
        if self.degree == Degree::Constant {
            return std::array::from_fn(|l| Sums {
                weight: weight[l],
                value: value[l],
                ..Sums::default()
            });
        }
        let offset = convolve(slope, weights, first, lanes);
        let square = convolve(curve, weights, first, lanes);
        let product = convolve(slope, &self.weighted, first, lanes);
        std::array::from_fn(|l| Sums {
            weight: weight[l],
            offset: offset[l],
            square: square[l],
            value: value[l],
            product: product[l],
        })
    }
}

/// Σⱼ kernel\[j\] x\[first + lane + j\] for up to [`LANES`] neighbours.
fn convolve(kernel: &[f64], x: &[f64], first: usize, lanes: usize) -> [f64; LANES] {
    let mut sums = [0.0; LANES];
    if lanes == LANES {
        let windows = x[first..].windows(LANES);
        for (k, window) in kernel.iter().zip(windows) {
            for (sum, value) in sums.iter_mut().zip(window) {
                *sum += k * value;
            }
        }
    } else {
        for (lane, sum) in sums.iter_mut().enumerate().take(lanes) {
            *sum = kernel
                .iter()
                .zip(&x[first + lane..])
                .map(|(k, v)| k * v)
                .sum();
        }
    }
    sums
}

/// Calls `work(first, lanes)` for runs of up to [`LANES`] of `count` outputs.
fn blocks(count: usize, mut work: impl FnMut(usize, usize)) {
    for first in (0..count).step_by(LANES) {
        work(first, LANES.min(count - first));
    }
}

/// Fills `out` between two evaluated points.
fn interpolate(out: &mut [f64], left: usize, right: usize) {
    let step = (out[right] - out[left]) / (right - left) as f64;
    for i in left + 1..right {
        out[i] = out[left] + step * (i - left) as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize) -> Vec<f64> {
        (0..n)
            .map(|i| (i as f64 * 0.7).sin() + 0.1 * i as f64)
            .collect()
    }

    /// The convolutions and the fits one by one are the same regression.
    #[test]
    fn inside_agrees_with_single_fits() {
        for (n, window) in [(40, 7), (41, 9), (16, 15), (12, 5), (60, 31)] {
            let y = wave(n);
            let weights: Vec<f64> = (0..n).map(|i| f64::from(i as u32 % 5) / 4.0).collect();
            for degree in [Degree::Constant, Degree::Linear] {
                for robustness in [None, Some(weights.as_slice())] {
                    let mut lattice = Lattice::new(window, degree, 1, n);
                    let mut out = vec![f64::NAN; n];
                    lattice.smooth(&y, robustness, &mut out);
                    for (i, got) in out.iter().enumerate() {
                        let want = lattice.at(&y, robustness, i, lattice.bounds(n, i));
                        assert!(
                            (got - want.unwrap_or(y[i])).abs() < 1e-12,
                            "{n} {window} {i}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_line_is_kept_whatever_the_jump() {
        let y: Vec<f64> = (0..50).map(|i| 3.0 - 0.5 * f64::from(i)).collect();
        for (window, jump) in [(7, 1), (7, 5), (21, 100), (99, 3), (3, 7)] {
            let mut out = vec![0.0; 50];
            let mut lattice = Lattice::new(window, Degree::Linear, jump, 50);
            lattice.smooth(&y, None, &mut out);
            for (got, want) in out.iter().zip(&y) {
                assert!((got - want).abs() < 1e-10, "{window} {jump}");
            }
            assert!((lattice.before(&y, None).unwrap() - 3.5).abs() < 1e-10);
        }
    }

    #[test]
    fn without_any_weight_values_stay() {
        let y = wave(20);
        let mut out = vec![0.0; 20];
        Lattice::new(5, Degree::Linear, 1, 20).smooth(&y, Some(&[0.0; 20]), &mut out);
        assert_eq!(out, y);
    }
}
