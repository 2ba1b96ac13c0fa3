//! What a window's numbers come to, kept up as the window slides.
//!
//! Windows move forward only, so they are a queue, and a queue is two stacks: of the front one it
//! is known what every tail comes to, of the back one what all of it does. Each number is taken
//! up twice at most, however long the window and however short the step, and nothing is ever
//! subtracted, so that infinities and rounding do no harm. Source: Tangwongsan, Hirzel, Schneider,
//! "In-order sliding-window aggregation in worst-case constant time", VLDB Journal 30 (2021), the
//! two-stacks algorithm.

use std::ops::Range;

use crate::functions::Sum;

/// What numbers may come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fold {
    Sum,
    Least,
    Greatest,
}

/// What the numbers of a window come to: a sum with what rounding has lost, or one of them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Folded {
    Sum(Sum),
    /// NaN only where there is nothing else.
    Extreme(f64),
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Folds {
    fold: Fold,
    /// What `values[first + i..middle]` come to.
    front: Vec<Folded>,
    first: usize,
    middle: usize,
    /// What `values[middle..end]` come to.
    back: Option<Folded>,
    end: usize,
}

impl Folds {
    pub(super) fn new(fold: Fold) -> Self {
        let (front, back) = (Vec::new(), None);
        Self {
            fold,
            front,
            first: 0,
            middle: 0,
            back,
            end: 0,
        }
    }

    /// What the numbers of a span come to; spans must not move back. `None` of none.
    pub(super) fn of(&mut self, values: &[f64], span: &Range<usize>) -> Option<Folded> {
        if span.start >= self.middle {
            self.turn(values, span);
        }
        for value in &values[self.end.min(span.end)..span.end] {
            let lifted = self.lifted(*value);
            self.back = Some(self.back.map_or(lifted, |back| back.and(self.fold, lifted)));
        }
        self.end = self.end.max(span.end);
        let front = self.front.get(span.start - self.first).copied();
        match (front, self.back) {
            (Some(front), Some(back)) => Some(front.and(self.fold, back)),
            (front, back) => front.or(back),
        }
    }

    /// Makes all of a span the front.
    fn turn(&mut self, values: &[f64], span: &Range<usize>) {
        self.front.clear();
        let mut tail: Option<Folded> = None;
        for value in values[span.clone()].iter().rev() {
            let lifted = self.lifted(*value);
            let folded = tail.map_or(lifted, |tail| lifted.and(self.fold, tail));
            self.front.push(folded);
            tail = Some(folded);
        }
        self.front.reverse();
        (self.first, self.middle, self.end) = (span.start, span.end, span.end);
        self.back = None;
    }

    fn lifted(&self, value: f64) -> Folded {
        match self.fold {
            Fold::Sum => Folded::Sum(Sum::of([value])),
            Fold::Least | Fold::Greatest => Folded::Extreme(value),
        }
    }
}

impl Folded {
    fn and(self, fold: Fold, other: Self) -> Self {
        match (self, other) {
            (Self::Sum(a), Self::Sum(b)) => Self::Sum(a.and(b)),
            (Self::Extreme(a), Self::Extreme(b)) => Self::Extreme(match fold {
                // Both take the other side where one is NaN.
                Fold::Greatest => a.max(b),
                Fold::Sum | Fold::Least => a.min(b),
            }),
            (mine, _) => mine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slides windows of `length` by `step` over numbers, and compares with adding up each anew.
    fn check(values: &[f64], length: usize, step: usize) {
        for fold in [Fold::Sum, Fold::Least, Fold::Greatest] {
            let mut folds = Folds::new(fold);
            let mut start = 0;
            while start < values.len() {
                let span = start..(start + length).min(values.len());
                let anew = values[span.clone()].iter().copied();
                let expected = match fold {
                    Fold::Sum => Sum::of(anew).value(),
                    Fold::Least => anew.fold(f64::NAN, f64::min),
                    Fold::Greatest => anew.fold(f64::NAN, f64::max),
                };
                let found = match folds.of(values, &span) {
                    Some(Folded::Sum(sum)) => sum.value(),
                    Some(Folded::Extreme(value)) => value,
                    None => f64::NAN,
                };
                let same = found == expected || (found.is_nan() && expected.is_nan());
                assert!(same, "{fold:?} of {span:?}: {found}, not {expected}");
                start += step;
            }
        }
    }

    #[test]
    fn sliding_is_as_good_as_adding_up_anew() {
        let mut values: Vec<f64> = (0..200).map(|i| f64::from((i * 37) % 101) - 50.0).collect();
        for (length, step) in [(1, 1), (7, 1), (7, 3), (7, 7), (7, 20), (100, 1), (300, 2)] {
            check(&values, length, step);
        }
        values[20] = f64::NAN;
        values[60] = f64::INFINITY;
        values[100] = f64::NEG_INFINITY;
        for (length, step) in [(1, 1), (7, 1), (50, 3)] {
            check(&values, length, step);
        }
    }
}
