//! What follows a binary operator: `bool`, `on`, `ignoring`, `group_left`, `fill`.

use super::super::ast::{BinaryOp, Cardinality, Comparison, MatchLabels, Matching};
use super::super::lex::Sort;
use super::super::literal;
use super::{Failure, Parsed, Parser};
use crate::options::Features;

impl Parser<'_> {
    /// What follows a binary operator: `bool`, `on`, `ignoring`, `group_left`, `fill`.
    pub(super) fn matching(&mut self, op: BinaryOp) -> Parsed<(Matching, Comparison)> {
        let mut matching = Matching {
            labels: MatchLabels::Ignoring(Vec::new()),
            cardinality: Cardinality::OneToOne,
            fill_left: None,
            fill_right: None,
        };
        let at = self.peek().at.start;
        let comparison = if self.take_word("bool") {
            Comparison::Number
        } else {
            Comparison::Filter
        };
        if comparison == Comparison::Number && !op.is_comparison() {
            // Told where the operator stands.
            let op_at = self.tokens[self.next - 2].at.start.min(at);
            let message = "bool modifier can only be used on comparison operators";
            return Err(Failure::new(op_at, message));
        }
        if self.take_word("on") {
            matching.labels = MatchLabels::On(self.label_names()?);
        } else if self.take_word("ignoring") {
            matching.labels = MatchLabels::Ignoring(self.label_names()?);
        } else {
            self.fill(&mut matching)?;
            return Ok((matching, comparison));
        }
        let side = self.word().unwrap_or_default();
        if side == "group_left" || side == "group_right" {
            self.take();
            let labels = if self.is_sign("(") {
                self.label_names()?
            } else {
                Vec::new()
            };
            matching.cardinality = match &*side {
                "group_left" => Cardinality::ManyToOne(labels),
                _ => Cardinality::OneToMany(labels),
            };
        }
        self.fill(&mut matching)?;
        Ok((matching, comparison))
    }

    /// `fill(0)`, `fill_left(0)`, `fill_right(0)`: experimental.
    fn fill(&mut self, matching: &mut Matching) -> Parsed<()> {
        while self.peek_at(1).sort == Sort::Sign("(") && self.features == Features::Experimental {
            let side = self.word().unwrap_or_default();
            if !matches!(&*side, "fill" | "fill_left" | "fill_right") {
                return Ok(());
            }
            self.take();
            self.take();
            let sign = if self.take_sign("-") { -1.0 } else { 1.0 };
            self.take_sign("+");
            let token = self.peek().clone();
            let text = self.text_of(&token);
            let number = match text.to_ascii_lowercase().as_str() {
                "inf" => f64::INFINITY,
                "nan" => f64::NAN,
                _ if token.sort == Sort::Number => {
                    literal::number(text).map_err(|m| Failure::new(token.at.start, m))?
                }
                _ => return Err(self.unexpected("fill modifier", "number")),
            };
            self.take();
            self.expect_sign(")", "fill modifier", "\")\"")?;
            let value = Some(sign * number);
            if side != "fill_right" {
                matching.fill_left = value;
            }
            if side != "fill_left" {
                matching.fill_right = value;
            }
        }
        Ok(())
    }
}
