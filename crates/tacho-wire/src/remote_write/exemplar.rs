//! Exemplars of either version, and the trace that their labels name.
//!
//! A trace is known by a label that is called as OpenMetrics, OpenTelemetry or the older client
//! libraries call it, and holds hexadecimal digits; what does not is a label like any other.
//! Sources: OpenMetrics 1.0, "Exemplars"; `prompb/types.proto`.

use tacho_model::append::Exemplar;
use tacho_model::{Labels, Timestamp};

use super::{Reason, RemoteWriteError};
use crate::protobuf::Reader;

/// Most labels of an exemplar.
pub(super) const LABELS_MAX: usize = 64;

const TRACE_NAMES: [&str; 3] = ["trace_id", "traceID", "traceId"];
const SPAN_NAMES: [&str; 3] = ["span_id", "spanID", "spanId"];

/// Makes an exemplar of its labels.
pub(super) fn of(
    pairs: &[(&str, &str)],
    timestamp: Timestamp,
    value: f64,
) -> Result<Exemplar, Reason> {
    if pairs.len() > LABELS_MAX {
        return Err(Reason::Exemplar);
    }
    let (mut trace_id, mut span_id) = (0, 0);
    let mut others = Vec::with_capacity(pairs.len());
    for (name, text) in pairs {
        if trace_id == 0
            && TRACE_NAMES.contains(name)
            && let Some(id) = hexadecimal(text, 32)
        {
            trace_id = id;
        } else if span_id == 0
            && SPAN_NAMES.contains(name)
            && let Some(id) = hexadecimal(text, 16)
        {
            span_id = id as u64;
        } else {
            others.push((*name, *text));
        }
    }
    Ok(Exemplar {
        timestamp,
        value,
        trace_id,
        span_id,
        labels: Labels::new(others).map_err(|_| Reason::Exemplar)?,
    })
}

/// The number that at most so many digits are; `None` for nothing, too many and zero.
fn hexadecimal(text: &str, digits_max: usize) -> Option<u128> {
    let is_number =
        (1..=digits_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| is_number)?;
    (number != 0).then_some(number)
}

/// What an exemplar of version 1 says: `labels: 1, value: 2, timestamp: 3`.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) pairs: Vec<(&'a str, &'a str)>,
    pub(super) value: f64,
    pub(super) millis: i64,
}

impl<'a> Said<'a> {
    /// Reads an exemplar of version 1; of its labels at most one more than it may have.
    pub(super) fn read(mut reader: Reader<'a>) -> Result<Self, RemoteWriteError> {
        let mut said = Self::default();
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                1 => {
                    let inside = reader.nested(key)?;
                    let pair = label(reader.inner(inside))?;
                    if said.pairs.len() <= LABELS_MAX {
                        said.pairs.push(pair);
                    }
                }
                2 => said.value = reader.double(key)?,
                3 => said.millis = reader.integer(key)? as i64,
                _ => reader.skip(key)?,
            }
        }
        Ok(said)
    }
}

fn label(mut reader: Reader<'_>) -> Result<(&str, &str), RemoteWriteError> {
    let (mut name, mut value) = ("", "");
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            1 => name = reader.text(key)?,
            2 => value = reader.text(key)?,
            _ => reader.skip(key)?,
        }
    }
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&str, &str)], trace: u128, span: u64, others: &str) {
        let made = of(pairs, Timestamp::from_secs(1), 0.5).unwrap();
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

    #[test]
    fn label_sets_that_are_none_are_refused() {
        let made = |pairs: &[(&str, &str)]| of(pairs, Timestamp::from_secs(1), 0.5);
        assert_eq!(made(&[("a", "1"), ("a", "2")]), Err(Reason::Exemplar));
        assert_eq!(made(&[("", "1")]), Err(Reason::Exemplar));
        assert_eq!(made(&[("a", ""); LABELS_MAX + 1]), Err(Reason::Exemplar));
    }
}
