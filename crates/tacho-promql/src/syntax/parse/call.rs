//! Calls of functions, and aggregations with their groupings.

use super::super::ast::{AggregateOp, Expr, Grouping, Kind};
use super::super::lex::Sort;
use super::super::{check, literal};
use super::{Failure, NEVER_METRICS, Parsed, Parser, Selects};
use crate::functions::Function;
use crate::options::Features;

impl Parser<'_> {
    pub(super) fn call(&mut self, name: &str) -> Parsed<Expr> {
        let start = self.take().start;
        // What `info` takes is no vector but only looks like one.
        let selects = if name == "info" {
            Selects::Labels
        } else {
            Selects::Series
        };
        let outside = std::mem::replace(&mut self.selects, selects);
        let arguments = self.arguments()?;
        self.selects = outside;
        let Some(function) = Function::named(name) else {
            let message = format!("unknown function with name {name:?}");
            return Err(Failure::new(start, message));
        };
        if function.stage == Features::Experimental && self.features == Features::Stable {
            let message = format!(
                "function {name:?} is not enabled; it is experimental and needs the \
                 experimental functions of PromQL to be switched on"
            );
            return Err(Failure::new(start, message));
        }
        let at = start..self.end();
        if let Err(failure) = check::count(function, arguments.len(), start) {
            // Told before what is wrong with the arguments.
            if self.wrong.as_ref().is_none_or(|wrong| wrong.at >= start) {
                self.wrong = Some(failure);
            }
            return Ok(check::leaf(Kind::Number(0.0), at));
        }
        let checked = check::call(function, arguments, at.clone());
        Ok(self.settle(checked, at))
    }

    fn arguments(&mut self) -> Parsed<Vec<Expr>> {
        self.expect_sign("(", "function call", "\"(\"")?;
        let mut arguments = Vec::new();
        if self.take_sign(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expr(0)?);
            if self.take_sign(")") {
                return Ok(arguments);
            }
            let comma = self.peek().at.start;
            if !self.take_sign(",") {
                return Err(self.unexpected("", ""));
            }
            if !self.can_begin() {
                let message = "trailing commas not allowed in function call args";
                return Err(Failure::new(comma, message));
            }
        }
    }

    /// Whether an expression can begin with the next word.
    fn can_begin(&self) -> bool {
        let token = self.peek();
        match &token.sort {
            Sort::Number | Sort::Duration | Sort::Text | Sort::Error(_) => true,
            Sort::Sign(sign) => matches!(*sign, "(" | "{" | "+" | "-"),
            Sort::Word => !NEVER_METRICS.contains(&&*self.text_of(token).to_ascii_lowercase()),
            Sort::End => false,
        }
    }

    pub(super) fn aggregate(&mut self, op: AggregateOp) -> Parsed<Expr> {
        let start = self.take().start;
        if op.stage() == Features::Experimental && self.features == Features::Stable {
            let message = format!(
                "{}() is experimental and must be enabled with --enable-feature=\
                 promql-experimental-functions",
                op.name()
            );
            return Err(Failure::new(start, message));
        }
        let mut grouping = self.grouping()?;
        if !self.is_sign("(") {
            return Err(self.unexpected("aggregation", ""));
        }
        self.aggregations += 1;
        let arguments = self.arguments()?;
        self.aggregations -= 1;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let grouping = grouping.unwrap_or(Grouping::By(Vec::new()));
        check::arguments_of(op, arguments.len(), start)?;
        let at = start..self.end();
        let checked = check::aggregate(op, grouping, arguments, at.clone());
        Ok(self.settle(checked, at))
    }

    fn grouping(&mut self) -> Parsed<Option<Grouping>> {
        if self.take_word("by") {
            return Ok(Some(Grouping::By(self.label_names()?)));
        }
        if self.take_word("without") {
            return Ok(Some(Grouping::Without(self.label_names()?)));
        }
        Ok(None)
    }

    pub(super) fn label_names(&mut self) -> Parsed<Vec<String>> {
        const CONTEXT: &str = "grouping opts";
        self.expect_sign("(", CONTEXT, "\"(\"")?;
        let mut names = Vec::new();
        loop {
            if self.take_sign(")") {
                return Ok(names);
            }
            names.push(self.label_name()?);
            if !self.is_sign(")") && !self.take_sign(",") {
                return Err(self.unexpected(CONTEXT, "\",\" or \")\""));
            }
        }
    }

    fn label_name(&mut self) -> Parsed<String> {
        let token = self.peek().clone();
        let text = self.text_of(&token);
        let name = match token.sort {
            Sort::Word if !text.contains(':') => text.to_owned(),
            Sort::Text => literal::unquote(text).map_err(|m| Failure::new(token.at.start, m))?,
            _ => return Err(self.unexpected("grouping opts", "label")),
        };
        self.take();
        Ok(name)
    }
}
