//! Silences: alerts that nobody wants to hear of for a while, and who said so.
//!
//! A silence never changes but for its end coming early; what is over stays until it is pruned.

use rusqlite::{OptionalExtension, Row, params};
use tacho_model::{TimeRange, Timestamp};

use super::{State, limit_of, limits, nanos, time};
use crate::error::StoreError;

/// What the records here are called in errors.
const WHAT: &str = "silence";

/// A silence that is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilenceDraft {
    /// Which alerts, as the caller wrote it.
    pub matchers: String,
    /// From when on.
    pub starts_at: Timestamp,
    /// Until when; this moment itself is not silent.
    pub ends_at: Timestamp,
    /// Who set it.
    pub author: String,
    /// Why.
    pub comment: String,
}

/// A silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Its number; never used twice.
    pub id: i64,
    /// What was asked for.
    pub asked: SilenceDraft,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When somebody ended it before its time.
    pub ended_at: Option<Timestamp>,
    /// Who did.
    pub ended_by: Option<String>,
}

impl Silence {
    /// When it is over, early or in time.
    pub fn end(&self) -> Timestamp {
        let in_time = self.asked.ends_at;
        self.ended_at.map_or(in_time, |early| early.min(in_time))
    }

    /// Whether it silences at that time.
    pub fn is_active(&self, at: Timestamp) -> bool {
        self.asked.starts_at <= at && at < self.end()
    }
}

/// Silences that are over.
pub(super) const PRUNE: &str =
    "DELETE FROM silence WHERE min(ends_at, ifnull(ended_at, ends_at)) < ?1";

const SELECT: &str = "SELECT id, matchers, starts_at, ends_at, author, comment, created_at,
     ended_at, ended_by FROM silence";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Silence> {
    Ok(Silence {
        id: row.get(0)?,
        asked: SilenceDraft {
            matchers: row.get(1)?,
            starts_at: time(row, 2)?,
            ends_at: time(row, 3)?,
            author: row.get(4)?,
            comment: row.get(5)?,
        },
        created_at: time(row, 6)?,
        ended_at: row.get::<_, Option<i64>>(7)?.map(Timestamp::from_nanos),
        ended_by: row.get(8)?,
    })
}

impl State {
    /// Stores a silence; its id.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when it would end before it begins.
    pub fn create_silence(&self, draft: &SilenceDraft, at: Timestamp) -> Result<i64, StoreError> {
        limits::definition(WHAT, &draft.matchers)?;
        limits::text(WHAT, "author", &draft.author)?;
        limits::text(WHAT, "comment", &draft.comment)?;
        if draft.ends_at <= draft.starts_at {
            let reason = "it would end before it begins".to_owned();
            return Err(StoreError::Invalid { what: WHAT, reason });
        }
        self.write(|transaction| {
            limits::room(transaction, WHAT, "SELECT count(*) FROM silence")?;
            let sql = "INSERT INTO silence
                       (matchers, starts_at, ends_at, author, comment, created_at)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            transaction.prepare_cached(sql)?.execute(params![
                draft.matchers,
                nanos(draft.starts_at),
                nanos(draft.ends_at),
                draft.author,
                draft.comment,
                nanos(at)
            ])?;
            Ok(transaction.last_insert_rowid())
        })
    }

    /// Ends a silence before its time; it stays in the history. Whether it was not over already.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none.
    pub fn end_silence(&self, id: i64, at: Timestamp, by: &str) -> Result<bool, StoreError> {
        limits::text(WHAT, "author", by)?;
        self.write(|transaction| {
            let sql = format!("{SELECT} WHERE id = ?1");
            let mut select = transaction.prepare_cached(&sql)?;
            let Some(silence) = select.query_row([id], from_row).optional()? else {
                let name = id.to_string();
                return Err(StoreError::NotFound { what: WHAT, name });
            };
            if silence.end() <= at || silence.ended_at.is_some() {
                return Ok(false);
            }
            let sql = "UPDATE silence SET ended_at = ?2, ended_by = ?3 WHERE id = ?1";
            let mut update = transaction.prepare_cached(sql)?;
            update.execute(params![id, nanos(at), by])?;
            Ok(true)
        })
    }

    /// A silence; `None` when there is none of that id.
    pub fn silence(&self, id: i64) -> Result<Option<Silence>, StoreError> {
        self.read(|connection| {
            let sql = format!("{SELECT} WHERE id = ?1");
            let mut statement = connection.prepare_cached(&sql)?;
            Ok(statement.query_row([id], from_row).optional()?)
        })
    }

    /// The silences that hold at that time or will hold later, the first to end first: what an
    /// evaluator has to know.
    pub fn silences_from(&self, at: Timestamp) -> Result<Vec<Silence>, StoreError> {
        self.read(|connection| {
            let sql = format!(
                "{SELECT} WHERE min(ends_at, ifnull(ended_at, ends_at)) > ?1
                 ORDER BY min(ends_at, ifnull(ended_at, ends_at)), id"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([nanos(at)], from_row)?;
            let silences = rows.collect::<Result<Vec<Silence>, _>>()?;
            // One that was ended before it began holds at no time.
            let held = |silence: &Silence| silence.end() > silence.asked.starts_at;
            Ok(silences.into_iter().filter(held).collect())
        })
    }

    /// The silences, over or not, whose time as asked for meets `range`, the newest first.
    pub fn silences(&self, range: TimeRange, limit: usize) -> Result<Vec<Silence>, StoreError> {
        self.read(|connection| {
            let sql = format!(
                "{SELECT} WHERE starts_at <= ?2 AND ends_at >= ?1 ORDER BY id DESC LIMIT ?3"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let bounds = params![nanos(range.start), nanos(range.end), limit_of(limit)];
            let rows = statement.query_map(bounds, from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}
