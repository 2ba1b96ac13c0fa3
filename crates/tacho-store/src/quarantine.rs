//! Damaged bytes: set aside, reported, never in the way.
//!
//! What a file lost is copied to (or, for a whole file, moved to) the folder `quarantine` of the
//! data folder, so that nothing is destroyed by opening a store. The list is bounded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{Disk, write_all};

/// Most entries in the report, and most files that are written aside.
const REPORTS_MAX: usize = 1000;

/// Stored bytes that are not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The file they were in, relative to the data folder.
    pub file: String,
    /// Where in the file.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
    /// What is wrong with them.
    pub reason: String,
}

/// The list of what was found damaged, shared by everything that reads files.
#[derive(Default)]
pub(crate) struct Reports(Mutex<Vec<Quarantined>>);

impl Reports {
    /// Adds an entry unless that place is known already; whether it was new.
    pub(crate) fn add(&self, entry: Quarantined) -> bool {
        let mut list = self.0.lock();
        let known = |e: &Quarantined| (&e.file, e.offset) == (&entry.file, entry.offset);
        if list.len() >= REPORTS_MAX || list.iter().any(known) {
            return false;
        }
        tracing::warn!(
            file = entry.file,
            offset = entry.offset,
            bytes = entry.bytes,
            reason = entry.reason,
            "damaged data is set aside"
        );
        list.push(entry);
        true
    }

    /// All entries.
    pub(crate) fn list(&self) -> Vec<Quarantined> {
        self.0.lock().clone()
    }
}

/// Where damaged bytes go; on a read-only store they only are reported.
pub(crate) struct Quarantine {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    pub(crate) reports: Arc<Reports>,
    pub(crate) read_only: bool,
}

impl Quarantine {
    fn folder(&self) -> PathBuf {
        self.dir.join("quarantine")
    }

    fn name(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.dir).unwrap_or(path);
        relative.to_string_lossy().into_owned()
    }

    /// Reports a damaged stretch of a file and keeps a copy of its bytes.
    pub(crate) fn copy(&self, path: &Path, offset: u64, bytes: &[u8], reason: &str) {
        let file = self.name(path);
        let kept = format!("{}-at-{offset}.bin", file.replace('/', "-"));
        self.report(file, offset, bytes.len() as u64, reason);
        if self.read_only {
            return;
        }
        let kept = self.folder().join(kept);
        if let Err(error) = self
            .prepare()
            .and_then(|()| write_all(&*self.disk, &kept, bytes))
        {
            tracing::warn!(path = %kept.display(), %error, "could not keep damaged bytes");
        }
    }

    /// Reports a file that is damaged as a whole and moves it away.
    pub(crate) fn take(&self, path: &Path, bytes: u64, reason: &str) {
        let file = self.name(path);
        let kept = self.folder().join(file.replace('/', "-"));
        self.report(file, 0, bytes, reason);
        if self.read_only {
            return;
        }
        if let Err(error) = self.prepare().and_then(|()| self.disk.rename(path, &kept)) {
            tracing::warn!(path = %path.display(), %error, "could not move a damaged file away");
        }
    }

    /// Keeps a file that is about to be replaced: it stays where it is, and is here as well. Where
    /// a file cannot have two names it is moved.
    pub(crate) fn keep(&self, path: &Path) -> std::io::Result<()> {
        self.prepare()?;
        let name = self.name(path).replace('/', "-");
        let taken = self.disk.list(&self.folder())?;
        let free = |name: &String| !taken.contains(name);
        let numbered = (1..=REPORTS_MAX).map(|number| format!("{name}.{number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        let kept = names.find(free).unwrap_or(name);
        let kept = self.folder().join(kept);
        let linked = self.disk.link(path, &kept);
        linked.or_else(|_| self.disk.rename(path, &kept))?;
        self.disk.sync_dir(&self.folder())
    }

    fn prepare(&self) -> std::io::Result<()> {
        self.disk.create_dir(&self.folder())?;
        let kept = self.disk.list(&self.folder())?.len();
        if kept >= REPORTS_MAX {
            return Err(std::io::Error::other("the quarantine folder is full"));
        }
        Ok(())
    }

    fn report(&self, file: String, offset: u64, bytes: u64, reason: &str) {
        let reason = reason.to_owned();
        self.reports.add(Quarantined {
            file,
            offset,
            bytes,
            reason,
        });
    }
}
