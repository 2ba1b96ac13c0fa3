//! Sending on what was received and collected: to another Tachograph, or to whatever takes remote
//! write or OTLP.
//!
//! What the store took is put on a queue on disk before its sender is told that it was kept; a
//! thread a destination takes it from there. So a destination that is slow or down costs the
//! receiving side nothing but disk, a killed process loses nothing, and what is sent twice after
//! one is the same samples, which a receiver keeps once.
//!
//! In reading order: `settings`, `select` (which samples, as records), `onward` (spans and log
//! records), `queue` (on disk), `deliver` (the thread), `client` (requests and answers), `counts`,
//! `status`.

mod client;
mod counts;
mod deliver;
mod onward;
pub(crate) mod queue;
mod select;
pub mod settings;
pub mod status;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tacho_model::append::Rejected;
use tacho_model::{Batch, Timestamp};
use tokio::sync::{Notify, watch};

pub use self::client::ClientError;
use self::client::Sender;
use self::counts::Counts;
use self::deliver::Delivery;
pub use self::deliver::Describe;
use self::onward::Onward;
pub use self::onward::{LogsOnward, SpansOnward};
use self::queue::{Kind, PAYLOAD_BYTES_MAX, Queue};
pub use self::queue::{QUEUE_BYTES_MIN, QueueError};
use self::select::Selected;
use self::settings::{Endpoints, ForwardSettings};
pub use tacho_promql::parse_selector;

/// Most destinations.
pub const DESTINATIONS_MAX: usize = 16;

/// Why forwarding cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The destination is this very server.
    #[error("forward `{name}` would send to this server itself ({address}); give another url")]
    Itself {
        /// The destination.
        name: String,
        /// Its address.
        address: SocketAddr,
    },
    /// Its queue cannot be used.
    #[error("the queue of forward `{name}` is not usable: {source}")]
    Queue {
        /// The destination.
        name: String,
        /// Why.
        source: QueueError,
    },
    /// Its settings cannot be used.
    #[error("forward `{name}` is not usable: {source}")]
    Client {
        /// The destination.
        name: String,
        /// Why.
        source: ClientError,
    },
    /// A thread could not be started.
    #[error("cannot start forwarding: {0}")]
    Start(#[source] std::io::Error),
}

/// A destination and what waits for it.
#[derive(Debug)]
pub(crate) struct Destination {
    name: String,
    /// Where to, without what may be a key.
    address: String,
    endpoints: Endpoints,
    selected: Selected,
    queue: Queue,
    counts: Counts,
    /// Wakes the thread.
    more: Notify,
}

/// All destinations.
#[derive(Debug, Default)]
pub struct Forwarding {
    destinations: Vec<Arc<Destination>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    stop: watch::Sender<bool>,
}

impl Forwarding {
    /// Opens the queues of all destinations below the data folder, and begins to send. `listening`
    /// are this server's own addresses.
    pub fn start(
        settings: &[ForwardSettings],
        data: &Path,
        listening: &[SocketAddr],
        describe: &Describe,
    ) -> Result<Self, ForwardError> {
        let mut forwarding = Self::default();
        for one in settings {
            let sender = sender(one, listening)?;
            forwarding.add(one, sender, data, describe)?;
        }
        tell_left_over(data, settings);
        Ok(forwarding)
    }

    fn add(
        &mut self,
        settings: &ForwardSettings,
        sender: Sender,
        data: &Path,
        describe: &Describe,
    ) -> Result<(), ForwardError> {
        let name = settings.name.clone();
        let queue = Queue::open(&folder(data).join(&name), settings.queue_bytes);
        let queue = queue.map_err(|source| ForwardError::Queue {
            name: name.clone(),
            source,
        })?;
        let destination = Arc::new(Destination {
            name,
            address: status::address_of(&settings.url),
            endpoints: settings.endpoints(),
            selected: Selected::new(settings.selectors.clone(), settings.labels.clone()),
            queue,
            counts: Counts::default(),
            more: Notify::new(),
        });
        let delivery = Delivery::new(
            Arc::clone(&destination),
            sender,
            Arc::clone(describe),
            self.stop.subscribe(),
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(ForwardError::Start)?;
        let thread = std::thread::Builder::new().name("tacho-forward".to_owned());
        let thread = thread.spawn(move || runtime.block_on(delivery.run()));
        self.threads
            .lock()
            .push(thread.map_err(ForwardError::Start)?);
        self.destinations.push(destination);
        Ok(())
    }

    /// Puts the rows of a batch that the store did not refuse on every queue that wants them; so
    /// too its exemplars. To be called before the batch's sender is told that it was kept.
    pub fn samples(&self, batch: &Batch, rejected: &[Rejected]) {
        for destination in &self.destinations {
            if destination.endpoints.samples.is_none() {
                continue;
            }
            destination
                .selected
                .records(batch, rejected, &mut |message, items| {
                    destination.put(Kind::Samples, items, message);
                });
        }
    }

    /// Takes spans, to put them on every queue that wants them; `None` where none does.
    pub fn spans(&self) -> Option<SpansOnward<'_>> {
        self.is_wanted(Kind::Spans)
            .then(|| Onward::new(self, Kind::Spans))
    }

