//! Exemplars, and the trace that their labels name.
//!
//! A trace is known by a label that is called as OpenMetrics, OpenTelemetry or the older client
//! libraries call it, and holds hexadecimal digits; what does not is a label like any other.

use tacho_model::append::Exemplar;
use tacho_model::{Labels, Timestamp};

use super::Stop;

const TRACE_NAMES: [&str; 3] = ["trace_id", "traceID", "traceId"];
const SPAN_NAMES: [&str; 3] = ["span_id", "spanID", "spanId"];

/// Makes an exemplar of its labels.
pub(super) fn of<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    timestamp: Timestamp,
    value: f64,
) -> Result<Exemplar, Stop> {
    let (mut trace_id, mut span_id) = (0, 0);
    let mut others = Vec::new();
    for (name, text) in pairs {
        let is_trace = trace_id == 0 && TRACE_NAMES.contains(&name);
        let is_span = span_id == 0 && SPAN_NAMES.contains(&name);
        match (is_trace, is_span) {
            (true, _) if let Some(id) = hexadecimal(text, 32) => trace_id = id,
            (_, true) if let Some(id) = hexadecimal(text, 16) => span_id = id as u64,
            _ => others.push((name, text)),
        }
    }
    Ok(Exemplar {
        timestamp,
        value,
        trace_id,
        span_id,
        labels: Labels::new(others)
            .map_err(|_| Stop::Syntax("the labels of an exemplar are no label set"))?,
    })
}

/// The number that at most so many digits are; `None` for nothing, too many and zero.
fn hexadecimal(text: &str, digits_max: usize) -> Option<u128> {
    let is_number =
        (1..=digits_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| is_number)?;
    (number != 0).then_some(number)
}
