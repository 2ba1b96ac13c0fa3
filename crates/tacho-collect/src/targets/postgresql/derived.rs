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
    statements: Statements,
}

/// What all statements add up to. `pg_stat_statements` forgets those that are rare, and all of them
/// at a reset: its sum falls then, and what it gained in that run is not known.
#[derive(Debug, Default)]
struct Statements {
    /// Calls and seconds, as the extension's sum was at the run before.
    before: Option<(f64, f64)>,
    /// Calls that were told; never falls.
    calls: f64,
}

impl Statements {
    /// Takes the sums of a run; the mean time of a statement since the run before, in milliseconds,
    /// where it is known.
    fn note(&mut self, calls: f64, seconds: f64) -> Option<f64> {
        let Some((calls_before, seconds_before)) = self.before.replace((calls, seconds)) else {
            self.calls = calls;
            return None;
        };
        let (more, took) = (calls - calls_before, seconds - seconds_before);
        self.calls += more.max(0.0);
        (more > 0.0 && took >= 0.0).then(|| 1e3 * took / more)
    }
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
        let Some((calls, seconds)) = calls.zip(seconds) else {
            return;
        };
        let latency = self.statements.note(calls, seconds);
        turn.emit.push(&QUERIES, &SOURCE, self.statements.calls);
        if let Some(latency) = latency {
            turn.emit.push(&LATENCY, &SOURCE, latency);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_of_statements_never_falls() {
        let mut statements = Statements::default();
        let mut told = Vec::new();
        // Two go on, some are forgotten, then all.
        for (calls, seconds) in [
            (100.0, 1.0),
            (110.0, 1.5),
            (60.0, 0.9),
            (61.0, 0.9),
            (5.0, 0.1),
        ] {
            let latency = statements.note(calls, seconds);
            told.push((statements.calls, latency));
        }
        assert_eq!(
            told,
            [
                (100.0, None),
                (110.0, Some(50.0)),
                (110.0, None),
                (111.0, Some(0.0)),
                (111.0, None),
            ]
        );
    }
}
