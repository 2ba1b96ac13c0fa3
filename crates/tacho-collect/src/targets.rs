//! Targets: what does not push is asked, each at its own times.
//!
//! In reading order:
//! - [`Target`]: what one is; adding one is a new file here, its settings with [`Make`], and a line
//!   in the table of the configuration's `collect`
//! - [`Running`]: a target with its series, asked again and again
//! - the targets themselves, a module each
//!
//! 1. A target never waits past its [`Deadline`].
//! 2. What could not be read is absent and its series are marked as ended; what was read before a
//!    failure is kept. The one series that says whether it went well is there each time.
//! 3. No secret is in an error, a label or a `Debug` text.
//!
//! Not a scheduler: the server decides when. Names are those of the field's own exporters.

mod cgroup;
pub mod command;
pub mod containers;
pub mod postgresql;
pub mod probe;
pub mod processes;
pub mod redis;
mod secret;
pub mod systemd;

use std::fmt::Debug;

use tacho_model::{Batch, Timestamp};

pub use self::secret::Secret;
use crate::emit::{Emitter, Family, SeriesBook};
use crate::net::{Deadline, NetError};

/// Longest text of somebody else's in a message, in characters.
const SAID_CHARS_MAX: usize = 300;
/// Largest compiled regular expression.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Why a target has nothing, or not everything, to say. Reads well after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// There was no exchange with the server.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The server said no.
    #[error("{what}: {said}")]
    Refused {
        /// What was asked of it.
        what: &'static str,
        /// Its words.
        said: String,
    },
    /// The answer is not what the protocol says.
    #[error("understand the answer to {what}: {reason}")]
    Malformed {
        /// What was asked.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The answer has more than any real one.
    #[error("{what}: the answer has more than {limit} {unit}")]
    TooMuch {
        /// What was asked.
        what: &'static str,
        /// The most that is read.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// What is configured cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// It answered, and not as it should.
    #[error("{0}")]
    Failed(String),
}

impl TargetError {
    /// The server said no in these words.
    pub fn refused(what: &'static str, said: &str) -> Self {
        Self::Refused {
            what,
            said: in_a_line(said),
        }
    }

    /// An answer that breaks the protocol.
    pub fn malformed(what: &'static str, reason: impl Into<String>) -> Self {
        Self::Malformed {
            what,
            reason: reason.into(),
        }
    }
}

/// A regular expression of bounded size; the error reads well after a colon.
pub fn pattern(text: &str) -> Result<regex::Regex, String> {
    let built = regex::RegexBuilder::new(text)
        .size_limit(PATTERN_BYTES_MAX)
        .build();
    built.map_err(|error| {
        let error = error.to_string();
        let last = error.lines().last().unwrap_or_default().to_owned();
        format!("`{text}` is no regular expression: {last}")
    })
}

/// A text of somebody else's, as it can stand in a message.
pub(crate) fn in_a_line(text: &str) -> String {
    let plain = text.chars().take(SAID_CHARS_MAX);
    plain
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// One run of a target: where its samples go and until when it may take.
#[derive(Debug)]
pub struct Turn<'a> {
    /// Where samples go.
    pub emit: Emitter<'a>,
    /// Until when.
    pub deadline: Deadline,
    /// What part could not be read, for people, while the rest was.
    pub missing: Vec<String>,
}

/// Something that is asked.
pub trait Target: Send {
    /// Asks and pushes what it says.
    fn collect(&mut self, turn: &mut Turn<'_>) -> Result<(), TargetError>;

    /// The series that says whether it could be asked, such as `pg_up`.
    fn up(&self) -> Option<&'static Family> {
        None
    }
}

/// Settings that a target is made from.
pub trait Make: Debug + Send + Sync {
    /// Makes the target; reaches for nothing yet.
    fn make(&self) -> Box<dyn Target>;

    /// What it is about, for people: an address without its secrets, a pattern.
    fn about(&self) -> String;
}

/// A target and its series.
pub struct Running {
    target: Box<dyn Target>,
    book: SeriesBook,
    describe_again: bool,
}

/// How a run went.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Samples that were pushed.
    pub samples: usize,
    /// What part could not be read.
    pub missing: Vec<String>,
}

impl Running {
    /// A target whose series all carry these labels.
    pub fn new(target: Box<dyn Target>, labels: Vec<(String, String)>) -> Self {
        Self {
            target,
            book: SeriesBook::new(labels),
            describe_again: false,
        }
    }

    /// Asks it. After a failure the batch holds what was read before it, and the ends of the rest.
    pub fn run(
        &mut self,
        now: Timestamp,
        deadline: Deadline,
        batch: &mut Batch,
    ) -> Result<Outcome, TargetError> {
        self.describe(batch);
        let mut turn = Turn {
            emit: self.book.run(batch, now),
            deadline,
            missing: Vec::new(),
        };
        let collected = self.target.collect(&mut turn);
        if let Some(up) = self.target.up() {
            let value = f64::from(u8::from(collected.is_ok()));
            turn.emit.push(up, &[], value);
        }
        let outcome = Outcome {
            samples: turn.emit.pushed(),
            missing: turn.missing,
        };
        turn.emit.finish();
        collected.map(|()| outcome)
    }

    /// Says that it is down without asking it.
    pub fn skip(&mut self, now: Timestamp, batch: &mut Batch) {
        self.describe(batch);
        let mut emit = self.book.run(batch, now);
        if let Some(up) = self.target.up() {
            emit.push(up, &[], 0.0);
        }
        emit.finish();
    }

    /// Describes every metric once more on the next run: for when a batch was not kept.
    pub fn describe_again(&mut self) {
        self.describe_again = true;
    }

    fn describe(&mut self, batch: &mut Batch) {
        if std::mem::take(&mut self.describe_again) {
            self.book.describe_all(batch);
        }
    }
}
