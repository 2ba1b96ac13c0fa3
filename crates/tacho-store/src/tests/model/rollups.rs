//! Roll-ups beside a map of windows.
//!
//! What is promised, and no more, is asked for:
//! 1. a roll-up that was made holds the windows of what blocks held of its day just then, to the
//!    bit; what is still in memory is not in it;
//! 2. it stays so until it is made again; a window that shares a time with a deletion is left out
//!    from then on until its day is made again, for good where that cannot be;
//! 3. once maintenance has nothing left to do, every day that ended long enough ago, and of which
//!    blocks hold samples, is rolled up, and unless raw data of it has gone it is as new;
//! 4. a roll-up goes only when nothing is left in it, or by its limits.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use tacho_model::{Columns, Matcher, Selection, TimeRange, Timestamp};

use super::{FIRST, Held, Model, metric, name};
use crate::block::format::Footer;
use crate::engine::{Engine, Maintenance};
use crate::matching::Filter;
use crate::options::StoreOptions;
use crate::rollup::layout::Day;
use crate::rollup::{Aggregate, Resolution, Windows};
use crate::select::{Found, Older};
use crate::tombstones;

/// Samples of some series, by name.
type Raw = BTreeMap<String, Columns>;
/// Which blocks there are, and which deletions.
type State = (Vec<Footer>, Vec<u64>);
/// The windows of one day that are there, by series.
type Series = BTreeMap<String, Windows>;

/// A file of a roll-up, as far as it can be seen from outside that it is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    sequence: (u64, u64),
    tombstones: u64,
    is_sealed: bool,
}

/// The roll-ups that there must be, by resolution and day.
#[derive(Default)]
pub(super) struct RollUps {
    days: [BTreeMap<Day, Series>; 2],
    /// The newest day that went so while the store was open: it is not made again.
    removed: [Option<Day>; 2],
    /// What blocks held when they and the deletions were these.
    raw: Option<(State, Rc<Raw>)>,
}

impl RollUps {
    /// Leaves out the windows of some series that share a time with `range`; whether there were
    /// any.
    fn hide(&mut self, range: TimeRange, is_deleted: impl Fn(&str) -> bool) -> bool {
        let mut some = false;
        for place in 0..2 {
            let step = Resolution::ALL[place].step();
            let mut keeps = |end: Timestamp| {
                let keeps = range.end <= end - step || end < range.start;
                some |= !keeps;
                keeps
            };
            let all = self.days[place].values_mut();
            for (name, windows) in all.flatten() {
                if is_deleted(name) {
                    windows.numbers.retain(|window| keeps(window.end));
                    windows.histograms.retain(|(end, ..)| keeps(*end));
                }
            }
        }
        some
    }
}

fn seen(engine: &Engine) -> [BTreeMap<Day, Seen>; 2] {
    let mut all = [BTreeMap::new(), BTreeMap::new()];
    for (resolution, block) in engine.rollups() {
        let stem = block.path.file_stem().unwrap().to_str().unwrap();
        let date = stem.strip_suffix("-sealed");
        let seen = Seen {
            sequence: block.footer.sequence,
            tombstones: block.footer.tombstones,
            is_sealed: date.is_some(),
        };
        let day = Day::parse(date.unwrap_or(stem)).unwrap();
        let twice = all[resolution as usize].insert(day, seen);
        assert_eq!(twice, None);
    }
    all
}

/// What blocks hold, without what is in memory.
fn in_blocks(older: &Older) -> Raw {
    let (found, all) = (Found::new(u64::MAX), Filter::new(&[]));
    let selected = older.select(found, &all, TimeRange::ALL, u64::MAX).unwrap();
    let mut raw = Raw::new();
    for index in 0..selected.len() {
        let mut columns = Columns::new();
        selected.read(index, &mut columns).unwrap();
        // Nothing may be left of a series that is still in a block.
        if !columns.is_empty() {
            raw.insert(selected.labels(index).to_string(), columns);
        }
    }
    raw
}

