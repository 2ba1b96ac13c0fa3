//! Until when an exchange may take, and whether the server stops meanwhile.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long one wait is at most, before it is looked whether the server stops.
pub const SLICE: Duration = Duration::from_millis(200);

/// Says that all exchanges are to end.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends all that look at this.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was said.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Until when an exchange may take.
#[derive(Debug, Clone)]
pub struct Deadline {
    end: Instant,
    timeout: Duration,
    stop: Stop,
}

impl Deadline {
    /// So long from now.
    pub fn after(timeout: Duration, stop: Stop) -> Self {
        Self {
            end: Instant::now() + timeout,
            timeout,
            stop,
        }
    }

    /// How long the whole exchange may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How long is left, never zero; an error of kind `TimedOut` when none is, or of kind
    /// `ConnectionAborted` when the server stops.
    pub fn left(&self) -> io::Result<Duration> {
        if self.stop.is_stopped() {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the server stops",
            ));
        }
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "time is over"));
        }
        Ok(left)
    }

    /// How long to wait at most before asking again.
    pub fn slice(&self) -> io::Result<Duration> {
        // A socket's timeout of less than a microsecond counts as none.
        Ok(self.left()?.clamp(Duration::from_millis(1), SLICE))
    }
}
