//! Recording rules: Prometheus' rule groups from files, built in, and put at run time.
//!
//! In reading order: `group`, what is evaluated; `file`, how it is written; `load`, where; `schedule`, when;
//! `evaluate`, one slot of one group; `follow`, the task of a group, and the one above them all;
//! `status`, how it goes. `builtin.yml` has the names that are derived for everybody.
//!
//! 1. Slots of a group are evaluated in their order, each once while the clock goes forward; those
//!    missed are made good, as far back as `rules.catch_up`.
//! 2. Groups are told apart by where they stand and their name.
//! 3. What is put at run time is in the state records before it is evaluated.
//!
//! Alerting rules are checked, kept and listed, not evaluated. Not for the alert rules of
//! `tacho.yaml`, which are [`crate::alerting`]'s.

mod evaluate;
pub mod file;
mod follow;
pub mod group;
pub mod load;
pub mod schedule;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tacho_model::Timestamp;
use tacho_store::state::RuleGroup;
use tacho_store::{Store, StoreError};
use tokio::sync::{Notify, Semaphore};

pub use self::evaluate::RuleError;
use self::file::{Reading, RuleFileError};
pub(crate) use self::follow::run;
use self::follow::{Entry, Retired};
use self::group::{Group, Key, Origin};
pub use self::status::{GroupStatus, Health, RuleStatus};
use crate::settings::RuleSettings;

/// The derived names that everybody has, as a Prometheus rule file.
pub const BUILTIN: &str = include_str!("rules/builtin.yml");
/// How often a group is evaluated that does not say, where nothing is configured.
pub const INTERVAL: Duration = Duration::from_mins(1);
/// How far back missed slots are made good, where nothing is configured.
pub const CATCH_UP: Duration = Duration::from_hours(1);
/// Most slots that are evaluated at a time, of different groups.
pub(crate) const AT_ONCE: usize = 2;
/// Most groups in all.
pub const GROUPS_MAX: usize = 2000;

/// The groups and how they go.
#[derive(Debug)]
pub struct Rules {
    groups: Mutex<BTreeMap<Key, Arc<Entry>>>,
    /// Who puts or removes a group holds this while records are written, and `groups` only before
    /// and after: the sampler, which reads them, waits for no disk.
    changing: Mutex<()>,
    /// Wakes the task above all groups when there are others.
    changed: Notify,
    /// Slots of groups wait here for each other, the first come first.
    turns: Arc<Semaphore>,
    interval: Duration,
    catch_up: Duration,
}

