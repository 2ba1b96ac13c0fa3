//! Finding spans: those that a filter leaves, and all of one trace.
//!
//! What has not ended comes out as the span that was announced, marked, and only while that one is
//! not there. Not for statistics over spans: whoever counts leaves pending ones out.

use std::collections::HashSet;
use std::time::Duration;

use tacho_model::span::{SpanKind, SpanStatus};
use tacho_model::{QueryError, TimeRange, Timestamp};
use tacho_store::Store;
use tacho_store::records::{Condition, Order, RecordQuery, Records, Scalar, Test};

use super::filter::SpanFilter;
use super::{TABLE, column};

/// Most spans of one answer.
pub const SPANS_MAX: usize = 10_000;
/// Of one trace so many identifiers are looked at to tell which pending spans have ended; in a
/// larger one, pending spans beyond them may still be shown.
const TRACE_SPANS_MAX: usize = 1 << 20;
/// A search for spans is widened at most to so many rows to make up for pending ones that have ended.
const WIDENED_MAX: usize = 1 << 16;
/// After so many rows it is asked whether to go on.
const CHECK_EVERY: usize = 1024;

/// Spans that were found, in the order that was asked for.
#[derive(Debug, Default)]
pub struct Found {
    /// The spans.
    pub spans: Vec<FoundSpan>,
    /// Where the next page begins.
    pub next: Option<TracePlace>,
}

/// A span.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundSpan {
    /// Its trace.
    pub trace_id: u128,
    /// Its own identifier.
    pub span_id: u64,
    /// The span that caused it, or 0.
    pub parent_id: u64,
    /// Whether it has only been announced so far: duration and status are not known yet.
    pub pending: bool,
    /// When it began.
    pub start: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// Who did it.
    pub service: String,
    /// What it did.
    pub name: String,
    /// What the same is called wherever it is done.
    pub operation: String,
    /// The instrumentation that made it.
    pub scope: String,
    /// On which side of a call it was.
    pub kind: SpanKind,
    /// How it ended.
    pub status: SpanStatus,
    /// Why it failed.
    pub status_message: String,
    /// What it says of itself.
    pub attributes: Vec<(String, Value)>,
    /// What its process says of itself.
    pub resource: Vec<(String, Value)>,
    /// A JSON list, or nothing.
    pub events: String,
    /// A JSON list, or nothing.
    pub links: String,
}

/// What an attribute says.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// True or false.
    Boolean(bool),
}

impl From<Scalar<'_>> for Value {
    fn from(scalar: Scalar<'_>) -> Self {
        match scalar {
            Scalar::Text(text) => Self::Text(text.to_owned()),
            Scalar::Integer(value) => Self::Integer(value),
            Scalar::Float(value) => Self::Float(value),
            Scalar::Boolean(value) => Self::Boolean(value),
        }
    }
}

/// A span's place among those of its trace, which are in order of start and identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TracePlace {
    /// When the span began.
    pub start: Timestamp,
    /// Its identifier.
    pub span_id: u64,
}

/// The newest spans that a filter leaves.
///
/// # Errors
/// [`QueryError`], of the store or of `check`, which is asked now and then whether to go on.
pub fn find(
    store: &Store,
    filter: &SpanFilter,
    check: impl Fn() -> Result<(), QueryError>,
) -> Result<Vec<FoundSpan>, QueryError> {
    let limit = filter.limit.min(SPANS_MAX);
    search(store, filter, &filter.conditions(), limit, &check)
}

