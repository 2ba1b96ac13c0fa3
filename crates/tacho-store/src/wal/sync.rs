//! When the log is forced to stable storage.
//!
//! With `always`, whoever appended waits until what it wrote is synced; of those that wait at the
//! same time one syncs for all (group commit). With an interval, one thread sleeps until something
//! is unsynced, waits the interval out, so that many appends share one sync, and syncs; with
//! nothing written it never wakes. A failed sync is final: the kernel may have dropped the pages,
//! so nothing more is acknowledged until the store is reopened (Rebello et al., "Can Applications
//! Recover from fsync Failures?", 2020).

use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::disk::DiskFile;
use crate::error::StoreError;
use crate::options::Fsync;

/// Syncs by policy, and remembers when that failed.
pub(crate) struct Syncer {
    shared: Arc<Shared>,
    fsync: Fsync,
    thread: Option<JoinHandle<()>>,
}

/// What was written when: a later ticket is a larger one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Ticket(u64);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Something is unsynced, or the thread is to stop.
    wake: Condvar,
    /// A sync has ended.
    done: Condvar,
    failed: OnceLock<String>,
}

#[derive(Default)]
struct State {
    /// Files with unsynced writes; seldom more than one.
    pending: Vec<Arc<dyn DiskFile>>,
    written: Ticket,
    synced: Ticket,
    syncing: bool,
    stop: bool,
}

impl Syncer {
    pub(crate) fn new(fsync: Fsync) -> Self {
        let shared = Arc::new(Shared::default());
        let thread = match fsync {
            Fsync::Always | Fsync::Never => None,
            Fsync::Interval(interval) => {
                let shared = shared.clone();
                let builder = std::thread::Builder::new().name("wal-sync".to_owned());
                builder.spawn(move || run(&shared, interval)).ok()
            }
        };
        // Without its thread the interval cannot be kept: sync at once instead.
        let fsync = match (fsync, &thread) {
            (Fsync::Interval(_), None) => Fsync::Always,
            (fsync, _) => fsync,
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
    pub(crate) fn written(&self, file: &Arc<dyn DiskFile>) -> Ticket {
        let mut state = self.shared.state.lock();
        state.written.0 += 1;
        if self.fsync != Fsync::Never && !state.pending.iter().any(|held| Arc::ptr_eq(held, file)) {
            state.pending.push(Arc::clone(file));
            self.shared.wake.notify_one();
        }
        state.written
    }

    /// Waits until what a ticket stands for is as safe as the policy wants it before an append is
    /// acknowledged.
    pub(crate) fn wait(&self, ticket: Ticket) -> Result<(), StoreError> {
        if self.fsync == Fsync::Always {
            let mut state = self.shared.state.lock();
            while state.synced < ticket {
                self.check()?;
                if state.syncing {
                    self.shared.done.wait(&mut state);
                } else {
                    sync_pending(&self.shared, &mut state);
                }
            }
        }
        self.check()
    }

    /// Syncs all that was written.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        let mut state = self.shared.state.lock();
        while state.syncing {
            self.shared.done.wait(&mut state);
        }
        sync_pending(&self.shared, &mut state);
        drop(state);
        self.check()
    }
}

fn sync_pending(shared: &Shared, state: &mut MutexGuard<'_, State>) {
    let files = std::mem::take(&mut state.pending);
    let target = state.written;
    state.syncing = true;
    MutexGuard::unlocked(state, || {
        for file in &files {
            if let Err(error) = file.sync() {
                tracing::error!(%error, "the log could not be synced; writes are refused from now on");
                let reason = format!("syncing the log failed: {error}");
                let _ = shared.failed.set(reason);
            }
        }
    });
    state.syncing = false;
    state.synced = state.synced.max(target);
    shared.done.notify_all();
}

fn run(shared: &Shared, interval: Duration) {
    let mut state = shared.state.lock();
    while !state.stop {
        if state.pending.is_empty() {
            shared.wake.wait(&mut state);
            continue;
        }
        // Woken early by further writes, the rest of the interval is waited out all the same.
        let until = std::time::Instant::now() + interval;
        while !state.stop && !shared.wake.wait_until(&mut state, until).timed_out() {}
        if !state.syncing {
            sync_pending(shared, &mut state);
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.shared.state.lock().stop = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // It ends within one sync; its panic would have been reported already.
            let _ = thread.join();
        }
    }
}
