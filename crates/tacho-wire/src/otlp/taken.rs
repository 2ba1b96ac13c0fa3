//! What became of the spans or log records of a request.

/// How many were handed out, and why the others were not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decoded {
    /// How many were handed out.
    pub taken: usize,
    /// The others by reason, in order of first appearance.
    pub refused: Vec<(Refused, usize)>,
}

/// Why a span or a log record was refused before anybody tried to store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// The trace's identifier is zero, or not 16 bytes.
    #[error("the trace_id is not 16 bytes other than zero")]
    TraceId,
    /// The span's identifier is zero, or not 8 bytes.
    #[error("the span_id is not 8 bytes other than zero")]
    SpanId,
    /// The time does not fit into signed nanoseconds.
    #[error("the time is after the year 2262")]
    OutOfRange,
}

impl Refused {
    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TraceId => "trace_id",
            Self::SpanId => "span_id",
            Self::OutOfRange => "out_of_range",
        }
    }
}

impl Decoded {
    /// Counts one that was refused.
    pub(crate) fn refuse(&mut self, reason: Refused) {
        match self.refused.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => self.refused.push((reason, 1)),
        }
    }
}
