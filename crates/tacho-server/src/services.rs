//! What services, endpoints, agents, tools, models, databases and `WebSockets` did in a window of time,
//! and in the window that it is compared with.
//!
//! Everything is answered from series in the store: those derived from spans where a service sends
//! spans, else those of its own library. Invariants:
//! 1. a window is `(from, to]`: a sample on its beginning belongs to the one before;
//! 2. counts come from the histograms of the duration, so they are exact for any window that its
//!    samples' times divide;
//! 3. what two sources tell of the same thing is never added up ([`source`]);
//! 4. what is not known is `None`, never zero.
//!
//! In reading order: [`window`] what is asked for, [`read`] samples into windows, [`distribution`] and
//! [`stats`] what becomes of them, [`source`] operations whichever series tell of them, then one file
//! a subject. Not for HTTP (that is `http::services`), nor for single spans and traces.

pub mod agents;
pub mod databases;
pub mod detail;
pub mod distribution;
pub mod examples;
pub mod list;
pub mod map;
pub mod measures;
pub mod models;
pub mod names;
pub mod operation;
pub mod read;
pub mod source;
pub mod stats;
pub mod tools;
pub mod usage;
pub mod websockets;
pub mod window;

#[cfg(test)]
mod testing;

pub use stats::{Measured, Stats};
pub use window::Scope;
