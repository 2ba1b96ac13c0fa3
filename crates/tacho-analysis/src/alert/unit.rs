//! Numbers in a condition's unit, brought to the metric's unit.
//!
//! A metric's unit is its UCUM code, or, where none is known, what its name's suffix says
//! (`_seconds`, `_ms`, `_bytes`, `_mb`, `_percent`, `_ratio`), as Prometheus names do.

use tacho_model::{Shape, Unit};

use crate::aggregate::Function;
use crate::error::{AnalysisError, Result};

/// A unit that may stand in a condition.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ThresholdUnit {
    /// `ms`
    Milliseconds,
    /// `s`
    Seconds,
    /// `%`
    Percent,
    /// `B`
    Bytes,
    /// `KiB`
    Kibibytes,
    /// `MiB`
    Mebibytes,
    /// `GiB`
    Gibibytes,
}

/// What can be converted into each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Dimension {
    Time,
    Ratio,
    Size,
}

impl ThresholdUnit {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Milliseconds,
        Self::Seconds,
        Self::Percent,
        Self::Bytes,
        Self::Kibibytes,
        Self::Mebibytes,
        Self::Gibibytes,
    ];

    /// How it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Percent => "%",
            Self::Bytes => "B",
            Self::Kibibytes => "KiB",
            Self::Mebibytes => "MiB",
            Self::Gibibytes => "GiB",
        }
    }

    /// The unit of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|u| u.as_str() == text)
    }

    /// The same as a metric's unit.
    pub const fn metric(self) -> Unit {
        match self {
            Self::Milliseconds => Unit::of("ms"),
            Self::Seconds => Unit::SECONDS,
            Self::Percent => Unit::PERCENT,
            Self::Bytes => Unit::BYTES,
            Self::Kibibytes => Unit::of("KiBy"),
            Self::Mebibytes => Unit::of("MiBy"),
            Self::Gibibytes => Unit::of("GiBy"),
        }
    }

    /// Dimension, and how much one of it is in seconds, in all, or in bytes.
    const fn scale(self) -> (Dimension, f64) {
        match self {
            Self::Milliseconds => (Dimension::Time, 1e-3),
            Self::Seconds => (Dimension::Time, 1.0),
            Self::Percent => (Dimension::Ratio, 0.01),
            Self::Bytes => (Dimension::Size, 1.0),
            Self::Kibibytes => (Dimension::Size, 1024.0),
            Self::Mebibytes => (Dimension::Size, 1_048_576.0),
            Self::Gibibytes => (Dimension::Size, 1_073_741_824.0),
        }
    }
}

/// The same for a metric's unit.
fn metric_scale(unit: &Unit) -> Option<(Dimension, f64)> {
    Some(match unit.as_str() {
        "ns" => (Dimension::Time, 1e-9),
        "us" => (Dimension::Time, 1e-6),
        "ms" => (Dimension::Time, 1e-3),
        "s" => (Dimension::Time, 1.0),
        "min" => (Dimension::Time, 60.0),
        "h" => (Dimension::Time, 3600.0),
        "d" => (Dimension::Time, 86_400.0),
        "%" => (Dimension::Ratio, 0.01),
        "1" => (Dimension::Ratio, 1.0),
        "By" => (Dimension::Size, 1.0),
        "kBy" => (Dimension::Size, 1e3),
        "MBy" => (Dimension::Size, 1e6),
        "GBy" => (Dimension::Size, 1e9),
        "KiBy" => (Dimension::Size, 1024.0),
        "MiBy" => (Dimension::Size, 1_048_576.0),
        "GiBy" => (Dimension::Size, 1_073_741_824.0),
        _ => return None,
    })
}

/// Suffixes of metric names with the unit they promise. `_mb` is the megabyte of psutil-style
/// names, which is 2^20 bytes.
const SUFFIXES: [(&str, Unit); 8] = [
    ("_seconds", Unit::SECONDS),
    ("_ms", Unit::of("ms")),
    ("_bytes", Unit::BYTES),
    ("_mb", Unit::of("MiBy")),
    ("_percent", Unit::PERCENT),
    ("_ratio", Unit::RATIO),
    ("_celsius", Unit::of("Cel")),
    ("_watts", Unit::of("W")),
];

