//! What a collector is.
//!
//! A collector reads one source, parses all of it, and only then pushes: so a malformed source
//! is absent rather than half there. What other parts need of it (percentages, alerts) it leaves
//! in the [`Readings`]. Adding one is a new file and a line in [`crate::collectors::ALL`].

use std::time::Duration;

use tacho_model::Timestamp;

use crate::derive::Readings;
use crate::emit::Emitter;
use crate::error::CollectError;

/// Labels that every series of a collector carries.
pub type ConstantLabels = &'static [(&'static str, &'static str)];

/// What a collector is given on a tick.
#[derive(Debug)]
pub struct Context<'a> {
    /// The time of this tick.
    pub now: Timestamp,
    /// Where samples go.
    pub emit: Emitter<'a>,
    /// Where raw values go that percentages and rates are made from.
    pub readings: &'a mut Readings,
}

/// One source of samples.
pub trait Collector: Send {
    /// Its name in notices and in the option that turns it off.
    fn name(&self) -> &'static str;

    /// Labels of all its series, besides `instance`.
    fn labels(&self) -> ConstantLabels {
        &[("job", "node")]
    }

    /// How often it wants to run; zero means on each tick.
    fn every(&self) -> Duration {
        Duration::ZERO
    }

    /// Reads the source and pushes its samples. What was pushed before an error is kept.
    fn collect(&mut self, ctx: &mut Context<'_>) -> Result<(), CollectError>;
}
