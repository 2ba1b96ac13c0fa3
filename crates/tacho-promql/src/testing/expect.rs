//! What an `eval` expects besides values: errors, warnings, infos, an order.

use regex::Regex;

use super::script::Words;
use super::series::Cursor;
use crate::Steps;

/// An `expect` line.
#[derive(Debug)]
pub(super) struct Expectation {
    pub(super) kind: Kind,
    pub(super) text: Match,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Fail,
    Warn,
    Info,
    NoWarn,
    NoInfo,
    Ordered,
}

#[derive(Debug)]
pub(super) enum Match {
    Anything,
    Exactly(String),
    Pattern(Regex),
}

impl Expectation {
    /// What follows `expect`.
    pub(super) fn parse(said: &str) -> Result<Self, String> {
        let (word, rest) = said.split_once(char::is_whitespace).unwrap_or((said, ""));
        let kind = match word {
            "fail" => Kind::Fail,
            "warn" => Kind::Warn,
            "info" => Kind::Info,
            "no_warn" => Kind::NoWarn,
            "no_info" => Kind::NoInfo,
            "ordered" => Kind::Ordered,
            _ => {
                let kinds = "fail, warn, info, no_warn, no_info, ordered, string or range vector";
                return Err(format!("nothing is known of `expect {word}`: {kinds}"));
            }
        };
        let rest = rest.trim();
        let takes_text = matches!(kind, Kind::Fail | Kind::Warn | Kind::Info);
        let text = if rest.is_empty() {
            Match::Anything
        } else if !takes_text {
            return Err(format!("`expect {word}` takes no text"));
        } else if let Some(text) = rest.strip_prefix("msg:") {
            Match::Exactly(unquoted(text.trim()))
        } else if let Some(pattern) = rest.strip_prefix("regex:") {
            Match::pattern(&unquoted(pattern.trim()))?
        } else {
            return Err(format!(
                "`{rest}` is neither `msg: TEXT` nor `regex: PATTERN`"
            ));
        };
        Ok(Self { kind, text })
    }
}

impl Match {
    pub(super) fn pattern(text: &str) -> Result<Self, String> {
        let build = |text: &str| regex::RegexBuilder::new(text).size_limit(1 << 20).build();
        // Braces that repeat nothing stand for themselves in Prometheus' expressions.
        let literal = || build(&text.replace('{', r"\{").replace('}', r"\}"));
        let built = build(text).or_else(|error| literal().map_err(|_| error));
        built.map(Self::Pattern).map_err(|error| error.to_string())
    }

    /// Whether an error or an annotation is meant, with its position or without.
    pub(super) fn is(&self, text: &str) -> bool {
        let bare = without_position(text);
        match self {
            Self::Anything => true,
            Self::Exactly(expected) => expected == text || expected == bare,
            Self::Pattern(pattern) => pattern.is_match(text) || pattern.is_match(bare),
        }
    }
}

impl std::fmt::Display for Match {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Anything => f.write_str("anything"),
            Self::Exactly(text) => write!(f, "`{text}`"),
            Self::Pattern(pattern) => write!(f, "/{pattern}/"),
        }
    }
}

/// Text that may be in quotes as a whole.
fn unquoted(text: &str) -> String {
    let mut cursor = Cursor::new(text);
    match cursor.quoted() {
        Ok(inner) if cursor.end().is_ok() => inner,
        _ => text.to_owned(),
    }
}

/// An annotation without ` (1:5)` at its end.
fn without_position(text: &str) -> &str {
    let position = text
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once(" ("));
    let is_place = |place: &str| {
        let (line, column) = place.split_once(':').unwrap_or(("", ""));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        is_number(line) && is_number(column)
    };
    match position {
        Some((bare, place)) if is_place(place) => bare,
        _ => text,
    }
}

/// The times of `expect range vector from 10s to 1m step 10s`.
pub(super) fn range_vector(text: &str) -> Result<Steps, String> {
    let mut words = Words(text);
    let steps = words.steps()?;
    Cursor::new(words.0).end().map(|()| steps)
}