/// Why a group cannot be put or removed.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// It is not valid.
    #[error(transparent)]
    Content(#[from] RuleFileError),
    /// It is called otherwise than it is put.
    #[error("the group is named {found:?}, and is put as {expected:?}")]
    Named {
        /// What it is called.
        found: String,
        /// As what it was put.
        expected: String,
    },
    /// Another one of its name was not put at run time.
    #[error("a group named {name:?} stands in {origin}; change it there, or choose another name")]
    Taken {
        /// Its name.
        name: String,
        /// Where it stands.
        origin: String,
    },
    /// There is none of that name that was put at run time.
    #[error("no rule group named {name:?} was put at run time")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// There are as many as may be.
    #[error("there are {GROUPS_MAX} rule groups already")]
    Full,
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The built-in groups.
///
/// # Errors
/// Never, as long as the file in this program is valid, which a test sees to.
pub fn builtin() -> Result<Vec<Group>, RuleFileError> {
    let reading = Reading {
        origin: Origin::Builtin,
        interval: INTERVAL,
    };
    reading.file(BUILTIN)
}

impl Rules {
    /// The configured groups, and those that were put at run time.
    pub fn new(settings: &RuleSettings, store: &Store) -> Self {
        let rules = Self {
            groups: Mutex::default(),
            changing: Mutex::default(),
            changed: Notify::new(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            interval: settings.evaluation_interval,
            catch_up: settings.catch_up,
        };
        let kept = rules.kept(store);
        let slots = store.state().rule_slots().unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "up to when rules were evaluated could not be read");
            Vec::new()
        });
        let slots: BTreeMap<String, Timestamp> = slots.into_iter().collect();
        for group in settings.groups.iter().cloned().chain(kept) {
            let last = slots.get(&group.identity()).copied();
            let entry = Entry::new(group, last, None);
            let key = entry.group.key();
            rules.groups.lock().insert(key, Arc::new(entry));
        }
        rules
    }

    /// The groups that were put at run time. One that this program does not understand is left
    /// where it is, and said.
    fn kept(&self, store: &Store) -> Vec<Group> {
        let kept = store.state().rule_groups().unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "rule groups that were put could not be read");
            Vec::new()
        });
        let read = |kept: &RuleGroup| match self.reading().one(&kept.definition) {
            Ok(group) => Some(group),
            Err(error) => {
                tracing::error!(
                    group = kept.name,
                    "a rule group that was put is not evaluated: {error}"
                );
                None
            }
        };
        kept.iter().filter_map(read).collect()
    }

    fn reading(&self) -> Reading {
        Reading {
            origin: Origin::Api,
            interval: self.interval,
        }
    }

    /// How all groups go, by where they stand and their names.
    pub fn status(&self) -> Vec<GroupStatus> {
        let groups = self.groups.lock();
        groups.values().map(|entry| entry.shown().clone()).collect()
    }

    /// Puts a group, in place of the one that was put under its name; whether there was one.
    /// Writes state records.
    pub fn put(
        &self,
        store: &Store,
        name: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<(GroupStatus, bool), RulesError> {
        let group = self.reading().one(text)?;
        if group.name != name {
            return Err(RulesError::Named {
                found: group.name,
                expected: name.to_owned(),
            });
        }
        let key = group.key();
        let _changing = self.changing.lock();
        self.has_room(&key)?;
        store.state().put_rule_group(&RuleGroup {
            name: name.to_owned(),
            changed_at: now,
            definition: group.definition().to_string(),
        })?;
        let mut groups = self.groups.lock();
        let before = groups.remove(&key);
        let is_replaced = before.is_some();
        if let Some(before) = &before {
            before.retire(Retired::Replaced);
        }
        let entry = Arc::new(Entry::new(group, None, before));
        let status = entry.shown().clone();
        groups.insert(key, entry);
        self.changed.notify_one();
        Ok((status, is_replaced))
    }

    /// Whether a group may be put under that key.
    fn has_room(&self, key: &Key) -> Result<(), RulesError> {
        let groups = self.groups.lock();
        let mut others = groups.keys().filter(|other| other.0 != Origin::Api);
        if let Some((origin, name)) = others.find(|other| other.1 == key.1) {
            return Err(RulesError::Taken {
                name: name.clone(),
                origin: origin.as_str().to_owned(),
            });
        }
        if !groups.contains_key(key) && groups.len() >= GROUPS_MAX {
            return Err(RulesError::Full);
        }
        Ok(())
    }

    /// Removes a group that was put at run time. Writes state records.
    pub fn delete(&self, store: &Store, name: &str) -> Result<(), RulesError> {
        let unknown = || RulesError::Unknown {
            name: name.to_owned(),
        };
        let _changing = self.changing.lock();
        match store.state().delete_rule_group(name) {
            Err(StoreError::NotFound { .. }) => return Err(unknown()),
            other => other?,
        }
        // One that was not understood is kept and has no entry.
        let key = (Origin::Api, name.to_owned());
        if let Some(entry) = self.groups.lock().remove(&key) {
            entry.retire(Retired::Removed);
        }
        Ok(())
    }

    /// Says once what is not done yet.
    fn tell(&self) {
        let alerting = |entry: &Arc<Entry>| entry.group.alerting();
        let alerting: usize = self.groups.lock().values().map(alerting).sum();
        if alerting > 0 {
            tracing::warn!(
                "{alerting} alerting rules are kept and listed, and not evaluated yet; alert rules \
                 of tacho.yaml are"
            );
        }
    }

    /// Keeps up to when each group was evaluated. Writes state records.
    fn keep_slots(&self, store: &Store) {
        let slots = |entry: &Arc<Entry>| Some((entry.group.identity(), entry.last()?));
        let slots: Vec<_> = self.groups.lock().values().filter_map(slots).collect();
        if let Err(error) = store.state().put_rule_slots(&slots) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "up to when rules were evaluated is not kept");
        }
    }
}

#[cfg(test)]
mod tests;
