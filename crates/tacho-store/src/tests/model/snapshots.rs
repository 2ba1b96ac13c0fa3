//! Snapshots of current values beside a list of maps.
//!
//! A snapshot holds of each series the newest sample of its lookback, unless that is a staleness
//! marker, and never changes, whatever is written, deleted or goes later. Which snapshots there
//! are is exactly what was taken and not removed, after a power cut too.

use std::collections::BTreeMap;
use std::time::Duration;

use tacho_model::append::STALE_NAN_BITS;
use tacho_model::{Columns, Querier, TimeRange, Timestamp};

use super::{Held, Model};
use crate::value_snapshots::{SnapshotInfo, SnapshotRetention, ValuesSnapshot};

/// Of each series its one sample.
type Values = BTreeMap<String, (i64, Held)>;

/// What was taken, from the oldest to the newest.
pub(super) type Taken = Vec<(SnapshotInfo, Values)>;

fn read(snapshot: &ValuesSnapshot) -> Values {
    let selection = snapshot.select(&[], TimeRange::ALL).unwrap();
    let (mut values, mut columns) = (Values::new(), Columns::new());
    for index in 0..selection.len() {
        selection.read(index, &mut columns).unwrap();
        assert_eq!(columns.len(), 1, "one sample a series");
        let number = columns.timestamps.iter().zip(&columns.values);
        let number = number.map(|(time, value)| (*time, Held::Float(value.to_bits())));
        let times = columns.histogram_timestamps.iter();
        let histogram = times.zip(&columns.histograms);
        let histogram = histogram.map(|(time, h)| (*time, Held::Histogram(format!("{h:?}"))));
        for (time, value) in number.chain(histogram) {
            let name = selection.labels(index).to_string();
            values.insert(name, (time.as_nanos(), value));
        }
    }
    values
}

impl Model {
    /// Takes one, lists all, reads one, removes one, or lets retention do it.
    pub(super) fn snapshots(&mut self) {
        match self.random.below(6) {
            0..3 => self.take_snapshot(),
            3 => self.remove_snapshot(),
            4 => self.retain_snapshots(),
            _ => {}
        }
        self.check_snapshots();
    }

    fn take_snapshot(&mut self) {
        let names = [None, Some("before"), Some("after-1.4")];
        let name = names[self.random.below(3) as usize];
        let back = Duration::from_millis(self.random.below(3) * self.random.below(200_000));
        let now = Timestamp::from_secs(self.now) - back;
        let lookback = Duration::from_secs(match self.random.below(3) {
            0 => self.random.below(20),
            1 => 300,
            _ => self.random.below(4000),
        });
        let info = self.engine().take_snapshot(name, now, lookback).unwrap();
        let range = TimeRange::new(now - lookback, now);
        let snapshot = self.engine().snapshot(&info.id).unwrap().unwrap();
        let values = read(&snapshot);
        self.check_values(&values, range);
        assert_eq!(
            (info.name.as_deref(), info.series),
            (name, values.len() as u64)
        );
        let times = values
            .values()
            .map(|(time, _)| Timestamp::from_nanos(*time));
        let of_values = times.clone().min().zip(times.max());
        let of_values = of_values.map(|(first, last)| TimeRange::new(first, last));
        assert_eq!(info.range, of_values);
        // Two of one millisecond are told apart.
        let mut created = now;
        while self.taken.iter().any(|(other, _)| other.created == created) {
            created = created + Duration::from_millis(1);
        }
        assert_eq!(info.created, created);
        let place = self
            .taken
            .partition_point(|(other, _)| other.created < created);
        self.taken.insert(place, (info, values));
    }

    /// Compares what a snapshot holds with the map.
    fn check_values(&self, values: &Values, range: TimeRange) {
        for (name, samples) in &self.held {
            let inside = samples.range(range.start.as_nanos()..=range.end.as_nanos());
            let newest = inside.clone().next_back();
            let live = newest.filter(|(_, value)| **value != Held::Float(STALE_NAN_BITS));
            let live = live.map(|(time, value)| (*time, value.clone()));
            let found = values.get(name);
            if newest.is_some_and(|(time, _)| *time < self.kept_from.as_nanos()) {
                // Some of it may have gone.
                let known = |found: &(i64, Held)| samples.get(&found.0) == Some(&found.1);
                assert!(found.is_none_or(known), "{name} in a snapshot");
            } else {
                assert_eq!(found, live.as_ref(), "{name} in a snapshot");
            }
        }
        assert!(values.keys().all(|name| self.held.contains_key(name)));
    }

    fn remove_snapshot(&mut self) {
        let place = self.random.below(self.taken.len() as u64 + 1) as usize;
        let wanted = self.taken.get(place);
        let wanted = wanted.map_or("nothing", |(info, _)| &info.id).to_owned();
        let removed = self.engine().remove_snapshot(&wanted).unwrap();
        let expected = (place < self.taken.len()).then(|| self.taken.remove(place).0);
        assert_eq!(removed, expected);
    }

    fn retain_snapshots(&mut self) {
        let retention = SnapshotRetention {
            keep: self.random.below(8) as usize,
            max_age: Duration::from_secs(self.random.below(20_000)),
        };
        let now = Timestamp::from_secs(self.now);
        let removed = self.engine().retain_snapshots(retention, now).unwrap();
        let before = self.taken.len();
        let mut newer = self
            .taken
            .iter()
            .filter(|(info, _)| info.name.is_none())
            .count();
        self.taken.retain(|(info, _)| {
            if info.name.is_some() {
                return true;
            }
            newer -= 1;
            newer < retention.keep && info.created >= now - retention.max_age
        });
        assert_eq!(removed, before - self.taken.len());
    }

    /// All are there, and one of them, by any of its names, is as it was.
    pub(super) fn check_snapshots(&mut self) {
        let listed = self.engine().snapshots();
        let taken: Vec<_> = self.taken.iter().map(|(info, _)| info.clone()).collect();
        assert_eq!(listed, taken);
        let place = self.random.below(taken.len().max(1) as u64) as usize;
        let Some((info, values)) = self.taken.get(place).cloned() else {
            let none = self.engine().snapshot("latest").unwrap();
            return assert!(none.is_none(), "no snapshot is the latest");
        };
        let snapshot = self.engine().snapshot(&info.id).unwrap().unwrap();
        assert_eq!(read(&snapshot), values, "{}", info.id);
        let newest = taken.iter().rev().find(|other| other.name == info.name);
        let by_name = self
            .engine()
            .snapshot(info.name.as_deref().unwrap_or("latest"));
        let newest = if info.name.is_some() {
            newest
        } else {
            taken.last()
        };
        assert_eq!(Some(by_name.unwrap().unwrap().info()), newest);
    }
}
