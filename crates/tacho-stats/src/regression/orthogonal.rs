//! The QR factors of a design, in twice the working precision.
//!
//! Invariant: `q` is orthonormal to about 1e-32 times the condition number, so that whatever is
//! computed from it is good to the last digits of a double even for the worst polynomial designs.
//! Columns that differ from a combination of earlier ones by no more than rounding are refused.
//! Not for speed: twenty operations stand for one.
//! Source: Björck, "Numerical methods for least squares problems" (1996), 2.4, modified
//! Gram-Schmidt; its loss of orthogonality is the precision times the condition number.

use super::double_double::{DoubleDouble, dot};
use crate::error::{Result, StatsError};

/// A column's part that is new must exceed this part of it: some units in the last place of the
/// data it was computed from.
const NEW_MIN: f64 = 64.0 * f64::EPSILON;

/// Q and R.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Orthogonal {
    pub(super) q: Vec<Vec<DoubleDouble>>,
    pub(super) triangle: Triangle,
}

/// R, by columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Triangle {
    r: Vec<Vec<DoubleDouble>>,
}

impl Orthogonal {
    /// Factors `columns`; `first` is the number of leading columns that are no predictors.
    pub(super) fn new(columns: Vec<Vec<DoubleDouble>>, first: usize) -> Result<Self> {
        let mut factors = Self {
            q: Vec::with_capacity(columns.len()),
            triangle: Triangle::new(Vec::with_capacity(columns.len())),
        };
        for (index, mut column) in columns.into_iter().enumerate() {
            let length = dot(&column, &column).sqrt();
            let mut r = factors.project_out(&mut column);
            let new = dot(&column, &column).sqrt();
            if new.value() <= NEW_MIN * length.value() {
                let column = index.saturating_sub(first);
                return Err(StatsError::RankDeficient { column });
            }
            let inverse = DoubleDouble::from(1.0) / new;
            for value in &mut column {
                *value = *value * inverse;
            }
            r.push(new);
            factors.q.push(column);
            factors.triangle.r.push(r);
        }
        Ok(factors)
    }

    /// Takes out of `column` what the factors span; returns Qᵀ column.
    pub(super) fn project_out(&self, column: &mut [DoubleDouble]) -> Vec<DoubleDouble> {
        let take = |q: &Vec<DoubleDouble>| {
            let part = dot(q, column);
            for (value, q) in column.iter_mut().zip(q) {
                *value = *value - part * *q;
            }
            part
        };
        self.q.iter().map(take).collect()
    }
}

impl Triangle {
    /// From columns of 1, 2, 3, ... values, none of whose last is zero.
    pub(super) fn new(r: Vec<Vec<DoubleDouble>>) -> Self {
        Self { r }
    }

    /// The solution of R x = b.
    pub(super) fn solve(&self, b: &[DoubleDouble]) -> Vec<DoubleDouble> {
        let mut x = b.to_vec();
        for j in (0..x.len()).rev() {
            x[j] = x[j] / self.r[j][j];
            let (above, rest) = x.split_at_mut(j);
            for (value, r) in above.iter_mut().zip(&self.r[j]) {
                *value = *value - *r * rest[0];
            }
        }
        x
    }

    /// R x.
    pub(super) fn multiply(&self, x: &[DoubleDouble]) -> Vec<DoubleDouble> {
        let mut product = vec![DoubleDouble::ZERO; x.len()];
        for (x, r) in x.iter().zip(&self.r) {
            for (total, r) in product.iter_mut().zip(r) {
                *total = *total + *x * *r;
            }
        }
        product
    }

    /// The solution of Rᵀ x = b.
    pub(super) fn solve_transposed(&self, b: &[DoubleDouble]) -> Vec<DoubleDouble> {
        let mut x: Vec<DoubleDouble> = Vec::with_capacity(b.len());
        for (b, r) in b.iter().zip(&self.r) {
            let rest = *b - dot(&x, r);
            x.push(rest / r[x.len()]);
        }
        x
    }

