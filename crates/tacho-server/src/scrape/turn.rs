//! A target, scraped at its times for as long as it is one.
//!
//! 1. A target has one scrape under way at a time; a time that comes meanwhile is left out.
//! 2. Of all targets, as many bodies are worked on at a time as there are cores; the others wait,
//!    their bodies in memory.
//! 3. When a target goes, its series are marked as ended; when the server stops, they are not.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Mutex, RwLock};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use tacho_model::{Appender as _, Batch, METRIC_NAME, Timestamp};
use tacho_wire::exposition::Form;
use tokio::sync::{Semaphore, watch};

use super::cache::Cache;
use super::client::{Client, Coding, Fetched, gunzip};
use super::settings::{BODY_BYTES_MAX, Job};
use super::status::{Active, Health, LastScrape};
use super::sweep::{Of, Swept, stale};
use crate::app::SharedApp;
use crate::intake::{Origin, Protocol, Signal};

/// A scrape that begins this little after its time carries its time: what lies evenly takes less
/// room. (Prometheus: 2 ms and a hundredth of the interval.)
const TOLERANCE: std::time::Duration = std::time::Duration::from_millis(10);
/// What is told of every scrape.
const REPORT: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];
/// Buffers larger than this are not used again.
const KEPT_BYTES_MAX: usize = 4 << 20;

/// Turns to work on bodies, and what is needed for it.
#[derive(Debug)]
pub(super) struct Turns {
    /// What makes the places of targets in their intervals differ between servers.
    pub(super) seed: u64,
    permits: Semaphore,
    idle: Mutex<Vec<Bench>>,
    count: usize,
}

/// What working on a body needs.
#[derive(Debug, Default)]
struct Bench {
    batch: Batch,
    text: Vec<u8>,
}

impl Turns {
    /// So many at a time.
    pub(super) fn new(count: usize, seed: u64) -> Self {
        Self {
            seed,
            permits: Semaphore::new(count),
            idle: Mutex::default(),
            count,
        }
    }

    fn bench(&self) -> Bench {
        self.idle.lock().pop().unwrap_or_default()
    }

    fn put_back(&self, mut bench: Bench) {
        if bench.text.capacity() > KEPT_BYTES_MAX || bench.batch.buffer().len() > KEPT_BYTES_MAX {
            return;
        }
        bench.batch.clear();
        let mut idle = self.idle.lock();
        if idle.len() < self.count {
            idle.push(bench);
        }
    }
}

/// A target and all that scraping it needs.
pub(super) struct Turn {
    pub(super) app: SharedApp,
    pub(super) job: Arc<Job>,
    pub(super) turns: Arc<Turns>,
    pub(super) client: Result<Client, Arc<str>>,
    pub(super) over_limit: Arc<RwLock<Option<String>>>,
    pub(super) active: Arc<Active>,
}

