//! The threads that keep the store tidy: one turns memory into blocks, one merges, cleans and
//! removes blocks at low priority.
//!
//! The first is woken when memory fills up and never waits for the second, which may be busy with a
//! day of data. Neither is the sampler's, because both take longer than a tick.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use tacho_model::Timestamp;
use tacho_store::StoreError;

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
                if let Err(error) = writing.store.write_out(Timestamp::now()) {
                    tell(&error, "memory could not be written out");
                    std::thread::sleep(AFTER_FAILURE);
                }
                writing.store.wait_for_work(EVERY);
            }
        };
        let merging = Arc::clone(app);
        let merge = move || {
            lower_priority();
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(EVERY) {
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

fn tell(error: &StoreError, what: &str) {
    tracing::error!(error = error as &dyn std::error::Error, "{what}");
}

fn maintain(app: &App, now: Timestamp) {
    if let Err(error) = app.store.maintain(now) {
        tell(&error, "maintenance failed");
    }
    // The history of alerts and other records is kept as long as the samples that it is about.
    let before = now - app.settings.storage.options.retention;
    if let Err(error) = app.store.state().prune(before) {
        tell(&error, "old records are not pruned");
    }
}