/// The unit of a metric: the known one, else what its name promises, else unknown.
pub fn metric_unit(name: &str, known: Option<&Unit>) -> Unit {
    if let Some(unit) = known.filter(|u| !u.as_str().is_empty()) {
        return unit.clone();
    }
    let stem = name.strip_suffix("_total").unwrap_or(name);
    let found = SUFFIXES.into_iter().find(|(s, _)| stem.ends_with(s));
    found.map_or(Unit::NONE, |(_, unit)| unit)
}

/// The unit of what `function` makes of a metric in `unit`: of a count nothing, of the rate of a
/// histogram observations per second, of a rate of seconds a ratio (busy seconds per second).
pub fn result_unit(function: Function, unit: &Unit, shape: Shape) -> Unit {
    match (function, shape) {
        (Function::Count, _) => Unit::NONE,
        (Function::Rate, Shape::Histogram) => Unit::of("1/s"),
        (Function::Rate, _) => match unit.as_str() {
            "s" => Unit::RATIO,
            "" => Unit::NONE,
            code => Unit::new(&format!("{code}/s")),
        },
        _ => unit.clone(),
    }
}

/// `number` written in `written`, in the unit that `function` gives of a metric in `unit`.
///
/// A number without a unit is taken as it stands.
///
/// # Errors
/// [`AnalysisError::UnitMismatch`] when there is no conversion, or the metric's unit is unknown.
pub fn convert(
    number: f64,
    written: Option<ThresholdUnit>,
    function: Function,
    unit: &Unit,
    shape: Shape,
) -> Result<f64> {
    let Some(written) = written else {
        return Ok(number);
    };
    let result = result_unit(function, unit, shape);
    let (from, factor) = written.scale();
    let scale = match result.as_str().strip_suffix("/s") {
        // Sizes per second are compared with sizes: `rate > 10 MiB`.
        Some(base) if from == Dimension::Size => metric_scale(&Unit::new(base)),
        _ => metric_scale(&result),
    };
    match scale {
        Some((to, metric_factor)) if from == to => Ok(number * factor / metric_factor),
        _ => Err(AnalysisError::UnitMismatch {
            unit: written.as_str(),
            metric_unit: result.as_str().to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_to_the_unit_of_the_metric() {
        let check = |number: f64, unit: &str, function: Function, metric: &str, want: f64| {
            let written = ThresholdUnit::parse(unit);
            let got = convert(
                number,
                written,
                function,
                &Unit::new(metric),
                Shape::Counter,
            );
            let got = got.unwrap();
            assert!(
                (got - want).abs() <= 1e-12 * want.abs(),
                "{number}{unit} is {got} {metric}"
            );
        };
        check(250.0, "ms", Function::P95, "s", 0.25);
        check(2.0, "s", Function::P95, "ms", 2000.0);
        check(80.0, "%", Function::Avg, "%", 80.0);
        check(80.0, "%", Function::Avg, "1", 0.8);
        check(1.0, "GiB", Function::Last, "By", 1_073_741_824.0);
        check(512.0, "MiB", Function::Last, "MiBy", 512.0);
        check(10.0, "MiB", Function::Rate, "By", 10_485_760.0);
        check(50.0, "%", Function::Rate, "s", 0.5);
        check(7.0, "", Function::Avg, "whatever", 7.0);
    }

    #[test]
    fn refuses_what_cannot_be_converted() {
        let check = |unit: &str, function: Function, metric: &str, shape: Shape| {
            let written = ThresholdUnit::parse(unit);
            let got = convert(1.0, written, function, &Unit::new(metric), shape);
            assert!(
                matches!(got, Err(AnalysisError::UnitMismatch { .. })),
                "{unit} {metric}"
            );
        };
        check("ms", Function::Avg, "By", Shape::Gauge);
        check("%", Function::Avg, "", Shape::Gauge);
        check("ms", Function::Count, "s", Shape::Histogram);
        check("s", Function::Rate, "s", Shape::Counter);
        check("MiB", Function::Rate, "By", Shape::Histogram);
        check("%", Function::Rate, "s", Shape::Histogram);
    }

    #[test]
    fn a_name_promises_a_unit() {
        let check = |name: &str, known: &str, want: &str| {
            assert_eq!(
                metric_unit(name, Some(&Unit::new(known))).as_str(),
                want,
                "{name}"
            );
        };
        check("node_cpu_seconds_total", "", "s");
        check("query_latency_ms", "", "ms");
        check("cpu_usage_percent", "", "%");
        check("memory_available_mb", "", "MiBy");
        check("http_server_request_duration_seconds", "ms", "ms");
        check("node_load1", "", "");
    }
}
