//! The cost of a stretch as one regime: a level or a line, with first-order autoregressive noise.
//!
//! Invariant: a stretch's cost is minus twice the logarithm of its likelihood (up to a constant
//! that is the same for every partition) at its best level, slope and noise variance, where the
//! stretch starts anew in the stationary state. Costs of neighbouring stretches add up. The
//! coefficient is shared by all stretches; the noise level is each one's own, with a prior centred
//! at the whole series', worth [`PRIOR`] observations.
//! Each cost takes constant time from running sums. Not for series that are not standardised: sums
//! lose digits where the level is far from zero.
//! Sources: Davis, Lee & Rodriguez-Yam, "Structural break estimation for nonstationary time series
//! models", JASA 101 (2006), regimes with their own noise; Chakar et al., "A robust approach for
//! estimating change-points in the mean of an AR(1) process", Bernoulli 23 (2017), the shared
//! coefficient; Jackson et al., "An algorithm for optimal partitioning of data on an interval",
//! IEEE Signal Processing Letters 12 (2005).

/// The shortest regime: level, slope and noise need more than three observations, and a shorter one
/// is a cluster of outliers.
pub(in crate::changepoint) const SHORTEST: usize = 5;
/// Weight of the prior of a regime's variance, in observations: as much as the shortest regime.
pub(super) const PRIOR: f64 = SHORTEST as f64;
/// The smallest variance in units of the series', well above the rounding of running sums.
const VARIANCE_MIN: f64 = 1e-9;
/// The smallest innovation variance, as a part of its plain (not robust) estimate: repeated values
/// make the robust one zero.
const ROBUST_MIN: f64 = 1e-3;

/// Coefficients tried; as in the comparison of means.
const PHI: [f64; 10] = [0.0, 0.3, 0.5, 0.65, 0.77, 0.85, 0.9, 0.935, 0.96, 0.98];
/// A correlation time longer than this part of the series cannot be told from a trend.
const RESOLUTION: f64 = 8.0;

/// What a regime looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::changepoint) enum Shape {
    /// A constant level.
    Level,
    /// A straight line.
    Line,
}

/// One noise coefficient and one shape for all regimes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Model {
    pub(super) phi: f64,
    pub(super) shape: Shape,
}

impl Model {
    /// Every model of those shapes that a series of `n` observations can tell apart.
    pub(super) fn all(n: usize, shapes: &[Shape]) -> impl Iterator<Item = Self> {
        let longest = (n as f64 / RESOLUTION).max(1.45);
        let visible = PHI
            .into_iter()
            .filter(move |phi| 1.0 / (1.0 - phi) <= longest);
        visible.flat_map(|phi| shapes.iter().map(move |shape| Self { phi, shape: *shape }))
    }

    /// What one more regime costs, in twice the log-likelihood, by the length of its description
    /// (Rissanen's two-part code): its place among `n` takes ln n, and each of its parameters
    /// (noise level, level and slope) ½ ln n.
    pub(super) fn penalty(self, n: usize) -> f64 {
        let parameters = match self.shape {
            Shape::Level => 2.0,
            Shape::Line => 3.0,
        };
        (2.0 + parameters) * (n as f64).ln()
    }

    /// What the slope of the first regime costs.
    pub(super) fn slope_penalty(self, n: usize) -> f64 {
        match self.shape {
            Shape::Level => 0.0,
            Shape::Line => (n as f64).ln(),
        }
    }

    /// −ln(1 − φ²): what starting anew in the stationary state costs.
    pub(super) fn start_cost(self) -> f64 {
        -(-self.phi * self.phi).ln_1p()
    }
}

/// Costs of all stretches of one series under one model.
#[derive(Debug)]
pub(super) struct Costs<'a> {
    y: &'a [f64],
    model: Model,
    /// Running sums of products of whitened value, level and time.
    sums: Vec<[f64; 6]>,
    prior_variance: f64,
}

