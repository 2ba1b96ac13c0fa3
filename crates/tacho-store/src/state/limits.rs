//! How large records may be, and how many of a kind there may be.
//!
//! At a limit the record is refused whole; nothing is cut.

use rusqlite::Connection;

use crate::error::StoreError;

/// Longest name of a record, in bytes.
pub const NAME_BYTES_MAX: usize = 200;
/// Longest text for people, such as a comment, a title or an author, in bytes.
pub const TEXT_BYTES_MAX: usize = 4 << 10;
/// Longest definition that somebody wrote: of a rule, an experiment, a silence's matchers.
pub const DEFINITION_BYTES_MAX: usize = 64 << 10;
/// Longest body that was measured or made: of a baseline, a benchmark, a report.
pub const BODY_BYTES_MAX: usize = 32 << 20;
/// Most benchmarks, experiments, alert rules and silences, of each kind.
pub const RECORDS_MAX: usize = 10_000;

/// Refuses a name that is empty, too long, or would garble a terminal.
pub(super) fn name(what: &'static str, name: &str) -> Result<(), StoreError> {
    if name.is_empty() || name.chars().any(char::is_control) {
        let reason = "its name is empty or has control characters".to_owned();
        return Err(StoreError::Invalid { what, reason });
    }
    at_most(what, "name", name, NAME_BYTES_MAX)
}

/// Refuses a text for people that is too long.
pub(super) fn text(what: &'static str, field: &str, text: &str) -> Result<(), StoreError> {
    at_most(what, field, text, TEXT_BYTES_MAX)
}

/// Refuses a definition that is too long.
pub(super) fn definition(what: &'static str, text: &str) -> Result<(), StoreError> {
    at_most(what, "definition", text, DEFINITION_BYTES_MAX)
}

/// Refuses a body that is too long.
pub(super) fn body(what: &'static str, text: &str) -> Result<(), StoreError> {
    at_most(what, "body", text, BODY_BYTES_MAX)
}

fn at_most(what: &'static str, field: &str, text: &str, limit: usize) -> Result<(), StoreError> {
    if text.len() <= limit {
        return Ok(());
    }
    let bytes = text.len();
    let reason = format!("its {field} has {bytes} bytes, at most {limit} are kept");
    Err(StoreError::Invalid { what, reason })
}

/// Refuses one more record when `count`, a query, says that there are enough.
pub(super) fn room(
    connection: &Connection,
    what: &'static str,
    count: &str,
) -> Result<(), StoreError> {
    let held: i64 = connection
        .prepare_cached(count)?
        .query_row([], |row| row.get(0))?;
    if held.unsigned_abs() < RECORDS_MAX as u64 {
        return Ok(());
    }
    let limit = RECORDS_MAX;
    Err(StoreError::Full { what, limit })
}
