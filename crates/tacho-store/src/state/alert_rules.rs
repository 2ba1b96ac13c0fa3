//! Alert rules that were set at run time, and who changed what when (F3).
//!
//! A rule is its newest revision, unless that one deleted it; so the history cannot disagree with
//! the rule, and a rule that is created again goes on counting.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};
use tacho_model::Timestamp;

use super::{State, limit_of, limits, nanos, time};
use crate::error::StoreError;

/// What the records here are called in errors.
const WHAT: &str = "alert rule";

/// What a revision did to its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlertRuleChange {
    /// There was none of that name.
    Created,
    /// Another definition.
    Redefined,
    /// Switched on, with the definition it had.
    Enabled,
    /// Switched off, with the definition it had.
    Disabled,
    /// Removed; the revision keeps the definition it had.
    Deleted,
}

impl AlertRuleChange {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Redefined => "redefined",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }
}

impl ToSql for AlertRuleChange {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

impl FromSql for AlertRuleChange {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let all = [
            Self::Created,
            Self::Redefined,
            Self::Enabled,
            Self::Disabled,
            Self::Deleted,
        ];
        let text = value.as_str()?;
        let named = all.into_iter().find(|change| change.as_str() == text);
        named.ok_or(FromSqlError::InvalidType)
    }
}

/// A rule as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRule {
    /// Its name; no two have the same.
    pub name: String,
    /// Counts its changes from 1.
    pub revision: u32,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// Who changed it last.
    pub author: String,
    /// Whether it is evaluated.
    pub enabled: bool,
    /// Metric, condition, window and the rest, as the caller wrote them.
    pub definition: String,
}

/// One change of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRuleRevision {
    /// What was done.
    pub change: AlertRuleChange,
    /// The rule since then; for a deleted one, as it last was.
    pub rule: AlertRule,
}

/// Revisions that a newer one replaced, and of deleted rules the last one too, unless an older one
/// stays (the clock was set back): that one would come back to life.
pub(super) const PRUNE: &str = "DELETE FROM alert_rule AS it WHERE time < ?1 AND (
     EXISTS (SELECT 1 FROM alert_rule WHERE name = it.name AND revision > it.revision)
     OR change = 'deleted' AND NOT EXISTS
     (SELECT 1 FROM alert_rule WHERE name = it.name AND time >= ?1))";

const COLUMNS: &str = "name, revision, time, author, enabled, definition, change";
/// Ends a query for rules as they stand.
const CURRENT: &str = "change <> 'deleted' AND NOT EXISTS
     (SELECT 1 FROM alert_rule WHERE name = rule.name AND revision > rule.revision)";

fn from_row(row: &Row<'_>) -> rusqlite::Result<AlertRuleRevision> {
    Ok(AlertRuleRevision {
        change: row.get(6)?,
        rule: AlertRule {
            name: row.get(0)?,
            revision: row.get(1)?,
            changed_at: time(row, 2)?,
            author: row.get(3)?,
            enabled: row.get(4)?,
            definition: row.get(5)?,
        },
    })
}

fn newest(connection: &Connection, name: &str) -> Result<Option<AlertRuleRevision>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM alert_rule WHERE name = ?1 ORDER BY revision DESC LIMIT 1");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([name], from_row).optional()?)
}

fn current(connection: &Connection, name: &str) -> Result<Option<AlertRule>, StoreError> {
    let newest = newest(connection, name)?;
    let standing = newest.filter(|revision| revision.change != AlertRuleChange::Deleted);
    Ok(standing.map(|revision| revision.rule))
}

fn push(connection: &Connection, revision: &AlertRuleRevision) -> Result<(), StoreError> {
    let AlertRuleRevision { change, rule } = revision;
    let sql = format!("INSERT INTO alert_rule ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    connection.prepare_cached(&sql)?.execute(params![
        rule.name,
        rule.revision,
        nanos(rule.changed_at),
        rule.author,
        rule.enabled,
        rule.definition,
        change
    ])?;
    Ok(())
}

