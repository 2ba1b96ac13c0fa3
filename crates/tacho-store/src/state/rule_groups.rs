//! Rule groups that were put at run time, and up to when each group was evaluated.
//!
//! Times are written rarely and together: what a crash loses of them is evaluated again, with the
//! same result.

use rusqlite::params;
use tacho_model::Timestamp;

use super::{State, found, limits, nanos, time};
use crate::error::StoreError;

/// What the records here are called in errors.
const WHAT: &str = "rule group";

/// A rule group that was put at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleGroup {
    /// Its name; no two have the same.
    pub name: String,
    /// When it was put.
    pub changed_at: Timestamp,
    /// Its rules, as the caller wrote them.
    pub definition: String,
}

impl State {
    /// Puts a group, in place of the one of its name.
    pub fn put_rule_group(&self, group: &RuleGroup) -> Result<(), StoreError> {
        limits::name(WHAT, &group.name)?;
        limits::body(WHAT, &group.definition)?;
        self.write(|transaction| {
            let others = "SELECT count(*) FROM rule_group";
            limits::room(transaction, WHAT, others)?;
            let sql = "INSERT INTO rule_group (name, changed_at, definition) VALUES (?1, ?2, ?3)
                       ON CONFLICT DO UPDATE
                       SET changed_at = excluded.changed_at, definition = excluded.definition";
            let (name, at, text) = (&group.name, nanos(group.changed_at), &group.definition);
            transaction
                .prepare_cached(sql)?
                .execute(params![name, at, text])?;
            Ok(())
        })
    }

    /// Removes a group.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none.
    pub fn delete_rule_group(&self, name: &str) -> Result<(), StoreError> {
        self.write(|transaction| {
            let sql = "DELETE FROM rule_group WHERE name = ?1";
            found(
                transaction.prepare_cached(sql)?.execute([name])?,
                WHAT,
                name,
            )
        })
    }

    /// All groups by name.
    pub fn rule_groups(&self) -> Result<Vec<RuleGroup>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT name, changed_at, definition FROM rule_group ORDER BY name";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                Ok(RuleGroup {
                    name: row.get(0)?,
                    changed_at: time(row, 1)?,
                    definition: row.get(2)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Says up to when each group was evaluated, in place of all that was said before.
    pub fn put_rule_slots(&self, slots: &[(String, Timestamp)]) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM rule_group_slot", [])?;
            let sql = "INSERT OR REPLACE INTO rule_group_slot (rule_group, time) VALUES (?1, ?2)";
            let mut statement = transaction.prepare_cached(sql)?;
            for (group, at) in slots {
                statement.execute(params![group, nanos(*at)])?;
            }
            Ok(())
        })
    }

    /// Up to when each group was evaluated.
    pub fn rule_slots(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT rule_group, time FROM rule_group_slot ORDER BY rule_group";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, time(row, 1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_put_replaced_listed_and_removed() {
        let state = State::in_memory().unwrap();
        let put = |name: &str, at: i64, definition: &str| {
            let group = RuleGroup {
                name: name.to_owned(),
                changed_at: Timestamp::from_secs(at),
                definition: definition.to_owned(),
            };
            state.put_rule_group(&group)
        };
        put("b", 1, "old").unwrap();
        put("a", 2, "a").unwrap();
        put("b", 3, "new").unwrap();
        assert!(put("", 4, "x").is_err());
        let groups = state.rule_groups().unwrap();
        let shown: Vec<_> = groups
            .iter()
            .map(|g| (g.name.as_str(), g.changed_at, g.definition.as_str()))
            .collect();
        let at = Timestamp::from_secs;
        assert_eq!(shown, [("a", at(2), "a"), ("b", at(3), "new")]);
        state.delete_rule_group("a").unwrap();
        let again = state.delete_rule_group("a");
        assert!(matches!(again, Err(StoreError::NotFound { .. })));
        assert_eq!(state.rule_groups().unwrap().len(), 1);
    }

    #[test]
    fn the_last_word_on_slots_stands_for_all() {
        let state = State::in_memory().unwrap();
        let slot = |name: &str, at| (name.to_owned(), Timestamp::from_secs(at));
        state.put_rule_slots(&[slot("a", 1), slot("b", 2)]).unwrap();
        state.put_rule_slots(&[slot("b", 3)]).unwrap();
        assert_eq!(state.rule_slots().unwrap(), [slot("b", 3)]);
    }
}
