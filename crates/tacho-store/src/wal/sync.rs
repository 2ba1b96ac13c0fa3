//! When the log is forced to stable storage.
//!
//! With an interval, one thread sleeps until something is unsynced, waits the interval out, so
//! that many appends share one sync, and syncs. With nothing written it never wakes. A failed
//! sync is final: the kernel may have dropped the pages, so nothing more is acknowledged until
//! the store is reopened (Rebello et al., "Can Applications Recover from fsync Failures?", 2020).

use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::disk::DiskFile;
use crate::error::StoreError;
use crate::options::Fsync;

/// Syncs by policy, and remembers when that failed.
pub(crate) struct Syncer {
    shared: Arc<Shared>,
    fsync: Fsync,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    pending: Mutex<Pending>,
    wake: Condvar,
    failed: OnceLock<String>,
}

#[derive(Default)]
struct Pending {
    file: Option<Arc<dyn DiskFile>>,
    stop: bool,
}

impl Syncer {
    pub(crate) fn new(fsync: Fsync) -> Self {
        let shared = Arc::new(Shared::default());
        let thread = match fsync {
            Fsync::Always => None,
            Fsync::Interval(interval) => {
                let shared = shared.clone();
                let builder = std::thread::Builder::new().name("wal-sync".to_owned());
                builder.spawn(move || run(&shared, interval)).ok()
            }
        };
        // Without its thread the interval cannot be kept: sync at once instead.
        let fsync = if thread.is_some() {
            fsync
        } else {
            Fsync::Always
        };
        Self {
            shared,
            fsync,
            thread,
        }
    }

    /// An error once a sync has failed.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match self.shared.failed.get() {
            Some(reason) => Err(StoreError::ReadOnly {
                reason: reason.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Refuses everything from now on.
    pub(crate) fn refuse(&self, reason: &str) {
        let _ = self.shared.failed.set(reason.to_owned());
    }

    /// Says that `file` was written to.
    pub(crate) fn written(&self, file: &Arc<dyn DiskFile>) -> Result<(), StoreError> {
        if self.fsync == Fsync::Always {
            return self.sync(file);
        }
        let mut pending = self.shared.pending.lock();
        if pending.file.is_none() {
            pending.file = Some(file.clone());
            self.shared.wake.notify_one();
        }
        Ok(())
    }

    /// Syncs `file` now.
    pub(crate) fn sync(&self, file: &Arc<dyn DiskFile>) -> Result<(), StoreError> {
        self.check()?;
        self.shared.pending.lock().file = None;
        sync_or_refuse(&self.shared, file);
        self.check()
    }
}

fn sync_or_refuse(shared: &Shared, file: &Arc<dyn DiskFile>) {
    if let Err(error) = file.sync() {
        tracing::error!(%error, "the log could not be synced; writes are refused from now on");
        let _ = shared
            .failed
            .set(format!("syncing the log failed: {error}"));
    }
}

fn run(shared: &Shared, interval: Duration) {
    let mut pending = shared.pending.lock();
    while !pending.stop {
        if pending.file.is_none() {
            shared.wake.wait(&mut pending);
            continue;
        }
        shared.wake.wait_for(&mut pending, interval);
        if let Some(file) = pending.file.take() {
            parking_lot::MutexGuard::unlocked(&mut pending, || sync_or_refuse(shared, &file));
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.shared.pending.lock().stop = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // It ends within one sync; its panic would have been reported already.
            let _ = thread.join();
        }
    }
}
