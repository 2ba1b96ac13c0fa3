//! State records in `SQLite`: what is set, measured and decided, each with its history.
//!
//! One record kind a file: `baselines`, `benchmarks`, `experiments`, `alert_rules`, `alerts`,
//! `silences`, `annotations`, `reports`, `tokens`, `rule_groups`; below them `schema` (migrations),
//! `checksums`, `limits` and `backup`.
//!
//! Invariants:
//! 1. one connection does all the writing of this process, a transaction a call; another one does
//!    the reading, so that nobody who reads waits for a writer's disk (write-ahead log mode);
//! 2. `user_version` is the number of migrations that were applied, and each is applied whole;
//! 3. what a method returned `Ok` for survives a power cut: `synchronous = FULL`, one sync a
//!    call. `NORMAL` would save a millisecond or two a record and lose the last of them to a power
//!    cut; records are few, and one may stand for an hour of measuring.
//!
//! Definitions and bodies are text, JSON by convention, which this crate never looks into; what is
//! asked for (names, times, states) are columns. Not for samples.

mod alert_rules;
mod alerts;
mod annotations;
pub(crate) mod backup;
mod baselines;
mod benchmarks;
mod checksums;
mod experiments;
mod limits;
mod reports;
mod rule_groups;
mod schema;
mod silences;
mod tokens;

use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use tacho_model::Timestamp;

use crate::error::StoreError;
use crate::folder::{self, FolderLock};

pub use alert_rules::{AlertRule, AlertRuleChange, AlertRuleRevision};
pub use alerts::AlertEvent;
pub use annotations::Annotation;
pub use baselines::Baseline;
pub use benchmarks::{Benchmark, BenchmarkComparison};
pub use experiments::{Experiment, ExperimentState, ExperimentTransition};
pub use limits::{
    BODY_BYTES_MAX, DEFINITION_BYTES_MAX, NAME_BYTES_MAX, RECORDS_MAX, TEXT_BYTES_MAX,
};
pub use reports::{Report, ReportEntry};
pub use rule_groups::RuleGroup;
pub use silences::{Silence, SilenceDraft};
pub use tokens::{TOKENS_MAX, Token, TokenDraft};

/// The database's name in the data folder.
pub const STATE_FILE: &str = "state.db";
/// Statements that stay prepared; more than there are.
const STATEMENTS: usize = 64;
/// What each kind removes of its history that is older than a time.
const PRUNES: [&str; 9] = [
    alert_rules::PRUNE,
    alerts::PRUNE,
    annotations::PRUNE,
    baselines::PRUNE,
    benchmarks::PRUNE,
    experiments::PRUNE,
    reports::PRUNE,
    silences::PRUNE,
    tokens::PRUNE,
];

/// The state records of a data folder that no server has: for commands that change them and touch
/// no samples.
pub struct StateFolder {
    // Dropped in this order: the lock goes last.
    state: State,
    _lock: FolderLock,
}

impl StateFolder {
    /// Locks a data folder, creating it where missing, and opens its records for writing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while a process has it; [`StoreError::Damaged`] when the records
    /// are, which a server that starts on the folder would set aside.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let lock = folder::lock_for_writing(dir)?;
        folder::refuse_other_format(dir)?;
        let state = State::open(&dir.join(STATE_FILE))?;
        Ok(Self { state, _lock: lock })
    }

    /// The records.
    pub fn state(&self) -> &State {
        &self.state
    }
}

/// The state database.
pub struct State {
    /// `None` where there is but one connection. Dropped first, so that the writer is the last
    /// one out and folds the log into the file.
    reader: Option<Mutex<Connection>>,
    writer: Mutex<Connection>,
    path: PathBuf,
}

