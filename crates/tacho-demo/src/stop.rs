//! The end, for whoever rests: a rest is over at once when the demo is told to stop.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// No rest is longer; clocks have an end.
const REST_MAX: Duration = Duration::from_hours(24 * 365);

/// Whether to stop.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    stopped: Mutex<bool>,
    told: Condvar,
}

impl Stop {
    /// Tells all.
    pub(crate) fn stop(&self) {
        *self.stopped.lock() = true;
        self.told.notify_all();
    }

    /// Whether that was told.
    pub(crate) fn is_stopped(&self) -> bool {
        *self.stopped.lock()
    }

    /// Rests so long, or until the end.
    pub(crate) fn rest(&self, duration: Duration) {
        let until = Instant::now() + duration.min(REST_MAX);
        let mut stopped = self.stopped.lock();
        while !*stopped && !self.told.wait_until(&mut stopped, until).timed_out() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_ends_with_the_demo() {
        let stop = Stop::default();
        std::thread::scope(|scope| {
            scope.spawn(|| stop.rest(Duration::from_hours(1)));
            stop.stop();
        });
        assert!(stop.is_stopped());
    }
}
