//! From words to a tree, by recursive descent with operator precedence.
//!
//! Invariants: recursion goes at most [`NESTING_MAX`] deep, so that no text overflows the stack;
//! every node is checked as it is made. What is wrong with the words is told before what is wrong
//! with types, and of either the first. Source: Prometheus documentation, "Querying basics" and "Operators"; errors as Prometheus words them.

use std::ops::Range;

mod call;
pub(crate) mod duration;
mod matching;
mod modifier;
mod selector;

use super::ast::{AggregateOp, Binary, BinaryOp, Expr, Kind};
use super::lex::{Sort, Token, lex};
use super::{check, literal};
use crate::answer::ValueType;
use crate::error::{Error, Position};
use crate::options::Features;
use duration::Span;

/// Longest text that is parsed.
pub(crate) const QUERY_BYTES_MAX: usize = 1 << 20;
/// How deep parentheses, calls, signs and powers may lie inside each other.
pub(crate) const NESTING_MAX: usize = 128;
/// How deep a tree may be: long chains of operators lean to the left.
pub(crate) const DEPTH_MAX: usize = 2_000;

/// What is wrong, and where.
pub(super) struct Failure {
    pub(super) at: usize,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { at, message }
    }
}

pub(super) type Parsed<T> = Result<T, Failure>;

/// An expression, and whether it has to be parsed again when the steps of the query are known.
pub(crate) struct Expression {
    pub(crate) expr: Expr,
    pub(crate) waits: bool,
}

/// Parses and checks an expression; `span` tells of the steps of the query that is being asked.
pub(crate) fn expression(
    text: &str,
    features: Features,
    span: Option<Span>,
) -> Result<Expression, Error> {
    let tokens = lex(text.get(..QUERY_BYTES_MAX).unwrap_or(text));
    let mut parser = Parser {
        text,
        tokens,
        next: 0,
        nesting: 0,
        features,
        selects: Selects::Series,
        span,
        waits: false,
        wrong: None,
        aggregations: 0,
        patterns: 0,
    };
    let expr = parser.whole().map_err(|failure| Error::Parse {
        position: Position::of(text, failure.at),
        message: failure.message,
    })?;
    let waits = parser.waits;
    Ok(Expression { expr, waits })
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    nesting: usize,
    features: Features,
    selects: Selects,
    /// The steps of the query that is being asked, where it is.
    span: Option<Span>,
    /// Whether some duration depends on them and they are not known.
    waits: bool,
    /// The first thing whose types do not fit.
    wrong: Option<Failure>,
    /// How many aggregations are open.
    aggregations: usize,
    /// How many regular expressions there were.
    patterns: usize,
}

/// What braces without a name select.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selects {
    /// Series: one matcher at least must not match the empty value.
    Series,
    /// Labels, so that `{zone=~".*"}` means something.
    Labels,
}

impl<'a> Parser<'a> {
    /// All of the text.
    fn whole(&mut self) -> Parsed<Expr> {
        if self.text.len() > QUERY_BYTES_MAX {
            let message = format!("query is longer than {QUERY_BYTES_MAX} bytes");
            return Err(Failure::new(QUERY_BYTES_MAX, message));
        }
        if self.peek().sort == Sort::End {
            return Err(Failure::new(0, "no expression found in input"));
        }
        let expr = self.expr(0)?;
        match self.peek().sort {
            Sort::End => self.wrong.take().map_or(Ok(expr), Err),
            _ => Err(self.unexpected("", "")),
        }
    }

