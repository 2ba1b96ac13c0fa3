//! The same query with `@` on every selector, so that it may be asked at any time.
//!
//! For testing: what it answers then must not depend on when it is asked. Not for queries that speak
//! of their own time (`time()`, `timestamp()`, `@ start()`): those have no such form.

use super::ast::{Anchor, Expr, Kind, When};

/// `expr` as of a time, in nanoseconds since the epoch; `None` when it would still depend on when
/// it is asked.
pub(crate) fn pinned(expr: &Expr, at: i64) -> Option<Expr> {
    let mut pinned = expr.clone();
    pin(&mut pinned, Anchor::At(at)).then_some(pinned)
}

/// Whether what is pinned says the same at any time.
fn pin(expr: &mut Expr, anchor: Anchor) -> bool {
    let is_constant = match &mut expr.kind {
        Kind::Number(_) | Kind::Text(_) => true,
        Kind::Selector(selector) | Kind::Range { selector, .. } => {
            pin_time(&mut selector.when, anchor)
        }
        // What is inside is asked at the sub-query's own steps, which this moves.
        Kind::Subquery(subquery) => pin_time(&mut subquery.when, anchor),
        Kind::Call {
            function,
            arguments,
        } => {
            let is_steady = function.is_steady(arguments.len());
            let unsteady = arguments
                .iter_mut()
                .filter_map(|a| (!pin(a, anchor)).then_some(()));
            unsteady.count() == 0 && is_steady
        }
        Kind::Aggregate(aggregate) => {
            let parameter = aggregate.parameter.as_mut();
            parameter.is_none_or(|parameter| pin(parameter, anchor))
                & pin(&mut aggregate.expr, anchor)
        }
        Kind::Binary(binary) => pin(&mut binary.left, anchor) & pin(&mut binary.right, anchor),
        Kind::Negate(inner) | Kind::Paren(inner) => pin(inner, anchor),
    };
    expr.is_constant = is_constant;
    is_constant
}

fn pin_time(when: &mut When, anchor: Anchor) -> bool {
    matches!(when.anchor.get_or_insert(anchor), Anchor::At(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Features;
    use crate::syntax::parse::expression;

    #[test]
    fn what_speaks_of_its_own_time_cannot_be_pinned() {
        let check = |query, expected| {
            let expr = expression(query, Features::Stable, None).unwrap().expr;
            assert_eq!(pinned(&expr, 0).is_some(), expected, "{query}");
        };
        check(
            "a + on() group_left sum by (c) (rate(b[5m] offset 1m)) * 2",
            true,
        );
        check("max_over_time(time_total[5m:1m])", true);
        check("quantile(scalar(a), b @ 5)", true);
        check("a + time()", false);
        check("sum(timestamp(a))", false);
        check("a @ end()", false);
        check("day_of_week()", false);
    }
}
