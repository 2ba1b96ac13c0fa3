//! Numbers as the texts write them, and as Prometheus writes bounds of buckets.

use tacho_model::Timestamp;

use super::Stop;

/// The bits of a NaN that is no staleness marker, as Prometheus writes it.
const NAN_BITS: u64 = 0x7ff8_0000_0000_0001;

/// A value.
#[inline]
pub(super) fn value(text: &str) -> Result<f64, Stop> {
    if let Some(whole) = whole(text.as_bytes()) {
        return Ok(whole as f64);
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_nan() => Ok(f64::from_bits(NAN_BITS)),
        Ok(value) => Ok(value),
        Err(_) => Err(Stop::Syntax("a value is no number")),
    }
}

/// The number that at most 15 digits are, which a double holds exactly.
#[inline]
fn whole(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    let mut sum = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum = sum * 10 + u64::from(digit);
    }
    Some(sum)
}

/// A time in whole milliseconds.
pub(super) fn millis(text: &str) -> Result<Timestamp, Stop> {
    let wrong = Stop::Syntax("a timestamp is no whole number of milliseconds");
    from_millis(text.parse().map_err(|_| wrong)?)
}

/// A time in seconds with a fraction, kept to the millisecond.
pub(super) fn seconds(text: &str) -> Result<Timestamp, Stop> {
    let wrong = Stop::Syntax("a timestamp is no number of seconds");
    match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds.abs() < 1e15 => {
            from_millis((seconds * 1000.0) as i64)
        }
        _ => Err(wrong),
    }
}

/// A time in milliseconds; the years 1677 to 2262 can be kept.
pub(super) fn from_millis(millis: i64) -> Result<Timestamp, Stop> {
    let nanos = millis.checked_mul(1_000_000);
    let nanos = nanos.ok_or(Stop::Syntax(
        "a timestamp is outside the years 1677 to 2262",
    ))?;
    Ok(Timestamp::from_nanos(nanos))
}

/// A bound or a quantile as Prometheus puts it into a label when it reads protobuf: the shortest
/// digits, with an exponent below 1e-4 and from 1e+06, and always a point or an exponent.
pub(super) fn bound(value: f64, out: &mut String) {
    use std::fmt::Write as _;
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else {
        let magnitude = value.abs();
        let plain = magnitude == 0.0 || (1e-4..1e6).contains(&magnitude);
        // Writing to a `String` cannot fail.
        if plain {
            let start = out.len();
            let _ = write!(out, "{value}");
            if !out[start..].contains('.') {
                out.push_str(".0");
            }
        } else {
            let text = format!("{value:e}");
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let (sign, digits) = match exponent.strip_prefix('-') {
                Some(digits) => ('-', digits),
                None => ('+', exponent),
            };
            let _ = write!(out, "{mantissa}e{sign}{digits:0>2}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_prometheus_reads_them() {
        let check = |text: &str, expected: Option<f64>| {
            let read = value(text).ok();
            let same = read.map(f64::to_bits) == expected.map(f64::to_bits);
            assert!(same, "{text}: {read:?}");
        };
        check("0", Some(0.0));
        check("-0", Some(-0.0));
        check("123456789012345", Some(123_456_789_012_345.0));
        check("18446744073709551616", Some(18_446_744_073_709_551_616.0));
        check("1.5e-3", Some(0.0015));
        check("+Inf", Some(f64::INFINITY));
        check("-inf", Some(f64::NEG_INFINITY));
        check("NaN", Some(f64::from_bits(NAN_BITS)));
        check("nan", Some(f64::from_bits(NAN_BITS)));
        for bad in ["", "1_000", "0x10", "1,5", "one", "1e", "--1", "1 "] {
            check(bad, None);
        }
    }

    #[test]
    fn times_outside_what_can_be_kept_are_refused() {
        assert_eq!(
            millis("1520879607789").unwrap(),
            Timestamp::from_millis(1_520_879_607_789)
        );
        assert_eq!(millis("-1000").unwrap(), Timestamp::from_secs(-1));
        assert_eq!(
            seconds("1520879607.789").unwrap(),
            Timestamp::from_millis(1_520_879_607_789)
        );
        assert_eq!(seconds("1e9").unwrap(), Timestamp::from_secs(1_000_000_000));
        for bad in ["", "1.5", "9223372036854775807", "NaN"] {
            assert!(millis(bad).is_err(), "{bad}");
        }
        for bad in ["", "NaN", "Inf", "1e16", "1e12"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bounds_are_written_as_prometheus_writes_them() {
        let check = |value, expected: &str| {
            let mut out = String::new();
            bound(value, &mut out);
            assert_eq!(out, expected);
        };
        check(1.0, "1.0");
        check(0.005, "0.005");
        check(0.0, "0.0");
        check(2.5, "2.5");
        check(1e-5, "1e-05");
        check(1.5e22, "1.5e+22");
        check(100_000.0, "100000.0");
        check(1_234_567.0, "1.234567e+06");
        check(1e6, "1e+06");
        check(f64::INFINITY, "+Inf");
    }
}
