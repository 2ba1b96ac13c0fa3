//! `StatsD` and `DogStatsD`: a datagram to lines, a line to a metric, an event or a service check.
//!
//! 1. Nothing is copied: everything parsed borrows from the datagram.
//! 2. A line is taken whole or refused whole with a [`Reason`]; the lines beside it are unharmed.
//! 3. No input makes it panic.
//!
//! Sections that are not known (`|c:`, `|e:`, `|card:` and whatever comes) are skipped, as
//! `DogStatsD`'s own agent does. Not for sums and names of series: who aggregates does those.
//! Sources: etsy/statsd `docs/metric_types.md`; Datadog "`DogStatsD` datagram format" v1.0 to v1.3;
//! tags within names as `InfluxDB`'s and Telegraf's statsd input take them.

mod event;
mod metric;
mod number;

#[cfg(test)]
mod tests;

pub use self::event::{Alert, Event, Priority, ServiceCheck};
pub use self::metric::{Metric, MetricType, Sample, tags};

/// One line of a datagram.
#[derive(Debug, Clone, PartialEq)]
pub enum Line<'a> {
    /// Values of a metric: most lines are.
    Metric(Metric<'a>),
    /// Something that happened.
    Event(Event<'a>),
    /// How a service is.
    Check(ServiceCheck<'a>),
}

/// Why a line was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reason {
    /// Bytes that are no text.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// No colon, so there is no value.
    #[error("it has no value; a line is NAME:VALUE|TYPE")]
    NoValue,
    /// Nothing before the colon.
    #[error("it has no name")]
    NoName,
    /// No type after the value.
    #[error("it has no type; a line is NAME:VALUE|TYPE")]
    NoType,
    /// A type that is none of `c`, `g`, `ms`, `h`, `d`, `s`, `m`.
    #[error("its type is not c, g, ms, h, d, s or m")]
    UnknownType,
    /// A value that is no finite number.
    #[error("its value is no finite number")]
    BadValue,
    /// A sampling rate outside 0 to 1.
    #[error("its sampling rate is not above 0 and up to 1")]
    BadRate,
    /// A time that is no number of seconds.
    #[error("its timestamp is no number of seconds")]
    BadTimestamp,
    /// An event that does not follow the format.
    #[error("it is no event; one is _e{{TITLE BYTES,TEXT BYTES}}:TITLE|TEXT")]
    BadEvent,
    /// A service check that does not follow the format.
    #[error("it is no service check; one is _sc|NAME|STATUS with a status of 0 to 3")]
    BadCheck,
}

impl Reason {
    /// Its name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::NoValue => "no_value",
            Self::NoName => "no_name",
            Self::NoType => "no_type",
            Self::UnknownType => "unknown_type",
            Self::BadValue => "bad_value",
            Self::BadRate => "bad_rate",
            Self::BadTimestamp => "bad_timestamp",
            Self::BadEvent => "bad_event",
            Self::BadCheck => "bad_check",
        }
    }
}

/// The lines of a datagram, or why one of them cannot be read. Empty lines are none, and a
/// carriage return before a line's end is not part of it.
///
/// ```
/// let lines = tacho_wire::statsd::lines(b"app.req:1|c\napp.lat:12.5|ms\n");
/// assert_eq!(lines.filter(Result::is_ok).count(), 2);
/// ```
pub fn lines(datagram: &[u8]) -> impl Iterator<Item = Result<Line<'_>, Reason>> {
    // One check for all lines; where it fails each is checked, so that the others are kept.
    let text = std::str::from_utf8(datagram).ok();
    let whole = text.unwrap_or("").split('\n').map(Ok);
    let broken = if text.is_some() { &[][..] } else { datagram };
    let each = broken
        .split(|byte| *byte == b'\n')
        .map(|line| std::str::from_utf8(line).map_err(|_| Reason::NotUtf8));
    whole
        .chain(each)
        .map(|line| line.map(|line| line.strip_suffix('\r').unwrap_or(line)))
        .filter(|line| *line != Ok(""))
        .map(|line| line.and_then(parse))
}

/// Parses one line, without its end.
///
/// ```
/// use tacho_wire::statsd::{Line, Reason, parse};
/// assert!(matches!(parse("app.req:1|c|@0.1|#env:prod"), Ok(Line::Metric(_))));
/// assert_eq!(parse("app.req:one|c"), Err(Reason::BadValue));
/// ```
#[inline]
pub fn parse(line: &str) -> Result<Line<'_>, Reason> {
    if let Some(rest) = line.strip_prefix('_') {
        if let Some(rest) = rest.strip_prefix("e{") {
            return event::event(rest).map(Line::Event);
        }
        if let Some(rest) = rest.strip_prefix("sc|") {
            return event::check(rest).map(Line::Check);
        }
    }
    metric::metric(line).map(Line::Metric)
}
