//! What a metric's name means: its kind, unit and help text.
//!
//! Six kinds are what users speak of; three shapes are what is stored. Metadata is kept by metric
//! name, not by series, as Prometheus does.

use std::fmt;

/// What a metric measures, in users' words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// How long something took: single observations.
    Timing,
    /// How much is done in a unit of time.
    Throughput,
    /// How much of a resource is used.
    Resource,
    /// A total that only grows, but for resets to zero.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// A distribution of observations.
    Histogram,
}

/// How a metric's samples are stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Shape {
    /// An `f64` that only grows, but for resets.
    Counter,
    /// Any `f64`.
    Gauge,
    /// A native histogram.
    Histogram,
}

impl Kind {
    /// All six, in the order of the feature list.
    pub const ALL: [Self; 6] = [
        Self::Timing,
        Self::Throughput,
        Self::Resource,
        Self::Counter,
        Self::Gauge,
        Self::Histogram,
    ];

    /// Its name in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timing => "timing",
            Self::Throughput => "throughput",
            Self::Resource => "resource",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// How samples of this kind are stored: single timings are folded into histograms.
    pub const fn shape(self) -> Shape {
        match self {
            Self::Timing | Self::Histogram => Shape::Histogram,
            Self::Counter => Shape::Counter,
            Self::Throughput | Self::Resource | Self::Gauge => Shape::Gauge,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A unit of measure, by its UCUM code as OpenTelemetry writes it: `s`, `By`, `1`, `%`,
/// `{request}`. Empty when unknown.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Unit(std::borrow::Cow<'static, str>);

impl Unit {
    /// Seconds.
    pub const SECONDS: Self = Self::of("s");
    /// Bytes.
    pub const BYTES: Self = Self::of("By");
    /// A ratio, 1 meaning all.
    pub const RATIO: Self = Self::of("1");
    /// Percent.
    pub const PERCENT: Self = Self::of("%");
    /// Unknown.
    pub const NONE: Self = Self::of("");

    /// A unit known at compile time.
    pub const fn of(code: &'static str) -> Self {
        Self(std::borrow::Cow::Borrowed(code))
    }

    /// A unit read from outside; at most 63 characters are kept, as OpenTelemetry allows.
    pub fn new(code: &str) -> Self {
        Self(code.chars().take(63).collect::<String>().into())
    }

    /// Its code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is known of a metric's name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Metadata {
    /// What it measures.
    pub kind: Kind,
    /// In which unit.
    pub unit: Unit,
    /// One sentence for people.
    pub help: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_round_trip() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::parse("timer"), None);
    }
}
