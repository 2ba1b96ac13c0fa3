//! The best few of many, where equal ones stay as they do in Prometheus.
//!
//! It keeps them in a binary heap with the worst at the root, and lets only what is better than that
//! in. Which of equal ones stay follows from how a heap moves its elements, so it is done here step
//! by step as Go's library documents it: what is added rises while it is worse than its parent, what
//! takes the root's place sinks below the worse of its children. NaN is worse than anything, itself
//! included.

use crate::syntax::ast::AggregateOp;

/// A value and whose it is.
pub(super) type Ranked = (f64, usize);

/// At most `limit` elements, the worst first.
pub(super) struct Best {
    op: AggregateOp,
    limit: usize,
    heap: Vec<Ranked>,
}

impl Best {
    /// The greatest for `topk`, the least for any other operator.
    pub(super) fn new(op: AggregateOp) -> Self {
        Self {
            op,
            limit: 0,
            heap: Vec::new(),
        }
    }

    /// Forgets all and keeps so many from now on.
    pub(super) fn restart(&mut self, limit: usize) {
        self.limit = limit;
        self.heap.clear();
    }

    /// Takes an element, if it is good enough.
    pub(super) fn offer(&mut self, new: Ranked) {
        if self.heap.len() < self.limit {
            self.heap.push(new);
            self.rise(self.heap.len() - 1);
        } else if let Some(root) = self.heap.first().copied()
            && (self.is_below(root.0, new.0) || (root.0.is_nan() && !new.0.is_nan()))
        {
            self.heap[0] = new;
            self.sink();
        }
    }

    /// What is kept, in no order.
    pub(super) fn kept(&self) -> &[Ranked] {
        &self.heap
    }

    fn is_below(&self, a: f64, b: f64) -> bool {
        if self.op == AggregateOp::Topk {
            a < b
        } else {
            a > b
        }
    }

    fn is_worse(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.heap[a].0, self.heap[b].0);
        a.is_nan() || self.is_below(a, b)
    }

    fn rise(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.is_worse(at, parent) {
                return;
            }
            self.heap.swap(at, parent);
            at = parent;
        }
    }

    fn sink(&mut self) {
        let mut at = 0;
        loop {
            let left = 2 * at + 1;
            if left >= self.heap.len() {
                return;
            }
            let right = left + 1;
            let is_right = right < self.heap.len() && self.is_worse(right, left);
            let child = if is_right { right } else { left };
            if !self.is_worse(child, at) {
                return;
            }
            self.heap.swap(at, child);
            at = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_of_equal_ones_stay_is_as_in_prometheus() {
        let check = |op, limit, values: &[f64], expected: &[usize]| {
            let mut best = Best::new(op);
            best.restart(limit);
            for (index, value) in values.iter().enumerate() {
                best.offer((*value, index));
            }
            let mut kept: Vec<usize> = best.kept().iter().map(|(_, index)| *index).collect();
            kept.sort_unstable();
            assert_eq!(kept, expected, "{values:?}");
        };
        // The first of two that are equal is at the root when something better comes.
        check(AggregateOp::Topk, 3, &[0.0, 3.0, 0.0, 5.0], &[1, 2, 3]);
        check(AggregateOp::Topk, 2, &[1.0, 1.0, 1.0], &[0, 1]);
        check(AggregateOp::Topk, 1, &[1.0, f64::NAN, 2.0, 2.0], &[2]);
        check(
            AggregateOp::Topk,
            2,
            &[f64::NAN, f64::NAN, f64::NAN, 1.0],
            &[0, 3],
        );
        check(AggregateOp::Bottomk, 2, &[4.0, 2.0, 4.0, 1.0], &[1, 3]);
        check(AggregateOp::Topk, 0, &[1.0], &[]);
        check(AggregateOp::Topk, usize::MAX, &[1.0, 2.0], &[0, 1]);
    }
}