/// The windows of one day that have samples.
fn windows(raw: &Raw, day: Day, resolution: Resolution) -> Series {
    let mut all = Series::new();
    for (name, columns) in raw {
        let within = |times: &[Timestamp]| {
            let before = |end: Timestamp| times.partition_point(|time| *time <= end);
            let first = day.range().start - Duration::from_nanos(1);
            before(first)..before(day.range().end)
        };
        let floats = within(&columns.timestamps);
        let histograms = within(&columns.histogram_timestamps);
        let of_day = Columns {
            timestamps: columns.timestamps[floats.clone()].to_vec(),
            values: columns.values[floats].to_vec(),
            histogram_timestamps: columns.histogram_timestamps[histograms.clone()].to_vec(),
            histograms: columns.histograms[histograms].to_vec(),
        };
        let mut windows = Windows::default();
        windows.fill(&of_day, resolution);
        if !is_empty(&windows) {
            all.insert(name.clone(), windows);
        }
    }
    all
}

fn is_empty(windows: &Windows) -> bool {
    windows.numbers.is_empty() && windows.histograms.is_empty()
}

/// What is shown of an aggregate of a series, by time and comparable.
fn rows(
    name: &str,
    windows: &Windows,
    aggregate: Aggregate,
) -> Vec<(Timestamp, Timestamp, String)> {
    let mut rows = Vec::new();
    let text = |value: f64| match value {
        // Which one it is of those that are not a number is nobody's business.
        value if value.is_nan() => "NaN".to_owned(),
        value => format!("{value:?} {:016x}", value.to_bits()),
    };
    for window in &windows.numbers {
        let (time, value) = match aggregate {
            Aggregate::First => window.first,
            Aggregate::Last => window.last,
            Aggregate::Sum => (window.end, window.sum()),
            Aggregate::Min => (window.end, window.min),
            Aggregate::Max => (window.end, window.max),
            Aggregate::Increase if name.contains("_total") => (window.end, window.increase()),
            Aggregate::Increase | Aggregate::Histogram | Aggregate::Count => continue,
        };
        rows.push((window.end, time, text(value)));
    }
    if aggregate == Aggregate::Count {
        let counts = windows.counts().into_iter();
        rows.extend(counts.map(|(end, count)| (end, end, text(count as f64))));
    }
    if aggregate == Aggregate::Histogram {
        let merged = windows.histograms.iter();
        rows.extend(merged.map(|(end, _, merged)| (*end, *end, format!("{merged:?}"))));
    }
    rows
}

/// Whether no limit lets the roll-up of that day go.
fn is_kept(options: &StoreOptions, place: usize, day: Day, now: Timestamp) -> bool {
    let keep = options.rollup_retention[place];
    keep.samples == u64::MAX && day >= Day::of(now - keep.age)
}

impl Model {
    /// Maintains once, and follows what became of the roll-ups.
    pub(super) fn maintain_at(&mut self, now: Timestamp) -> Maintenance {
        let last = Day::ended_by(now - self.options.rollup_after);
        let is_due = |time: &i64| Day::of(Timestamp::from_nanos(*time)) <= last;
        // Reading it all costs more than all else, and mostly no day has ended.
        let due = self
            .held
            .values()
            .any(|series| series.keys().next().is_some_and(is_due));
        let before = seen(self.engine());
        let raw = if due { self.raw() } else { Rc::default() };
        let done = self.engine().maintain(now).unwrap();
        let after = seen(self.engine());
        let mut changed = 0;
        for (place, resolution) in Resolution::ALL.into_iter().enumerate() {
            let days: BTreeSet<Day> = before[place]
                .keys()
                .chain(after[place].keys())
                .copied()
                .collect();
            for day in days {
                let (old, new) = (before[place].get(&day), after[place].get(&day));
                let is_new = |new: &Seen| {
                    let same = |old: &Seen| {
                        (old.sequence, old.tombstones) == (new.sequence, new.tombstones)
                    };
                    !old.is_some_and(same)
                };
                let was_sealed = old.is_some_and(|old| old.is_sealed);
                let model = &mut self.rollups;
                let made = || windows(&raw, day, resolution);
                match new {
                    Some(new) if !is_new(new) => {
                        assert!(new.is_sealed || !was_sealed, "a seal is broken");
                        continue;
                    }
                    // Sealed, so that it was cut: what is hidden in it is hidden for good.
                    Some(new) if was_sealed => assert!(new.is_sealed, "made of a part"),
                    Some(_) => {
                        assert!(day <= last, "{day:?} is rolled up too early");
                        model.days[place].insert(day, made());
                    }
                    None => {
                        let kept = model.days[place].remove(&day).unwrap();
                        let left = if was_sealed { kept } else { made() };
                        let gone_by_limit = done.rollups_removed > 0;
                        let is_left = !left.values().all(is_empty);
                        assert!(
                            gone_by_limit || !is_left,
                            "{resolution:?} of {day:?} is gone"
                        );
                        if gone_by_limit {
                            model.removed[place] = model.removed[place].max(Some(day));
                        }
                    }
                }
                changed += 1;
            }
        }
        assert!(changed <= done.rollups_written + done.rollups_removed);
        done
    }

