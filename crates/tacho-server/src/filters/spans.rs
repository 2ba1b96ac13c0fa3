//! Filters of spans: kept, dropped, sampled by their trace, or held until their trace is worth
//! keeping.
//!
//! Tail sampling. A trace is kept as soon as one of its spans failed, took long, or the trace
//! belongs to the share that is kept anyway; from then on all its spans go on, and those that
//! waited go with the one that decided it. What waits are only spans of traces that will be dropped
//! unless something happens: `wait` after the first of them came, they are dropped, and so is what
//! comes of that trace later.
//!
//! Invariants:
//! 1. a span that was acknowledged and waits is in [`Waiting`]'s file, so that a crash does not
//!    lose it: whoever takes spans calls [`SpanSession::commit`] before it acknowledges them;
//! 2. waiting spans that are let go stay in memory until then, so that a failed write loses none;
//!    storing a span twice is storing it once;
//! 3. at most [`WAITING_BYTES_MAX`] of spans and [`TRACES_MAX`] traces wait; at the limit the
//!    oldest trace is decided early, which drops it, and is counted.
//!
//! Source: the OpenTelemetry collector's tail sampling processor, for names and semantics.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io;
use std::path::Path;
use std::time::Duration;

use parking_lot::Mutex;
use tacho_model::span::{Span, SpanStatus};
use tacho_model::{AppendError, Timestamp};

use super::generations::Generations;
use super::logs::{attribute, is_sampled};
use super::rule::{SpanAction, SpanRule, TailPolicy};
use super::span_bytes::{decode, encode};
use super::waiting::Waiting;
use crate::intake::Origin;

/// Most bytes of spans that wait in memory.
const WAITING_BYTES_MAX: usize = 64 << 20;
/// Most traces that wait.
const TRACES_MAX: usize = 200_000;
/// Traces of which is remembered what was decided; a span of one that was forgotten waits anew.
const DECIDED_MAX: usize = 1_000_000;
/// What a trace that waits takes beside its spans.
const TRACE_BYTES: usize = 160;

/// Filters of spans, and those that wait.
#[derive(Debug)]
pub struct SpanFilters {
    rules: Vec<SpanRule>,
    tail: Mutex<Tail>,
}

/// What becomes of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanVerdict {
    /// It goes on.
    Keep,
    /// It is dropped, and nobody is to know of it.
    Drop,
    /// It is dropped because its trace is not in the sample; it is counted for metrics.
    Unsampled,
    /// It is held; once its trace is decided, it is released or counted as expired.
    Wait,
}

#[derive(Debug)]
struct Tail {
    traces: HashMap<u128, WaitingTrace>,
    /// Traces in the order their first span came.
    order: VecDeque<(Timestamp, u128)>,
    /// Whether a trace was kept.
    decided: Generations<bool>,
    /// Traces that requests under way have decided to keep, and how many of them did: what comes
    /// of those meanwhile goes on, because nothing would release it any more.
    keeping: HashMap<u128, u32>,
    bytes: usize,
    file: Option<Waiting>,
    /// Spans that were dropped because their time was over, by service.
    expired: BTreeMap<Box<str>, u64>,
}

#[derive(Debug)]
struct WaitingTrace {
    first: Timestamp,
    wait: Duration,
    service: Box<str>,
    spans: Vec<Box<[u8]>>,
    bytes: usize,
}

/// The spans of one request.
pub struct SpanSession<'a> {
    filters: &'a SpanFilters,
    now: Timestamp,
    /// Traces that this request decided to keep.
    kept: HashSet<u128>,
    /// Spans that wait since this request, for the file.
    held: Vec<(u128, Box<[u8]>)>,
}

impl SpanFilters {
    /// Filters in the order they apply; `None` when there is none. Nothing waits in a file until
    /// [`Self::restore`].
    pub fn new(rules: Vec<SpanRule>) -> Option<Self> {
        (!rules.is_empty()).then(|| Self {
            rules,
            tail: Mutex::new(Tail {
                traces: HashMap::new(),
                order: VecDeque::new(),
                decided: Generations::new(DECIDED_MAX, usize::MAX),
                keeping: HashMap::new(),
                bytes: 0,
                file: None,
                expired: BTreeMap::new(),
            }),
        })
    }

