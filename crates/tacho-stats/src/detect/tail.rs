//! How probable is a value beyond nearly all that were seen? A streaming upper tail.
//!
//! Invariants: the largest values are kept, at most [`PEAKS_MAX`]; the probability of reaching all
//! but the last ten is that of exchangeable ranks, and beyond it falls as a generalised Pareto tail
//! whose parameters are averaged over, not plugged in: a plugged-in tail alarms up to twice as
//! often as asked, because overestimates cost less than underestimates save.
//! Not for the body of a distribution.
//! Sources: Siffer, Fouque, Termier & Largouet, "Anomaly detection in streams with extreme value
//! theory" (SPOT), KDD 2017; Grimshaw, Technometrics 35 (1993), for the parameter θ = ξ/σ; Zhang &
//! Stephens, "A new and efficient estimation method for the generalized Pareto distribution",
//! Technometrics 51 (2009), for averaging over θ.

/// The most values kept.
const PEAKS_MAX: usize = 128;
/// The fewest on which a tail is fitted.
const PEAKS_MIN: usize = 10;
/// Up to this many of the largest values, ranks say how probable a value is; beyond, the fit does.
const ANCHOR: usize = 10;
/// A weak opinion about the shape ξ: from bounded tails to those without variance.
const SHAPE_MEAN: f64 = 0.05;
const SHAPE_SD: f64 = 0.3;

/// The upper tail of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tail {
    /// The largest values, ascending.
    peaks: Vec<f64>,
    fit: Fit,
    /// Peaks taken since the fit.
    fresh: usize,
}

/// A fitted tail, beyond a base that stays while new peaks arrive.
#[derive(Debug, Clone, PartialEq, Default)]
struct Fit {
    /// The tail begins here.
    base: f64,
    /// How many values lie at or above the base.
    above: u64,
    /// The power each component's tail falls with.
    power: f64,
    components: Vec<Component>,
}

/// One value of θ: excesses y have the tail (1 + ln(1 + θy) / S)^−power, ξ being averaged over.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Component {
    weight: f64,
    theta: f64,
    log_sum: f64,
}

/// How many of `n` values the tail consists of.
fn peaks_of(n: u64) -> usize {
    ((2.0 * (n as f64).sqrt()) as usize).clamp(PEAKS_MIN, PEAKS_MAX)
}

impl Tail {
    /// From all values so far, ascending; `PEAKS_MIN` or more.
    pub(super) fn new(ascending: &[f64]) -> Self {
        let kept = peaks_of(ascending.len() as u64).min(ascending.len());
        let mut tail = Self {
            peaks: ascending[ascending.len() - kept..].to_vec(),
            fit: Fit::default(),
            fresh: 0,
        };
        tail.refit();
        tail
    }

    /// Where the tail begins.
    pub(super) fn base(&self) -> f64 {
        self.fit.base
    }

    /// The number of values seen at or above the base.
    pub(super) fn above(&self) -> u64 {
        self.fit.above
    }

    /// The probability that the next value reaches `x`, above the base, after `n` values.
    pub(super) fn exceedance(&self, x: f64, n: u64) -> f64 {
        let all = n as f64 + 1.0;
        let place = self.peaks.partition_point(|p| *p < x);
        let reached = self.peaks.len() - place;
        if reached >= ANCHOR {
            // The j-th largest of n is exceeded with probability j / (n + 1).
            let (below, count) = match place {
                0 => (self.fit.base, self.fit.above as f64),
                _ => (self.peaks[place - 1], reached as f64 + 1.0),
            };
            let width = self.peaks[place] - below;
            let part = if width > 0.0 {
                (x - below) / width
            } else {
                1.0
            };
            return (count + part * (reached as f64 - count)) / all;
        }
        let anchor = self.peaks[self.peaks.len() - ANCHOR];
        let beyond = self.fit.exceedance(x - self.fit.base);
        let ratio = beyond / self.fit.exceedance(anchor - self.fit.base);
        (ANCHOR as f64 / all * ratio.min(1.0)).max(f64::MIN_POSITIVE)
    }

    /// Takes a value that is one of `n` so far.
    pub(super) fn learn(&mut self, x: f64, n: u64) {
        if x <= self.fit.base {
            return;
        }
        self.fit.above += 1;
        let place = self.peaks.partition_point(|p| *p < x);
        self.peaks.insert(place, x);
        self.fresh += 1;
        // Between fits the smallest may go: the fit keeps its own base and count.
        while self.peaks.len() > peaks_of(n) {
            self.peaks.remove(0);
        }
        if self.fresh * 12 >= self.peaks.len() {
            self.refit();
        }
    }

    fn refit(&mut self) {
        self.fresh = 0;
        let base = self.peaks[0];
        let excesses: Vec<f64> = self.peaks[1..].iter().map(|p| p - base).collect();
        let (power, components) = components(&excesses);
        self.fit = Fit {
            base,
            above: self.peaks.len() as u64,
            power,
            components,
        };
    }
}

