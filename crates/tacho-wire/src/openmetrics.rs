//! The text that Prometheus scrapes: OpenMetrics 1.0 and the older text format 0.0.4.
//!
//! Families come out in the order given, each with its `TYPE`, `UNIT` and `HELP` before its
//! samples. The two formats differ in three points that matter here: OpenMetrics names a counter's
//! family without `_total`, allows a `UNIT` line only where the name ends in the unit, and ends
//! with `# EOF`. Native histograms have no text form; they are written as summaries of quantiles.
//! Sources: OpenMetrics 1.0.0 (sections 4 and 5); Prometheus "Exposition formats".

use std::borrow::Cow;
use std::fmt::Write as _;

use tacho_model::{Histogram, Labels, METRIC_NAME, Metadata, Shape, Timestamp};

/// Quantiles written for a histogram.
pub const QUANTILES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];

/// Which text to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// `application/openmetrics-text; version=1.0.0`
    OpenMetrics,
    /// `text/plain; version=0.0.4`, or 1.0.0 where names are written in quotes
    Text,
}

/// How names outside the classic character set are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Escaping {
    /// As they are, in quotes: for readers that say they can (Prometheus 3).
    AllowUtf8,
    /// With `_` for every character that is not allowed: for all others.
    Underscores,
}

/// What a reader asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exposition {
    /// Which text.
    pub format: Format,
    /// How names are written.
    pub escaping: Escaping,
}

impl Exposition {
    /// What an `Accept` header asks for; OpenMetrics when it names it, the older text otherwise.
    pub fn negotiate(accept: Option<&str>) -> Self {
        let accept = accept.unwrap_or("");
        let format = if accept.contains("application/openmetrics-text") {
            Format::OpenMetrics
        } else {
            Format::Text
        };
        // Only the type that is answered says how names are written in it.
        let kind = match format {
            Format::OpenMetrics => "application/openmetrics-text",
            Format::Text => "text/plain",
        };
        let can_quote = |part: &str| part.contains(kind) && part.contains("escaping=allow-utf-8");
        let escaping = if accept.split(',').any(can_quote) {
            Escaping::AllowUtf8
        } else {
            Escaping::Underscores
        };
        Self { format, escaping }
    }

    /// The header that goes with it.
    pub const fn content_type(self) -> &'static str {
        match (self.format, self.escaping) {
            (Format::OpenMetrics, Escaping::AllowUtf8) => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
            }
            (Format::OpenMetrics, Escaping::Underscores) => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
            (Format::Text, Escaping::AllowUtf8) => {
                "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
            }
            // The older text knows no escaping before version 1.0.0.
            (Format::Text, Escaping::Underscores) => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// How a metric's or label's name is written.
    pub fn name(self, name: &str) -> Cow<'_, str> {
        if is_plain(name) || self.escaping == Escaping::AllowUtf8 {
            return Cow::Borrowed(name);
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let mut out: String = name
            .chars()
            .map(|c| if plain(c) { c } else { '_' })
            .collect();
        if out.starts_with(|c: char| c.is_ascii_digit()) {
            out.insert(0, '_');
        }
        Cow::Owned(out)
    }
}

/// A current value.
#[derive(Clone, Debug, PartialEq)]
pub enum Current {
    /// A number.
    Float(f64),
    /// A distribution.
    Histogram(Histogram),
}

/// Writes a family: all current values of one metric name.
pub fn write_family(
    exposition: Exposition,
    name: &str,
    metadata: Option<&Metadata>,
    series: &[(Labels, Current)],
    out: &mut String,
) {
    let format = exposition.format;
    let name = &*exposition.name(name);
    let histogram = series
        .iter()
        .any(|(_, v)| matches!(v, Current::Histogram(_)));
    let shape = metadata.map(|m| m.kind.shape());
    let kind = match shape {
        _ if histogram => "summary",
        // OpenMetrics insists that a counter's samples end in `_total`.
        Some(Shape::Counter) if format == Format::Text || name.ends_with("_total") => "counter",
        Some(Shape::Gauge) => "gauge",
        Some(Shape::Counter | Shape::Histogram) | None => unknown(format),
    };
    let family = match (format, kind) {
        (Format::OpenMetrics, "counter") => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    };
    let shown = quoted_family(family);
    // Writing to a `String` cannot fail; the results are of no interest.
    let _ = writeln!(out, "# TYPE {shown} {kind}");
    if let Some(metadata) = metadata {
        if format == Format::OpenMetrics
            && let Some(unit) = unit_suffix(metadata.unit.as_str())
            && family.ends_with(&format!("_{unit}"))
        {
            let _ = writeln!(out, "# UNIT {shown} {unit}");
        }
        if !metadata.help.is_empty() {
            let _ = writeln!(out, "# HELP {shown} {}", help(format, &metadata.help));
        }
    }
    for (labels, value) in series {
        match value {
            Current::Float(value) => {
                write_sample(exposition, name, labels, None, *value, out);
                out.push('\n');
            }
            Current::Histogram(histogram) => {
                for q in QUANTILES {
                    let value = histogram.quantile(q).unwrap_or(f64::NAN);
                    write_sample(exposition, name, labels, Some(q), value, out);
                    out.push('\n');
                }
            }
        }
    }
}

