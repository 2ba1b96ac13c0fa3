//! The thread of one destination: takes from the queue, sends, and forgets what arrived.
//!
//! One request at a time, in order, so that a receiver that refuses what is out of order takes all
//! of it. What a receiver refuses for good is divided, where the receiver keeps nothing of a
//! request with one bad sample in it, until the bad ones stand alone: only they are lost. What
//! cannot be sent now waits, for ever, with growing pauses; the queue bounds what that costs.

mod points;

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Url;
use tacho_model::{Batch, Metadata};
use tacho_wire::remote_write::encode::{Part, Version, encode};
use tacho_wire::remote_write::{Limits, decode_plain};
use tokio::sync::watch;
use tokio::time::timeout;

use super::Destination;
use super::client::{Message, Outcome, Packing, Sender, Sort};
use super::queue::{Chunk, Kind};
use super::settings::SamplesTo;

/// Most samples of one request.
const ITEMS_MAX: u64 = 10_000;
/// Most compressed bytes of records in one request.
const BYTES_MAX: usize = 512 << 10;
/// What the records of one request may be when they are not compressed.
const PLAIN_BYTES_MAX: usize = 32 << 20;
/// How long little is waited for more.
const LINGER: Duration = Duration::from_millis(200);
/// How often what was queued is forced to the disk.
const SYNC: Duration = Duration::from_secs(1);
/// The pauses between attempts begin and end with these.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Most requests that dividing one may take.
const DIVIDED_MAX: u32 = 256;
/// How often trouble is told.
const TELL: Duration = Duration::from_mins(1);
/// How often version 1 says what metrics mean.
const DESCRIBE: Duration = Duration::from_mins(10);
/// Most metrics whose description is remembered as said.
const DESCRIBED_MAX: usize = 20_000;

/// What is known of a metric, by its name.
pub type Describe = Arc<dyn Fn(&str) -> Option<Metadata> + Send + Sync>;

/// The state of the thread.
pub(super) struct Delivery {
    destination: Arc<Destination>,
    sender: Sender,
    describe: Describe,
    stop: watch::Receiver<bool>,
    /// Remote write 2.0 until the receiver says that it takes 1.0 only.
    version: Version,
    /// How samples are compressed by OTLP, until the receiver says that it does not take that.
    packing: Packing,
    /// When metrics were described in version 1.
    described: HashMap<String, Instant>,
    trouble: Option<Trouble>,
    last_refusal: Option<Instant>,
}

/// Since when nothing arrives, and when that was last told.
struct Trouble {
    since: Instant,
    told: Instant,
    pause: Duration,
}

/// The server stops.
struct Stopped;

