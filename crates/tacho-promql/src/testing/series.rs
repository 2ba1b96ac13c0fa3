//! The words of a script: a series' labels, text in quotes, numbers and durations.

use crate::syntax::literal::unquote;
use tacho_model::{Labels, METRIC_NAME};

type Parsed<T> = Result<T, String>;

/// A place in a line.
pub(super) struct Cursor<'a> {
    text: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a str {
        self.text
    }

    pub(super) fn skip_space(&mut self) {
        self.text = self.text.trim_start();
    }

    pub(super) fn eat(&mut self, token: &str) -> bool {
        self.skip_space();
        let rest = self.text.strip_prefix(token);
        self.text = rest.unwrap_or(self.text);
        rest.is_some()
    }

    pub(super) fn expect(&mut self, token: &str) -> Parsed<()> {
        if self.eat(token) {
            return Ok(());
        }
        let found: String = self.text.chars().take(20).collect();
        Err(format!("`{token}` is missing before `{found}`"))
    }

    /// Nothing but space may be left.
    pub(super) fn end(&mut self) -> Parsed<()> {
        self.skip_space();
        match self.text {
            "" => Ok(()),
            rest => Err(format!(
                "`{}` is too much",
                rest.chars().take(20).collect::<String>()
            )),
        }
    }

    pub(super) fn take_while(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let end = self.text.find(|c| !is_part(c)).unwrap_or(self.text.len());
        let (taken, rest) = self.text.split_at(end);
        self.text = rest;
        taken
    }

    /// Text in double, single or back quotes, with Go's escapes in the first two.
    pub(super) fn quoted(&mut self) -> Parsed<String> {
        self.skip_space();
        let mut chars = self.text.char_indices();
        let Some((_, quote @ ('"' | '\'' | '`'))) = chars.next() else {
            return Err("text in quotes is missing".to_owned());
        };
        while let Some((at, c)) = chars.next() {
            if c == quote {
                let (quoted, rest) = self.text.split_at(at + 1);
                self.text = rest;
                return unquote(quoted).map_err(|_| format!("{quoted} is no text in quotes"));
            }
            let is_escape = c == '\\' && quote != '`';
            if is_escape && chars.next().is_none_or(|(_, c)| !c.is_ascii()) {
                return Err("an escape in quotes is not known".to_owned());
            }
        }
        Err("a quote is not closed".to_owned())
    }
}

/// A series as written: `name{label="value"}`, `{label="value"}`, `{"a name","a label"="value"}`.
pub(super) fn metric(cursor: &mut Cursor<'_>) -> Parsed<Labels> {
    cursor.skip_space();
    let mut pairs: Vec<(String, String)> = Vec::new();
    let name = cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'));
    if !name.is_empty() {
        pairs.push((METRIC_NAME.to_owned(), name.to_owned()));
    }
    if cursor.rest().starts_with('{') && !cursor.rest().starts_with("{{") {
        cursor.expect("{")?;
        while !cursor.eat("}") {
            pairs.push(label(cursor)?);
            if !cursor.eat(",") {
                cursor.expect("}")?;
                break;
            }
        }
    } else if name.is_empty() {
        let found: String = cursor.rest().chars().take(20).collect();
        return Err(format!(
            "`{found}` is no series; write it like up{{job=\"api\"}} 1 2 3"
        ));
    }
    Labels::new(pairs).map_err(|error| error.to_string())
}

fn label(cursor: &mut Cursor<'_>) -> Parsed<(String, String)> {
    cursor.skip_space();
    let is_quoted = cursor.rest().starts_with(['"', '\'', '`']);
    let name = if is_quoted {
        cursor.quoted()?
    } else {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        cursor.take_while(is_part).to_owned()
    };
    cursor.skip_space();
    if is_quoted && !cursor.rest().starts_with('=') {
        return Ok((METRIC_NAME.to_owned(), name));
    }
    cursor.expect("=")?;
    Ok((name, cursor.quoted()?))
}

/// A number that is all of a text.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-');
    let is_number = !text.is_empty() && text.bytes().all(is_part);
    is_number.then(|| text.parse().ok())?
}

/// Unit suffixes and their length in nanoseconds; of two that fit the longer comes first.
const UNITS: [(&str, f64); 7] = [
    ("ms", 1e6),
    ("y", 365.0 * 86_400e9),
    ("w", 7.0 * 86_400e9),
    ("d", 86_400e9),
    ("h", 3_600e9),
    ("m", 60e9),
    ("s", 1e9),
];

/// A time or a duration in nanoseconds: `90s`, `1h30m`, `-5m`, or a number of seconds.
pub(super) fn duration(text: &str) -> Parsed<i64> {
    let bad = || format!("`{text}` is no duration; write it like 90s, 1h30m or 0");
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let nanos = match number(digits) {
        Some(seconds) => seconds * 1e9,
        None => in_units(digits).ok_or_else(bad)?,
    };
    // Beyond this an i64 of nanoseconds ends.
    if !(0.0..9.2e18).contains(&nanos) {
        return Err(bad());
    }
    let nanos = nanos.round() as i64;
    Ok(if is_negative { -nanos } else { nanos })
}

fn in_units(text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, tail) = rest.split_at(end);
        let (unit, nanos) = UNITS.iter().find(|(unit, _)| tail.starts_with(unit))?;
        total += number.parse::<f64>().ok()? * nanos;
        rest = &tail[unit.len()..];
    }
    (!text.is_empty()).then_some(total)
}
