//! Sums to samples, at the end of each interval.
//!
//! Samples carry the interval's end, a multiple of the interval since the epoch; the last flush,
//! at stop, carries the moment itself, so that the next start's first interval ends later. When
//! the clock is put back, times are shifted by a millisecond against those before, because a
//! histogram written at the time of an earlier one would stand in its place.
//!
//! What the store does not take for now (a full disk) is offered again at the next flush, up to
//! [`KEPT_ROWS_MAX`] samples; what is beyond is refused and counted.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tacho_model::append::Culprit;
use tacho_model::{Batch, Timestamp};
use tacho_store::records::Records;

use super::aggregate::Counts;
use super::{Shared, stored};
use crate::app::App;
use crate::events::TABLE;
use crate::intake::{Door, Origin, Protocol, Signal, Tally, error_reason, refusal_reason};

/// Most samples that wait for a store which takes none.
const KEPT_ROWS_MAX: usize = 1_000_000;
/// A loss is said in the log at most so often.
const SAY_EVERY: Duration = Duration::from_mins(1);
/// A clock that is further back than this was put back; less is waited for.
const BACK: Duration = Duration::from_secs(2);

/// The way out.
struct Out<'a> {
    app: &'a App,
    shared: &'a Shared,
    kept: VecDeque<Batch>,
    /// Events that the store did not take yet; others wait behind them.
    events: Option<Records>,
    /// Datagrams that the kernel dropped so far, by source.
    dropped: Vec<u64>,
    said: Option<Instant>,
}

/// When samples were written, so that no two flushes share a time.
struct Stamps {
    last: Timestamp,
    shift: Duration,
}

impl Stamps {
    /// The time of a flush at `now`; `None` when the clock is so little back that waiting helps.
    fn next(&mut self, now: Timestamp, whole: Timestamp) -> Option<Timestamp> {
        let at = whole + self.shift;
        if at > self.last {
            self.last = at;
            return Some(at);
        }
        if self.last.since(now) <= BACK {
            return None;
        }
        self.shift += Duration::from_millis(1);
        self.last = whole + self.shift;
        Some(self.last)
    }
}

/// Flushes until the server stops, and once more.
pub(super) fn run(shared: &Shared) {
    let interval = shared.app.settings.statsd.flush_interval;
    let mut out = Out {
        app: &shared.app,
        shared,
        kept: VecDeque::new(),
        events: None,
        dropped: vec![0; shared.sources.len()],
        said: None,
    };
    let mut stamps = Stamps {
        last: Timestamp::MIN,
        shift: Duration::ZERO,
    };
    loop {
        let is_early = wait(shared, interval);
        let now = Timestamp::now();
        if shared.all_is_read.load(Ordering::Relaxed) {
            // Later than the flush before, whatever the clock says.
            out.flush(now.max(stamps.last + Duration::from_millis(1)));
            return;
        }
        let whole = if is_early {
            now
        } else {
            now.align_down(interval)
        };
        if let Some(at) = stamps.next(now, whole) {
            out.flush(at);
        }
    }
}

/// Waits for the end of the interval; whether something woke it before.
fn wait(shared: &Shared, interval: Duration) -> bool {
    let now = Timestamp::now();
    let left = (now.align_down(interval) + interval).since(now);
    let mut held = shared.wake.0.lock();
    if shared.all_is_read.load(Ordering::Relaxed) {
        return true;
    }
    !shared.wake.1.wait_for(&mut held, left).timed_out()
}

