//! The two decompositions of small symmetric matrices that distances need.
//!
//! Invariant: matrices are square, row by row, and symmetric. Not for more than some dozens of
//! variables, nor for matrices near to singular: those are refused.
//! Source: Golub & Van Loan, "Matrix computations", 4.2 (Cholesky) and 8.5 (Jacobi).

/// A pivot below this part of its variance means that the variable is a sum of others.
const SINGULAR: f64 = 1e-12;

/// A lower triangle L with L Lᵀ the covariance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cholesky {
    lower: Vec<f64>,
    p: usize,
}

impl Cholesky {
    /// None where the matrix is singular or not finite.
    pub(super) fn of(matrix: &[f64], p: usize) -> Option<Self> {
        let mut lower = matrix.to_vec();
        for j in 0..p {
            let (above, rest) = lower.split_at_mut(j * p);
            let line = &mut rest[..p];
            for k in 0..j {
                let other = &above[k * p..k * p + p];
                let dot: f64 = line[..k].iter().zip(other).map(|(a, b)| a * b).sum();
                line[k] = (line[k] - dot) / other[k];
            }
            let square: f64 = line[..j].iter().map(|v| v * v).sum();
            let pivot = line[j] - square;
            if !(pivot > SINGULAR * line[j] && pivot.is_finite()) {
                return None;
            }
            line[j] = pivot.sqrt();
        }
        Some(Self { lower, p })
    }

    /// vᵀ (L Lᵀ)⁻¹ v; `v` is overwritten.
    #[inline]
    pub(super) fn square(&self, v: &mut [f64]) -> f64 {
        let mut total = 0.0;
        for (j, line) in self.lower.chunks_exact(self.p).enumerate() {
            let dot: f64 = line[..j].iter().zip(&v[..j]).map(|(a, b)| a * b).sum();
            let solved = (v[j] - dot) / line[j];
            v[j] = solved;
            total += solved * solved;
        }
        total
    }

    /// Logarithm of the determinant of L Lᵀ.
    pub(super) fn ln_determinant(&self) -> f64 {
        (0..self.p)
            .map(|j| 2.0 * self.lower[j * self.p + j].ln())
            .sum()
    }
}

/// The symmetric inverse square root of a positive definite matrix, by Jacobi's rotations.
pub(super) fn inverse_square_root(matrix: &[f64], p: usize) -> Vec<f64> {
    let mut a = matrix.to_vec();
    let mut vectors = vec![0.0; p * p];
    for j in 0..p {
        vectors[j * p + j] = 1.0;
    }
    // Convergence is quadratic: six to ten sweeps, whatever the size.
    for _ in 0..30 {
        let off: f64 = (0..p * p)
            .filter(|at| at / p != at % p)
            .map(|at| a[at] * a[at])
            .sum();
        if off < 1e-30 {
            break;
        }
        for i in 0..p {
            for j in i + 1..p {
                rotate(&mut a, &mut vectors, p, i, j);
            }
        }
    }
    let roots: Vec<f64> = (0..p)
        .map(|k| 1.0 / a[k * p + k].max(f64::MIN_POSITIVE).sqrt())
        .collect();
    (0..p * p)
        .map(|at| {
            let (i, j) = (at / p, at % p);
            (0..p)
                .map(|k| vectors[i * p + k] * roots[k] * vectors[j * p + k])
                .sum()
        })
        .collect()
}

/// The rotation of `i` and `j` that makes their entry zero.
fn rotate(a: &mut [f64], vectors: &mut [f64], p: usize, i: usize, j: usize) {
    let entry = a[i * p + j];
    if entry == 0.0 {
        return;
    }
    let theta = 0.5 * (a[j * p + j] - a[i * p + i]) / entry;
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    for k in 0..p {
        let (x, y) = (a[k * p + i], a[k * p + j]);
        (a[k * p + i], a[k * p + j]) = (c * x - s * y, s * x + c * y);
    }
    for k in 0..p {
        let (x, y) = (a[i * p + k], a[j * p + k]);
        (a[i * p + k], a[j * p + k]) = (c * x - s * y, s * x + c * y);
    }
    for k in 0..p {
        let (x, y) = (vectors[k * p + i], vectors[k * p + j]);
        (vectors[k * p + i], vectors[k * p + j]) = (c * x - s * y, s * x + c * y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MATRIX: [f64; 9] = [4.0, 1.0, 0.5, 1.0, 3.0, -0.7, 0.5, -0.7, 2.0];

    #[test]
    fn both_decompositions_invert() {
        let cholesky = Cholesky::of(&MATRIX, 3).unwrap();
        let root = inverse_square_root(&MATRIX, 3);
        // By hand: the determinant, and the inverse's first entry (3·2 − 0.49) / determinant.
        let determinant = 4.0 * (6.0 - 0.49) - (2.0 + 0.35) + 0.5 * (-0.7 - 1.5);
        assert!((cholesky.ln_determinant() - f64::ln(determinant)).abs() < 1e-13);
        let first = cholesky.square(&mut [1.0, 0.0, 0.0]);
        assert!((first - 5.51 / determinant).abs() < 1e-14);
        for v in [[1.0, 0.0, 0.0], [0.3, -2.0, 1.0]] {
            let whitened: f64 = root
                .chunks_exact(3)
                .map(|line| line.iter().zip(&v).map(|(a, b)| a * b).sum::<f64>().powi(2))
                .sum();
            assert!((whitened - cholesky.square(&mut v.clone())).abs() < 1e-12);
        }
        assert!((root[1] - root[3]).abs() < 1e-14);
    }

    #[test]
    fn singular_matrices_are_refused() {
        assert_eq!(Cholesky::of(&[1.0, 1.0, 1.0, 1.0], 2), None);
        assert_eq!(Cholesky::of(&[0.0], 1), None);
        assert_eq!(Cholesky::of(&[f64::NAN], 1), None);
        assert_eq!(Cholesky::of(&[1.0, 2.0, 2.0, 1.0], 2), None);
    }
}
