//! The critical path: which span is responsible for each stretch of another one's time.
//!
//! Walked from the end back. A span waits for the child that ends last, so that child is responsible
//! for its own time; before it began, of the other children the one that ends last is, and so on;
//! where no child ran, the span itself is. Below each child it goes on in the same way. Making a span
//! quicker that is not on the path makes the whole no quicker. Stretches do not overlap, and together
//! they are the whole time of the span that was asked about.
//!
//! A child that was still running when a later one began is taken to be responsible until then:
//! nothing tells whether the later one waited for it.

use std::cmp::Reverse;

use crate::tree::Tree;
use tacho_model::Timestamp;

/// A stretch of time that one span is responsible for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The span, by its place.
    pub span: u32,
    /// From when.
    pub from: Timestamp,
    /// Until when; later than `from`.
    pub until: Timestamp,
}

/// The critical path of a span, from its beginning to its end.
pub fn path(tree: &Tree<'_>, root: u32) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    walk(tree, root, |span, from, until| {
        stretches.push(Stretch {
            span,
            from: Timestamp::from_nanos(from),
            until: Timestamp::from_nanos(until),
        });
    });
    stretches.sort_by_key(|stretch| stretch.from);
    stretches
}

/// Hands the stretches of a span's critical path to `each`, in no order.
pub(crate) fn walk(tree: &Tree<'_>, root: u32, mut each: impl FnMut(u32, i64, i64)) {
    let whole = &tree.spans()[root as usize];
    let mut windows = vec![(root, whole.from(), whole.until())];
    let mut by_end: Vec<u32> = Vec::new();
    while let Some((span, from, mut at)) = windows.pop() {
        by_end.clear();
        by_end.extend_from_slice(tree.children(span));
        // Of those that end together the one that began last, so that the other has its turn.
        by_end.sort_by_key(|child| {
            let child = &tree.spans()[*child as usize];
            Reverse((child.until(), child.from()))
        });
        for child in &by_end {
            let times = &tree.spans()[*child as usize];
            let (begin, end) = (times.from().max(from), times.until().min(at));
            if begin >= end {
                continue;
            }
            if end < at {
                each(span, end, at);
            }
            windows.push((*child, begin, end));
            at = begin;
        }
        if from < at {
            each(span, from, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::{any_spans, span};
    use proptest::prelude::*;

    /// The path of the first root as `span:from-until`, in whole seconds.
    #[track_caller]
    fn check(spans: &[(u64, u64, u64, u64)], expected: &str) {
        let spans: Vec<_> = spans.iter().map(|s| span(s.0, s.1, s.2, s.3)).collect();
        let tree = Tree::of(&spans);
        let path = path(&tree, tree.roots()[0]);
        let told = path.iter().map(|stretch| {
            let (from, until) = (stretch.from.as_nanos(), stretch.until.as_nanos());
            let second = 1_000_000_000;
            let id = spans[stretch.span as usize].id;
            format!("{id}:{}-{}", from / second, until / second)
        });
        assert_eq!(told.collect::<Vec<_>>().join(" "), expected);
    }

    #[test]
    fn a_span_waits_for_the_child_that_ends_last() {
        check(&[(1, 0, 0, 10)], "1:0-10");
        check(
            &[(1, 0, 0, 10), (2, 1, 1, 4), (3, 1, 5, 9)],
            "1:0-1 2:1-4 1:4-5 3:5-9 1:9-10",
        );
        // Both begin together: the shorter one is waited for by nobody.
        check(&[(1, 0, 0, 10), (2, 1, 0, 4), (3, 1, 0, 9)], "3:0-9 1:9-10");
        // The first still ran when the second began.
        check(
            &[(1, 0, 0, 10), (2, 1, 0, 6), (3, 1, 5, 10)],
            "2:0-5 3:5-10",
        );
        // Below a child it goes on, within the child's turn.
        check(
            &[(1, 0, 0, 10), (2, 1, 0, 6), (4, 2, 1, 6), (3, 1, 5, 10)],
            "2:0-1 4:1-5 3:5-10",
        );
        // What runs outside counts as far as it overlaps.
        check(
            &[(1, 0, 5, 10), (2, 1, 0, 6), (3, 1, 9, 15)],
            "2:5-6 1:6-9 3:9-10",
        );
        check(&[(1, 0, 5, 10), (2, 1, 11, 12)], "1:5-10");
        check(&[(1, 0, 5, 5), (2, 1, 4, 6)], "");
    }

    proptest! {
        #[test]
        fn stretches_are_the_whole_of_the_root(spans in any_spans()) {
            let tree = Tree::of(&spans);
            for root in tree.roots() {
                let path = path(&tree, *root);
                let whole = &spans[*root as usize];
                let mut at = whole.from();
                for stretch in &path {
                    prop_assert_eq!(stretch.from.as_nanos(), at);
                    prop_assert!(stretch.from < stretch.until);
                    prop_assert!(tree.below(*root).contains(&stretch.span));
                    let own = &spans[stretch.span as usize];
                    prop_assert!(own.start <= stretch.from);
                    prop_assert!(own.until() >= stretch.until.as_nanos());
                    at = stretch.until.as_nanos();
                }
                prop_assert_eq!(at, whole.until());
            }
        }
    }
}
