//! Finds the parameters of greatest likelihood.
//!
//! Invariant: the cost never rises from the guess, and the parameters never leave their region.
//! Every model's likelihood is that of least squares in suitable residuals (see
//! [`filter`](super::filter)), so Levenberg's and Marquardt's method finds all states and smoothing
//! parameters together, in about twenty runs over the series where a simplex search takes hundreds.
//! Parameters at a bound that the gradient pushes against are held there.
//! Source: Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", SIAM J.
//! 11 (1963); Kelley, "Iterative methods for optimization" (1999), 5.4, for the bounds.

use super::filter::Sweep;
use super::region::{bounds, is_admissible};
use super::state::Shape;

/// Steps from every guess before the best alone goes on.
const FIRST_STEPS: usize = 4;
const STEPS_MAX: usize = 60;
/// A step that lowers −2 ln likelihood by less is the last.
const TOLERANCE: f64 = 1e-5;
const DAMPING_FIRST: f64 = 1e-3;
const DAMPING_MAX: f64 = 1e8;

/// Where the likelihood is greatest.
#[derive(Debug, Clone)]
pub(super) struct Optimum {
    pub(super) theta: Vec<f64>,
    pub(super) cost: f64,
    /// `JᵀJ` by rows.
    pub(super) information: Vec<f64>,
}

/// The best of the descents from `guesses`; none where no guess can produce the series.
pub(super) fn minimise(shape: Shape, guesses: Vec<Vec<f64>>, y: &[f64]) -> Option<Optimum> {
    match shape.len() {
        0..=2 => Descent::<2>::new(shape, y).best(guesses),
        3..=4 => Descent::<4>::new(shape, y).best(guesses),
        5..=6 => Descent::<6>::new(shape, y).best(guesses),
        _ => Descent::<8>::new(shape, y).best(guesses),
    }
}

struct Descent<'a, const W: usize> {
    shape: Shape,
    y: &'a [f64],
    bounds: Vec<(f64, f64)>,
    sweep: Sweep<W>,
    square: Vec<f64>,
    gradient: Vec<f64>,
    scratch: Vec<f64>,
}

impl<'a, const W: usize> Descent<'a, W> {
    fn new(shape: Shape, y: &'a [f64]) -> Self {
        let k = shape.len();
        Self {
            shape,
            y,
            bounds: bounds(shape),
            sweep: Sweep::new(shape, y.len()),
            square: vec![0.0; k * k],
            gradient: vec![0.0; k],
            scratch: vec![0.0; k * k],
        }
    }

    fn best(mut self, guesses: Vec<Vec<f64>>) -> Option<Optimum> {
        let mut best: Option<(f64, Vec<f64>)> = None;
        for mut theta in guesses {
            let cost = self.descend(&mut theta, FIRST_STEPS);
            if cost.is_finite() && best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, theta));
            }
        }
        let (_, mut theta) = best?;
        let cost = self.descend(&mut theta, STEPS_MAX);
        Some(Optimum {
            theta,
            cost,
            information: self.square,
        })
    }

    /// Improves `theta` and leaves `JᵀJ` there; returns the cost.
    fn descend(&mut self, theta: &mut Vec<f64>, steps: usize) -> f64 {
        let mut cost = self.sweep.run(theta, self.y);
        let mut damping = DAMPING_FIRST;
        if !cost.is_finite() || !is_admissible(self.shape, theta) {
            return f64::INFINITY;
        }
        for _ in 0..steps {
            self.sweep
                .normal_equations(&mut self.square, &mut self.gradient);
            let (found, next) = self.step(theta, cost, &mut damping);
            let Some(found) = found else {
                return cost;
            };
            *theta = found;
            let gain = cost - next;
            cost = next;
            if gain < TOLERANCE {
                break;
            }
        }
        self.sweep
            .normal_equations(&mut self.square, &mut self.gradient);
        cost
    }

    /// A better parameter vector, with more and more damping until there is one.
    fn step(&mut self, theta: &[f64], cost: f64, damping: &mut f64) -> (Option<Vec<f64>>, f64) {
        let held: Vec<bool> = (0..theta.len())
            .map(|i| {
                let (low, high) = self.bounds[i];
                (theta[i] <= low && self.gradient[i] > 0.0)
                    || (theta[i] >= high && self.gradient[i] < 0.0)
            })
            .collect();
        while *damping < DAMPING_MAX {
            if let Some(delta) = self.solve(&held, *damping) {
                let next: Vec<f64> = theta
                    .iter()
                    .zip(&delta)
                    .zip(&self.bounds)
                    .map(|((value, delta), (low, high))| (value + delta).clamp(*low, *high))
                    .collect();
                if next.iter().all(|v| v.is_finite()) && is_admissible(self.shape, &next) {
                    let reached = self.sweep.run(&next, self.y);
                    if reached < cost {
                        *damping = (*damping * 0.1).max(1e-9);
                        return (Some(next), reached);
                    }
                    if reached - cost < TOLERANCE {
                        return (None, cost);
                    }
                }
            }
            *damping *= 8.0;
        }
        (None, cost)
    }

    /// −(`JᵀJ` + damping · diagonal)⁻¹ `Jᵀr` over the parameters that are not held.
    fn solve(&mut self, held: &[bool], damping: f64) -> Option<Vec<f64>> {
        let k = held.len();
        self.scratch.copy_from_slice(&self.square);
        let mut right: Vec<f64> = self.gradient.iter().map(|g| -g).collect();
        for (i, held) in held.iter().enumerate() {
            self.scratch[i * k + i] = self.scratch[i * k + i] * (1.0 + damping) + f64::MIN_POSITIVE;
            if *held {
                for j in 0..k {
                    self.scratch[i * k + j] = 0.0;
                    self.scratch[j * k + i] = 0.0;
                }
                self.scratch[i * k + i] = 1.0;
                right[i] = 0.0;
            }
        }
        if !cholesky(&mut self.scratch, k) {
            return None;
        }
        solve_lower(&self.scratch, &mut right);
        solve_upper(&self.scratch, &mut right);
        Some(right)
    }
}

/// Replaces the lower triangle of a positive definite matrix by its Cholesky factor; false where it
/// is not positive definite.
pub(super) fn cholesky(a: &mut [f64], k: usize) -> bool {
    for i in 0..k {
        for j in 0..=i {
            let mut sum = a[i * k + j];
            for l in 0..j {
                sum -= a[i * k + l] * a[j * k + l];
            }
            if i == j {
                if !(sum > 0.0 && sum.is_finite()) {
                    return false;
                }
                a[i * k + i] = sum.sqrt();
            } else {
                a[i * k + j] = sum / a[j * k + j];
            }
        }
    }
    true
}

/// Solves L x = b in place.
fn solve_lower(factor: &[f64], b: &mut [f64]) {
    let k = b.len();
    for i in 0..k {
        let sum: f64 = (0..i).map(|j| factor[i * k + j] * b[j]).sum();
        b[i] = (b[i] - sum) / factor[i * k + i];
    }
}

/// Solves Lᵀ x = b in place.
pub(super) fn solve_upper(factor: &[f64], b: &mut [f64]) {
    let k = b.len();
    for i in (0..k).rev() {
        let sum: f64 = (i + 1..k).map(|j| factor[j * k + i] * b[j]).sum();
        b[i] = (b[i] - sum) / factor[i * k + i];
    }
}