impl State {
    /// Creates a rule, or gives it another definition or switch; its revision. Where nothing
    /// differs from how it stands, nothing is stored.
    pub fn put_alert_rule(
        &self,
        name: &str,
        definition: &str,
        enabled: bool,
        author: &str,
        at: Timestamp,
    ) -> Result<u32, StoreError> {
        limits::name(WHAT, name)?;
        limits::definition(WHAT, definition)?;
        limits::text(WHAT, "author", author)?;
        self.write(|transaction| {
            let before = newest(transaction, name)?;
            let change = match &before {
                None => AlertRuleChange::Created,
                Some(b) if b.change == AlertRuleChange::Deleted => AlertRuleChange::Created,
                Some(b) if b.rule.definition != definition => AlertRuleChange::Redefined,
                Some(b) if b.rule.enabled == enabled => return Ok(b.rule.revision),
                Some(_) if enabled => AlertRuleChange::Enabled,
                Some(_) => AlertRuleChange::Disabled,
            };
            if change == AlertRuleChange::Created {
                let count = format!("SELECT count(*) FROM alert_rule AS rule WHERE {CURRENT}");
                limits::room(transaction, WHAT, &count)?;
            }
            let rule = AlertRule {
                name: name.to_owned(),
                revision: before.map_or(0, |b| b.rule.revision) + 1,
                changed_at: at,
                author: author.to_owned(),
                enabled,
                definition: definition.to_owned(),
            };
            let revision = rule.revision;
            push(transaction, &AlertRuleRevision { change, rule })?;
            Ok(revision)
        })
    }

    /// Switches a rule on or off; its revision.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none.
    pub fn enable_alert_rule(
        &self,
        name: &str,
        enabled: bool,
        author: &str,
        at: Timestamp,
    ) -> Result<u32, StoreError> {
        limits::text(WHAT, "author", author)?;
        let change = if enabled {
            AlertRuleChange::Enabled
        } else {
            AlertRuleChange::Disabled
        };
        self.revise(name, change, author, at)
    }

    /// Removes a rule; its history stays until it is pruned.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none.
    pub fn delete_alert_rule(
        &self,
        name: &str,
        author: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        limits::text(WHAT, "author", author)?;
        self.revise(name, AlertRuleChange::Deleted, author, at)?;
        Ok(())
    }

    /// Adds a revision that keeps the definition.
    fn revise(
        &self,
        name: &str,
        change: AlertRuleChange,
        author: &str,
        at: Timestamp,
    ) -> Result<u32, StoreError> {
        self.write(|transaction| {
            let Some(mut rule) = current(transaction, name)? else {
                let name = name.to_owned();
                return Err(StoreError::NotFound { what: WHAT, name });
            };
            let enabled = match change {
                AlertRuleChange::Enabled => true,
                AlertRuleChange::Disabled => false,
                _ => rule.enabled,
            };
            if enabled == rule.enabled && change != AlertRuleChange::Deleted {
                return Ok(rule.revision);
            }
            rule.revision += 1;
            rule.enabled = enabled;
            rule.changed_at = at;
            author.clone_into(&mut rule.author);
            let revision = rule.revision;
            push(transaction, &AlertRuleRevision { change, rule })?;
            Ok(revision)
        })
    }

    /// The rule of that name; `None` when there is none.
    pub fn alert_rule(&self, name: &str) -> Result<Option<AlertRule>, StoreError> {
        self.read(|connection| current(connection, name))
    }

    /// All rules by name, those that are switched off among them.
    pub fn alert_rules(&self) -> Result<Vec<AlertRule>, StoreError> {
        self.read(|connection| {
            let sql =
                format!("SELECT {COLUMNS} FROM alert_rule AS rule WHERE {CURRENT} ORDER BY name");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([], |row| from_row(row).map(|r| r.rule))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// What was done to a rule, the newest first; also of one that was deleted.
    pub fn alert_rule_history(
        &self,
        name: &str,
        limit: usize,
    ) -> Result<Vec<AlertRuleRevision>, StoreError> {
        self.read(|connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM alert_rule WHERE name = ?1 ORDER BY revision DESC LIMIT ?2"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![name, limit_of(limit)], from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}
