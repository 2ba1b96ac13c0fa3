//! OTLP requests on their way into the store: traces, logs and metrics, whatever brought them.
//!
//! HTTP and gRPC hand over bodies as they came: their compression (`unpack`) and their encoding
//! are undone here, on the thread that writes them. What was refused is counted by its reason and
//! told in a partial success; a request that the store did not take is told to come again, and may:
//! spans and events are kept once however often they are sent.
//!
//! Not for HTTP: that is [`crate::http`]'s.

pub mod listeners;
pub mod logs;
pub mod metrics;
pub mod settings;
pub mod traces;
pub mod unpack;

use std::collections::BTreeMap;

use tacho_model::{AppendError, QueryError, Rejected, Timestamp};
use tacho_store::records::Records;
use tacho_wire::otlp::answer::Partial;
use tacho_wire::otlp::json::{JsonError, Kind, transcode};
use tacho_wire::otlp::metrics::MetricsError;
use tacho_wire::otlp::taken::Decoded;
use tacho_wire::protobuf::ProtobufError;

use self::unpack::{Packing, UnpackError, unpack};
use crate::app::App;
use crate::intake::{Door, Origin, Protocol, Signal, Tally, error_reason, refusal_reason};

/// How a request's message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Protobuf.
    Protobuf,
    /// JSON.
    Json,
}

/// A request as it came.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What it is about.
    pub kind: Kind,
    /// How its message is written.
    pub encoding: Encoding,
    /// How the body is compressed.
    pub packing: Packing,
    /// The body.
    pub body: &'a [u8],
    /// The address it came from.
    pub peer: &'a str,
    /// Who makes metrics of what it holds, if it is of spans or logs.
    pub counted: CountedBy,
}

/// Who makes metrics of a request of spans or logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountedBy {
    /// Whoever receives them first.
    Receiver,
    /// Who sends it on, and its metrics with it: a series has one writer.
    Sender,
}

/// The header that says of what the sender makes metrics itself, by [`counted_name`].
pub const COUNTED: &str = "x-tachograph-counted";

/// What a signal is called in [`COUNTED`].
pub const fn counted_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Traces => "spans",
        Kind::Logs => "logs",
        Kind::Metrics => "samples",
    }
}

