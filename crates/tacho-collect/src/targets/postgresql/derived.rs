//! What people ask of any database, from PostgreSQL's totals: with the label `source="database"` in
//! place of `job`.
//!
//! A rate needs two runs; after a reset of the statistics there is none until the next run. How
//! long statements take, and how many there were, is known only with `pg_stat_statements`.

use tacho_model::{Timestamp, Unit};

use super::client::QueryError;
use super::{Session, number};
use crate::emit::Family;
use crate::targets::{TargetError, Turn};

static POOL: Family = Family::gauge(
    "connection_pool_size",
    Unit::NONE,
    "Connections to all databases.",
);
static TRANSACTIONS: Family = Family::gauge(
    "transaction_rate",
    Unit::of("1/s"),
    "Transactions that ended a second.",
);
static QUERIES: Family =
    Family::counter("query_count", Unit::NONE, "Statements that were executed.");
static LATENCY: Family = Family::gauge(
    "query_latency_ms",
    Unit::of("ms"),
    "How long a statement took, on the average since the run before.",
);
const SOURCE: [(&str, &str); 2] = [("source", "database"), ("job", "")];

/// The totals of the run before.
#[derive(Debug, Default)]
pub(super) struct Derived {
    transactions: Option<(Timestamp, f64)>,
    statements: Option<(f64, f64)>,
}

impl Derived {
    /// Connections and transactions.
    pub(super) fn database(
        &mut self,
        session: &mut Session,
        turn: &mut Turn<'_>,
    ) -> Result<(), TargetError> {
        let sql = "SELECT sum(numbackends), sum(xact_commit + xact_rollback) FROM pg_stat_database";
        let rows = match session.client.query("add up pg_stat_database", sql) {
            Ok(rows) => rows,
            Err(QueryError::Broken(error)) => return Err(error),
            Err(QueryError::Refused(error)) => {
                turn.missing.push(error.to_string());
                return session.begin_again();
            }
        };
        let value = |at: usize| rows.first()?.get(at)?.as_deref().and_then(number);
        if let Some(connections) = value(0) {
            turn.emit.push(&POOL, &SOURCE, connections);
        }
        let now = turn.emit.now();
        let total = value(1).map(|total| (now, total));
        let before = std::mem::replace(&mut self.transactions, total);
        if let (Some((then, before)), Some((_, total))) = (before, total) {
            let seconds = now.since(then).as_secs_f64();
            if seconds > 0.0 && total >= before {
                turn.emit
                    .push(&TRANSACTIONS, &SOURCE, (total - before) / seconds);
            }
        }
        Ok(())
    }

    /// All statements: how many, and how long they took.
    pub(super) fn statements(
        &mut self,
        calls: Option<f64>,
        seconds: Option<f64>,
        turn: &mut Turn<'_>,
    ) {
        let total = calls.zip(seconds);
        let before = std::mem::replace(&mut self.statements, total);
        let Some((calls, seconds)) = total else {
            return;
        };
        turn.emit.push(&QUERIES, &SOURCE, calls);
        if let Some((calls_before, seconds_before)) = before
            && calls > calls_before
            && seconds >= seconds_before
        {
            let latency = 1e3 * (seconds - seconds_before) / (calls - calls_before);
            turn.emit.push(&LATENCY, &SOURCE, latency);
        }
    }
}
