//! Durations: `5m`, `90`, and calculated ones such as `[2 * step()]` (experimental).
//!
//! What depends on the query's own steps can only be known when it is asked. The text is then
//! parsed again, with them; until then such a duration counts as a second and is not checked.
//! Source: Prometheus documentation, "Feature flags", arithmetic in durations.

use std::time::Duration;

use super::super::ast::BinaryOp;
use super::super::lex::Sort;
use super::super::literal;
use super::{Failure, Parsed, Parser};
use crate::options::Features;

/// The steps of a query that is being asked, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    /// From one step to the next; 0 for an instant.
    pub(crate) step: f64,
    /// From the first to the last.
    pub(crate) range: f64,
}

/// As long as nanoseconds in an i64 reach, in seconds.
const SECONDS_MAX: f64 = 9.2e9;

impl Parser<'_> {
    /// The duration of a range or of a step, above nothing; `None` when there is none here.
    pub(super) fn length(&mut self) -> Parsed<Option<Duration>> {
        let start = self.peek().at.start;
        let found = match self.features {
            Features::Stable => self.literal()?,
            Features::Experimental => self.waiting(|parser| parser.calculated(0))?,
        };
        let Some(seconds) = found else {
            return Ok(None);
        };
        if seconds <= 0.0 {
            return Err(Failure::new(start, "duration must be greater than 0"));
        }
        match Duration::try_from_secs_f64(seconds) {
            Ok(length) if seconds < SECONDS_MAX && !length.is_zero() => Ok(Some(length)),
            _ => Err(Failure::new(start, "duration out of range")),
        }
    }

    /// How far an offset goes back, in nanoseconds. What is calculated stands in parentheses.
    pub(super) fn offset(&mut self) -> Parsed<i64> {
        let start = self.peek().at.start;
        let negative = self.take_sign("-");
        if !negative {
            self.take_sign("+");
        }
        let found = match self.features {
            Features::Stable => self.literal()?,
            Features::Experimental => self.waiting(Self::operand_of_duration)?,
        };
        let Some(seconds) = found else {
            return Err(self.unexpected("offset", "number, duration, step(), or range()"));
        };
        if seconds.is_nan() || seconds.abs() >= SECONDS_MAX {
            return Err(Failure::new(start, "duration out of range"));
        }
        let nanos = (seconds * 1e9).round() as i64;
        Ok(if negative { -nanos } else { nanos })
    }

    /// What is parsed, or a second where it cannot be known yet.
    fn waiting(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Parsed<Option<f64>>,
    ) -> Parsed<Option<f64>> {
        let before = std::mem::take(&mut self.waits);
        let found = parse(self)?;
        let waits = std::mem::replace(&mut self.waits, before);
        self.waits |= waits;
        Ok(if waits { found.map(|_| 1.0) } else { found })
    }

    /// A duration or a number, in seconds.
    fn literal(&mut self) -> Parsed<Option<f64>> {
        let token = self.peek().clone();
        let text = self.text_of(&token);
        let failed = |message| Failure::new(token.at.start, message);
        let seconds = match token.sort {
            Sort::Duration => literal::duration(text).map_err(failed)?.as_secs_f64(),
            Sort::Number => literal::number(text).map_err(failed)?,
            _ => return Ok(None),
        };
        self.take();
        Ok(Some(seconds))
    }

    /// Operators that bind at least so tightly.
    fn calculated(&mut self, tightness_min: u8) -> Parsed<Option<f64>> {
        let Some(mut left) = self.deeper(Self::operand_of_duration)? else {
            return Ok(None);
        };
        loop {
            let op = match self.peek().sort {
                Sort::Sign(sign @ ("+" | "-" | "*" | "/" | "%" | "^")) => BinaryOp::of(sign),
                _ => None,
            };
            let Some((op, tightness)) = op.filter(|(_, found)| *found >= tightness_min) else {
                return Ok(Some(left));
            };
            let op_at = self.take();
            let right_min = if op == BinaryOp::Pow {
                tightness
            } else {
                tightness + 1
            };
            let Some(right) = self.deeper(|parser| parser.calculated(right_min))? else {
                return Err(self.unexpected("duration expression", "duration"));
            };
            left = match op {
                BinaryOp::Add => left + right,
                BinaryOp::Sub => left - right,
                BinaryOp::Mul => left * right,
                BinaryOp::Div if right == 0.0 && !self.waits => {
                    return Err(Failure::new(op_at.start, "division by zero"));
                }
                BinaryOp::Mod if right == 0.0 && !self.waits => {
                    return Err(Failure::new(op_at.start, "modulo by zero"));
                }
                BinaryOp::Div => left / right,
                BinaryOp::Mod => left % right,
                _ => left.powf(right),
            };
        }
    }

    /// A literal, something in parentheses, or one of the functions.
    fn operand_of_duration(&mut self) -> Parsed<Option<f64>> {
        if self.take_sign("(") {
            let found = self.deeper(|parser| parser.calculated(0))?;
            self.expect_sign(")", "duration expression", "\")\"")?;
            return Ok(found);
        }
        if self.is_sign("-") || self.is_sign("+") {
            let negative = self.take_sign("-") || !self.take_sign("+");
            let found = self.deeper(|parser| parser.calculated(6))?;
            return Ok(found.map(|seconds| if negative { -seconds } else { seconds }));
        }
        let is_call = self.peek_at(1).sort == Sort::Sign("(");
        let Some(word) = self.word().filter(|_| is_call) else {
            return self.literal();
        };
        let span = self.span;
        match &*word {
            "step" | "range" => {
                self.take();
                self.take();
                self.expect_sign(")", "duration expression", "\")\"")?;
                self.waits |= span.is_none();
                let of = |span: Span| {
                    if word == "step" {
                        span.step
                    } else {
                        span.range
                    }
                };
                Ok(Some(span.map_or(1.0, of)))
            }
            "min" | "max" | "min_of" | "max_of" => {
                self.take();
                self.take();
                let first = self.deeper(|parser| parser.calculated(0))?;
                self.expect_sign(",", "duration expression", "\",\"")?;
                let second = self.deeper(|parser| parser.calculated(0))?;
                self.expect_sign(")", "duration expression", "\")\"")?;
                let (Some(first), Some(second)) = (first, second) else {
                    return Err(self.unexpected("duration expression", "duration"));
                };
                let is_least = word.starts_with("min");
                Ok(Some(if is_least {
                    first.min(second)
                } else {
                    first.max(second)
                }))
            }
            _ => Ok(None),
        }
    }
}
