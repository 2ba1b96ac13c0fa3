//! State records in `SQLite`: baselines, alert events, annotations, reports.
//!
//! Invariants:
//! 1. one connection, behind a lock, does all the writing and reading of this process;
//! 2. `user_version` is the number of migrations that were applied, and each is applied whole;
//! 3. what a method returned `Ok` for survives a power cut.
//!
//! Bodies are text, JSON by convention, which this crate never looks into. Not for samples.

mod alerts;
mod annotations;
mod baselines;
mod reports;

use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tacho_model::Timestamp;

use crate::error::StoreError;

pub use alerts::AlertEvent;
pub use annotations::Annotation;
pub use baselines::Baseline;
pub use reports::{Report, ReportEntry};

/// Every change of the schema since the first release, in order; released ones never change.
const MIGRATIONS: [&str; 1] = [include_str!("state/migrations/0001_records.sql")];

/// The state database.
pub struct State {
    connection: Mutex<Connection>,
}

impl State {
    /// Opens or creates the database at `path` and brings its schema up to date.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        Self::prepare(connection, path)
    }

    /// Opens the database at `path` without ever writing to it; an absent one is an empty one.
    pub(crate) fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Self::in_memory();
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let readable = |connection: &Connection| version(connection).map(|_| ());
        let opened = Connection::open_with_flags(path, flags)
            .and_then(|connection| readable(&connection).map(|()| connection));
        // In a folder that this user cannot write, the log's index cannot be made; without a
        // writer the file alone is complete.
        let connection = opened.or_else(|_| {
            let uri = format!("file:{}?immutable=1", escape(path));
            Connection::open_with_flags(uri, flags)
        })?;
        check_version(version(&connection)?, path)?;
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    /// A database that is gone with the process.
    pub(crate) fn in_memory() -> Result<Self, StoreError> {
        Self::prepare(Connection::open_in_memory()?, Path::new(":memory:"))
    }

    fn prepare(mut connection: Connection, path: &Path) -> Result<Self, StoreError> {
        connection.busy_timeout(Duration::from_secs(5))?;
        // 512 KiB of cache and a log cut to 1 MiB: records are few and small.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -512;
             PRAGMA journal_size_limit = 1048576; PRAGMA temp_store = MEMORY;",
        )?;
        check_version(version(&connection)?, path)?;
        migrate(&mut connection, MIGRATIONS.len())?;
        let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if sound != "ok" {
            return Err(StoreError::Damaged {
                path: path.to_owned(),
                offset: 0,
                reason: sound,
            });
        }
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock()
    }
}

/// Whether this error says that the file is not a sound database.
pub(crate) fn is_damage(error: &StoreError) -> bool {
    match error {
        StoreError::Damaged { .. } => true,
        StoreError::State(error) => matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
        ),
        _ => false,
    }
}

/// The database's files: itself, its log, and the log's index.
pub(crate) fn files(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}

fn escape(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23")
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn check_version(found: i64, path: &Path) -> Result<(), StoreError> {
    let supported = MIGRATIONS.len() as u64;
    let found = found.unsigned_abs();
    if found <= supported {
        return Ok(());
    }
    let path = path.to_owned();
    Err(StoreError::NewerFormat {
        path,
        found,
        supported,
    })
}

fn migrate(connection: &mut Connection, target: usize) -> rusqlite::Result<()> {
    let applied = version(connection)? as usize;
    for (number, script) in MIGRATIONS.iter().enumerate().take(target).skip(applied) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "user_version", number as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

fn nanos(time: Timestamp) -> i64 {
    time.as_nanos()
}

fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
