//! Writing anew what is left of damaged files, after the damage was set aside.

use std::path::Path;
use std::sync::Arc;

use super::{Checked, name, walk};
use crate::block::format::Footer;
use crate::block::{Block, BlockWriter, Part};
use crate::codec::Effort;
use crate::disk::RealDisk;
use crate::engine::Engine;
use crate::error::StoreError;
use crate::quarantine::Quarantine;
use crate::records::file::RecordFile;
use crate::records::merge::{Run, merge};
use crate::records::write::RecordWriter;
use crate::state::{self, backup};

/// Makes a folder sound whose damage is known. Opening it has set aside what was damaged as a
/// whole.
pub(super) fn all(dir: &Path, engine: Engine, checked: &mut Checked) -> Result<(), StoreError> {
    let mut blocks = engine.with_files(|blocks, _| Ok(blocks.to_vec()))?;
    blocks.extend(engine.snapshot_blocks()?);
    let of = |file: &str| checked.damaged.iter().any(|entry| entry.file == file);
    blocks.retain(|block| of(&name(&engine, &block.path)));
    let mut lost = Vec::new();
    for block in &blocks {
        lost.push(rewrite(&engine, block)?);
    }
    let mut files = engine.record_files();
    files.retain(|file| of(&name(&engine, &file.path)));
    for file in &files {
        lost.push(rewrite_records(&engine, file)?);
    }
    let in_folder = |folder: &'static str| {
        let entries = checked.damaged.iter();
        entries.filter(move |entry| entry.file.starts_with(folder))
    };
    // Blocks that could not be opened, and whatever of the log could not be read.
    let is_open = |file: &str| {
        let records = files.iter().map(|file| &file.path);
        let mut open = blocks.iter().map(|block| &block.path).chain(records);
        open.any(|path| name(&engine, path) == file)
    };
    let framed = in_folder("blocks/").chain(in_folder("snapshots/"));
    let framed = framed.chain(in_folder("records/"));
    let closed = framed.filter(|entry| !is_open(&entry.file));
    for entry in closed.chain(in_folder("wal/")) {
        let (file, offset, bytes) = (&entry.file, entry.offset, entry.bytes);
        let reason = &entry.reason;
        lost.push(format!("{file}: {bytes} bytes at {offset}: {reason}"));
    }
    if in_folder("wal/").next().is_some() {
        // What the log still gave is in memory, and goes into a block.
        engine.flush()?;
        drop(blocks);
        drop(engine);
        remove_log(dir)?;
    }
    if of("tombstones") {
        lost.push(
            "tombstones: what was deleted but not yet off the disk is there again".to_owned(),
        );
    }
    if of("state.db") {
        lost.push(rewrite_state(dir)?);
    }
    checked.lost = lost;
    Ok(())
}

/// Replaces a block by one without its damaged pages; what that cost.
fn rewrite(engine: &Engine, block: &Block) -> Result<String, StoreError> {
    let mut writer = BlockWriter::create(engine.disk().clone(), &block.path, Effort::Final)?;
    let (mut series, mut samples) = (0, 0);
    let copied = walk(block, |labels, columns| {
        series += 1;
        samples += columns.len() as u64;
        writer.add(labels, &[Part::Columns(columns)])
    });
    let prepared = copied.and_then(|()| {
        let metadata = metadata(engine, block)?;
        let kept = engine.quarantine().keep(&block.path);
        kept.map_err(|source| StoreError::io("set aside", &block.path, source))?;
        Ok(metadata)
    });
    let metadata = match prepared {
        Ok(metadata) => metadata,
        Err(error) => {
            writer.abandon();
            return Err(error);
        }
    };
    if series == 0 {
        writer.abandon();
        // Where a file cannot have two names it is gone already.
        match engine.disk().remove(&block.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.map_err(|source| StoreError::io("remove", &block.path, source))?,
        }
    } else {
        let pairs = metadata.iter().map(|(name, value)| (name.as_str(), value));
        let Footer {
            sequence,
            level,
            tombstones,
            ..
        } = block.footer;
        writer.finish(pairs, sequence, level, tombstones)?;
    }
    let footer = &block.footer;
    Ok(format!(
        "{}: {} of {} samples, {} of {} series",
        name(engine, &block.path),
        footer.samples.saturating_sub(samples),
        footer.samples,
        footer.series.saturating_sub(series),
        footer.series
    ))
}

