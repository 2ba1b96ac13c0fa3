//! Runs a model over a series: its errors, its likelihood, and their derivatives.
//!
//! Invariant: [`run`] and [`Sweep::run`] compute the same cost, n ln Σe² (+ 2 Σ ln f where errors
//! are relative), which is −2 ln likelihood but for a constant of n. Derivatives are exact, carried
//! along with the recursion. For relative errors the cost is that of least squares in e·G with G the
//! geometric mean of the forecasts, which is what [`Sweep`] hands out residuals and Jacobian of.
//! Source: Hyndman et al. (2008), sections 5.1 and 5.2; the derivatives are our own.

use super::model::SeasonKind;
use super::state::{Shape, State};

/// Errors below this part of the series' spread are rounding; the likelihood stops growing there.
const ROUNDING: f64 = 1e-13;

/// The cost of a parameter vector; infinite where the model cannot produce the series.
pub(super) fn run(shape: Shape, theta: &[f64], y: &[f64], errors: &mut Vec<f64>) -> (f64, State) {
    let rates = shape.rates(theta);
    let mut state = shape.initial(theta);
    let relative = shape.is_relative();
    let mut squares = 0.0;
    let mut logs = LogSum::default();
    errors.clear();
    for value in y {
        let (carried, forecast) = state.expect(shape, &rates);
        let miss = value - forecast;
        state.take(shape, &rates, carried, miss);
        let error = if relative { miss / forecast } else { miss };
        if relative {
            if forecast <= 0.0 {
                return (f64::INFINITY, state);
            }
            logs.add(forecast);
        }
        squares += error * error;
        errors.push(error);
    }
    (cost(y.len(), squares, logs.value()), state)
}

fn cost(n: usize, squares: f64, logs: f64) -> f64 {
    if !squares.is_finite() || !logs.is_finite() {
        return f64::INFINITY;
    }
    let n = n as f64;
    n * squares.max(n * ROUNDING * ROUNDING).ln() + 2.0 * logs
}

/// Σ ln v of positive numbers with few logarithms.
#[derive(Debug, Clone, Copy)]
struct LogSum {
    product: f64,
    total: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self {
            product: 1.0,
            total: 0.0,
        }
    }
}

impl LogSum {
    fn add(&mut self, value: f64) {
        self.product *= value;
        if !(1e-100..1e100).contains(&self.product) {
            self.total += self.product.ln();
            self.product = 1.0;
        }
    }

    fn value(self) -> f64 {
        self.total + self.product.ln()
    }
}

/// Residuals and their derivatives in blocks of `W` parameters, so that the compiler can use the
/// machine's vectors.
#[derive(Debug)]
pub(super) struct Sweep<const W: usize> {
    shape: Shape,
    blocks: usize,
    /// One residual an observation.
    pub(super) residuals: Vec<f64>,
    /// `blocks` rows of derivatives an observation.
    jacobian: Vec<[f64; W]>,
    level: Vec<[f64; W]>,
    slope: Vec<[f64; W]>,
    season: Vec<[f64; W]>,
    forcing: Vec<[[f64; W]; 4]>,
    forecasts: Vec<f64>,
}

impl<const W: usize> Sweep<W> {
    pub(super) fn new(shape: Shape, n: usize) -> Self {
        let blocks = shape.len().div_ceil(W);
        Self {
            shape,
            blocks,
            residuals: vec![0.0; n],
            jacobian: vec![[0.0; W]; n * blocks],
            level: vec![[0.0; W]; blocks],
            slope: vec![[0.0; W]; blocks],
            season: vec![[0.0; W]; blocks * shape.period],
            forcing: vec![[[0.0; W]; 4]; blocks],
            forecasts: vec![0.0; n],
        }
    }

    /// Residuals and Jacobian at `theta`; returns the cost.
    pub(super) fn run(&mut self, theta: &[f64], y: &[f64]) -> f64 {
        self.start(theta);
        match self.shape.model.season() {
            SeasonKind::None => self.recursion::<0>(theta, y),
            SeasonKind::Additive => self.recursion::<1>(theta, y),
            SeasonKind::Multiplicative => self.recursion::<2>(theta, y),
        }
        if self.shape.is_relative() {
            return self.make_relative(y);
        }
        let squares = self.residuals.iter().map(|r| r * r).sum();
        cost(y.len(), squares, 0.0)
    }

