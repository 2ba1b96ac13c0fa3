//! Starts and stops everything.
//!
//! 1. What can fail for the user's reasons fails in [`Prepared::new`], before a server is started.
//! 2. History is sent before the present begins, so that time goes one way.
//! 3. [`Running::stop`] ends every thread, and sends what they said last.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tacho_model::Timestamp;

use crate::export::{self, Counts, Sink};
use crate::load::{self, Crowd};
use crate::schedule::{Incident, Release, Schedule};
use crate::shop::{self, Doors, World};
use crate::stop::Stop;

/// Between the past and the present nothing happens for at most so long.
const GAP_MAX: Duration = Duration::from_secs(1);

/// What may be asked for.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Visitors a second, in the mean.
    pub rate: f64,
    /// Of the dice.
    pub seed: u64,
    /// How long before the start everything seems to have begun. Servers count spans older than 55
    /// minutes when they come.
    pub history: Duration,
    /// When it goes wrong.
    pub incident: Incident,
}

/// What happens, for whoever tells people of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// So much of the history is made, of one.
    History(f64),
    /// All of it; visitors come from now on.
    Live,
    /// Another release of `orders` is out.
    Released(Release),
    /// A thread could not be started; visitors or parts of the shop are missing.
    Short,
}

/// What was done, in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Spans that the server took.
    pub sent: u64,
    /// Spans that it did not.
    pub lost: u64,
    /// Visitors that nobody had time for.
    pub turned_away: u64,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on a free port of 127.0.0.1 for the shop's programs")]
pub struct PrepareError(#[from] io::Error);

/// A shop whose doors are open, and that nobody works in.
pub struct Prepared {
    doors: Doors,
    addresses: [SocketAddr; 3],
    options: Options,
}

/// A shop at work.
pub struct Running {
    stop: Arc<Stop>,
    director: JoinHandle<Summary>,
}

impl Prepared {
    /// Opens the doors.
    ///
    /// # Errors
    /// [`PrepareError`] where there are no ports.
    pub fn new(options: Options) -> Result<Self, PrepareError> {
        let doors = Doors::open()?;
        let addresses = doors.addresses()?;
        Ok(Self {
            doors,
            addresses,
            options,
        })
    }

    /// Sends the history to a server, then opens the shop; `tell` hears what happens.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn start(
        self,
        server: SocketAddr,
        tell: impl Fn(Event) + Send + 'static,
    ) -> io::Result<Running> {
        let stop = Arc::new(Stop::default());
        let stopped = Arc::clone(&stop);
        let director = Builder::new().name("director".to_owned());
        let director = director.spawn(move || self.direct(server, &stopped, &tell))?;
        Ok(Running { stop, director })
    }

    fn direct(self, server: SocketAddr, stop: &Arc<Stop>, tell: &dyn Fn(Event)) -> Summary {
        let Options {
            rate,
            seed,
            history,
            incident,
        } = self.options;
        let live = Timestamp::now();
        let begin = live - history;
        let schedule = Schedule::new(begin, live, incident);
        let (sink, queue) = Sink::new();
        let counts = sink.counts();
        let world = World::new(schedule, sink, Arc::clone(stop), self.addresses);
        let mut world = Arc::new(world);
        let Ok(exporter) = export::start(server, queue, Arc::clone(&counts)) else {
            tell(Event::Short);
            return summary(&counts, 0);
        };

        let told = |now: Timestamp| {
            let done = now.since(begin).as_secs_f64() / history.as_secs_f64();
            tell(Event::History(done));
        };
        // Making it takes time, which becomes history too.
        let (mut from, mut to, mut round) = (begin, live, 0);
        while to.since(from) > GAP_MAX && !stop.is_stopped() && !history.is_zero() {
            load::replay(&world, (seed, round), rate, (from, to), told);
            (from, to, round) = (to, Timestamp::now(), round + 1);
        }
        if let Some(world) = Arc::get_mut(&mut world) {
            world.schedule = Schedule::new(begin, Timestamp::now(), incident);
        }
        let workers = self.doors.answer(&world, seed);
        let crowd = Crowd::start(&world, seed, rate);
        if workers.is_err() || crowd.is_err() {
            tell(Event::Short);
        }
        tell(Event::Live);
        narrate(&world, tell);

        let turned_away = crowd.map_or(0, Crowd::join);
        shop::knock(&world);
        for worker in workers.into_iter().flatten() {
            // One that panicked has said so.
            let _ = worker.join();
        }
        // With the world goes the last who could put anything on the queue.
        drop(world);
        let _ = exporter.join();
        summary(&counts, turned_away)
    }
}

impl Running {
    /// Ends it.
    pub fn stop(self) -> Summary {
        self.stop.stop();
        let nothing = Summary {
            sent: 0,
            lost: 0,
            turned_away: 0,
        };
        self.director.join().unwrap_or(nothing)
    }
}

fn summary(counts: &Counts, turned_away: u64) -> Summary {
    let (sent, lost) = counts.totals();
    Summary {
        sent,
        lost,
        turned_away,
    }
}

/// Tells of releases until the end.
fn narrate(world: &World, tell: &dyn Fn(Event)) {
    let mut now = Timestamp::now();
    while !world.stop.is_stopped() {
        let Some((then, release)) = world.schedule.next(now) else {
            return world.stop.rest(Duration::MAX);
        };
        world.stop.rest(then.since(Timestamp::now()));
        if !world.stop.is_stopped() {
            tell(Event::Released(release));
        }
        now = then;
    }
}

#[cfg(test)]
mod tests;
