//! Names of metrics and labels, as Prometheus' OTLP receiver makes them by default
//! ("`UnderscoreEscapingWithSuffixes`"), so that dashboards written for it find the same series.
//!
//! A metric's name is cut into words of ASCII letters, digits and colons, its unit is put behind
//! in words, then `total` behind a counter and `ratio` behind a gauge of unit `1`. A name that has
//! no such character at all (one in Chinese, say) is kept as it is: refusing it would lose data,
//! and underscores alone would mix metrics up. Sources: OpenTelemetry specification,
//! "Prometheus and OpenMetrics compatibility"; behaviour of Prometheus' `otlptranslator`.

use super::Kind;

/// How the names in a request become those of series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// As Prometheus' receiver does it.
    Translated,
    /// Not at all: they are those of series.
    AsIs,
}

/// Words of units, by UCUM code.
const UNITS: [(&str, &str); 25] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("%", "percent"),
];

/// Words of units behind a stroke.
const PER_UNITS: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

/// The name that a metric's samples have; a histogram's and a summary's are made from it. Empty
/// for a metric without a name.
pub(in crate::otlp) fn metric_name(name: &str, unit: &str, kind: Kind) -> String {
    let mut words: Vec<String> = name
        .split(|c: char| !is_name_char(c))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    if words.is_empty() {
        let kept = name.trim();
        if kept.is_empty() {
            return String::new();
        }
        words.push(kept.to_owned());
    }
    let (main, per) = unit_words(unit);
    for word in [main, per] {
        if !word.is_empty() && !words.contains(&word) {
            words.push(word);
        }
    }
    let last = match kind {
        Kind::Counter => Some("total"),
        Kind::Gauge if unit == "1" => Some("ratio"),
        _ => None,
    };
    if let Some(last) = last {
        words.retain(|word| word != last);
        words.push(last.to_owned());
    }
    let mut joined = words.join("_");
    if joined.starts_with(|c: char| c.is_ascii_digit()) {
        joined.insert(0, '_');
    }
    joined
}

/// The name of the label that an attribute becomes; empty for an attribute without a name.
pub(in crate::otlp) fn label_name(attribute: &str) -> String {
    if !attribute.contains(|c: char| c.is_ascii_alphanumeric()) {
        return attribute.to_owned();
    }
    let mut name: String = attribute
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert_str(0, "key_");
    } else if name.starts_with('_') && !name.starts_with("__") {
        name.insert_str(0, "key");
    }
    name
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

/// A unit in words, before and behind the stroke. What stands in braces is a remark, no unit.
fn unit_words(unit: &str) -> (String, String) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let main = unit_word(main, &UNITS);
    let per = unit_word(per, &PER_UNITS);
    if per.is_empty() {
        return (main, per);
    }
    (main, format!("per_{per}"))
}

fn unit_word(unit: &str, known: &[(&str, &str)]) -> String {
    let unit = unit.trim();
    if unit == "1" || unit.contains(['{', '}']) {
        return String::new();
    }
    let found = known.iter().find(|(code, _)| *code == unit);
    if let Some((_, word)) = found {
        return (*word).to_owned();
    }
    let parts = unit.split(|c| !is_name_char(c)).filter(|p| !p.is_empty());
    parts.collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, unit: &str, kind: Kind, expected: &str) {
        assert_eq!(metric_name(name, unit, kind), expected, "{name} [{unit}]");
    }

    #[test]
    fn metrics_are_named_as_prometheus_names_them() {
        use Kind::{Counter, Gauge, Histogram, UpDown};
        let duration = "http.server.request.duration";
        check(
            duration,
            "s",
            Histogram,
            "http_server_request_duration_seconds",
        );
        check(
            "http.server.duration",
            "ms",
            Histogram,
            "http_server_duration_milliseconds",
        );
        check(
            "system.network.io",
            "By",
            Counter,
            "system_network_io_bytes_total",
        );
        check("requests", "{request}", Counter, "requests_total");
        check("requests_total", "", Counter, "requests_total");
        check("total.requests", "1", Counter, "requests_total");
        check(
            "system.cpu.utilization",
            "1",
            Gauge,
            "system_cpu_utilization_ratio",
        );
        check("hit.ratio", "1", Gauge, "hit_ratio");
        check("queue.length", "1", UpDown, "queue_length");
        check("throughput", "By/s", Gauge, "throughput_bytes_per_second");
        check("requests.rate", "1/s", Gauge, "requests_rate_per_second");
        check(
            "requests.rate",
            "{request}/s",
            Gauge,
            "requests_rate_per_second",
        );
        check("speed", "m/{round}", Gauge, "speed_meters");
        check("memory.bytes.used", "By", Gauge, "memory_bytes_used");
        check("fuel", "L/100km", Gauge, "fuel_L_per_100km");
        check("odd unit", "m^2·x", Gauge, "odd_unit_m_2_x");
        check("2xx", "", Counter, "_2xx_total");
        check("a__b..c_", "", Gauge, "a_b_c");
        check("ns:rule", "%", Gauge, "ns:rule_percent");
        check("température", "Cel", Gauge, "temp_rature_celsius");
    }

    #[test]
    fn a_name_of_no_such_character_is_kept() {
        check("温度", "Cel", Kind::Gauge, "温度_celsius");
        check(" ", "s", Kind::Gauge, "");
        check("", "s", Kind::Counter, "");
    }

    #[test]
    fn labels_are_named_as_prometheus_names_them() {
        let cases = [
            ("http.route", "http_route"),
            ("2nd", "key_2nd"),
            ("_private", "key_private"),
            ("__reserved__", "__reserved__"),
            ("a__b", "a__b"),
            ("größe", "gr__e"),
            ("大小", "大小"),
            ("", ""),
        ];
        for (attribute, expected) in cases {
            assert_eq!(label_name(attribute), expected, "{attribute}");
        }
    }
}
