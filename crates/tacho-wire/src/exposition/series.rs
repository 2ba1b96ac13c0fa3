//! The text that names a series, taken apart.

use std::borrow::Cow;

use tacho_model::METRIC_NAME;
use tacho_model::label::LABELS_MAX;
use tacho_model::relabel::Draft;

use super::Stop;
use super::cursor::{Cursor, unquoted};

/// Most labels of a series that are read; more are refused.
const PAIRS_MAX: usize = 4 * LABELS_MAX;

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The labels that a series' text names, its metric's name among them. Empty values are absent.
///
/// ```
/// use tacho_wire::exposition::read_series;
/// let draft = read_series(r#"up{job="a\"b",gone=""}"#).unwrap();
/// assert_eq!(draft.to_labels().unwrap().to_string(), r#"up{job="a\"b"}"#);
/// assert_eq!(read_series(r#"{"a.b",c="d"}"#).unwrap().get("__name__"), "a.b");
/// assert!(read_series(r#"up{a="1",a="2"}"#).is_err());
/// ```
pub fn read_series(text: &str) -> Result<Draft<'_>, Stop> {
    let pairs = pairs(text)?;
    for (at, (name, _)) in pairs.iter().enumerate() {
        if pairs.iter().skip(at + 1).any(|(other, _)| other == name) {
            return Err(Stop::Syntax("a label is given twice"));
        }
    }
    let draft = Draft::new(pairs);
    if draft.get(METRIC_NAME).is_empty() {
        return Err(Stop::Syntax("a metric name is missing or not valid"));
    }
    Ok(draft)
}

/// The names of labels whose values are empty: for Prometheus a series without the label, but one
/// that says so.
///
/// ```
/// use tacho_wire::exposition::blank_labels;
/// assert_eq!(blank_labels(r#"up{job="a",instance=""}"#), ["instance"]);
/// ```
pub fn blank_labels(text: &str) -> Vec<Cow<'_, str>> {
    let pairs = pairs(text).unwrap_or_default().into_iter();
    pairs
        .filter(|(_, value)| value.is_empty())
        .map(|(name, _)| name)
        .collect()
}

/// All pairs of a series' text.
pub(super) fn pairs(text: &str) -> Result<Vec<Pair<'_>>, Stop> {
    let mut cursor = Cursor { text, at: 0 };
    let mut pairs = Vec::with_capacity(8);
    if cursor.peek() != Some(b'{') {
        let name = cursor.name()?;
        if name.starts_with('"') {
            return Err(Stop::Syntax("a quoted metric name belongs into the braces"));
        }
        pairs.push((METRIC_NAME.into(), Cow::Borrowed(name)));
        blanks(&mut cursor);
        if cursor.peek().is_none() {
            return Ok(pairs);
        }
    }
    if !cursor.take(b'{') {
        return Err(Stop::Syntax("a metric name is missing or not valid"));
    }
    loop {
        blanks(&mut cursor);
        if cursor.take(b'}') {
            return Ok(pairs);
        }
        pairs.push(pair(&mut cursor)?);
        if pairs.len() > PAIRS_MAX {
            return Err(Stop::Syntax("the series has too many labels"));
        }
        blanks(&mut cursor);
        cursor.take(b',');
    }
}

fn blanks(cursor: &mut Cursor<'_>) {
    while let Some(b' ' | b'\t') = cursor.peek() {
        cursor.at += 1;
    }
}

/// `name="value"`, or a metric's name in quotes.
fn pair<'a>(cursor: &mut Cursor<'a>) -> Result<Pair<'a>, Stop> {
    let wrong = Stop::Syntax("a label name is missing or not valid");
    let name = cursor.name().map_err(|_| wrong.clone())?;
    let is_quoted = name.starts_with('"');
    if !is_quoted && name.contains(':') {
        return Err(wrong);
    }
    let name = if is_quoted {
        unquoted(name)
    } else {
        name.into()
    };
    blanks(cursor);
    if !cursor.take(b'=') {
        if is_quoted {
            return Ok((METRIC_NAME.into(), name));
        }
        return Err(Stop::Syntax("a label has no value"));
    }
    blanks(cursor);
    let start = cursor.at;
    let length = super::cursor::quoted_length(cursor.rest());
    cursor.at += length.ok_or(Stop::Syntax("a label value must be in quotes"))?;
    Ok((name, unquoted(cursor.since(start))))
}
