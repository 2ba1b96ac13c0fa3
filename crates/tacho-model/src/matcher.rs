//! Which series are meant: a label name, an operator, a value.
//!
//! As in Prometheus, an absent label has the empty value, and regular expressions are anchored at
//! both ends. A hostile pattern is refused by its compiled size and never backtracks (the `regex`
//! crate runs in linear time).

mod dialect;

use std::fmt;

use crate::LabelsRef;

/// Most bytes a compiled pattern may take.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// How a matcher compares.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

impl MatchOp {
    /// As PromQL writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// One condition on one label.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    value: String,
    op: MatchOp,
    pattern: Option<Pattern>,
}

/// What a label is compared with.
#[derive(Clone, Debug)]
enum Pattern {
    /// One of these: `api|web` needs no automaton.
    Literals(Vec<String>),
    Regex(regex::Regex),
}

/// Why a matcher was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    /// The pattern does not compile, or compiles to something too large.
    #[error("`{pattern}` is no usable regular expression: {reason}")]
    Pattern {
        /// What was given.
        pattern: String,
        /// What the regular-expression library says.
        reason: String,
    },
}

impl Matcher {
    /// A condition; compiles the pattern of the two regular-expression operators.
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<Self, MatcherError> {
        let pattern = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(Pattern::new(value)?),
        };
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
            op,
            pattern,
        })
    }

    /// `name="value"`, which cannot fail.
    pub fn equal(name: &str, value: &str) -> Self {
        let (name, value) = (name.to_owned(), value.to_owned());
        Self {
            name,
            value,
            op: MatchOp::Equal,
            pattern: None,
        }
    }

    /// `__name__="name"`.
    pub fn metric(name: &str) -> Self {
        Self::equal(crate::METRIC_NAME, name)
    }

    /// The label's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value or pattern as written.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The operator.
    pub fn op(&self) -> MatchOp {
        self.op
    }

    /// Whether a label of this value (empty when absent) satisfies the condition.
    pub fn matches(&self, value: &str) -> bool {
        match (self.op, &self.pattern) {
            (MatchOp::Equal, _) => value == self.value,
            (MatchOp::NotEqual, _) => value != self.value,
            (MatchOp::Regex, Some(pattern)) => pattern.matches(value),
            (MatchOp::NotRegex, Some(pattern)) => !pattern.matches(value),
            // `new` is the only way to a regular-expression operator and always compiles one.
            (MatchOp::Regex | MatchOp::NotRegex, None) => false,
        }
    }

    /// Whether the set satisfies the condition.
    pub fn matches_set(&self, labels: LabelsRef<'_>) -> bool {
        self.matches(labels.get(&self.name).unwrap_or(""))
    }
}

impl Pattern {
    fn new(pattern: &str) -> Result<Self, MatcherError> {
        let is_literal = |c: char| !r"\.+*?()[]{}^$".contains(c);
        if pattern.chars().all(is_literal) {
            return Ok(Self::Literals(
                pattern.split('|').map(str::to_owned).collect(),
            ));
        }
        compile(pattern).map(Self::Regex)
    }

    fn matches(&self, value: &str) -> bool {
        match self {
            Self::Literals(literals) => literals.iter().any(|literal| literal == value),
            Self::Regex(regex) => regex.is_match(value),
        }
    }
}

/// What is wrong, without the drawing of where.
fn in_one_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

/// A regular expression as Prometheus means it: of RE2's dialect, anchored, `.` matching line breaks,
/// small.
pub fn compile(pattern: &str) -> Result<regex::Regex, MatcherError> {
    let refused = |reason| MatcherError::Pattern {
        pattern: pattern.chars().take(256).collect(),
        reason,
    };
    let text = dialect::translated(pattern).map_err(|reason| refused(reason.to_owned()))?;
    let build = |text: &str| {
        regex::RegexBuilder::new(text)
            .size_limit(REGEX_BYTES_MAX)
            .build()
    };
    // Alone first: `a)(b` must not become valid by the parentheses of the anchoring. Compiling
    // is most of what parsing a query costs, so what cannot do that is not compiled twice.
    let alone = if text.contains(')') {
        build(&text).map(|_| ())
    } else {
        Ok(())
    };
    alone
        .and_then(|()| build(&format!("^(?s:{text})$")))
        .map_err(|error| refused(in_one_line(&error)))
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = self.op.as_str();
        write!(f, "{}{op}{:?}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_anchored_and_absent_is_empty() {
        let check = |op, pattern: &str, value: &str, expected| {
            let matcher = Matcher::new("l", op, pattern).unwrap();
            assert_eq!(matcher.matches(value), expected, "{matcher} on {value:?}");
        };
        check(MatchOp::Regex, "a|b", "a", true);
        check(MatchOp::Regex, "a|b", "ab", false);
        check(MatchOp::Regex, "a.*", "a\nb", true);
        check(MatchOp::NotRegex, "a.*", "", true);
        check(MatchOp::NotEqual, "x", "", true);
        check(MatchOp::Equal, "", "", true);
        check(MatchOp::Regex, "a||b", "", true);
        check(MatchOp::NotRegex, "a|b", "b", false);
        check(MatchOp::Regex, "(a|b)c?", "bc", true);
    }

    #[test]
    fn hostile_patterns_are_refused() {
        for pattern in ["(", r"\p{L}{100000}", "((a{1000}){1000}){1000}", "a)(b"] {
            assert!(
                Matcher::new("l", MatchOp::Regex, pattern).is_err(),
                "{pattern}"
            );
        }
    }
}
