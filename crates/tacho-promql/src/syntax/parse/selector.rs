//! Selectors: `name{label="value"}`, `{"name", label=~"pattern"}`.

use tacho_model::{METRIC_NAME, MatchOp, Matcher};

use super::super::ast::Expr;
use super::super::lex::Sort;
use super::super::{check, literal};
use super::{Failure, Parsed, Parser, Selects};

/// Longest regular expression.
const PATTERN_BYTES_MAX: usize = 16 * 1024;

/// Most of them in a query: each takes a megabyte and some milliseconds to compile.
const PATTERNS_MAX: usize = 100;

/// What stands between commas in braces.
enum Condition {
    Label(Matcher),
    /// The metric name in quotes, and where it begins.
    Metric(String, usize),
}

impl Parser<'_> {
    pub(super) fn selector(&mut self, name: Option<&str>) -> Parsed<Expr> {
        let start = self.peek().at.start;
        if name.is_some() {
            self.take();
        }
        let mut matchers = Vec::new();
        let mut metric = name.map(str::to_owned);
        let twice = |first: &str, second: &str, at| {
            let message = format!("metric name must not be set twice: {first:?} or {second:?}");
            Err(Failure::new(at, message))
        };
        if self.take_sign("{") {
            for condition in self.conditions()? {
                match (condition, &metric) {
                    (Condition::Label(matcher), Some(first)) if matcher.name() == METRIC_NAME => {
                        self.told(twice(first, matcher.value(), start));
                    }
                    (Condition::Label(matcher), _) => matchers.push(matcher),
                    (Condition::Metric(quoted, at), Some(first)) => {
                        let at = if name.is_some() { start } else { at };
                        self.told(twice(first, &quoted, at));
                    }
                    (Condition::Metric(quoted, _), None) => metric = Some(quoted),
                }
            }
        }
        if let Some(metric) = &metric {
            matchers.insert(0, Matcher::metric(metric));
        }
        if self.selects == Selects::Series || metric.is_some() {
            self.told(check::matches_something(&matchers, start));
        }
        Ok(check::selector(matchers, start..self.end()))
    }

    fn conditions(&mut self) -> Parsed<Vec<Condition>> {
        const CONTEXT: &str = "label matching";
        let mut conditions = Vec::new();
        loop {
            if self.take_sign("}") {
                return Ok(conditions);
            }
            conditions.push(self.condition()?);
            if !self.is_sign("}") && !self.take_sign(",") {
                return Err(self.unexpected(CONTEXT, "\",\" or \"}\""));
            }
        }
    }

    fn condition(&mut self) -> Parsed<Condition> {
        const CONTEXT: &str = "label matching";
        let token = self.peek().clone();
        let text = self.text_of(&token);
        let start = token.at.start;
        let name = match token.sort {
            Sort::Word => text.to_owned(),
            Sort::Text => literal::unquote(text).map_err(|m| Failure::new(start, m))?,
            _ => return Err(self.unexpected(CONTEXT, "identifier or \"}\"")),
        };
        self.take();
        let op = match self.peek().sort {
            Sort::Sign("=") => MatchOp::Equal,
            Sort::Sign("!=") => MatchOp::NotEqual,
            Sort::Sign("=~") => MatchOp::Regex,
            Sort::Sign("!~") => MatchOp::NotRegex,
            Sort::Sign("," | "}") if token.sort == Sort::Text => {
                return Ok(Condition::Metric(name, start));
            }
            _ => return Err(self.unexpected(CONTEXT, "label matching operator")),
        };
        self.take();
        let token = self.peek().clone();
        if token.sort != Sort::Text {
            return Err(self.unexpected(CONTEXT, "string"));
        }
        let quoted = self.text_of(&token);
        let value = literal::unquote(quoted).map_err(|m| Failure::new(token.at.start, m))?;
        self.take();
        let is_pattern = matches!(op, MatchOp::Regex | MatchOp::NotRegex);
        if is_pattern && value.len() > PATTERN_BYTES_MAX {
            let message = format!("regular expression is longer than {PATTERN_BYTES_MAX} bytes");
            return Err(Failure::new(start, message));
        }
        self.patterns += usize::from(is_pattern);
        if self.patterns > PATTERNS_MAX {
            let message = format!("more than {PATTERNS_MAX} regular expressions in one query");
            return Err(Failure::new(start, message));
        }
        match Matcher::new(&name, op, &value) {
            Ok(matcher) => Ok(Condition::Label(matcher)),
            Err(error) => Err(Failure::new(
                start,
                format!("error parsing regexp: {error}"),
            )),
        }
    }
}
