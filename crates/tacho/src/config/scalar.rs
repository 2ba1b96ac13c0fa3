//! Single values as people write them: `30d`, `10GiB`, `2M`, `always`; each knows where it stands.
//!
//! One parser a type serves the file and the environment, so that both take and refuse the same.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_saphyr::Spanned;
use tacho_model::time::{format_duration, parse_duration};
use tacho_store::Fsync;

/// A value that is written as one word.
pub(crate) trait Scalar: Sized {
    /// What is expected, for the message of whoever wrote something else.
    const EXPECTED: &'static str;

    /// Reads the word; the error reads well after a colon.
    fn parse(text: &str) -> Result<Self, String>;
}

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the file.
    At {
        /// Counted from 1.
        line: u64,
        /// Counted from 1.
        column: u64,
    },
    /// In the environment.
    Variable(String),
    /// Under an older key.
    Older(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At { line, column } => write!(f, "line {line}, column {column}"),
            Self::Variable(name) => f.write_str(name),
            Self::Older(key) => f.write_str(key),
        }
    }
}

/// A value and where it was given.
#[derive(Debug, Clone)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

impl<T> Placed<T> {
    /// A value from there.
    pub(crate) fn new(value: T, place: Place) -> Self {
        Self { value, place }
    }
}

impl<'de, T: Scalar> Deserialize<'de> for Placed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Spanned::<Word<T>>::deserialize(deserializer)?;
        let (line, column) = (word.referenced.line(), word.referenced.column());
        let place = Place::At { line, column };
        Ok(Self::new(word.value.0, place))
    }
}

/// A scalar on its way through the reader of the file.
struct Word<T>(T);

impl<'de, T: Scalar> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordVisitor(PhantomData))
    }
}

struct WordVisitor<T>(PhantomData<T>);

impl<T: Scalar> Visitor<'_> for WordVisitor<T> {
    type Value = Word<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Word<T>, E> {
        T::parse(text).map(Word).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Word<T>, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Word<T>, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Word<T>, E> {
        self.visit_str(&number.to_string())
    }

    /// In YAML a bare `off` is a truth value.
    fn visit_bool<E: de::Error>(self, on: bool) -> Result<Word<T>, E> {
        self.visit_str(if on { "on" } else { "off" })
    }
}

fn wrong(text: &str, expected: &str) -> String {
    let text: String = text.chars().take(64).collect();
    format!("`{text}` is not {expected}")
}

/// A duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length(pub(crate) Duration);

impl Scalar for Length {
    const EXPECTED: &'static str = "a duration such as 15s, 5m, 1h30m or a number of seconds";

    fn parse(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('-') {
            return Err("a duration cannot be negative".to_owned());
        }
        parse_duration(text)
            .map(Self)
            .map_err(|_| wrong(text, Self::EXPECTED))
    }
}

/// How long something is kept: a duration, or `forever`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Age(pub(crate) Duration);

impl Age {
    /// Longer than any data is old.
    pub(crate) const FOREVER: Self = Self(Duration::MAX);
}

impl Scalar for Age {
    const EXPECTED: &'static str = "a duration such as 30d or 12h, or forever";

    fn parse(text: &str) -> Result<Self, String> {
        if text == "forever" {
            return Ok(Self::FOREVER);
        }
        Length::parse(text).map(|length| Self(length.0))
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::FOREVER {
            return f.write_str("forever");
        }
        f.write_str(&format_duration(self.0))
    }
}

/// How long something is kept that need not be made at all: an age, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// None is made.
    Off,
    /// It is kept so long.
    For(Age),
}

impl Scalar for Keep {
    const EXPECTED: &'static str = "a duration such as 180d, forever or off";

    fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        match Age::parse(text)? {
            Age(Duration::ZERO) => Err("kept for no time is `off`; write that".to_owned()),
            age => Ok(Self::For(age)),
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::For(age) => age.fmt(f),
        }
    }
}

/// Bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

impl Scalar for Size {
    const EXPECTED: &'static str = "a size such as 10GiB, 500MB or a number of bytes";

    fn parse(text: &str) -> Result<Self, String> {
        positive(text, &SIZES, Self::EXPECTED).map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, bytes): &&(&str, u64)| self.0.is_multiple_of(*bytes);
        let (unit, bytes) = SIZES.iter().find(whole).unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / bytes)
    }
}

