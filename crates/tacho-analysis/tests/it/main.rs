//! The crate from outside: verdicts on made-up measurements with known truth.

#[cfg(test)]
mod false_alarms;
#[cfg(test)]
mod noise;
#[cfg(test)]
mod verdicts;
