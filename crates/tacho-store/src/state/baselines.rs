//! Baselines: what was normal, by name, with every earlier version.

use rusqlite::{OptionalExtension, Row, params};
use tacho_model::{TimeRange, Timestamp};

use super::{State, found, limits, nanos};
use crate::error::StoreError;

/// What the records here are called in errors.
const WHAT: &str = "baseline";
/// Versions that a newer one replaced.
pub(super) const PRUNE: &str = "DELETE FROM baseline AS old WHERE created_at < ?1 AND EXISTS
     (SELECT 1 FROM baseline WHERE name = old.name AND version > old.version)";

/// One version of a baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// Its name.
    pub name: String,
    /// Counts from 1 within the name.
    pub version: u32,
    /// When it was stored.
    pub created_at: Timestamp,
    /// Whether comparisons may use it.
    pub valid: bool,
    /// Why not, where that was said.
    pub invalid_reason: Option<String>,
    /// What was measured.
    pub window: TimeRange,
    /// Distribution and conditions, as the caller wrote them.
    pub body: String,
}

const COLUMNS: &str =
    "name, version, created_at, valid, invalid_reason, window_start, window_end, body";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Baseline> {
    let time = |index: usize| row.get(index).map(Timestamp::from_nanos);
    Ok(Baseline {
        name: row.get(0)?,
        version: row.get(1)?,
        created_at: time(2)?,
        valid: row.get(3)?,
        invalid_reason: row.get(4)?,
        window: TimeRange::new(time(5)?, time(6)?),
        body: row.get(7)?,
    })
}

impl State {
    /// Stores the next version of a baseline; its number.
    pub fn put_baseline(
        &self,
        name: &str,
        created_at: Timestamp,
        window: TimeRange,
        body: &str,
    ) -> Result<u32, StoreError> {
        limits::name(WHAT, name)?;
        limits::body(WHAT, body)?;
        let (created, start, end) = (nanos(created_at), nanos(window.start), nanos(window.end));
        self.write(|transaction| {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO baseline (name, version, created_at, window_start, window_end, body)
                 SELECT ?1, coalesce(max(version), 0) + 1, ?2, ?3, ?4, ?5
                 FROM baseline WHERE name = ?1 RETURNING version",
            )?;
            let values = params![name, created, start, end, body];
            Ok(insert.query_row(values, |row| row.get(0))?)
        })
    }

    /// A version of a baseline, the newest when none is asked for; `None` when there is none.
    pub fn baseline(
        &self,
        name: &str,
        version: Option<u32>,
    ) -> Result<Option<Baseline>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM baseline WHERE name = ?1 AND (?2 IS NULL OR version = ?2)
             ORDER BY version DESC LIMIT 1"
        );
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let found = statement.query_row(params![name, version], from_row);
            Ok(found.optional()?)
        })
    }

    /// The newest version of every baseline, by name.
    pub fn baselines(&self) -> Result<Vec<Baseline>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM baseline AS b WHERE version =
             (SELECT max(version) FROM baseline WHERE name = b.name) ORDER BY name"
        );
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([], from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// All versions of a baseline, the newest first.
    pub fn baseline_history(&self, name: &str) -> Result<Vec<Baseline>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM baseline WHERE name = ?1 ORDER BY version DESC");
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([name], from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Says that the newest version of a baseline is no longer to be compared with.
    pub fn invalidate_baseline(&self, name: &str, reason: &str) -> Result<(), StoreError> {
        limits::text(WHAT, "reason", reason)?;
        self.write(|transaction| {
            let mut update = transaction.prepare_cached(
                "UPDATE baseline SET valid = 0, invalid_reason = ?2 WHERE name = ?1 AND version =
                 (SELECT max(version) FROM baseline WHERE name = ?1)",
            )?;
            found(update.execute([name, reason])?, WHAT, name)
        })
    }

    /// Removes a baseline with its history.
    pub fn delete_baseline(&self, name: &str) -> Result<(), StoreError> {
        self.write(|transaction| {
            let sql = "DELETE FROM baseline WHERE name = ?1";
            found(
                transaction.prepare_cached(sql)?.execute([name])?,
                WHAT,
                name,
            )
        })
    }
}