    /// Derivatives of the first state, and how each parameter forces the recursion.
    fn start(&mut self, theta: &[f64]) {
        let shape = self.shape;
        for block in [&mut self.level, &mut self.slope, &mut self.season] {
            block.fill([0.0; W]);
        }
        self.forcing.fill([[0.0; W]; 4]);
        let mut force = |parameter: usize, which: usize, by: f64| {
            self.forcing[parameter / W][which][parameter % W] = by;
        };
        // α also moves β = α β* and γ = (1 − α) γ*.
        force(0, 0, 1.0);
        if shape.has_trend() {
            force(0, 1, theta[1]);
            force(1, 1, theta[0]);
        }
        if let Some(at) = shape.gamma_at() {
            force(0, 2, -theta[at]);
            force(at, 2, 1.0 - theta[0]);
        }
        if let Some(at) = shape.phi_at() {
            force(at, 3, 1.0);
        }
        let first = shape.smoothing();
        self.level[first / W][first % W] = 1.0;
        if shape.has_trend() {
            self.slope[(first + 1) / W][(first + 1) % W] = 1.0;
        }
        let seasons = shape.len() - (shape.period - 1);
        for phase in 0..shape.period - 1 {
            let at = seasons + phase;
            self.season[phase * self.blocks + at / W][at % W] = 1.0;
            self.season[(shape.period - 1) * self.blocks + at / W][at % W] = -1.0;
        }
    }

    /// The recursion and its derivative; `S` is the kind of season (none, additive, multiplicative).
    fn recursion<const S: u8>(&mut self, theta: &[f64], y: &[f64]) {
        let rates = self.shape.rates(theta);
        let State {
            mut level,
            mut slope,
            mut season,
            mut phase,
        } = self.shape.initial(theta);
        let blocks = self.blocks;
        for (t, value) in y.iter().enumerate() {
            let carried = level + rates.phi * slope;
            let s = if S == 0 { 0.0 } else { season[phase] };
            let forecast = match S {
                0 => carried,
                1 => carried + s,
                _ => carried * s,
            };
            let miss = value - forecast;
            let (u, v) = if S == 2 {
                (miss / s, miss / carried)
            } else {
                (miss, miss)
            };
            for block in 0..blocks {
                let [fa, fb, fg, fp] = &self.forcing[block];
                let (dl, db) = (&mut self.level[block], &mut self.slope[block]);
                let ds = &mut self.season[phase * blocks + block];
                let row = &mut self.jacobian[t * blocks + block];
                for i in 0..W {
                    let carry = rates.phi * db[i] + fp[i] * slope;
                    let dq = dl[i] + carry;
                    let df = match S {
                        0 => dq,
                        1 => dq + ds[i],
                        _ => dq * s + carried * ds[i],
                    };
                    let (du, dv) = if S == 2 {
                        ((-df - u * ds[i]) / s, (-df - v * dq) / carried)
                    } else {
                        (-df, -df)
                    };
                    dl[i] = dq + rates.alpha * du + fa[i] * u;
                    db[i] = carry + rates.beta * du + fb[i] * u;
                    if S != 0 {
                        ds[i] += rates.gamma * dv + fg[i] * v;
                    }
                    row[i] = -df;
                }
            }
            self.residuals[t] = miss;
            self.forecasts[t] = forecast;
            level = carried + rates.alpha * u;
            slope = rates.phi * slope + rates.beta * u;
            if S != 0 {
                season[phase] = s + rates.gamma * v;
                phase = (phase + 1) % self.shape.period;
            }
        }
    }

