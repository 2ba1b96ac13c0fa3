use proptest::prelude::*;

use super::*;

/// A span of these seconds.
pub(crate) fn span(id: u64, parent_id: u64, from: u64, until: u64) -> LightSpan {
    LightSpan {
        id,
        parent_id,
        start: Timestamp::from_secs(from as i64),
        duration: Duration::from_secs(until - from),
        name: id as u32,
        service: 0,
        failed: false,
        kind: SpanKind::Internal,
    }
}

/// Spans of a few identifiers: parents that are not there, themselves, circles, duplicates, and
/// times that have nothing to do with those of their parents.
pub(crate) fn any_spans() -> impl Strategy<Value = Vec<LightSpan>> {
    let one = (
        0..24_u64,
        0..24_u64,
        0..40_u64,
        0..20_u64,
        0..4_u32,
        any::<bool>(),
    );
    let one = one.prop_map(|(id, parent, from, length, name, failed)| LightSpan {
        name,
        failed,
        kind: SpanKind::ALL[name as usize],
        ..span(id, parent, from, from + length)
    });
    prop::collection::vec(one, 0..40)
}

fn ids(spans: &[LightSpan], places: &[u32]) -> Vec<u64> {
    places
        .iter()
        .map(|place| spans[*place as usize].id)
        .collect()
}

fn self_times(tree: &Tree<'_>) -> Vec<u64> {
    let all = 0..tree.spans().len() as u32;
    all.map(|span| tree.self_time(span).as_secs()).collect()
}

#[test]
fn children_come_in_the_order_they_began_and_their_time_is_not_their_parents() {
    let spans = [
        span(4, 2, 2, 3),
        span(3, 1, 5, 9),
        span(1, 0, 0, 10),
        span(2, 1, 1, 4),
    ];
    let tree = Tree::of(&spans);
    assert_eq!(ids(&spans, tree.order()), [1, 2, 4, 3]);
    assert_eq!(ids(&spans, tree.below(3)), [2, 4]);
    assert_eq!(tree.depth(0), 2);
    assert_eq!(tree.parent(0), Some(3));
    assert_eq!(self_times(&tree), [1, 4, 3, 2]);
    assert_eq!(tree.oddities(), Oddities::default());
}

#[test]
fn what_runs_at_the_same_time_is_taken_off_once() {
    let spans = [
        span(1, 0, 0, 10),
        span(2, 1, 1, 6),
        span(3, 1, 2, 4),
        span(4, 1, 5, 8),
        span(5, 1, 8, 8),
    ];
    assert_eq!(self_times(&Tree::of(&spans)), [3, 5, 2, 3, 0]);
}

#[test]
fn clocks_that_disagree_are_told_and_nothing_is_shifted() {
    let spans = [
        span(1, 0, 10, 20),
        span(2, 1, 7, 12),
        span(3, 1, 19, 24),
        span(4, 1, 30, 31),
    ];
    let tree = Tree::of(&spans);
    assert_eq!(self_times(&tree), [7, 5, 5, 1]);
    let by = Duration::from_secs(3);
    assert_eq!(tree.oddity(1), Some(Oddity::BeginsBeforeParent(by)));
    assert!(matches!(tree.oddity(3), Some(Oddity::OutlivesParent(by)) if by.as_secs() == 11));
    let odd = tree.oddities();
    assert_eq!(
        (odd.begin_before_parent, odd.outlive_parent, odd.skew),
        (1, 2, by)
    );
}

#[test]
fn missing_parents_circles_and_duplicates_make_roots_and_are_told() {
    let spans = [
        span(1, 99, 5, 6),
        span(2, 2, 4, 5),
        // Three in a circle, of which the last one began first, and one below them.
        span(3, 5, 3, 4),
        span(4, 3, 2, 3),
        span(5, 4, 1, 2),
        span(6, 3, 3, 4),
        // The same again, and a child.
        span(1, 0, 7, 9),
        span(7, 1, 5, 6),
    ];
    let tree = Tree::of(&spans);
    assert_eq!(ids(&spans, tree.roots()), [5, 2, 1, 1]);
    assert_eq!(ids(&spans, tree.order()), [5, 3, 4, 6, 2, 1, 7, 1]);
    let odd = tree.oddities();
    assert_eq!((odd.cycles, odd.orphans, odd.duplicates), (2, 1, 1));
    assert_eq!(tree.parent(7), Some(0), "the first to begin is the parent");
}

