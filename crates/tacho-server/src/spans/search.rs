//! Finding traces: those in which a span is that a filter leaves, the newest first.
//!
//! The newest spans of the filter name the traces; what is told of a trace is of all its spans, also
//! those outside the range.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use tacho_model::span::SpanStatus;
use tacho_model::{QueryError, Timestamp};
use tacho_store::Store;
use tacho_store::records::{Condition, Order, RecordQuery, Records, Test};

use super::filter::SpanFilter;
use super::find::{id, integer};
use super::light::scan;
use super::{TABLE, column};

/// Most traces of one answer.
pub const TRACES_MAX: usize = 1000;
/// So many spans are looked at for the traces that they are of; traces of which all are behind those
/// are not found.
const LOOKED_AT_MAX: usize = 1 << 18;
/// Of the spans of found traces that the filter leaves, so many are told apart; more are not counted.
const MATCHED_MAX: usize = 1 << 20;
/// Services told of one trace, the first ones by name.
const SERVICES_MAX: usize = 64;

/// A trace.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundTrace {
    /// Its identifier.
    pub trace_id: u128,
    /// Service, name and operation of its first span, where one is there that has no parent.
    pub root: Option<Root>,
    /// When its first span began.
    pub start: Timestamp,
    /// From there to the end of the last one.
    pub duration: Duration,
    /// How many spans it has.
    pub spans: u64,
    /// How many of them failed.
    pub errors: u64,
    /// Who took part.
    pub services: BTreeSet<String>,
    /// How many of its spans the filter leaves.
    pub matched: u64,
}

/// The first span of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Root {
    /// Who did it.
    pub service: String,
    /// What it did.
    pub name: String,
    /// What the same is called wherever it is done.
    pub operation: String,
}

/// The newest traces that a filter leaves, at most its limit.
///
/// # Errors
/// [`QueryError`] of the store or of `check`, which is asked now and then whether to go on.
pub fn search(
    store: &Store,
    filter: &SpanFilter,
    check: &dyn Fn() -> Result<(), QueryError>,
) -> Result<Vec<FoundTrace>, QueryError> {
    let limit = filter.limit.min(TRACES_MAX);
    let mut traces = newest(store, filter, limit, check)?;
    traces.sort_unstable();
    let matched = matched(store, filter, &traces, check)?;
    let mut found = told(store, &traces, check)?;
    for (trace, _) in &matched {
        if let Some(found) = found.get_mut(trace) {
            found.trace.matched += 1;
        }
    }
    let mut found: Vec<FoundTrace> = found.into_values().map(|told| told.trace).collect();
    found.sort_by_key(|trace| std::cmp::Reverse((trace.start, trace.trace_id)));
    Ok(found)
}

/// The traces of the newest spans that a filter leaves, in that order.
pub(super) fn newest(
    store: &Store,
    filter: &SpanFilter,
    limit: usize,
    check: &dyn Fn() -> Result<(), QueryError>,
) -> Result<Vec<u128>, QueryError> {
    let conditions = filter.conditions();
    let mut wanted = (limit * 4).max(64);
    loop {
        check()?;
        let query = RecordQuery {
            range: filter.range,
            conditions: &conditions,
            columns: &[column::TRACE_ID],
            order: Order::NewestFirst,
            limit: wanted,
        };
        let rows = store.select_records(TABLE, &query)?;
        let mut seen = HashSet::new();
        let all = rows.ids(0).iter().copied();
        let traces: Vec<u128> = all.filter(|id| seen.insert(*id)).take(limit).collect();
        if traces.len() == limit || rows.len() < wanted || wanted == LOOKED_AT_MAX {
            return Ok(traces);
        }
        wanted = (wanted * 8).min(LOOKED_AT_MAX);
    }
}