    /// Opens the files of spans that wait, in `dir`, and takes back those that waited when the
    /// process ended. Without a filter that holds spans there is no file.
    ///
    /// # Errors
    /// When the folder cannot be made, read or written.
    pub fn restore(&self, dir: &Path) -> io::Result<()> {
        let Some(wait) = self.longest_wait() else {
            return Ok(());
        };
        let mut tail = self.tail.lock();
        let file = Waiting::open(dir, wait, &mut |came, bytes| {
            let hold = |span: &Span<'_>| {
                if let Some(policy) = self.tail_policy(span) {
                    let (trace, service) = (span.trace_id, span.service);
                    tail.hold(trace, bytes.into(), service, policy.wait, came);
                }
            };
            // What cannot be read is left out: an older program wrote it.
            let _ = decode(bytes, hold);
        })?;
        tail.file = Some(file);
        Ok(())
    }

    fn longest_wait(&self) -> Option<Duration> {
        let waits = self.rules.iter().filter_map(|rule| match &rule.action {
            SpanAction::TailSample(policy) => Some(policy.wait),
            _ => None,
        });
        waits.max()
    }

    /// The policy that a span was held by, as far as that is known without its origin.
    fn tail_policy(&self, span: &Span<'_>) -> Option<&TailPolicy> {
        self.rules.iter().find_map(|rule| match &rule.action {
            SpanAction::TailSample(policy) if rule.selectors.hold(|name| value_of(span, name)) => {
                Some(policy)
            }
            _ => None,
        })
    }

    /// Takes the spans of a request that came at `now`.
    pub fn session(&self, now: Timestamp) -> SpanSession<'_> {
        self.tail.lock().expire(now);
        SpanSession {
            filters: self,
            now,
            kept: HashSet::new(),
            held: Vec::new(),
        }
    }

    /// Drops the traces whose time is over; how many spans waited in vain since this was last
    /// asked, by service.
    pub fn expire(&self, now: Timestamp) -> BTreeMap<Box<str>, u64> {
        let mut tail = self.tail.lock();
        tail.expire(now);
        std::mem::take(&mut tail.expired)
    }

    /// Bytes of spans that wait.
    pub fn waiting_bytes(&self) -> usize {
        self.tail.lock().bytes
    }
}

impl SpanSession<'_> {
    /// What becomes of a span. Where it decides that its trace is kept, those that waited are
    /// handed to `release`.
    pub fn take(
        &mut self,
        origin: Origin<'_>,
        span: &Span<'_>,
        mut release: impl FnMut(&Span<'_>),
    ) -> SpanVerdict {
        let mut held_by = None;
        let mut is_in_sample = true;
        for rule in &self.filters.rules {
            if !rule.scope.includes(origin) {
                continue;
            }
            let selected = rule.selectors.hold(|name| value_of(span, name));
            match &rule.action {
                SpanAction::Keep if !selected => return SpanVerdict::Drop,
                _ if !selected => {}
                SpanAction::Keep => {}
                SpanAction::Drop => return SpanVerdict::Drop,
                SpanAction::Sample(ratio) => {
                    is_in_sample &= is_sampled(span.trace_id, *ratio);
                }
                SpanAction::TailSample(policy) => {
                    held_by.get_or_insert(policy);
                }
            }
        }
        match held_by {
            _ if !is_in_sample => SpanVerdict::Unsampled,
            None => SpanVerdict::Keep,
            Some(policy) => self.weigh(span, policy, &mut release),
        }
    }

    fn weigh(
        &mut self,
        span: &Span<'_>,
        policy: &TailPolicy,
        release: &mut dyn FnMut(&Span<'_>),
    ) -> SpanVerdict {
        let trace = span.trace_id;
        if self.kept.contains(&trace) {
            return SpanVerdict::Keep;
        }
        let mut tail = self.filters.tail.lock();
        let decided = tail.decided.get(trace).map(|seen| *seen.value);
        let is_worth_keeping = is_worth_keeping(span, policy);
        // One that is worth keeping decides as well: the other request may yet fail.
        let is_being_kept = tail.keeping.contains_key(&trace) && !is_worth_keeping;
        if decided == Some(true) || is_being_kept {
            return SpanVerdict::Keep;
        }
        if is_worth_keeping && decided.is_none() {
            if let Some(waiting) = tail.traces.get(&trace) {
                for bytes in &waiting.spans {
                    // Only what `encode` wrote is held.
                    let _ = decode(bytes, |span| release(span));
                }
            }
            self.kept.insert(trace);
            *tail.keeping.entry(trace).or_default() += 1;
            return SpanVerdict::Keep;
        }
        if decided == Some(false) {
            return SpanVerdict::Unsampled;
        }
        let mut bytes = Vec::new();
        encode(span, &mut bytes);
        let bytes: Box<[u8]> = bytes.into();
        tail.hold(trace, bytes.clone(), span.service, policy.wait, self.now);
        self.held.push((trace, bytes));
        SpanVerdict::Wait
    }

    /// Makes sure that what waits survives the process, and forgets what was released. To be called
    /// once what goes on is stored, before any of it is acknowledged.
    ///
    /// # Errors
    /// When the file cannot be written; nothing of the request may be acknowledged then.
    pub fn commit(self) -> Result<(), AppendError> {
        self.write().map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => AppendError::NoSpace,
            _ => AppendError::Failed(Box::new(error)),
        })
    }

    fn write(mut self) -> io::Result<()> {
        let mut tail = self.filters.tail.lock();
        let tail = &mut *tail;
        if let Some(file) = &mut tail.file
            && !self.held.is_empty()
        {
            let held = self.held.iter();
            let not_kept = held.filter(|(trace, _)| !self.kept.contains(trace));
            file.append(self.now, not_kept.map(|(_, bytes)| &**bytes))?;
        }
        for trace in self.kept.drain() {
            tail.let_go(trace);
            tail.decide(trace, true);
        }
        Ok(())
    }
}

