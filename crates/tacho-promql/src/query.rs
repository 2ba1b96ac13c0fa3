//! A query: parsed once, evaluated as often as one likes.

use std::borrow::Cow;

use tacho_model::{Matcher, Querier, Timestamp};

use crate::answer::{Answer, ValueType};
use crate::error::Error;
use crate::eval::{self, Asked};
use crate::options::{Features, Options, Steps, Watch};
use crate::syntax::ast::{AggregateOp, Expr, Kind};
use crate::syntax::parse::duration::Span;
use crate::syntax::parse::{Expression, expression};
use crate::syntax::pinned::pinned;
use crate::syntax::print::{Bounded, Printer};
use crate::syntax::tree::{Tree, tree};

/// Longest text of a query that is formatted: indentation makes it longer than what was written.
pub const FORMATTED_BYTES_MAX: usize = 16 << 20;

/// A valid expression.
#[derive(Debug, Clone)]
pub struct Query {
    text: String,
    features: Features,
    expr: Expr,
    /// Whether a duration in it depends on the steps, so that it is parsed anew with them.
    waits: bool,
}

/// Parses an expression and checks its types.
///
/// ```
/// use tacho_promql::{Features, parse};
/// assert!(parse("sum by (job) (rate(http_requests_total[5m]))", Features::Stable).is_ok());
/// let error = parse("rate(http_requests_total)", Features::Stable).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "1:6: parse error: expected type range vector in call to function \"rate\", got instant \
///      vector"
/// );
/// ```
pub fn parse(query: &str, features: Features) -> Result<Query, Error> {
    let Expression { expr, waits } = expression(query, features, None)?;
    let text = query.to_owned();
    Ok(Query {
        text,
        features,
        expr,
        waits,
    })
}

/// All functions by name, and which of them must be switched on.
pub fn functions() -> impl Iterator<Item = (&'static str, Features)> {
    let all = crate::functions::TABLE.iter();
    all.map(|function| (function.name, function.stage))
}

/// All aggregations by name, and which of them must be switched on.
pub fn aggregations() -> impl Iterator<Item = (&'static str, Features)> {
    let all = AggregateOp::ALL.iter();
    all.map(|(name, op)| (*name, op.stage()))
}

impl Query {
    /// What it evaluates to at an instant.
    pub fn value_type(&self) -> ValueType {
        self.expr.value_type()
    }

    /// The text it was parsed from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same query as Prometheus writes it, over several lines where one would be too long;
    /// `None` when it would be longer than [`FORMATTED_BYTES_MAX`]. One with durations that depend
    /// on the steps stays as it is.
    pub fn formatted(&self) -> Option<String> {
        if self.waits {
            return Some(self.text.clone());
        }
        let mut out = Bounded {
            text: String::new(),
            bytes_max: FORMATTED_BYTES_MAX,
        };
        let printer = Printer { text: &self.text };
        let written = printer.pretty(&self.expr, 0, &mut out);
        written.ok().map(|()| out.text)
    }

    /// Its parts, as Prometheus' API tells them.
    pub fn tree(&self) -> Tree {
        tree(&self.expr, Printer { text: &self.text })
    }

    /// What it selects, in the order of its text.
    pub fn selectors(&self) -> Vec<&[Matcher]> {
        let mut found = Vec::new();
        selectors(&self.expr, &mut found);
        found
    }

    /// Whether the order of an instant vector that it answers means something.
    pub fn is_ordered(&self) -> bool {
        eval::finish::is_ordered(&self.expr)
    }

    /// The same with `@` on every selector; `None` when it speaks of its own time.
    pub(crate) fn pinned(&self, at: Timestamp) -> Option<Self> {
        let expr = pinned(&self.expr, at.as_nanos()).filter(|_| !self.waits)?;
        Some(Self {
            expr,
            ..self.clone()
        })
    }

    /// Evaluates it at one instant.
    pub fn instant(
        &self,
        querier: &dyn Querier,
        at: Timestamp,
        options: &Options,
        watch: &dyn Watch,
    ) -> Result<Answer, Error> {
        let asked = (Steps::at(at), Asked::Instant);
        self.evaluate(querier, asked, options, watch)
    }

    /// Evaluates it at each step. Only scalars and instant vectors have values over a range.
    pub fn range(
        &self,
        querier: &dyn Querier,
        steps: Steps,
        options: &Options,
        watch: &dyn Watch,
    ) -> Result<Answer, Error> {
        self.evaluate(querier, (steps, Asked::Range), options, watch)
    }

    fn evaluate(
        &self,
        querier: &dyn Querier,
        (steps, asked): (Steps, Asked),
        options: &Options,
        watch: &dyn Watch,
    ) -> Result<Answer, Error> {
        let span = match asked {
            Asked::Instant => Span {
                step: 0.0,
                range: 0.0,
            },
            Asked::Range => Span {
                step: steps.step().as_secs_f64(),
                range: steps.end().since(steps.start()).as_secs_f64(),
            },
        };
        let expr = self.settled(span)?;
        let finish = |evaluator: &eval::Evaluator<'_>| match asked {
            Asked::Instant => eval::finish::instant(evaluator, &expr, steps),
            Asked::Range => eval::finish::range(evaluator, &expr, steps),
        };
        let told = (&*expr, self.text.as_str());
        eval::evaluate(told, querier, (steps, asked), options, watch, finish)
    }

    /// The expression with all its durations known.
    fn settled(&self, span: Span) -> Result<Cow<'_, Expr>, Error> {
        if !self.waits {
            return Ok(Cow::Borrowed(&self.expr));
        }
        expression(&self.text, self.features, Some(span)).map(|known| Cow::Owned(known.expr))
    }
}

fn selectors<'e>(expr: &'e Expr, found: &mut Vec<&'e [Matcher]>) {
    match &expr.kind {
        Kind::Number(_) | Kind::Text(_) => {}
        Kind::Selector(selector) | Kind::Range { selector, .. } => found.push(&selector.matchers),
        Kind::Subquery(subquery) => selectors(&subquery.expr, found),
        Kind::Call { arguments, .. } => arguments.iter().for_each(|one| selectors(one, found)),
        Kind::Aggregate(aggregate) => {
            aggregate
                .parameter
                .iter()
                .for_each(|one| selectors(one, found));
            selectors(&aggregate.expr, found);
        }
        Kind::Binary(binary) => {
            selectors(&binary.left, found);
            selectors(&binary.right, found);
        }
        Kind::Negate(inner) | Kind::Paren(inner) => selectors(inner, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_selected_is_told() {
        let text =
            "sum(rate(a[5m])) / on() topk(scalar(b), c{x=\"1\"}) + max_over_time((-d)[5m:1m])";
        let query = parse(text, Features::Stable).unwrap();
        let names: Vec<String> = query
            .selectors()
            .iter()
            .map(|matchers| matchers[0].to_string())
            .collect();
        assert_eq!(names.len(), 4, "{names:?}");
    }
}
