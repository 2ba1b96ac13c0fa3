//! Traces: the spans of a request into the table of spans.

use tacho_model::AppendError;
use tacho_store::records::RecordsError;
use tacho_wire::otlp::answer::Partial;
use tacho_wire::otlp::taken::Decoded;
use tacho_wire::otlp::traces::decode;

use super::{Outcome, ReceiveError};
use crate::app::App;
use crate::intake::{Origin, Protocol, Signal};
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
    let mut rows = SpanRows::default();
    let mut outcome = Outcome::default();
    let mut failed = None;
    let decoded: Decoded = decode(body, |span| {
        if failed.is_some() {
            return;
        }
        outcome.accept(span.service, span.start);
        let mut pushed = rows.push(span);
        if rows.len() >= APPEND_SPANS || is_full(&pushed) {
            failed = append(app, &mut rows, &mut outcome).err();
            if is_full(&pushed) {
                pushed = rows.push(span);
            }
        }
        if let Err(error) = pushed {
            outcome.reject(span.service, "too_large", &error);
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    append(app, &mut rows, &mut outcome)?;
    Ok(outcome.finish(app, Signal::Spans, NOBODY, &decoded))
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
