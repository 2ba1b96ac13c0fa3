//! What trees are made of: the spans of traces with nothing but their places, times and names.
//!
//! A trace of 100 000 spans is 6 MiB so. A span that has only been announced counts as running until
//! the end of what is known of its trace, so that what is below it is inside it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tacho_model::span::{SpanKind, SpanStatus};
use tacho_model::{QueryError, TimeRange, Timestamp};
use tacho_profile::LightSpan;
use tacho_store::Store;
use tacho_store::records::{Condition, Order, RecordQuery, Records, Test};

use super::find::{id, integer, of_number};
use super::{TABLE, column};

/// Most spans that are read for trees at once; more are refused.
pub const LIGHT_SPANS_MAX: usize = 1 << 20;

const COLUMNS: [usize; 10] = [
    column::START,
    column::TRACE_ID,
    column::SPAN_ID,
    column::PARENT_ID,
    column::PENDING_OF,
    column::SERVICE,
    column::OPERATION,
    column::KIND,
    column::DURATION,
    column::STATUS,
];

/// The columns by their places in what is read.
mod at {
    pub(super) const START: usize = 0;
    pub(super) const TRACE_ID: usize = 1;
    pub(super) const SPAN_ID: usize = 2;
    pub(super) const PARENT_ID: usize = 3;
    pub(super) const PENDING_OF: usize = 4;
    pub(super) const SERVICE: usize = 5;
    pub(super) const OPERATION: usize = 6;
    pub(super) const KIND: usize = 7;
    pub(super) const DURATION: usize = 8;
    pub(super) const STATUS: usize = 9;
    pub(super) const NAME: usize = 10;
}

/// Texts and the numbers that trees know them by.
#[derive(Debug, Default)]
pub struct Names {
    numbers: HashMap<String, u32>,
    texts: Vec<String>,
}

impl Names {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }

    /// The text of a number; empty for one that was not given out here.
    pub fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", String::as_str)
    }
}

/// The spans of one trace.
#[derive(Debug, Default)]
pub struct LightTrace {
    /// Each once, in no order.
    pub spans: Vec<LightSpan>,
    /// Which of them have only been announced, by their identifiers.
    pub pending: HashSet<u64>,
}

/// The spans of some traces, whose identifiers are in rising order; one that is not there has none.
///
/// # Errors
/// [`QueryError`] of the store or of `check`; [`QueryError::TooMuch`] beyond [`LIGHT_SPANS_MAX`].
pub fn load(
    store: &Store,
    traces: &[u128],
    names: &mut Names,
    check: &dyn Fn() -> Result<(), QueryError>,
) -> Result<Vec<LightTrace>, QueryError> {
    load_within(store, traces, LIGHT_SPANS_MAX, names, check)
}

/// The same, with at most so many spans.
pub(super) fn load_within(
    store: &Store,
    traces: &[u128],
    spans_max: usize,
    names: &mut Names,
    check: &dyn Fn() -> Result<(), QueryError>,
) -> Result<Vec<LightTrace>, QueryError> {
    let mut loaded: Vec<LightTrace> = traces.iter().map(|_| LightTrace::default()).collect();
    let mut left = spans_max;
    let mut columns = COLUMNS.to_vec();
    columns.push(column::NAME);
    scan(store, traces, &columns, check, |rows| {
        left = left.checked_sub(rows.len()).ok_or(QueryError::TooMuch {
            what: "spans of traces",
            limit: spans_max as u64,
        })?;
        for row in 0..rows.len() {
            if let Ok(place) = traces.binary_search(&id(rows, at::TRACE_ID, row)) {
                loaded[place].push(rows, row, names);
            }
        }
        Ok(())
    })?;
    for trace in &mut loaded {
        trace.settle();
    }
    Ok(loaded)
}

/// Hands the rows of some traces, whose identifiers are in rising order, to `each`, some at a time.
pub(super) fn scan(
    store: &Store,
    traces: &[u128],
    columns: &[usize],
    check: &dyn Fn() -> Result<(), QueryError>,
    mut each: impl FnMut(&Records) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let of_traces = [Condition {
        column: column::TRACE_ID,
        test: Test::Ids(traces),
    }];
    let query = RecordQuery {
        range: TimeRange::ALL,
        conditions: &of_traces,
        columns,
        order: Order::OldestFirst,
        limit: 0,
    };
    let mut failed = None;
    store.scan_records(TABLE, &query, |rows| {
        failed = check().and_then(|()| each(rows)).err();
        failed.is_none()
    })?;
    failed.map_or(Ok(()), Err)
}

impl LightTrace {
    fn push(&mut self, rows: &Records, row: usize, names: &mut Names) {
        let operation = rows.text(at::OPERATION, row).unwrap_or("");
        let operation = match operation {
            "" => rows.text(at::NAME, row).unwrap_or(""),
            told => told,
        };
        let announced = id(rows, at::PENDING_OF, row) as u64;
        let own = id(rows, at::SPAN_ID, row) as u64;
        let status: SpanStatus = of_number(&SpanStatus::ALL, integer(rows, at::STATUS, row));
        self.spans.push(LightSpan {
            id: if announced == 0 { own } else { announced },
            parent_id: id(rows, at::PARENT_ID, row) as u64,
            start: Timestamp::from_nanos(integer(rows, at::START, row)),
            duration: match announced {
                0 => Duration::from_nanos(integer(rows, at::DURATION, row).max(0) as u64),
                _ => UNKNOWN,
            },
            name: names.number(operation),
            service: names.number(rows.text(at::SERVICE, row).unwrap_or("")),
            failed: status == SpanStatus::Error,
            kind: of_number(&SpanKind::ALL, integer(rows, at::KIND, row)),
        });
    }

    /// Leaves those out that were announced and have ended, and lets the others run to the end.
    fn settle(&mut self) {
        let is_pending = |span: &LightSpan| span.duration == UNKNOWN;
        if !self.spans.iter().any(is_pending) {
            return;
        }
        let whole = self.spans.iter().filter(|span| !is_pending(span));
        let mut known: HashSet<u64> = whole.map(|span| span.id).collect();
        let pending = &mut self.pending;
        self.spans
            .retain(|span| !is_pending(span) || known.insert(span.id) && pending.insert(span.id));
        let end = |span: &LightSpan| match span.duration {
            UNKNOWN => span.start,
            duration => span.start + duration,
        };
        let Some(end) = self.spans.iter().map(end).max() else {
            return;
        };
        for span in self.spans.iter_mut().filter(|span| is_pending(span)) {
            span.duration = end.since(span.start);
        }
    }
}

/// No span takes so long: durations are kept as nanoseconds.
const UNKNOWN: Duration = Duration::MAX;
