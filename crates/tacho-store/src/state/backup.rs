//! A copy of the database while it is in use; whether a database is sound, and what can be saved
//! of one that is not.

use std::fs::File;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::checksums::{self, Checksummed};
use super::{State, open_to_read, prepare};
use crate::error::StoreError;

/// Most faults of one database that are told.
const FAULTS_MAX: usize = 100;
/// All pages in one step: one view, and no writer can make it begin again.
const ALL_PAGES: i32 = -1;

impl State {
    /// Copies all records to a new file and syncs it. Neither readers nor the writer wait: the
    /// copy is made by a connection of its own, from one view of the database.
    pub(crate) fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        if self.path == Path::new(":memory:") {
            // A read-only store without a database: the copy has none either.
            return Ok(());
        }
        let source = open_to_read(&self.path)?;
        let mut target = Connection::open(path)?;
        let copied = Backup::new(&source, &mut target)?.step(ALL_PAGES)?;
        if copied != StepResult::Done {
            // Half a copy must not look like a whole one.
            let source = std::io::Error::other("the state database is busy; try again");
            return Err(StoreError::io("copy to", path, source));
        }
        close(target, path)
    }
}

/// Closes a database that is complete, and syncs it.
fn close(connection: Connection, path: &Path) -> Result<(), StoreError> {
    connection.close().map_err(|(_, error)| error)?;
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|source| StoreError::io("sync", path, source))
}

/// What is wrong with a database that nobody has open; nothing when it is sound or absent.
/// A newer schema and failures of the system are errors.
pub(crate) fn faults(path: &Path) -> Result<Vec<String>, StoreError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let examine = || {
        let connection = open_to_read(path)?;
        let mut faults = Vec::new();
        // Rows that say `ok`, or what is wrong.
        for check in ["integrity_check", "foreign_key_check"] {
            let sql = format!("PRAGMA {check}");
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()?
                && faults.len() < FAULTS_MAX
            {
                let said: String = row.get(0)?;
                match check {
                    "integrity_check" if said == "ok" => {}
                    "integrity_check" => faults.push(said),
                    _ => faults.push(format!("a row of {said} refers to nothing")),
                }
            }
        }
        for table in checksums::tables(&connection)? {
            let (name, damaged) = (&table.name, table.damaged(&connection)?);
            if damaged > 0 {
                faults.push(format!(
                    "{damaged} rows of {name} do not match their checksums"
                ));
            }
        }
        Ok(faults)
    };
    match examine() {
        Err(error) if super::is_damage(&error) => Ok(vec![reason(&error)]),
        outcome => outcome,
    }
}

fn reason(error: &StoreError) -> String {
    match error {
        StoreError::State(cause) => cause.to_string(),
        other => other.to_string(),
    }
}

/// Copies every record of a damaged database that can be read to a new one at `to`; how many, and
/// the tables that could not be read to the end. Each table is read from both its ends, so that
/// one bad page does not cost what lies behind it.
pub(crate) fn salvage(from: &Path, to: &Path) -> Result<(usize, Vec<String>), StoreError> {
    let mut target = prepare(Connection::open(to)?, to)?;
    let source = open_to_read(from).ok();
    // Those that the source has: columns may be missing in an older one.
    let tables = source.as_ref().map(checksums::tables);
    let tables = tables
        .and_then(Result::ok)
        .map_or_else(|| checksums::tables(&target), Ok)?;
    let mut kept = 0;
    let mut broken = Vec::new();
    let transaction = target.transaction()?;
    for table in tables {
        let mut whole = false;
        for order in ["", "ORDER BY rowid DESC"] {
            let Some(source) = &source else { break };
            let (copied, outcome) = copy_rows(source, &transaction, &table, order);
            kept += copied;
            whole |= outcome.is_ok();
            if whole {
                break;
            }
        }
        let sound = |source| table.damaged(source).is_ok_and(|damaged| damaged == 0);
        if !whole || !source.as_ref().is_some_and(sound) {
            broken.push(table.name);
        }
    }
    transaction.commit()?;
    close(target, to)?;
    Ok((kept, broken))
}

/// Copies the rows that match their checksums until one cannot be read. A row that the new table
/// refuses is damaged, too.
fn copy_rows(
    source: &Connection,
    target: &Connection,
    table: &Checksummed,
    order: &str,
) -> (usize, rusqlite::Result<()>) {
    let mut kept = 0;
    let mut copy = || {
        let (name, columns, count) = (&table.name, table.columns.join(", "), table.columns.len());
        let sound = table.sound();
        let sql = format!("SELECT {columns} FROM {name} WHERE {sound} {order}");
        let mut select = source.prepare(&sql)?;
        let places = vec!["?"; count].join(", ");
        let insert = format!("INSERT OR IGNORE INTO {name} ({columns}) VALUES ({places})");
        let mut insert = target.prepare(&insert)?;
        let mut rows = select.query([])?;
        let mut refused = Ok(());
        while let Some(row) = rows.next()? {
            let values = (0..count).map(|index| row.get(index));
            let values: Vec<Value> = values.collect::<Result<_, _>>()?;
            match insert.execute(params_from_iter(values)) {
                Ok(inserted) => kept += inserted,
                Err(error) => refused = Err(error),
            }
        }
        refused
    };
    let outcome = copy();
    (kept, outcome)
}
