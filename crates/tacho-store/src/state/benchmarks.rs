//! Benchmarks: how fast services were, under a name, with every comparison made since (K5).

use rusqlite::{Connection, OptionalExtension, Row, params};
use tacho_model::{TimeRange, Timestamp};

use super::{State, found, limit_of, limits, nanos, time};
use crate::error::StoreError;

/// What the records here are called in errors.
const WHAT: &str = "benchmark";
/// Most services that one benchmark covers.
const SERVICES_MAX: usize = 1_000;

/// A named measurement of some services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Benchmark {
    /// Its name; no two have the same.
    pub name: String,
    /// When it was stored.
    pub created_at: Timestamp,
    /// What was measured.
    pub window: TimeRange,
    /// The services that were measured, sorted; none means all that there were.
    pub services: Vec<String>,
    /// Statistics of each metric, as the caller wrote them.
    pub body: String,
}

/// One comparison of a later time with a benchmark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BenchmarkComparison {
    /// Set by [`State::push_benchmark_comparison`].
    pub id: i64,
    /// The benchmark's name.
    pub benchmark: String,
    /// When it was compared.
    pub compared_at: Timestamp,
    /// What was compared with it.
    pub window: TimeRange,
    /// `improved`, `degraded`, `stable`, `inconclusive`: the caller's word for all of it.
    pub answer: String,
    /// The verdicts, as the caller wrote them.
    pub body: String,
}

/// Comparisons that are too old; benchmarks stay until they are deleted.
pub(super) const PRUNE: &str = "DELETE FROM benchmark_comparison WHERE compared_at < ?1";

const SELECT: &str = "SELECT name, created_at, window_start, window_end, body FROM benchmark";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Benchmark> {
    Ok(Benchmark {
        name: row.get(0)?,
        created_at: time(row, 1)?,
        window: TimeRange::new(time(row, 2)?, time(row, 3)?),
        services: Vec::new(),
        body: row.get(4)?,
    })
}

fn comparison_from_row(row: &Row<'_>) -> rusqlite::Result<BenchmarkComparison> {
    Ok(BenchmarkComparison {
        id: row.get(0)?,
        benchmark: row.get(1)?,
        compared_at: time(row, 2)?,
        window: TimeRange::new(time(row, 3)?, time(row, 4)?),
        answer: row.get(5)?,
        body: row.get(6)?,
    })
}

fn add_services(connection: &Connection, benchmark: &mut Benchmark) -> rusqlite::Result<()> {
    let sql = "SELECT service FROM benchmark_service WHERE benchmark = ?1 ORDER BY service";
    let mut statement = connection.prepare_cached(sql)?;
    let services = statement.query_map([&benchmark.name], |row| row.get(0))?;
    benchmark.services = services.collect::<Result<_, _>>()?;
    Ok(())
}

fn exists(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM benchmark WHERE name = ?1")?
        .exists([name])
}

impl State {
    /// Stores a benchmark.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when there is one of that name.
    pub fn create_benchmark(&self, benchmark: &Benchmark) -> Result<(), StoreError> {
        let Benchmark { name, window, .. } = benchmark;
        limits::name(WHAT, name)?;
        limits::body(WHAT, &benchmark.body)?;
        if benchmark.services.len() > SERVICES_MAX {
            let reason = format!("it covers more than {SERVICES_MAX} services");
            return Err(StoreError::Invalid { what: WHAT, reason });
        }
        for service in &benchmark.services {
            limits::name(WHAT, service)?;
        }
        self.write(|transaction| {
            if exists(transaction, name)? {
                let name = name.clone();
                return Err(StoreError::Exists { what: WHAT, name });
            }
            limits::room(transaction, WHAT, "SELECT count(*) FROM benchmark")?;
            let sql = "INSERT INTO benchmark (name, created_at, window_start, window_end, body)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            transaction.prepare_cached(sql)?.execute(params![
                name,
                nanos(benchmark.created_at),
                nanos(window.start),
                nanos(window.end),
                benchmark.body
            ])?;
            let sql =
                "INSERT OR IGNORE INTO benchmark_service (benchmark, service) VALUES (?1, ?2)";
            let mut insert = transaction.prepare_cached(sql)?;
            for service in &benchmark.services {
                insert.execute([name, service])?;
            }
            Ok(())
        })
    }

    /// The benchmark of that name; `None` when there is none.
    pub fn benchmark(&self, name: &str) -> Result<Option<Benchmark>, StoreError> {
        self.read(|connection| {
            let sql = format!("{SELECT} WHERE name = ?1");
            let mut statement = connection.prepare_cached(&sql)?;
            let mut benchmark = statement.query_row([name], from_row).optional()?;
            if let Some(benchmark) = &mut benchmark {
                add_services(connection, benchmark)?;
            }
            Ok(benchmark)
        })
    }

    /// All benchmarks by name, or those that cover a service.
    pub fn benchmarks(&self, service: Option<&str>) -> Result<Vec<Benchmark>, StoreError> {
        self.read(|connection| {
            let sql = format!(
                "{SELECT} WHERE ?1 IS NULL
                 OR name IN (SELECT benchmark FROM benchmark_service WHERE service = ?1)
                 ORDER BY name"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([service], from_row)?;
            let mut benchmarks = rows.collect::<Result<Vec<_>, _>>()?;
            for benchmark in &mut benchmarks {
                add_services(connection, benchmark)?;
            }
            Ok(benchmarks)
        })
    }

    /// Removes a benchmark and what was compared with it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none.
    pub fn delete_benchmark(&self, name: &str) -> Result<(), StoreError> {
        self.write(|transaction| {
            let sql = "DELETE FROM benchmark WHERE name = ?1";
            found(
                transaction.prepare_cached(sql)?.execute([name])?,
                WHAT,
                name,
            )
        })
    }

    /// Stores a comparison; its id. The comparison's own `id` is ignored.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such benchmark.
    pub fn push_benchmark_comparison(
        &self,
        comparison: &BenchmarkComparison,
    ) -> Result<i64, StoreError> {
        let what = "benchmark comparison";
        limits::text(what, "answer", &comparison.answer)?;
        limits::body(what, &comparison.body)?;
        self.write(|transaction| {
            let name = &comparison.benchmark;
            found(exists(transaction, name)?.into(), WHAT, name)?;
            let sql = "INSERT INTO benchmark_comparison
                       (benchmark, compared_at, window_start, window_end, answer, body)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let window = comparison.window;
            transaction.prepare_cached(sql)?.execute(params![
                name,
                nanos(comparison.compared_at),
                nanos(window.start),
                nanos(window.end),
                comparison.answer,
                comparison.body
            ])?;
            Ok(transaction.last_insert_rowid())
        })
    }

    /// What was compared with a benchmark, the newest first.
    pub fn benchmark_comparisons(
        &self,
        name: &str,
        limit: usize,
    ) -> Result<Vec<BenchmarkComparison>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, benchmark, compared_at, window_start, window_end, answer, body
                 FROM benchmark_comparison WHERE benchmark = ?1
                 ORDER BY compared_at DESC, id DESC LIMIT ?2",
            )?;
            let rows = statement.query_map(params![name, limit_of(limit)], comparison_from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}