impl<'a> Costs<'a> {
    pub(super) fn new(y: &'a [f64], model: Model) -> Self {
        let mut sums = Vec::with_capacity(y.len() + 1);
        let mut total = [0.0; 6];
        sums.push(total);
        for t in 0..y.len() {
            let row = match t.checked_sub(1) {
                Some(s) => [
                    y[t] - model.phi * y[s],
                    1.0 - model.phi,
                    time(t, y.len()) - model.phi * time(s, y.len()),
                ],
                None => [y[0], 1.0, time(0, y.len())],
            };
            for (sum, product) in total.iter_mut().zip(products(row)) {
                *sum += product;
            }
            sums.push(total);
        }
        Self {
            y,
            model,
            sums,
            prior_variance: innovation_variance(y, model.phi),
        }
    }

    /// The cost of `start..end` as one regime.
    pub(super) fn cost(&self, start: usize, end: usize) -> f64 {
        let weight = (end - start) as f64 + PRIOR;
        let variance = (self.squares(start, end) + PRIOR * self.prior_variance) / weight;
        weight * variance.ln() - PRIOR * self.prior_variance.ln() + self.model.start_cost()
    }

    /// Costs of `start..end` for many starts at once, in loops that vectorise.
    fn costs_until(&self, end: usize, starts: &[usize], out: &mut Vec<f64>) {
        out.clear();
        out.extend(starts.iter().map(|start| self.squares(*start, end)));
        let prior = PRIOR * self.prior_variance;
        for (value, start) in out.iter_mut().zip(starts) {
            *value = (*value + prior) / ((end - start) as f64 + PRIOR);
        }
        for value in out.iter_mut() {
            *value = quick_ln(*value);
        }
        let constant = self.model.start_cost() - PRIOR * self.prior_variance.ln();
        for (value, start) in out.iter_mut().zip(starts) {
            *value = ((end - start) as f64 + PRIOR) * *value + constant;
        }
    }

    /// Σ of squared innovations around the best level or line.
    fn squares(&self, start: usize, end: usize) -> f64 {
        let first = products([self.y[start], 1.0, time(start, self.y.len())]);
        let fresh = 1.0 - self.model.phi * self.model.phi;
        let (low, high) = (&self.sums[start + 1], &self.sums[end]);
        let q: [f64; 6] = std::array::from_fn(|k| high[k] - low[k] + fresh * first[k]);
        let around_level = q[0] - q[1] * q[1] / q[3];
        let time_squares = q[5] - q[4] * q[4] / q[3];
        if self.model.shape == Shape::Level || time_squares <= 1e-12 * q[5] {
            return around_level.max(0.0);
        }
        let slope_product = q[2] - q[1] * q[4] / q[3];
        (around_level - slope_product * slope_product / time_squares).max(0.0)
    }

    /// The cheapest partition where each change costs `penalty`: its changes and its cost.
    ///
    /// A start is dropped once it is dearer than the best by a whole penalty. With known noise none
    /// need be kept at all (PELT); own noise levels make that inexact, and the margin is what keeps
    /// results those of the full search.
    pub(super) fn partition(&self, penalty: f64) -> (Vec<usize>, f64) {
        let n = self.y.len();
        let mut best = vec![f64::INFINITY; n + 1];
        best[0] = -penalty;
        let mut last_start = vec![0; n + 1];
        let mut starts: Vec<usize> = Vec::new();
        let mut costs: Vec<f64> = Vec::new();
        for end in SHORTEST..=n {
            let newest = end - SHORTEST;
            if newest == 0 || newest >= SHORTEST {
                starts.push(newest);
            }
            self.costs_until(end, &starts, &mut costs);
            for (cost, start) in costs.iter_mut().zip(&starts) {
                *cost += best[*start];
            }
            for (start, cost) in starts.iter().zip(&costs) {
                if cost + penalty < best[end] {
                    best[end] = cost + penalty;
                    last_start[end] = *start;
                }
            }
            let limit = best[end] + penalty;
            let mut cost = costs.iter();
            starts.retain(|_| cost.next().is_some_and(|c| *c <= limit));
        }
        let mut changes = Vec::new();
        let mut end = last_start[n];
        while end > 0 {
            changes.push(end);
            end = last_start[end];
        }
        changes.reverse();
        (changes, best[n])
    }
}

