//! Aggregated call trees: the spans of many traces merged by the path of operations that led there.
//!
//! 1. Counts, own times and critical times of all nodes add up to those of all spans that were added,
//!    however many nodes there are: what has no node of its own is in the node `other` beside it.
//! 2. There are at most [`NODES_MAX`] nodes with a name, none below [`DEPTH_MAX`], and one `other` a
//!    node.
//!
//! The critical time of a run is that of its own path (see [`crate::critical`]), so over a tree it
//! adds up to the durations of its roots.

use std::collections::HashMap;
use std::time::Duration;

use tacho_model::span::SpanKind;

use crate::critical;
use crate::distribution::Distribution;
use crate::tree::{LightSpan, Tree, nanos};

/// Most nodes that have a name; what comes later is counted in `other`.
pub const NODES_MAX: usize = 2000;
/// Deeper spans are counted in `other`. As JSON, a level is a list in an object, and readers that
/// are careful follow no more than 128 of those.
pub const DEPTH_MAX: u32 = 48;

/// Which operation of which service, as the caller numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// The service.
    pub service: u32,
    /// The operation.
    pub name: u32,
}

impl From<&LightSpan> for Label {
    fn from(span: &LightSpan) -> Self {
        Self {
            service: span.service,
            name: span.name,
        }
    }
}

/// All spans that were reached by one path.
#[derive(Debug)]
pub struct CallNode {
    /// The operation; `None` for what is no longer told apart.
    pub label: Option<Label>,
    /// On which side of a call; that of the first span.
    pub kind: SpanKind,
    /// How many spans.
    pub count: u64,
    /// How many of them failed.
    pub errors: u64,
    /// Their durations together; in `other`, without those that are below another one there.
    pub total: Duration,
    /// Their own times together.
    pub self_time: Duration,
    /// The stretches of critical paths that they are responsible for.
    pub critical: Duration,
    /// Their durations in seconds.
    pub durations: Distribution,
    /// Those below, by their places; the longest total first, `other` last.
    pub children: Vec<u32>,
    depth: u32,
}

/// An aggregated call tree.
#[derive(Debug, Default)]
pub struct CallTree {
    nodes: Vec<CallNode>,
    /// How many nodes have a name.
    named: usize,
    roots: Vec<u32>,
    /// By what is above and by the operation.
    places: HashMap<(Option<u32>, Option<Label>), u32>,
    traces: u64,
    runs: u64,
    /// The node of each span of the trace that is added.
    node_of: Vec<u32>,
}

impl CallTree {
    /// Adds the spans from each of `roots` down, none of which is below another, as one trace.
    pub fn add(&mut self, tree: &Tree<'_>, roots: &[u32]) {
        self.traces += u64::from(!roots.is_empty());
        self.runs += roots.len() as u64;
        let mut node_of = std::mem::take(&mut self.node_of);
        node_of.clear();
        node_of.resize(tree.spans().len(), 0);
        for root in roots {
            for span in tree.below(*root) {
                let above = (span != root).then(|| tree.parent(*span)).flatten();
                let above = above.map(|parent| node_of[parent as usize]);
                let node = self.node(above, &tree.spans()[*span as usize]);
                node_of[*span as usize] = node;
                self.count(node, above, tree, *span);
            }
            critical::walk(tree, *root, |span, from, until| {
                let node = &mut self.nodes[node_of[span as usize] as usize];
                node.critical = node.critical.saturating_add(nanos(from, until));
            });
        }
        self.node_of = node_of;
    }

    fn count(&mut self, node: u32, above: Option<u32>, tree: &Tree<'_>, span: u32) {
        let held = &mut self.nodes[node as usize];
        let told = &tree.spans()[span as usize];
        held.count += 1;
        held.errors += u64::from(told.failed);
        held.self_time = held.self_time.saturating_add(tree.self_time(span));
        held.durations.observe(told.duration.as_secs_f64());
        if above != Some(node) {
            held.total = held.total.saturating_add(told.duration);
        }
    }

    /// The node of a span below another node.
    fn node(&mut self, above: Option<u32>, span: &LightSpan) -> u32 {
        let depth = above.map_or(0, |above| self.nodes[above as usize].depth + 1);
        if let Some(above) = above
            && self.nodes[above as usize].label.is_none()
        {
            return above;
        }
        let label = Some(Label::from(span));
        if let Some(known) = self.places.get(&(above, label)) {
            return *known;
        }
        if self.named < NODES_MAX && depth < DEPTH_MAX {
            self.make(above, label, span.kind, depth)
        } else if let Some(other) = self.places.get(&(above, None)) {
            *other
        } else {
            self.make(above, None, span.kind, depth)
        }
    }

