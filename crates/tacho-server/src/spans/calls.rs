//! Call trees of traces: of one, and of the newest that a filter leaves.
//!
//! Of the spans that a filter leaves, those count as beginnings that are not below another one: an
//! agent that calls itself is one run. Traces are read some at a time, so memory is bounded by the
//! largest of them and by the tree (see [`tacho_profile::calls`]).

use std::collections::HashSet;

use tacho_model::QueryError;
use tacho_profile::tree::Oddities;
use tacho_profile::{CallTree, Repeat, Repeats, Tree};
use tacho_store::Store;

use super::filter::SpanFilter;
use super::light::{LIGHT_SPANS_MAX, LightTrace, Names, load, load_within};
use super::search::{matched, newest};

/// Most traces of one tree.
pub const CALLS_TRACES_MAX: usize = 1000;
/// So many traces are read at once, and fewer where those have too many spans.
const AT_ONCE: usize = 32;
/// Traces that are too large by themselves are left out; after so many no more are looked at.
const LEFT_OUT_MAX: usize = 8;

/// Where traces spent their time.
#[derive(Debug, Default)]
pub struct Calls {
    /// The words of the tree's numbers.
    pub names: Names,
    /// The tree.
    pub tree: CallTree,
    /// Calls that could be one.
    pub repeats: Vec<Repeat>,
    /// What is odd about the traces.
    pub oddities: Oddities,
    /// How many spans the traces have.
    pub spans: u64,
    /// Whether there were more traces, or larger ones, than could be read.
    pub is_cut: bool,
}

/// The call tree of one trace; `None` when there is no such trace.
///
/// # Errors
/// [`QueryError`] of the store or of `check`.
pub fn of_trace(
    store: &Store,
    trace: u128,
    check: &dyn Fn() -> Result<(), QueryError>,
) -> Result<Option<Calls>, QueryError> {
    let mut calls = Calls::default();
    let mut repeats = Repeats::default();
    let loaded = load(store, &[trace], &mut calls.names, check)?;
    for spans in loaded.iter().filter(|trace| !trace.spans.is_empty()) {
        let tree = Tree::of(&spans.spans);
        calls.add(&tree, tree.roots(), &mut repeats);
    }
    calls.finish(&repeats);
    Ok((calls.tree.traces() > 0).then_some(calls))
}

/// The call tree of the newest traces that a filter leaves, at most its limit, from the spans that
/// it leaves down.
///
/// # Errors
/// [`QueryError`] of the store or of `check`, which is asked after some traces whether to go on.
pub fn of_matching(
    store: &Store,
    filter: &SpanFilter,
    check: &dyn Fn() -> Result<(), QueryError>,
) -> Result<Calls, QueryError> {
    matching_within(store, filter, LIGHT_SPANS_MAX, check)
}

/// The same, with at most so many spans read at once.
pub(super) fn matching_within(
    store: &Store,
    filter: &SpanFilter,
    spans_max: usize,
    check: &dyn Fn() -> Result<(), QueryError>,
) -> Result<Calls, QueryError> {
    let mut calls = Calls::default();
    let mut repeats = Repeats::default();
    let traces = newest(store, filter, filter.limit.min(CALLS_TRACES_MAX), check)?;
    let mut rest = &traces[..];
    let mut at_once = AT_ONCE;
    let mut left_out = 0;
    while !rest.is_empty() {
        check()?;
        let (some, others) = rest.split_at(at_once.min(rest.len()));
        let mut some = some.to_vec();
        some.sort_unstable();
        let loaded = match load_within(store, &some, spans_max, &mut calls.names, check) {
            Err(QueryError::TooMuch { .. }) if some.len() > 1 => {
                at_once = some.len() / 2;
                continue;
            }
            Err(QueryError::TooMuch { .. }) => {
                calls.is_cut = true;
                rest = others;
                left_out += 1;
                if left_out >= LEFT_OUT_MAX {
                    break;
                }
                continue;
            }
            loaded => loaded?,
        };
        rest = others;
        at_once = (at_once * 2).min(AT_ONCE);
        let matched = matched(store, filter, &some, check)?;
        for (id, trace) in some.iter().zip(&loaded) {
            let tree = Tree::of(&trace.spans);
            let begin = beginnings(&tree, trace, *id, &matched);
            calls.add(&tree, &begin, &mut repeats);
        }
        if calls.spans > spans_max as u64 {
            calls.is_cut |= !rest.is_empty();
            break;
        }
    }
    calls.finish(&repeats);
    Ok(calls)
}

/// The spans of a trace that a filter leaves and that are below no other such one.
fn beginnings(
    tree: &Tree<'_>,
    trace: &LightTrace,
    id: u128,
    matched: &HashSet<(u128, u64)>,
) -> Vec<u32> {
    let mut begin = Vec::new();
    let mut place = 0;
    while let Some(span) = tree.order().get(place) {
        if matched.contains(&(id, trace.spans[*span as usize].id)) {
            begin.push(*span);
            place += tree.below(*span).len();
        } else {
            place += 1;
        }
    }
    begin
}

impl Calls {
    fn add(&mut self, tree: &Tree<'_>, roots: &[u32], repeats: &mut Repeats) {
        self.tree.add(tree, roots);
        repeats.add(tree, roots);
        self.oddities.add(&tree.oddities());
        self.spans += tree.spans().len() as u64;
    }

    fn finish(&mut self, repeats: &Repeats) {
        self.tree.sort();
        self.repeats = repeats.found();
    }
}