/// How many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

const COUNTS: [(&str, u64); 3] = [("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000)];

impl Scalar for Count {
    const EXPECTED: &'static str = "a whole number such as 200000, 200k or 2M";

    fn parse(text: &str) -> Result<Self, String> {
        positive(text, &COUNTS, Self::EXPECTED).map(Self)
    }
}

/// A number above zero, with a unit or without, that comes to a whole number.
fn positive(text: &str, units: &[(&str, u64)], expected: &str) -> Result<u64, String> {
    let refused = || wrong(text, expected);
    let text = text.trim();
    if text.starts_with('-') {
        return Err("it cannot be negative".to_owned());
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = unit.trim_start();
    let known = |(name, _): &&(&str, u64)| name.eq_ignore_ascii_case(unit);
    let times = match units.iter().find(known) {
        Some((_, times)) => *times,
        None if unit.is_empty() => 1,
        None => return Err(refused()),
    };
    let number = number.replace('_', "");
    let whole = match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(times).ok_or_else(refused)?,
        // `1.5GiB` is exact here, and what is not whole is refused below.
        Err(_) => match number.parse::<f64>().map(|number| number * times as f64) {
            Ok(many) if many.fract() == 0.0 && many < 9e15 => many as u64,
            _ => return Err(refused()),
        },
    };
    if whole == 0 {
        return Err("it must be more than 0".to_owned());
    }
    Ok(whole)
}

/// When data is forced to the disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sync(pub(crate) Fsync);

/// The longest that data may wait to be forced to the disk.
const SYNC_MAX: Duration = Duration::from_hours(1);

impl Scalar for Sync {
    const EXPECTED: &'static str = "always, never or a duration such as 100ms";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "always" => return Ok(Self(Fsync::Always)),
            "never" => return Ok(Self(Fsync::Never)),
            _ => {}
        }
        let length = parse_duration(text)
            .map_err(|_| format!("`{text}` is neither always, never nor a duration such as 100ms"));
        match length? {
            Duration::ZERO => Err("a wait of 0 is `always`; write that".to_owned()),
            wait if wait > SYNC_MAX => {
                Err("at most 1h; `never` leaves it to the system".to_owned())
            }
            wait => Ok(Self(Fsync::Interval(wait))),
        }
    }
}

impl fmt::Display for Sync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Fsync::Always => f.write_str("always"),
            Fsync::Never => f.write_str("never"),
            Fsync::Interval(wait) => f.write_str(&format_duration(wait)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(text: &str, expected: Option<u64>) {
        assert_eq!(
            Size::parse(text).ok().map(|size| size.0),
            expected,
            "{text}"
        );
    }

    fn counts(text: &str, expected: Option<u64>) {
        let read = Count::parse(text).ok().map(|count| count.0);
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn sizes_take_units_of_both_kinds() {
        sizes("10GiB", Some(10 << 30));
        sizes("10 gib", Some(10 << 30));
        sizes("1.5GiB", Some(3 << 29));
        sizes("500MB", Some(500_000_000));
        sizes("4096", Some(4096));
        sizes("1_000B", Some(1000));
        for bad in [
            "",
            "GiB",
            "0",
            "-1",
            "10 parsecs",
            "0.3B",
            "99999999TiB",
            "1e3",
            "1.2.3MB",
        ] {
            sizes(bad, None);
        }
    }

    #[test]
    fn counts_take_thousands_and_millions() {
        counts("200000", Some(200_000));
        counts("200k", Some(200_000));
        counts("2.5M", Some(2_500_000));
        counts("1_000_000", Some(1_000_000));
        for bad in [
            "",
            "0",
            "0k",
            "-3",
            "1.5",
            "many",
            "20MiB",
            "99999999999999999999",
        ] {
            counts(bad, None);
        }
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        for text in ["64MiB", "10GiB", "500MB", "1500B", "2KB"] {
            assert_eq!(Size::parse(text).unwrap().to_string(), text);
        }
        for text in ["30d", "1h30m", "forever"] {
            assert_eq!(Age::parse(text).unwrap().to_string(), text);
        }
        for text in ["always", "never", "100ms"] {
            assert_eq!(Sync::parse(text).unwrap().to_string(), text);
        }
    }
}