impl Delivery {
    pub(super) fn new(
        destination: Arc<Destination>,
        sender: Sender,
        describe: Describe,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            destination,
            sender,
            describe,
            stop,
            version: Version::Two,
            packing: Packing::Gzip,
            described: HashMap::new(),
            trouble: None,
            last_refusal: None,
        }
    }

    /// Delivers until the server stops.
    pub(super) async fn run(mut self) {
        let mut synced = Instant::now();
        while !*self.stop.borrow() {
            if synced.elapsed() >= SYNC {
                synced = Instant::now();
                if let Err(error) = self.destination.queue.sync() {
                    self.tell(&error.to_string());
                }
            }
            let chunk = match self.destination.queue.read(ITEMS_MAX, BYTES_MAX) {
                Ok(chunk) => chunk,
                Err(error) => {
                    self.tell(&error.to_string());
                    let _ = self.sleep(SYNC).await;
                    continue;
                }
            };
            if chunk.is_empty() {
                let more = Arc::clone(&self.destination);
                let _ = timeout(SYNC, async {
                    tokio::select! {
                        () = more.more.notified() => {}
                        _ = self.stop.wait_for(|stop| *stop) => {}
                    }
                })
                .await;
                // What comes together is sent together.
                let _ = self.sleep(LINGER).await;
                continue;
            }
            self.lost(&chunk);
            if self.deliver(&chunk).await.is_err() {
                break;
            }
            if let Err(error) = self.destination.queue.acknowledge(&chunk) {
                self.tell(&error.to_string());
            }
        }
        if let Err(error) = self.destination.queue.sync() {
            tracing::warn!("{error}");
        }
    }

    /// Counts and tells what was found damaged.
    fn lost(&mut self, chunk: &Chunk) {
        if chunk.damaged_bytes > 0 {
            let bytes = chunk.damaged_bytes;
            let name = &self.destination.name;
            tracing::warn!(destination = name, "{bytes} bytes of the queue are damaged");
            self.destination
                .counts
                .dropped_all("damaged", chunk.damaged);
        }
    }

    /// Sends the records of a chunk, however long it takes.
    async fn deliver(&mut self, chunk: &Chunk) -> Result<(), Stopped> {
        let Some(first) = chunk.records.first() else {
            return Ok(());
        };
        let kind = first.kind;
        let mut message = Vec::new();
        let mut decoder = snap::raw::Decoder::new();
        for record in &chunk.records {
            let length = snap::raw::decompress_len(&record.payload).unwrap_or(usize::MAX);
            let start = message.len();
            if length > PLAIN_BYTES_MAX {
                self.destination
                    .counts
                    .dropped(kind, "damaged", u64::from(record.items));
                continue;
            }
            message.resize(start + length, 0);
            if decoder
                .decompress(&record.payload, &mut message[start..])
                .is_err()
            {
                message.truncate(start);
                self.destination
                    .counts
                    .dropped(kind, "damaged", u64::from(record.items));
            }
        }
        let endpoints = &self.destination.endpoints;
        let url = match kind {
            Kind::Samples => return self.samples(&message).await,
            Kind::Spans => endpoints.spans.clone(),
            Kind::Logs => endpoints.logs.clone(),
        };
        let items = chunk.items();
        let Some(url) = url else {
            self.destination
                .counts
                .dropped(kind, "not_configured", items);
            return Ok(());
        };
        let sort = Sort::Otlp(Packing::Plain);
        match self.until_told(&url, message, sort).await? {
            Outcome::Never(_, said, _) => self.refused(kind, items, &said),
            Outcome::Part(refused, said) => self.taken_but(kind, items, refused, &said),
            _ => self.destination.counts.sent(kind, items),
        }
        Ok(())
    }

    /// Sends samples.
    async fn samples(&mut self, message: &[u8]) -> Result<(), Stopped> {
        let mut batch = Batch::new();
        let limits = Limits {
            bytes_max: usize::MAX,
            samples_max: usize::MAX,
            series_max: usize::MAX,
        };
        if let Err(error) = decode_plain(message, limits, &mut batch) {
            // Checked when it was queued and when it was read, so this is a mistake of ours.
            tracing::error!("samples cannot be forwarded: {error}");
            return Ok(());
        }
        match self.destination.endpoints.samples.clone() {
            Some(SamplesTo::Write(url)) => self.written(&url, &batch).await,
            Some(SamplesTo::Otlp(url)) => self.points(&url, &batch).await,
            // They were queued when they were still to be sent.
            None => {
                let items = Part::all(&batch).len() as u64;
                let counts = &self.destination.counts;
                counts.dropped(Kind::Samples, "not_configured", items);
                Ok(())
            }
        }
    }

    /// Sends samples by remote write, divided where some of them are refused.
    async fn written(&mut self, url: &Url, batch: &Batch) -> Result<(), Stopped> {
        let mut parts = vec![Part::all(batch)];
        let mut divided = 0;
        while let Some(part) = parts.pop() {
            let items = part.len() as u64;
            if items == 0 {
                continue;
            }
            let Some(body) = self.encoded(batch, &part) else {
                continue;
            };
            match self
                .until_told(url, body, Sort::Write(self.version))
                .await?
            {
                Outcome::NotThis => {
                    let name = &self.destination.name;
                    tracing::info!(
                        destination = name,
                        "remote write 2.0 is not taken; sending 1.0"
                    );
                    self.version = Version::One;
                    parts.push(part);
                }
                Outcome::Never(status, said, written) => {
                    let halves = part.halves().filter(|_| {
                        // A receiver that keeps what is good has kept it.
                        status == 413 || (written.is_none() && divided < DIVIDED_MAX)
                    });
                    if let Some((first, second)) = halves {
                        divided += 2;
                        parts.extend([second, first]);
                        continue;
                    }
                    let kept = written.unwrap_or(0).min(items);
                    self.destination.counts.sent(Kind::Samples, kept);
                    self.refused(Kind::Samples, items - kept, &said);
                }
                Outcome::Kept | Outcome::Part(..) | Outcome::Later(..) => {
                    self.destination.counts.sent(Kind::Samples, items);
                }
            }
        }
        Ok(())
    }

    /// The body of a request.
    fn encoded(&mut self, batch: &Batch, part: &Part) -> Option<Vec<u8>> {
        let version = self.version;
        let (describe, described) = (&self.describe, &mut self.described);
        if described.len() > DESCRIBED_MAX {
            described.clear();
        }
        let mut say = |name: &str| {
            let known = described.get(name);
            let is_due = known.is_none_or(|said| said.elapsed() >= DESCRIBE);
            if version == Version::One && !is_due {
                return None;
            }
            described.insert(name.to_owned(), Instant::now());
            describe(name)
        };
        match encode(batch, part, version, &mut say) {
            Ok(body) => Some(body),
            Err(error) => {
                tracing::error!("samples cannot be compressed: {error}");
                self.destination
                    .counts
                    .dropped(Kind::Samples, "failed", part.len() as u64);
                None
            }
        }
    }

    /// Sends a message until the receiver says that it has it, or will not have it.
    async fn until_told(
        &mut self,
        url: &Url,
        body: Vec<u8>,
        sort: Sort,
    ) -> Result<Outcome, Stopped> {
        loop {
            let message = Message {
                url,
                body: body.clone(),
                sort,
            };
            self.destination.counts.requested();
            let outcome = tokio::select! {
                outcome = self.sender.send(message) => outcome,
                _ = self.stop.wait_for(|stop| *stop) => return Err(Stopped),
            };
            let Outcome::Later(said, wait) = outcome else {
                self.works_again();
                return Ok(outcome);
            };
            self.destination.counts.retried();
            self.tell(&said);
            let pause = self.pause();
            self.sleep(wait.unwrap_or_default().max(pause)).await?;
        }
    }

    /// The next pause: twice the one before, and between half and all of that by chance, so that
    /// many senders do not come back at once.
    fn pause(&mut self) -> Duration {
        let pause = self.trouble.as_mut().map_or(PAUSE_MIN, |trouble| {
            let pause = trouble.pause;
            trouble.pause = (pause * 2).min(PAUSE_MAX);
            pause
        });
        let chance = RandomState::new().hash_one(pause) as u32;
        pause / 2 + (pause / 2).mul_f64(f64::from(chance) / f64::from(u32::MAX))
    }

    async fn sleep(&mut self, pause: Duration) -> Result<(), Stopped> {
        let stop = self.stop.wait_for(|stop| *stop);
        match timeout(pause, stop).await {
            Err(_) => Ok(()),
            Ok(_) => Err(Stopped),
        }
    }

    /// Tells that nothing arrives, once a minute.
    fn tell(&mut self, said: &str) {
        self.destination.counts.waits(said);
        let now = Instant::now();
        let is_news = self
            .trouble
            .as_ref()
            .is_none_or(|trouble| trouble.told.elapsed() >= TELL);
        let trouble = self.trouble.get_or_insert(Trouble {
            since: now,
            told: now,
            pause: PAUSE_MIN,
        });
        if is_news {
            trouble.told = now;
            let name = &self.destination.name;
            let pending = self.destination.queue.pending().bytes;
            tracing::warn!(
                destination = name,
                pending_bytes = pending,
                "forwarding waits: {said}"
            );
        }
    }

    fn works_again(&mut self) {
        self.destination.counts.works();
        if let Some(trouble) = self.trouble.take() {
            let (name, gap) = (&self.destination.name, trouble.since.elapsed().as_secs());
            tracing::info!(
                destination = name,
                gap_seconds = gap,
                "forwarding works again"
            );
        }
    }

    /// Counts items of which some were refused.
    fn taken_but(&mut self, kind: Kind, items: u64, refused: u64, said: &str) {
        let refused = refused.min(items);
        self.destination.counts.sent(kind, items - refused);
        self.refused(kind, refused, said);
    }

    /// Counts what was refused for good, and tells it once a minute.
    fn refused(&mut self, kind: Kind, items: u64, said: &str) {
        self.destination.counts.refused(kind, items, said);
        if items > 0 && self.last_refusal.is_none_or(|last| last.elapsed() >= TELL) {
            self.last_refusal = Some(Instant::now());
            let name = &self.destination.name;
            let what = kind.as_str();
            tracing::warn!(
                destination = name,
                "{items} {what} were refused for good: {said}"
            );
        }
    }
}
