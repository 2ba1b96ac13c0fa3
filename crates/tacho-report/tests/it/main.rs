//! What a report promises, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod contract;
mod f9;
mod facts;
mod hostile;
mod sample;
