//! Influx line protocol to a [`Batch`]: one series a field.
//!
//! `measurement,tag=value field=1i,other=2 1700000000000000000` becomes `measurement_field` and
//! `measurement_other` with the tags as labels. A field named `value` gives the measurement's name
//! alone, whatever stands beside it, as Telegraf names it for Prometheus: a name then never depends
//! on what else a line holds. True is 1, false 0; text has no place among samples and is counted.
//!
//! 1. A line is taken whole or refused whole with a [`Reason`]; the lines beside it are unharmed.
//! 2. Memory is bounded by the body and by [`Limits`]: of refused lines only the first are named.
//! 3. No input makes it panic.
//!
//! Sources: `InfluxDB` "Line protocol reference" (v1.8 and v2); Telegraf's Prometheus output.

mod line;
mod parse;

#[cfg(test)]
mod tests;

use tacho_model::{Batch, METRIC_NAME, Timestamp};

pub use self::line::{Field, Lines, Value};
use crate::name::{self, escape};

/// Refused lines that are named one by one.
const REFUSED_KEPT: usize = 100;
/// The field that gives a measurement's name alone.
const VALUE: &str = "value";

/// The unit of the times in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// `ns` or `n`; what holds when none is named.
    #[default]
    Nanos,
    /// `us`, `u` or `µ`
    Micros,
    /// `ms`
    Millis,
    /// `s`
    Secs,
    /// `m`
    Minutes,
    /// `h`
    Hours,
}

impl Precision {
    /// The unit of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "" | "ns" | "n" => Self::Nanos,
            "us" | "u" | "µ" => Self::Micros,
            "ms" => Self::Millis,
            "s" => Self::Secs,
            "m" => Self::Minutes,
            "h" => Self::Hours,
            _ => return None,
        })
    }

    const fn nanos(self) -> i64 {
        match self {
            Self::Nanos => 1,
            Self::Micros => 1_000,
            Self::Millis => 1_000_000,
            Self::Secs => 1_000_000_000,
            Self::Minutes => 60_000_000_000,
            Self::Hours => 3_600_000_000_000,
        }
    }
}

/// What one body may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most samples.
    pub samples_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            samples_max: 2_000_000,
        }
    }
}

/// How a body is to be read.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The unit of its times.
    pub precision: Precision,
    /// The time of lines without one.
    pub now: Timestamp,
    /// The database, which becomes the label `db` of lines that have no such tag; may be empty.
    pub db: &'a str,
    /// What it may hold.
    pub limits: Limits,
}

/// Why a line was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Bytes that are no text.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// Nothing before the first comma or space.
    #[error("it has no measurement")]
    NoMeasurement,
    /// A tag without a name, a value or an equals sign.
    #[error("a tag is not NAME=VALUE")]
    BadTag,
    /// No fields.
    #[error("it has no fields")]
    NoFields,
    /// A field without a name or an equals sign.
    #[error("a field is not NAME=VALUE")]
    BadField,
    /// A field whose value is of no type.
    #[error("a field's value is no finite number, 1i, 1u, true, false or \"text\"")]
    BadValue,
    /// A text that does not end.
    #[error("a text has no closing quote")]
    OpenText,
    /// A time that is no whole number.
    #[error("its timestamp is no whole number")]
    BadTimestamp,
    /// A time that nanoseconds cannot hold.
    #[error("its time is outside the years 1677 to 2262; check the precision")]
    OutOfRange,
    /// Its name and tags make no series.
    #[error(transparent)]
    Series(#[from] name::SeriesError),
}

impl Reason {
    /// Its name in metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::NoMeasurement => "no_measurement",
            Self::BadTag => "bad_tag",
            Self::NoFields => "no_fields",
            Self::BadField => "bad_field",
            Self::BadValue | Self::OpenText => "bad_value",
            Self::BadTimestamp => "bad_timestamp",
            Self::OutOfRange => "out_of_range",
            Self::Series(_) => "invalid_labels",
        }
    }
}