impl Turn {
    /// Scrapes until the other end of `stopped` is dropped.
    pub(super) async fn run(self, mut stopped: watch::Receiver<()>) {
        let turn = Arc::new(self);
        let headers = turn.headers();
        let mut cache = Box::new(Cache::default());
        let mut last = None;
        loop {
            let tick = turn.next(last);
            let wait = tick.since(Timestamp::now());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stopped.changed() => break,
            }
            last = Some(tick);
            let began = (Instant::now(), Timestamp::now());
            let fetched = tokio::select! {
                fetched = turn.fetch(&headers) => fetched,
                _ = stopped.changed() => break,
            };
            // Closed by nobody.
            let Ok(permit) = turn.turns.permits.acquire().await else {
                return;
            };
            let (shared, time) = (Arc::clone(&turn), turn.time(tick, began.1));
            let work = move || {
                let mut cache = cache;
                shared.keep(fetched, time, began.0, &mut cache);
                cache
            };
            let Ok(returned) = tokio::task::spawn_blocking(work).await else {
                return;
            };
            drop(permit);
            cache = returned;
        }
        let shared = Arc::clone(&turn);
        let ended = tokio::task::spawn_blocking(move || shared.end(&mut cache));
        let _ = ended.await;
    }

    /// The next time to scrape.
    fn next(&self, last: Option<Timestamp>) -> Timestamp {
        let target = &self.active.target;
        let now = Timestamp::now();
        let next = target.next(now, self.turns.seed);
        match last {
            // A timer that is early must not give the same time twice.
            Some(last) if next == last => next + target.interval,
            _ => next,
        }
    }

    /// The time that samples carry.
    fn time(&self, tick: Timestamp, began: Timestamp) -> Timestamp {
        let tolerance = TOLERANCE.min(self.active.target.interval / 100);
        let late = began.since(tick).max(tick.since(began));
        // A database that is compatible counts milliseconds.
        let time = if late <= tolerance { tick } else { began };
        Timestamp::from_millis(time.as_millis())
    }

    fn bytes_max(&self) -> usize {
        match self.job.limits.body_bytes {
            0 => BODY_BYTES_MAX,
            limit => limit,
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut weight = self.job.protocols.len() + 1;
        let mut accept = String::new();
        for protocol in &self.job.protocols {
            accept += &format!("{};q=0.{weight},", protocol.media_type());
            weight -= 1;
        }
        accept += &format!("*/*;q=0.{weight}");
        let seconds = self.active.target.timeout.as_secs_f64().to_string();
        let texts = [
            (header::ACCEPT, accept.as_str()),
            (header::ACCEPT_ENCODING, "gzip"),
            (
                HeaderName::from_static("x-prometheus-scrape-timeout-seconds"),
                &seconds,
            ),
        ];
        for (name, text) in texts {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        }
        headers
    }

    async fn fetch(&self, headers: &HeaderMap) -> Result<Fetched, String> {
        let over = self.over_limit.read().clone();
        if let Some(reason) = over {
            return Err(reason);
        }
        let client = self.client.as_ref().map_err(ToString::to_string)?;
        let target = &self.active.target;
        let bytes_max = self.bytes_max();
        let fetched = client.fetch(&target.url, headers, target.timeout, bytes_max);
        fetched.await.map_err(|error| error.to_string())
    }

    /// Works on what came, keeps it and notes how it went. Blocks.
    fn keep(
        &self,
        fetched: Result<Fetched, String>,
        time: Timestamp,
        began: Instant,
        cache: &mut Cache,
    ) {
        let mut bench = self.turns.bench();
        let of = Of {
            job: &self.job,
            target: &self.active.target.labels,
            time,
        };
        let Bench { batch, text } = &mut bench;
        let swept = match fetched {
            Ok(fetched) => self.sweep(of, &fetched, cache, batch, text),
            Err(error) => {
                of.end_all(cache, batch);
                Err(error)
            }
        };
        let duration = began.elapsed();
        let counts = *swept.as_ref().unwrap_or(&Swept::default());
        let up = f64::from(u8::from(swept.is_ok()));
        let told = [
            up,
            duration.as_secs_f64(),
            counts.scraped as f64,
            counts.kept as f64,
            counts.added as f64,
        ];
        self.report(time, told, batch);
        let refused = self.append(batch, counts.refused, cache);
        self.turns.put_back(bench);
        let (health, error) = match swept {
            Ok(_) => (Health::Up, refused),
            Err(error) => (Health::Down, Some(error)),
        };
        self.note(LastScrape {
            at: Some(time),
            duration,
            health,
            error,
            swept: counts,
        });
    }

    fn sweep(
        &self,
        of: Of<'_>,
        fetched: &Fetched,
        cache: &mut Cache,
        batch: &mut Batch,
        text: &mut Vec<u8>,
    ) -> Result<Swept, String> {
        let body = match fetched.coding {
            Coding::Plain => &fetched.body,
            Coding::Gzip => {
                if let Err(error) = gunzip(&fetched.body, self.bytes_max(), text) {
                    of.end_all(cache, batch);
                    return Err(error.to_string());
                }
                &*text
            }
        };
        let form = Form::of(&fetched.content_type).unwrap_or(self.job.fallback);
        of.sweep(form, body, cache, batch)
            .map_err(|error| error.to_string())
    }

    /// Adds what is told of a scrape.
    fn report(&self, time: Timestamp, values: [f64; REPORT.len()], batch: &mut Batch) {
        let labels = &self.active.target.labels;
        for (name, value) in REPORT.into_iter().zip(values) {
            // The labels were checked, and a name that they have is no metric's.
            if let Ok(series) = batch.series(labels.iter().chain([(METRIC_NAME, name)])) {
                batch.push(series, time, value);
            }
        }
    }

    /// Appends a batch; what to say of those of its samples that were not kept.
    fn append(&self, batch: &Batch, unnameable: usize, cache: &mut Cache) -> Option<String> {
        let door = self.app.door(Origin::new(Protocol::Scrape, &self.job.name));
        door.refuse(Signal::Samples, "invalid_labels", unnameable);
        match door.append(batch) {
            Err(error) => {
                // What the batch said of its metrics went down with it.
                cache.describe_again();
                cache.revive();
                Some(format!("nothing of it was kept: {error}"))
            }
            Ok(outcome) => {
                let all = outcome.rejected.len() + unnameable;
                let reason = match outcome.rejected.first() {
                    Some(rejected) => rejected.reason.to_string(),
                    None => "a label set is too large".to_owned(),
                };
                (all > 0).then(|| format!("{all} of its samples were not kept: {reason}"))
            }
        }
    }

    /// Notes how a scrape went, and says when that is news.
    fn note(&self, last: LastScrape) {
        let (health, error) = (last.health, last.error.clone());
        let before = self.active.note(last);
        let (job, url) = (&self.job.name, &self.active.target.url);
        match (before, health) {
            (Health::Up | Health::Unknown, Health::Down) => {
                let error = error.unwrap_or_default();
                tracing::warn!(job, url, "the target cannot be scraped: {error}");
            }
            (Health::Down, Health::Up) => tracing::info!(job, url, "the target is scraped again"),
            _ => {}
        }
    }

    /// Marks all series of the target as ended. Blocks.
    fn end(&self, cache: &mut Cache) {
        let time = Timestamp::from_millis(Timestamp::now().as_millis());
        let mut batch = Batch::new();
        let target = &self.active.target;
        let of = Of {
            job: &self.job,
            target: &target.labels,
            time,
        };
        of.end_all(cache, &mut batch);
        if self.active.last().at.is_some() {
            for name in REPORT {
                if let Ok(labels) = target.labels.with(METRIC_NAME, name) {
                    stale(&mut batch, labels.as_ref(), time);
                }
            }
        }
        self.append(&batch, 0, cache);
    }
}
