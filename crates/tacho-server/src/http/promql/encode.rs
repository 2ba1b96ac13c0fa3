//! Values as the API's JSON has them: written straight into text, because answers are large.
//!
//! Source: Prometheus "HTTP API", "Expression query result formats"; numbers are texts in the
//! shortest form that reads back as the same, times are seconds with at most three digits behind
//! the point.

use std::fmt::Write as _;
use std::time::Duration;

use tacho_model::{Labels, QueryError, Timestamp};
use tacho_promql::{Error, FloatHistogram, Point, Sample, Series, Stats, Value, Watch};

use super::begin;

/// What a query took.
pub(super) struct Took {
    /// Until there was a thread for it.
    pub(super) waited: Duration,
    pub(super) evaluated: Duration,
    pub(super) stats: Stats,
}

/// Most bytes of an answer.
pub(super) const BYTES_MAX: usize = 512 << 20;
/// Series or points after which it is looked whether anybody still waits.
const LOOK_AFTER: usize = 4096;

/// An answer, behind what stands before its data.
///
/// # Errors
/// [`Error`] where it is too large, or nobody waits for it any more.
pub(super) fn data(value: &Value, took: Option<Took>, watch: &dyn Watch) -> Result<String, Error> {
    let mut out = Out {
        text: begin(),
        put: 0,
        watch,
    };
    let kind = match value {
        Value::Scalar { .. } => "scalar",
        Value::String { .. } => "string",
        Value::Vector(_) => "vector",
        Value::Matrix(_) => "matrix",
    };
    let _ = write!(out.text, r#"{{"resultType":"{kind}","result":"#);
    match value {
        Value::Scalar { time, value } => put_float(*time, *value, &mut out.text),
        Value::String { time, value } => {
            out.text.push('[');
            put_time(*time, &mut out.text);
            out.text.push(',');
            put_text(value, &mut out.text);
            out.text.push(']');
        }
        Value::Vector(samples) => out.list(samples, |sample, out| {
            put_sample(sample, &mut out.text);
            Ok(())
        })?,
        Value::Matrix(series) => out.list(series, put_series)?,
    }
    let mut text = out.text;
    if let Some(took) = took {
        put_stats(&took, &mut text);
    }
    text.push('}');
    Ok(text)
}

/// Text on its way, and who may end it.
struct Out<'a> {
    text: String,
    put: usize,
    watch: &'a dyn Watch,
}

impl Out<'_> {
    fn list<T>(
        &mut self,
        items: &[T],
        mut put: impl FnMut(&T, &mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.text.push('[');
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                self.text.push(',');
            }
            put(item, self)?;
            self.put += 1;
            if self.put.is_multiple_of(LOOK_AFTER) {
                self.watch.check()?;
            }
            if self.text.len() > BYTES_MAX {
                let (what, limit) = ("bytes of an answer", BYTES_MAX as u64);
                return Err(QueryError::TooMuch { what, limit }.into());
            }
        }
        self.text.push(']');
        Ok(())
    }
}

