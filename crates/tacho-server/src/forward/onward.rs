//! Spans and log records of one request, on their way to the queues: as many of them as fit go into
//! one message of OTLP.

use tacho_model::span::{LogRecord, Span};
use tacho_wire::otlp::encode::{LogEncoder, SpanEncoder};

use super::Forwarding;
use super::queue::Kind;

/// Bytes after which a message of OTLP ends, not compressed.
const OTLP_BYTES: usize = 512 << 10;

/// What makes messages.
pub trait Encoder: Default {
    /// How many bytes the message has by now.
    fn bytes(&self) -> usize;

    /// The message; the encoder is empty afterwards.
    fn finish(&mut self) -> Vec<u8>;
}

impl Encoder for SpanEncoder {
    fn bytes(&self) -> usize {
        self.bytes()
    }

    fn finish(&mut self) -> Vec<u8> {
        self.finish()
    }
}

impl Encoder for LogEncoder {
    fn bytes(&self) -> usize {
        self.bytes()
    }

    fn finish(&mut self) -> Vec<u8> {
        self.finish()
    }
}

/// Items of one request.
#[derive(Debug)]
pub struct Onward<'a, E> {
    forwarding: &'a Forwarding,
    kind: Kind,
    encoder: E,
    items: u32,
    /// Messages that are large enough, and how many items are in each.
    full: Vec<(u32, Vec<u8>)>,
}

/// Spans.
pub type SpansOnward<'a> = Onward<'a, SpanEncoder>;
/// Log records.
pub type LogsOnward<'a> = Onward<'a, LogEncoder>;

impl<'a, E: Encoder> Onward<'a, E> {
    pub(super) fn new(forwarding: &'a Forwarding, kind: Kind) -> Self {
        Self {
            forwarding,
            kind,
            encoder: E::default(),
            items: 0,
            full: Vec::new(),
        }
    }

    fn pushed(&mut self) {
        self.items += 1;
        if self.encoder.bytes() >= OTLP_BYTES {
            self.end_message();
        }
    }

    fn end_message(&mut self) {
        let message = self.encoder.finish();
        self.full.push((std::mem::take(&mut self.items), message));
    }

    /// Puts them on the queues. To be called once the store has them, and before their sender is
    /// told so.
    pub fn send(mut self) {
        self.end_message();
        for (items, message) in &self.full {
            self.forwarding.put(self.kind, *items, message);
        }
    }
}

impl Onward<'_, SpanEncoder> {
    /// Adds a span.
    pub fn push(&mut self, span: &Span<'_>) {
        self.encoder.push(span);
        self.pushed();
    }
}

impl Onward<'_, LogEncoder> {
    /// Adds a log record.
    pub fn push(&mut self, record: &LogRecord<'_>) {
        self.encoder.push(record);
        self.pushed();
    }
}
