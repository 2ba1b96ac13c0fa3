//! What the parts of a running server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use tacho_collect::HostSnapshot;
use tacho_model::{AppendError, AppendOutcome, Appender, Batch, Timestamp};
use tacho_store::Store;
use tokio::sync::{Semaphore, watch};

use crate::alerting::Alerting;
use crate::http::problem::{Answer, Problem};
use crate::ingest::Ingest;
use crate::settings::Settings;
use crate::summary::SummaryCache;

/// The shared state, as handlers hold it.
pub type SharedApp = Arc<App>;

/// How long a request waits for its turn before it is told to come back.
const QUEUE_WAIT: Duration = Duration::from_secs(10);

/// What the parts of a running server share.
pub struct App {
    /// The configuration.
    pub settings: Settings,
    /// The store.
    pub store: Arc<Store>,
    /// Points on their way in.
    pub ingest: Ingest,
    /// The host as of the last tick.
    pub host: RwLock<HostSnapshot>,
    /// Alert rules and their states.
    pub alerting: Alerting,
    /// The dashboard's summary and what it remembers between two looks.
    pub summary: SummaryCache,
    /// When the server started.
    pub started: Timestamp,
    /// The newest tick; watchers wake when it changes. The end of it means shutdown.
    tick: watch::Sender<Timestamp>,
    queries: Semaphore,
    samples: AtomicU64,
    /// Why the store refused the last batch.
    refusing: RwLock<Option<String>>,
}

impl App {
    /// A server's shared state around an open store.
    pub fn new(settings: Settings, store: Arc<Store>, started: Timestamp) -> Self {
        let queries = Semaphore::new(settings.server.queries_max);
        let alerting = Alerting::new(&settings.rules.rules, &store);
        Self {
            settings,
            store,
            ingest: Ingest::default(),
            host: RwLock::default(),
            alerting,
            summary: SummaryCache::default(),
            started,
            tick: watch::Sender::new(started),
            queries,
            samples: AtomicU64::new(0),
            refusing: RwLock::default(),
        }
    }

    /// Runs synchronous work on a blocking thread, at most `queries_max` at a time.
    pub(crate) async fn blocking<T, F>(self: &Arc<Self>, work: F) -> Answer<T>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Answer<T> + Send + 'static,
    {
        let Ok(Ok(_permit)) = tokio::time::timeout(QUEUE_WAIT, self.queries.acquire()).await else {
            return Err(Problem::overloaded(
                "too many queries are waiting; try again",
            ));
        };
        let app = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&app)).await;
        done.unwrap_or_else(|error| Err(Problem::internal(&error)))
    }

    /// Appends a batch and counts its samples.
    pub fn append(&self, batch: &Batch) -> Result<AppendOutcome, AppendError> {
        let appended = self.store.append(batch);
        *self.refusing.write() = appended.as_ref().err().map(ToString::to_string);
        self.count_samples(appended.as_ref().map_or(0, |outcome| outcome.accepted));
        appended
    }

    /// Why the store refused the last batch; `None` when it took it.
    pub fn refusing(&self) -> Option<String> {
        self.refusing.read().clone()
    }

    /// Counts samples that were accepted.
    pub fn count_samples(&self, accepted: usize) {
        self.samples.fetch_add(accepted as u64, Ordering::Relaxed);
    }

    /// Samples accepted since the start.
    pub fn samples_accepted(&self) -> u64 {
        self.samples.load(Ordering::Relaxed)
    }

    /// Says that a tick is complete.
    pub fn ticked(&self, at: Timestamp) {
        self.tick.send_replace(at);
    }

    /// Wakes at each tick.
    pub fn watch_ticks(&self) -> watch::Receiver<Timestamp> {
        self.tick.subscribe()
    }

    /// The newest tick.
    pub fn last_tick(&self) -> Timestamp {
        *self.tick.borrow()
    }

    /// The name this host goes by in sentences.
    pub fn host_name(&self) -> String {
        self.host
            .read()
            .hostname
            .clone()
            .unwrap_or_else(|| "this host".to_owned())
    }
}