impl Fit {
    fn exceedance(&self, excess: f64) -> f64 {
        if self.components.is_empty() {
            // No scale is known: all that can be said is that the value is the largest so far.
            return if excess > 0.0 {
                0.5 / ANCHOR as f64
            } else {
                1.0
            };
        }
        let tail = |c: &Component| {
            let growth = c.theta * excess;
            if growth <= -1.0 {
                return 0.0;
            }
            c.weight * (-self.power * (growth.ln_1p() / c.log_sum).ln_1p()).exp()
        };
        self.components.iter().map(tail).sum()
    }
}

/// The posterior over θ on a grid, for excesses in ascending order. None without spread.
///
/// With a flat density of ln σ and one of ξ that varies little where the likelihood is large, the
/// integral over ξ at a given θ is a gamma function's, and so is the predictive tail.
fn components(excesses: &[f64]) -> (f64, Vec<Component>) {
    let m = excesses.len() as f64;
    let largest = excesses.last().copied().unwrap_or(0.0);
    // Relative to the largest excess, so that neither sums nor θ leave the range of doubles.
    let mean = excesses.iter().map(|y| y / largest).sum::<f64>() / m;
    if !(largest > 0.0 && largest.is_finite() && mean > 0.0) {
        return (0.0, Vec::new());
    }
    let grid = theta_grid(mean);
    let relative: Vec<(f64, f64, f64)> = grid
        .iter()
        .enumerate()
        .map(|(i, theta)| {
            let log_sum: f64 = excesses.iter().map(|y| (theta * y / largest).ln_1p()).sum();
            let left = grid[i.saturating_sub(1)];
            let right = grid[(i + 1).min(grid.len() - 1)];
            let deviation = (log_sum / m - SHAPE_MEAN) / SHAPE_SD;
            let log_weight =
                (m - 1.0) * (theta / log_sum).ln() - log_sum - 0.5 * deviation * deviation
                    + (right - left).ln();
            (*theta, log_sum, log_weight)
        })
        .collect();
    let peak = relative
        .iter()
        .map(|r| r.2)
        .fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = relative.iter().map(|r| (r.2 - peak).exp()).sum();
    let components = relative
        .into_iter()
        .map(|(theta, log_sum, log_weight)| Component {
            weight: (log_weight - peak).exp() / total,
            theta: theta / largest,
            log_sum,
        })
        // What weighs less does not change a tail's first six digits.
        .filter(|c| c.weight > 1e-7)
        .collect();
    (m - 1.0, components)
}

/// Values of θ in units of one over the largest excess, ascending, none of them zero.
fn theta_grid(mean: f64) -> Vec<f64> {
    const SIDE: i32 = 24;
    let fraction = |i: i32| 0.97f64.min(0.02 * 1.185f64.powi(i));
    let below = (0..SIDE).rev().map(|i| -fraction(i));
    let above = (0..SIDE).map(|i| 0.02 * 1.34f64.powi(i) / mean.min(1.0) * 0.5);
    below.chain(above).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// The mean true probability of passing the point whose stated probability is `q`.
    fn rate(q: f64, n: usize, tail: fn(f64) -> f64, quantile: fn(f64) -> f64) -> f64 {
        let runs = 300;
        let mut total = 0.0;
        let mut rng = Rng::new(31);
        for _ in 0..runs {
            let mut x: Vec<f64> = (0..n).map(|_| quantile(1.0 - rng.uniform())).collect();
            x.sort_unstable_by(f64::total_cmp);
            let fitted = Tail::new(&x);
            let (mut low, mut high) = (fitted.base(), 1e6);
            for _ in 0..80 {
                let middle = 0.5 * (low + high);
                if fitted.exceedance(middle, n as u64) > q {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            total += tail(low);
        }
        total / f64::from(runs) / q
    }

    /// A hundred times farther out than the sample reaches, what is known of the shape decides.
    #[test]
    fn stated_probabilities_are_met_on_average_beyond_the_sample() {
        let exponential = |q| rate(q, 1_000, |x| (-x).exp(), |u| -u.ln());
        let pareto = |q| rate(q, 1_000, |x| x.powi(-3), |u| u.powf(-1.0 / 3.0));
        for (name, ratio, low, high) in [
            ("exponential 1e-3", exponential(1e-3), 0.8, 1.1),
            ("exponential 1e-5", exponential(1e-5), 0.2, 1.0),
            ("Pareto 1e-3", pareto(1e-3), 0.9, 1.3),
            ("Pareto 1e-5", pareto(1e-5), 1.0, 1.9),
        ] {
            assert!((low..high).contains(&ratio), "{name}: {ratio:.2}");
        }
    }

    #[test]
    fn ties_and_steps_have_a_tail_too() {
        let flat = Tail::new(&[1.0; 40]);
        assert!((flat.exceedance(2.0, 40) - 0.5 / 41.0).abs() < 1e-12);
        let mut steps: Vec<f64> = (0..100).map(|i| f64::from(i % 3)).collect();
        steps.sort_unstable_by(f64::total_cmp);
        let mut tail = Tail::new(&steps);
        for n in 100..2_000 {
            tail.learn(f64::from(n % 5), u64::from(n as u32));
        }
        let p = tail.exceedance(1e300, 2_000);
        assert!(p > 0.0 && p < 1e-3, "{p}");
    }
}
