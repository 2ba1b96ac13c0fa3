//! Which label values a matcher means, without running a regular expression where a comparison
//! will do.
//!
//! Most patterns that people write are a literal, several (`a|b|c`), or a literal beginning
//! (`prefix.*`); those are recognised from their text. What is left runs once for each distinct
//! value. As everywhere, an absent label has the empty value.

use std::cell::RefCell;
use std::collections::HashMap;

use tacho_model::{LabelsRef, MatchOp, Matcher};

/// Distinct values of one label whose answer is remembered while series are matched.
const MEMO_MAX: usize = 10_000;
/// Characters that mean something in a regular expression.
const META: &str = r".+*?()|[]{}^$\";

/// What a matcher compares with, its negation aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One of these, sorted.
    Literals(Vec<String>),
    /// Begins with it; and is longer, if so said.
    Prefix { prefix: String, longer: bool },
    /// What the regular expression matches.
    General,
}

/// One matcher.
pub(crate) struct Condition<'a> {
    matcher: &'a Matcher,
    pub(crate) shape: Shape,
    /// Whether the matcher is true of what the shape does not mean.
    pub(crate) negated: bool,
    /// What a regular expression said of the values seen so far.
    memo: RefCell<HashMap<String, bool>>,
}

/// All matchers of a query.
pub(crate) struct Filter<'a> {
    pub(crate) conditions: Vec<Condition<'a>>,
    /// The only series that is meant, if it is one; the conditions say the same, but for labels
    /// that others have besides.
    exact: Option<LabelsRef<'a>>,
}

impl<'a> Filter<'a> {
    pub(crate) fn new(matchers: &'a [Matcher]) -> Self {
        let mut conditions: Vec<_> = matchers.iter().map(Condition::new).collect();
        // Comparisons first: what they exclude never reaches a regular expression.
        conditions.sort_by_key(|condition| condition.shape == Shape::General);
        Self {
            conditions,
            exact: None,
        }
    }

    /// The series of exactly these labels; `matchers` are those of its labels.
    pub(crate) fn exactly(labels: LabelsRef<'a>, matchers: &'a [Matcher]) -> Self {
        Self {
            exact: Some(labels),
            ..Self::new(matchers)
        }
    }

    /// The only series that is meant, if it is one.
    pub(crate) const fn exact(&self) -> Option<LabelsRef<'a>> {
        self.exact
    }

    /// Whether every series matches.
    pub(crate) fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whether a value satisfies all matchers of one label.
    pub(crate) fn matches_label(&self, name: &str, value: &str) -> bool {
        let mut of_name = self.conditions.iter().filter(|c| c.name() == name);
        of_name.all(|condition| condition.matches(value))
    }

    /// Whether a label set satisfies all matchers.
    pub(crate) fn matches(&self, labels: LabelsRef<'_>) -> bool {
        self.conditions
            .iter()
            .all(|c| c.matches(labels.get(c.name()).unwrap_or("")))
    }
}

impl<'a> Condition<'a> {
    fn new(matcher: &'a Matcher) -> Self {
        let shape = match matcher.op() {
            MatchOp::Equal | MatchOp::NotEqual => Shape::Literals(vec![matcher.value().to_owned()]),
            MatchOp::Regex | MatchOp::NotRegex => shape(matcher.value()),
        };
        Self {
            matcher,
            shape,
            negated: matches!(matcher.op(), MatchOp::NotEqual | MatchOp::NotRegex),
            memo: RefCell::default(),
        }
    }

    /// The label it is about.
    pub(crate) fn name(&self) -> &'a str {
        self.matcher.name()
    }

    /// Whether a label of this value, empty when absent, satisfies the matcher.
    pub(crate) fn matches(&self, value: &str) -> bool {
        self.means(value) != self.negated
    }

    /// Whether the shape means this value.
    pub(crate) fn means(&self, value: &str) -> bool {
        match &self.shape {
            Shape::Literals(texts) => match &texts[..] {
                [one] => one == value,
                many => many
                    .binary_search_by(|text| text.as_str().cmp(value))
                    .is_ok(),
            },
            Shape::Prefix { prefix, longer } => {
                value.starts_with(prefix.as_str()) && (!longer || value.len() > prefix.len())
            }
            Shape::General => self.remembered(value),
        }
    }

    fn remembered(&self, value: &str) -> bool {
        let mut memo = self.memo.borrow_mut();
        if let Some(known) = memo.get(value) {
            return *known;
        }
        let answer = self.matcher.matches(value) != self.negated;
        if memo.len() < MEMO_MAX {
            memo.insert(value.to_owned(), answer);
        }
        answer
    }
}

/// What a pattern means.
fn shape(pattern: &str) -> Shape {
    for (suffix, longer) in [(".*", false), (".+", true)] {
        if let Some(prefix) = pattern.strip_suffix(suffix).and_then(literal) {
            return Shape::Prefix { prefix, longer };
        }
    }
    let literals: Option<Vec<String>> = alternatives(pattern).into_iter().map(literal).collect();
    literals.map_or(Shape::General, |mut texts| {
        texts.sort_unstable();
        texts.dedup();
        Shape::Literals(texts)
    })
}

/// A pattern cut at each `|` that is not escaped.
fn alternatives(pattern: &str) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in pattern.char_indices() {
        if c == '|' && !escaped {
            parts.push(&pattern[start..at]);
            start = at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    parts.push(&pattern[start..]);
    parts
}

/// The text that a pattern without any operator matches.
fn literal(pattern: &str) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let c = if c == '\\' {
            chars.next().filter(|c| META.contains(*c) || *c == '-')?
        } else if META.contains(c) {
            return None;
        } else {
            c
        };
        text.push(c);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn literals(texts: &[&str]) -> Shape {
        Shape::Literals(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    fn prefix(prefix: &str, longer: bool) -> Shape {
        let prefix = prefix.to_owned();
        Shape::Prefix { prefix, longer }
    }

    #[test]
    fn usual_patterns_need_no_regular_expression() {
        assert_eq!(shape("up"), literals(&["up"]));
        assert_eq!(shape(""), literals(&[""]));
        assert_eq!(shape("b|a|b|"), literals(&["", "a", "b"]));
        assert_eq!(shape(r"10\.0\.0\.1:9100"), literals(&["10.0.0.1:9100"]));
        assert_eq!(shape(r"a\|b|c"), literals(&["a|b", "c"]));
        assert_eq!(shape("node_.*"), prefix("node_", false));
        assert_eq!(shape("node_.+"), prefix("node_", true));
        assert_eq!(shape(".*"), prefix("", false));
        for general in [
            "a.c", "a|b.*", "(a)", r"a\d", r"a\.*", "a*", ".*b", r"\<a", "[ab]",
        ] {
            assert_eq!(shape(general), Shape::General, "{general}");
        }
    }

    proptest! {
        #[test]
        fn shapes_agree_with_the_regular_expression(
            pattern in r"[ab|.*+\\\n(?-]{0,6}",
            values in prop::collection::vec("[ab|.*+\\\\\n-]{0,4}", 1..9),
        ) {
            for op in [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex] {
                let Ok(matcher) = Matcher::new("l", op, &pattern) else {
                    continue;
                };
                let condition = Condition::new(&matcher);
                for value in &values {
                    let expected = matcher.matches(value);
                    prop_assert_eq!(condition.matches(value), expected, "{} {:?}", matcher, value);
                    prop_assert_eq!(condition.matches(value), expected, "again");
                }
            }
        }
    }
}
