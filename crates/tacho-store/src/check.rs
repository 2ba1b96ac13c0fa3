//! Whether a data folder is sound, and making it sound again.
//!
//! Checking opens the folder as any reader does, which reads the log and the frame of each block,
//! and then reads every page of every block and file of records through the reader that queries use; the state
//! database checks itself. Repairing sets aside what is damaged, in the folder `quarantine`, and
//! writes what is left of a damaged file anew: a log into a block, a block without its damaged
//! pages, the records of the database that can still be read. Nothing is destroyed.
//!
//! Not looked at is what opening would remove anyway: segments and blocks that another block
//! replaced.

mod rewrite;

use std::path::Path;
use std::sync::Arc;

use tacho_model::{Columns, LabelsRef, TimeRange};

use crate::block::Block;
use crate::disk::RealDisk;
use crate::engine::Engine;
use crate::error::StoreError;
use crate::folder;
use crate::matching::Filter;
use crate::options::{Fsync, StoreOptions};
use crate::quarantine::Quarantined;
use crate::samples::Gather;
use crate::state::backup;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Blocks that were read.
    pub blocks: usize,
    /// Segments of the log that were read.
    pub segments: usize,
    /// Samples in the blocks, as far as they can be read.
    pub samples: u64,
    /// Files of records that were read.
    pub record_files: usize,
    /// Records in them, as far as they can be read.
    pub records: u64,
    /// Bytes of blocks, files of records and log.
    pub bytes: u64,
    /// What is damaged, by file and offset; at most a thousand places of samples.
    pub damaged: Vec<Quarantined>,
    /// What repairing could not save, a sentence for each file; empty after a mere check.
    pub lost: Vec<String>,
    /// Pieces that were set aside before.
    pub quarantined: usize,
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being read, relative to the data folder.
    pub file: &'a str,
    /// Bytes that were read.
    pub done: u64,
    /// Bytes there are.
    pub total: u64,
}

