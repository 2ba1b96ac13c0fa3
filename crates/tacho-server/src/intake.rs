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
pub mod quota;

use tacho_model::{
    AppendError, AppendOutcome, Appender, Batch, Columns, Kind, Labels, LabelsRef, Querier,
    Refusal, TimeRange, Timestamp,
};
use tacho_store::{PreparedRecords, Store};

pub use self::counts::{Intake, Protocol, Signal, SourceCounts, Tally};
use crate::app::App;
use crate::filters::{Moment, Sifted, Stored, StoredAs, Window};

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

/// How what is left of a batch gets into the store.
type Commit<'c> = &'c mut dyn FnMut(&Batch) -> Result<AppendOutcome, AppendError>;

impl App {
    /// The way in for what comes from `origin`.
    pub fn door<'a>(&'a self, origin: Origin<'a>) -> Door<'a> {
        Door { app: self, origin }
    }
}

impl Door<'_> {
    /// How what comes in as this series is stored; `None` where filters make something else of it.
    pub fn stored_as(&self, labels: LabelsRef<'_>) -> Option<StoredAs> {
        match &self.app.filters.samples {
            Some(filters) => filters.stored_as(labels, self.origin),
            None => Some(StoredAs {
                labels: labels.to_owned(),
                is_throttled: false,
            }),
        }
    }

    /// Appends a batch without counting its rows, for who appends some of them again in another
    /// form and counts in the end.
    pub fn append_uncounted(&self, batch: &Batch) -> Result<AppendOutcome, AppendError> {
        self.append_by(batch, &mut |batch| self.app.store.append(batch))
    }

    /// Appends samples and rows of a table, both or neither, and counts none of them; what became
    /// of the samples, and of the rows.
    pub fn append_together(
        &self,
        batch: &Batch,
        rows: PreparedRecords,
    ) -> Result<(AppendOutcome, AppendOutcome), AppendError> {
        let mut rows = Some(rows);
        let mut outcome = None;
        let samples = self.append_by(batch, &mut |batch| match rows.take() {
            None => self.app.store.append(batch),
            Some(rows) => {
                let (samples, taken) = self.app.store.append_together(batch, rows)?;
                outcome = Some(taken);
                Ok(samples)
            }
        })?;
        // Filters or limits may leave none of the samples.
        if let Some(rows) = rows {
            let appended = self.app.store.append_together(&Batch::new(), rows);
            self.app.note_append(appended.as_ref().err());
            outcome = Some(appended?.1);
        }
        Ok((samples, outcome.unwrap_or_default()))
    }

    /// Appends what filters and limits leave of a batch, by `store`.
    fn append_by(&self, batch: &Batch, store: Commit<'_>) -> Result<AppendOutcome, AppendError> {
        let now = Timestamp::now();
        if let Some(quotas) = &self.app.quotas {
            quotas.take_samples(self.origin, batch.len(), now)?;
        }
        let Some(filters) = &self.app.filters.samples else {
            return self.append_limited(batch, now, store);
        };
        let options = &self.app.settings.storage.options;
        let moment = Moment {
            now,
            window: Window {
                ahead: options.future,
                behind: options.out_of_order,
            },
            stored: &*self.app.store,
        };
        match filters.apply(batch, self.origin, moment) {
            None => self.append_limited(batch, now, store),
            Some(sifted) => self.append_sifted(sifted, now, store),
        }
    }

    /// Appends what was made of a batch.
    fn append_sifted(
        &self,
        sifted: Sifted<'_>,
        now: Timestamp,
        store: Commit<'_>,
    ) -> Result<AppendOutcome, AppendError> {
        let stored = if sifted.batch().is_empty() {
            AppendOutcome::default()
        } else {
            self.append_limited(sifted.batch(), now, store)?
        };
        let (outcome, lost) = sifted.outcome(&stored);
        if !lost.is_empty() {
            let mut tally = Tally::default();
            for reason in lost {
                tally.refuse(refusal_reason(reason), 1);
            }
            let groups = Origin::new(Protocol::Filter, "aggregate");
            self.app.intake.count(groups, Signal::Samples, &tally);
        }
        Ok(outcome)
    }

    /// Appends the series that the source may have.
    fn append_limited(
        &self,
        batch: &Batch,
        now: Timestamp,
        store: Commit<'_>,
    ) -> Result<AppendOutcome, AppendError> {
        let quotas = self.app.quotas.as_ref();
        let Some(over) = quotas.and_then(|quotas| quotas.over(self.origin, batch, now)) else {
            return self.append_stored(batch, store);
        };
        let sifted = Sifted::without(batch, &over.series, Refusal::SourceSeriesLimit);
        let stored = if sifted.batch().is_empty() {
            AppendOutcome::default()
        } else {
            self.append_stored(sifted.batch(), store)?
        };
        let (outcome, _) = sifted.outcome(&stored);
        self.app.note_limit(over.culprit.as_ref());
        let culprit = outcome.culprit.or(over.culprit);
        Ok(AppendOutcome { culprit, ..outcome })
    }

    fn append_stored(
        &self,
        batch: &Batch,
        store: Commit<'_>,
    ) -> Result<AppendOutcome, AppendError> {
        let appended = store(batch);
        self.app.note_append(appended.as_ref().err());
        if let Ok(outcome) = &appended {
            self.app.note_limit(outcome.culprit.as_ref());
            self.app.count_samples(outcome.accepted);
            self.app.exemplars(batch);
            // Before whoever sent it is told that it was kept.
            self.app.forward.samples(batch, &outcome.rejected);
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

impl Stored for Store {
    fn kind(&self, name: &str) -> Option<Kind> {
        self.metadata(name).map(|metadata| metadata.kind)
    }

    fn samples(&self, labels: &Labels, within: TimeRange) -> Columns {
        let mut columns = Columns::new();
        // One that cannot be read is one that is not there: a counter starts again, a reset.
        if self
            .read_series(labels.as_ref(), within, &mut columns)
            .is_err()
        {
            columns.clear();
        }
        columns
    }
}

/// What became of the rows of a batch.
fn tally(batch: &Batch, outcome: &AppendOutcome) -> Tally {
    let mut tally = Tally {
        accepted: (outcome.accepted - outcome.filtered) as u64,
        filtered: outcome.filtered as u64,
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
        Refusal::CustomBuckets => "custom_buckets",
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