/// The newest spans for which all conditions hold, without pending ones that have ended.
fn search(
    store: &Store,
    filter: &SpanFilter,
    conditions: &[Condition<'_>],
    limit: usize,
    check: &impl Fn() -> Result<(), QueryError>,
) -> Result<Vec<FoundSpan>, QueryError> {
    let mut wanted = limit;
    loop {
        let query = RecordQuery {
            range: filter.range,
            conditions,
            columns: &column::ALL,
            order: Order::NewestFirst,
            limit: wanted,
        };
        let rows = store.select_records(TABLE, &query)?;
        check()?;
        let mut spans: Vec<FoundSpan> = Vec::new();
        let mut known = ended(store, &rows, check)?;
        for row in 0..rows.len() {
            if row % CHECK_EVERY == 0 {
                check()?;
            }
            if spans.len() == limit {
                break;
            }
            if announced(&rows, row).is_none_or(|span| known.insert(span)) {
                spans.push(span_of(&rows, row));
            }
        }
        if spans.len() >= limit || rows.len() < wanted || wanted >= WIDENED_MAX {
            return Ok(spans);
        }
        wanted = (wanted * 4).min(WIDENED_MAX);
    }
}

/// The span that a row announces, as trace and span; `None` where the row is one that ended.
fn announced(rows: &Records, row: usize) -> Option<(u128, u64)> {
    let span = id(rows, column::PENDING_OF, row) as u64;
    (span != 0).then(|| (id(rows, column::TRACE_ID, row), span))
}

/// Of the spans that rows announce those that are there, looked up all at once.
fn ended(
    store: &Store,
    rows: &Records,
    check: &impl Fn() -> Result<(), QueryError>,
) -> Result<HashSet<(u128, u64)>, QueryError> {
    let pending = (0..rows.len()).filter(|row| announced(rows, *row).is_some());
    let pending: Vec<usize> = pending.collect();
    let starts = || pending.iter().map(|row| place(rows, *row).start);
    let (Some(first), Some(last)) = (starts().min(), starts().max()) else {
        return Ok(HashSet::new());
    };
    let spans = || pending.iter().filter_map(|row| announced(rows, *row));
    let sorted = |mut ids: Vec<u128>| {
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let trace_ids = sorted(spans().map(|(trace, _)| trace).collect());
    let span_ids = sorted(spans().map(|(_, span)| span.into()).collect());
    let test = |column, test| Condition { column, test };
    let query = RecordQuery {
        // A span and its announcement have the same start.
        range: TimeRange::new(first, last),
        conditions: &[
            test(column::TRACE_ID, Test::Ids(&trace_ids)),
            test(column::SPAN_ID, Test::Ids(&span_ids)),
        ],
        columns: &[column::TRACE_ID, column::SPAN_ID],
        order: Order::OldestFirst,
        limit: 0,
    };
    let mut ended = HashSet::new();
    let mut failed = None;
    store.scan_records(TABLE, &query, |rows| {
        ended.extend((0..rows.len()).map(|row| (id(rows, 0, row), id(rows, 1, row) as u64)));
        failed = check().err();
        failed.is_none()
    })?;
    failed.map_or(Ok(ended), Err)
}

/// The spans of a trace behind a place, in order, at most so many.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn trace(
    store: &Store,
    trace: u128,
    after: Option<TracePlace>,
    limit: usize,
) -> Result<Found, QueryError> {
    let limit = limit.clamp(1, SPANS_MAX);
    let of_trace = [Condition {
        column: column::TRACE_ID,
        test: Test::Id(trace),
    }];
    let start = after.map_or(Timestamp::MIN, |after| after.start);
    // Spans that began together are told apart by their identifiers, so those before the place are
    // asked for once more; how many there are is not known, and mostly it is one.
    let mut wanted = limit + 64;
    let mut page = loop {
        let query = RecordQuery {
            range: TimeRange::new(start, Timestamp::MAX),
            conditions: &of_trace,
            columns: &column::ALL,
            order: Order::OldestFirst,
            limit: wanted,
        };
        let rows = store.select_records(TABLE, &query)?;
        let behind = |row: &usize| after.is_none_or(|after| place(&rows, *row) > after);
        let places: Vec<usize> = (0..rows.len()).filter(behind).collect();
        if places.len() > limit || rows.len() < wanted || wanted >= TRACE_SPANS_MAX {
            let next = places.get(limit).and(places.get(limit - 1));
            break Found {
                next: next.map(|row| place(&rows, *row)),
                spans: places
                    .iter()
                    .take(limit)
                    .map(|row| span_of(&rows, *row))
                    .collect(),
            };
        }
        wanted = (wanted * 4).min(TRACE_SPANS_MAX);
    };
    if page.spans.iter().any(|span| span.pending) {
        let mut known = spans_of(store, &of_trace)?;
        page.spans
            .retain(|span| !span.pending || known.insert(span.span_id));
    }
    Ok(page)
}

/// The identifiers of the spans of a trace that have ended.
fn spans_of(store: &Store, of_trace: &[Condition<'_>; 1]) -> Result<HashSet<u64>, QueryError> {
    let [of_trace] = of_trace.clone();
    let is_whole = Condition {
        column: column::PENDING_OF,
        test: Test::Id(0),
    };
    let query = RecordQuery {
        range: TimeRange::ALL,
        conditions: &[of_trace, is_whole],
        columns: &[column::SPAN_ID],
        order: Order::OldestFirst,
        limit: TRACE_SPANS_MAX,
    };
    let rows = store.select_records(TABLE, &query)?;
    Ok(rows.ids(0).iter().map(|id| *id as u64).collect())
}

fn place(rows: &Records, row: usize) -> TracePlace {
    TracePlace {
        start: Timestamp::from_nanos(integer(rows, column::START, row)),
        span_id: id(rows, column::SPAN_ID, row) as u64,
    }
}

pub(super) fn integer(rows: &Records, column: usize, row: usize) -> i64 {
    rows.integers(column).get(row).copied().unwrap_or(0)
}

pub(super) fn id(rows: &Records, column: usize, row: usize) -> u128 {
    rows.ids(column).get(row).copied().unwrap_or(0)
}

/// A row of all columns.
fn span_of(rows: &Records, row: usize) -> FoundSpan {
    let text = |column| rows.text(column, row).unwrap_or("").to_owned();
    let list = |column| {
        let pairs = rows.attributes(column, row).into_iter();
        pairs
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect()
    };
    let integer = |column| integer(rows, column, row);
    let pending_of = id(rows, column::PENDING_OF, row) as u64;
    let place = place(rows, row);
    let (name, operation) = (text(column::NAME), text(column::OPERATION));
    FoundSpan {
        trace_id: id(rows, column::TRACE_ID, row),
        span_id: match pending_of {
            0 => place.span_id,
            announced => announced,
        },
        parent_id: id(rows, column::PARENT_ID, row) as u64,
        pending: pending_of != 0,
        start: place.start,
        duration: Duration::from_nanos(integer(column::DURATION).max(0) as u64),
        service: text(column::SERVICE),
        operation: match operation.as_str() {
            "" => name.clone(),
            _ => operation,
        },
        name,
        scope: text(column::SCOPE),
        kind: of_number(&SpanKind::ALL, integer(column::KIND)),
        status: of_number(&SpanStatus::ALL, integer(column::STATUS)),
        status_message: text(column::STATUS_MESSAGE),
        attributes: list(column::ATTRIBUTES),
        resource: list(column::RESOURCE),
        events: text(column::EVENTS),
        links: text(column::LINKS),
    }
}

pub(super) fn of_number<T: Copy + Default>(all: &[T], number: i64) -> T {
    let known = usize::try_from(number).ok().and_then(|at| all.get(at));
    known.copied().unwrap_or_default()
}