impl Drop for SpanSession<'_> {
    /// A request that failed has decided nothing: what waits is released when it comes again.
    fn drop(&mut self) {
        if self.kept.is_empty() {
            return;
        }
        let mut tail = self.filters.tail.lock();
        for trace in self.kept.drain() {
            tail.let_go(trace);
        }
    }
}

impl Tail {
    fn hold(
        &mut self,
        trace: u128,
        span: Box<[u8]>,
        service: &str,
        wait: Duration,
        now: Timestamp,
    ) {
        let order = &mut self.order;
        let held = self.traces.entry(trace).or_insert_with(|| {
            order.push_back((now, trace));
            WaitingTrace {
                first: now,
                wait,
                service: service.into(),
                spans: Vec::new(),
                bytes: 0,
            }
        });
        let fresh = if held.spans.is_empty() {
            TRACE_BYTES
        } else {
            0
        };
        let bytes = span.len() + size_of::<Box<[u8]>>() + fresh;
        held.spans.push(span);
        held.bytes += bytes;
        self.bytes += bytes;
        while self.bytes > WAITING_BYTES_MAX || self.traces.len() > TRACES_MAX {
            let Some((_, oldest)) = self.order.pop_front() else {
                break;
            };
            self.drop_trace(oldest);
        }
    }

    /// Drops traces whose time is over.
    fn expire(&mut self, now: Timestamp) {
        while let Some((first, trace)) = self.order.front().copied() {
            let is_over = match self.traces.get(&trace) {
                // One that came earlier under the same identifier was decided.
                Some(waiting) if waiting.first == first => now.since(first) >= waiting.wait,
                _ => true,
            };
            if !is_over {
                break;
            }
            self.order.pop_front();
            if self.traces.get(&trace).is_some_and(|w| w.first == first) {
                self.drop_trace(trace);
            }
        }
    }

    fn drop_trace(&mut self, trace: u128) {
        if let Some(waiting) = self.traces.get(&trace) {
            let spans = waiting.spans.len() as u64;
            *self.expired.entry(waiting.service.clone()).or_default() += spans;
            self.decide(trace, false);
        }
    }

    /// One request less that decided to keep a trace.
    fn let_go(&mut self, trace: u128) {
        if let Entry::Occupied(mut keeping) = self.keeping.entry(trace) {
            *keeping.get_mut() -= 1;
            if *keeping.get() == 0 {
                keeping.remove();
            }
        }
    }

    fn decide(&mut self, trace: u128, is_kept: bool) {
        if let Some(waiting) = self.traces.remove(&trace) {
            self.bytes -= waiting.bytes;
        }
        self.decided.insert(trace, is_kept, 0);
    }
}

fn is_worth_keeping(span: &Span<'_>, policy: &TailPolicy) -> bool {
    (policy.errors && span.status == SpanStatus::Error)
        || policy
            .slower_than
            .is_some_and(|limit| span.duration > limit)
        || is_sampled(span.trace_id, policy.ratio)
}

fn value_of<'a>(span: &Span<'a>, name: &str) -> Option<Cow<'a, str>> {
    let text = match name {
        "service" => span.service,
        "name" => span.name,
        "kind" => span.kind.as_str(),
        "status" => span.status.as_str(),
        "scope" => span.scope,
        name => return attribute(span.attributes, span.resource, name),
    };
    Some(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests;
