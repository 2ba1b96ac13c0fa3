//! Calls made one by one that could be one call: the *N+1* pattern.
//!
//! A list is asked for, and then, one after the other, each thing on it. Each call is quick, and
//! together they are the time of the whole. It is told where below one operation another is called
//! [`CALLS_MIN`] times or more (the median over the spans of the one that call it at all), and at
//! least [`IN_TURN_MIN`] of the calls began only when the one before had ended. Only what leaves the
//! process counts, or has below it something that does: a loop that computes is no such thing.

use std::collections::HashMap;
use std::time::Duration;

use tacho_model::span::SpanKind;

use crate::calls::Label;
use crate::distribution::Distribution;
use crate::tree::Tree;

/// From so many calls on they are told.
pub const CALLS_MIN: f64 = 10.0;
/// At least this share of them waited for the one before.
pub const IN_TURN_MIN: f64 = 0.8;
/// Most pairs of operations that are looked at; later ones are not.
pub const PAIRS_MAX: usize = 10_000;

/// Two operations, the one that calls first.
type Pair = (Label, Label);

/// Calls that could be one.
#[derive(Debug, Clone, PartialEq)]
pub struct Repeat {
    /// The operation that calls.
    pub parent: Label,
    /// The operation that is called.
    pub child: Label,
    /// How often each span of the one calls the other: the median.
    pub calls: f64,
    /// How often in one trace, of those where it is called at all: the median.
    pub calls_per_trace: f64,
    /// How many traces those are.
    pub traces: u64,
    /// The share of the calls that waited for the one before, 0 to 1.
    pub in_turn: f64,
    /// The share of the calling spans' time in which such calls ran, 0 to 1.
    pub share: f64,
    /// That time, over all traces.
    pub time: Duration,
}

/// How often one operation called another.
#[derive(Debug, Default)]
struct Counted {
    calls: Distribution,
    calls_per_trace: Distribution,
    traces: u64,
    /// Pairs of calls that follow each other, and those of them that did not overlap.
    steps: u64,
    in_turn: u64,
    time: Duration,
    of: Duration,
    /// Those of the trace that is being added.
    now: u64,
}

/// Counts calls over many traces.
#[derive(Debug, Default)]
pub struct Repeats {
    pairs: HashMap<Pair, Counted>,
}

impl Repeats {
    /// Adds the spans from each of `roots` down, none of which is below another, as one trace.
    pub fn add(&mut self, tree: &Tree<'_>, roots: &[u32]) {
        let mut touched: Vec<Pair> = Vec::new();
        let mut by_label: Vec<(Label, u32)> = Vec::new();
        let mut group: Vec<u32> = Vec::new();
        let leaves = leaving(tree);
        for span in roots.iter().flat_map(|root| tree.below(*root)) {
            by_label.clear();
            let called = tree
                .children(*span)
                .iter()
                .filter(|child| leaves[**child as usize]);
            by_label
                .extend(called.map(|child| (Label::from(&tree.spans()[*child as usize]), *child)));
            // In the order they began, within each operation.
            by_label.sort_by_key(|(label, _)| *label);
            for calls in by_label.chunk_by(|a, b| a.0 == b.0) {
                group.clear();
                group.extend(calls.iter().map(|(_, child)| *child));
                let pair = (Label::from(&tree.spans()[*span as usize]), calls[0].0);
                touched.extend(self.count(pair, tree, *span, &group));
            }
        }
        for pair in touched {
            if let Some(counted) = self.pairs.get_mut(&pair) {
                counted.calls_per_trace.observe(counted.now as f64);
                counted.traces += 1;
                counted.now = 0;
            }
        }
    }

    /// Counts the calls of one span; the pair, where it is new to this trace.
    fn count(&mut self, pair: Pair, tree: &Tree<'_>, span: u32, calls: &[u32]) -> Option<Pair> {
        if self.pairs.len() >= PAIRS_MAX && !self.pairs.contains_key(&pair) {
            return None;
        }
        let counted = self.pairs.entry(pair).or_default();
        let is_new = counted.now == 0;
        counted.now += calls.len() as u64;
        counted.calls.observe(calls.len() as f64);
        let spans = tree.spans();
        for two in calls.windows(2) {
            let (before, after) = (&spans[two[0] as usize], &spans[two[1] as usize]);
            counted.steps += 1;
            counted.in_turn += u64::from(after.from() >= before.until());
        }
        let parent = &spans[span as usize];
        counted.time = counted.time.saturating_add(tree.covered(parent, calls));
        counted.of = counted.of.saturating_add(parent.duration);
        is_new.then_some(pair)
    }

    /// What could be one call, the most time first.
    pub fn found(&self) -> Vec<Repeat> {
        let mut found: Vec<Repeat> = self.pairs.iter().filter_map(repeat).collect();
        found.sort_by_key(|repeat| (std::cmp::Reverse(repeat.time), repeat.parent, repeat.child));
        found
    }
}