    /// What blocks hold, compared with the map: all that was written but is not in memory.
    fn raw(&mut self) -> Rc<Raw> {
        let engine = self.engine();
        let tombstones = tombstones::load(&**engine.disk(), engine.dir(), engine.quarantine());
        let older = Older {
            blocks: engine.with_files(|blocks, _| Ok(blocks.to_vec())).unwrap(),
            frozen: None,
            tombstones: tombstones.unwrap().into(),
        };
        let files = older.blocks.iter().map(|block| block.footer).collect();
        let state = (files, older.tombstones.iter().map(|each| each.id).collect());
        if let Some((_, raw)) = self.rollups.raw.as_ref().filter(|(of, _)| *of == state) {
            return raw.clone();
        }
        let raw = Rc::new(in_blocks(&older));
        self.rollups.raw = Some((state, raw.clone()));
        for (name, columns) in &*raw {
            let held = &self.held[name];
            let floats = columns.timestamps.iter().zip(&columns.values);
            let floats = floats.map(|(t, v)| (*t, Held::Float(v.to_bits())));
            let times = columns.histogram_timestamps.iter();
            let histograms = times.zip(&columns.histograms);
            let histograms = histograms.map(|(t, h)| (*t, Held::Histogram(format!("{h:?}"))));
            for (time, value) in floats.chain(histograms) {
                let is_over = || self.in_memory.contains(&(name.clone(), time.as_nanos()));
                let same = held.get(&time.as_nanos()) == Some(&value);
                assert!(same || is_over(), "{name} at {time} in blocks");
            }
        }
        for (name, samples) in &self.held {
            let found = raw.get(name);
            for time in samples.keys() {
                let at = Timestamp::from_nanos(*time);
                let is_there = || {
                    found.is_some_and(|columns| {
                        columns.timestamps.binary_search(&at).is_ok()
                            || columns.histogram_timestamps.binary_search(&at).is_ok()
                    })
                };
                let elsewhere = || self.in_memory.contains(&(name.clone(), *time));
                assert!(
                    at < self.kept_from || is_there() || elsewhere(),
                    "{name} at {at} is not in blocks"
                );
            }
        }
        raw
    }

    /// Maintains until nothing is left to do: then all that can be rolled up is.
    pub(super) fn settle(&mut self) {
        self.engine().flush().unwrap();
        self.note_memory();
        let now = Timestamp::from_secs(self.now);
        // Each day without samples takes a call in which nothing is seen to be done.
        let mut idle = Day::all(Day::of(Timestamp::from_secs(FIRST)), Day::of(now)).count();
        for round in 0.. {
            assert!(round < 200, "maintenance never ends");
            if self.maintain_and_forget(now) == Maintenance::default() {
                idle -= 1;
            }
            if idle == 0 {
                break;
            }
        }
        let raw = self.raw();
        let there = seen(self.engine());
        let last = Day::ended_by(now - self.options.rollup_after);
        let first = raw.values().filter_map(|columns| {
            let firsts = [
                columns.timestamps.first(),
                columns.histogram_timestamps.first(),
            ];
            firsts.into_iter().flatten().min().copied()
        });
        let first = first.min().map_or(last.next(), Day::of);
        for (place, resolution) in Resolution::ALL.into_iter().enumerate() {
            for day in Day::all(first, last) {
                let made = windows(&raw, day, resolution);
                let again = Some(day) > self.rollups.removed[place];
                if made.is_empty() || !is_kept(&self.options, place, day, now) || !again {
                    continue;
                }
                let found = there[place].get(&day);
                let found = found.unwrap_or_else(|| panic!("{day:?} is not rolled up"));
                if found.is_sealed {
                    continue;
                }
                let held = &self.rollups.days[place][&day];
                for aggregate in Aggregate::ALL {
                    for (name, windows) in &made {
                        let held = held.get(name).map(|held| rows(name, held, aggregate));
                        let fresh = rows(name, windows, aggregate);
                        assert_eq!(held.unwrap_or_default(), fresh, "{name} on {day:?}");
                    }
                }
            }
        }
    }