fn put_sample(sample: &Sample, out: &mut String) {
    out.push_str(r#"{"metric":"#);
    put_labels(&sample.labels, out);
    match &sample.value {
        Point::Float(value) => {
            out.push_str(r#","value":"#);
            put_float(sample.time, *value, out);
        }
        Point::Histogram(histogram) => {
            out.push_str(r#","histogram":"#);
            put_histogram(sample.time, histogram, out);
        }
    }
    out.push('}');
}

fn put_series(series: &Series, out: &mut Out<'_>) -> Result<(), Error> {
    out.text.push_str(r#"{"metric":"#);
    put_labels(&series.labels, &mut out.text);
    if !series.floats.is_empty() {
        out.text.push_str(r#","values":"#);
        out.list(&series.floats, |(time, value), out| {
            put_float(*time, *value, &mut out.text);
            Ok(())
        })?;
    }
    if !series.histograms.is_empty() {
        out.text.push_str(r#","histograms":"#);
        out.list(&series.histograms, |(time, histogram), out| {
            put_histogram(*time, histogram, &mut out.text);
            Ok(())
        })?;
    }
    out.text.push('}');
    Ok(())
}

fn put_stats(took: &Took, out: &mut String) {
    let (waited, evaluated) = (took.waited.as_secs_f64(), took.evaluated.as_secs_f64());
    let _ = write!(
        out,
        r#","stats":{{"timings":{{"evalTotalTime":{evaluated},"resultSortTime":0,"queryPreparationTime":0,"innerEvalTime":{evaluated},"execQueueTime":{waited},"execTotalTime":{}}},"samples":{{"totalQueryableSamples":{},"peakBytes":{}}},"series":{}}}"#,
        waited + evaluated,
        took.stats.samples,
        took.stats.peak_bytes,
        took.stats.series,
    );
}

/// A label set as an object.
pub(super) fn put_labels(labels: &Labels, out: &mut String) {
    out.push('{');
    for (number, (name, value)) in labels.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        put_text(name, out);
        out.push(':');
        put_text(value, out);
    }
    out.push('}');
}

fn put_float(time: Timestamp, value: f64, out: &mut String) {
    out.push('[');
    put_time(time, out);
    out.push_str(",\"");
    put_number(value, out);
    out.push_str("\"]");
}

fn put_histogram(time: Timestamp, histogram: &FloatHistogram, out: &mut String) {
    out.push('[');
    put_time(time, out);
    out.push_str(r#",{"count":""#);
    put_number(histogram.count, out);
    out.push_str(r#"","sum":""#);
    put_number(histogram.sum, out);
    out.push('"');
    for (number, (boundaries, low, high, count)) in histogram.rows().enumerate() {
        out.push_str(if number == 0 { r#","buckets":["# } else { "," });
        let _ = write!(out, "[{}", boundaries as u8);
        for bound in [low, high, count] {
            out.push_str(",\"");
            put_number(bound, out);
            out.push('"');
        }
        out.push(']');
    }
    if histogram.rows().next().is_some() {
        out.push(']');
    }
    out.push_str("}]");
}

/// Seconds, with milliseconds where there are some.
pub(super) fn put_time(time: Timestamp, out: &mut String) {
    let millis = time.as_nanos().div_euclid(1_000_000);
    let sign = if millis < 0 { "-" } else { "" };
    let (seconds, rest) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
    out.push_str(sign);
    out.push_str(itoa::Buffer::new().format(seconds));
    if rest > 0 {
        let _ = write!(out, ".{rest:03}");
    }
}

/// A number as Go's JSON writes it: with an exponent when it is very small or very large.
pub(super) fn put_number(value: f64, out: &mut String) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    // Most numbers come out as they must but for an end that says that they are whole.
    let mut buffer = zmij::Buffer::new();
    let shortest = buffer.format_finite(value);
    if !shortest.contains('e') {
        return out.push_str(shortest.strip_suffix(".0").unwrap_or(shortest));
    }
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        let _ = match text.split_once('e') {
            Some((digits, power)) if !power.starts_with('-') => write!(out, "{digits}e+{power}"),
            _ => write!(out, "{text}"),
        };
        return;
    }
    let _ = write!(out, "{value}");
}

/// Text in quotation marks.
pub(super) fn put_text(text: &str, out: &mut String) {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::to_string(text).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: f64) -> String {
        let mut out = String::new();
        put_number(value, &mut out);
        out
    }

    #[test]
    fn numbers_are_written_as_prometheus_does() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1e-6, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (123_456_789.125, "123456789.125"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (-12_345_678_901_234_567_890.0, "-12345678901234567000"),
            (0.000_012_5, "0.0000125"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-2.5e-9, "-2.5e-9"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn times_have_milliseconds_where_they_need_them() {
        for (nanos, expected) in [
            (1_435_781_451_781_000_000, "1435781451.781"),
            (1_435_781_451_000_000_000, "1435781451"),
            (5_000_000, "0.005"),
            (-1_500_000_000, "-1.500"),
        ] {
            let mut out = String::new();
            put_time(Timestamp::from_nanos(nanos), &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn an_answer_is_json_whatever_its_labels_hold() {
        let labels = Labels::new([("__name__", "a\"b"), ("x", "\u{1}\\ü\n")]).unwrap();
        let sample = tacho_promql::Sample {
            labels,
            time: Timestamp::from_secs(1),
            value: Point::Float(2.5),
        };
        let text = data(&Value::Vector(vec![sample]), None, &tacho_promql::Unwatched).unwrap();
        let read: serde_json::Value = serde_json::from_str(&(text + "}")).unwrap();
        let read = &read["data"];
        assert_eq!(read["result"][0]["metric"]["x"], "\u{1}\\ü\n");
        assert_eq!(read["result"][0]["value"], serde_json::json!([1, "2.5"]));
    }
}
