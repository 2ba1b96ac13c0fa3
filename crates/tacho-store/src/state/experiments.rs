//! Experiments: two variants against each other, from draft to stopped, with each step's time (A6).

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};
use tacho_model::Timestamp;

use super::{State, found, limits, nanos, time};
use crate::error::StoreError;

/// What the records here are called in errors.
const WHAT: &str = "experiment";

/// Where an experiment stands. It only moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExperimentState {
    /// Being written; nothing is assigned yet.
    Draft,
    /// Assigning and counting.
    Running,
    /// Over, whether it was decided or given up.
    Stopped,
}

impl ExperimentState {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Stopped => "stopped",
        }
    }
}

impl std::fmt::Display for ExperimentState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ToSql for ExperimentState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

impl FromSql for ExperimentState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let all = [Self::Draft, Self::Running, Self::Stopped];
        let text = value.as_str()?;
        let named = all.into_iter().find(|state| state.as_str() == text);
        named.ok_or(FromSqlError::InvalidType)
    }
}

/// An experiment as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    /// Its name; no two have the same.
    pub name: String,
    /// Where it stands.
    pub state: ExperimentState,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it last moved or was redefined.
    pub changed_at: Timestamp,
    /// Variants, metrics, stop rule, as the caller wrote them.
    pub definition: String,
}

/// A step of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExperimentTransition {
    /// When.
    pub time: Timestamp,
    /// What it moved to.
    pub state: ExperimentState,
    /// Why, for people.
    pub reason: String,
}

/// Stopped experiments that nobody touched since, with their steps.
pub(super) const PRUNE: &str = "DELETE FROM experiment WHERE state = 'stopped' AND changed_at < ?1";

const SELECT: &str = "SELECT name, state, created_at, changed_at, definition FROM experiment";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Experiment> {
    Ok(Experiment {
        name: row.get(0)?,
        state: row.get(1)?,
        created_at: time(row, 2)?,
        changed_at: time(row, 3)?,
        definition: row.get(4)?,
    })
}

fn by_name(connection: &Connection, name: &str) -> Result<Option<Experiment>, StoreError> {
    let sql = format!("{SELECT} WHERE name = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([name], from_row).optional()?)
}

fn held(connection: &Connection, name: &str) -> Result<Experiment, StoreError> {
    by_name(connection, name)?.ok_or_else(|| StoreError::NotFound {
        what: WHAT,
        name: name.to_owned(),
    })
}

fn add_transition(
    connection: &Connection,
    name: &str,
    at: Timestamp,
    state: ExperimentState,
    reason: &str,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO experiment_transition (experiment, time, state, reason)
               VALUES (?1, ?2, ?3, ?4)";
    let mut insert = connection.prepare_cached(sql)?;
    insert.execute(params![name, nanos(at), state, reason])?;
    Ok(())
}

impl State {
    /// Stores a draft of an experiment.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when there is one of that name.
    pub fn create_experiment(
        &self,
        name: &str,
        at: Timestamp,
        definition: &str,
    ) -> Result<(), StoreError> {
        limits::name(WHAT, name)?;
        limits::definition(WHAT, definition)?;
        self.write(|transaction| {
            if by_name(transaction, name)?.is_some() {
                let name = name.to_owned();
                return Err(StoreError::Exists { what: WHAT, name });
            }
            limits::room(transaction, WHAT, "SELECT count(*) FROM experiment")?;
            let sql = "INSERT INTO experiment (name, state, created_at, changed_at, definition)
                       VALUES (?1, ?2, ?3, ?3, ?4)";
            let draft = ExperimentState::Draft;
            let mut insert = transaction.prepare_cached(sql)?;
            insert.execute(params![name, draft, nanos(at), definition])?;
            add_transition(transaction, name, at, draft, "created")
        })
    }

    /// Replaces the definition of a draft. What runs or ran keeps the definition that its results
    /// were counted under.
    ///
    /// # Errors
    /// [`StoreError::Transition`] when it is no draft, [`StoreError::NotFound`] when there is none.
    pub fn redefine_experiment(
        &self,
        name: &str,
        at: Timestamp,
        definition: &str,
    ) -> Result<(), StoreError> {
        limits::definition(WHAT, definition)?;
        self.write(|transaction| {
            let state = held(transaction, name)?.state;
            if state != ExperimentState::Draft {
                return Err(transition(name, state, ExperimentState::Draft));
            }
            let sql = "UPDATE experiment SET definition = ?2, changed_at = ?3 WHERE name = ?1";
            let mut update = transaction.prepare_cached(sql)?;
            update.execute(params![name, definition, nanos(at)])?;
            Ok(())
        })
    }

    /// Moves an experiment on: a draft to running or stopped, a running one to stopped.
    ///
    /// # Errors
    /// [`StoreError::Transition`] when it cannot move there, [`StoreError::NotFound`] when there
    /// is none.
    pub fn move_experiment(
        &self,
        name: &str,
        at: Timestamp,
        to: ExperimentState,
        reason: &str,
    ) -> Result<(), StoreError> {
        limits::text(WHAT, "reason", reason)?;
        self.write(|transaction| {
            let from = held(transaction, name)?.state;
            if to <= from {
                return Err(transition(name, from, to));
            }
            let sql = "UPDATE experiment SET state = ?2, changed_at = ?3 WHERE name = ?1";
            let mut update = transaction.prepare_cached(sql)?;
            update.execute(params![name, to, nanos(at)])?;
            add_transition(transaction, name, at, to, reason)
        })
    }

    /// The experiment of that name; `None` when there is none.
    pub fn experiment(&self, name: &str) -> Result<Option<Experiment>, StoreError> {
        self.read(|connection| by_name(connection, name))
    }

    /// All experiments by name, or those that stand somewhere.
    pub fn experiments(
        &self,
        state: Option<ExperimentState>,
    ) -> Result<Vec<Experiment>, StoreError> {
        self.read(|connection| {
            let sql = format!("{SELECT} WHERE ?1 IS NULL OR state = ?1 ORDER BY name");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([state], from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The steps of an experiment, the oldest first.
    pub fn experiment_transitions(
        &self,
        name: &str,
    ) -> Result<Vec<ExperimentTransition>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT time, state, reason FROM experiment_transition
                 WHERE experiment = ?1 ORDER BY id",
            )?;
            let rows = statement.query_map([name], |row| {
                Ok(ExperimentTransition {
                    time: time(row, 0)?,
                    state: row.get(1)?,
                    reason: row.get(2)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Removes an experiment and its steps.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none.
    pub fn delete_experiment(&self, name: &str) -> Result<(), StoreError> {
        self.write(|transaction| {
            let sql = "DELETE FROM experiment WHERE name = ?1";
            found(
                transaction.prepare_cached(sql)?.execute([name])?,
                WHAT,
                name,
            )
        })
    }
}

fn transition(name: &str, from: ExperimentState, to: ExperimentState) -> StoreError {
    StoreError::Transition {
        name: name.to_owned(),
        from: from.as_str(),
        to: to.as_str(),
    }
}
