//! Snapshots of all current values: what every live series read at one moment, kept apart.
//!
//! A snapshot is an ordinary block file of its own with one sample a series, each at the time it
//! was measured. Invariants:
//! 1. a snapshot never changes: appends, deletions, retention and compaction of the samples that
//!    it was taken from do not reach it;
//! 2. it counts from its rename on, so that a crash leaves a whole one or none;
//! 3. retention removes snapshots without a name only; one with a name stays until it is removed
//!    by hand.
//!
//! Not a backup: for that, the whole data folder is copied. Source of "current": Prometheus,
//! "Querying basics", section "Staleness".

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tacho_model::{Matcher, Metadata, Querier, QueryError, Selection, TimeRange, Timestamp};

use crate::block::Block;
use crate::matching::Filter;
use crate::select::{Found, Older, failed};

/// How old a value may be to count as current, as in Prometheus.
pub const SNAPSHOT_LOOKBACK: Duration = Duration::from_mins(5);
/// Most snapshots in one data folder.
pub const SNAPSHOTS_MAX: usize = 10_000;
/// Longest name.
const NAME_BYTES_MAX: usize = 64;
/// What the names of their files end with.
const EXTENSION: &str = ".block";

/// What is known of a snapshot without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// When it was taken, as text, and its name: `20261121T140200.123Z-before-1.4`.
    pub id: String,
    /// What whoever took it called it.
    pub name: Option<String>,
    /// When it was taken.
    pub created: Timestamp,
    /// How many series had a value.
    pub series: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Times of its oldest and newest value; `None` when no series had one.
    pub range: Option<TimeRange>,
}

/// Which snapshots without a name are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotRetention {
    /// So many, the newest.
    pub keep: usize,
    /// So long.
    pub max_age: Duration,
}

impl Default for SnapshotRetention {
    fn default() -> Self {
        Self {
            keep: 1000,
            max_age: Duration::MAX,
        }
    }
}

/// The snapshots of an open store, from the oldest to the newest.
#[derive(Default)]
pub(crate) struct Snapshots {
    pub(crate) list: Mutex<Vec<SnapshotInfo>>,
    /// Held while one is taken.
    pub(crate) taking: Mutex<()>,
}

impl SnapshotInfo {
    /// What a block file tells of its snapshot; `None` when its name is not one of ours.
    pub(crate) fn of(block: &Block) -> Option<Self> {
        let file = block.path.file_name()?.to_str()?;
        let id = file.strip_suffix(EXTENSION)?;
        let (created, name) = parse_id(id)?;
        let range = block.footer.range;
        Some(Self {
            id: id.to_owned(),
            name,
            created,
            series: block.footer.series,
            bytes: block.bytes,
            range: (range.start <= range.end).then_some(range),
        })
    }

    /// The name of its file.
    pub(crate) fn file(&self) -> String {
        file_of(&self.id)
    }
}

/// The name of a snapshot's file.
pub(crate) fn file_of(id: &str) -> String {
    format!("{id}{EXTENSION}")
}

/// The id of a snapshot taken at `created`, which is whole milliseconds.
pub(crate) fn id_of(created: Timestamp, name: Option<&str>) -> String {
    let time = created.to_rfc3339().replace(['-', ':'], "");
    name.map_or_else(|| time.clone(), |name| format!("{time}-{name}"))
}

/// When a snapshot of this id was taken, and its name.
fn parse_id(id: &str) -> Option<(Timestamp, Option<String>)> {
    let (time, name) = match id.split_once('-') {
        Some((time, name)) if is_name(name) => (time, Some(name.to_owned())),
        Some(_) => return None,
        None => (id, None),
    };
    let (day, clock) = (time.get(..8)?, time.get(8..)?);
    let (hours, rest) = (clock.get(..3)?, clock.get(3..)?);
    let (year, month, day) = (day.get(..4)?, day.get(4..6)?, day.get(6..)?);
    let (minutes, seconds) = (rest.get(..2)?, rest.get(2..)?);
    let text = format!("{year}-{month}-{day}{hours}:{minutes}:{seconds}");
    let created = Timestamp::parse(&text).ok()?;
    // Only what we would have written ourselves.
    (id_of(created, name.as_deref()) == id).then_some((created, name))
}

/// Whether a snapshot may be called so: it is part of a file's name.
pub(crate) fn is_name(name: &str) -> bool {
    let usual = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.len() <= NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(usual)
}