    fn peek(&self) -> &Token {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &Token {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.next + ahead).min(last)]
    }

    fn take(&mut self) -> Range<usize> {
        let at = self.peek().at.clone();
        self.next += 1;
        at
    }

    /// Where the token before the next one ended.
    fn end(&self) -> usize {
        self.next
            .checked_sub(1)
            .map_or(0, |last| self.tokens[last].at.end)
    }

    fn text_of(&self, token: &Token) -> &'a str {
        &self.text[token.at.clone()]
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek().sort, Sort::Sign(found) if found == sign)
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.next += usize::from(found);
        found
    }

    fn expect_sign(&mut self, sign: &str, context: &str, expected: &str) -> Parsed<()> {
        if self.take_sign(sign) {
            return Ok(());
        }
        Err(self.unexpected(context, expected))
    }

    /// The next word in lower case, as keywords go.
    fn word(&self) -> Option<String> {
        let token = self.peek();
        (token.sort == Sort::Word).then(|| self.text_of(token).to_ascii_lowercase())
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found =
            self.peek().sort == Sort::Word && self.text_of(self.peek()).eq_ignore_ascii_case(word);
        self.next += usize::from(found);
        found
    }

    /// That the next token does not belong here.
    fn unexpected(&self, context: &str, expected: &str) -> Failure {
        let token = self.peek();
        let text = self.text_of(token);
        let what = match &token.sort {
            Sort::Error(message) => return Failure::new(token.at.start, message.clone()),
            Sort::End => "end of input".to_owned(),
            Sort::Number => format!("number {text:?}"),
            Sort::Duration => format!("duration {text:?}"),
            Sort::Text => format!("string {text:?}"),
            Sort::Sign(sign) if BinaryOp::of(sign).is_some() => format!("<op:{sign}>"),
            Sort::Sign(sign @ ("=~" | "!~")) => format!("<op:{sign}>"),
            Sort::Sign(sign) => format!("{sign:?}"),
            // In braces there are no keywords.
            Sort::Word if context == "label matching" => format!("identifier {text:?}"),
            Sort::Word => named(text),
        };
        let mut message = format!("unexpected {what}");
        let context = match context {
            "" if self.aggregations > 0 => "aggregation",
            context => context,
        };
        if !context.is_empty() {
            message += &format!(" in {context}");
        }
        if !expected.is_empty() {
            message += &format!(", expected {expected}");
        }
        Failure::new(token.at.start, message)
    }

    /// What was checked; or, where its types do not fit, something in its place, for what is wrong
    /// with the words after it is told first.
    fn settle(&mut self, checked: Parsed<Expr>, at: Range<usize>) -> Expr {
        checked.unwrap_or_else(|failure| {
            self.wrong.get_or_insert(failure);
            check::leaf(Kind::Number(0.0), at)
        })
    }

    /// What was checked; where it stands on something that was wrong already, that counts.
    fn firmly(&mut self, checked: Parsed<Expr>, at: Range<usize>) -> Parsed<Expr> {
        match self.wrong {
            Some(_) => Ok(self.settle(checked, at)),
            None => checked,
        }
    }

    /// Remembers what does not fit.
    fn told(&mut self, checked: Parsed<()>) {
        if let Err(failure) = checked {
            self.wrong.get_or_insert(failure);
        }
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= NESTING_MAX {
            let message = format!("expression is nested more than {NESTING_MAX} deep");
            return Err(Failure::new(self.peek().at.start, message));
        }
        self.nesting += 1;
        let parsed = parse(self)?;
        self.nesting -= 1;
        Ok(parsed)
    }

    /// An expression of operators that bind at least so tightly.
    fn expr(&mut self, tightness_min: u8) -> Parsed<Expr> {
        self.deeper(|parser| parser.operators(tightness_min))
    }

    fn operators(&mut self, tightness_min: u8) -> Parsed<Expr> {
        let mut left = self.operand()?;
        loop {
            let token = self.peek();
            let op = match token.sort {
                Sort::Sign(sign) => BinaryOp::of(sign),
                Sort::Word => BinaryOp::of(&self.text_of(token).to_ascii_lowercase()),
                _ => None,
            };
            let Some((op, tightness)) = op.filter(|(_, found)| *found >= tightness_min) else {
                return Ok(left);
            };
            let op_at = self.take();
            let (matching, comparison) = self.matching(op)?;
            // Powers bind to the right, all others to the left.
            let right = self.expr(if op == BinaryOp::Pow {
                tightness
            } else {
                tightness + 1
            })?;
            let at = left.at.start..right.at.end;
            let sides = [left.value_type(), right.value_type()];
            let binary = Binary {
                op,
                left,
                right,
                value_type: match sides {
                    [ValueType::Scalar, ValueType::Scalar] => ValueType::Scalar,
                    _ => ValueType::Vector,
                },
                matching,
                comparison,
            };
            let checked = check::binary(binary, at.clone(), &op_at);
            left = self.settle(checked, at);
            if left.depth > DEPTH_MAX {
                let message = format!("expression is more than {DEPTH_MAX} parts deep");
                return Err(Failure::new(op_at.start, message));
            }
        }
    }

    /// A sign and what it applies to, or something with its modifiers.
    fn operand(&mut self) -> Parsed<Expr> {
        let start = self.peek().at.start;
        let negates = self.is_sign("-");
        if !negates && !self.is_sign("+") {
            let primary = self.primary()?;
            return self.modified(primary);
        }
        self.take();
        // A sign binds as tightly as a multiplication: `-a^2` is `-(a^2)`.
        let inner = self.expr(6)?;
        let at = start..inner.at.end;
        let checked = check::unary(inner, start, negates);
        Ok(self.settle(checked, at))
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let token = self.peek().clone();
        let text = self.text_of(&token);
        let at = token.at.clone();
        let failed = |message| Failure::new(at.start, message);
        match token.sort {
            Sort::Number => {
                self.take();
                let number = literal::number(text).map_err(failed)?;
                Ok(check::leaf(Kind::Number(number), at.clone()))
            }
            Sort::Duration => {
                self.take();
                let seconds = literal::duration(text).map_err(failed)?.as_secs_f64();
                Ok(check::leaf(Kind::Number(seconds), at.clone()))
            }
            Sort::Text => {
                self.take();
                let text = literal::unquote(text).map_err(failed)?;
                Ok(check::leaf(Kind::Text(text), at.clone()))
            }
            Sort::Sign("(") => {
                self.take();
                let inner = self.expr(0)?;
                self.expect_sign(")", "", "")?;
                Ok(check::paren(inner, at.start..self.end()))
            }
            Sort::Sign("{") => self.selector(None),
            Sort::Word => self.named(text),
            _ => Err(self.unexpected("", "")),
        }
    }

    /// Something that begins with a name: a number, a call, an aggregation, a metric.
    fn named(&mut self, text: &'a str) -> Parsed<Expr> {
        let at = self.peek().at.clone();
        let lower = text.to_ascii_lowercase();
        if lower == "nan" || lower == "inf" {
            self.take();
            let number = if lower == "nan" {
                f64::NAN
            } else {
                f64::INFINITY
            };
            return Ok(check::leaf(Kind::Number(number), at));
        }
        let follows = self.peek_at(1).clone();
        let is_call = follows.sort == Sort::Sign("(");
        if let Some((_, op)) = AggregateOp::ALL.iter().find(|(name, _)| *name == lower) {
            let word = self.text_of(&follows).to_ascii_lowercase();
            if is_call || (follows.sort == Sort::Word && matches!(&*word, "by" | "without")) {
                return self.aggregate(*op);
            }
        }
        if NEVER_METRICS.contains(&&*lower) {
            return Err(self.unexpected("", ""));
        }
        let is_anchor = matches!(&*lower, "start" | "end") && self.features == Features::Stable;
        if is_call && keyword(text).is_none() && !is_anchor {
            return self.call(text);
        }
        self.selector(Some(text))
    }
}

/// Words that name no metric where an operand is expected.
const NEVER_METRICS: [&str; 6] = [
    "on",
    "bool",
    "atan2",
    "group_left",
    "group_right",
    "ignoring",
];

/// A word as Prometheus names it.
fn named(text: &str) -> String {
    match text.to_ascii_lowercase().as_str() {
        "nan" | "inf" => format!("number {text:?}"),
        "start" | "end" => format!("{text:?}"),
        _ if text.contains(':') => format!("metric identifier {text:?}"),
        _ => keyword(text).unwrap_or_else(|| format!("identifier {text:?}")),
    }
}

/// What Prometheus calls a keyword.
fn keyword(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    if BinaryOp::of(&lower).is_some() {
        return Some(format!("<op:{lower}>"));
    }
    if AggregateOp::ALL.iter().any(|(name, _)| *name == lower) {
        return Some(format!("<aggr:{lower}>"));
    }
    let others = [
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "bool",
        "offset",
    ];
    others.contains(&&*lower).then(|| format!("<{lower}>"))
}

#[cfg(test)]
mod tests;
