//! Making roll-ups and keeping them: one block a UTC day and resolution, in a folder of its own.
//!
//! A day is rolled up when it ended long enough ago. It is rolled up again when later writes or
//! deletions concern it, as long as all of its raw data is there. Invariants:
//! 1. a roll-up's footer says which generations and deletions it includes;
//! 2. before a part of a day's raw data goes by retention, its roll-ups are sealed (by a name, so
//!    that it takes no room): they are not made again, deleted windows are cut from them;
//! 3. one day's roll-ups are made in one call, both resolutions from one pass over the raw data.
//!
//! Not for what a window is: that is [`crate::rollup`]. Reading is [`super::rolled_up`].

mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tacho_model::{Columns, Labels, TimeRange, Timestamp};

use self::file::File;
use super::maintain::Maintenance;
use super::merge::{lowest, read_series};
use super::retain::{Held, surplus};
use super::{Engine, Memory};
use crate::block::Block;
use crate::block::find::Cursor;
use crate::block::format::Footer;
use crate::cache::Cache;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::matching::Filter;
use crate::quarantine::Quarantine;
use crate::rollup::layout::{self, Day};
use crate::rollup::{Resolution, Windows, is_counter};
use crate::stats::RollUpStats;
use crate::tombstones::{Pending, Tombstone};

/// How long nothing is rolled up after it failed: it would cost the same work again.
const PAUSE: Duration = Duration::from_mins(10);
/// What the name of a sealed roll-up ends with, before its extension.
const SEALED: &str = "-sealed";

/// The roll-up of one day in one resolution.
#[derive(Clone)]
pub(super) struct RolledDay {
    pub(super) day: Day,
    /// Some of its raw data is gone.
    sealed: bool,
    pub(super) block: Arc<Block>,
}

impl RolledDay {
    /// The deletions that it does not include yet, by the times of its samples.
    pub(super) fn pending<'a>(&self, tombstones: &'a [Tombstone]) -> Pending<'a> {
        Pending::of(tombstones, &self.footer())
    }

    fn footer(&self) -> Footer {
        Footer {
            range: self.day.range(),
            ..self.block.footer
        }
    }

    /// Whether it may hold windows of what was deleted.
    fn is_concerned(&self, tombstones: &[Tombstone]) -> Result<bool, StoreError> {
        let footer = self.footer();
        let mut concerned = false;
        for tombstone in tombstones.iter().filter(|each| each.concerns(&footer)) {
            let filter = Filter::new(&tombstone.matchers);
            self.block.matching(&filter, TimeRange::ALL, |_| {
                concerned = true;
                false
            })?;
        }
        Ok(concerned)
    }
}

/// What making roll-ups remembers while the store is open.
#[derive(Default)]
pub(super) struct Rolling {
    /// Days that blocks cover but of which they hold nothing, as of a generation.
    empty: BTreeMap<Day, u64>,
    /// By resolution, the newest day that retention removed: it is not made again.
    removed: [Option<Day>; 2],
    failed_at: Option<Timestamp>,
}

/// Where the roll-ups of a resolution lie.
pub(crate) fn folder(dir: &Path, resolution: Resolution) -> PathBuf {
    dir.join("rollups").join(resolution.as_str())
}

/// The last generation that any roll-up includes.
pub(super) fn newest_generation(rollups: &[Vec<RolledDay>; 2]) -> Option<u64> {
    let all = rollups.iter().flatten();
    all.map(|rolled| rolled.block.footer.sequence.1).max()
}

/// Opens all roll-ups; damaged ones are set aside, and made again while there is raw data.
pub(super) fn open(
    disk: &dyn Disk,
    dir: &Path,
    quarantine: &Quarantine,
    cache: &Arc<Cache>,
) -> Result<[Vec<RolledDay>; 2], StoreError> {
    let mut all = [Vec::new(), Vec::new()];
    for (days, resolution) in all.iter_mut().zip(Resolution::ALL) {
        let folder = folder(dir, resolution);
        // In order of their names, those of a day next to each other.
        for block in super::open::open_blocks(disk, &folder, quarantine, cache)? {
            let stem = block.path.file_stem().and_then(std::ffi::OsStr::to_str);
            let stem = stem.unwrap_or_default();
            let date = stem.strip_suffix(SEALED);
            let Some(day) = Day::parse(date.unwrap_or(stem)) else {
                quarantine.take(&block.path, block.bytes, "its name is not a day's");
                continue;
            };
            days.push(RolledDay {
                day,
                sealed: date.is_some(),
                block: Arc::new(block),
            });
        }
        // The power may have been cut while one was sealed, and left it both names.
        days.sort_by_key(|rolled: &RolledDay| (rolled.day, !rolled.sealed));
        days.dedup_by_key(|rolled| rolled.day);
    }
    Ok(all)
}

