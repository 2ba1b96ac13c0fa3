//! Alert events: what fired, from when to when.

use rusqlite::{Row, named_params, params};
use tacho_model::{TimeRange, Timestamp};

use super::{State, found, limit_of, limits, nanos};
use crate::error::StoreError;

/// What the records here are called in errors.
const WHAT: &str = "alert event";

/// One firing of one rule for one series.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertEvent {
    /// Set by [`State::push_alert_event`].
    pub id: i64,
    /// The rule's name.
    pub rule: String,
    /// The series it fired for, in `PromQL`'s notation.
    pub series: String,
    /// `pending`, `firing`, `resolved`: the rule's word.
    pub state: String,
    /// `info`, `warning`, `critical`: the rule's word.
    pub severity: String,
    /// The value that decided; `None` when there was none. A NaN is stored as none.
    pub value: Option<f64>,
    /// What it was compared with.
    pub threshold: Option<f64>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it goes on.
    pub ended_at: Option<Timestamp>,
    /// One sentence for people.
    pub message: String,
    /// More, as the caller wrote it.
    pub body: String,
}

/// Events that are over.
pub(super) const PRUNE: &str = "DELETE FROM alert_event WHERE ended_at < ?1";

const COLUMNS: &str =
    "id, rule, series, state, severity, value, threshold, started_at, ended_at, message, body";

fn from_row(row: &Row<'_>) -> rusqlite::Result<AlertEvent> {
    Ok(AlertEvent {
        id: row.get(0)?,
        rule: row.get(1)?,
        series: row.get(2)?,
        state: row.get(3)?,
        severity: row.get(4)?,
        value: row.get(5)?,
        threshold: row.get(6)?,
        started_at: row.get(7).map(Timestamp::from_nanos)?,
        ended_at: row.get::<_, Option<i64>>(8)?.map(Timestamp::from_nanos),
        message: row.get(9)?,
        body: row.get(10)?,
    })
}

fn check(event: &AlertEvent) -> Result<(), StoreError> {
    limits::name(WHAT, &event.rule)?;
    limits::definition(WHAT, &event.series)?;
    limits::text(WHAT, "message", &event.message)?;
    limits::body(WHAT, &event.body)
}

impl State {
    /// Stores a new event; its id. The event's own `id` is ignored.
    pub fn push_alert_event(&self, event: &AlertEvent) -> Result<i64, StoreError> {
        let sql = "INSERT INTO alert_event (rule, series, state, severity, value, threshold,
                   started_at, ended_at, message, body)
                   VALUES (:rule, :series, :state, :severity, :value, :threshold,
                   :started_at, :ended_at, :message, :body)";
        check(event)?;
        self.write(|transaction| {
            transaction.prepare_cached(sql)?.execute(named_params! {
                ":rule": event.rule, ":series": event.series, ":state": event.state,
                ":severity": event.severity, ":value": event.value,
                ":threshold": event.threshold, ":started_at": nanos(event.started_at),
                ":ended_at": event.ended_at.map(nanos), ":message": event.message,
                ":body": event.body,
            })?;
            Ok(transaction.last_insert_rowid())
        })
    }

    /// Replaces the event of the same id.
    pub fn update_alert_event(&self, event: &AlertEvent) -> Result<(), StoreError> {
        let sql = "UPDATE alert_event SET rule = :rule, series = :series, state = :state,
                   severity = :severity, value = :value, threshold = :threshold,
                   started_at = :started_at, ended_at = :ended_at, message = :message,
                   body = :body WHERE id = :id";
        check(event)?;
        self.write(|transaction| {
            let changed = transaction.prepare_cached(sql)?.execute(named_params! {
                ":id": event.id, ":rule": event.rule, ":series": event.series,
                ":state": event.state, ":severity": event.severity, ":value": event.value,
                ":threshold": event.threshold, ":started_at": nanos(event.started_at),
                ":ended_at": event.ended_at.map(nanos), ":message": event.message,
                ":body": event.body,
            })?;
            found(changed, WHAT, &event.id.to_string())
        })
    }

    /// The events that were going on at some time inside `range`, the newest first.
    pub fn alert_events(
        &self,
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<AlertEvent>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM alert_event
             WHERE started_at <= ?2 AND (ended_at IS NULL OR ended_at >= ?1)
             ORDER BY started_at DESC, id DESC LIMIT ?3"
        );
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let bounds = params![nanos(range.start), nanos(range.end), limit_of(limit)];
            let rows = statement.query_map(bounds, from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The events that have not ended, the oldest first: where a restarted evaluator goes on.
    pub fn open_alert_events(&self) -> Result<Vec<AlertEvent>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM alert_event WHERE ended_at IS NULL ORDER BY id");
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([], from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Removes events that ended before `before`; how many.
    pub fn prune_alert_events(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.write(|transaction| {
            Ok(transaction
                .prepare_cached(PRUNE)?
                .execute([nanos(before)])?)
        })
    }
}
