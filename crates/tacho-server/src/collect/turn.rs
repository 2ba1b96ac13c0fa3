//! A target, asked at its times until the server stops.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tacho_collect::emit::{Family, SeriesBook};
use tacho_collect::net::{Deadline, Stop};
use tacho_collect::targets::{Outcome, Running};
use tacho_model::{Appender as _, Batch, Timestamp, Unit};

use super::AfterFailure;
use crate::app::App;
use crate::intake::{Origin, Protocol};
use crate::scrape::status::{Active, Health, LastScrape};
use crate::scrape::sweep::Swept;

/// The first run of a target is at most this long after the start.
const FIRST_WITHIN: Duration = Duration::from_secs(2);
/// A target that fails is left in peace for at most this long.
const BACK_OFF_MAX: Duration = Duration::from_mins(1);

static UP: Family = Family::gauge("up", Unit::NONE, "Whether the target could be asked.");
static DURATION: Family = Family::gauge(
    "tacho_collect_duration_seconds",
    Unit::SECONDS,
    "How long asking the target took.",
);
static SAMPLES: Family = Family::gauge(
    "tacho_collect_samples",
    Unit::NONE,
    "Samples that the target brought.",
);
static FAILURES: Family = Family::counter(
    "tacho_collect_failures_total",
    Unit::NONE,
    "Runs of the target that failed, since the server started.",
);

/// Something that is asked and fills a batch.
pub(super) trait Watch: Send {
    /// Asks it; the error is for people.
    fn run(
        &mut self,
        now: Timestamp,
        deadline: Deadline,
        batch: &mut Batch,
    ) -> Result<Outcome, String>;

    /// Says that it is down without asking it.
    fn skip(&mut self, now: Timestamp, batch: &mut Batch);

    /// A batch was not kept: what was said of metrics in it is said again.
    fn describe_again(&mut self);
}

impl Watch for Running {
    fn run(
        &mut self,
        now: Timestamp,
        deadline: Deadline,
        batch: &mut Batch,
    ) -> Result<Outcome, String> {
        Self::run(self, now, deadline, batch).map_err(|error| format!("failed to {error}"))
    }

    fn skip(&mut self, now: Timestamp, batch: &mut Batch) {
        Self::skip(self, now, batch);
    }

    fn describe_again(&mut self) {
        Self::describe_again(self);
    }
}

/// How long a target that fails is left in peace: one time is left out after the second failure in
/// a row, then three, seven and so on, up to [`BACK_OFF_MAX`].
#[derive(Debug, Clone)]
pub(super) struct Patience {
    rule: AfterFailure,
    skips_max: u32,
    failures: u32,
    skips: u32,
}

impl Patience {
    /// For a target that is asked so often.
    pub(super) fn new(rule: AfterFailure, interval: Duration) -> Self {
        let times = BACK_OFF_MAX.as_secs_f64() / interval.as_secs_f64().max(1e-3);
        Self {
            rule,
            skips_max: (times as u32).saturating_sub(1),
            failures: 0,
            skips: 0,
        }
    }

    /// Whether it is asked this time.
    fn asks(&mut self) -> bool {
        let asks = self.skips == 0;
        self.skips = self.skips.saturating_sub(1);
        asks
    }

    fn note(&mut self, went_well: bool) {
        if went_well {
            self.failures = 0;
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.rule == AfterFailure::BackOff {
            let skips = 1u32.checked_shl(self.failures - 1).unwrap_or(u32::MAX) - 1;
            self.skips = skips.min(self.skips_max);
        }
    }
}

/// The server is gone, or goes.
#[derive(Debug)]
struct Gone;

/// A target and all that its thread needs.
pub(super) struct Turn {
    pub(super) app: Weak<App>,
    pub(super) kind: &'static str,
    pub(super) active: Arc<Active>,
    pub(super) watch: Box<dyn Watch>,
    pub(super) patience: Patience,
    pub(super) stop: Stop,
}

impl Turn {
    /// Asks it again and again until whoever could wake it is gone.
    pub(super) fn run(mut self, woken: &Receiver<()>) {
        let target = &self.active.target;
        let labels = target.labels.iter();
        let labels = labels.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        let mut state = State {
            book: SeriesBook::new(labels),
            batch: Batch::new(),
            failures: 0,
        };
        let seed = u64::from(std::process::id());
        let now = Timestamp::now();
        let share = target.next(now, seed).since(now).as_secs_f64() / target.interval.as_secs_f64();
        let mut wait = FIRST_WITHIN
            .min(target.interval)
            .mul_f64(share.clamp(0.0, 1.0));
        loop {
            match woken.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Timestamp::from_millis(Timestamp::now().as_millis());
            if self.once(now, &mut state).is_err() {
                return;
            }
            let now = Timestamp::now();
            wait = self.active.target.next(now, seed).since(now);
        }
    }