impl State {
    /// Opens or creates the database at `path` and brings its schema up to date.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let writer = prepare(Connection::open(path)?, path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(path, flags)?;
        Self::over(writer, Some(reader), path)
    }

    /// Opens the database at `path` without ever writing to it; an absent one is an empty one.
    pub(crate) fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            let state = Self::in_memory()?;
            state
                .writer
                .lock()
                .pragma_update(None, "query_only", true)?;
            return Ok(state);
        }
        Self::over(open_to_read(path)?, None, path)
    }

    /// A database that is gone with the process.
    pub(crate) fn in_memory() -> Result<Self, StoreError> {
        let path = Path::new(":memory:");
        Self::over(prepare(Connection::open_in_memory()?, path)?, None, path)
    }

    fn over(
        writer: Connection,
        reader: Option<Connection>,
        path: &Path,
    ) -> Result<Self, StoreError> {
        for connection in reader.iter().chain([&writer]) {
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS);
            // 512 KiB of cache: records are few and small.
            connection.execute_batch("PRAGMA cache_size = -512; PRAGMA temp_store = MEMORY;")?;
        }
        Ok(Self {
            reader: reader.map(Mutex::new),
            writer: Mutex::new(writer),
            path: path.to_owned(),
        })
    }

    /// Removes all history that ended before `before`; how many records. What is in force stays:
    /// the newest version of a baseline, benchmarks, experiments that were not stopped, rules,
    /// alerts that go on, silences to come, tokens that nobody revoked.
    pub fn prune(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.write(|transaction| {
            let mut removed = 0;
            for sql in PRUNES {
                removed += transaction.prepare_cached(sql)?.execute([nanos(before)])?;
            }
            Ok(removed)
        })
    }

    /// Runs `work` with one view of the records, whatever is written meanwhile.
    fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = self.reader.as_ref().unwrap_or(&self.writer).lock();
        // Dropped without a commit, which for one that only read is the same.
        let transaction = connection.unchecked_transaction()?;
        work(&transaction)
    }

    /// Runs `work` in a transaction: all that it writes, or nothing.
    fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.writer.lock();
        let run = || {
            let behavior = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(behavior)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        run().map_err(|error| self.refused(error))
    }

    /// Full and read-only databases by the same names as everything else in the store.
    fn refused(&self, error: StoreError) -> StoreError {
        let StoreError::State(cause) = &error else {
            return error;
        };
        match cause.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::NoSpace {
                path: self.path.clone(),
            },
            Some(ErrorCode::ReadOnly) => StoreError::ReadOnly {
                reason: "its state database cannot be written".to_owned(),
            },
            _ => error,
        }
    }
}

/// Makes a connection the writer of a database whose schema is up to date.
fn prepare(mut connection: Connection, path: &Path) -> Result<Connection, StoreError> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA journal_size_limit = 1048576;",
    )?;
    schema::check(&connection, path)?;
    // What a migration changes has triggers that call this.
    checksums::register(&connection)?;
    schema::migrate(&mut connection, &schema::MIGRATIONS)?;
    checksums::ensure(&mut connection)?;
    let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        return Err(StoreError::Damaged {
            path: path.to_owned(),
            offset: 0,
            reason: sound,
        });
    }
    Ok(connection)
}

/// A connection that never writes, to a database that is no newer than this program.
fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let readable = |connection: &Connection| schema::version(connection).map(|_| ());
    let opened = Connection::open_with_flags(path, flags)
        .and_then(|connection| readable(&connection).map(|()| connection));
    // In a folder that this user cannot write, the log's index cannot be made; without a
    // writer the file alone is complete.
    let connection = opened.or_else(|_| {
        let uri = format!("file:{}?immutable=1", escape(path));
        Connection::open_with_flags(uri, flags)
    })?;
    schema::check(&connection, path)?;
    checksums::register(&connection)?;
    Ok(connection)
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

fn nanos(time: Timestamp) -> i64 {
    time.as_nanos()
}

/// A column that holds a time.
fn time(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    row.get(index).map(Timestamp::from_nanos)
}

fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// An error unless something was changed.
fn found(changed: usize, what: &'static str, name: &str) -> Result<(), StoreError> {
    if changed == 0 {
        let name = name.to_owned();
        return Err(StoreError::NotFound { what, name });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
