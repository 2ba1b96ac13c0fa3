//! Points and spans of time.
//!
//! A [`Timestamp`] is nanoseconds since the Unix epoch, UTC, in an `i64` (years 1677 to 2262);
//! arithmetic saturates, so a hostile timestamp can be compared but never wraps. Not for
//! measuring how long something took: that is `std::time::Instant`'s job.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest representable time.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest representable time.
    pub const MAX: Self = Self(i64::MAX);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds since the epoch; saturates at the limits.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// From whole seconds since the epoch; saturates at the limits.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// From seconds with a fraction, rounded to the microsecond, which is what an `f64` can still
    /// tell apart today. `None` when not finite or outside the representable years.
    pub fn from_secs_f64(secs: f64) -> Option<Self> {
        let micros = (secs * 1e6).round();
        (micros.is_finite() && micros.abs() < 9.2e15).then(|| Self(micros as i64 * 1_000))
    }

    /// The current time of the system clock. For the edges: pure code takes time as an argument.
    pub fn now() -> Self {
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => Self(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)),
            Err(before) => {
                Self(i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n))
            }
        }
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Seconds since the epoch, as the JSON of series points carries them.
    pub fn as_secs_f64(self) -> f64 {
        // Through microseconds: an f64 holds them exactly until the year 2255.
        self.0.div_euclid(1_000) as f64 / 1e6
    }

    /// This time rounded down to a multiple of `step` since the epoch. A zero step changes nothing.
    pub fn align_down(self, step: Duration) -> Self {
        match nanos_i64(step) {
            0 => self,
            step => Self(self.0.saturating_sub(self.0.rem_euclid(step))),
        }
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0).max(0) as u64)
    }

    /// RFC 3339 in UTC with as many fractional digits as needed, such as `2026-11-21T14:02:00Z`.
    pub fn to_rfc3339(self) -> String {
        jiff::Timestamp::from_nanosecond(i128::from(self.0))
            .map_or_else(|_| format!("{}ns", self.0), |t| t.to_string())
    }

    /// Parses RFC 3339, or unix seconds with an optional fraction.
    ///
    /// ```
    /// use tacho_model::Timestamp;
    /// let a = Timestamp::parse("2026-11-21T14:02:00.5Z").unwrap();
    /// assert_eq!(Timestamp::parse("1795269720.5"), Ok(a));
    /// assert!(Timestamp::parse("yesterday").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let error = || TimeError::Timestamp {
            text: text.chars().take(64).collect(),
        };
        if let Ok(secs) = text.parse::<f64>() {
            return Self::from_secs_f64(secs).ok_or_else(error);
        }
        let parsed: jiff::Timestamp = text.parse().map_err(|_| error())?;
        i64::try_from(parsed.as_nanosecond())
            .map(Self)
            .map_err(|_| error())
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(nanos_i64(by)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(nanos_i64(by)))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// A closed interval of time: both ends belong to it, as in Prometheus' storage interface.
/// Empty when `start > end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeRange {
    /// First instant inside.
    pub start: Timestamp,
    /// Last instant inside.
    pub end: Timestamp,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
    };

    /// From `start` to `end`, both inside.
    pub const fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end }
    }

    /// The `window` that ends at `end`.
    pub fn last(window: Duration, end: Timestamp) -> Self {
        Self {
            start: end - window,
            end,
        }
    }

    /// Whether `t` is inside.
    pub fn contains(self, t: Timestamp) -> bool {
        self.start <= t && t <= self.end
    }

    /// Whether the two share an instant.
    pub fn overlaps(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// From first to last instant; zero when empty.
    pub fn duration(self) -> Duration {
        self.end.since(self.start)
    }
}

/// Why a time or a duration could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Neither RFC 3339 nor unix seconds.
    #[error("`{text}` is no time: use RFC 3339 (2026-11-21T14:02:00Z) or unix seconds")]
    Timestamp {
        /// What was given, at most 64 characters of it.
        text: String,
    },
    /// Neither units nor a number of seconds.
    #[error("`{text}` is no duration: use 15s, 5m, 1h30m, 7d or a number of seconds")]
    Duration {
        /// What was given, at most 64 characters of it.
        text: String,
    },
}

/// Unit suffixes with their length in nanoseconds, longest first.
const UNITS: [(&str, u64); 8] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Parses a duration: `15s`, `5m`, `1h30m`, `250ms`, or a bare number of seconds.
///
/// ```
/// use std::time::Duration;
/// use tacho_model::time::parse_duration;
/// assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
/// assert_eq!(parse_duration("0.5"), Ok(Duration::from_millis(500)));
/// assert!(parse_duration("5 parsecs").is_err());
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, TimeError> {
    let error = || TimeError::Duration {
        text: text.chars().take(64).collect(),
    };
    if let Ok(secs) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(secs).map_err(|_| error());
    }
    let mut total: u64 = 0;
    let mut rest = text;
    if rest.is_empty() {
        return Err(error());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let (_, nanos) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(error)?;
        let part = number
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(*nanos));
        total = part
            .and_then(|part| total.checked_add(part))
            .ok_or_else(error)?;
        rest = tail;
    }
    Ok(Duration::from_nanos(total))
}

/// Writes a duration the way [`parse_duration`] reads it, such as `1h30m`.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (name, nanos) in UNITS {
        // Weeks read worse than days in every place that shows a duration.
        if name == "w" {
            continue;
        }
        let whole = rest / nanos;
        if whole > 0 {
            text += &whole.to_string();
            text += name;
            rest -= whole * nanos;
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

fn nanos_i64(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        assert_eq!(Timestamp::MAX + Duration::from_secs(1), Timestamp::MAX);
        assert_eq!(Timestamp::MIN - Duration::MAX, Timestamp::MIN);
        assert_eq!(Timestamp::from_secs(i64::MAX), Timestamp::MAX);
    }

    #[test]
    fn align_down_goes_down_before_the_epoch_too() {
        let step = Duration::from_secs(15);
        assert_eq!(
            Timestamp::from_secs(44).align_down(step),
            Timestamp::from_secs(30)
        );
        assert_eq!(
            Timestamp::from_secs(-1).align_down(step),
            Timestamp::from_secs(-15)
        );
    }

    #[test]
    fn parses_what_people_write() {
        let check = |text: &str, secs: f64| {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_secs_f64(secs)),
                "{text}"
            );
        };
        check("15s", 15.0);
        check("5m", 300.0);
        check("1h30m", 5400.0);
        check("7d", 604_800.0);
        check("250ms", 0.25);
        check("3600", 3600.0);
        for bad in [
            "",
            "s",
            "5x",
            "-1",
            "-5s",
            "1h30",
            "NaN",
            "inf",
            "99999999999w",
            "µ",
        ] {
            let parsed = parse_duration(bad);
            assert!(parsed.is_err(), "{bad} gave {parsed:?}");
        }
    }

    #[test]
    fn durations_round_trip() {
        for nanos in [
            1,
            999,
            1_500_000,
            15_000_000_000,
            5_400_000_000_000,
            90_061_000_000_000,
        ] {
            let duration = Duration::from_nanos(nanos);
            assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
        assert_eq!(format_duration(Duration::ZERO), "0s");
    }

    #[test]
    fn hostile_timestamps_are_refused() {
        for bad in [
            "",
            "1e30",
            "NaN",
            "inf",
            "2026-13-01T00:00:00Z",
            "9999999999999999999",
        ] {
            assert!(Timestamp::parse(bad).is_err(), "{bad}");
        }
    }
}