    /// R⁻¹ by rows.
    pub(super) fn inverse_rows(&self) -> Vec<Vec<f64>> {
        let p = self.r.len();
        let mut rows = vec![vec![0.0; p]; p];
        for column in 0..p {
            let mut unit = vec![DoubleDouble::ZERO; p];
            unit[column] = DoubleDouble::from(1.0);
            for (row, value) in rows.iter_mut().zip(self.solve(&unit)) {
                row[column] = value.value();
            }
        }
        rows
    }

    /// Largest over smallest singular value of the design, its columns scaled to length one.
    pub(super) fn condition_number(&self) -> f64 {
        let p = self.r.len();
        let unit = |r: &Vec<DoubleDouble>| {
            let length = dot(r, r).sqrt();
            let mut column: Vec<f64> = r.iter().map(|v| (*v / length).value()).collect();
            column.resize(p, 0.0);
            column
        };
        let values = singular_values(self.r.iter().map(unit).collect());
        let (low, high) = values
            .iter()
            .fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(*v), h.max(*v)));
        high / low
    }
}

/// Singular values by one-sided Jacobi rotations (Hestenes 1958), which lose no small ones.
fn singular_values(mut columns: Vec<Vec<f64>>) -> Vec<f64> {
    const SWEEPS_MAX: usize = 60;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    for _ in 0..SWEEPS_MAX {
        let mut rotated = false;
        for i in 0..columns.len() {
            for j in i + 1..columns.len() {
                let (left, right) = columns.split_at_mut(j);
                let (a, b) = (&mut left[i], &mut right[0]);
                let (aa, bb, ab) = (dot(a, a), dot(b, b), dot(a, b));
                if ab.abs() <= 1e-15 * (aa * bb).sqrt() {
                    continue;
                }
                rotated = true;
                let zeta = (bb - aa) / (2.0 * ab);
                let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let cosine = 1.0 / tangent.hypot(1.0);
                let sine = cosine * tangent;
                for (a, b) in a.iter_mut().zip(b.iter_mut()) {
                    (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
                }
            }
        }
        if !rotated {
            break;
        }
    }
    columns.iter().map(|c| dot(c, c).sqrt()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(columns: &[&[f64]]) -> Vec<Vec<DoubleDouble>> {
        let wide = |c: &&[f64]| c.iter().map(|v| DoubleDouble::from(*v)).collect();
        columns.iter().map(wide).collect()
    }

    #[test]
    fn factors_multiply_back() {
        let design: [&[f64]; 2] = [&[1.0, 1.0, 1.0], &[1.0, 2.0, 4.0]];
        let factors = Orthogonal::new(columns(&design), 1).unwrap();
        let b = [7.0, -2.0].map(DoubleDouble::from);
        let x = factors
            .triangle
            .solve(&factors.triangle.solve_transposed(&b));
        // XᵀX = [[3, 7], [7, 21]].
        let [x0, x1] = [x[0].value(), x[1].value()];
        assert!((3.0 * x0 + 7.0 * x1 - 7.0).abs() < 1e-14);
        assert!((7.0 * x0 + 21.0 * x1 + 2.0).abs() < 1e-14);
    }

    #[test]
    fn a_combination_is_refused() {
        let x = [0.1, 0.7, 0.3, 0.9];
        let twice = x.map(|v| 0.3 * v + 1.7);
        let design: [&[f64]; 3] = [&[1.0; 4], &x, &twice];
        let refused = Orthogonal::new(columns(&design), 1);
        assert_eq!(refused, Err(StatsError::RankDeficient { column: 1 }));
        let zero: [&[f64]; 1] = [&[0.0; 4]];
        let refused = Orthogonal::new(columns(&zero), 0);
        assert_eq!(refused, Err(StatsError::RankDeficient { column: 0 }));
    }

    #[test]
    fn singular_values_of_a_known_matrix() {
        // [[3, 0], [4, 5]] has singular values 3√5 and √5.
        let mut values = singular_values(vec![vec![3.0, 4.0], vec![0.0, 5.0]]);
        values.sort_by(f64::total_cmp);
        assert!((values[0] - 5f64.sqrt()).abs() < 1e-14);
        assert!((values[1] - 3.0 * 5f64.sqrt()).abs() < 1e-14);
    }
}
