//! `StatsD` and `DogStatsD` over UDP and Unix sockets.
//!
//! A thread a socket reads datagrams and adds their lines up (`aggregate`); one thread more turns
//! sums into samples at the end of each interval and hands them to the one door (`flush`). What
//! the interval is, and where is listened, is in [`settings`].
//!
//! 1. Every line is counted: accepted, refused with a reason, or dropped by the kernel before it
//!    could be read, so that a loss is never silent.
//! 2. At stop everything that had arrived is read and written.
//! 3. Memory is bounded by the limits of `aggregate` and of `flush`.
//!
//! UDP knows no tokens, so a listener beyond loopback needs `server.insecure`; the configuration
//! sees to that. Threads rather than tasks: at a million lines a second a core is full.

mod aggregate;
mod distinct;
mod events;
mod flush;
mod series;
pub mod settings;
mod socket;
mod stored;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tacho_model::{Metadata, Querier as _, Timestamp};

use self::aggregate::Aggregator;
use self::events::Events;
use self::settings::StatsdSettings;
pub use self::socket::StatsdError;
use self::socket::{DATAGRAM_BYTES_MAX, Socket};
use crate::app::App;

/// Datagrams that are still read at stop; more come from who does not stop sending.
const LAST_DATAGRAMS_MAX: usize = 100_000;
/// How long is waited after a read failed before the next.
const PAUSE: Duration = Duration::from_millis(100);

/// The sockets, open but not read yet.
#[derive(Debug)]
pub struct Sockets(Vec<Socket>);

impl Sockets {
    /// Listens where the settings say; nowhere by default.
    pub fn bind(settings: &StatsdSettings) -> Result<Self, StatsdError> {
        let udp = settings.udp.map(Socket::udp).transpose()?;
        let unix = settings.unix.as_deref().map(Socket::unix).transpose()?;
        Ok(Self(udp.into_iter().chain(unix).collect()))
    }
}

/// What the threads share.
struct Shared {
    app: Arc<App>,
    sources: Vec<Source>,
    /// One for all sockets: a series is one wherever it is fed from.
    sums: Mutex<Aggregator>,
    events: Mutex<Events>,
    /// Told to those who read, then to the one who writes.
    stopping: AtomicBool,
    all_is_read: AtomicBool,
    /// Wakes the thread that flushes: at stop, and when so much came that it should not wait.
    wake: (Mutex<()>, Condvar),
}

/// A socket and what it is called.
struct Source {
    socket: Socket,
    name: String,
}

/// Running listeners.
pub struct Statsd {
    shared: Arc<Shared>,
    readers: Vec<JoinHandle<()>>,
    flusher: JoinHandle<()>,
}

impl Statsd {
    /// Starts reading; `None` when there is nothing to read.
    pub fn start(app: &Arc<App>, sockets: Sockets) -> io::Result<Option<Self>> {
        if sockets.0.is_empty() {
            return Ok(None);
        }
        let now = Timestamp::now();
        let source = |socket: Socket| Source {
            name: socket.name(),
            socket,
        };
        let sources: Vec<Source> = sockets.0.into_iter().map(source).collect();
        let sums = Aggregator::new(app.settings.statsd.clone(), sources.len(), now);
        let shared = Arc::new(Shared {
            app: Arc::clone(app),
            sources,
            sums: Mutex::new(sums),
            events: Mutex::default(),
            stopping: AtomicBool::new(false),
            all_is_read: AtomicBool::new(false),
            wake: (Mutex::new(()), Condvar::new()),
        });
        let mut readers = Vec::new();
        for (at, source) in shared.sources.iter().enumerate() {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name("tacho-statsd".to_owned());
            readers.push(thread.spawn(move || read(&shared, at))?);
            tracing::info!("listening for StatsD on {}", source.name);
        }
        let flusher = {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name("tacho-statsd-out".to_owned());
            thread.spawn(move || flush::run(&shared))?
        };
        Ok(Some(Self {
            shared,
            readers,
            flusher,
        }))
    }

    /// Reads and writes what has arrived, and ends; whether all threads ended as they should.
    pub fn stop(self) -> bool {
        self.shared.stopping.store(true, Ordering::Relaxed);
        let mut ended = true;
        for reader in self.readers {
            ended &= reader.join().is_ok();
        }
        // The last flush comes after the last line.
        self.shared.all_is_read.store(true, Ordering::Relaxed);
        self.shared.wake();
        self.flusher.join().is_ok() && ended
    }
}

impl Shared {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn wake(&self) {
        let _held = self.wake.0.lock();
        self.wake.1.notify_all();
    }
}

/// Reads a socket until the server stops, and then what is still in it.
fn read(shared: &Shared, at: usize) {
    let source = &shared.sources[at];
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    let mut failing = false;
    while !shared.is_stopping() {
        match source.socket.read(&mut buffer) {
            Ok(bytes) => {
                failing = false;
                take(shared, at, &buffer[..bytes]);
            }
            Err(error) if is_nothing(&error) => {}
            Err(error) => {
                if !failing {
                    tracing::warn!("cannot read StatsD from {}: {error}", source.name);
                }
                failing = true;
                std::thread::sleep(PAUSE);
            }
        }
    }
    if source.socket.stop_waiting().is_err() {
        return;
    }
    for _ in 0..LAST_DATAGRAMS_MAX {
        match source.socket.read(&mut buffer) {
            Ok(bytes) => take(shared, at, &buffer[..bytes]),
            Err(_) => return,
        }
    }
}

fn is_nothing(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

/// Adds up a datagram's lines.
fn take(shared: &Shared, at: usize, mut datagram: &[u8]) {
    let store = &shared.app.store;
    let known = |name: &str| -> Option<Metadata> { store.metadata(name) };
    let mut sums = shared.sums.lock();
    if datagram.len() == DATAGRAM_BYTES_MAX {
        // Cut by the buffer: its last line is not whole.
        let end = datagram.iter().rposition(|byte| *byte == b'\n');
        datagram = &datagram[..end.unwrap_or(0)];
        sums.refuse(at, "too_long", 1);
    }
    sums.datagram(at, datagram, &known, &mut |event| {
        shared.events.lock().push(event, Timestamp::now())
    });
    let is_full = sums.is_full();
    drop(sums);
    if is_full {
        shared.wake();
    }
}
