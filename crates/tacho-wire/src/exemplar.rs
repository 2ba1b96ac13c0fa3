//! What makes an exemplar, of whatever format: its labels, and the trace that they name.
//!
//! A trace is known by a label that is called as OpenMetrics, OpenTelemetry or the older client
//! libraries call it, and holds hexadecimal digits; what does not is a label like any other.
//! Source: OpenMetrics 1.0, "Exemplars".

use tacho_model::append::Exemplar;
use tacho_model::{LabelError, Labels, Timestamp};

const TRACE_NAMES: [&str; 3] = ["trace_id", "traceID", "traceId"];
const SPAN_NAMES: [&str; 3] = ["span_id", "spanID", "spanId"];

/// Makes an exemplar of its labels.
pub(crate) fn of<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    timestamp: Timestamp,
    value: f64,
) -> Result<Exemplar, LabelError> {
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
        labels: Labels::new(others)?,
    })
}

/// The number that at most so many digits are; `None` for nothing, too many and zero.
fn hexadecimal(text: &str, digits_max: usize) -> Option<u128> {
    let is_number =
        (1..=digits_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| is_number)?;
    (number != 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&str, &str)], trace: u128, span: u64, others: &str) {
        let made = of(pairs.iter().copied(), Timestamp::from_secs(1), 0.5).unwrap();
        assert_eq!((made.trace_id, made.span_id), (trace, span), "{pairs:?}");
        assert_eq!(made.labels.to_string(), others);
    }

    #[test]
    fn traces_are_known_by_their_labels() {
        let long = "0af7651916cd43dd8448eb211c80319c";
        let number = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
        check(&[("trace_id", long)], number, 0, "{}");
        check(
            &[("traceID", "Ff"), ("spanID", "b7ad6b7169203331")],
            255,
            0xb7ad_6b71_6920_3331,
            "{}",
        );
        check(
            &[("trace_id", "+f"), ("span_id", "0")],
            0,
            0,
            r#"{span_id="0",trace_id="+f"}"#,
        );
        check(
            &[("trace_id", &format!("{long}0"))],
            0,
            0,
            &format!("{{trace_id=\"{long}0\"}}"),
        );
        check(
            &[("user", "ü"), ("trace_id", "1"), ("traceId", "2")],
            1,
            0,
            r#"{traceId="2",user="ü"}"#,
        );
        check(&[], 0, 0, "{}");
    }
}
