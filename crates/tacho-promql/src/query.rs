//! A query: parsed once, evaluated as often as one likes.

use tacho_model::{Querier, Timestamp};

use crate::answer::{Answer, ValueType};
use crate::error::Error;
use crate::eval;
use crate::options::{Features, Options, Steps, Watch};
use crate::syntax::ast::Expr;
use crate::syntax::parse::expression;
use crate::syntax::pinned::pinned;

/// A valid expression.
#[derive(Debug, Clone)]
pub struct Query {
    text: String,
    expr: Expr,
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
    let expr = expression(query, features)?;
    let text = query.to_owned();
    Ok(Query { text, expr })
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

    /// Whether the order of an instant vector that it answers means something.
    pub fn is_ordered(&self) -> bool {
        eval::finish::is_ordered(&self.expr)
    }

    /// The same with `@` on every selector; `None` when it speaks of its own time.
    pub(crate) fn pinned(&self, at: Timestamp) -> Option<Self> {
        let expr = pinned(&self.expr, at.as_nanos())?;
        let text = self.text.clone();
        Some(Self { text, expr })
    }

    /// Evaluates it at one instant.
    pub fn instant(
        &self,
        querier: &dyn Querier,
        at: Timestamp,
        options: &Options,
        watch: &dyn Watch,
    ) -> Result<Answer, Error> {
        let steps = Steps::at(at);
        let finish =
            |evaluator: &eval::Evaluator<'_>| eval::finish::instant(evaluator, &self.expr, steps);
        eval::evaluate(
            (&self.expr, &self.text),
            querier,
            (steps, eval::Asked::Instant),
            options,
            watch,
            finish,
        )
    }

    /// Evaluates it at each step. Only scalars and instant vectors have values over a range.
    pub fn range(
        &self,
        querier: &dyn Querier,
        steps: Steps,
        options: &Options,
        watch: &dyn Watch,
    ) -> Result<Answer, Error> {
        let finish =
            |evaluator: &eval::Evaluator<'_>| eval::finish::range(evaluator, &self.expr, steps);
        eval::evaluate(
            (&self.expr, &self.text),
            querier,
            (steps, eval::Asked::Range),
            options,
            watch,
            finish,
        )
    }
}
