//! The threads that keep the store tidy: one turns memory into blocks, one merges, cleans and
//! removes blocks at low priority, and takes snapshots of values when they are due.
//!
//! The first is woken when memory fills up and never waits for the second, which may be busy with a
//! day of data. Neither is the sampler's, because both take longer than a tick.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use tacho_model::Timestamp;
use tacho_store::{SNAPSHOT_LOOKBACK, SnapshotInfo, StoreError};

use crate::allocator;
use crate::app::App;

/// How often the store is kept tidy when memory does not fill up.
const EVERY: Duration = Duration::from_secs(10);
/// How long to wait after a failure: memory may still be full, which would end the wait at once.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How much less important merging is than serving (nice).
const NICE: i32 = 10;

/// The running threads. They end when this is dropped; [`Self::join`] waits for that.
pub struct Maintenance {
    app: Arc<App>,
    stop: Option<mpsc::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Maintenance {
    /// Starts the threads.
    pub fn start(app: &Arc<App>) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let (leave, left) = mpsc::channel::<()>();
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.spawn(work)
        };
        let writing = Arc::clone(app);
        let write = move || {
            // `left` hears when the other thread ends, which is when this one should.
            while !matches!(left.try_recv(), Err(mpsc::TryRecvError::Disconnected)) {
                match writing.store.write_out(Timestamp::now()) {
                    Ok(done) => release_after(&done),
                    Err(error) => {
                        tell(&error, "memory could not be written out");
                        std::thread::sleep(AFTER_FAILURE);
                    }
                }
                writing.store.wait_for_work(EVERY);
            }
        };
        let merging = Arc::clone(app);
        let interval = app.settings.storage.snapshots.interval;
        let every = interval.unwrap_or(EVERY).min(EVERY);
        let merge = move || {
            lower_priority();
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(every) {
                maintain(&merging, Timestamp::now());
            }
            drop(leave);
            merging.store.wake();
        };
        Ok(Self {
            app: Arc::clone(app),
            stop: Some(stop),
            threads: vec![
                spawn("tacho-flush", Box::new(write))?,
                spawn("tacho-merge", Box::new(merge))?,
            ],
        })
    }

    /// Ends the threads and waits for them; whether all ended well.
    pub fn join(mut self) -> bool {
        self.stop = None;
        self.app.store.wake();
        let threads = std::mem::take(&mut self.threads);
        threads.into_iter().all(|thread| thread.join().is_ok())
    }
}

/// Makes this thread give way to those that serve. On Linux the priority is the thread's.
fn lower_priority() {
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "merging runs at the priority of everything else");
    }
}

/// What was in memory until now, or was needed for merging, goes back to the system.
fn release_after(done: &tacho_store::Maintenance) {
    if *done != tacho_store::Maintenance::default() {
        allocator::release();
    }
}

fn tell(error: &StoreError, what: &str) {
    tracing::error!(error = error as &dyn std::error::Error, "{what}");
}

fn maintain(app: &App, now: Timestamp) {
    match app.store.maintain(now) {
        Ok(done) => release_after(&done),
        Err(error) => tell(&error, "maintenance failed"),
    }
    if let Err(error) = snapshots(app, now) {
        tell(&error, "the snapshot of values failed");
    }
    if let Err(error) = app.auth.note_uses(app.store.state(), false) {
        tell(&error, "when tokens were last used is not kept");
    }
    // The history of alerts and other records is kept as long as the samples that it is about.
    let before = now - app.settings.storage.options.retention;
    if let Err(error) = app.store.state().prune(before) {
        tell(&error, "old records are not pruned");
    }
}

/// Takes a snapshot when one is due, and removes those that are too old or too many.
fn snapshots(app: &App, now: Timestamp) -> Result<(), StoreError> {
    let settings = app.settings.storage.snapshots;
    // First, because it makes room that the next one may need.
    app.store.retain_value_snapshots(settings.retention, now)?;
    let Some(interval) = settings.interval else {
        return Ok(());
    };
    // What a server that has just started knows is not yet what is.
    let settled = app.uptime() >= interval.min(EVERY);
    if settled && is_due(&app.store.value_snapshots(), interval, now) {
        app.store.snapshot_values(None, now, SNAPSHOT_LOOKBACK)?;
        app.store.retain_value_snapshots(settings.retention, now)?;
    }
    Ok(())
}

/// Whether the newest snapshot without a name is an interval old. One from the future does not
/// count: the clock was set back.
fn is_due(snapshots: &[SnapshotInfo], interval: Duration, now: Timestamp) -> bool {
    let mut unnamed = snapshots.iter().filter(|snapshot| snapshot.name.is_none());
    let recent = |s: &SnapshotInfo| s.created <= now && now.since(s.created) < interval;
    !unnamed.any(recent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(taken: &[(i64, Option<&str>)], now: i64, expected: bool) {
        let at = Timestamp::from_secs;
        let snapshots: Vec<SnapshotInfo> = taken
            .iter()
            .map(|(created, name)| SnapshotInfo {
                id: created.to_string(),
                name: name.map(str::to_owned),
                created: at(*created),
                series: 1,
                bytes: 1,
                range: None,
            })
            .collect();
        let due = is_due(&snapshots, Duration::from_mins(1), at(now));
        assert_eq!(due, expected, "{taken:?} at {now}");
    }

    #[test]
    fn a2_a_snapshot_is_due_an_interval_after_the_last_one() {
        check(&[], 0, true);
        check(&[(0, None)], 59, false);
        check(&[(0, None)], 60, true);
        check(&[(0, None), (60, None)], 100, false);
        // One taken by hand under a name moves nothing.
        check(&[(0, None), (59, Some("mine"))], 60, true);
        // The clock was set back by a day.
        check(&[(86_400, None)], 0, true);
        check(&[(0, None), (86_400, None)], 30, false);
    }
}
