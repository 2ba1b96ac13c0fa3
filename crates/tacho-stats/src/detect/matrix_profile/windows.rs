//! Every stretch of a series with its mean and spread, ready to be compared.
//!
//! Invariant: means and spreads come from two passes over each stretch, not from running sums, so
//! that a spike leaves no error behind it. A stretch is constant only where all its values are
//! equal; its `inverse_norm` is zero then, and so is its correlation with anything.

use crate::describe::power_of_two_scale;

/// A series and its stretches.
#[derive(Debug)]
pub(super) struct Windows {
    /// The series in a unit in which squares stay in range.
    pub(super) values: Vec<f64>,
    pub(super) window: usize,
    means: Vec<f64>,
    /// √Σ(x − mean)² of each stretch, and one over it (zero for constant stretches).
    pub(super) norms: Vec<f64>,
    pub(super) inverse_norms: Vec<f64>,
    /// The two terms of the recurrence of covariances along a diagonal.
    pub(super) df: Vec<f64>,
    pub(super) dg: Vec<f64>,
}

impl Windows {
    /// `series` is finite and holds at least one stretch.
    pub(super) fn new(series: &[f64], window: usize) -> Self {
        let values = in_unit(series);
        let shapes: Vec<Shape> = values.windows(window).map(Shape::of).collect();
        let count = shapes.len();
        let (mut df, mut dg) = (vec![0.0; count], vec![0.0; count]);
        for start in 1..count {
            (df[start], dg[start]) = step(
                values[start - 1],
                values[start - 1 + window],
                shapes[start - 1].mean,
                shapes[start].mean,
            );
        }
        Self {
            values,
            window,
            means: shapes.iter().map(|s| s.mean).collect(),
            norms: shapes.iter().map(|s| s.norm).collect(),
            inverse_norms: shapes.iter().map(|s| s.inverse_norm()).collect(),
            df,
            dg,
        }
    }

    /// Number of stretches.
    pub(super) fn len(&self) -> usize {
        self.means.len()
    }

    pub(super) fn is_constant(&self, start: usize) -> bool {
        self.inverse_norms[start] == 0.0
    }

    fn stretch(&self, start: usize) -> &[f64] {
        &self.values[start..start + self.window]
    }

    /// Σ (x − mean of x)(y − mean of y) of two stretches.
    pub(super) fn covariance(&self, a: usize, b: usize) -> f64 {
        covariance(
            (self.stretch(a), self.means[a]),
            (self.stretch(b), self.means[b]),
        )
    }
}

/// Mean and spread of one stretch.
#[derive(Debug, Clone, Copy)]
pub(in crate::detect) struct Shape {
    pub(in crate::detect) mean: f64,
    pub(in crate::detect) norm: f64,
}

impl Shape {
    pub(in crate::detect) fn of(stretch: &[f64]) -> Self {
        let n = stretch.len() as f64;
        let first = stretch[0];
        if stretch.iter().all(|v| *v == first) {
            return Self {
                mean: first,
                norm: 0.0,
            };
        }
        let rough = stretch.iter().sum::<f64>() / n;
        let mean = rough + stretch.iter().map(|v| v - rough).sum::<f64>() / n;
        let square: f64 = stretch.iter().map(|v| (v - mean) * (v - mean)).sum();
        Self {
            mean,
            norm: square.sqrt(),
        }
    }

    pub(in crate::detect) fn inverse_norm(self) -> f64 {
        if self.norm > 0.0 {
            1.0 / self.norm
        } else {
            0.0
        }
    }
}

/// The terms `df`, `dg` by which the covariance of two stretches changes when both move on by one:
/// cov += df(i) dg(j) + df(j) dg(i) (Zimmerman et al. 2019, equations 3 to 5).
pub(in crate::detect) fn step(left: f64, entered: f64, before: f64, after: f64) -> (f64, f64) {
    (0.5 * (entered - left), (entered - after) + (left - before))
}

/// Σ (x − mean of x)(y − mean of y), in four sums so that additions need not wait for each other.
pub(in crate::detect) fn covariance(a: (&[f64], f64), b: (&[f64], f64)) -> f64 {
    let (quads_a, rest_a) = a.0.as_chunks::<4>();
    let (quads_b, rest_b) = b.0.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (x, y) in quads_a.iter().zip(quads_b) {
        for lane in 0..4 {
            sums[lane] += (x[lane] - a.1) * (y[lane] - b.1);
        }
    }
    let rest: f64 = rest_a
        .iter()
        .zip(rest_b)
        .map(|(x, y)| (x - a.1) * (y - b.1))
        .sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// The distance between two stretches of mean zero and variance one, term by term: the correlation
/// alone would lose half of the digits of a small distance.
pub(super) fn distance(windows: &Windows, a: usize, b: usize) -> f64 {
    let shape = |start: usize| {
        let shape = Shape {
            mean: windows.means[start],
            norm: windows.norms[start],
        };
        (windows.stretch(start), shape)
    };
    distance_of(shape(a), shape(b))
}

/// As [`distance`], of two stretches whose shapes are known.
pub(in crate::detect) fn distance_of(a: (&[f64], Shape), b: (&[f64], Shape)) -> f64 {
    let window = a.0.len() as f64;
    match (a.1.norm > 0.0, b.1.norm > 0.0) {
        (false, false) => return 0.0,
        (true, true) => {}
        _ => return window.sqrt(),
    }
    let (inverse_a, inverse_b) = (a.1.inverse_norm(), b.1.inverse_norm());
    let square: f64 =
        a.0.iter()
            .zip(b.0)
            .map(|(x, y)| ((x - a.1.mean) * inverse_a - (y - b.1.mean) * inverse_b).powi(2))
            .sum();
    (window * square).sqrt().min(2.0 * window.sqrt())
}

/// The series less its middle, in a power of two of its unit: nothing that follows overflows, and
/// a large offset costs no digits.
fn in_unit(series: &[f64]) -> Vec<f64> {
    let half: Vec<f64> = series.iter().map(|v| 0.5 * v).collect();
    let scale = power_of_two_scale(&half);
    let middle = half[half.len() / 2];
    half.iter().map(|v| (v - middle) * scale).collect()
}