impl Out<'_> {
    /// Writes what came since the last time.
    fn flush(&mut self, at: Timestamp) {
        self.go_on(at);
        let taken = self.shared.sums.lock().take(at);
        if !taken.batch.is_empty() {
            self.kept.push_back(taken.batch);
        }
        if let Some(culprit) = &taken.culprit {
            self.say_limit(culprit);
        }
        let mut refused = self.write();
        self.write_events(&mut refused);
        for (source, counts) in taken.counts.iter().enumerate() {
            // A sample may stem from several sources; what became of it is told of the first.
            let mut tally = std::mem::take(&mut refused);
            count(counts, &mut tally);
            self.count_dropped(source, &mut tally);
            tally.newest = (counts.accepted > 0).then_some(at);
            self.door(source).count(Signal::Samples, &tally);
        }
    }

    fn door(&self, source: usize) -> Door<'_> {
        let name = &self.shared.sources[source].name;
        self.app.door(Origin::new(Protocol::Statsd, name))
    }

    /// Lets new counters and relative gauges go on from what the store holds.
    fn go_on(&mut self, at: Timestamp) {
        let unread = self.shared.sums.lock().unread();
        if unread.is_empty() {
            return;
        }
        match stored::last_values(self.app.store.as_ref(), &unread, at) {
            Ok(values) => {
                let mut sums = self.shared.sums.lock();
                for ((series, _), value) in unread.iter().zip(values) {
                    sums.set_base(*series, value);
                }
            }
            // They stay unread, so that they are written once the store can be read.
            Err(error) => self.say(|| format!("StatsD's counters wait: {error}")),
        }
    }

    /// Offers everything that waits to the store, oldest first; what it refused.
    fn write(&mut self) -> Tally {
        let mut tally = Tally::default();
        while let Some(batch) = self.kept.front() {
            match self.door(0).append_uncounted(batch) {
                Ok(outcome) => {
                    for rejected in &outcome.rejected {
                        tally.refuse(refusal_reason(rejected.reason), 1);
                    }
                    self.kept.pop_front();
                }
                Err(error) => {
                    while self.kept.iter().map(Batch::len).sum::<usize>() > KEPT_ROWS_MAX {
                        let lost = self.kept.pop_front().map_or(0, |batch| batch.len());
                        tally.refuse(error_reason(&error), lost);
                    }
                    self.say(|| format!("StatsD's samples wait: {error}"));
                    break;
                }
            }
        }
        tally
    }

    /// Offers the events that wait to the store.
    fn write_events(&mut self, tally: &mut Tally) {
        if self.events.is_none() {
            self.events = self.shared.events.lock().take();
        }
        let Some(rows) = &self.events else {
            return;
        };
        match self.door(0).append_records(TABLE, rows) {
            Ok(outcome) => {
                for rejected in &outcome.rejected {
                    tally.refuse(refusal_reason(rejected.reason), 1);
                }
                self.events = None;
            }
            Err(error) => self.say(|| format!("StatsD's events wait: {error}")),
        }
    }

    fn count_dropped(&mut self, source: usize, tally: &mut Tally) {
        let Some(dropped) = self.shared.sources[source].socket.dropped() else {
            return;
        };
        let lost = dropped.saturating_sub(self.dropped[source]);
        self.dropped[source] = dropped;
        if lost == 0 {
            return;
        }
        tally.refuse("dropped_by_kernel", lost as usize);
        let name = &self.shared.sources[source].name;
        self.say(|| {
            format!(
                "the kernel dropped {lost} StatsD datagrams on {name}; raise net.core.rmem_max, \
                 or have clients send several lines a datagram"
            )
        });
    }

    fn say_limit(&mut self, culprit: &Culprit) {
        self.app.note_limit(Some(culprit));
        let limit = self.app.settings.statsd.series_max;
        let (metric, series) = (&culprit.metric, culprit.series);
        self.say(|| {
            format!(
                "StatsD refused new series beyond ingest.statsd.series_max ({limit}); most are \
                 of {metric} ({series})"
            )
        });
    }

    /// Says something in the log, unless something was said just before.
    fn say(&mut self, what: impl FnOnce() -> String) {
        if self.said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            self.said = Some(Instant::now());
            tracing::warn!("{}", what());
        }
    }
}

/// Adds what became of lines.
fn count(counts: &Counts, tally: &mut Tally) {
    tally.accepted += counts.accepted;
    for (reason, lines) in &counts.refused {
        tally.refuse(reason, *lines as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(nows: &[i64], expected: &[Option<i64>]) {
        let mut stamps = Stamps {
            last: Timestamp::MIN,
            shift: Duration::ZERO,
        };
        let stamped = nows.iter().map(|millis| {
            let now = Timestamp::from_millis(*millis);
            let at = stamps.next(now, now.align_down(Duration::from_secs(1)));
            at.map(Timestamp::as_millis)
        });
        assert_eq!(stamped.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn no_two_flushes_share_a_time_whatever_the_clock_does() {
        check(
            &[1_000, 2_004, 3_999],
            &[Some(1_000), Some(2_000), Some(3_000)],
        );
        // A little back: waited for. Far back: shifted against what was written before.
        check(
            &[9_000, 8_500, 9_500, 10_000],
            &[Some(9_000), None, None, Some(10_000)],
        );
        check(
            &[90_000, 50_000, 51_000, 91_000],
            &[Some(90_000), Some(50_001), Some(51_001), Some(91_001)],
        );
    }
}
