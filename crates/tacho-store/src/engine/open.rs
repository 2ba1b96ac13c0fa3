//! From files to memory: blocks are opened, the log is replayed, damage is set aside.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::append::Writer;
use super::records::{self, RecordTables};
use super::replay::{Covered, Log};
use super::rollup;
use super::{Engine, Memory};
use crate::block::Block;
use crate::block::paged::PagedFile;
use crate::cache::{self, Cache};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::folder;
use crate::options::StoreOptions;
use crate::quarantine::{Quarantine, Quarantined, Reports};
use crate::records::file::RecordFile;
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
            let records_dir = records::folder(dir);
            let dirs = [&blocks_dir, &wal_dir, &records_dir].into_iter();
            for folder in dirs.chain(&rollups_dirs) {
                let created = disk.create_dir(folder);
                created.map_err(|source| StoreError::io("create", folder, source))?;
            }
        }
        let cache = Arc::new(Cache::new(cache::BYTES_MAX));
        let blocks = open_blocks(&*disk, &blocks_dir, &quarantine, &cache)?;
        let blocks = in_sequence(&*disk, blocks, &quarantine)?;
        let record_files = open_records(&*disk, dir, &quarantine, &cache)?;
        let rollups = rollup::open(&*disk, dir, &quarantine, &cache)?;
        let covered = Covered {
            samples: blocks.iter().map(|block| block.footer.sequence.1).max(),
            records: covered_records(&record_files),
        };
        let mut metadata = newest_metadata(&blocks)?;
        let snapshots = super::value_snapshots::open(&*disk, dir, &quarantine, &cache)?;
        let in_files = covered.samples.max(covered.records.values().copied().max());
        let log = Log::list(&*disk, &quarantine, &wal_dir, in_files)?;
        let tombstones = tombstones::load(&*disk, dir, &quarantine)?;
        // Nor may what comes look older than a deletion, should the blocks it concerned be gone.
        let deleted = tombstones.iter().map(|t| t.generation).max();
        let rolled_up = rollup::newest_generation(&rollups);
        let before = log.generation().max(in_files).max(deleted).max(rolled_up);
        let generation = before.map_or(1, |generation| generation + 1);
        let replayed = log.replay(generation, &covered, &mut metadata)?;
        let seed = replayed.head.seed;
        let memory = Memory {
            blocks,
            frozen: None,
            head: Arc::new(replayed.head),
            tombstones: tombstones.into(),
            rollups,
            records: RecordTables {
                head: Arc::new(replayed.records),
                frozen: None,
                files: record_files,
            },
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

/// The newest generation of each table that is in its files.
fn covered_records(files: &BTreeMap<String, Vec<Arc<RecordFile>>>) -> BTreeMap<String, u64> {
    let newest = |files: &Vec<Arc<RecordFile>>| {
        let all = files.iter().map(|file| file.footer.sequence.1);
        all.max().unwrap_or(0)
    };
    let tables = files.iter();
    tables
        .map(|(table, files)| (table.clone(), newest(files)))
        .collect()
}

/// Every block holds all metadata known when it was written, so the newest readable one will do.
fn newest_metadata(
    blocks: &[Arc<Block>],
) -> Result<BTreeMap<String, tacho_model::Metadata>, StoreError> {
    for block in blocks.iter().rev() {
        if let Some(metadata) = block.metadata()? {
            return Ok(metadata.into_iter().collect());
        }
    }
    Ok(BTreeMap::new())
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

/// Opens all files of an extension in a folder, in order of their names; damaged ones are set
/// aside, and what was being written is removed.
fn open_folder<T>(
    disk: &dyn Disk,
    dir: &Path,
    extension: &str,
    quarantine: &Quarantine,
    open: impl Fn(&Path) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let names = match disk.list(dir) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(StoreError::io("list", dir, source)),
    };
    let mut files = Vec::new();
    for name in names {
        let path = dir.join(&name);
        let found = path.extension().and_then(std::ffi::OsStr::to_str);
        if found == Some("tmp") {
            remove(disk, &path, quarantine)?;
        }
        if found != Some(extension) {
            continue;
        }
        match open(&path) {
            Ok(file) => files.push(file),
            Err(StoreError::Damaged { reason, .. }) => {
                let length = disk.open(&path).and_then(|file| file.len()).unwrap_or(0);
                quarantine.take(&path, length, &reason);
            }
            Err(other) => return Err(other),
        }
    }
    Ok(files)
}

/// As [`open_folder`], of blocks.
pub(super) fn open_blocks(
    disk: &dyn Disk,
    dir: &Path,
    quarantine: &Quarantine,
    cache: &Arc<Cache>,
) -> Result<Vec<Block>, StoreError> {
    open_folder(disk, dir, "block", quarantine, |path| {
        Block::open(disk, path, quarantine.reports.clone(), cache.clone())
    })
}

/// The files of records, by table in order of sequence.
fn open_records(
    disk: &dyn Disk,
    dir: &Path,
    quarantine: &Quarantine,
    cache: &Arc<Cache>,
) -> Result<BTreeMap<String, Vec<Arc<RecordFile>>>, StoreError> {
    let opened = open_folder(disk, &records::folder(dir), "records", quarantine, |path| {
        RecordFile::open(disk, path, quarantine.reports.clone(), cache.clone())
    })?;
    let mut tables: BTreeMap<String, Vec<RecordFile>> = BTreeMap::new();
    for file in opened {
        let table = file.directory.schema.name().to_owned();
        tables.entry(table).or_default().push(file);
    }
    let tables = tables.into_iter();
    tables
        .map(|(table, files)| Ok((table, in_sequence(disk, files, quarantine)?)))
        .collect()
}

/// Removes a superfluous file, unless nothing may be changed.
fn remove(disk: &dyn Disk, path: &Path, quarantine: &Quarantine) -> Result<(), StoreError> {
    if quarantine.read_only {
        return Ok(());
    }
    let removed = disk.remove(path);
    removed.map_err(|source| StoreError::io("remove", path, source))
}

/// Puts files in order of their sequence; removes those that were merged into another.
fn in_sequence<T: Deref<Target = PagedFile>>(
    disk: &dyn Disk,
    mut files: Vec<T>,
    quarantine: &Quarantine,
) -> Result<Vec<Arc<T>>, StoreError> {
    // Wider ranges first among equal starts, so that what they supersede follows them.
    files.sort_by_key(|file| (file.footer.sequence.0, u64::MAX - file.footer.sequence.1));
    let mut kept: Vec<Arc<T>> = Vec::new();
    for file in files {
        let last = kept.last().map(|last| last.footer.sequence.1);
        if last.is_some_and(|last| file.footer.sequence.1 <= last) {
            // A crash came between merging files and removing what they were merged from.
            remove(disk, &file.path, quarantine)?;
        } else {
            kept.push(Arc::new(file));
        }
    }
    Ok(kept)
}
