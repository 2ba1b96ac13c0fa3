//! Numbers, durations and texts as PromQL writes them.
//!
//! Source: Prometheus documentation, "Querying basics", literals. Numbers may be decimal, octal
//! (`017`) or hexadecimal, with `_` between digits; durations are whole numbers with units in
//! descending order; texts escape as in Go.

use std::time::Duration;

/// Units of durations, longest first, in milliseconds.
pub(super) const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Whether this looks like a duration.
pub(super) fn is_duration(text: &str) -> bool {
    parts(text).is_some_and(|parts| !parts.is_empty())
}

/// Whether this is numbers each with a unit, in whatever order.
pub(super) fn has_units(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let tail = &rest[digits..];
        let letters = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        if digits == 0 || !UNITS.iter().any(|(name, _)| *name == unit) {
            return false;
        }
        rest = tail;
    }
    true
}

/// Parses a duration such as `1h30m`; too long a one says so.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parts = parts(text).ok_or_else(|| format!("not a valid duration string: {text:?}"))?;
    let mut total = Some(0u64);
    for (number, unit) in parts {
        let part = number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
        total = total
            .zip(part)
            .and_then(|(total, part)| total.checked_add(part));
    }
    // As long as nanoseconds in an i64 reach: 292 years.
    total
        .filter(|millis| *millis <= i64::MAX as u64 / 1_000_000)
        .map(Duration::from_millis)
        .ok_or_else(|| "duration out of range".to_owned())
}

/// The numbers of a duration with their units in milliseconds; each unit once, in order.
fn parts(text: &str) -> Option<Vec<(&str, u64)>> {
    let mut rest = text;
    let mut parts = Vec::new();
    let mut next = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let at = UNITS.iter().position(|(name, _)| *name == unit)?;
        if number.is_empty() || at < next {
            return None;
        }
        parts.push((number, UNITS[at].1));
        next = at + 1;
        rest = tail;
    }
    Some(parts)
}

/// Parses a number.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let bad =
        || format!("error parsing number: strconv.ParseFloat: parsing {text:?}: invalid syntax");
    let bytes = text.as_bytes();
    let is_alone = |at: usize| {
        let neighbour = |at: Option<usize>| at.and_then(|at| bytes.get(at));
        let before = neighbour(at.checked_sub(1)).is_some_and(u8::is_ascii_alphanumeric);
        !before || !neighbour(Some(at + 1)).is_some_and(u8::is_ascii_alphanumeric)
    };
    if bytes
        .iter()
        .enumerate()
        .any(|(at, byte)| *byte == b'_' && is_alone(at))
    {
        return Err(bad());
    }
    let plain = text.replace('_', "").to_ascii_lowercase();
    let whole = |digits: &str, radix| u64::from_str_radix(digits, radix).ok();
    if let Some(digits) = plain.strip_prefix("0x") {
        return whole(digits, 16).map(|n| n as f64).ok_or_else(bad);
    }
    if let Some(n) = plain.strip_prefix('0').and_then(|digits| whole(digits, 8)) {
        return Ok(n as f64);
    }
    let number: f64 = plain.parse().map_err(|_| bad())?;
    let is_too_large = number.is_infinite() && !plain.contains("inf");
    if is_too_large {
        return Err(format!(
            "error parsing number: strconv.ParseFloat: parsing {text:?}: value out of range"
        ));
    }
    Ok(number)
}

/// Takes a text out of its quotes.
pub(crate) fn unquote(text: &str) -> Result<String, String> {
    let quote = text.chars().next().unwrap_or('"');
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
    if quote == '`' || !inner.contains('\\') {
        return Ok(inner.to_owned());
    }
    // Bytes, for `\xff` need not be valid by itself.
    let mut bytes = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let escape = chars.next().unwrap_or('\\');
        let simple = match escape {
            'a' => Some(7),
            'b' => Some(8),
            'f' => Some(12),
            'n' => Some(b'\n'),
            'r' => Some(b'\r'),
            't' => Some(b'\t'),
            'v' => Some(11),
            '\\' => Some(b'\\'),
            c if c == quote => Some(c as u8),
            _ => None,
        };
        match simple {
            Some(byte) => bytes.push(byte),
            None => numeric_escape(escape, &mut chars, &mut bytes)?,
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `\123`, `\x7f`, `\u00e9`, `\U0001f600`.
fn numeric_escape(
    escape: char,
    chars: &mut std::str::Chars<'_>,
    into: &mut Vec<u8>,
) -> Result<(), String> {
    let (mut value, digits, radix) = match escape {
        '0'..='7' => (escape as u32 - '0' as u32, 2, 8),
        'x' => (0, 2, 16),
        'u' => (0, 4, 16),
        'U' => (0, 8, 16),
        c => return Err(format!("unknown escape sequence U+{:04X} {c:?}", c as u32)),
    };
    for _ in 0..digits {
        let c = chars.next().ok_or("escape sequence not terminated")?;
        let digit = c.to_digit(radix).ok_or_else(|| {
            format!(
                "illegal character U+{:04X} {c:?} in escape sequence",
                c as u32
            )
        })?;
        value = value
            .checked_mul(radix)
            .and_then(|v| v.checked_add(digit))
            .unwrap_or(u32::MAX);
    }
    match escape {
        'u' | 'U' => {
            let c =
                char::from_u32(value).ok_or("escape sequence is an invalid Unicode code point")?;
            into.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        _ => into.push(u8::try_from(value).map_err(|_| "octal escape value > 255".to_owned())?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_every_notation() {
        let check = |text: &str, expected: f64| assert_eq!(number(text), Ok(expected), "{text}");
        check("1", 1.0);
        check("1e3", 1000.0);
        check(".5", 0.5);
        check("5.", 5.0);
        check("0xFF", 255.0);
        check("0755", 493.0);
        check("08", 8.0);
        check("1_000.5", 1000.5);
        check("0x_53_AB", 21419.0);
        for bad in ["0x", "1__0", "1_", "1.2.3", "1e999", "e"] {
            assert!(number(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_have_each_unit_once_and_in_order() {
        let check = |text: &str, millis: u64| {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        };
        check("5m", 300_000);
        check("1h30m", 5_400_000);
        check("1y2w3d4h5m6s7ms", 33_019_506_007);
        check("1m500ms", 60_500);
        for bad in ["5", "m", "5x", "1m1h", "1s1s", "1.5h"] {
            assert!(!is_duration(bad), "{bad}");
        }
        assert!(duration("9999999999999999y").is_err());
    }

    #[test]
    fn texts_escape_as_in_go() {
        let check = |text: &str, expected: &str| {
            assert_eq!(unquote(text).as_deref(), Ok(expected), "{text}");
        };
        check(r#""a\n\t\\\"""#, "a\n\t\\\"");
        check(r"'\''", "'");
        check(r"`\n`", r"\n");
        check(r#""\x41\102\u00e9\U0001f600""#, "ABé😀");
        check(r#""\xc3\xa9""#, "é");
        for bad in [
            r#""\q""#,
            r#""\'""#,
            r#""\x4""#,
            r#""\u12""#,
            r#""\ud800""#,
            r#""\777""#,
        ] {
            assert!(unquote(bad).is_err(), "{bad}");
        }
    }
}