#[test]
fn a_trace_may_be_as_deep_or_as_wide_as_it_is_large() {
    let many = 100_000;
    let chain: Vec<_> = (1..=many)
        .map(|id| span(id, id - 1, id, 2 * many - id))
        .collect();
    let tree = Tree::of(&chain);
    assert_eq!(tree.depth(many as u32 - 1), many as u32 - 1);
    assert_eq!(tree.self_time(0).as_secs(), 2);
    let whole = crate::critical::path(&tree, 0);
    assert_eq!(whole.len() as u64, 2 * many - 3);
    let mut wide = vec![span(1, 0, 0, many)];
    wide.extend((2..=many).map(|id| span(id, 1, id - 2, id - 1)));
    let tree = Tree::of(&wide);
    assert_eq!(tree.children(0).len() as u64, many - 1);
    assert_eq!(tree.self_time(0).as_secs(), 1);
    assert_eq!(crate::critical::path(&tree, 0).len() as u64, many);
}

#[test]
fn the_ends_of_time_are_times() {
    let edge = |id, start, duration| LightSpan {
        start,
        duration,
        ..span(id, id - 1, 0, 0)
    };
    let spans = [
        edge(1, Timestamp::MIN, Duration::MAX),
        edge(2, Timestamp::MAX, Duration::MAX),
        edge(3, Timestamp::MIN, Duration::ZERO),
    ];
    let tree = Tree::of(&spans);
    assert_eq!(tree.order().len(), 3);
    for root in tree.roots() {
        crate::critical::path(&tree, *root);
    }
    assert_eq!(Tree::of(&[]).order(), [0; 0]);
}

/// Spans one after the other below one another, none outside its parent.
fn sequential() -> impl Strategy<Value = Vec<LightSpan>> {
    prop::collection::vec((any::<u16>(), 0..5_u64, 0..5_u64), 1..60).prop_map(|plan| {
        // Lengths from the last one up: each is its own time and its children's.
        let parents: Vec<usize> = plan
            .iter()
            .enumerate()
            .map(|(n, p)| match n {
                0 => 0,
                _ => usize::from(p.0) % n,
            })
            .collect();
        let mut lengths: Vec<u64> = plan.iter().map(|p| p.1 + p.2).collect();
        for n in (1..plan.len()).rev() {
            lengths[parents[n]] += lengths[n];
        }
        let mut next: Vec<u64> = vec![0; plan.len()];
        let mut spans = vec![span(1, 0, 0, lengths[0])];
        next[0] = plan[0].1;
        for n in 1..plan.len() {
            let from = next[parents[n]];
            next[parents[n]] += lengths[n];
            next[n] = from + plan[n].1;
            let parent = parents[n] as u64 + 1;
            spans.push(span(n as u64 + 1, parent, from, from + lengths[n]));
        }
        spans
    })
}

proptest! {
    #[test]
    fn any_graph_of_parents_is_a_tree_of_all_spans(spans in any_spans()) {
        let tree = Tree::of(&spans);
        let mut seen = tree.order().to_vec();
        seen.sort_unstable();
        prop_assert!(seen.iter().copied().eq(0..spans.len() as u32));
        for (place, number) in tree.order().iter().enumerate() {
            let depth = tree.parent(*number).map_or(0, |parent| tree.depth(parent) + 1);
            prop_assert_eq!(tree.depth(*number), depth);
            prop_assert!(tree.order()[place..].starts_with(tree.below(*number)));
            prop_assert!(tree.self_time(*number) <= spans[*number as usize].duration);
        }
        let below: usize = tree.roots().iter().map(|root| tree.below(*root).len()).sum();
        prop_assert_eq!(below, spans.len());
    }

    #[test]
    fn own_times_of_a_sequential_tree_are_the_whole(spans in sequential()) {
        let tree = Tree::of(&spans);
        let own: Duration = tree.order().iter().map(|span| tree.self_time(*span)).sum();
        prop_assert_eq!(own, spans[0].duration);
        prop_assert_eq!(tree.oddities(), Oddities::default());
    }
}
