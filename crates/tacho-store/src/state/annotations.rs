//! Annotations: what happened when, a deployment or a version.

use rusqlite::{Row, params};
use tacho_model::{TimeRange, Timestamp};

use super::{State, limit_of, limits, nanos};
use crate::error::StoreError;

/// What the records here are called in errors.
const WHAT: &str = "annotation";
/// Annotations that are too old.
pub(super) const PRUNE: &str = "DELETE FROM annotation WHERE time < ?1";

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Its number.
    pub id: i64,
    /// When it happened.
    pub time: Timestamp,
    /// What sort of thing, such as `deployment`.
    pub kind: String,
    /// One line for people.
    pub title: String,
    /// More, as the caller wrote it.
    pub body: String,
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Annotation> {
    Ok(Annotation {
        id: row.get(0)?,
        time: row.get(1).map(Timestamp::from_nanos)?,
        kind: row.get(2)?,
        title: row.get(3)?,
        body: row.get(4)?,
    })
}

impl State {
    /// Stores an annotation; its id.
    pub fn push_annotation(
        &self,
        time: Timestamp,
        kind: &str,
        title: &str,
        body: &str,
    ) -> Result<i64, StoreError> {
        limits::name(WHAT, kind)?;
        limits::text(WHAT, "title", title)?;
        limits::body(WHAT, body)?;
        self.write(|transaction| {
            let sql = "INSERT INTO annotation (time, kind, title, body) VALUES (?1, ?2, ?3, ?4)";
            let mut insert = transaction.prepare_cached(sql)?;
            insert.execute(params![nanos(time), kind, title, body])?;
            Ok(transaction.last_insert_rowid())
        })
    }

    /// The annotations inside `range`, the newest first.
    pub fn annotations(
        &self,
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<Annotation>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, time, kind, title, body FROM annotation WHERE time BETWEEN ?1 AND ?2
                 ORDER BY time DESC, id DESC LIMIT ?3",
            )?;
            let bounds = params![nanos(range.start), nanos(range.end), limit_of(limit)];
            let rows = statement.query_map(bounds, from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Removes an annotation; whether it was there.
    pub fn delete_annotation(&self, id: i64) -> Result<bool, StoreError> {
        let sql = "DELETE FROM annotation WHERE id = ?1";
        self.write(|transaction| Ok(transaction.prepare_cached(sql)?.execute([id])? > 0))
    }
}