impl Memory {
    /// Sizes and counts by resolution.
    pub(super) fn rollup_stats(&self) -> Vec<RollUpStats> {
        let each = self.rollups.iter().zip(Resolution::ALL);
        each.map(|(days, resolution)| {
            let blocks = days.iter().map(|rolled| &rolled.block);
            let end = |rolled: &RolledDay| rolled.day.range().end;
            RollUpStats {
                resolution,
                blocks: days.len() as u64,
                bytes: blocks.clone().map(|block| block.bytes).sum(),
                samples: blocks.map(|block| block.footer.samples).sum(),
                oldest: days.first().map(end),
                newest: days.last().map(end),
            }
        })
        .collect()
    }
}

impl Engine {
    /// All roll-ups with their resolutions.
    pub(crate) fn rollups(&self) -> Vec<(Resolution, Arc<Block>)> {
        let rollups = self.memory.read().rollups.clone();
        let each = rollups.into_iter().zip(Resolution::ALL);
        each.flat_map(|(days, resolution)| {
            days.into_iter()
                .map(move |rolled| (resolution, rolled.block))
        })
        .collect()
    }

    /// Rolls up one day that is due, or cuts what was deleted from one roll-up.
    pub(super) fn roll_up(&self, now: Timestamp, done: &mut Maintenance) -> Result<(), StoreError> {
        let failed_at = self.rolling.lock().failed_at;
        if failed_at.is_some_and(|at| at <= now && now.since(at) < PAUSE) {
            return Ok(());
        }
        let outcome = match self.due(now)? {
            Some((day, wanted)) => self.roll_up_day(day, wanted, done),
            None => self.cut_one(done),
        };
        self.rolling.lock().failed_at = outcome.is_err().then_some(now);
        outcome
    }

    /// The first day that is due, and in which resolutions.
    fn due(&self, now: Timestamp) -> Result<Option<(Day, [bool; 2])>, StoreError> {
        let (blocks, rollups, tombstones) = self.memory.read().rolled();
        let newest = Day::ended_by(now - self.options.rollup_after);
        let mut oldest = self
            .options
            .rollup_retention
            .map(|keep| Day::of(now - keep.age));
        {
            let rolling = self.rolling.lock();
            for (oldest, removed) in oldest.iter_mut().zip(rolling.removed) {
                *oldest = removed.map_or(*oldest, |removed| removed.next().max(*oldest));
            }
        }
        let from = oldest.into_iter().min().unwrap_or(newest);
        let mut raw: BTreeMap<Day, u64> = BTreeMap::new();
        for block in blocks.iter().map(|block| block.footer) {
            let first = Day::of(block.range.start).max(from);
            for day in Day::all(first, Day::of(block.range.end).min(newest)) {
                let generation = raw.entry(day).or_default();
                *generation = block.sequence.1.max(*generation);
            }
        }
        for (day, generation) in raw {
            if self.rolling.lock().empty.get(&day) >= Some(&generation) {
                continue;
            }
            let mut wanted = [false; 2];
            for (place, days) in rollups.iter().enumerate() {
                wanted[place] = day >= oldest[place]
                    && match find(days, day) {
                        None => true,
                        Some(rolled) if rolled.sealed => false,
                        Some(rolled) => {
                            generation > rolled.block.footer.sequence.1
                                || rolled.is_concerned(&tombstones)?
                        }
                    };
            }
            if wanted.contains(&true) {
                return Ok(Some((day, wanted)));
            }
        }
        Ok(None)
    }

