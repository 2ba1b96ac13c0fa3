//! The last `n` values, summarised by anything that merges.
//!
//! Two stacks make the queue: new values go to the back with one running summary; when the front is
//! empty the back is turned over, each place getting the summary of itself and all that is younger
//! in it. The window is then one merge. Each value is turned over once, so a step costs O(1) on
//! average and at most O(n).
//!
//! Source: Tangwongsan, Hirzel & Schneider, "Low-latency sliding-window aggregation in worst-case
//! constant time", DEBS (2017), section 3 (two stacks).

use crate::error::{Result, StatsError};
use crate::moments::Moments;

/// A summary of values in order, which merges with that of the values that follow.
pub trait Aggregate: Clone {
    /// The summary of one finite value.
    fn of(value: f64) -> Self;
    /// The summary of `self` and then `younger`.
    fn then(&self, younger: &Self) -> Self;
}

/// The last `n` values and their summary.
///
/// ```
/// use tacho_stats::moving::{Average, SlidingWindow};
///
/// let mut window = SlidingWindow::<Average>::new(3)?;
/// let averages: Vec<f64> = [1.0, 2.0, 6.0, 7.0]
///     .into_iter()
///     .map(|value| window.push(value).map(|average| average.mean()))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(averages, [1.0, 1.5, 3.0, 5.0]);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct SlidingWindow<A> {
    length: usize,
    /// Summaries from each value of the front to its youngest; the oldest value is last.
    front: Vec<A>,
    /// Values not yet turned over, oldest first, and the summary of all of them.
    back: Vec<f64>,
    back_summary: Option<A>,
}

impl<A: Aggregate> SlidingWindow<A> {
    /// A window of the last `length` values, at least one.
    pub fn new(length: usize) -> Result<Self> {
        if length == 0 {
            return Err(StatsError::Invalid {
                name: "length",
                why: "a window holds at least one value",
            });
        }
        Ok(Self {
            length,
            front: Vec::new(),
            back: Vec::new(),
            back_summary: None,
        })
    }

    /// Adds a finite value, drops the oldest one of a full window, and summarises what is there.
    pub fn push(&mut self, value: f64) -> Result<A> {
        if !value.is_finite() {
            return Err(StatsError::NotFinite { index: self.len() });
        }
        if self.len() == self.length {
            self.drop_oldest();
        }
        let one = A::of(value);
        let back = match &self.back_summary {
            Some(summary) => summary.then(&one),
            None => one,
        };
        self.back.push(value);
        let whole = match self.front.last() {
            Some(front) => front.then(&back),
            None => back.clone(),
        };
        self.back_summary = Some(back);
        Ok(whole)
    }

    /// Values in the window.
    pub fn len(&self) -> usize {
        self.front.len() + self.back.len()
    }

    /// Whether nothing was pushed yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The summary of what is there; none of nothing.
    pub fn summary(&self) -> Option<A> {
        match (self.front.last(), &self.back_summary) {
            (Some(front), Some(back)) => Some(front.then(back)),
            (Some(front), None) => Some(front.clone()),
            (None, back) => back.clone(),
        }
    }

    fn drop_oldest(&mut self) {
        if self.front.is_empty() {
            for value in self.back.drain(..).rev() {
                let one = A::of(value);
                let summary = match self.front.last() {
                    Some(younger) => one.then(younger),
                    None => one,
                };
                self.front.push(summary);
            }
            self.back_summary = None;
        }
        self.front.pop();
    }
}

/// The simple moving average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Average {
    n: f64,
    mean: f64,
}

impl Average {
    /// The arithmetic mean.
    pub fn mean(&self) -> f64 {
        self.mean
    }
}

impl Aggregate for Average {
    fn of(value: f64) -> Self {
        Self {
            n: 1.0,
            mean: value,
        }
    }

    fn then(&self, younger: &Self) -> Self {
        let n = self.n + younger.n;
        let mean = convex(&[(self.mean, self.n / n), (younger.mean, younger.n / n)]);
        Self { n, mean }
    }
}

/// The linearly weighted moving average: the youngest of n values weighs n, the oldest one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeightedAverage {
    plain: Average,
    mean: f64,
}

impl WeightedAverage {
    /// Σ i·xᵢ / Σ i, from the oldest value (1) to the youngest (n).
    pub fn mean(&self) -> f64 {
        self.mean
    }
}

impl Aggregate for WeightedAverage {
    fn of(value: f64) -> Self {
        Self {
            plain: Average::of(value),
            mean: value,
        }
    }

