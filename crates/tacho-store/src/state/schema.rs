//! The schema and how it came to be: migrations, each applied whole.
//!
//! A released migration never changes; the next version is the next file. An interrupted one
//! leaves the version before it, because a migration, its new `user_version` included, is one
//! transaction.

use std::path::Path;

use rusqlite::Connection;

use crate::error::StoreError;

/// Every change of the schema since the first release, in order.
pub(super) const MIGRATIONS: [&str; 8] = [
    include_str!("migrations/0001_records.sql"),
    include_str!("migrations/0002_benchmark.sql"),
    include_str!("migrations/0003_experiment.sql"),
    include_str!("migrations/0004_alert_rule.sql"),
    include_str!("migrations/0005_silence.sql"),
    include_str!("migrations/0006_checksums.sql"),
    include_str!("migrations/0007_token.sql"),
    include_str!("migrations/0008_rule_group.sql"),
];

/// The number of migrations that were applied.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Refuses a schema that is newer than this program.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let supported = MIGRATIONS.len() as u64;
    let found = version(connection)?.unsigned_abs();
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

/// Applies those of `scripts` that are missing, a transaction each.
pub(super) fn migrate(connection: &mut Connection, scripts: &[&str]) -> rusqlite::Result<()> {
    let applied = version(connection)? as usize;
    for (number, script) in scripts.iter().enumerate().skip(applied) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "user_version", number as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