    /// Rolls up a day from its raw data.
    fn roll_up_day(
        &self,
        day: Day,
        wanted: [bool; 2],
        done: &mut Maintenance,
    ) -> Result<(), StoreError> {
        let (blocks, rollups, tombstones) = self.memory.read().rolled();
        let applied = self.memory.read().last_tombstone();
        let overlaps = |block: &&Arc<Block>| block.footer.range.overlaps(day.range());
        let raw: Vec<_> = blocks.iter().filter(overlaps).cloned().collect();
        let newest = blocks.last().map_or(0, |block| block.footer.sequence.1);
        let oldest = raw.first().map_or(newest, |block| block.footer.sequence.0);
        let mut files = Vec::new();
        let resolutions = Resolution::ALL.into_iter().zip(wanted);
        for (resolution, _) in resolutions.filter(|(_, wanted)| *wanted) {
            let path = self.rollup_path(day, resolution, false);
            let created = File::create(self, &path, resolution);
            let file = created.map_err(|error| abandon(&mut files, error))?;
            files.push(file);
        }
        let written = self.write_windows(&mut files, (day, &raw), &tombstones);
        written.map_err(|error| abandon(&mut files, error))?;
        // Damage that is found now may be in what the roll-ups that are there were made of.
        let lost = raw.iter().any(|block| block.is_damaged());
        let mut replaced = rollups.iter().zip(wanted);
        if lost && replaced.any(|(days, wanted)| wanted && find(days, day).is_some()) {
            files.into_iter().for_each(File::abandon);
            return self.seal_rollups(day.range());
        }
        if files.iter().all(|file| file.is_empty) {
            self.rolling.lock().empty.insert(day, newest);
        }
        while let Some(file) = files.pop() {
            let resolution = file.resolution;
            let rolled = file.finish(self, (oldest, newest), applied);
            let rolled = rolled.map_err(|error| abandon(&mut files, error))?;
            let rolled = rolled.map(|block| RolledDay {
                day,
                sealed: false,
                block,
            });
            self.replace(resolution, day, rolled, done)?;
        }
        Ok(())
    }

    /// Computes the windows of all series of a day.
    fn write_windows(
        &self,
        files: &mut [File],
        (day, raw): (Day, &[Arc<Block>]),
        tombstones: &[Tombstone],
    ) -> Result<(), StoreError> {
        let mut cursors = Vec::new();
        for block in raw {
            cursors.push((Cursor::new(block)?, Pending::of(tombstones, &block.footer)));
        }
        let mut columns = Columns::new();
        let mut windows = Windows::default();
        while let Some(labels) = lowest(&cursors) {
            read_series(&mut cursors, &labels, day.range(), &mut columns)?;
            let counter = self.is_counter(&labels);
            for file in &mut *files {
                windows.fill(&columns, file.resolution);
                let rows = layout::lay_out(&windows, day, counter);
                file.add(labels.as_ref(), &rows)?;
            }
        }
        Ok(())
    }

    fn is_counter(&self, labels: &Labels) -> bool {
        let name = labels.name();
        is_counter(name, self.metadata.read().get(name))
    }

    /// Puts a new roll-up of a day in the place of the one before, or removes that.
    fn replace(
        &self,
        resolution: Resolution,
        day: Day,
        rolled: Option<RolledDay>,
        done: &mut Maintenance,
    ) -> Result<(), StoreError> {
        let gone = {
            let days = &mut self.memory.write().rollups[resolution as usize];
            let before = days.iter().position(|rolled| rolled.day == day);
            let before = before.map(|place| days.remove(place));
            let place = days.partition_point(|rolled| rolled.day < day);
            done.rollups_written += usize::from(rolled.is_some() || before.is_some());
            let gone = before.filter(|_| rolled.is_none());
            days.splice(place..place, rolled);
            gone
        };
        // A new one has taken the name of the one before.
        gone.map_or(Ok(()), |gone| self.remove_for_good(&gone.block))
    }

    /// Cuts deleted windows from one roll-up that cannot be made again.
    fn cut_one(&self, done: &mut Maintenance) -> Result<(), StoreError> {
        let (blocks, rollups, tombstones) = self.memory.read().rolled();
        if tombstones.is_empty() {
            return Ok(());
        }
        for (days, resolution) in rollups.iter().zip(Resolution::ALL) {
            for rolled in days {
                let range = rolled.day.range();
                let raw = blocks.iter().any(|b| b.footer.range.overlaps(range));
                let alone = rolled.sealed || !raw;
                // A damaged one is left: what is whole of it is the only copy.
                if alone && !rolled.block.is_damaged() && rolled.is_concerned(&tombstones)? {
                    return self.cut(rolled, resolution, &tombstones, done);
                }
            }
        }
        Ok(())
    }

    fn cut(
        &self,
        rolled: &RolledDay,
        resolution: Resolution,
        tombstones: &[Tombstone],
        done: &mut Maintenance,
    ) -> Result<(), StoreError> {
        let mut file = File::create(self, &rolled.block.path, resolution)?;
        let written = cut_windows(&mut file, rolled, tombstones);
        if written.is_err() || rolled.block.is_damaged() {
            file.abandon();
            return written;
        }
        let applied = self.memory.read().last_tombstone();
        let cut = file.finish(self, rolled.block.footer.sequence, applied)?;
        let cut = cut.map(|block| RolledDay {
            block,
            ..rolled.clone()
        });
        self.replace(resolution, rolled.day, cut, done)
    }

