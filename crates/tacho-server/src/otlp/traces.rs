//! Traces: the spans of a request into the table of spans.

use std::sync::Arc;

use tacho_model::span::Span;
use tacho_model::{AppendError, Timestamp};
use tacho_semconv::{Operation, Reading};
use tacho_store::records::RecordsError;
use tacho_wire::otlp::answer::Partial;
use tacho_wire::otlp::taken::Decoded;
use tacho_wire::otlp::traces::decode;

use super::{CountedBy, Outcome, ReceiveError};
use crate::app::App;
use crate::filters::SpanVerdict;
use crate::forward::SpansOnward;
use crate::intake::{Origin, Protocol, Signal, Tally};
use crate::span_metrics::{Session, Stays};
use crate::spans::{SpanRows, TABLE, column};

/// Spans that are appended together; of a larger request the next ones follow.
const APPEND_SPANS: usize = 8192;
/// Who sent what names no service.
const NOBODY: &str = "unknown";

/// Keeps the spans of an `ExportTraceServiceRequest` in protobuf, and makes metrics of them; what
/// to tell its sender. Blocks.
///
/// # Errors
/// [`ReceiveError::Protobuf`], [`ReceiveError::Append`]; some spans may be kept and counted then, and
/// are so once when they come again. [`ReceiveError::Passing`] when another request that is being
/// worked on holds some of them: whether they are counted is not known yet.
pub fn receive(app: &App, body: &[u8], counted_by: CountedBy) -> Result<Partial, ReceiveError> {
    let mut taken = Taken {
        app,
        rows: SpanRows::default(),
        outcome: Outcome::default(),
        failed: None,
        onward: app.forward.spans(),
        counted: (counted_by == CountedBy::Receiver).then(|| app.span_metrics.session(app)),
    };
    let filters = app.filters.spans.as_ref();
    let mut session = filters.map(|filters| filters.session(Timestamp::now()));
    let decoded: Decoded = decode(body, |span| {
        let reading = Reading::new(span);
        let operation = Operation::of(&reading);
        let name = operation.name(span);
        let verdict = match &mut session {
            None => SpanVerdict::Keep,
            Some(session) => {
                let origin = Origin::new(Protocol::Otlp, span.service);
                session.take(origin, span, |released| taken.release(released))
            }
        };
        let stays = match verdict {
            SpanVerdict::Keep => {
                taken.keep(span, &name);
                Stays::Yes
            }
            SpanVerdict::Unsampled => {
                taken.outcome.filter(span.service, span.start);
                Stays::No
            }
            // Kept or not is told once its trace is decided.
            SpanVerdict::Wait => Stays::No,
            SpanVerdict::Drop => return taken.outcome.filter(span.service, span.start),
        };
        if let Some(counted) = &mut taken.counted {
            counted.add(&reading, &operation, &name, stays);
            if counted.pending() >= APPEND_SPANS {
                taken.append();
            }
        }
    })?;
    taken.append();
    if let Some(error) = taken.failed {
        return Err(error.into());
    }
    if let Some(session) = session {
        session.commit()?;
    }
    taken.onward.take().into_iter().for_each(SpansOnward::send);
    if taken.counted.is_some_and(|counted| counted.met_others()) {
        let told = "spans of it are being worked on in another request; send it again".to_owned();
        return Err(ReceiveError::Passing(told));
    }
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
    /// Metrics of them, where the sender does not make them.
    counted: Option<Session<'a>>,
}

impl Taken<'_> {
    /// Keeps a span that waited for its trace to be worth it; it was counted when it came.
    fn release(&mut self, span: &Span<'_>) {
        let reading = Reading::new(span);
        let operation = Operation::of(&reading);
        self.keep(span, &operation.name(span));
    }

    fn keep(&mut self, span: &Span<'_>, operation: &str) {
        if self.rows.len() >= APPEND_SPANS {
            self.append();
        }
        if self.failed.is_some() {
            return;
        }
        self.outcome.accept(span.service, span.start);
        if let Some(onward) = &mut self.onward {
            onward.push(span);
        }
        let mut pushed = self.rows.push_with(span, operation);
        if is_full(&pushed) {
            self.append();
            pushed = self.rows.push_with(span, operation);
        }
        if let Err(error) = pushed {
            self.outcome.reject(span.service, "too_large", &error);
        }
    }

    /// Brings what there is so far into the store, with the metrics made of it.
    fn append(&mut self) {
        if self.failed.is_some() {
            return;
        }
        let rows = Arc::new(self.rows.take());
        let appended = match &mut self.counted {
            Some(counted) => {
                let appended = counted.flush(Some(&rows));
                self.app.note_append(appended.as_ref().err());
                appended
            }
            None if rows.is_empty() => return,
            None => {
                let door = self.app.door(Origin::new(Protocol::Otlp, NOBODY));
                door.append_records(TABLE, &rows)
            }
        };
        match appended {
            Ok(appended) => self
                .outcome
                .note(&rows, column::SERVICE, &appended.rejected),
            Err(error) => self.failed = Some(error),
        }
    }
}

/// Whether a row may fit where others have gone.
fn is_full(pushed: &Result<(), RecordsError>) -> bool {
    pushed.is_err()
}
