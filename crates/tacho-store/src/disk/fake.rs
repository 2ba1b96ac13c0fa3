//! A disk in memory that can be crashed, filled and made to fail (after redb's crash tests).
//!
//! Every file has a live image, which the running program sees, and a durable one, which is what
//! a power cut is sure to leave: it follows when the file is synced. Names have the same two
//! images, and follow when their folder is synced. A crash answers with a new disk that holds
//! what survived.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Disk, DiskFile};

/// Bytes that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// What is left after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The process was killed: everything that reached the system.
    Killed,
    /// Power was cut: nothing that was not synced.
    PowerCut,
    /// Power was cut: of what was not synced any part, in any order, torn at sectors.
    Torn(u64),
}

#[derive(Default)]
struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last sync.
    pending: Vec<(usize, Vec<u8>)>,
}

#[derive(Default)]
struct Image {
    inodes: Vec<Inode>,
    live: BTreeMap<PathBuf, usize>,
    durable: BTreeMap<PathBuf, usize>,
    /// Folders that were renamed, from and to, since the folder they are in was synced.
    renamed: Vec<(PathBuf, PathBuf)>,
    operations: u64,
    crash_at: Option<u64>,
    fail_at: Option<u64>,
    capacity: Option<usize>,
    syncs_fail: bool,
    links_fail: bool,
}

/// A disk in memory; clones are the same disk.
#[derive(Clone, Default)]
pub(crate) struct FakeDisk(Arc<Mutex<Image>>);

struct FakeFile {
    disk: FakeDisk,
    inode: usize,
}

/// A small generator, so that a seed is all it takes to see a failure again (`SplitMix64`).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

impl FakeDisk {
    /// Every operation from number `operation` on fails; that one is left half done.
    pub(crate) fn crash_at(&self, operation: u64) {
        self.0.lock().crash_at = Some(operation);
    }

    /// Operation number `operation` fails and does nothing; those after it work.
    pub(crate) fn fail_at(&self, operation: u64) {
        self.0.lock().fail_at = Some(operation);
    }

    /// Operations that changed something so far.
    pub(crate) fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// Limits the bytes of all files together.
    pub(crate) fn set_capacity(&self, bytes: Option<usize>) {
        self.0.lock().capacity = bytes;
    }

    /// Bytes of all files together.
    pub(crate) fn used(&self) -> usize {
        self.0.lock().used()
    }

    /// Makes syncs fail, or work again.
    pub(crate) fn set_syncs_fail(&self, fail: bool) {
        self.0.lock().syncs_fail = fail;
    }

    /// Makes links fail, as between two file systems.
    pub(crate) fn set_links_fail(&self, fail: bool) {
        self.0.lock().links_fail = fail;
    }

    /// All files.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.0.lock().live.keys().cloned().collect()
    }

    /// The bytes of a file.
    pub(crate) fn bytes(&self, path: &Path) -> Vec<u8> {
        let image = self.0.lock();
        image.inodes[image.live[path]].live.clone()
    }

    /// Replaces the bytes of a file behind the program's back.
    pub(crate) fn set_bytes(&self, path: &Path, bytes: Vec<u8>) {
        let mut image = self.0.lock();
        let inode = image.live[path];
        image.inodes[inode].live = bytes;
    }

    /// A copy that shares nothing.
    pub(crate) fn copy(&self) -> Self {
        self.after(Crash::Killed)
    }

    /// The disk that the next process finds.
    pub(crate) fn after(&self, crash: Crash) -> Self {
        let image = &mut *self.0.lock();
        let mut random = Random(match crash {
            Crash::Torn(seed) => seed,
            Crash::Killed | Crash::PowerCut => 0,
        });
        let (mut live_names, mut durable_names) = (image.live.clone(), image.durable.clone());
        for (from, to) in &image.renamed {
            // A folder's new name is one entry in its parent: it is there or not.
            if matches!(crash, Crash::Torn(_)) && random.chance(50) {
                move_folder(&mut durable_names, from, to);
            } else {
                move_folder(&mut live_names, to, from);
            }
        }
        if crash == Crash::Killed {
            live_names.clone_from(&image.live);
        }
        let paths: BTreeSet<_> = live_names.keys().chain(durable_names.keys()).collect();
        let mut next = Image::default();
        for path in paths {
            let live = match crash {
                Crash::Killed => true,
                Crash::PowerCut => false,
                Crash::Torn(_) => random.chance(50),
            };
            let names = if live { &live_names } else { &durable_names };
            let Some(inode) = names.get(path) else {
                continue;
            };
            let bytes = image.inodes[*inode].survivor(crash, &mut random);
            next.live.insert(path.clone(), next.inodes.len());
            next.inodes.push(Inode {
                live: bytes.clone(),
                durable: bytes,
                pending: Vec::new(),
            });
        }
        next.durable = next.live.clone();
        Self(Arc::new(Mutex::new(next)))
    }
}

impl Inode {
    fn survivor(&self, crash: Crash, random: &mut Random) -> Vec<u8> {
        match crash {
            Crash::Killed => self.live.clone(),
            Crash::PowerCut => self.durable.clone(),
            Crash::Torn(_) => {
                let mut bytes = self.durable.clone();
                if random.chance(50) {
                    bytes.resize(self.live.len(), 0);
                }
                for (offset, written) in &self.pending {
                    for (i, sector) in written.chunks(SECTOR).enumerate() {
                        let start = offset + i * SECTOR;
                        let end = start + sector.len();
                        if random.chance(50) && end <= bytes.len() {
                            bytes[start..end].copy_from_slice(sector);
                        }
                    }
                }
                bytes
            }
        }
    }
}

impl Image {
    fn used(&self) -> usize {
        self.live
            .values()
            .map(|inode| self.inodes[*inode].live.len())
            .sum()
    }

