//! A place in a text body, and what both texts have in common.

use super::{ExpositionError, Sink, Stop};

/// Most characters of a line that an error shows.
const SHOWN_MAX: usize = 120;

/// What a byte may be part of.
const NAME_START: u8 = 1;
const NAME: u8 = 2;

static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphabetic() || b == b'_' || b == b':' {
            class[byte] = NAME_START | NAME;
        } else if b.is_ascii_digit() {
            class[byte] = NAME;
        }
        byte += 1;
    }
    class
};

/// How many bytes at the start are a classic name.
#[inline]
pub(super) fn name_length(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(first) if CLASS[usize::from(*first)] & NAME_START != 0 => {
            let is_end = |byte: &u8| CLASS[usize::from(*byte)] & NAME == 0;
            bytes.iter().position(is_end).unwrap_or(bytes.len())
        }
        _ => 0,
    }
}

/// How many bytes at the start are a text in quotes, both of them included.
#[inline]
pub(super) fn quoted_length(bytes: &[u8]) -> Option<usize> {
    if bytes.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The text in quotes with its escapes resolved; what is no escape stays as it is.
pub(super) fn unquoted(quoted: &str) -> std::borrow::Cow<'_, str> {
    let inner = quoted.get(1..quoted.len().max(2) - 1).unwrap_or("");
    unescaped(inner)
}

/// Resolves `\\`, `\n` and `\"`; what is no escape stays as it is.
pub(super) fn unescaped(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => out.push('\n'),
            Some(same @ ('\\' | '"')) => out.push(same),
            other => {
                out.push('\\');
                out.extend(other);
            }
        }
    }
    out.into()
}

/// A place in a text.
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    /// The start of a body, which must be UTF-8 and not empty of meaning.
    pub(super) fn new(body: &'a [u8]) -> Result<Self, ExpositionError> {
        match std::str::from_utf8(body) {
            Ok(text) => Ok(Self { text, at: 0 }),
            Err(error) => {
                let valid = body.get(..error.valid_up_to()).unwrap_or(&[]);
                let text = std::str::from_utf8(valid).unwrap_or("");
                let at = text.len();
                let before = Cursor { text, at };
                Err(before.error(at, Stop::Syntax("the text is not UTF-8 after this")))
            }
        }
    }

    /// What is left.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or(&[])
    }

    /// The next byte.
    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over the next byte if it is this one.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_it = self.peek() == Some(byte);
        self.at += usize::from(is_it);
        is_it
    }

    /// The text from `start` to here.
    #[inline]
    pub(super) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or("")
    }

    /// Passes over everything until one of these bytes or the end.
    #[inline]
    pub(super) fn until(&mut self, is_end: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        let rest = self.rest();
        let length = rest.iter().position(|byte| is_end(*byte));
        self.at += length.unwrap_or(rest.len());
        self.since(start)
    }

    /// Passes over what the sink expects, when that is what comes.
    #[inline]
    pub(super) fn expected(&mut self, sink: &impl Sink) -> bool {
        let expected = sink.expected().as_bytes();
        let rest = self.rest();
        let is_it = !expected.is_empty()
            && rest.starts_with(expected)
            && rest.get(expected.len()) == Some(&b' ');
        if is_it {
            self.at += expected.len();
        }
        is_it
    }

    /// Passes over the labels in braces, the first of which is here.
    pub(super) fn braces(&mut self) -> Result<(), Stop> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'"') => {
                    let length = quoted_length(self.rest());
                    self.at += length.ok_or(Stop::Syntax("a quote is not closed"))?;
                }
                Some(b'\n') | None => return Err(Stop::Syntax("the labels are not closed")),
                Some(_) => self.at += 1,
            }
        }
    }

    /// A name, plain or in quotes.
    pub(super) fn name(&mut self) -> Result<&'a str, Stop> {
        let start = self.at;
        self.at += match self.peek() {
            Some(b'"') => quoted_length(self.rest()).unwrap_or(0),
            _ => name_length(self.rest()),
        };
        match self.since(start) {
            "" | "\"\"" => Err(Stop::Syntax("a metric name is missing or not valid")),
            name => Ok(name),
        }
    }

    /// The error of the line in which `at` is.
    #[cold]
    pub(super) fn error(&self, at: usize, stop: Stop) -> ExpositionError {
        let reason = match stop {
            Stop::Refused(reason) => return ExpositionError::Refused { reason },
            Stop::Syntax(reason) => reason,
        };
        let before = self.text.get(..at).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let text = self.text.get(start..).unwrap_or("");
        let text = text.lines().next().unwrap_or("");
        let text = text.chars().take(SHOWN_MAX).collect();
        ExpositionError::Syntax { line, reason, text }
    }
}