/// Writes a family of numbers as of times of their own, of a type that is not told: series that
/// somebody selected need not be all of their family.
pub fn write_selected<'a>(
    exposition: Exposition,
    name: &str,
    series: impl IntoIterator<Item = (&'a Labels, Timestamp, f64)>,
    out: &mut String,
) {
    let name = &*exposition.name(name);
    let (shown, kind) = (quoted_family(name), unknown(exposition.format));
    let _ = writeln!(out, "# TYPE {shown} {kind}");
    for (labels, time, value) in series {
        write_sample(exposition, name, labels, None, value, out);
        let millis = time.as_millis();
        let _ = match exposition.format {
            Format::Text => writeln!(out, " {millis}"),
            Format::OpenMetrics => {
                let (sign, size) = (if millis < 0 { "-" } else { "" }, millis.unsigned_abs());
                writeln!(out, " {sign}{}.{:03}", size / 1000, size % 1000)
            }
        };
    }
}

/// Ends the text.
pub fn finish(format: Format, out: &mut String) {
    if format == Format::OpenMetrics {
        out.push_str("# EOF\n");
    }
}

fn unknown(format: Format) -> &'static str {
    if format == Format::OpenMetrics {
        "unknown"
    } else {
        "untyped"
    }
}

/// The word that a metric name carries for a UCUM unit.
fn unit_suffix(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "s" => "seconds",
        "By" => "bytes",
        "1" => "ratio",
        _ => return None,
    })
}

fn write_sample(
    exposition: Exposition,
    name: &str,
    labels: &Labels,
    quantile: Option<f64>,
    value: f64,
    out: &mut String,
) {
    let plain = is_plain(name);
    if plain {
        out.push_str(name);
    }
    let mut open = false;
    let mut separate = |out: &mut String| {
        out.push(if open { ',' } else { '{' });
        open = true;
    };
    if !plain {
        separate(out);
        let _ = write!(out, "\"{}\"", escaped(name));
    }
    for (label, value) in labels.iter().filter(|(n, _)| *n != METRIC_NAME) {
        separate(out);
        let label = exposition.name(label);
        if is_plain(&label) {
            out.push_str(&label);
        } else {
            let _ = write!(out, "\"{}\"", escaped(&label));
        }
        let _ = write!(out, "=\"{}\"", escaped(value));
    }
    if let Some(q) = quantile {
        separate(out);
        let _ = write!(out, "quantile=\"{q}\"");
    }
    if open {
        out.push('}');
    }
    let _ = match value {
        v if v.is_nan() => write!(out, " NaN"),
        f64::INFINITY => write!(out, " +Inf"),
        f64::NEG_INFINITY => write!(out, " -Inf"),
        v => write!(out, " {v}"),
    };
}

/// Names outside the classic character set are written in quotes, as Prometheus 3 does.
fn quoted_family(name: &str) -> String {
    if is_plain(name) {
        name.to_owned()
    } else {
        format!("\"{}\"", escaped(name))
    }
}

fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

