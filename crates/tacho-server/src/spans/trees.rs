//! The trees of the traces that were looked at last, so that the pages of a large one need it once.
//!
//! A page without a cursor makes its trace's tree anew; the pages after it take the one that is kept,
//! unless a span has come that it does not have. What is kept is bounded in bytes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tacho_model::{QueryError, Timestamp};
use tacho_profile::tree::Oddities;
use tacho_profile::{Oddity, Tree, critical};
use tacho_store::Store;

use super::find::FoundSpan;
use super::light::{LightTrace, Names, load};

/// Bytes that are kept; the traces that were looked at least recently go first, and one that is
/// larger than all of it is not kept.
const BYTES_MAX: usize = 64 << 20;
/// Traces that are kept, however small.
const KEPT_MAX: usize = 64;
/// What a kept trace takes beside its spans, about.
const ENTRY_BYTES: usize = 256;

/// Where a span is in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// How many spans are above it.
    pub depth: u32,
    /// Its own time; not known while it has only been announced.
    pub self_time: Option<Duration>,
    /// Whether it is responsible for a stretch of its trace's time.
    pub is_critical: bool,
    /// What is odd about it.
    pub oddity: Option<Oddity>,
}

/// The tree of a trace, by spans.
#[derive(Debug)]
pub struct Places {
    /// In rising order of identifier and start.
    by_span: Vec<((u64, Timestamp), Place)>,
    /// How many spans are odd.
    pub oddities: Oddities,
    /// Whether there were too many spans: no place is known then.
    is_too_large: bool,
}

impl Places {
    /// Of these spans. The critical path is that of the longest root that nothing is odd about, or
    /// else of the longest.
    pub fn of(trace: &LightTrace) -> Self {
        let tree = Tree::of(&trace.spans);
        let mut is_critical = vec![false; trace.spans.len()];
        let main = tree.roots().iter().copied();
        let main = main.max_by_key(|root| {
            (
                tree.oddity(*root).is_none(),
                trace.spans[*root as usize].duration,
            )
        });
        let path = main.map_or_else(Vec::new, |root| critical::path(&tree, root));
        for stretch in path {
            is_critical[stretch.span as usize] = true;
        }
        let place = |(number, is_critical)| {
            let span = &trace.spans[number as usize];
            let is_pending = trace.pending.contains(&span.id);
            let place = Place {
                depth: tree.depth(number),
                self_time: (!is_pending).then(|| tree.self_time(number)),
                is_critical,
                oddity: tree.oddity(number),
            };
            ((span.id, span.start), place)
        };
        let mut places: Vec<_> = (0..).zip(is_critical).map(place).collect();
        places.sort_unstable_by_key(|(key, _)| *key);
        Self {
            by_span: places,
            oddities: tree.oddities(),
            is_too_large: false,
        }
    }

    /// Of a trace that has too many spans.
    fn too_large() -> Self {
        Self {
            by_span: Vec::new(),
            oddities: Oddities::default(),
            is_too_large: true,
        }
    }

    /// Where a span is; `None` for one that came later, and in a trace of more than
    /// [`super::light::LIGHT_SPANS_MAX`] spans.
    pub fn get(&self, span: &FoundSpan) -> Option<&Place> {
        let key = (span.span_id, span.start);
        let found = self.by_span.binary_search_by_key(&key, |(key, _)| *key);
        found.ok().map(|at| &self.by_span[at].1)
    }

    /// Whether the trace has no spans at all.
    pub fn is_empty(&self) -> bool {
        self.by_span.is_empty() && !self.is_too_large
    }

    fn bytes(&self) -> usize {
        ENTRY_BYTES + size_of_val(self.by_span.as_slice())
    }
}

/// The trees of the last traces.
#[derive(Debug, Default)]
pub struct RecentTrees(Mutex<VecDeque<(u128, Arc<Places>)>>);

impl RecentTrees {
    /// The tree of a trace for a page of it: a kept one, where this is not the first page.
    ///
    /// # Errors
    /// [`QueryError`] of the store or of `check`.
    pub fn get(
        &self,
        store: &Store,
        trace: u128,
        page: &[FoundSpan],
        is_first: IsFirst,
        check: &dyn Fn() -> Result<(), QueryError>,
    ) -> Result<Arc<Places>, QueryError> {
        if is_first == IsFirst::No
            && let Some(kept) = self.kept(trace)
            && (kept.is_too_large || page.iter().all(|span| kept.get(span).is_some()))
        {
            return Ok(kept);
        }
        let places = match load(store, &[trace], &mut Names::default(), check) {
            Ok(loaded) => Places::of(&loaded.into_iter().next().unwrap_or_default()),
            Err(QueryError::TooMuch { .. }) => Places::too_large(),
            Err(error) => return Err(error),
        };
        let places = Arc::new(places);
        // Whoever asks for what is not there must not push out what is.
        if !places.is_empty() && places.bytes() <= BYTES_MAX {
            self.keep(trace, &places);
        }
        Ok(places)
    }

    fn kept(&self, trace: u128) -> Option<Arc<Places>> {
        let recent = self.0.lock();
        let kept = recent.iter().find(|(kept, _)| *kept == trace);
        kept.map(|(_, places)| Arc::clone(places))
    }

    /// How many traces are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }

    fn keep(&self, trace: u128, places: &Arc<Places>) {
        let mut recent = self.0.lock();
        recent.retain(|(kept, _)| *kept != trace);
        recent.push_front((trace, Arc::clone(places)));
        recent.truncate(KEPT_MAX);
        let mut bytes = 0;
        recent.retain(|(_, places)| {
            bytes += places.bytes();
            bytes <= BYTES_MAX
        });
    }
}

/// Whether a page is the first of its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsFirst {
    /// It has no cursor.
    Yes,
    /// There was one before.
    No,
}
