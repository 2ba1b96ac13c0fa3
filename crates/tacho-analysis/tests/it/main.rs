//! The crate from outside: alerts on made-up samples, verdicts on measurements with known truth.

#[cfg(test)]
mod alerts;
#[cfg(test)]
mod false_alarms;
#[cfg(test)]
mod noise;
#[cfg(test)]
mod verdicts;
