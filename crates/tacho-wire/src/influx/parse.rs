//! One line taken apart: `measurement[,tag=value…] field=value[,field=value…] [timestamp]`.
//!
//! A backslash takes the meaning of the comma, equals sign or space behind it away; before
//! anything else it is a backslash.

use std::borrow::Cow;

use super::Reason;
use super::line::{Field, Parts, Value, end_of_text};

/// Fills `parts` from a line without blanks around it.
pub(super) fn parse<'a>(line: &'a str, parts: &mut Parts<'a>) -> Result<(), Reason> {
    parts.tags.clear();
    parts.fields.clear();
    parts.timestamp = None;
    let (key, rest) = split(line, " ").ok_or(Reason::NoFields)?;
    let (measurement, mut tags) = match split(key, ",") {
        Some((measurement, tags)) => (measurement, Some(tags)),
        None => (key, None),
    };
    if measurement.is_empty() {
        return Err(Reason::NoMeasurement);
    }
    parts.measurement = plain(measurement);
    while let Some(rest) = tags {
        let (tag, after) = match split(rest, ",") {
            Some((tag, after)) => (tag, Some(after)),
            None => (rest, None),
        };
        tags = after;
        let (name, value) = split(tag, "=").ok_or(Reason::BadTag)?;
        if name.is_empty() || value.is_empty() {
            return Err(Reason::BadTag);
        }
        parts.tags.push((plain(name), plain(value)));
    }
    let time = fields(rest.trim_start_matches(' '), parts)?.trim_matches(' ');
    if !time.is_empty() {
        parts.timestamp = Some(time.parse().map_err(|_| Reason::BadTimestamp)?);
    }
    Ok(())
}

/// Reads the fields that `rest` begins with; what follows them.
fn fields<'a>(mut rest: &'a str, parts: &mut Parts<'a>) -> Result<&'a str, Reason> {
    if rest.is_empty() {
        return Err(Reason::NoFields);
    }
    loop {
        let (name, after) = split(rest, "=").ok_or(Reason::BadField)?;
        // An equals sign of the next field is none of this one's.
        if name.is_empty() || split(name, " ").is_some() || split(name, ",").is_some() {
            return Err(Reason::BadField);
        }
        let (value, after) = value(after)?;
        let name = plain(name);
        parts.fields.push(Field { name, value });
        match after.as_bytes().first() {
            None => return Ok(""),
            Some(b',') => rest = &after[1..],
            Some(b' ') => return Ok(&after[1..]),
            Some(_) => return Err(Reason::BadValue),
        }
    }
}

/// The value that `rest` begins with, and what follows.
fn value(rest: &str) -> Result<(Value, &str), Reason> {
    if let Some(text) = rest.strip_prefix('"') {
        let end = end_of_text(text.as_bytes()).ok_or(Reason::OpenText)?;
        return Ok((Value::Text, &text[end + 1..]));
    }
    let end = rest.find([',', ' ']).unwrap_or(rest.len());
    let (text, rest) = rest.split_at(end);
    Ok((scalar(text).ok_or(Reason::BadValue)?, rest))
}

fn scalar(text: &str) -> Option<Value> {
    match text {
        "t" | "T" | "true" | "True" | "TRUE" => return Some(Value::Boolean(true)),
        "f" | "F" | "false" | "False" | "FALSE" => return Some(Value::Boolean(false)),
        _ => {}
    }
    if let Some(digits) = text.strip_suffix('i') {
        return digits.parse().ok().map(Value::Integer);
    }
    if let Some(digits) = text.strip_suffix('u') {
        return digits.parse().ok().map(Value::Unsigned);
    }
    let number: f64 = text.parse().ok()?;
    number.is_finite().then_some(Value::Float(number))
}

/// What stands before and after the first `separator` without a backslash before it.
fn split<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let bytes = text.as_bytes();
    let separator = separator.as_bytes()[0];
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte == separator {
            return Some((&text[..at], &text[at + 1..]));
        }
        let escapes = *byte == b'\\' && bytes.get(at + 1).is_some_and(|b| is_special(*b));
        at += if escapes { 2 } else { 1 };
    }
    None
}

const fn is_special(byte: u8) -> bool {
    matches!(byte, b',' | b'=' | b' ')
}

/// A name or value without the backslashes that only served the line.
fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let escapes = after.bytes().next().is_some_and(is_special);
        if !escapes {
            out.push('\\');
            rest = after;
            continue;
        }
        out.push_str(&after[..1]);
        rest = &after[1..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}
