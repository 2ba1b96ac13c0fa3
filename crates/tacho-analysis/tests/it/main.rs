//! The crate from outside: verdicts on made-up measurements with known truth.

mod false_alarms;
mod noise;
mod verdicts;
