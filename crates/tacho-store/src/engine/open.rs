//! From files to memory: blocks are opened, the log is replayed, damage is set aside.

use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::append::Writer;
use super::replay::Log;
use super::rollup;
use super::{Engine, Memory};
use crate::block::Block;
use crate::cache::{self, Cache};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::folder;
use crate::options::StoreOptions;
use crate::quarantine::{Quarantine, Quarantined, Reports};
use crate::rollup::Resolution;
use crate::tombstones;
use crate::wal::Wal;
use crate::wal::sync::Syncer;

impl Engine {
    /// Opens the engine over `dir`, whose lock the caller holds.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: StoreOptions,
        read_only: bool,
    ) -> Result<Self, StoreError> {
        let reports = Arc::new(Reports::default());
        let quarantine = Quarantine {
            disk: disk.clone(),
            dir: dir.to_owned(),
            reports: reports.clone(),
            read_only,
        };
        list_quarantine(&*disk, dir, &reports);
        folder::check_format(&*disk, dir, &quarantine)?;
        let (blocks_dir, wal_dir) = (dir.join("blocks"), dir.join("wal"));
        if !read_only {
            let rollups_dirs = Resolution::ALL.map(|resolution| rollup::folder(dir, resolution));
            for folder in [&blocks_dir, &wal_dir].into_iter().chain(&rollups_dirs) {
                let created = disk.create_dir(folder);
                created.map_err(|source| StoreError::io("create", folder, source))?;
            }
        }
        let cache = Arc::new(Cache::new(cache::BYTES_MAX));
        let blocks = open_blocks(&*disk, &blocks_dir, &quarantine, &cache)?;
        let rollups = rollup::open(&*disk, dir, &quarantine, &cache)?;
        let covered = blocks.iter().map(|block| block.footer.sequence.1).max();
        let mut metadata = newest_metadata(&blocks)?;
        let snapshots = super::value_snapshots::open(&*disk, dir, &quarantine, &cache)?;
        let log = Log::list(&*disk, &quarantine, &wal_dir, covered)?;
        let tombstones = tombstones::load(&*disk, dir, &quarantine)?;
        // Nor may what comes look older than a deletion, should the blocks it concerned be gone.
        let deleted = tombstones.iter().map(|t| t.generation).max();
        let rolled_up = rollup::newest_generation(&rollups);
        let before = log.generation().max(covered).max(deleted).max(rolled_up);
        let generation = before.map_or(1, |generation| generation + 1);
        let replayed = log.replay(generation, covered, &mut metadata)?;
        let seed = replayed.head.seed;
        let memory = Memory {
            blocks,
            frozen: None,
            head: Arc::new(replayed.head),
            tombstones: tombstones.into(),
            rollups,
        };
        let syncer = Arc::new(Syncer::new(options.fsync));
        let writer = (!read_only).then(|| {
            let wal = Wal::new(
                disk.clone(),
                wal_dir,
                options.segment_bytes,
                (generation, seed),
                replayed.last_number,
                replayed.closed,
                Arc::clone(&syncer),
            );
            Mutex::new(Writer { wal })
        });
        Ok(Self {
            disk,
            dir: dir.to_owned(),
            options,
            quarantine,
            cache,
            writer,
            syncer,
            memory: RwLock::new(memory),
            metadata: RwLock::new(metadata),
            scratches: Mutex::default(),
            growth: super::growth::Growth::default(),
            work: super::Work::default(),
            snapshots,
            rolling: Mutex::default(),
            maintenance: Mutex::new(()),
            flushing: Mutex::new(()),
        })
    }
}

/// Every block holds all metadata known when it was written, so the newest readable one will do.
fn newest_metadata(
    blocks: &[Arc<Block>],
) -> Result<std::collections::BTreeMap<String, tacho_model::Metadata>, StoreError> {
    for block in blocks.iter().rev() {
        if let Some(metadata) = block.metadata()? {
            return Ok(metadata.into_iter().collect());
        }
    }
    Ok(std::collections::BTreeMap::new())
}

/// Reports what lies in the quarantine folder from before.
fn list_quarantine(disk: &dyn Disk, dir: &Path, reports: &Reports) {
    let folder = dir.join("quarantine");
    // It only exists once there was damage.
    for name in disk.list(&folder).unwrap_or_default() {
        let length = disk.open(&folder.join(&name)).and_then(|file| file.len());
        reports.add(Quarantined {
            file: format!("quarantine/{name}"),
            offset: 0,
            bytes: length.unwrap_or(0),
            reason: "set aside earlier".to_owned(),
        });
    }
}

/// Opens all blocks in a folder, in order of their names; damaged ones are set aside, and what
/// was being written is removed.
pub(super) fn open_folder(
    disk: &dyn Disk,
    dir: &Path,
    quarantine: &Quarantine,
    cache: &Arc<Cache>,
) -> Result<Vec<Block>, StoreError> {
    let names = match disk.list(dir) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(StoreError::io("list", dir, source)),
    };
    let mut blocks = Vec::new();
    for name in names {
        let path = dir.join(&name);
        let extension = path.extension().and_then(std::ffi::OsStr::to_str);
        if extension == Some("tmp") {
            remove(disk, &path, quarantine)?;
        }
        if extension != Some("block") {
            continue;
        }
        match Block::open(disk, &path, quarantine.reports.clone(), cache.clone()) {
            Ok(block) => blocks.push(block),
            Err(StoreError::Damaged { reason, .. }) => {
                let length = disk.open(&path).and_then(|file| file.len()).unwrap_or(0);
                quarantine.take(&path, length, &reason);
            }
            Err(other) => return Err(other),
        }
    }
    Ok(blocks)
}

/// Removes a superfluous file, unless nothing may be changed.
fn remove(disk: &dyn Disk, path: &Path, quarantine: &Quarantine) -> Result<(), StoreError> {
    if quarantine.read_only {
        return Ok(());
    }
    let removed = disk.remove(path);
    removed.map_err(|source| StoreError::io("remove", path, source))
}

/// Opens all blocks in order of sequence; removes those that were merged into another.
fn open_blocks(
    disk: &dyn Disk,
    dir: &Path,
    quarantine: &Quarantine,
    cache: &Arc<Cache>,
) -> Result<Vec<Arc<Block>>, StoreError> {
    let blocks = open_folder(disk, dir, quarantine, cache)?;
    let mut blocks: Vec<Arc<Block>> = blocks.into_iter().map(Arc::new).collect();
    // Wider ranges first among equal starts, so that what they supersede follows them.
    blocks.sort_by_key(|b| (b.footer.sequence.0, u64::MAX - b.footer.sequence.1));
    let mut kept: Vec<Arc<Block>> = Vec::new();
    for block in blocks {
        let last = kept.last().map(|last| last.footer.sequence.1);
        if last.is_some_and(|last| block.footer.sequence.1 <= last) {
            // A crash came between merging blocks and removing what they were merged from.
            remove(disk, &block.path, quarantine)?;
        } else {
            kept.push(block);
        }
    }
    Ok(kept)
}