    /// Turns misses and their derivatives into those of e·G, but for the constant factor G.
    fn make_relative(&mut self, y: &[f64]) -> f64 {
        let n = y.len() as f64;
        let mut logs = LogSum::default();
        let mut squares = 0.0;
        let mut mean = vec![[0.0; W]; self.blocks];
        let rows = self.jacobian.chunks_exact_mut(self.blocks);
        for (((value, forecast), residual), rows) in y
            .iter()
            .zip(&self.forecasts)
            .zip(&mut self.residuals)
            .zip(rows)
        {
            if *forecast <= 0.0 {
                return f64::INFINITY;
            }
            logs.add(*forecast);
            let inverse = 1.0 / forecast;
            *residual *= inverse;
            squares += *residual * *residual;
            let factor = value * inverse * inverse;
            for (row, mean) in rows.iter_mut().zip(&mut mean) {
                for i in 0..W {
                    mean[i] -= row[i] * inverse / n;
                    row[i] *= factor;
                }
            }
        }
        let rows = self.jacobian.chunks_exact_mut(self.blocks);
        for (residual, rows) in self.residuals.iter().zip(rows) {
            for (row, mean) in rows.iter_mut().zip(&mean) {
                for i in 0..W {
                    row[i] += residual * mean[i];
                }
            }
        }
        cost(y.len(), squares, logs.value())
    }

    /// `JᵀJ` by rows (k × k, full) and `Jᵀr`.
    pub(super) fn normal_equations(&self, square: &mut [f64], gradient: &mut [f64]) {
        let k = self.shape.len();
        gradient.fill(0.0);
        for a in 0..self.blocks {
            let mut sums = [0.0; W];
            for (r, rows) in self
                .residuals
                .iter()
                .zip(self.jacobian.chunks_exact(self.blocks))
            {
                for (sum, value) in sums.iter_mut().zip(&rows[a]) {
                    *sum += r * value;
                }
            }
            for (slot, sum) in gradient[a * W..].iter_mut().zip(sums) {
                *slot = sum;
            }
            for b in 0..=a {
                let mut products = [[0.0; W]; W];
                for rows in self.jacobian.chunks_exact(self.blocks) {
                    let (left, right) = (&rows[a], &rows[b]);
                    for (products, left) in products.iter_mut().zip(left) {
                        for (product, right) in products.iter_mut().zip(right) {
                            *product += left * right;
                        }
                    }
                }
                for (i, products) in products.iter().enumerate() {
                    for (j, product) in products.iter().enumerate() {
                        let (row, column) = (a * W + i, b * W + j);
                        if row < k && column < k {
                            square[row * k + column] = *product;
                            square[column * k + row] = *product;
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::EtsModel;
    use super::*;
    use crate::rng::Rng;

    /// By central differences of the cost: its gradient is 2 n Jᵀr / rᵀr.
    #[test]
    fn derivatives_are_those_of_the_cost() {
        let mut rng = Rng::new(5);
        let y: Vec<f64> = (0..40)
            .map(|t| 10.0 + 0.1 * f64::from(t) + f64::from(t % 4) + rng.standard_normal())
            .collect();
        for model in EtsModel::all() {
            let shape = Shape::new(model, 4);
            let mut theta = vec![0.3; shape.smoothing()];
            if let Some(at) = shape.phi_at() {
                theta[at] = 0.9;
            }
            theta.push(10.5);
            theta.extend(shape.has_trend().then_some(0.2));
            let multiplies = model.season() == SeasonKind::Multiplicative;
            let season = if multiplies {
                [0.9, 1.1, 1.05]
            } else {
                [-1.0, 0.3, 0.4]
            };
            theta.extend(&season[..shape.period - 1]);
            let mut sweep = Sweep::<4>::new(shape, y.len());
            let cost = sweep.run(&theta, &y);
            let k = shape.len();
            let (mut square, mut gradient) = (vec![0.0; k * k], vec![0.0; k]);
            sweep.normal_equations(&mut square, &mut gradient);
            let squares: f64 = sweep.residuals.iter().map(|r| r * r).sum();
            let mut errors = Vec::new();
            let plain = run(shape, &theta, &y, &mut errors).0;
            assert!((cost - plain).abs() < 1e-9, "{model}: {cost} {plain}");
            for i in 0..k {
                let mut at = |by: f64| {
                    let mut moved = theta.clone();
                    moved[i] += by;
                    run(shape, &moved, &y, &mut errors).0
                };
                let want = (at(1e-5) - at(-1e-5)) / 2e-5;
                let got = 2.0 * y.len() as f64 * gradient[i] / squares;
                let near = (got - want).abs() < 1e-4 * want.abs().max(1.0);
                assert!(near, "{model}, parameter {i}: {got}, not {want}");
            }
        }
    }
}