    /// Whether deleted samples are still in a roll-up.
    pub(super) fn must_clean_rollups(&self) -> Result<bool, StoreError> {
        let (_, rollups, tombstones) = self.memory.read().rolled();
        for rolled in rollups.iter().flatten() {
            if rolled.is_concerned(&tombstones)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Notes on disk that raw data of these times goes: what is rolled up of it stays as it is.
    pub(super) fn seal_rollups(&self, range: TimeRange) -> Result<(), StoreError> {
        for resolution in Resolution::ALL {
            let days = self.memory.read().rollups[resolution as usize].clone();
            let open = |each: &&RolledDay| !each.sealed && each.day.range().overlaps(range);
            let mut renamed = false;
            for rolled in days.iter().filter(open) {
                let path = self.rollup_path(rolled.day, resolution, true);
                let moved = self.disk.rename(&rolled.block.path, &path);
                moved.map_err(|source| StoreError::io("rename", &path, source))?;
                let block = Arc::new(self.open_block(&path)?);
                let days = &mut self.memory.write().rollups[resolution as usize];
                if let Some(sealed) = days.iter_mut().find(|other| other.day == rolled.day) {
                    sealed.sealed = true;
                    sealed.block = block;
                }
                renamed = true;
            }
            if renamed {
                let folder = folder(&self.dir, resolution);
                let synced = self.disk.sync_dir(&folder);
                synced.map_err(|source| StoreError::io("sync", &folder, source))?;
            }
        }
        Ok(())
    }

    /// Removes roll-ups that are too old, or too many.
    pub(super) fn retain_rollups(
        &self,
        now: Timestamp,
        done: &mut Maintenance,
    ) -> Result<(), StoreError> {
        for (place, keep) in self.options.rollup_retention.iter().enumerate() {
            let days = self.memory.read().rollups[place].clone();
            let held = |rolled: &RolledDay| Held {
                range: rolled.day.range(),
                bytes: rolled.block.bytes,
                samples: rolled.block.footer.samples,
            };
            let all: Vec<Held> = days.iter().map(held).collect();
            for gone in surplus(&all, keep, now) {
                let RolledDay { day, block, .. } = &days[gone];
                self.memory.write().rollups[place].retain(|other| other.day != *day);
                let removed = &mut self.rolling.lock().removed[place];
                *removed = (*removed).max(Some(*day));
                self.remove_for_good(block)?;
                done.rollups_removed += 1;
            }
        }
        Ok(())
    }

    fn rollup_path(&self, day: Day, resolution: Resolution, sealed: bool) -> PathBuf {
        let ending = if sealed { SEALED } else { "" };
        let name = format!("{}{ending}.block", day.name());
        folder(&self.dir, resolution).join(name)
    }
}

impl Memory {
    /// What making roll-ups starts from.
    #[expect(clippy::type_complexity, reason = "taken apart where it is asked for")]
    fn rolled(&self) -> (Vec<Arc<Block>>, [Vec<RolledDay>; 2], Arc<[Tombstone]>) {
        let (blocks, rollups) = (self.blocks.clone(), self.rollups.clone());
        (blocks, rollups, self.tombstones.clone())
    }
}

/// Removes files that an error leaves half done.
fn abandon(files: &mut Vec<File>, error: StoreError) -> StoreError {
    files.drain(..).for_each(File::abandon);
    error
}

fn find(days: &[RolledDay], day: Day) -> Option<&RolledDay> {
    let place = days.binary_search_by_key(&day, |rolled| rolled.day);
    place.ok().and_then(|place| days.get(place))
}

fn cut_windows(
    file: &mut File,
    rolled: &RolledDay,
    tombstones: &[Tombstone],
) -> Result<(), StoreError> {
    let pending = rolled.pending(tombstones);
    let none = Pending::of(&[], &rolled.block.footer);
    let mut cursors = [(Cursor::new(&rolled.block)?, none)];
    let mut columns = Columns::new();
    while let Some(labels) = lowest(&cursors) {
        read_series(&mut cursors, &labels, TimeRange::ALL, &mut columns)?;
        let hidden = pending.hidden(labels.as_ref());
        let hidden = hidden.into_iter();
        let hidden = hidden.map(|times| layout::whole_windows(times, file.resolution));
        let hidden: Vec<TimeRange> = hidden.collect();
        let rows = layout::without(&columns, rolled.day, &hidden);
        file.add(labels.as_ref(), &rows)?;
    }
    Ok(())
}