    /// Counts an operation; whether it is the one that is left half done.
    fn step(&mut self) -> io::Result<bool> {
        self.check()?;
        self.operations += 1;
        if self.fail_at == Some(self.operations) {
            return Err(io::Error::other("input/output error"));
        }
        Ok(self.crash_at == Some(self.operations))
    }

    fn check(&self) -> io::Result<()> {
        if self.crash_at.is_some_and(|at| self.operations >= at) {
            return Err(crashed());
        }
        Ok(())
    }

    fn resize(&mut self, inode: usize, length: usize) -> io::Result<()> {
        let held = self.inodes[inode].live.len();
        let used = self.used().saturating_sub(held) + length;
        if length > held && self.capacity.is_some_and(|capacity| used > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.inodes[inode].live.resize(length, 0);
        Ok(())
    }

    fn inode(&self, path: &Path) -> io::Result<usize> {
        let found = self.live.get(path).copied();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Renames all that is in a folder.
fn move_folder(names: &mut BTreeMap<PathBuf, usize>, from: &Path, to: &Path) {
    let inside: Vec<_> = names
        .keys()
        .filter(|path| path.starts_with(from))
        .cloned()
        .collect();
    for path in inside {
        let rest = path.strip_prefix(from).map(|rest| to.join(rest));
        if let (Ok(moved), Some(inode)) = (rest, names.remove(&path)) {
            names.insert(moved, inode);
        }
    }
}

fn crashed() -> io::Error {
    io::Error::other("the power was cut")
}

fn done(crashed_now: bool) -> io::Result<()> {
    if crashed_now { Err(crashed()) } else { Ok(()) }
}

impl Disk for FakeDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut image = self.0.lock();
        let crashed_now = image.step()?;
        let inode = image.inodes.len();
        image.inodes.push(Inode::default());
        image.live.insert(path.to_owned(), inode);
        done(crashed_now)?;
        let disk = self.clone();
        Ok(Arc::new(FakeFile { disk, inode }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let image = self.0.lock();
        image.check()?;
        let inode = image.inode(path)?;
        let disk = self.clone();
        Ok(Arc::new(FakeFile { disk, inode }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut image = self.0.lock();
        let crashed_now = image.step()?;
        let Ok(inode) = image.inode(from) else {
            // No file of that name: a folder.
            move_folder(&mut image.live, from, to);
            image.renamed.push((from.to_owned(), to.to_owned()));
            return done(crashed_now);
        };
        image.live.remove(from);
        image.live.insert(to.to_owned(), inode);
        done(crashed_now)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut image = self.0.lock();
        let crashed_now = image.step()?;
        let inode = image.inode(from)?;
        if image.links_fail {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        image.live.insert(to.to_owned(), inode);
        done(crashed_now)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut image = self.0.lock();
        let crashed_now = image.step()?;
        image.inode(path)?;
        image.live.remove(path);
        done(crashed_now)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let image = self.0.lock();
        image.check()?;
        let inside = image.live.keys().filter(|path| path.parent() == Some(dir));
        let names = inside.filter_map(|path| path.file_name());
        Ok(names
            .map(|name| name.to_string_lossy().into_owned())
            .collect())
    }

    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        self.0.lock().check()
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut image = self.0.lock();
        let crashed_now = image.step()?;
        if !crashed_now {
            let image = &mut *image;
            let (now, later) = std::mem::take(&mut image.renamed)
                .into_iter()
                .partition(|(_, to): &(PathBuf, PathBuf)| to.parent() == Some(dir));
            image.renamed = later;
            let now: Vec<(PathBuf, PathBuf)> = now;
            for (from, to) in now {
                move_folder(&mut image.durable, &from, &to);
            }
            image.durable.retain(|path, _| path.parent() != Some(dir));
            let inside = image
                .live
                .iter()
                .filter(|(path, _)| path.parent() == Some(dir));
            image
                .durable
                .extend(inside.map(|(path, inode)| (path.clone(), *inode)));
        }
        done(crashed_now)
    }
}

impl DiskFile for FakeFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let image = self.disk.0.lock();
        image.check()?;
        let start = offset as usize;
        let held = image.inodes[self.inode].live.get(start..start + into.len());
        into.copy_from_slice(held.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut image = self.disk.0.lock();
        let crashed_now = image.step()?;
        let offset = offset as usize;
        let bytes = if crashed_now {
            &bytes[..bytes.len() / 2]
        } else {
            bytes
        };
        let end = offset + bytes.len();
        if end > image.inodes[self.inode].live.len() {
            image.resize(self.inode, end)?;
        }
        let inode = &mut image.inodes[self.inode];
        inode.live[offset..end].copy_from_slice(bytes);
        inode.pending.push((offset, bytes.to_vec()));
        done(crashed_now)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let mut image = self.disk.0.lock();
        let crashed_now = image.step()?;
        image.resize(self.inode, length as usize)?;
        done(crashed_now)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut image = self.disk.0.lock();
        let crashed_now = image.step()?;
        image.resize(self.inode, length as usize)?;
        done(crashed_now)
    }

    fn sync(&self) -> io::Result<()> {
        let mut image = self.disk.0.lock();
        let crashed_now = image.step()?;
        if image.syncs_fail {
            return Err(io::Error::other("input/output error"));
        }
        if !crashed_now {
            let inode = &mut image.inodes[self.inode];
            inode.durable.clone_from(&inode.live);
            inode.pending.clear();
        }
        done(crashed_now)
    }

    fn len(&self) -> io::Result<u64> {
        let image = self.disk.0.lock();
        image.check()?;
        Ok(image.inodes[self.inode].live.len() as u64)
    }
}
