//! Traces: the spans of a request into the table of spans.

use tacho_model::span::Span;
use tacho_model::{AppendError, Timestamp};
use tacho_store::records::RecordsError;
use tacho_wire::otlp::answer::Partial;
use tacho_wire::otlp::taken::Decoded;
use tacho_wire::otlp::traces::decode;

use super::{Outcome, ReceiveError};
use crate::app::App;
use crate::filters::SpanVerdict;
use crate::forward::SpansOnward;
use crate::intake::{Origin, Protocol, Signal, Tally};
use crate::spans::{SpanRows, TABLE, column};

/// Spans that are appended together; of a larger request the next ones follow.
const APPEND_SPANS: usize = 8192;
/// Who sent what names no service.
const NOBODY: &str = "unknown";

/// Keeps the spans of an `ExportTraceServiceRequest` in protobuf; what to tell its sender. Blocks.
///
/// # Errors
/// [`ReceiveError::Protobuf`], [`ReceiveError::Append`]; some spans may be kept then, and are kept
/// once when they come again.
pub fn receive(app: &App, body: &[u8]) -> Result<Partial, ReceiveError> {
    let mut taken = Taken {
        app,
        rows: SpanRows::default(),
        outcome: Outcome::default(),
        failed: None,
        onward: app.forward.spans(),
    };
    let filters = app.filters.spans.as_ref();
    let mut session = filters.map(|filters| filters.session(Timestamp::now()));
    let decoded: Decoded = decode(body, |span| {
        let Some(session) = &mut session else {
            return taken.keep(span);
        };
        let origin = Origin::new(Protocol::Otlp, span.service);
        match session.take(origin, span, |released| taken.keep(released)) {
            SpanVerdict::Keep => taken.keep(span),
            SpanVerdict::Drop => taken.outcome.filter(span.service, span.start),
            // Counted once its trace is decided.
            SpanVerdict::Wait => {}
        }
    })?;
    if let Some(error) = taken.failed {
        return Err(error.into());
    }
    append(app, &mut taken.rows, &mut taken.outcome)?;
    if let Some(session) = session {
        session.commit()?;
    }
    taken.onward.take().into_iter().for_each(SpansOnward::send);
    Ok(taken.outcome.finish(app, Signal::Spans, NOBODY, &decoded))
}

/// Lets spans go whose trace was not worth keeping by `now`, and counts them.
pub fn count_expired(app: &App, now: Timestamp) {
    let Some(filters) = &app.filters.spans else {
        return;
    };
    for (service, spans) in filters.expire(now) {
        let tally = Tally {
            filtered: spans,
            ..Tally::default()
        };
        let origin = Origin::new(Protocol::Otlp, &service);
        app.door(origin).count(Signal::Spans, &tally);
    }
}

/// The spans of a request that are kept, on their way into the table.
struct Taken<'a> {
    app: &'a App,
    rows: SpanRows,
    outcome: Outcome,
    failed: Option<AppendError>,
    /// What is sent on, where anything is.
    onward: Option<SpansOnward<'a>>,
}

impl Taken<'_> {
    fn keep(&mut self, span: &Span<'_>) {
        if self.failed.is_some() {
            return;
        }
        self.outcome.accept(span.service, span.start);
        if let Some(onward) = &mut self.onward {
            onward.push(span);
        }
        let mut pushed = self.rows.push(span);
        if self.rows.len() >= APPEND_SPANS || is_full(&pushed) {
            self.failed = append(self.app, &mut self.rows, &mut self.outcome).err();
            if is_full(&pushed) {
                pushed = self.rows.push(span);
            }
        }
        if let Err(error) = pushed {
            self.outcome.reject(span.service, "too_large", &error);
        }
    }
}

/// Whether a row may fit where others have gone.
fn is_full(pushed: &Result<(), RecordsError>) -> bool {
    pushed.is_err()
}

fn append(app: &App, rows: &mut SpanRows, outcome: &mut Outcome) -> Result<(), AppendError> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = rows.take();
    let door = app.door(Origin::new(Protocol::Otlp, NOBODY));
    let appended = door.append_records(TABLE, &rows)?;
    outcome.note(&rows, column::SERVICE, &appended.rejected);
    Ok(())
}
