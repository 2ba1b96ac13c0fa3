//! The thread that collects: a tick an interval, aligned to the clock.
//!
//! Samples carry the time of their tick, not the moment they were read, so that a series is
//! regular; a tick that comes late by more than half an interval is skipped, never made up. The
//! same thread evaluates alert rules at their own pace.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tacho_collect::{Host, HostOptions, Notice, NoticeKind};
use tacho_model::{Appender as _, Batch, Timestamp};

use crate::app::App;
use crate::intake::{Origin, Protocol};
use crate::otlp::traces;
use crate::store_metrics;

/// Where samples of this host come from.
const THIS_HOST: Origin<'_> = Origin::new(Protocol::Host, "host");

/// How often the store's own figures are kept; they move slowly.
const STORE_EVERY: Duration = Duration::from_secs(15);

/// Collects until `stop` is dropped or sent to.
pub fn run(app: &Arc<App>, stop: &Receiver<()>) {
    let settings = &app.settings.collect;
    app.name_host();
    let mut host = settings.host.then(|| {
        Host::new(HostOptions {
            processes_every: settings.processes_interval,
            gpu: settings.gpu,
            ..HostOptions::default()
        })
    });
    let mut batch = Batch::new();
    let mut refused = Refused::default();
    let mut due = Due::default();
    // The first tick is taken as it is; only later ones fall on the clock's marks, or a long
    // interval would date it before the start.
    let mut tick = Timestamp::now();
    loop {
        batch.clear();
        traces::count_expired(app, tick);
        if let Err(error) = app.span_metrics.tick(app) {
            tracing::debug!("metrics of spans wait for the next tick: {error}");
        }
        if let Some(host) = host.as_mut() {
            host.collect(tick, &mut batch);
            // Only beside the host's: a store of forwarded samples alone holds nothing else.
            app.intake.observe(tick, &app.host_name(), &mut batch);
            app.filters.observe(tick, &app.host_name(), &mut batch);
            app.span_metrics.observe(tick, &app.host_name(), &mut batch);
            app.forward.observe(tick, &app.host_name(), &mut batch);
            app.rules.observe(tick, &app.host_name(), &mut batch);
            if due.store() {
                store_metrics::observe(app, tick, &mut batch);
            }
        }
        let kept = batch.is_empty() || refused.append(app, &batch);
        if let Some(host) = host.as_mut() {
            if !kept {
                // What the batch said of its metrics went down with it.
                host.describe_again();
            }
            host.take_notices().iter().for_each(tell);
            app.host.write().clone_from(host.snapshot());
        }
        if due.rules(app.settings.rules.interval) {
            app.alerting.evaluate(app, tick);
        }
        app.ticked(tick);
        let Some(next) = sleep_until_next(tick, settings.interval, stop) else {
            return;
        };
        tick = next;
    }
}

/// Sleeps to the next tick; `None` when it is time to stop.
fn sleep_until_next(last: Timestamp, interval: Duration, stop: &Receiver<()>) -> Option<Timestamp> {
    let now = Timestamp::now();
    // After a clock step, in either direction, ticks go on from the new time.
    let expected = last.align_down(interval) + interval;
    let late = now.since(expected) > interval / 2;
    let stepped_back = expected.since(now) > interval * 2;
    let next = if late || stepped_back {
        now.align_down(interval) + interval
    } else {
        expected
    };
    match stop.recv_timeout(next.since(now)) {
        Err(RecvTimeoutError::Timeout) => Some(next),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => None,
    }
}

/// Says once that appending fails, and once that it works again.
#[derive(Default)]
struct Refused {
    since: Option<Instant>,
}

impl Refused {
    /// Appends a batch; whether it was kept.
    fn append(&mut self, app: &App, batch: &Batch) -> bool {
        let (kept, refused) = match app.door(THIS_HOST).append(batch) {
            Ok(outcome) => {
                let reason = outcome.rejected.first().map(|rejected| rejected.reason);
                let count = outcome.rejected.len();
                (
                    true,
                    reason.map(|reason| format!("{count} of {}: {reason}", batch.len())),
                )
            }
            Err(error) => (false, Some(error.to_string())),
        };
        match (&refused, self.since) {
            (None, None) | (Some(_), Some(_)) => {}
            (None, Some(since)) => {
                let gap = since.elapsed().as_secs();
                tracing::info!(gap_seconds = gap, "samples are kept again");
                self.since = None;
            }
            (Some(reason), None) => {
                tracing::error!("samples of this host are not kept: {reason}");
                self.since = Some(Instant::now());
            }
        }
        app.collection_refused(refused);
        kept
    }
}

/// Says once that a source is gone or back; that something never was there is no news.
fn tell(notice: &Notice) {
    match notice.kind {
        NoticeKind::Lost => tracing::warn!(source = notice.source, "{}", notice.message),
        NoticeKind::Restored => tracing::info!(source = notice.source, "readable again"),
        NoticeKind::NotHere => tracing::debug!(source = notice.source, "{}", notice.message),
    }
}

/// What is due besides collecting, by the monotonic clock.
#[derive(Default)]
struct Due {
    rules: Option<Instant>,
    store: Option<Instant>,
}

impl Due {
    fn rules(&mut self, every: Duration) -> bool {
        Self::due(&mut self.rules, every)
    }

    fn store(&mut self) -> bool {
        Self::due(&mut self.store, STORE_EVERY)
    }

    fn due(last: &mut Option<Instant>, every: Duration) -> bool {
        // A tick's worth of slack, so that 5 s at 1 s ticks means every fifth, not every sixth.
        let slack = Duration::from_millis(200);
        let due = last.is_none_or(|last| last.elapsed() + slack >= every);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}