/// The snapshots that go at `now`, given all from the oldest to the newest.
pub(crate) fn surplus(
    all: &[SnapshotInfo],
    retention: SnapshotRetention,
    now: Timestamp,
) -> Vec<String> {
    let oldest = now - retention.max_age;
    let unnamed: Vec<&SnapshotInfo> = all.iter().filter(|s| s.name.is_none()).collect();
    let too_many = unnamed.len().saturating_sub(retention.keep);
    let goes = |(place, snapshot): &(usize, &&SnapshotInfo)| {
        *place < too_many || snapshot.created < oldest
    };
    let gone = unnamed.iter().enumerate().filter(goes);
    gone.map(|(_, snapshot)| snapshot.id.clone()).collect()
}

/// One snapshot, open for reading; it can be asked as a store can.
pub struct ValuesSnapshot {
    pub(crate) info: SnapshotInfo,
    pub(crate) block: Arc<Block>,
    /// What a query may touch: series and samples.
    pub(crate) limits: (u64, u64),
}

impl ValuesSnapshot {
    /// What is known of it.
    pub fn info(&self) -> &SnapshotInfo {
        &self.info
    }

    fn distinct<'s>(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        add: impl Fn(tacho_model::LabelsRef<'_>, &mut std::collections::BTreeSet<String>) + 's,
    ) -> Result<Vec<String>, QueryError> {
        let mut texts = std::collections::BTreeSet::new();
        let walk = self
            .block
            .matching(&Filter::new(matchers), range, |series| {
                add(series.labels, &mut texts);
                true
            });
        walk.map_err(failed)?;
        Ok(texts.into_iter().collect())
    }
}

impl Querier for ValuesSnapshot {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Box<dyn Selection + '_>, QueryError> {
        let only = Older {
            blocks: vec![self.block.clone()],
            frozen: None,
            tombstones: Arc::from([]),
        };
        let (series_max, samples_max) = self.limits;
        let found = Found::new(series_max);
        let selected = only.select(found, &Filter::new(matchers), range, samples_max)?;
        Ok(Box::new(selected))
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        self.distinct(matchers, range, |labels, texts| {
            texts.extend(labels.get(name).map(str::to_owned));
        })
    }

    fn label_names(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        self.distinct(matchers, range, |labels, texts| {
            texts.extend(labels.into_iter().map(|(name, _)| name.to_owned()));
        })
    }

    fn metadata(&self, name: &str) -> Option<Metadata> {
        let all = self.block.metadata().ok().flatten()?;
        let mut named = all.into_iter().filter(|(known, _)| known == name);
        named.next().map(|(_, metadata)| metadata)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + secs)
    }

    #[test]
    fn ids_say_when_and_what_and_nothing_else_is_one() {
        let odd = at(7) + Duration::from_millis(50);
        for (created, name) in [
            (at(0), None),
            (odd, None),
            (odd, Some("before-1.4")),
            (at(0), Some("20270115T080000Z")),
        ] {
            let read = parse_id(&id_of(created, name));
            assert_eq!(read, Some((created, name.map(str::to_owned))));
        }
        assert_eq!(id_of(odd, Some("a")), "20270115T080007.05Z-a");
        for other in [
            "",
            "a",
            "20270115T080007.050Z",
            "20270115T080007Z-",
            "20270115T080007Z--a",
            "20270115T080007Z-a b",
            "20279915T080007Z",
            "2027-01-15T08:00:07Z",
            "20270115T08ä007Z",
        ] {
            assert_eq!(parse_id(other), None, "{other}");
        }
    }

    #[test]
    fn names_are_safe_in_a_path() {
        for good in ["a", "before-1.4", "V2_final", "2"] {
            assert!(is_name(good), "{good}");
        }
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        for bad in ["", ".", "..", "-a", "a/b", "a b", "ä", "a\0", long.as_str()] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    fn check(keep: usize, max_age: u64, expected: &[usize]) {
        // Ten seconds apart; the second and the last have a name.
        let all: Vec<SnapshotInfo> = (0..6)
            .map(|n| {
                let name = [1, 5].contains(&n).then(|| format!("s{n}"));
                let created = at(n * 10);
                SnapshotInfo {
                    id: id_of(created, name.as_deref()),
                    name,
                    created,
                    series: 1,
                    bytes: 1,
                    range: None,
                }
            })
            .collect();
        let retention = SnapshotRetention {
            keep,
            max_age: Duration::from_secs(max_age),
        };
        let expected: Vec<_> = expected
            .iter()
            .map(|place| all[*place].id.clone())
            .collect();
        assert_eq!(surplus(&all, retention, at(50)), expected);
    }

    #[test]
    fn a2_snapshots_go_by_number_and_by_age_unless_they_have_a_name() {
        check(9, 9999, &[]);
        check(4, 9999, &[]);
        check(2, 9999, &[0, 2]);
        check(9, 25, &[0, 2]);
        check(1, 25, &[0, 2, 3]);
        check(0, 9999, &[0, 2, 3, 4]);
    }
}
