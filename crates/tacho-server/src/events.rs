//! The table of events: log records that are worth a place on the timeline.
//!
//! A record that comes again is kept once: it is identified by its time and by what it says. Bodies
//! are cut; keeping logs for search is not what this is for.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tacho_model::span::{LogRecord, Severity};
use tacho_model::{Matcher, QueryError, TimeRange, Timestamp};
use tacho_store::records::{
    Cell, Column, ColumnKind, Condition, Order, RecordQuery, Records, RecordsError, Schema, Test,
};
use tacho_store::{Retention, Store, Table};

use crate::spans::find::Value;
use crate::spans::{pair, reuse};

/// The table's name.
pub const TABLE: &str = "events";
/// Most bytes that are kept of what an event says.
const BODY_BYTES_MAX: usize = 1024;
/// Most events of one answer.
pub const EVENTS_MAX: usize = 10_000;

/// The place of the column of services.
pub(crate) const SERVICE: usize = column::SERVICE;

mod column {
    pub(super) const TIME: usize = 0;
    pub(super) const SERVICE: usize = 2;
    pub(super) const SEVERITY: usize = 3;
    pub(super) const NAME: usize = 4;
    pub(super) const BODY: usize = 5;
    pub(super) const TRACE_ID: usize = 6;
    pub(super) const SPAN_ID: usize = 7;
    pub(super) const ATTRIBUTES: usize = 8;
    pub(super) const ALL: [usize; 9] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
}

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let column = Column::new;
    let columns = vec![
        column("time", ColumnKind::Integer),
        column("fingerprint", ColumnKind::Id).key(),
        column("service", ColumnKind::Text).indexed(),
        column("severity", ColumnKind::Integer),
        column("name", ColumnKind::Text).indexed(),
        column("body", ColumnKind::Text),
        column("trace_id", ColumnKind::Id).indexed(),
        column("span_id", ColumnKind::Id),
        column("attributes", ColumnKind::Attributes),
    ];
    #[expect(
        clippy::expect_used,
        reason = "a constant, built by every test of this module"
    )]
    Arc::new(Schema::new(TABLE, columns).expect("the columns of events make a table"))
});

/// How much is kept unless told otherwise: thirty days, of at most 1 GiB.
pub const RETENTION: Retention = Retention {
    age: Duration::from_hours(30 * 24),
    bytes: 1 << 30,
    samples: u64::MAX,
};

/// The table, for the store's options.
pub fn table(retention: Retention) -> Table {
    Table {
        schema: SCHEMA.clone(),
        retention,
    }
}

/// Events on their way into the table.
pub struct EventRows(Records);

impl Default for EventRows {
    fn default() -> Self {
        Self(Records::new(&SCHEMA))
    }
}

impl EventRows {
    /// Adds a log record.
    ///
    /// # Errors
    /// [`RecordsError`] when there is no more room in one append, or the record is too large.
    pub fn push(&mut self, record: &LogRecord<'_>) -> Result<(), RecordsError> {
        let end = record.body.floor_char_boundary(BODY_BYTES_MAX);
        let body = match record.body.get(..end) {
            Some(head) if head.len() < record.body.len() => format!("{head}…"),
            _ => record.body.to_owned(),
        };
        let mut attributes = reuse(Vec::new());
        attributes.extend(record.attributes.iter().map(pair));
        self.0.push(&[
            Cell::Integer(record.time.as_nanos()),
            Cell::Id(fingerprint(record).into()),
            Cell::Text(record.service),
            Cell::Integer(record.severity as i64),
            Cell::Text(record.event_name),
            Cell::Text(&body),
            Cell::Id(record.trace_id),
            Cell::Id(record.span_id.into()),
            Cell::Attributes(&attributes),
        ])
    }

    /// The rows so far; there are none afterwards.
    pub fn take(&mut self) -> Records {
        std::mem::take(self).0
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What tells records of one moment apart.
fn fingerprint(record: &LogRecord<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    record.service.hash(&mut hasher);
    record.severity.hash(&mut hasher);
    record.event_name.hash(&mut hasher);
    record.body.hash(&mut hasher);
    (record.trace_id, record.span_id).hash(&mut hasher);
    for attribute in record.attributes {
        attribute.name.hash(&mut hasher);
        format!("{:?}", attribute.value).hash(&mut hasher);
    }
    hasher.finish()
}

/// Which events are wanted; the newest first.
#[derive(Debug, Clone)]
pub struct EventFilter {
    /// When they happened.
    pub range: TimeRange,
    /// What the texts of columns are, by the name of the column: `service` and `name`.
    pub texts: Vec<Matcher>,
    /// Those of this trace.
    pub trace: Option<u128>,
    /// At least so bad.
    pub severity: Severity,
    /// At most so many.
    pub limit: usize,
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundEvent {
    /// When it happened.
    pub time: Timestamp,
    /// Who says so.
    pub service: String,
    /// How bad it is.
    pub severity: Severity,
    /// What sort of event it is.
    pub name: String,
    /// What is said.
    pub body: String,
    /// The request it is about, or 0.
    pub trace_id: u128,
    /// The operation it is about, or 0.
    pub span_id: u64,
    /// What it says beside the body.
    pub attributes: Vec<(String, Value)>,
}

/// The newest events that a filter leaves.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn find(store: &Store, filter: &EventFilter) -> Result<Vec<FoundEvent>, QueryError> {
    let mut conditions = Vec::new();
    let mut add = |column, test| conditions.push(Condition { column, test });
    if let Some(trace) = filter.trace {
        add(column::TRACE_ID, Test::Id(trace));
    }
    for matcher in &filter.texts {
        let place = match matcher.name() {
            "service" => column::SERVICE,
            _ => column::NAME,
        };
        add(place, Test::Text(matcher));
    }
    let least = filter.severity as i64;
    if least > 0 {
        add(column::SEVERITY, Test::Integer(least..=i64::MAX));
    }
    let query = RecordQuery {
        range: filter.range,
        conditions: &conditions,
        columns: &column::ALL,
        order: Order::NewestFirst,
        limit: filter.limit.min(EVENTS_MAX),
    };
    let rows = store.select_records(TABLE, &query)?;
    Ok((0..rows.len()).map(|row| event_of(&rows, row)).collect())
}

fn event_of(rows: &Records, row: usize) -> FoundEvent {
    let text = |column| rows.text(column, row).unwrap_or("").to_owned();
    let integer = |column| rows.integers(column).get(row).copied().unwrap_or(0);
    let id = |column| rows.ids(column).get(row).copied().unwrap_or(0);
    let severity = usize::try_from(integer(column::SEVERITY)).ok();
    let severity = severity.and_then(|at| Severity::ALL.get(at));
    let attributes = rows.attributes(column::ATTRIBUTES, row).into_iter();
    FoundEvent {
        time: Timestamp::from_nanos(integer(column::TIME)),
        service: text(column::SERVICE),
        severity: severity.copied().unwrap_or_default(),
        name: text(column::NAME),
        body: text(column::BODY),
        trace_id: id(column::TRACE_ID),
        span_id: id(column::SPAN_ID) as u64,
        attributes: attributes
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect(),
    }
}
