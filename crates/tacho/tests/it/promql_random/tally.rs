//! How many comparisons came out how.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};

/// What came of one comparison.
pub(crate) enum Outcome {
    Equal,
    BothEmpty,
    /// With this class of failure.
    BothFailed(String),
    /// They differ in a known way.
    Known(&'static str),
    /// They differ, as is told.
    Unknown(String),
}

/// All of them.
#[derive(Default)]
pub(crate) struct Tally {
    equal: usize,
    empty: usize,
    failed: BTreeMap<String, usize>,
    known: BTreeMap<&'static str, usize>,
    unknown: usize,
}

impl Tally {
    /// Counts one, and tells it where it is unknown.
    pub(crate) fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Equal => self.equal += 1,
            Outcome::BothEmpty => self.empty += 1,
            Outcome::BothFailed(class) => *self.failed.entry(class).or_default() += 1,
            Outcome::Known(class) => *self.known.entry(class).or_default() += 1,
            Outcome::Unknown(told) => {
                println!("unknown: {told}");
                self.unknown += 1;
            }
        }
    }

    pub(crate) fn unknown(&self) -> usize {
        self.unknown
    }

    fn failed(&self) -> usize {
        self.failed.values().sum()
    }

    /// Differences of known classes.
    pub(crate) fn known(&self) -> usize {
        self.known.values().sum()
    }

    /// Comparisons of answers with data.
    pub(crate) fn data(&self) -> usize {
        self.total() - self.empty - self.failed()
    }

    pub(crate) fn total(&self) -> usize {
        self.equal + self.empty + self.failed() + self.known() + self.unknown
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let agreed = self.equal + self.empty + self.failed();
        writeln!(
            f,
            "{} comparisons, {agreed} the same ({} with data, {} empty, {} that fail)",
            self.total(),
            self.equal,
            self.empty,
            self.failed()
        )?;
        for (class, count) in &self.failed {
            writeln!(f, "  {count} failures: {class}")?;
        }
        for (class, count) in &self.known {
            writeln!(f, "  {count} known: {class}")?;
        }
        write!(f, "  {} unknown", self.unknown)
    }
}