/// Help text; only OpenMetrics escapes quotes in it.
fn help(format: Format, text: &str) -> String {
    match format {
        Format::OpenMetrics => escaped(text),
        Format::Text => text.replace('\\', "\\\\").replace('\n', "\\n"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacho_model::{Kind, Unit};

    const OPEN: Exposition = Exposition {
        format: Format::OpenMetrics,
        escaping: Escaping::Underscores,
    };
    const TEXT: Exposition = Exposition {
        format: Format::Text,
        ..OPEN
    };
    const UTF8: Exposition = Exposition {
        escaping: Escaping::AllowUtf8,
        ..OPEN
    };

    fn family(how: Exposition, name: &str, kind: Kind, unit: Unit, value: Current) -> String {
        let metadata = Metadata {
            kind,
            unit,
            help: "What it \"is\".".to_owned(),
        };
        let labels = Labels::new([(METRIC_NAME, name), ("mode", "a\"b")]).unwrap();
        let mut out = String::new();
        write_family(how, name, Some(&metadata), &[(labels, value)], &mut out);
        finish(how.format, &mut out);
        out
    }

    #[test]
    fn openmetrics_names_a_counter_family_without_total() {
        let name = "node_cpu_seconds_total";
        let text = family(
            OPEN,
            name,
            Kind::Counter,
            Unit::SECONDS,
            Current::Float(1.5),
        );
        let expected = "# TYPE node_cpu_seconds counter\n# UNIT node_cpu_seconds seconds\n\
            # HELP node_cpu_seconds What it \\\"is\\\".\n\
            node_cpu_seconds_total{mode=\"a\\\"b\"} 1.5\n# EOF\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_older_text_keeps_the_name_and_the_quotes_of_help() {
        let text = family(
            TEXT,
            "up",
            Kind::Gauge,
            Unit::NONE,
            Current::Float(f64::INFINITY),
        );
        assert!(
            text.starts_with("# TYPE up gauge\n# HELP up What it \"is\".\n"),
            "{text}"
        );
        assert!(text.ends_with("up{mode=\"a\\\"b\"} +Inf\n"));
    }

    #[test]
    fn names_outside_the_classic_set_are_quoted_only_for_those_who_can_read_it() {
        let check = |how, expected: &str| {
            let text = family(how, "9.http", Kind::Gauge, Unit::NONE, Current::Float(2.0));
            assert!(text.contains(expected), "{text}");
        };
        check(UTF8, "{\"9.http\",mode=\"a\\\"b\"} 2\n");
        check(OPEN, "_9_http{mode=\"a\\\"b\"} 2\n");
        check(TEXT, "# TYPE _9_http gauge\n");
    }

    #[test]
    fn histograms_become_summaries() {
        let mut histogram = Histogram::new();
        (1..=100).for_each(|i| histogram.observe(f64::from(i)));
        let value = Current::Histogram(histogram);
        let text = family(TEXT, "d_seconds", Kind::Timing, Unit::SECONDS, value);
        assert!(text.contains("# TYPE d_seconds summary\n"), "{text}");
        assert!(text.contains("quantile=\"0.99\"} 9"), "{text}");
    }

    #[test]
    fn selected_series_have_times_and_no_type() {
        let check = |how, millis: i64, expected: &str| {
            let labels = Labels::new([(METRIC_NAME, "a_total"), ("x", "1")]).unwrap();
            let time = Timestamp::from_nanos(millis * 1_000_000 + 999);
            let mut out = String::new();
            write_selected(how, "a_total", [(&labels, time, 2.5)], &mut out);
            assert_eq!(out, expected);
        };
        check(
            TEXT,
            1_435_781_451_781,
            "# TYPE a_total untyped\na_total{x=\"1\"} 2.5 1435781451781\n",
        );
        check(
            OPEN,
            -1_005,
            "# TYPE a_total unknown\na_total{x=\"1\"} 2.5 -1.005\n",
        );
    }

    #[test]
    fn the_format_is_negotiated() {
        let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5,*/*;q=0.1";
        assert_eq!(Exposition::negotiate(Some(prometheus)), OPEN);
        let three = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6";
        assert_eq!(Exposition::negotiate(Some(three)), UTF8);
        let text = "text/plain;version=1.0.0;escaping=allow-utf-8,*/*;q=0.1";
        let how = Exposition::negotiate(Some(text));
        assert!(how.content_type().starts_with("text/plain; version=1.0.0"));
        let mixed = format!("application/openmetrics-text;version=1.0.0,{text}");
        assert_eq!(Exposition::negotiate(Some(&mixed)), OPEN);
        assert_eq!(Exposition::negotiate(Some("*/*")), TEXT);
        assert_eq!(Exposition::negotiate(None), TEXT);
    }
}