fn repeat((pair, counted): (&Pair, &Counted)) -> Option<Repeat> {
    let calls = counted.calls.quantile(0.5)?;
    let in_turn = counted.in_turn as f64 / (counted.steps as f64).max(1.0);
    let of = counted.of.as_secs_f64();
    (calls >= CALLS_MIN && in_turn >= IN_TURN_MIN).then(|| Repeat {
        parent: pair.0,
        child: pair.1,
        calls,
        calls_per_trace: counted.calls_per_trace.quantile(0.5).unwrap_or(calls),
        traces: counted.traces,
        in_turn,
        share: if of > 0.0 {
            counted.time.as_secs_f64() / of
        } else {
            0.0
        },
        time: counted.time,
    })
}

/// Which spans leave the process, or have one below them that does. What answers a call from
/// elsewhere is no call.
fn leaving(tree: &Tree<'_>) -> Vec<bool> {
    let is_call = |kind| matches!(kind, SpanKind::Client | SpanKind::Producer);
    let spans = tree.spans();
    let mut leaves: Vec<bool> = spans.iter().map(|span| is_call(span.kind)).collect();
    for span in tree.order().iter().rev() {
        if let Some(parent) = tree.parent(*span) {
            leaves[parent as usize] |= leaves[*span as usize];
        }
    }
    for (leaves, span) in leaves.iter_mut().zip(spans) {
        *leaves &= !matches!(span.kind, SpanKind::Server | SpanKind::Consumer);
    }
    leaves
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tree::LightSpan;
    use crate::tree::tests::{any_spans, span};

    /// A span of a hundred seconds, and so many calls below it, `apart` seconds between their
    /// beginnings, each of two seconds.
    fn calls(count: u64, apart: u64, kind: SpanKind) -> Vec<LightSpan> {
        let mut spans = vec![LightSpan {
            name: 1,
            ..span(1, 0, 0, 100)
        }];
        spans.extend((0..count).map(|n| LightSpan {
            name: 2,
            kind,
            ..span(n + 2, 1, n * apart, n * apart + 2)
        }));
        spans
    }

    fn found(traces: &[Vec<LightSpan>]) -> Vec<Repeat> {
        let mut repeats = Repeats::default();
        for spans in traces {
            let tree = Tree::of(spans);
            repeats.add(&tree, tree.roots());
        }
        repeats.found()
    }

    #[test]
    fn many_calls_one_after_the_other_are_told() {
        let two = [
            calls(20, 2, SpanKind::Client),
            calls(10, 3, SpanKind::Client),
        ];
        let [told] = &found(&two)[..] else {
            panic!("one");
        };
        let label = |name| Label { service: 0, name };
        assert_eq!((told.parent, told.child), (label(1), label(2)));
        assert_eq!(
            (told.calls, told.calls_per_trace, told.traces),
            (15.0, 15.0, 2)
        );
        assert_eq!(
            (told.in_turn, told.share, told.time.as_secs()),
            (1.0, 0.3, 60)
        );
    }

    #[test]
    fn few_calls_calls_at_once_and_loops_that_compute_are_not() {
        for (count, apart, kind) in [
            (9, 2, SpanKind::Client),
            (30, 1, SpanKind::Client),
            (30, 0, SpanKind::Client),
            (30, 2, SpanKind::Internal),
            (30, 2, SpanKind::Server),
        ] {
            let told = found(&[calls(count, apart, kind)]);
            assert_eq!(told, [], "{count} {kind:?}");
        }
        // Once in a while is not the rule.
        let rare = [
            calls(30, 2, SpanKind::Client),
            calls(1, 2, SpanKind::Client),
        ];
        assert_eq!(
            found(&[rare[0].clone(), rare[1].clone(), rare[1].clone()]),
            []
        );
    }

    #[test]
    fn a_loop_around_calls_is_told() {
        let mut spans = calls(12, 2, SpanKind::Internal);
        let inner = spans[1..].iter().map(|around| LightSpan {
            name: 3,
            kind: SpanKind::Client,
            id: around.id + 100,
            parent_id: around.id,
            ..*around
        });
        let inner: Vec<_> = inner.collect();
        spans.extend(inner);
        let told = found(&[spans]);
        assert_eq!(told.iter().map(|t| t.child.name).collect::<Vec<_>>(), [2]);
    }

    proptest! {
        #[test]
        fn shares_are_shares(traces in prop::collection::vec(any_spans(), 0..4)) {
            for told in found(&traces) {
                prop_assert!((0.0..=1.0).contains(&told.share));
                prop_assert!((0.0..=1.0).contains(&told.in_turn));
            }
        }
    }
}
