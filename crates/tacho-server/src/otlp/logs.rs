//! Logs: every record counted by severity, and those that matter kept as events.
//!
//! An event is a record of at least `ingest.event_severity`, or one that names its sort
//! (`event_name`). The rest is counted and forgotten: this is no store for logs.

pub mod counts;

use tacho_model::span::{LogRecord, Severity};
use tacho_model::{AppendError, Timestamp};
use tacho_wire::otlp::answer::Partial;
use tacho_wire::otlp::logs::decode;

use self::counts::{Counted, Seen};
use super::{CountedBy, Outcome, ReceiveError};
use crate::app::App;
use crate::events::{EventRows, SERVICE, TABLE};
use crate::forward::LogsOnward;
use crate::intake::{Origin, Protocol, Signal};

/// Events that are appended together; of a larger request the next ones follow.
const APPEND_EVENTS: usize = 8192;
/// Who sent what names no service.
const NOBODY: &str = "unknown";

/// Counts the records of an `ExportLogsServiceRequest` in protobuf and keeps the events among them;
/// what to tell its sender. Blocks.
///
/// # Errors
/// [`ReceiveError::Protobuf`], [`ReceiveError::Append`]; nothing was counted then, and events that
/// were kept are kept once when they come again. A request that was taken is known when it comes
/// again within a while, and changes nothing then.
pub fn receive(app: &App, body: &[u8], counted_by: CountedBy) -> Result<Partial, ReceiveError> {
    let begun = match app.log_counts.begin(body) {
        Seen::New(begun) => Some(begun),
        Seen::Counted => None,
        Seen::Begun => {
            let told = "the same request is being worked on; send it again".to_owned();
            return Err(ReceiveError::Passing(told));
        }
    };
    let least = app.settings.otlp.event_severity;
    let filters = app.filters.logs.as_ref();
    let now = Timestamp::now();
    let mut counted = Counted::default();
    let mut rows = EventRows::default();
    let mut outcome = Outcome::default();
    let mut failed = None;
    let mut onward = app.forward.logs();
    let mut is_timed = true;
    let decoded = decode(body, |record| {
        if failed.is_some() {
            return;
        }
        let mut record = *record;
        if record.time == Timestamp::from_nanos(0) {
            record.time = now;
            is_timed = false;
        }
        let origin = Origin::new(Protocol::Otlp, record.service);
        if filters.is_some_and(|filters| !filters.keeps(&record, origin)) {
            return outcome.filter(record.service, record.time);
        }
        if begun.is_none() {
            return outcome.repeat(record.service);
        }
        outcome.accept(record.service, record.time);
        counted.add(&record);
        if let Some(onward) = &mut onward {
            onward.push(&record);
        }
        if !is_event(&record, least) {
            return;
        }
        let mut pushed = rows.push(&record);
        if rows.len() >= APPEND_EVENTS || pushed.is_err() {
            failed = append(app, &mut rows, &mut outcome).err();
            if pushed.is_err() {
                pushed = rows.push(&record);
            }
        }
        if let Err(error) = pushed {
            outcome.reject(record.service, "too_large", &error);
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    append(app, &mut rows, &mut outcome)?;
    // Last, because counting twice is what coming again would do.
    if counted_by == CountedBy::Receiver {
        app.log_counts.append(app, counted)?;
    }
    onward.into_iter().for_each(LogsOnward::send);
    // Without times, the same records again may well be others.
    if let Some(begun) = begun.filter(|_| is_timed) {
        begun.counted();
    }
    Ok(outcome.finish(app, Signal::Logs, NOBODY, &decoded))
}

fn is_event(record: &LogRecord<'_>, least: Severity) -> bool {
    !record.event_name.is_empty() || record.severity >= least
}

fn append(app: &App, rows: &mut EventRows, outcome: &mut Outcome) -> Result<(), AppendError> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = rows.take();
    let door = app.door(Origin::new(Protocol::Otlp, NOBODY));
    let appended = door.append_records(TABLE, &rows)?;
    outcome.note(&rows, SERVICE, &appended.rejected);
    Ok(())
}