    /// One time.
    fn once(&mut self, now: Timestamp, state: &mut State) -> Result<(), Gone> {
        state.batch.clear();
        if !self.patience.asks() {
            self.watch.skip(now, &mut state.batch);
            state.report(now, None);
            return self.append(state).map(drop);
        }
        let began = Instant::now();
        let deadline = Deadline::after(self.active.target.timeout, self.stop.clone());
        let answer = self.watch.run(now, deadline, &mut state.batch);
        if self.stop.is_stopped() {
            // What broke off did so for no fault of the target's.
            return Err(Gone);
        }
        let duration = began.elapsed();
        self.patience.note(answer.is_ok());
        state.failures += u64::from(answer.is_err());
        let samples = answer.as_ref().map_or(0, |outcome| outcome.samples);
        let is_up = answer.is_ok();
        state.report(now, Some((is_up, duration, samples)));
        let refused = self.append(state)?;
        let (health, error) = match answer {
            Ok(outcome) => {
                let missing = outcome.missing.join("; ");
                let missing = (!missing.is_empty()).then(|| format!("failed to {missing}"));
                (Health::Up, missing.or(refused))
            }
            Err(error) => (Health::Down, Some(error)),
        };
        self.note(LastScrape {
            at: Some(now),
            duration,
            health,
            error,
            swept: Swept {
                scraped: samples,
                kept: samples,
                ..Swept::default()
            },
        });
        Ok(())
    }

    /// Appends the batch; what to say where not all of it was kept.
    fn append(&mut self, state: &State) -> Result<Option<String>, Gone> {
        let app = self.app.upgrade().ok_or(Gone)?;
        let instance = self.active.target.labels.get("instance").unwrap_or("?");
        let source = format!("{}/{instance}", self.kind);
        let door = app.door(Origin::new(Protocol::Host, &source));
        Ok(match door.append(&state.batch) {
            Ok(outcome) => outcome.rejected.first().map(|first| {
                let count = outcome.rejected.len();
                format!("{count} of its samples were not kept: {}", first.reason)
            }),
            Err(error) => {
                self.watch.describe_again();
                Some(format!("nothing of it was kept: {error}"))
            }
        })
    }

    /// Notes how it went, and says when that is news.
    fn note(&self, last: LastScrape) {
        let (health, error) = (last.health, last.error.clone());
        let before = self.active.note(last);
        let (kind, target) = (self.kind, &self.active.target.url);
        match (before, health) {
            (Health::Up | Health::Unknown, Health::Down) => {
                let error = error.unwrap_or_default();
                tracing::warn!(kind, target, "the target gives nothing: {error}");
            }
            (Health::Down, Health::Up) => {
                tracing::info!(kind, target, "the target can be asked again");
            }
            _ => {}
        }
    }
}

/// What a target's thread keeps.
struct State {
    book: SeriesBook,
    batch: Batch,
    failures: u64,
}

impl State {
    /// Adds what is told of each time.
    fn report(&mut self, now: Timestamp, run: Option<(bool, Duration, usize)>) {
        let mut emit = self.book.run(&mut self.batch, now);
        let up = run.is_some_and(|(is_up, _, _)| is_up);
        emit.push(&UP, &[], f64::from(u8::from(up)));
        emit.push(&FAILURES, &[], self.failures as f64);
        if let Some((_, duration, samples)) = run {
            emit.push(&DURATION, &[], duration.as_secs_f64());
            emit.push(&SAMPLES, &[], samples as f64);
        }
        emit.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(rule: AfterFailure, secs: u64, went_well: impl Fn(usize) -> bool) -> String {
        let mut patience = Patience::new(rule, Duration::from_secs(secs));
        let one = |time| {
            let asks = patience.asks();
            if asks {
                patience.note(went_well(time));
            }
            if asks { 'x' } else { '.' }
        };
        (0..24).map(one).collect()
    }

    #[test]
    fn a_target_that_fails_is_asked_more_rarely() {
        use AfterFailure::{BackOff, GoOn};
        assert_eq!(asked(BackOff, 4, |_| false), "xx.x...x.......x........");
        assert_eq!(asked(GoOn, 15, |_| false), "x".repeat(24));
        assert_eq!(
            asked(BackOff, 4, |time| time > 4),
            "xx.x...xxxxxxxxxxxxxxxxx"
        );
        // At most a minute apart.
        assert_eq!(asked(BackOff, 20, |_| false), "xx.x..x..x..x..x..x..x..");
        assert_eq!(asked(BackOff, 600, |_| false), "x".repeat(24));
    }

    #[test]
    fn many_failures_do_not_overflow() {
        let mut patience = Patience::new(AfterFailure::BackOff, Duration::from_millis(100));
        for _ in 0..100 {
            patience.note(false);
        }
        assert_eq!(patience.skips, 599);
    }
}
