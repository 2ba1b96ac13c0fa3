//! The table of spans: what a row holds, how one is written and read.
//!
//! 1. A span is identified by its start, its trace and its own identifier: sent twice, it is kept
//!    once, and the last one wins.
//! 2. A *pending* span announces one that has not ended. It is a row of its own, so that one that
//!    comes late never replaces the span that it announced; [`find`] shows it only while that one
//!    is not there, and nothing counts it.
//!
//! 3. Each row says what its operation is called (see [`tacho_semconv::operation::name`]). Rows from
//!    before there was such a column say nothing there; their operation is their name.
//!
//! [`find`] finds spans, [`search`] traces, [`light`] reads what trees are made of, [`trees`] keeps
//! those of the last traces that were looked at, [`calls`] merges many. Not for what spans mean: no
//! metric is derived here.

pub mod calls;
pub mod filter;
pub mod find;
pub mod light;
pub mod search;
pub mod trees;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tacho_model::span::{Attribute, AttributeValue, Span};
use tacho_semconv::{Operation, Reading};
use tacho_store::records::{Cell, Column, ColumnKind, Records, RecordsError, Scalar, Schema};
use tacho_store::{Retention, Table};

/// The table's name.
pub const TABLE: &str = "spans";

/// The places of the table's columns.
pub(crate) mod column {
    pub(crate) const START: usize = 0;
    pub(crate) const TRACE_ID: usize = 1;
    pub(crate) const SPAN_ID: usize = 2;
    pub(crate) const PARENT_ID: usize = 3;
    pub(crate) const PENDING_OF: usize = 4;
    pub(crate) const SERVICE: usize = 5;
    pub(crate) const NAME: usize = 6;
    pub(crate) const KIND: usize = 7;
    pub(crate) const DURATION: usize = 8;
    pub(crate) const STATUS: usize = 9;
    pub(crate) const STATUS_MESSAGE: usize = 10;
    pub(crate) const SCOPE: usize = 11;
    pub(crate) const ATTRIBUTES: usize = 12;
    pub(crate) const RESOURCE: usize = 13;
    pub(crate) const EVENTS: usize = 14;
    pub(crate) const LINKS: usize = 15;
    pub(crate) const OPERATION: usize = 16;
    /// All of them.
    pub(crate) const ALL: [usize; 17] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
}

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let column = Column::new;
    let columns = vec![
        column("start", ColumnKind::Integer),
        column("trace_id", ColumnKind::Id).key().indexed(),
        column("span_id", ColumnKind::Id).key(),
        column("parent_id", ColumnKind::Id),
        column("pending_of", ColumnKind::Id),
        column("service", ColumnKind::Text).indexed(),
        column("name", ColumnKind::Text).indexed(),
        column("kind", ColumnKind::Integer),
        column("duration", ColumnKind::Integer),
        column("status", ColumnKind::Integer),
        column("status_message", ColumnKind::Text),
        column("scope", ColumnKind::Text),
        column("attributes", ColumnKind::Attributes),
        column("resource", ColumnKind::Attributes),
        column("events", ColumnKind::Text),
        column("links", ColumnKind::Text),
        column("operation", ColumnKind::Text).indexed(),
    ];
    #[expect(
        clippy::expect_used,
        reason = "a constant, built by every test of this module"
    )]
    Arc::new(Schema::new(TABLE, columns).expect("the columns of spans make a table"))
});

/// What a row of the table is.
pub(crate) fn schema() -> Arc<Schema> {
    SCHEMA.clone()
}

/// How much is kept unless told otherwise: a week, of at most 10 GiB.
pub const RETENTION: Retention = Retention {
    age: Duration::from_hours(7 * 24),
    bytes: 10 << 30,
    samples: u64::MAX,
};

/// The table, for the store's options.
pub fn table(retention: Retention) -> Table {
    Table {
        schema: SCHEMA.clone(),
        retention,
    }
}

/// Spans on their way into the table.
pub struct SpanRows {
    rows: Records,
    attributes: Scratch,
    resource: Scratch,
}

/// Memory for the attributes of a row, empty between two rows.
type Scratch = Vec<(&'static str, Scalar<'static>)>;

impl Default for SpanRows {
    fn default() -> Self {
        Self {
            rows: Records::new(&SCHEMA),
            attributes: Vec::new(),
            resource: Vec::new(),
        }
    }
}

impl SpanRows {
    /// Adds a span.
    ///
    /// # Errors
    /// [`RecordsError`] when there is no more room in one append, or the span is too large for any.
    pub fn push(&mut self, span: &Span<'_>) -> Result<(), RecordsError> {
        let operation = Operation::of(&Reading::new(span));
        self.push_with(span, &operation.name(span))
    }

    /// Adds a span whose operation's name is known already.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_with(&mut self, span: &Span<'_>, operation: &str) -> Result<(), RecordsError> {
        let mut attributes = reuse(std::mem::take(&mut self.attributes));
        let mut resource = reuse(std::mem::take(&mut self.resource));
        attributes.extend(span.attributes.iter().map(pair));
        resource.extend(span.resource.iter().map(pair));
        let duration = match span.pending_of {
            0 => i64::try_from(span.duration.as_nanos()).unwrap_or(i64::MAX),
            // How long a span takes that has not ended is not known.
            _ => 0,
        };
        let pushed = self.rows.push(&[
            Cell::Integer(span.start.as_nanos()),
            Cell::Id(span.trace_id),
            Cell::Id(span.span_id.into()),
            Cell::Id(span.parent_id.into()),
            Cell::Id(span.pending_of.into()),
            Cell::Text(span.service),
            Cell::Text(span.name),
            Cell::Integer(span.kind as i64),
            Cell::Integer(duration),
            Cell::Integer(span.status as i64),
            Cell::Text(span.status_message),
            Cell::Text(span.scope),
            Cell::Attributes(&attributes),
            Cell::Attributes(&resource),
            Cell::Text(span.events),
            Cell::Text(span.links),
            Cell::Text(operation),
        ]);
        self.attributes = reuse(attributes);
        self.resource = reuse(resource);
        pushed
    }

    /// The rows so far; there are none afterwards.
    pub fn take(&mut self) -> Records {
        std::mem::replace(&mut self.rows, Records::new(&SCHEMA))
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// The memory of a list for another one, of other lifetimes.
pub(crate) fn reuse<'a>(mut list: Vec<(&str, Scalar<'_>)>) -> Vec<(&'a str, Scalar<'a>)> {
    list.clear();
    // Collecting what was a list of the same layout takes its memory over.
    #[expect(clippy::unnecessary_filter_map, reason = "none are of the other type")]
    let nothing = list.into_iter().filter_map(|_| None);
    nothing.collect()
}

/// An attribute as the store takes it.
pub(crate) fn pair<'s>(attribute: &'s Attribute<'_>) -> (&'s str, Scalar<'s>) {
    let value = match &attribute.value {
        AttributeValue::Text(text) => Scalar::Text(text),
        AttributeValue::Integer(value) => Scalar::Integer(*value),
        AttributeValue::Float(value) => Scalar::Float(*value),
        AttributeValue::Boolean(value) => Scalar::Boolean(*value),
    };
    (attribute.name, value)
}

#[cfg(test)]
mod tests;
