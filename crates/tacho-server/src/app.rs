//! What the parts of a running server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tacho_collect::{Host, HostOptions, HostSnapshot};
use tacho_model::append::Culprit;
use tacho_model::{AppendError, Batch, Matcher, Querier, TimeRange, Timestamp};
use tacho_store::Store;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, watch};

use crate::alerting::Alerting;
use crate::auth::Auth;
use crate::exemplars;
use crate::filters::Filters;
use crate::forward::Forwarding;
use crate::http::problem::{Answer, Problem};
use crate::ingest::Ingest;
use crate::intake::Intake;
use crate::intake::quota::Quotas;
use crate::otlp::listeners::Listening;
use crate::otlp::logs::counts::LogCounts;
use crate::otlp::metrics::OtlpMetrics;
use crate::pushgateway::Gateway;
use crate::query::{QueryCtx, Waiting};
use crate::remote_write::Receiver;
use crate::rules::Rules;
use crate::scrape::Scraping;
use crate::settings::Settings;
use crate::span_metrics::SpanMetrics;
use crate::spans::trees::RecentTrees;
use crate::summary::SummaryCache;

/// The shared state, as handlers hold it.
pub type SharedApp = Arc<App>;

/// How long a request waits for its turn before it is told to come back.
pub(crate) const QUEUE_WAIT: Duration = Duration::from_secs(10);

/// What the parts of a running server share.
pub struct App {
    /// The configuration.
    pub settings: Settings,
    /// The store.
    pub store: Arc<Store>,
    /// Who may come in; nobody until [`Self::guarded_by`] says so.
    pub auth: Auth,
    /// What came in, counted.
    pub intake: Intake,
    /// What becomes of it before it is stored.
    pub filters: Filters,
    /// What one source may send.
    pub quotas: Option<Quotas>,
    /// Points on their way in.
    pub ingest: Ingest,
    /// Where OTLP is listened for beside the main port.
    pub listening: Listening,
    /// Log records counted by severity.
    pub log_counts: LogCounts,
    /// Metrics made of spans.
    pub span_metrics: SpanMetrics,
    /// Remote-write requests on their way in.
    pub remote_write: Receiver,
    /// OTLP metrics on their way in.
    pub otlp_metrics: OtlpMetrics,
    /// What jobs pushed.
    pub gateway: Gateway,
    /// How scraping goes.
    pub scraping: Scraping,
    /// What is sent on.
    pub forward: Forwarding,
    /// The host as of the last tick.
    pub host: RwLock<HostSnapshot>,
    /// Alert rules and their states.
    pub alerting: Alerting,
    /// Recording rules and how they go.
    pub rules: Rules,
    /// The dashboard's summary and what it remembers between two looks.
    pub summary: SummaryCache,
    /// The trees of the traces that were looked at last.
    pub trees: RecentTrees,
    /// When the server started.
    pub started: Timestamp,
    /// The newest tick; watchers wake when it changes. The end of it means shutdown.
    tick: watch::Sender<Timestamp>,
    queries: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
    samples: AtomicU64,
    /// Why the store refused the last batch.
    refusing: RwLock<Option<String>>,
    /// When a limit on series last refused one, and the metric that has the most of them.
    limit_hit: RwLock<Option<(Timestamp, Culprit)>>,
    /// Why samples of this host were refused at the last tick.
    collection_refused: RwLock<Option<String>>,
    /// The same moment as `started`, by the clock that never steps.
    up: Instant,
}

impl App {
    /// A server's shared state around an open store.
    pub fn new(settings: Settings, store: Arc<Store>, started: Timestamp) -> Self {
        let queries = Arc::new(Semaphore::new(settings.server.queries_max));
        let bodies = Arc::new(Semaphore::new(settings.server.bodies_max));
        let alerting = Alerting::new(&settings.rules.rules, &store);
        let rules = Rules::new(&settings.rules, &store);
        let gateway = Gateway::new(&settings.storage.dir);
        let server = &settings.server;
        let writes_max = server.writes_max;
        let remote_write = Receiver::new(server.remote_write, server.writes_max, server.bodies_max);
        Self {
            filters: Filters::new(&settings.filters),
            quotas: Quotas::new(settings.quotas.clone()),
            span_metrics: SpanMetrics::new(started, &settings.prices),
            settings,
            store,
            auth: Auth::shut(),
            intake: Intake::default(),
            listening: Listening::default(),
            log_counts: LogCounts::default(),
            ingest: Ingest::default(),
            remote_write,
            otlp_metrics: OtlpMetrics::new(writes_max),
            gateway,
            scraping: Scraping::default(),
            forward: Forwarding::default(),
            host: RwLock::new(this_host()),
            alerting,
            rules,
            summary: SummaryCache::default(),
            trees: RecentTrees::default(),
            started,
            tick: watch::Sender::new(started),
            queries,
            bodies,
            samples: AtomicU64::new(0),
            refusing: RwLock::default(),
            limit_hit: RwLock::default(),
            collection_refused: RwLock::default(),
            up: Instant::now(),
        }
    }

    /// The same, with who may come in.
    pub fn guarded_by(self, auth: Auth) -> Self {
        Self { auth, ..self }
    }