/// Replaces a file of records by one without its damaged groups; what that cost.
fn rewrite_records(engine: &Engine, file: &Arc<RecordFile>) -> Result<String, StoreError> {
    let (disk, schema) = (engine.disk(), &file.directory.schema);
    let mut writer = RecordWriter::create(disk.clone(), &file.path, schema, Effort::Final)?;
    let mut records = 0;
    let copied = merge(&[Run::File(file.clone())], schema, |stretch| {
        records += stretch.rows.len() as u64;
        writer.push(stretch)
    });
    let prepared = copied.and_then(|()| {
        let kept = engine.quarantine().keep(&file.path);
        kept.map_err(|source| StoreError::io("set aside", &file.path, source))
    });
    if let Err(error) = prepared {
        writer.abandon();
        return Err(error);
    }
    // Even without a record left it says which generations of the log it holds.
    writer.finish(file.footer.sequence, file.footer.level)?;
    Ok(format!(
        "{}: {} of {} records",
        name(engine, &file.path),
        file.footer.samples.saturating_sub(records),
        file.footer.samples
    ))
}

/// The block's own metadata, or else the newest that can be read: each block holds all that was
/// known.
fn metadata(
    engine: &Engine,
    block: &Block,
) -> Result<Vec<(String, tacho_model::Metadata)>, StoreError> {
    if let Some(own) = block.metadata()? {
        return Ok(own);
    }
    engine.with_files(|blocks, _| {
        let mut readable = blocks.iter().rev().map(|other| other.metadata());
        let newest = readable.find_map(Result::transpose).transpose()?;
        Ok(newest.unwrap_or_default())
    })
}

/// Removes a log whose samples are all in blocks.
fn remove_log(dir: &Path) -> Result<(), StoreError> {
    let wal = dir.join("wal");
    let io = |verb| {
        let wal = wal.clone();
        move |source| StoreError::io(verb, &wal, source)
    };
    for entry in std::fs::read_dir(&wal).map_err(io("list"))? {
        let path = entry.map_err(io("list"))?.path();
        if path.extension().is_some_and(|extension| extension == "wal") {
            let removed = std::fs::remove_file(&path);
            removed.map_err(|source| StoreError::io("remove", &path, source))?;
        }
    }
    crate::disk::Disk::sync_dir(&RealDisk, &wal).map_err(io("sync"))
}

/// Sets the database aside and makes a new one of the records that can be read; what that cost.
fn rewrite_state(dir: &Path) -> Result<String, StoreError> {
    let quarantine = Quarantine {
        disk: Arc::new(RealDisk),
        dir: dir.to_owned(),
        reports: Arc::default(),
        read_only: false,
    };
    let path = dir.join("state.db");
    let salvaged = dir.join("state.db.tmp");
    for leftover in state::files(&salvaged) {
        match std::fs::remove_file(&leftover) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.map_err(|source| StoreError::io("remove", &leftover, source))?,
        }
    }
    let (kept, broken) = backup::salvage(&path, &salvaged)?;
    for file in state::files(&path) {
        if file.exists() {
            let kept = quarantine.keep(&file);
            kept.map_err(|source| StoreError::io("set aside", &file, source))?;
        }
    }
    // Without the old log, before the new file: a log must never meet another's file.
    for file in state::files(&path).iter().skip(1) {
        if file.exists() {
            let removed = std::fs::remove_file(file);
            removed.map_err(|source| StoreError::io("remove", file, source))?;
        }
    }
    let renamed = std::fs::rename(&salvaged, &path);
    renamed.map_err(|source| StoreError::io("rename", &salvaged, source))?;
    let synced = crate::disk::Disk::sync_dir(&RealDisk, dir);
    synced.map_err(|source| StoreError::io("sync", dir, source))?;
    let which = match broken.as_slice() {
        [] => "none that could be told".to_owned(),
        tables => format!("some of {}", tables.join(", ")),
    };
    Ok(format!(
        "state.db: {kept} records were saved; lost: {which}"
    ))
}
