//! Reports that were made, whole.

use rusqlite::{OptionalExtension, params};
use tacho_model::Timestamp;

use super::{State, limit_of, limits, nanos};
use crate::error::StoreError;

/// What the records here are called in errors.
const WHAT: &str = "report";
/// Reports that are too old.
pub(super) const PRUNE: &str = "DELETE FROM report WHERE created_at < ?1";

/// A stored report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its number.
    pub id: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// `html`, `json`, `markdown`.
    pub format: String,
    /// The report itself.
    pub body: String,
}

/// What a list of reports says of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportEntry {
    /// Its number.
    pub id: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// `html`, `json`, `markdown`.
    pub format: String,
    /// Length of the body in bytes.
    pub body_bytes: u64,
}

impl State {
    /// Stores a report; its id.
    pub fn put_report(
        &self,
        created_at: Timestamp,
        format: &str,
        body: &str,
    ) -> Result<i64, StoreError> {
        limits::name(WHAT, format)?;
        limits::body(WHAT, body)?;
        self.write(|transaction| {
            let sql = "INSERT INTO report (created_at, format, body) VALUES (?1, ?2, ?3)";
            let mut insert = transaction.prepare_cached(sql)?;
            insert.execute(params![nanos(created_at), format, body])?;
            Ok(transaction.last_insert_rowid())
        })
    }

    /// A report; `None` when there is none of that id.
    pub fn report(&self, id: i64) -> Result<Option<Report>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT id, created_at, format, body FROM report WHERE id = ?1";
            let report = connection.prepare_cached(sql)?.query_row([id], |row| {
                Ok(Report {
                    id: row.get(0)?,
                    created_at: row.get(1).map(Timestamp::from_nanos)?,
                    format: row.get(2)?,
                    body: row.get(3)?,
                })
            });
            Ok(report.optional()?)
        })
    }

    /// The newest reports, without their bodies.
    pub fn reports(&self, limit: usize) -> Result<Vec<ReportEntry>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, created_at, format, octet_length(body) FROM report
                 ORDER BY created_at DESC, id DESC LIMIT ?1",
            )?;
            let rows = statement.query_map([limit_of(limit)], |row| {
                Ok(ReportEntry {
                    id: row.get(0)?,
                    created_at: row.get(1).map(Timestamp::from_nanos)?,
                    format: row.get(2)?,
                    body_bytes: row.get::<_, i64>(3)?.unsigned_abs(),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Removes all but the newest `keep` reports; how many.
    pub fn prune_reports(&self, keep: usize) -> Result<usize, StoreError> {
        let sql = "DELETE FROM report WHERE id NOT IN
                   (SELECT id FROM report ORDER BY created_at DESC, id DESC LIMIT ?1)";
        self.write(|transaction| Ok(transaction.prepare_cached(sql)?.execute([limit_of(keep)])?))
    }
}