    fn make(
        &mut self,
        above: Option<u32>,
        label: Option<Label>,
        kind: SpanKind,
        depth: u32,
    ) -> u32 {
        let place = self.nodes.len() as u32;
        self.named += usize::from(label.is_some());
        self.nodes.push(CallNode {
            label,
            kind,
            count: 0,
            errors: 0,
            total: Duration::ZERO,
            self_time: Duration::ZERO,
            critical: Duration::ZERO,
            durations: Distribution::default(),
            children: Vec::new(),
            depth,
        });
        self.places.insert((above, label), place);
        match above {
            Some(above) => self.nodes[above as usize].children.push(place),
            None => self.roots.push(place),
        }
        place
    }

    /// Brings roots and children into their order.
    pub fn sort(&mut self) {
        let rank: Vec<_> = self
            .nodes
            .iter()
            .map(|node| {
                let last = node.label.is_none();
                (last, std::cmp::Reverse(node.total), node.label)
            })
            .collect();
        self.roots.sort_by_key(|place| rank[*place as usize]);
        for node in &mut self.nodes {
            node.children.sort_by_key(|place| rank[*place as usize]);
        }
    }

    /// The first nodes of all paths, by their places.
    pub fn roots(&self) -> &[u32] {
        &self.roots
    }

    /// All nodes, each behind the one above it.
    pub fn nodes(&self) -> &[CallNode] {
        &self.nodes
    }

    /// How many traces were added.
    pub fn traces(&self) -> u64 {
        self.traces
    }

    /// How many roots they had.
    pub fn runs(&self) -> u64 {
        self.runs
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tree::tests::{any_spans, span};

    fn added(spans: &[LightSpan]) -> CallTree {
        let tree = Tree::of(spans);
        let mut calls = CallTree::default();
        calls.add(&tree, tree.roots());
        calls.sort();
        calls
    }

    fn named(name: u32, span: LightSpan) -> LightSpan {
        LightSpan { name, ..span }
    }

    #[test]
    fn spans_of_one_path_are_one_node() {
        let spans = [
            named(7, span(1, 0, 0, 10)),
            named(8, span(2, 1, 1, 3)),
            named(8, span(3, 1, 4, 8)),
            named(9, span(4, 1, 8, 9)),
        ];
        let mut calls = added(&spans);
        let tree = Tree::of(&spans);
        calls.add(&tree, tree.roots());
        assert_eq!(
            (calls.traces(), calls.runs(), calls.nodes().len()),
            (2, 2, 3)
        );
        let root = &calls.nodes()[calls.roots()[0] as usize];
        assert_eq!(
            (root.count, root.total.as_secs(), root.self_time.as_secs()),
            (2, 20, 6)
        );
        let child = &calls.nodes()[root.children[0] as usize];
        assert_eq!(
            child.label,
            Some(Label {
                service: 0,
                name: 8
            })
        );
        assert_eq!((child.count, child.critical.as_secs()), (4, 12));
        assert_eq!(child.durations.quantile(0.5), Some(3.0));
    }

    #[test]
    fn what_has_no_room_is_counted_as_other() {
        let many = 3 * NODES_MAX as u64;
        let mut spans = vec![span(1, 0, 0, 2 * many)];
        spans.extend((2..many).map(|id| span(id, 1, id, id + 1)));
        let calls = added(&spans);
        assert_eq!(calls.nodes().len(), NODES_MAX + 1);
        let last = *calls.nodes()[0].children.last().unwrap();
        let other = &calls.nodes()[last as usize];
        assert_eq!(other.label, None);
        assert_eq!(other.count, many - 1 - NODES_MAX as u64);
        assert_eq!(other.total.as_secs(), other.count);
    }

    #[test]
    fn what_is_too_deep_is_counted_as_other() {
        let deep: Vec<_> = (1..=200).map(|id| span(id, id - 1, id, 401 - id)).collect();
        let calls = added(&deep);
        assert_eq!(calls.nodes().len(), DEPTH_MAX as usize + 1);
        let other = &calls.nodes()[DEPTH_MAX as usize];
        assert_eq!(
            (other.label, other.count),
            (None, 200 - u64::from(DEPTH_MAX))
        );
        assert_eq!(
            other.total, deep[DEPTH_MAX as usize].duration,
            "nested ones count once"
        );
        assert_eq!(other.critical, other.total);
    }

    proptest! {
        #[test]
        fn nodes_add_up_to_the_spans(spans in any_spans()) {
            let tree = Tree::of(&spans);
            let calls = added(&spans);
            let nodes = calls.nodes();
            let sum = |of: fn(&CallNode) -> Duration| nodes.iter().map(of).sum::<Duration>();
            prop_assert_eq!(nodes.iter().map(|n| n.count).sum::<u64>(), spans.len() as u64);
            let own = (0..spans.len() as u32).map(|span| tree.self_time(span)).sum();
            prop_assert_eq!(sum(|node| node.self_time), own);
            let roots = tree.roots().iter().map(|root| spans[*root as usize].duration).sum();
            prop_assert_eq!(sum(|node| node.critical), roots);
            prop_assert_eq!(sum(|node| node.total), spans.iter().map(|s| s.duration).sum());
        }
    }
}