/// Why nothing, or not all, is promised of a request.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// Its compression cannot be undone.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// It is no OTLP/JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is no such message.
    #[error("the body is not OTLP: {0}")]
    Protobuf(#[from] ProtobufError),
    /// It is no request of metrics, or too large a one.
    #[error("the body is not taken: {0}")]
    Metrics(#[from] MetricsError),
    /// The store did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// What it adds to could not be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Some of it was refused that will be taken when it is sent again.
    #[error("{0}")]
    Passing(String),
}

impl ReceiveError {
    /// Whether a smaller request would be taken.
    pub fn is_size(&self) -> bool {
        match self {
            Self::Unpack(UnpackError::TooLarge { .. }) | Self::Json(JsonError::TooLarge { .. }) => {
                true
            }
            Self::Metrics(error) => error.is_size(),
            _ => false,
        }
    }
}

/// Keeps what a request holds; what to tell its sender. Blocks.
///
/// # Errors
/// [`ReceiveError`]; the request is counted as refused then.
pub fn receive(app: &App, request: Request<'_>) -> Result<Partial, ReceiveError> {
    let received = take(app, request);
    // Samples that the store refuses are counted at the door.
    let is_counted = |error: &ReceiveError| {
        request.kind == Kind::Metrics
            && matches!(error, ReceiveError::Append(_) | ReceiveError::Passing(_))
    };
    if let Err(error) = &received
        && !is_counted(error)
    {
        let signal = match request.kind {
            Kind::Traces => Signal::Spans,
            Kind::Metrics => Signal::Samples,
            Kind::Logs => Signal::Logs,
        };
        let reason = match error {
            ReceiveError::Append(error) => error_reason(error),
            ReceiveError::Query(_) => "failed",
            ReceiveError::Passing(_) => "in_progress",
            error if error.is_size() => "too_large",
            _ => "malformed",
        };
        let door = app.door(Origin::new(Protocol::Otlp, request.peer));
        door.refuse(signal, reason, 1);
    }
    received
}

fn take(app: &App, request: Request<'_>) -> Result<Partial, ReceiveError> {
    let bytes_max = app.settings.server.remote_write.bytes_max;
    let mut unpacked = app.remote_write.buffer();
    unpacked.clear();
    let mut body = unpack(request.packing, request.body, bytes_max, &mut unpacked)?;
    let mut transcoded = Vec::new();
    if request.encoding == Encoding::Json {
        transcode(request.kind, body, bytes_max, &mut transcoded)?;
        body = &transcoded;
    }
    let received = match request.kind {
        Kind::Traces => traces::receive(app, body, request.counted),
        Kind::Logs => logs::receive(app, body, request.counted),
        Kind::Metrics => metrics::receive(app, request.peer, body),
    };
    app.remote_write.put_back(unpacked);
    received
}

/// What became of a request's items, by service.
#[derive(Default)]
struct Outcome {
    tallies: BTreeMap<Box<str>, Tally>,
    rejected: u64,
    /// The reasons, each with how many items it cost.
    reasons: Vec<(String, u64)>,
    now: Option<Timestamp>,
}

impl Outcome {
    fn tally(&mut self, service: &str) -> &mut Tally {
        if !self.tallies.contains_key(service) {
            self.tallies.insert(service.into(), Tally::default());
        }
        self.tallies.entry(service.into()).or_default()
    }

    /// Counts one that is on its way.
    fn accept(&mut self, service: &str, time: Timestamp) {
        let now = *self.now.get_or_insert_with(Timestamp::now);
        if let Some(tally) = self.tallies.get_mut(service) {
            tally.accepted += 1;
            tally.note_time(time, now);
            return;
        }
        let tally = self.tally(service);
        tally.accepted += 1;
        tally.note_time(time, now);
    }

    /// Counts one that a filter drops.
    fn filter(&mut self, service: &str, time: Timestamp) {
        let now = *self.now.get_or_insert_with(Timestamp::now);
        let tally = self.tally(service);
        tally.filtered += 1;
        tally.note_time(time, now);
    }

    /// Counts one that was taken before.
    fn repeat(&mut self, service: &str) {
        self.tally(service).refuse("duplicate", 1);
    }

    /// Counts one that was refused after all.
    fn reject(&mut self, service: &str, reason: &'static str, why: &dyn std::fmt::Display) {
        let tally = self.tally(service);
        tally.accepted = tally.accepted.saturating_sub(1);
        tally.refuse(reason, 1);
        self.explain(why, 1);
    }

    /// Counts rows that the store refused.
    fn note(&mut self, rows: &Records, service: usize, rejected: &[Rejected]) {
        for Rejected { row, reason } in rejected {
            let service = rows.text(service, *row).unwrap_or("");
            self.reject(service, refusal_reason(*reason), reason);
        }
    }

    fn explain(&mut self, why: &dyn std::fmt::Display, count: u64) {
        self.rejected += count;
        let why = why.to_string();
        match self.reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, known)) => *known += count,
            None => self.reasons.push((why, count)),
        }
    }

    /// Counts everything, and says what the sender is told.
    fn finish(mut self, app: &App, signal: Signal, peer: &str, decoded: &Decoded) -> Partial {
        for (refused, count) in &decoded.refused {
            let door = app.door(Origin::new(Protocol::Otlp, peer));
            door.refuse(signal, refused.name(), *count);
            self.explain(refused, *count as u64);
        }
        for (service, tally) in &self.tallies {
            let door = app.door(Origin::new(Protocol::Otlp, service));
            door.count(signal, tally);
        }
        let reasons = self
            .reasons
            .iter()
            .map(|(why, count)| format!("{count}: {why}"));
        Partial {
            rejected: self.rejected,
            message: reasons.collect::<Vec<_>>().join("; "),
        }
    }
}

impl Door<'_> {
    /// Appends rows to a table, uncounted: whoever made them counts.
    pub fn append_records(
        &self,
        table: &str,
        rows: &Records,
    ) -> Result<tacho_model::AppendOutcome, AppendError> {
        let appended = self.app().store.append_records(table, rows);
        self.app().note_append(appended.as_ref().err());
        appended
    }
}