/// More samples than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} samples in one body; send smaller batches")]
pub struct TooMany {
    /// What is allowed.
    pub limit: usize,
}

/// What was found besides the samples in the batch.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Lines that were taken.
    pub lines: usize,
    /// Fields of text, which are not kept.
    pub texts: usize,
    /// How many lines were refused, by the reason's name.
    pub refused: std::collections::BTreeMap<&'static str, usize>,
    /// The first refused lines: number, counted from 1, and reason.
    pub examples: Vec<(usize, Reason)>,
}

/// Adds the samples of a body to `batch`.
///
/// ```
/// use tacho_model::{Batch, Timestamp};
/// use tacho_wire::influx::{Limits, Options, Precision, decode};
/// let options = Options {
///     precision: Precision::Secs,
///     now: Timestamp::from_secs(9),
///     db: "",
///     limits: Limits::default(),
/// };
/// let mut batch = Batch::new();
/// decode(b"cpu,host=a user=12.5,system=3i 7", &options, &mut batch).unwrap();
/// let (series, time, _) = batch.row(0);
/// assert_eq!(batch.labels(series).unwrap().to_string(), r#"cpu_user{host="a"}"#);
/// assert_eq!((batch.len(), time), (2, Timestamp::from_secs(7)));
/// ```
pub fn decode(body: &[u8], options: &Options<'_>, batch: &mut Batch) -> Result<Decoded, TooMany> {
    let mut decoded = Decoded::default();
    let mut lines = Lines::new(body);
    while let Some((number, line)) = lines.advance() {
        let taken = line.and_then(|line| take(&line, options, batch));
        if batch.len() > options.limits.samples_max {
            let limit = options.limits.samples_max;
            return Err(TooMany { limit });
        }
        match taken {
            Ok(texts) => {
                decoded.lines += 1;
                decoded.texts += texts;
            }
            Err(reason) => {
                *decoded.refused.entry(reason.as_str()).or_default() += 1;
                if decoded.examples.len() < REFUSED_KEPT {
                    decoded.examples.push((number, reason));
                }
            }
        }
    }
    Ok(decoded)
}

/// Adds a line's samples; how many of its fields are texts.
fn take(
    line: &line::Line<'_, '_>,
    options: &Options<'_>,
    batch: &mut Batch,
) -> Result<usize, Reason> {
    let time = match line.timestamp {
        None => options.now,
        Some(units) => {
            let nanos = units.checked_mul(options.precision.nanos());
            Timestamp::from_nanos(nanos.ok_or(Reason::OutOfRange)?)
        }
    };
    let mut pairs = vec![(METRIC_NAME.into(), "")];
    for (name, value) in line.tags {
        name::put_tag(&mut pairs, name, value)?;
    }
    if !pairs.iter().any(|(name, _)| *name == "db") {
        name::put_tag(&mut pairs, "db", options.db)?;
    }
    let numbers = line.fields.iter().filter_map(|field| {
        let name = match &*field.name {
            VALUE => escape(line.measurement).into_owned(),
            field => escape(&format!("{}_{field}", line.measurement)).into_owned(),
        };
        Some((name, field.value.number()?))
    });
    let numbers: Vec<(String, f64)> = numbers.collect();
    // Every series is made before the first sample is added: a line is taken whole or not at all.
    let mut placed = Vec::with_capacity(numbers.len());
    for (name, value) in &numbers {
        let labels = pairs.iter().map(|(label, text)| match &**label {
            METRIC_NAME => (METRIC_NAME, name.as_str()),
            label => (label, *text),
        });
        let series = batch.series(labels).map_err(name::SeriesError::from)?;
        placed.push((series, *value));
    }
    for (series, value) in &placed {
        batch.push(*series, time, *value);
    }
    Ok(line.fields.len() - placed.len())
}