/// Verifies every checksum and every index of a data folder that no process writes to. Nothing in
/// it is changed.
///
/// # Errors
/// [`StoreError::Locked`] while a process has the folder, [`StoreError::Missing`] when there is
/// none, [`StoreError::NewerFormat`] when it is not this version's to judge. Damage is no error.
pub fn check(dir: &Path, mut progress: impl FnMut(Progress<'_>)) -> Result<Checked, StoreError> {
    let _lock = folder::lock_for_reading(dir)?;
    let engine = open(dir, true, &mut progress)?;
    examine(dir, &engine, &mut progress)
}

/// Checks as [`check`] does, sets aside what is damaged, and leaves a folder that is sound.
///
/// # Errors
/// As [`check`]; and those of writing. Repairing again goes on where it broke off.
pub fn repair(dir: &Path, mut progress: impl FnMut(Progress<'_>)) -> Result<Checked, StoreError> {
    // First as a reader, so that a folder without a store is not made into one.
    drop(folder::lock_for_reading(dir)?);
    let _lock = folder::lock_for_writing(dir)?;
    let engine = open(dir, false, &mut progress)?;
    let mut checked = examine(dir, &engine, &mut progress)?;
    rewrite::all(dir, engine, &mut checked)?;
    Ok(checked)
}

fn open(
    dir: &Path,
    read_only: bool,
    progress: &mut impl FnMut(Progress<'_>),
) -> Result<Engine, StoreError> {
    progress(Progress {
        file: "wal",
        done: 0,
        total: 0,
    });
    let options = StoreOptions {
        fsync: Fsync::Always,
        ..StoreOptions::default()
    };
    let format = folder::format_path(dir);
    let missing = !format.exists();
    let engine = Engine::open(Arc::new(RealDisk), dir, options, read_only)?;
    if missing {
        engine
            .quarantine()
            .reports
            .add(damage("FORMAT", "it is missing"));
    }
    Ok(engine)
}

/// Damage of a file as a whole.
fn damage(file: &str, reason: impl Into<String>) -> Quarantined {
    Quarantined {
        file: file.to_owned(),
        offset: 0,
        bytes: 0,
        reason: reason.into(),
    }
}

fn examine(
    dir: &Path,
    engine: &Engine,
    progress: &mut impl FnMut(Progress<'_>),
) -> Result<Checked, StoreError> {
    let mut checked = Checked::default();
    let blocks = engine.with_files(|blocks, log| {
        checked.segments = log.len();
        for segment in log {
            let length = engine
                .disk()
                .open(&segment.path)
                .and_then(|file| file.len());
            checked.bytes += length.unwrap_or(0);
        }
        Ok(blocks.to_vec())
    })?;
    checked.blocks = blocks.len();
    let values = engine.snapshot_blocks()?;
    let rollups = engine.rollups();
    let rollups = rollups.iter().map(|(_, block)| block);
    let all = || blocks.iter().chain(&values).chain(rollups.clone());
    let records = engine.record_files();
    checked.record_files = records.len();
    let total = checked.bytes
        + all().map(|block| block.bytes).sum::<u64>()
        + records.iter().map(|file| file.bytes).sum::<u64>();
    for (number, block) in all().enumerate() {
        progress(Progress {
            file: &name(engine, &block.path),
            done: checked.bytes,
            total,
        });
        let samples = verify(block)?;
        // Snapshots of values and roll-ups repeat what the blocks hold, or held.
        if number < blocks.len() {
            checked.samples += samples;
        }
        checked.bytes += block.bytes;
    }
    for file in &records {
        progress(Progress {
            file: &name(engine, &file.path),
            done: checked.bytes,
            total,
        });
        checked.records += file.verify()?;
        checked.bytes += file.bytes;
    }
    progress(Progress {
        file: "state.db",
        done: checked.bytes,
        total,
    });
    let (before, found): (Vec<_>, Vec<_>) = engine
        .quarantine()
        .reports
        .list()
        .into_iter()
        .partition(|entry| entry.file.starts_with("quarantine/"));
    // What opening set aside a moment ago is reported twice: as damage, and by its new name never.
    checked.quarantined = before.len();
    checked.damaged = found;
    let faults = backup::faults(&dir.join("state.db"))?;
    let faults = faults.into_iter().map(|fault| damage("state.db", fault));
    checked.damaged.extend(faults);
    checked
        .damaged
        .sort_by(|a, b| (&a.file, a.offset).cmp(&(&b.file, b.offset)));
    Ok(checked)
}

/// A path relative to the data folder.
fn name(engine: &Engine, path: &Path) -> String {
    let relative = path.strip_prefix(engine.dir()).unwrap_or(path);
    relative.to_string_lossy().into_owned()
}

/// Reads all of a block; what is damaged is added to the reports. How many samples it has that can
/// be read.
fn verify(block: &Block) -> Result<u64, StoreError> {
    block.verify()?;
    if !block.is_damaged() {
        return Ok(block.footer.samples);
    }
    let mut samples = 0;
    walk(block, |_, columns| {
        samples += columns.len() as u64;
        Ok(())
    })?;
    Ok(samples)
}

/// Hands every series of a block that has samples to `each`, in order; what is damaged is left
/// out and reported.
fn walk(
    block: &Block,
    mut each: impl FnMut(LabelsRef<'_>, &Columns) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut columns = Columns::new();
    let mut outcome = Ok(());
    block.matching(&Filter::new(&[]), TimeRange::ALL, |series| {
        let mut gather = Gather::new(&mut columns, TimeRange::ALL);
        outcome = block.read_rows(&series.rows, TimeRange::ALL, &mut gather);
        gather.finish();
        if outcome.is_ok() && !columns.is_empty() {
            outcome = each(series.labels, &columns);
        }
        outcome.is_ok()
    })?;
    outcome
}
