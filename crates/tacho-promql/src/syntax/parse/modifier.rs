//! What may follow an operand: `offset`, `@`, and brackets.

use std::time::Duration;

use super::super::ast::{Anchor, Expr, Subquery, When};
use super::super::lex::Sort;
use super::super::{check, literal};
use super::{Failure, Parsed, Parser};

impl Parser<'_> {
    /// The expression with all modifiers that follow it.
    pub(super) fn modified(&mut self, mut expr: Expr) -> Parsed<Expr> {
        loop {
            expr = if self.take_word("offset") {
                let offset = self.offset()?;
                check::offset(expr, offset, self.end())?
            } else if self.take_sign("@") {
                let anchor = self.anchor(expr.at.start)?;
                check::anchor(expr, anchor, self.end())?
            } else if self.is_sign("[") {
                self.brackets(expr)?
            } else {
                return Ok(expr);
            };
        }
    }

    fn offset(&mut self) -> Parsed<i64> {
        let negative = self.take_sign("-");
        if !negative {
            self.take_sign("+");
        }
        let Some(length) = self.duration()? else {
            return Err(self.unexpected("offset", "number, duration, step(), or range()"));
        };
        let nanos = i64::try_from(length.as_nanos()).unwrap_or(i64::MAX);
        Ok(if negative { -nanos } else { nanos })
    }

    /// A duration, or a number of seconds; `None` when there is neither.
    fn duration(&mut self) -> Parsed<Option<Duration>> {
        let token = self.peek().clone();
        let text = self.text_of(&token);
        let failed = |message| Failure::new(token.at.start, message);
        let length = match token.sort {
            Sort::Duration => literal::duration(text).map_err(failed)?,
            Sort::Number => {
                let seconds = literal::number(text).map_err(failed)?;
                // As long as an i64 of nanoseconds reaches.
                match Duration::try_from_secs_f64(seconds) {
                    Ok(length) if seconds < 9.2e9 => length,
                    _ => return Err(failed("duration out of range".to_owned())),
                }
            }
            _ => return Ok(None),
        };
        self.take();
        Ok(Some(length))
    }

    fn anchor(&mut self, expr_start: usize) -> Parsed<Anchor> {
        for (word, anchor) in [("start", Anchor::Start), ("end", Anchor::End)] {
            if self.peek_at(1).sort == Sort::Sign("(") && self.take_word(word) {
                self.take();
                self.expect_sign(")", "@", "\")\"")?;
                return Ok(anchor);
            }
        }
        let negative = self.take_sign("-");
        if !negative {
            self.take_sign("+");
        }
        let token = self.peek().clone();
        let text = self.text_of(&token);
        let failed = |message| Failure::new(token.at.start, message);
        let seconds = match (token.sort.clone(), text.to_ascii_lowercase().as_str()) {
            (Sort::Number, _) => literal::number(text).map_err(failed)?,
            (Sort::Duration, _) => literal::duration(text).map_err(failed)?.as_secs_f64(),
            (Sort::Word, "inf") => f64::INFINITY,
            (Sort::Word, "nan") => f64::NAN,
            _ => return Err(self.unexpected("@", "timestamp")),
        };
        self.take();
        let millis = (if negative { -seconds } else { seconds } * 1e3).round();
        if !millis.is_finite() || millis.abs() >= i64::MAX as f64 {
            let message = format!("timestamp out of bounds for @ modifier: {seconds:.6}");
            return Err(Failure::new(expr_start, message));
        }
        Ok(Anchor::At((millis as i64).saturating_mul(1_000_000)))
    }

    fn brackets(&mut self, expr: Expr) -> Parsed<Expr> {
        let bracket = self.take();
        let start = self.peek().at.start;
        let Some(range) = self.duration()? else {
            return Err(if self.is_sign("-") {
                Failure::new(start, "duration must be greater than 0")
            } else {
                self.unexpected("subquery or range selector", "duration")
            });
        };
        let positive = |length: Duration, at| {
            if length.is_zero() {
                return Err(Failure::new(at, "duration must be greater than 0"));
            }
            Ok(length)
        };
        let range = positive(range, start)?;
        if self.take_sign("]") {
            return check::range(expr, range, &bracket, self.end());
        }
        if !self.take_sign(":") {
            return Err(self.unexpected("subquery or range", "\":\" or \"]\""));
        }
        let start = self.peek().at.start;
        let step = match self.duration()? {
            Some(step) => Some(positive(step, start)?),
            None => None,
        };
        self.expect_sign("]", "subquery selector", "\"]\"")?;
        let when = When::default();
        check::subquery(
            Subquery {
                expr,
                range,
                step,
                when,
            },
            self.end(),
        )
    }
}
