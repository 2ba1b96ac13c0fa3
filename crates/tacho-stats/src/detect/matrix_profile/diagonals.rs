//! The highest correlation of every stretch with another, by walking along diagonals.
//!
//! Invariant: where `start + k` and `other + k` move on together, the covariance changes by two
//! products; each walk starts from a covariance computed in full, and is short enough, in length and
//! in the spread of what it passes, that rounding keeps ten digits of the correlation.
//! [`LANES`] diagonals are walked at once, since steps along one must wait for each other. Bands of
//! diagonals are visited in scattered order: neighbouring ones correlate, and in order they would
//! improve on each other at nearly every step, each time at the cost of an update.

use super::windows::Windows;

/// Diagonals walked at once.
const LANES: usize = 16;
/// Steps of a walk, at least; four windows where those are longer, so that the covariance in full
/// at its start costs little beside it.
const WALK: usize = 256;
/// A walk whose stretches differ more in spread than this is halved: what rounding leaves of a
/// spike, relative to its square, must stay below ten digits of the flattest stretch.
const SPREAD_MAX: f64 = 500.0;

/// The best correlation of every stretch, and with which other.
#[derive(Debug)]
pub(super) struct Best {
    pub(super) correlations: Vec<f64>,
    pub(super) neighbours: Vec<u32>,
}

impl Best {
    fn offer(&mut self, start: usize, other: usize, correlation: f64) {
        if correlation > self.correlations[start] {
            self.correlations[start] = correlation;
            self.neighbours[start] = other as u32;
        }
    }
}

/// Compares every two stretches that start at least `nearest` apart.
pub(super) fn best_correlations(windows: &Windows, nearest: usize) -> Best {
    let count = windows.len();
    let mut best = Best {
        correlations: vec![f64::NEG_INFINITY; count],
        neighbours: vec![0; count],
    };
    let bands = (count - nearest).div_ceil(LANES);
    let stride = scattering_stride(bands);
    let mut band = 0;
    for _ in 0..bands {
        band = (band + stride) % bands;
        walk_band(windows, nearest + band * LANES, &mut best);
    }
    best
}

/// A number near the golden part of `count` that shares no factor with it.
fn scattering_stride(count: usize) -> usize {
    let golden = (count as f64 * 0.618_033_988_749_895) as usize;
    (golden.max(1)..=count)
        .find(|s| greatest_common_divisor(*s, count) == 1)
        .unwrap_or(1)
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

/// The diagonals `first..first + LANES`, as far as they exist.
fn walk_band(windows: &Windows, first: usize, best: &mut Best) {
    let count = windows.len();
    // All lanes have a partner for starts below this.
    let full = (count + 1).saturating_sub(first + LANES);
    let walk = WALK.max(4 * windows.window);
    let mut start = 0;
    while start < full {
        let end = (start + walk).min(full);
        walk_evenly(windows, start, end, first, best);
        start = end;
    }
    for start in full..count.saturating_sub(first) {
        for other in start + first..count {
            let correlation = windows.covariance(start, other)
                * windows.inverse_norms[start]
                * windows.inverse_norms[other];
            best.offer(start, other, correlation);
            best.offer(other, start, correlation);
        }
    }
}

/// Halves the walk until the stretches on it are of similar spread.
fn walk_evenly(windows: &Windows, start: usize, end: usize, first: usize, best: &mut Best) {
    let spread = |from: usize, to: usize| {
        let (mut low, mut high) = (f64::INFINITY, 0.0f64);
        for norm in &windows.norms[from..to] {
            high = high.max(*norm);
            low = if *norm > 0.0 { low.min(*norm) } else { low };
        }
        if high > low { high / low } else { 1.0 }
    };
    let one = spread(start, end);
    let other = spread(start + first, end + first + LANES - 1);
    if one * other > SPREAD_MAX * SPREAD_MAX && end - start > 1 {
        let middle = usize::midpoint(start, end);
        walk_evenly(windows, start, middle, first, best);
        walk_evenly(windows, middle, end, first, best);
    } else {
        walk_lanes(windows, start, end, first, best);
    }
}

/// Walks the starts `start..end`, each against the `LANES` starts from `first` farther on.
fn walk_lanes(windows: &Windows, start: usize, end: usize, first: usize, best: &mut Best) {
    let mut covariances: [f64; LANES] =
        std::array::from_fn(|lane| windows.covariance(start, start + first + lane));
    let mut correlations = [0.0; LANES];
    for at in start..end {
        let others = at + first..at + first + LANES;
        let inverse = windows.inverse_norms[at];
        let (df, dg) = (windows.df[at], windows.dg[at]);
        let lanes =
            |x: &[f64]| -> [f64; LANES] { x[others.clone()].try_into().unwrap_or([0.0; LANES]) };
        if at > start {
            let (dfs, dgs) = (lanes(&windows.df), lanes(&windows.dg));
            for lane in 0..LANES {
                covariances[lane] += df * dgs[lane] + dfs[lane] * dg;
            }
        }
        let inverses = lanes(&windows.inverse_norms);
        let theirs = lanes(&best.correlations);
        let mine = best.correlations[at];
        let mut improved = false;
        for lane in 0..LANES {
            correlations[lane] = covariances[lane] * (inverse * inverses[lane]);
            improved |= correlations[lane] > theirs[lane].min(mine);
        }
        if improved {
            for (other, correlation) in others.zip(correlations) {
                best.offer(at, other, correlation);
                best.offer(other, at, correlation);
            }
        }
    }
}
