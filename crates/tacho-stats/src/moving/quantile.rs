//! A quantile of the last `n` values, in O(log n) a step.
//!
//! Two heaps share the window: the lower one has the largest of the small values on top, the upper
//! one the smallest of the large. The heaps hold places in a ring of values and each place knows
//! where it stands, so that the oldest value can be taken out of the middle of a heap.
//!
//! Invariants, after each step:
//! 1. every place of the window is in exactly one heap, and `stand` says where;
//! 2. no value of the lower heap is above a value of the upper one;
//! 3. the lower heap holds ⌊(m − 1) p⌋ + 1 of the m values, so that its top is the lower order
//!    statistic of a quantile of type 7, and the top of the upper heap is the next one.
//!
//! Source: Härdle & Steiger, "Optimal median smoothing", Applied Statistics 44 (1995), AS 296, for
//! the double heap; Hyndman & Fan (1996) for type 7.

use crate::error::{Result, StatsError, probability};

/// The quantile, of type 7, at one probability.
///
/// ```
/// use tacho_stats::moving::SlidingQuantile;
///
/// let mut median = SlidingQuantile::new(3, 0.5)?;
/// let medians: Vec<f64> = [5.0, 1.0, 9.0, 8.0]
///     .into_iter()
///     .map(|value| median.push(value))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(medians, [5.0, 3.0, 5.0, 8.0]);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct SlidingQuantile {
    p: f64,
    length: usize,
    /// Values by place; the place after the youngest is the oldest's.
    ring: Vec<f64>,
    next: usize,
    /// For each place its heap (0 lower, 1 upper) and its position there.
    stand: Vec<(usize, usize)>,
    heaps: [Vec<usize>; 2],
}

const LOWER: usize = 0;
const UPPER: usize = 1;

impl SlidingQuantile {
    /// Of the last `length` values (at least one), at probability `p`.
    pub fn new(length: usize, p: f64) -> Result<Self> {
        probability("p", p)?;
        if length == 0 {
            return Err(StatsError::Invalid {
                name: "length",
                why: "a window holds at least one value",
            });
        }
        Ok(Self {
            p,
            length,
            ring: Vec::new(),
            next: 0,
            stand: Vec::new(),
            heaps: [Vec::new(), Vec::new()],
        })
    }

    /// Adds a finite value, drops the oldest one of a full window, and gives the quantile.
    pub fn push(&mut self, value: f64) -> Result<f64> {
        if !value.is_finite() {
            return Err(StatsError::NotFinite { index: self.len() });
        }
        let place = self.next;
        if self.ring.len() < self.length {
            self.ring.push(value);
            self.stand.push((LOWER, 0));
        } else {
            self.remove(place);
            self.ring[place] = value;
        }
        self.next = (place + 1) % self.length;
        let low = self.heaps[LOWER]
            .first()
            .is_some_and(|top| value <= self.ring[*top]);
        self.insert(if low { LOWER } else { UPPER }, place);
        self.balance();
        Ok(self.current())
    }