    /// Runs synchronous work on a blocking thread, at most `queries_max` at a time. What it reads
    /// through its context ends with `query_timeout`, or when the client hangs up.
    pub(crate) async fn blocking<T, F>(self: &Arc<Self>, work: F) -> Answer<T>
    where
        T: Send + 'static,
        F: FnOnce(&QueryCtx<'_>) -> Answer<T> + Send + 'static,
    {
        let turn = Arc::clone(&self.queries).acquire_owned();
        let Ok(Ok(permit)) = tokio::time::timeout(QUEUE_WAIT, turn).await else {
            return Err(Problem::overloaded(
                "too many queries are waiting; try again",
            ));
        };
        let app = Arc::clone(self);
        // Dropped with this future when the client hangs up.
        let waiting = Waiting::default();
        let deadline = waiting.deadline(self.settings.server.query_timeout);
        let work = move || {
            // Held by the work itself: a client that hangs up must not make room for another.
            let _permit = permit;
            work(&QueryCtx::new(&app, &deadline()))
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| Err(Problem::internal(&error)))
    }

    /// Runs synchronous work that nobody asked for in its turn among queries; `None` where the
    /// server ends before it begins. What it reads through its context ends with the server.
    pub(crate) async fn background<T, F>(
        self: &Arc<Self>,
        closing: &mut watch::Receiver<bool>,
        work: F,
    ) -> Option<T>
    where
        T: Send + 'static,
        F: FnOnce(&QueryCtx<'_>) -> T + Send + 'static,
    {
        let permit = tokio::select! {
            permit = Arc::clone(&self.queries).acquire_owned() => permit.ok()?,
            () = closed(closing) => return None,
        };
        let app = Arc::clone(self);
        let waiting = Waiting::default();
        let deadline = waiting.deadline(Duration::MAX);
        let mut working = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&QueryCtx::new(&app, &deadline()))
        });
        let done = tokio::select! {
            done = &mut working => done,
            () = closed(closing) => {
                drop(waiting);
                working.await
            }
        };
        done.ok()
    }

    /// Keeps the exemplars of a batch. What cannot be kept of them is told, and costs no sample.
    pub(crate) fn exemplars(&self, batch: &Batch) {
        if batch.exemplars().is_empty() {
            return;
        }
        if let Err(error) = exemplars::append(&self.store, batch) {
            tracing::debug!("exemplars are not kept: {error}");
        }
    }

    /// A place for a body that arrives, as soon as there is one.
    pub(crate) async fn place_for_body(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        Arc::clone(&self.bodies).acquire_owned().await
    }

    /// Remembers whether the store took the last batch.
    pub fn note_append(&self, error: Option<&AppendError>) {
        *self.refusing.write() = error.map(|error| match error {
            // That it was not kept is known; why is the news.
            AppendError::Failed(source) => source.to_string(),
            error => error.to_string(),
        });
    }

    /// Why the store refused the last batch; `None` when it took it.
    pub fn refusing(&self) -> Option<String> {
        self.refusing.read().clone()
    }

    /// Remembers that a limit on series refused some, where `culprit` is there.
    pub fn note_limit(&self, culprit: Option<&Culprit>) {
        if let Some(culprit) = culprit {
            *self.limit_hit.write() = Some((Timestamp::now(), culprit.clone()));
        }
    }

    /// When a limit on series last refused one, and the metric that had the most of them.
    pub fn limit_hit(&self) -> Option<(Timestamp, Culprit)> {
        self.limit_hit.read().clone()
    }

    /// Says whether samples of this host were refused at the last tick, and why.
    pub fn collection_refused(&self, reason: Option<String>) {
        *self.collection_refused.write() = reason;
    }

    /// Why samples of this host were refused at the last tick.
    pub fn collection_refusal(&self) -> Option<String> {
        self.collection_refused.read().clone()
    }

    /// How long the server has been up.
    pub fn uptime(&self) -> Duration {
        self.up.elapsed()
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

    /// Names the host after the data where this machine is not watched. Reads the store.
    pub fn name_host(&self) {
        if self.settings.collect.host {
            return;
        }
        let watched = [Matcher::metric("node_load1")];
        let names = self
            .store
            .label_values("instance", &watched, TimeRange::ALL)
            .unwrap_or_default();
        if let Some(name) = names.into_iter().next_back() {
            self.host.write().hostname = Some(name);
        }
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

/// Comes to its end when the server does.
pub(crate) async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

/// What is known of the host before the first tick: its name.
fn this_host() -> HostSnapshot {
    let here = Host::new(HostOptions {
        gpu: false,
        ..HostOptions::default()
    });
    here.snapshot().clone()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tacho_model::QueryError;
    use tacho_store::StoreOptions;

    use super::*;

    /// What a query is told that goes on for as long as it may; `wait` is how long the client does.
    fn told(timeout: Duration, wait: Duration) -> QueryError {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
        let mut settings = Settings::default();
        settings.server.query_timeout = timeout;
        let app = Arc::new(App::new(settings, Arc::new(store), Timestamp::now()));
        let (tell, hear) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let endless = move |ctx: &QueryCtx<'_>| -> Answer<()> {
                loop {
                    if let Err(error) = ctx.check() {
                        let _ = tell.send(error);
                        return Ok(());
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
            };
            // Who hangs up drops the future.
            let _ = tokio::time::timeout(wait, app.blocking(endless)).await;
        });
        hear.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    #[test]
    fn a_query_ends_when_its_time_is_over_or_its_client_gone() {
        let (short, long) = (Duration::from_millis(30), Duration::from_mins(10));
        assert!(matches!(told(short, long), QueryError::TimedOut { .. }));
        assert!(matches!(told(long, short), QueryError::Cancelled));
    }
}
