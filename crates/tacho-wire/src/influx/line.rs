//! A body cut into lines. A line ends at a line feed that is not within a text, so a text may hold
//! one; where a text does not end, the line ends at its first line feed, so that a forgotten quote
//! costs one line.

use std::borrow::Cow;

use super::Reason;
use super::parse::parse;

/// The type and value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// `1.5`
    Float(f64),
    /// `1i`
    Integer(i64),
    /// `1u`
    Unsigned(u64),
    /// `true`, `t`, …
    Boolean(bool),
    /// `"text"`
    Text,
}

impl Value {
    /// As a sample; text is none.
    pub const fn number(self) -> Option<f64> {
        Some(match self {
            Self::Float(value) => value,
            Self::Integer(value) => value as f64,
            Self::Unsigned(value) => value as f64,
            Self::Boolean(value) => value as u8 as f64,
            Self::Text => return None,
        })
    }
}

/// A field of a line.
#[derive(Debug, Clone, PartialEq)]
pub struct Field<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its value.
    pub value: Value,
}

/// One line, taken apart.
#[derive(Debug, PartialEq)]
pub struct Line<'s, 'a> {
    /// What was measured.
    pub measurement: &'s str,
    /// Names and values of its tags, in the order they came.
    pub tags: &'s [(Cow<'a, str>, Cow<'a, str>)],
    /// Its fields, at least one.
    pub fields: &'s [Field<'a>],
    /// Its time, in the body's unit.
    pub timestamp: Option<i64>,
}

/// Room for the parts of one line, used again for the next.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    pub(super) measurement: Cow<'a, str>,
    pub(super) tags: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub(super) fields: Vec<Field<'a>>,
    pub(super) timestamp: Option<i64>,
}

/// Walks the lines of a body.
#[derive(Debug)]
pub struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
    parts: Parts<'a>,
}

impl<'a> Lines<'a> {
    /// The lines of this body.
    pub fn new(body: &'a [u8]) -> Self {
        Self {
            rest: body,
            number: 0,
            parts: Parts::default(),
        }
    }

    /// The next line that is neither empty nor a comment, with its number, counted from 1.
    pub fn advance(&mut self) -> Option<(usize, Result<Line<'_, 'a>, Reason>)> {
        let (line, number) = self.cut()?;
        let parsed = std::str::from_utf8(line)
            .map_err(|_| Reason::NotUtf8)
            .and_then(|text| parse(text, &mut self.parts));
        let parts = &self.parts;
        let line = parsed.map(|()| Line {
            measurement: &parts.measurement,
            tags: &parts.tags,
            fields: &parts.fields,
            timestamp: parts.timestamp,
        });
        Some((number, line))
    }

    fn cut(&mut self) -> Option<(&'a [u8], usize)> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let blank = self.rest.trim_ascii_start();
            let skipped = &self.rest[..self.rest.len() - blank.len()];
            self.number += line_feeds(skipped);
            let is_comment = blank.first() == Some(&b'#');
            let end = if is_comment {
                line_feed(blank)
            } else {
                end_of_line(blank)
            };
            let line = &blank[..end];
            let number = self.number + 1;
            self.number += line_feeds(line);
            self.rest = &blank[end..];
            if !line.is_empty() && !is_comment {
                return Some((line.trim_ascii_end(), number));
            }
        }
    }
}

fn line_feeds(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

fn line_feed(bytes: &[u8]) -> usize {
    let found = bytes.iter().position(|byte| *byte == b'\n');
    found.unwrap_or(bytes.len())
}

/// Where the line that `bytes` begin with ends. Quotes only mean something as the first character
/// of a field's value, and fields begin after the first space that is not escaped.
fn end_of_line(bytes: &[u8]) -> usize {
    let mut in_fields = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\n' => return at,
            b' ' => in_fields = true,
            b'\\' if bytes.get(at + 1).is_some_and(|next| *next != b'\n') => at += 1,
            b'"' if in_fields && at > 0 && bytes[at - 1] == b'=' => {
                match end_of_text(&bytes[at + 1..]) {
                    Some(length) => at += 1 + length,
                    None => return at + line_feed(&bytes[at..]),
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// How many bytes stand before the quote that ends a text.
pub(super) fn end_of_text(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}