/// The variance of innovations, by the median of their differences: neither levels, slopes, a few
/// jumps nor outliers move it much.
pub(super) fn innovation_variance(y: &[f64], phi: f64) -> f64 {
    const NORMAL_MAD: f64 = 1.482_602_218_505_602;
    let innovation = |t: usize| y[t] - phi * y[t - 1];
    let mut steps: Vec<f64> = (2..y.len())
        .map(|t| (innovation(t) - innovation(t - 1)).abs())
        .collect();
    if steps.is_empty() {
        return VARIANCE_MIN;
    }
    let plain = steps.iter().map(|d| d * d).sum::<f64>() / steps.len() as f64;
    let middle = steps.len() / 2;
    let (_, median, _) = steps.select_nth_unstable_by(middle, f64::total_cmp);
    let robust = (NORMAL_MAD * *median).powi(2);
    (0.5 * robust.max(ROBUST_MIN * plain)).max(VARIANCE_MIN)
}

/// ln of a positive normal number to a few parts in 1e13, without a branch or a call.
///
/// x = 2ᵉ m with m from ½ to 1 about √½, and ln m = 2 artanh((m − 1)/(m + 1)), whose argument is at
/// most 0.172.
fn quick_ln(x: f64) -> f64 {
    const ROOT_HALF_BITS: u64 = 0x3fe6_a09e_667f_3bcd;
    let shifted = x.to_bits().wrapping_sub(ROOT_HALF_BITS);
    let exponent = (shifted as i64) >> 52;
    let mantissa = f64::from_bits(x.to_bits().wrapping_sub((exponent << 52) as u64));
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let z = s * s;
    let tail = 1.0 / 9.0 + z * (1.0 / 11.0 + z * (1.0 / 13.0 + z / 15.0));
    let series = 1.0 + z * (1.0 / 3.0 + z * (1.0 / 5.0 + z * (1.0 / 7.0 + z * tail)));
    f64::from(exponent as i32) * std::f64::consts::LN_2 + 2.0 * s * series
}

/// Time from −½ to ½.
pub(super) fn time(t: usize, n: usize) -> f64 {
    (t as f64 + 0.5) / n as f64 - 0.5
}

/// The six products of value, level and time.
fn products([value, level, time]: [f64; 3]) -> [f64; 6] {
    [
        value * value,
        value * level,
        value * time,
        level * level,
        level * time,
        time * time,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn quick_ln_is_ln() {
        let mut rng = Rng::new(1);
        for _ in 0..2000 {
            let x = (40.0 * (rng.uniform() - 0.5)).exp();
            assert!(
                (quick_ln(x) - x.ln()).abs() < 1e-11 * x.ln().abs().max(1.0),
                "{x}"
            );
        }
        assert_eq!(quick_ln(1.0), 0.0);
    }

    /// The pruned search against every partition, weighed one start at a time.
    #[test]
    fn the_partition_is_the_cheapest() {
        for seed in 0..12 {
            let mut rng = Rng::new(seed);
            let y: Vec<f64> = (0..60)
                .map(|t| rng.standard_normal() + if (20..35).contains(&t) { 3.0 } else { 0.0 })
                .collect();
            for model in Model::all(60, &[Shape::Level, Shape::Line]) {
                let costs = Costs::new(&y, model);
                let penalty = 8.0;
                let mut best = vec![f64::INFINITY; 61];
                best[0] = -penalty;
                for end in SHORTEST..=60 {
                    let starts = (0..=end - SHORTEST).filter(|s| *s == 0 || *s >= SHORTEST);
                    let all = starts.map(|s| best[s] + costs.cost(s, end) + penalty);
                    best[end] = all.fold(f64::INFINITY, f64::min);
                }
                let (changes, cost) = costs.partition(penalty);
                assert!(
                    (cost - best[60]).abs() < 1e-8,
                    "{model:?}: {cost} {}",
                    best[60]
                );
                assert!(changes.windows(2).all(|w| w[1] - w[0] >= SHORTEST));
            }
        }
    }
}