/// The spans of some traces, whose identifiers are in rising order, that a filter leaves: trace and
/// span.
pub(super) fn matched(
    store: &Store,
    filter: &SpanFilter,
    traces: &[u128],
    check: &dyn Fn() -> Result<(), QueryError>,
) -> Result<HashSet<(u128, u64)>, QueryError> {
    let mut conditions = filter.conditions();
    conditions.push(Condition {
        column: column::TRACE_ID,
        test: Test::Ids(traces),
    });
    let query = RecordQuery {
        range: filter.range,
        conditions: &conditions,
        columns: &[column::TRACE_ID, column::SPAN_ID, column::PENDING_OF],
        order: Order::OldestFirst,
        limit: 0,
    };
    let mut matched = HashSet::new();
    let mut failed = None;
    store.scan_records(TABLE, &query, |rows| {
        for row in 0..rows.len() {
            let span = match id(rows, 2, row) {
                0 => id(rows, 1, row),
                announced => announced,
            };
            matched.insert((id(rows, 0, row), span as u64));
        }
        failed = check().err();
        failed.is_none() && matched.len() < MATCHED_MAX
    })?;
    failed.map_or(Ok(matched), Err)
}

const COLUMNS: [usize; 10] = [
    column::START,
    column::TRACE_ID,
    column::SPAN_ID,
    column::PARENT_ID,
    column::PENDING_OF,
    column::DURATION,
    column::STATUS,
    column::SERVICE,
    column::NAME,
    column::OPERATION,
];

/// A trace while its spans are read.
struct Told {
    trace: FoundTrace,
    end: Timestamp,
    /// When its root began, and whether that one has only been announced.
    root: Option<(bool, Timestamp)>,
    /// Spans that have only been announced.
    pending: HashSet<u64>,
}

/// What there is to say of some traces, whose identifiers are in rising order.
fn told(
    store: &Store,
    traces: &[u128],
    check: &dyn Fn() -> Result<(), QueryError>,
) -> Result<HashMap<u128, Told>, QueryError> {
    let mut told: HashMap<u128, Told> = HashMap::new();
    scan(store, traces, &COLUMNS, check, |rows| {
        for row in 0..rows.len() {
            let trace = id(rows, 1, row);
            let start = Timestamp::from_nanos(integer(rows, 0, row));
            let told = told.entry(trace).or_insert_with(|| Told::new(trace, start));
            told.add(rows, row, start);
        }
        Ok(())
    })?;
    if told.values().any(|told| !told.pending.is_empty()) {
        let columns = [column::TRACE_ID, column::SPAN_ID, column::PENDING_OF];
        scan(store, traces, &columns, check, |rows| {
            for row in (0..rows.len()).filter(|row| id(rows, 2, *row) == 0) {
                if let Some(told) = told.get_mut(&id(rows, 0, row)) {
                    told.pending.remove(&(id(rows, 1, row) as u64));
                }
            }
            Ok(())
        })?;
    }
    for told in told.values_mut() {
        told.trace.spans += told.pending.len() as u64;
        told.trace.duration = told.end.since(told.trace.start);
    }
    Ok(told)
}

impl Told {
    fn new(trace_id: u128, start: Timestamp) -> Self {
        Self {
            trace: FoundTrace {
                trace_id,
                root: None,
                start,
                duration: Duration::ZERO,
                spans: 0,
                errors: 0,
                services: BTreeSet::new(),
                matched: 0,
            },
            end: start,
            root: None,
            pending: HashSet::new(),
        }
    }

    fn add(&mut self, rows: &Records, row: usize, start: Timestamp) {
        let text = |column| rows.text(column, row).unwrap_or("");
        let announced = id(rows, 4, row) as u64;
        let trace = &mut self.trace;
        trace.start = trace.start.min(start);
        if announced == 0 {
            let nanos = integer(rows, 5, row).max(0) as u64;
            self.end = self.end.max(start + Duration::from_nanos(nanos));
            trace.spans += 1;
            trace.errors += u64::from(integer(rows, 6, row) == SpanStatus::Error as i64);
        } else {
            self.end = self.end.max(start);
            self.pending.insert(announced);
        }
        if trace.services.len() < SERVICES_MAX && !trace.services.contains(text(7)) {
            trace.services.insert(text(7).to_owned());
        }
        let place = (announced != 0, start);
        if id(rows, 3, row) == 0 && self.root.is_none_or(|known| place < known) {
            self.root = Some(place);
            trace.root = Some(Root {
                service: text(7).to_owned(),
                name: text(8).to_owned(),
                operation: match text(9) {
                    "" => text(8).to_owned(),
                    told => told.to_owned(),
                },
            });
        }
    }
}
