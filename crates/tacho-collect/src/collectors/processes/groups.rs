//! Processes of one name, added up, at bounded cardinality.
//!
//! Invariants:
//! 1. at most [`GROUPS_MAX`] names are shown within an hour; what is not shown is in `other`;
//! 2. the CPU of each scan is in exactly one group's counter, so that rates add up to the whole;
//! 3. a group's counter never falls: it adds up what its processes used between scans, whether
//!    they live on or not. After an hour out of sight it starts again from zero.
//!
//! A group stays shown for [`LINGER`] after it was last among the top, so that charts do not
//! flicker.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use tacho_model::Timestamp;

/// Most names that are shown within an hour.
pub const GROUPS_MAX: usize = 100;
/// How long a group stays shown after it left the top.
pub const LINGER: Duration = Duration::from_mins(1);
/// How long a name counts against [`GROUPS_MAX`], and keeps its counter.
const MEMORY: Duration = Duration::from_hours(1);
/// What all that is not shown is called.
pub const OTHER: &str = "other";

/// What the processes of one name use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU ticks since the scan before.
    pub cpu_ticks: u64,
    /// Memory held, in bytes.
    pub resident_bytes: u64,
    /// Processes.
    pub processes: u64,
}

impl Usage {
    /// Adds another.
    pub fn add(&mut self, other: Self) {
        self.cpu_ticks = self.cpu_ticks.saturating_add(other.cpu_ticks);
        self.resident_bytes = self.resident_bytes.saturating_add(other.resident_bytes);
        self.processes = self.processes.saturating_add(other.processes);
    }
}

/// A group that is shown now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// CPU ticks since it was first shown.
    pub total_ticks: u64,
    /// What it uses now.
    pub usage: Usage,
}

/// The groups that are, or lately were, shown.
#[derive(Debug, Default)]
pub struct Groups {
    known: HashMap<String, Known>,
    other_ticks: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    total_ticks: u64,
    last_top: Timestamp,
}

impl Groups {
    /// Takes one scan and says what to show, in order of name, `other` last.
    pub fn scan(
        &mut self,
        now: Timestamp,
        usage: &BTreeMap<String, Usage>,
        top: usize,
    ) -> Vec<Shown> {
        self.admit(now, usage, top);
        let mut shown = Vec::new();
        let mut other = Usage::default();
        for (name, usage) in usage {
            let known = self.known.get_mut(name);
            match known.filter(|known| now.since(known.last_top) <= LINGER) {
                Some(known) => {
                    known.total_ticks = known.total_ticks.saturating_add(usage.cpu_ticks);
                    shown.push(Shown {
                        name: name.clone(),
                        total_ticks: known.total_ticks,
                        usage: *usage,
                    });
                }
                None => other.add(*usage),
            }
        }
        self.other_ticks = self.other_ticks.saturating_add(other.cpu_ticks);
        shown.push(Shown {
            name: OTHER.to_owned(),
            total_ticks: self.other_ticks,
            usage: other,
        });
        shown
    }

    fn admit(&mut self, now: Timestamp, usage: &BTreeMap<String, Usage>, top: usize) {
        self.known.retain(|_, known| {
            // A clock that went back must not keep a name for longer than the hour.
            known.last_top = known.last_top.min(now);
            now.since(known.last_top) < MEMORY
        });
        let mut wanted = top_by(usage, top, |usage| usage.cpu_ticks);
        wanted.extend(top_by(usage, top, |usage| usage.resident_bytes));
        for name in wanted {
            if let Some(known) = self.known.get_mut(name) {
                known.last_top = now;
            } else if self.known.len() < GROUPS_MAX && name != OTHER {
                let new = Known {
                    total_ticks: 0,
                    last_top: now,
                };
                self.known.insert(name.to_owned(), new);
            }
        }
    }
}

fn top_by(
    usage: &BTreeMap<String, Usage>,
    top: usize,
    by: impl Fn(&Usage) -> u64,
) -> HashSet<&str> {
    let mut ranked: Vec<(u64, &str)> = usage
        .iter()
        .map(|(name, usage)| (by(usage), name.as_str()))
        .filter(|(amount, _)| *amount > 0)
        .collect();
    ranked.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    ranked.into_iter().take(top).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(groups: &[(&str, u64)]) -> BTreeMap<String, Usage> {
        let one = |cpu_ticks| Usage {
            cpu_ticks,
            resident_bytes: 0,
            processes: 1,
        };
        let pairs = groups.iter();
        pairs
            .map(|(name, t)| ((*name).to_owned(), one(*t)))
            .collect()
    }

    fn totals(shown: &[Shown]) -> Vec<(&str, u64)> {
        let pairs = shown.iter();
        pairs.map(|s| (s.name.as_str(), s.total_ticks)).collect()
    }

    #[test]
    fn every_tick_is_in_exactly_one_group() {
        let mut groups = Groups::default();
        let at = Timestamp::from_secs;
        let shown = groups.scan(at(0), &usage(&[("a", 5), ("b", 3)]), 1);
        assert_eq!(totals(&shown), [("a", 5), (OTHER, 3)]);
        // `b` is the top now, and `a` lingers.
        let shown = groups.scan(at(5), &usage(&[("a", 1), ("b", 3), ("c", 1)]), 1);
        assert_eq!(totals(&shown), [("a", 6), ("b", 3), (OTHER, 4)]);
        // A minute later `a` is out of sight, and keeps its counter for when it is back.
        let shown = groups.scan(at(65), &usage(&[("a", 1), ("b", 3)]), 1);
        assert_eq!(totals(&shown), [("b", 6), (OTHER, 5)]);
        let shown = groups.scan(at(70), &usage(&[("a", 9)]), 1);
        assert_eq!(totals(&shown), [("a", 15), (OTHER, 5)]);
    }

    #[test]
    fn names_without_bound_end_in_other() {
        let mut groups = Groups::default();
        for i in 0..3 * GROUPS_MAX {
            let name = format!("p{i}");
            let shown = groups.scan(Timestamp::from_secs(i as i64), &usage(&[(&name, 1)]), 1);
            assert_eq!(shown.len(), if i < GROUPS_MAX { 2 } else { 1 });
        }
        assert_eq!(groups.known.len(), GROUPS_MAX);
        let later = Timestamp::from_secs(5000);
        assert_eq!(groups.scan(later, &usage(&[("late", 1)]), 1).len(), 2);
    }

    #[test]
    fn a_program_called_other_is_not_told_apart() {
        let mut groups = Groups::default();
        let shown = groups.scan(Timestamp::from_secs(1), &usage(&[("other", 5)]), 1);
        assert_eq!(totals(&shown), [(OTHER, 5)]);
    }
}