    /// A deletion of one job's series leaves windows out; the engine said of how many series.
    pub(super) fn hide_windows(&mut self, job: u64, range: TimeRange, series: usize) {
        let names: Vec<String> = (0..super::SERIES)
            .filter(|n| n % 3 == job)
            .map(name)
            .collect();
        let some = self
            .rollups
            .hide(range, |name| names.iter().any(|n| n == name));
        assert!(series > 0 || !some, "windows were deleted, of no series");
    }

    /// After a crash: what was there is there, and what went stays away.
    pub(super) fn find_rollups_again(&mut self) {
        let there = seen(self.engine());
        for (there, known) in there.iter().zip(&self.rollups.days) {
            assert!(there.keys().eq(known.keys()), "{there:?}");
        }
    }

    /// After the store was closed.
    pub(super) fn forget_removed_days(&mut self) {
        self.rollups.removed = [None; 2];
    }

    /// One aggregate of some series in some range against the map.
    pub(super) fn check_rollups(&mut self) {
        let place = self.random.below(2) as usize;
        let resolution = Resolution::ALL[place];
        let aggregate = Aggregate::ALL[self.random.below(8) as usize];
        let now = Timestamp::from_secs(self.now);
        let random = &mut self.random;
        let mut some = || now - Duration::from_secs(random.below(100_000));
        let (a, b) = (some(), some());
        let range = match self.random.below(3) {
            0 => TimeRange::new(a.min(b), a.max(b)),
            _ => TimeRange::ALL,
        };
        let (number, alone) = (self.random.below(super::SERIES), self.random.chance(30));
        let matchers = alone.then(|| Matcher::metric(&metric(number)));
        let matchers: Vec<_> = matchers.into_iter().collect();
        let selected = self
            .engine()
            .select_rolled_up(resolution, aggregate, &matchers, range);
        let selected = selected.unwrap();
        let (mut found, mut columns) = (BTreeMap::new(), Columns::new());
        for index in 0..selected.len() {
            selected.read(index, &mut columns).unwrap();
            let numbers = columns.timestamps.iter().zip(&columns.values);
            let numbers = numbers.map(|(time, value)| match value {
                value if value.is_nan() => (*time, "NaN".to_owned()),
                value => (*time, format!("{value:?} {:016x}", value.to_bits())),
            });
            let histograms = columns.histogram_timestamps.iter().zip(&columns.histograms);
            let histograms = histograms.map(|(time, merged)| (*time, format!("{merged:?}")));
            let rows: Vec<_> = numbers.chain(histograms).collect();
            if !rows.is_empty() {
                found.insert(selected.labels(index).to_string(), rows);
            }
        }
        drop(selected);
        let mut expected: BTreeMap<String, Vec<(Timestamp, String)>> = BTreeMap::new();
        for (known, windows) in self.rollups.days[place].values().flatten() {
            if alone && *known != name(number) {
                continue;
            }
            let inside = rows(known, windows, aggregate).into_iter();
            let inside = inside.filter(|(end, ..)| range.contains(*end));
            let inside: Vec<_> = inside.map(|(_, time, value)| (time, value)).collect();
            if !inside.is_empty() {
                expected.entry(known.clone()).or_default().extend(inside);
            }
        }
        assert_eq!(
            found, expected,
            "{aggregate:?} of {resolution:?} in {range:?}"
        );
    }
}