    fn then(&self, younger: &Self) -> Self {
        let triangle = |n: f64| n * (n + 1.0) / 2.0;
        let (older_n, younger_n) = (self.plain.n, younger.plain.n);
        let total = triangle(older_n + younger_n);
        // The younger part's weights are its own, each raised by the length of the older part.
        let mean = convex(&[
            (self.mean, triangle(older_n) / total),
            (younger.mean, triangle(younger_n) / total),
            (younger.plain.mean, older_n * younger_n / total),
        ]);
        Self {
            plain: self.plain.then(&younger.plain),
            mean,
        }
    }
}

/// A mean of values by weights that add up to one; it never leaves their range, so that nothing
/// overflows.
fn convex(parts: &[(f64, f64)]) -> f64 {
    let mean: f64 = parts.iter().map(|(value, weight)| value * weight).sum();
    let values = parts.iter().map(|(value, _)| *value);
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    });
    mean.clamp(low, high)
}

/// The smallest and the largest value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extremes {
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Aggregate for Extremes {
    fn of(value: f64) -> Self {
        Self {
            min: value,
            max: value,
        }
    }

    fn then(&self, younger: &Self) -> Self {
        Self {
            min: self.min.min(younger.min),
            max: self.max.max(younger.max),
        }
    }
}

/// Mean, variance, skewness and kurtosis.
impl Aggregate for Moments {
    fn of(value: f64) -> Self {
        Self::of_one(value)
    }

    fn then(&self, younger: &Self) -> Self {
        let mut whole = *self;
        whole.merge(younger);
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe;
    use crate::rng::Rng;

    /// Each step's summary against that of the slice it stands for.
    #[track_caller]
    fn check<A: Aggregate>(length: usize, value: impl Fn(&A) -> f64, want: impl Fn(&[f64]) -> f64) {
        let mut rng = Rng::new(length as u64);
        let x: Vec<f64> = (0..400).map(|_| 5.0 + rng.standard_normal()).collect();
        let mut window = SlidingWindow::<A>::new(length).unwrap();
        for t in 0..x.len() {
            let got = value(&window.push(x[t]).unwrap());
            let slice = &x[(t + 1).saturating_sub(length)..=t];
            assert_eq!(window.len(), slice.len());
            let want = want(slice);
            assert!(
                (got - want).abs() < 1e-12 * want.abs().max(1.0),
                "{t}: {got} {want}"
            );
            assert_eq!(value(&window.summary().unwrap()), got);
        }
    }

    #[test]
    fn every_step_is_that_of_its_slice() {
        for length in [1, 2, 7, 64, 1000] {
            let mean = |x: &[f64]| describe::mean(x).unwrap();
            check(length, Average::mean, mean);
            check(length, WeightedAverage::mean, |x| {
                let weights = (1..=x.len()).map(|i| i as f64);
                let total: f64 = weights.clone().sum();
                weights.zip(x).map(|(w, v)| w * v).sum::<f64>() / total
            });
            check(
                length,
                |e: &Extremes| e.max - e.min,
                |x| {
                    let (low, high) = describe::range(x).unwrap();
                    high - low
                },
            );
            check(
                length,
                |m: &Moments| m.variance().unwrap_or(0.0),
                |x| describe::variance(x).unwrap_or(0.0),
            );
        }
    }

    #[test]
    fn what_has_left_leaves_no_trace() {
        let mut window = SlidingWindow::<Moments>::new(3).unwrap();
        for value in [1e300, -1e300, 1.0, 2.0] {
            window.push(value).unwrap();
        }
        let moments = window.push(3.0).unwrap();
        assert_eq!((moments.mean(), moments.variance()), (Ok(2.0), Ok(1.0)));
    }

    #[test]
    fn bad_values_change_nothing() {
        assert!(SlidingWindow::<Average>::new(0).is_err());
        let mut window = SlidingWindow::<Average>::new(2).unwrap();
        assert!(window.is_empty() && window.summary().is_none());
        window.push(4.0).unwrap();
        assert!(window.push(f64::NAN).is_err() && window.push(f64::INFINITY).is_err());
        assert_eq!(window.summary().map(|a| a.mean()), Some(4.0));
        let mut window = SlidingWindow::<WeightedAverage>::new(2).unwrap();
        window.push(f64::MAX).unwrap();
        let huge = window.push(f64::MAX).unwrap().mean();
        assert!(huge.is_finite() && huge > 0.999 * f64::MAX);
    }
}
