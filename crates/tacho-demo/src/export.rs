//! Sends spans by OTLP over HTTP, in batches, beside whoever makes them.
//!
//! As the batch processor of an SDK does: what is made is put on a bounded queue and sent once a
//! second, or when [`BATCH_MAX`] are there. Invariants:
//! 1. who makes spans live never waits for the server: at a full queue a span is dropped, and counted;
//! 2. history waits instead: nothing of it is lost while the server takes spans at all.
//!
//! One queue serves all programs of the shop, which run in one process. Source: OpenTelemetry
//! specification, "Batching processor"; OTLP specification, "OTLP/HTTP" for what is sent again.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use tacho_wire::otlp::encode::SpanEncoder;

use crate::http;
use crate::span::Ended;

/// Spans that wait to be sent.
const QUEUE_MAX: usize = 32_768;
/// Spans of one request.
const BATCH_MAX: usize = 8192;
/// Spans are sent this often.
const EVERY: Duration = Duration::from_secs(1);
/// A request is sent again so often, where the server has no time or is not there.
const TRIES_MAX: u32 = 6;
/// After the first try; doubled after each.
const PAUSE: Duration = Duration::from_millis(100);

/// Where spans go.
#[derive(Debug, Clone)]
pub(crate) struct Sink {
    queue: SyncSender<Ended>,
    counts: Arc<Counts>,
}

/// What became of spans.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    sent: AtomicU64,
    lost: AtomicU64,
}

impl Counts {
    /// How many spans arrived, and how many were lost.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.sent.load(Relaxed), self.lost.load(Relaxed))
    }
}

impl Sink {
    /// A queue, and its end.
    pub(crate) fn new() -> (Self, Receiver<Ended>) {
        let (queue, end) = sync_channel(QUEUE_MAX);
        let counts = Arc::default();
        (Self { queue, counts }, end)
    }

    /// Puts a span on the queue where there is room.
    pub(crate) fn offer(&self, span: Ended) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.queue.try_send(span)
        {
            self.counts.lost.fetch_add(1, Relaxed);
        }
    }

    /// Puts a span on the queue once there is room.
    pub(crate) fn send(&self, span: Ended) {
        if self.queue.send(span).is_err() {
            self.counts.lost.fetch_add(1, Relaxed);
        }
    }

    /// What becomes of spans; it holds the queue not open.
    pub(crate) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }
}

/// Sends what comes to the end of a queue until nobody can put anything on it.
pub(crate) fn start(
    server: SocketAddr,
    queue: Receiver<Ended>,
    counts: Arc<Counts>,
) -> io::Result<JoinHandle<()>> {
    let thread = Builder::new().name("exporter".to_owned());
    thread.spawn(move || {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let mut is_open = true;
        while is_open {
            is_open = fill(&mut batch, &queue);
            let count = batch.len() as u64;
            let arrived = count == 0 || deliver(server, &mut batch);
            let counter = if arrived { &counts.sent } else { &counts.lost };
            counter.fetch_add(count, Relaxed);
            batch.clear();
        }
    })
}

/// Fills a batch for a while; whether more can come.
fn fill(batch: &mut Vec<Ended>, queue: &Receiver<Ended>) -> bool {
    let until = Instant::now() + EVERY;
    while batch.len() < BATCH_MAX {
        match queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(span) => batch.push(span),
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
    true
}

/// Sends a batch; whether it arrived.
fn deliver(server: SocketAddr, batch: &mut [Ended]) -> bool {
    // Neighbours share what their program says of itself.
    batch.sort_by_key(|span| (span.service, span.version));
    let mut encoder = SpanEncoder::default();
    for span in &*batch {
        span.show(|span| encoder.push(span));
    }
    let body = encoder.finish();
    let what = ("application/x-protobuf", body.as_slice());
    for attempt in 0..TRIES_MAX {
        match http::ask(server, ("POST", "/v1/traces"), None, what) {
            Ok((200, _)) => return true,
            Ok((429 | 502..=504, _)) | Err(_) => {}
            Ok(_) => return false,
        }
        std::thread::sleep(PAUSE * 2u32.pow(attempt));
    }
    false
}
