//! What single statements cost, from the extension `pg_stat_statements` where it is installed in
//! the database that is connected to: the most costly ones, and all of them together.
//!
//! The text is `pg_stat_statements`' own, with the values out; here in one line and cut at
//! [`QUERY_CHARS`]. Names are `postgres_exporter`'s, with `query` besides.

use tacho_model::Unit;

use super::client::QueryError;
use super::derived::Derived;
use super::{Session, number, plain};
use crate::emit::Family;
use crate::targets::{TargetError, Turn};

/// Characters of a statement's text that are kept.
const QUERY_CHARS: usize = 200;

static CALLS: Family = Family::counter(
    "pg_stat_statements_calls_total",
    Unit::NONE,
    "How often the statement was executed.",
);
static SECONDS: Family = Family::counter(
    "pg_stat_statements_seconds_total",
    Unit::SECONDS,
    "Time executing the statement.",
);
static ROWS: Family = Family::counter(
    "pg_stat_statements_rows_total",
    Unit::NONE,
    "Rows that it read or changed.",
);
static READ: Family = Family::counter(
    "pg_stat_statements_block_read_seconds_total",
    Unit::SECONDS,
    "Time reading blocks for it (track_io_timing).",
);
static WRITE: Family = Family::counter(
    "pg_stat_statements_block_write_seconds_total",
    Unit::SECONDS,
    "Time writing blocks for it (track_io_timing).",
);

/// Pushes the `top` most costly statements.
pub(super) fn collect(
    session: &mut Session,
    top: usize,
    derived: &mut Derived,
    turn: &mut Turn<'_>,
) -> Result<(), TargetError> {
    let installed = plain(
        session
            .client
            .query("look for pg_stat_statements", INSTALLED),
    )?;
    let Some(Some(schema)) = installed.first().and_then(|row| row.first()) else {
        return Ok(());
    };
    let asked = session.client.query(
        "read pg_stat_statements",
        &sql(schema, session.version, top),
    );
    let rows = match asked {
        Ok(rows) => rows,
        Err(QueryError::Broken(error)) => return Err(error),
        Err(QueryError::Refused(error)) => {
            // Mostly because it is not in shared_preload_libraries.
            turn.missing.push(error.to_string());
            return session.begin_again();
        }
    };
    for row in &rows {
        let text = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or("");
        let value = |at: usize| number(text(at));
        if text(2).is_empty() {
            // The row of all of them.
            derived.statements(value(4), value(5), turn);
            continue;
        }
        let labels = [
            ("datname", text(0)),
            ("user", text(1)),
            ("queryid", text(2)),
            ("query", text(3).trim()),
        ];
        for (family, at) in [
            (&CALLS, 4),
            (&SECONDS, 5),
            (&ROWS, 6),
            (&READ, 7),
            (&WRITE, 8),
        ] {
            if let Some(value) = value(at) {
                turn.emit.push(family, &labels, value);
            }
        }
    }
    Ok(())
}

const INSTALLED: &str = "SELECT quote_ident(n.nspname) FROM pg_extension e \
    JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'";

/// The query, by version: the names of its columns changed twice. A statement may be there twice,
/// by itself and inside a function.
fn sql(schema: &str, version: u32, top: usize) -> String {
    let time = match version {
        ..130_000 => "total_time",
        _ => "total_exec_time",
    };
    let block = match version {
        ..170_000 => "blk",
        _ => "shared_blk",
    };
    format!(
        "WITH s AS (SELECT dbid, userid, queryid, min(query) AS query, sum(calls) AS calls, \
         sum({time}) / 1000 AS seconds, sum(rows) AS rows, \
         sum({block}_read_time) / 1000 AS reading, sum({block}_write_time) / 1000 AS writing \
         FROM {schema}.pg_stat_statements WHERE queryid IS NOT NULL GROUP BY 1, 2, 3) \
         (SELECT d.datname, pg_get_userbyid(s.userid), s.queryid::text, \
         left(regexp_replace(s.query, '\\s+', ' ', 'g'), {QUERY_CHARS}), calls, seconds, rows, \
         reading, writing FROM s JOIN pg_database d ON d.oid = s.dbid \
         ORDER BY seconds DESC, s.queryid LIMIT {top}) \
         UNION ALL (SELECT NULL, NULL, NULL, NULL, sum(calls), sum(seconds), NULL, NULL, NULL \
         FROM s)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_by_version() {
        let check = |version, columns: [&str; 2]| {
            let sql = sql("public", version, 5);
            assert!(columns.iter().all(|column| sql.contains(column)), "{sql}");
            assert!(sql.contains("LIMIT 5"), "{sql}");
        };
        check(120_000, ["sum(total_time)", "sum(blk_read_time)"]);
        check(150_000, ["sum(total_exec_time)", "sum(blk_read_time)"]);
        check(
            170_000,
            ["sum(total_exec_time)", "sum(shared_blk_read_time)"],
        );
    }
}