    /// Takes log records, to put them on every queue that wants them; `None` where none does.
    pub fn logs(&self) -> Option<LogsOnward<'_>> {
        self.is_wanted(Kind::Logs)
            .then(|| Onward::new(self, Kind::Logs))
    }

    fn is_wanted(&self, kind: Kind) -> bool {
        self.destinations.iter().any(|to| to.endpoints.has(kind))
    }

    /// Puts a message of OTLP on every queue that wants its kind.
    fn put(&self, kind: Kind, items: u32, message: &[u8]) {
        let wanting = self.destinations.iter().filter(|to| to.endpoints.has(kind));
        for destination in wanting.filter(|_| items > 0) {
            destination.put(kind, items, message);
        }
    }

    /// Whether there is any destination.
    pub fn is_on(&self) -> bool {
        !self.destinations.is_empty()
    }

    /// Adds the series that tell how forwarding goes.
    pub fn observe(&self, now: Timestamp, host: &str, batch: &mut Batch) {
        for destination in &self.destinations {
            let pending = destination.queue.pending();
            destination
                .counts
                .observe(&destination.name, pending, now, host, batch);
        }
        if self.is_on() {
            Counts::describe(batch);
        }
    }

    /// Ends the threads; what waits stays on disk. Whether all ended well. Blocks.
    pub fn stop(&self) -> bool {
        self.stop.send_replace(true);
        let threads = std::mem::take(&mut *self.threads.lock());
        threads
            .into_iter()
            .map(|thread| thread.join().is_ok())
            .reduce(|a, b| a && b)
            .unwrap_or(true)
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Destination {
    /// Compresses a message and puts it on the queue; what cannot be kept is counted.
    fn put(&self, kind: Kind, items: u32, message: &[u8]) {
        let now = Timestamp::now().as_nanos() / 1_000_000;
        let lost = |reason| self.counts.dropped(kind, reason, u64::from(items));
        let Ok(payload) = snap::raw::Encoder::new().compress_vec(message) else {
            return lost("failed");
        };
        if payload.len() > PAYLOAD_BYTES_MAX {
            return lost("too_large");
        }
        match self.queue.push(kind, items, now.max(0) as u64, &payload) {
            Ok(overflowed) => self.counts.dropped_all("overflow", overflowed),
            Err(error) => {
                lost("disk");
                // The store tells of a full disk, at its pace; this is for who looks closer.
                tracing::debug!("{error}");
            }
        }
        self.more.notify_one();
    }
}

/// Whether there could be sent to all of these, as far as it can be told without sending.
pub(crate) fn check(
    settings: &[ForwardSettings],
    listening: &[SocketAddr],
) -> Result<(), ForwardError> {
    let mut settings = settings.iter();
    settings.try_for_each(|one| sender(one, listening).map(|_| ()))
}

/// What sends to a destination that is not this server itself.
fn sender(settings: &ForwardSettings, listening: &[SocketAddr]) -> Result<Sender, ForwardError> {
    let name = settings.name.clone();
    if let Some(address) = itself(settings, listening) {
        return Err(ForwardError::Itself { name, address });
    }
    Sender::new(settings).map_err(|source| ForwardError::Client { name, source })
}

/// Where the queues are.
fn folder(data: &Path) -> PathBuf {
    data.join("forward")
}

/// Tells which queues belong to no destination any more.
fn tell_left_over(data: &Path, settings: &[ForwardSettings]) {
    for entry in std::fs::read_dir(folder(data))
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !settings.iter().any(|one| one.name == name) {
            let path = entry.path();
            let path = path.display();
            tracing::warn!("nothing is forwarded from {path} any more; remove it if that is right");
        }
    }
}

/// The address of a destination that is one of our own.
fn itself(settings: &ForwardSettings, listening: &[SocketAddr]) -> Option<SocketAddr> {
    let host = settings.url.host_str()?.trim_matches(['[', ']']);
    let port = settings.url.port_or_known_default()?;
    let ours = listening.iter().filter(|address| address.port() == port);
    let ours: Vec<IpAddr> = ours.map(SocketAddr::ip).collect();
    if ours.is_empty() {
        return None;
    }
    // A name that cannot be looked up now is looked up when there is something to send.
    let mut addresses = (host, port).to_socket_addrs().into_iter().flatten();
    addresses.find(|there| {
        ours.iter().any(|our| {
            *our == there.ip()
                || (our.is_loopback() && there.ip().is_loopback())
                || (our.is_unspecified() && is_of_this_machine(there.ip()))
        })
    })
}

/// Whether an address is one of this machine's: only those can be bound to.
fn is_of_this_machine(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}