    /// Values in the window.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether nothing was pushed yet.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// The quantile of what is there; none of nothing.
    pub fn quantile(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.current())
    }

    fn current(&self) -> f64 {
        let top = |heap: usize| self.heaps[heap].first().map(|place| self.ring[*place]);
        let low = top(LOWER).unwrap_or(f64::NAN);
        let weight = ((self.len() - 1) as f64 * self.p).fract();
        match top(UPPER) {
            Some(high) if weight > 0.0 => crate::quantile::interpolate(low, high, weight),
            _ => low,
        }
    }

    fn balance(&mut self) {
        let wanted = ((self.len() - 1) as f64 * self.p).floor() as usize + 1;
        while self.heaps[LOWER].len() > wanted {
            self.move_top(LOWER, UPPER);
        }
        while self.heaps[LOWER].len() < wanted {
            self.move_top(UPPER, LOWER);
        }
        // Only a value that was inserted into a heap that had become empty can be out of order.
        while let (Some(low), Some(high)) = (self.heaps[LOWER].first(), self.heaps[UPPER].first())
            && self.ring[*low] > self.ring[*high]
        {
            self.move_top(LOWER, UPPER);
            self.move_top(UPPER, LOWER);
        }
    }

    fn move_top(&mut self, from: usize, to: usize) {
        let place = self.heaps[from][0];
        self.remove(place);
        self.insert(to, place);
    }

    fn insert(&mut self, heap: usize, place: usize) {
        self.heaps[heap].push(place);
        let at = self.heaps[heap].len() - 1;
        self.stand[place] = (heap, at);
        self.rise(heap, at);
    }

    fn remove(&mut self, place: usize) {
        let (heap, at) = self.stand[place];
        self.heaps[heap].swap_remove(at);
        if let Some(moved) = self.heaps[heap].get(at) {
            self.stand[*moved] = (heap, at);
            self.rise(heap, at);
            self.sink(heap, at);
        }
    }

    /// Whether position `a` belongs above position `b`.
    fn above(&self, heap: usize, a: usize, b: usize) -> bool {
        let value = |at: usize| self.ring[self.heaps[heap][at]];
        if heap == LOWER {
            value(a) > value(b)
        } else {
            value(a) < value(b)
        }
    }

    fn rise(&mut self, heap: usize, mut at: usize) {
        while at > 0 && self.above(heap, at, (at - 1) / 2) {
            self.swap(heap, at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    fn sink(&mut self, heap: usize, mut at: usize) {
        let len = self.heaps[heap].len();
        loop {
            let mut best = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < len && self.above(heap, child, best) {
                    best = child;
                }
            }
            if best == at {
                return;
            }
            self.swap(heap, at, best);
            at = best;
        }
    }

    fn swap(&mut self, heap: usize, a: usize, b: usize) {
        self.heaps[heap].swap(a, b);
        for at in [a, b] {
            let place = self.heaps[heap][at];
            self.stand[place] = (heap, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantile::{QuantileType, quantile};
    use crate::rng::Rng;

    #[track_caller]
    fn check(length: usize, p: f64, value: impl Fn(&mut Rng) -> f64) {
        let mut rng = Rng::new(length as u64);
        let x: Vec<f64> = (0..600).map(|_| value(&mut rng)).collect();
        let mut window = SlidingQuantile::new(length, p).unwrap();
        for t in 0..x.len() {
            let got = window.push(x[t]).unwrap();
            let slice = &x[(t + 1).saturating_sub(length)..=t];
            let want = quantile(slice, p, QuantileType::Linear7).unwrap();
            assert!(
                (got - want).abs() < 1e-12,
                "{length} {p} at {t}: {got} {want}"
            );
            assert_eq!(window.quantile(), Some(got));
        }
    }

    #[test]
    fn every_step_is_that_of_its_slice() {
        for length in [1, 2, 3, 10, 101, 1000] {
            for p in [0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 1.0] {
                check(length, p, Rng::standard_normal);
                check(length, p, |rng| rng.below(4) as f64);
            }
        }
    }

    #[test]
    fn bad_values_change_nothing() {
        assert!(SlidingQuantile::new(0, 0.5).is_err());
        assert!(SlidingQuantile::new(3, 1.5).is_err());
        let mut window = SlidingQuantile::new(2, 0.5).unwrap();
        assert!(window.is_empty() && window.quantile().is_none());
        window.push(1.0).unwrap();
        assert!(window.push(f64::NAN).is_err() && window.push(f64::NEG_INFINITY).is_err());
        assert_eq!((window.len(), window.quantile()), (1, Some(1.0)));
        window.push(f64::MAX).unwrap();
        window.push(-f64::MAX).unwrap();
        assert_eq!(window.quantile(), Some(0.0));
    }
}
