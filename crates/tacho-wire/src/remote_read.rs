//! Prometheus remote read: a snappy block of protobuf to queries, and series to either answer.
//!
//! Here is what is asked; [`samples`] writes the answer as one message, [`frames`] as a stream of
//! chunks in Prometheus' own encoding ([`chunk`], [`histogram_chunk`]).
//!
//! 1. A request is either read to its end or refused whole; no input makes it panic.
//! 2. Hints are passed over: what is asked is answered in full, which is always right.
//! 3. Times are milliseconds, and both ends of a range belong to it. Of samples within one
//!    millisecond the last counts.
//!
//! Sources: `prompb/remote.proto` and `prompb/types.proto` of Prometheus; its documentation
//! "Remote Read API" and `tsdb/docs/format/chunks.md`.

mod bits;
pub mod chunk;
pub mod frames;
pub mod histogram_chunk;
pub mod samples;
#[cfg(test)]
mod tests;

use tacho_model::{MatchOp, Matcher, MatcherError, TimeRange, Timestamp};

use crate::protobuf::{LENGTH_DELIMITED, ProtobufError, Reader};

/// Most decompressed bytes of a request.
pub const REQUEST_BYTES_MAX: usize = 4 << 20;
/// Most queries of a request.
const QUERIES_MAX: usize = 1000;
/// Most matchers of a request, all its queries together.
const MATCHERS_MAX: usize = 1000;
/// Most of them that are regular expressions, which take long to compile.
const PATTERNS_MAX: usize = 100;
/// Nanoseconds of a millisecond.
const MILLI: i64 = 1_000_000;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Each of them is answered by itself, in this order.
    pub queries: Vec<Query>,
    /// How.
    pub answer: AnswerType,
}

/// Samples of series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Which.
    pub matchers: Vec<Matcher>,
    /// Of when; `None` where the range ends before it starts, so that there is nothing in it.
    pub range: Option<TimeRange>,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerType {
    /// `SAMPLES`: one message, compressed.
    Samples,
    /// `STREAMED_XOR_CHUNKS`: a message for each part of each series.
    StreamedChunks,
}

impl AnswerType {
    /// The header `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Samples => "application/x-protobuf",
            Self::StreamedChunks => {
                "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"
            }
        }
    }

    /// The first that is known of those that the client takes; who names none takes samples.
    fn negotiate(accepted: &[u64]) -> Result<Self, RemoteReadError> {
        if accepted.is_empty() {
            return Ok(Self::Samples);
        }
        let known = |number: &u64| match number {
            0 => Some(Self::Samples),
            1 => Some(Self::StreamedChunks),
            _ => None,
        };
        let found = accepted.iter().find_map(known);
        found.ok_or(RemoteReadError::NoAnswerType)
    }
}

/// Why a request was refused. Offsets count decompressed bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteReadError {
    /// The body is not a snappy block.
    #[error("the body is no snappy block: {0}")]
    Snappy(#[from] snap::Error),
    /// More of something than allowed.
    #[error("more than {limit} {what} in one request")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// What is allowed.
        limit: usize,
    },
    /// What was compressed is no such message.
    #[error(transparent)]
    Protobuf(#[from] ProtobufError),
    /// A matcher that compares in a way that is not known.
    #[error("matchers of type {number} are not known")]
    MatchType {
        /// The type.
        number: u64,
    },
    /// A regular expression that is none.
    #[error(transparent)]
    Matcher(#[from] MatcherError),
    /// The client takes no answer that there is.
    #[error(
        "none of the accepted response types is known; SAMPLES and STREAMED_XOR_CHUNKS are answered"
    )]
    NoAnswerType,
}

/// Reads a request from the body of a call. Compiles its regular expressions.
pub fn decode(body: &[u8]) -> Result<Request, RemoteReadError> {
    if snap::raw::decompress_len(body)? > REQUEST_BYTES_MAX {
        return Err(too_many("decompressed bytes", REQUEST_BYTES_MAX));
    }
    let bytes = snap::raw::Decoder::new().decompress_vec(body)?;
    let mut reader = Reader::new(&bytes, 0..bytes.len());
    let (mut queries, mut accepted) = (Vec::new(), Vec::new());
    let mut counts = Counts::default();
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            1 if queries.len() >= QUERIES_MAX => return Err(too_many("queries", QUERIES_MAX)),
            1 => {
                let inside = reader.nested(key)?;
                queries.push(query(reader.inner(inside), &mut counts)?);
            }
            // Numbers come packed or one by one.
            2 if key.wire == LENGTH_DELIMITED => {
                let inside = reader.nested(key)?;
                let mut packed = reader.inner(inside);
                while !packed.is_done() {
                    accepted.push(packed.varint()?);
                }
            }
            2 => accepted.push(reader.integer(key)?),
            _ => reader.skip(key)?,
        }
    }
    let answer = AnswerType::negotiate(&accepted)?;
    Ok(Request { queries, answer })
}

/// What a request has so far.
#[derive(Debug, Default)]
struct Counts {
    matchers: usize,
    patterns: usize,
}

fn query(mut reader: Reader<'_>, counts: &mut Counts) -> Result<Query, RemoteReadError> {
    let (mut start, mut end) = (0i64, 0i64);
    let mut matchers = Vec::new();
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            1 => start = reader.integer(key)? as i64,
            2 => end = reader.integer(key)? as i64,
            3 => {
                let inside = reader.nested(key)?;
                matchers.push(matcher(reader.inner(inside), counts)?);
            }
            _ => reader.skip(key)?,
        }
    }
    // The last nanosecond of the last millisecond.
    let last = Timestamp::from_nanos(end.saturating_mul(MILLI).saturating_add(MILLI - 1));
    let range = TimeRange::new(Timestamp::from_millis(start), last);
    let range = (start <= end).then_some(range);
    Ok(Query { matchers, range })
}

fn matcher(mut reader: Reader<'_>, counts: &mut Counts) -> Result<Matcher, RemoteReadError> {
    let (mut number, mut name, mut value) = (0, "", "");
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            1 => number = reader.integer(key)?,
            2 => name = reader.text(key)?,
            3 => value = reader.text(key)?,
            _ => reader.skip(key)?,
        }
    }
    let op = match number {
        0 => MatchOp::Equal,
        1 => MatchOp::NotEqual,
        2 => MatchOp::Regex,
        3 => MatchOp::NotRegex,
        number => return Err(RemoteReadError::MatchType { number }),
    };
    counts.matchers += 1;
    counts.patterns += usize::from(matches!(op, MatchOp::Regex | MatchOp::NotRegex));
    if counts.matchers > MATCHERS_MAX {
        return Err(too_many("matchers", MATCHERS_MAX));
    }
    if counts.patterns > PATTERNS_MAX {
        return Err(too_many("regular expressions", PATTERNS_MAX));
    }
    Ok(Matcher::new(name, op, value)?)
}

fn too_many(what: &'static str, limit: usize) -> RemoteReadError {
    RemoteReadError::TooMany { what, limit }
}

/// The samples that are the last of their millisecond.
fn last_of_each<'a, T>(
    times: &'a [Timestamp],
    values: &'a [T],
) -> impl Iterator<Item = (Timestamp, &'a T)> {
    let following = times.iter().skip(1).map(|time| Some(time.as_millis()));
    let following = following.chain([None]);
    let samples = times.iter().zip(values).zip(following);
    samples.filter_map(|((time, value), next)| {
        (next != Some(time.as_millis())).then_some((*time, value))
    })
}
