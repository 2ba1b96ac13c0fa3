//! What may follow an operand: `offset`, `@`, and brackets.

use super::super::ast::{Anchor, Edges, Expr, Subquery, When};
use super::super::lex::Sort;
use super::super::{check, literal};
use super::{Failure, Parsed, Parser};
use crate::options::Features;

impl Parser<'_> {
    /// The expression with all modifiers that follow it.
    pub(super) fn modified(&mut self, mut expr: Expr) -> Parsed<Expr> {
        loop {
            expr = if self.take_word("offset") {
                let offset = self.offset()?;
                let at = expr.at.start..self.end();
                let checked = check::offset(expr, offset, at.end);
                self.firmly(checked, at)?
            } else if self.take_sign("@") {
                let anchor = self.anchor(expr.at.start)?;
                let at = expr.at.start..self.end();
                let checked = check::anchor(expr, anchor, at.end);
                self.firmly(checked, at)?
            } else if self.is_sign("[") {
                self.brackets(expr)?
            } else if let Some(edges) = self.edges() {
                check::edges(expr, edges, self.end())?
            } else {
                return Ok(expr);
            };
        }
    }

    /// `anchored` or `smoothed` (experimental).
    fn edges(&mut self) -> Option<Edges> {
        if self.features == Features::Stable {
            return None;
        }
        if self.take_word("anchored") {
            return Some(Edges::Anchored);
        }
        self.take_word("smoothed").then_some(Edges::Smoothed)
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
        let Some(range) = self.length()? else {
            return Err(if self.is_sign("-") {
                Failure::new(self.peek().at.start, "duration must be greater than 0")
            } else {
                self.unexpected("subquery or range selector", "duration")
            });
        };
        if self.take_sign("]") {
            return check::range(expr, range, &bracket, self.end());
        }
        if !self.take_sign(":") {
            return Err(self.unexpected("subquery or range", "\":\" or \"]\""));
        }
        let step = self.length()?;
        self.expect_sign("]", "subquery selector", "\"]\"")?;
        let when = When::default();
        let at = expr.at.start..self.end();
        let subquery = Subquery {
            expr,
            range,
            step,
            when,
        };
        let checked = check::subquery(subquery, self.end());
        Ok(self.settle(checked, at))
    }
}
