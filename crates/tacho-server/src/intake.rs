//! The one door: whatever was received or collected passes here on its way into the store, so that
//! all of it is counted by protocol and source, whichever way it came.
//!
//! Invariants:
//! 1. what a receiver was told is kept is in the store when [`Door::append`] returns;
//! 2. every item is counted once, as accepted or refused with a reason;
//! 3. a source costs bounded memory, and so do all of them.
//!
//! Blocks, like the store. Not for reading bytes: that is `tacho-wire`'s, nor for HTTP.

mod counts;

use tacho_model::{AppendError, AppendOutcome, Appender, Batch, Refusal, Timestamp};

pub use self::counts::{Intake, Protocol, Signal, SourceCounts, Tally};
use crate::app::App;

/// Where something came from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// How it came.
    pub protocol: Protocol,
    /// Who sent it: a service, a job, an address; whatever the protocol knows.
    pub source: &'a str,
}

impl<'a> Origin<'a> {
    /// What came so from there.
    pub const fn new(protocol: Protocol, source: &'a str) -> Self {
        Self { protocol, source }
    }
}

/// The way in for what comes from one origin.
#[derive(Clone, Copy)]
pub struct Door<'a> {
    app: &'a App,
    origin: Origin<'a>,
}

impl App {
    /// The way in for what comes from `origin`.
    pub fn door<'a>(&'a self, origin: Origin<'a>) -> Door<'a> {
        Door { app: self, origin }
    }
}

impl Door<'_> {
    /// Appends a batch without counting its rows, for who appends some of them again in another
    /// form and counts in the end.
    pub fn append_uncounted(&self, batch: &Batch) -> Result<AppendOutcome, AppendError> {
        let appended = self.app.store.append(batch);
        self.app.note_append(appended.as_ref().err());
        if let Ok(outcome) = &appended {
            self.app.note_limit(outcome.culprit.as_ref());
            self.app.count_samples(outcome.accepted);
        }
        appended
    }

    /// Whose way in it is.
    pub(crate) fn app(&self) -> &App {
        self.app
    }

    /// Counts what became of items.
    pub fn count(&self, signal: Signal, tally: &Tally) {
        self.app.intake.count(self.origin, signal, tally);
    }

    /// Counts items that were refused for one reason.
    pub fn refuse(&self, signal: Signal, reason: &'static str, items: usize) {
        self.count(signal, &Tally::refused(reason, items));
    }
}

impl Appender for Door<'_> {
    fn append(&self, batch: &Batch) -> Result<AppendOutcome, AppendError> {
        let outcome = self.append_uncounted(batch);
        let tally = match &outcome {
            Ok(outcome) => tally(batch, outcome),
            Err(error) => Tally::refused(error_reason(error), batch.len()),
        };
        self.count(Signal::Samples, &tally);
        outcome
    }
}

/// What became of the rows of a batch.
fn tally(batch: &Batch, outcome: &AppendOutcome) -> Tally {
    let mut tally = Tally {
        accepted: outcome.accepted as u64,
        ..Tally::default()
    };
    for rejected in &outcome.rejected {
        tally.refuse(refusal_reason(rejected.reason), 1);
    }
    tally.note_times(batch, Timestamp::now());
    tally
}

/// The name of a refusal in metrics.
pub fn refusal_reason(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::TooOld => "too_old",
        Refusal::TooNew => "too_new",
        Refusal::SeriesLimit => "series_limit",
        Refusal::SourceSeriesLimit => "source_series_limit",
        Refusal::SeriesRate => "series_rate",
        Refusal::NoName => "no_name",
        Refusal::InvalidLabels => "invalid_labels",
        Refusal::InvalidHistogram => "invalid_histogram",
    }
}

/// The name of what made the store refuse a whole batch, in metrics.
pub fn error_reason(error: &AppendError) -> &'static str {
    match error {
        AppendError::NoSpace => "no_space",
        AppendError::Overloaded => "overloaded",
        AppendError::RateLimit { .. } => "rate_limit",
        AppendError::ReadOnly(_) => "read_only",
        AppendError::Failed(_) => "failed",
    }
}
