//! Whether types fit: every node is made here, and is valid once it is made.
//!
//! Messages and positions are those of Prometheus.

use std::ops::Range;
use std::time::Duration;

use tacho_model::Matcher;

use super::ast::{
    Aggregate, AggregateOp, Anchor, Binary, Cardinality, Comparison, Edges, Expr, Grouping, Kind,
    MatchLabels, Selector, Subquery, When, documented,
};
use super::parse::{Failure, Parsed};
use crate::answer::ValueType;
use crate::functions::{Arity, Function};

/// A node without parts.
pub(super) fn leaf(kind: Kind, at: Range<usize>) -> Expr {
    Expr {
        kind,
        at,
        depth: 1,
        is_constant: true,
    }
}

pub(super) fn paren(inner: Expr, at: Range<usize>) -> Expr {
    let (depth, is_constant) = (inner.depth + 1, inner.is_constant);
    let kind = Kind::Paren(Box::new(inner));
    Expr {
        kind,
        at,
        depth,
        is_constant,
    }
}

pub(super) fn unary(inner: Expr, start: usize, negates: bool) -> Parsed<Expr> {
    let found = inner.value_type();
    if !matches!(found, ValueType::Scalar | ValueType::Vector) {
        let message = format!(
            "unary expression only allowed on expressions of type scalar or instant vector, \
             got {:?}",
            documented(found)
        );
        return Err(Failure::new(start, message));
    }
    let at = start..inner.at.end;
    let (depth, is_constant) = (inner.depth + 1, inner.is_constant);
    let kind = match inner.kind {
        kind if !negates => kind,
        Kind::Number(number) => Kind::Number(-number),
        _ => Kind::Negate(Box::new(inner)),
    };
    Ok(Expr {
        kind,
        at,
        depth,
        is_constant,
    })
}

pub(super) fn matches_something(matchers: &[Matcher], start: usize) -> Parsed<()> {
    if matchers.iter().all(|matcher| matcher.matches("")) {
        let message = "vector selector must contain at least one non-empty matcher";
        return Err(Failure::new(start, message));
    }
    Ok(())
}

pub(super) fn selector(matchers: Vec<Matcher>, at: Range<usize>) -> Expr {
    let when = When::default();
    let kind = Kind::Selector(Selector {
        matchers,
        when,
        edges: Edges::Samples,
    });
    Expr {
        kind,
        at,
        depth: 1,
        is_constant: false,
    }
}

pub(super) fn binary(binary: Binary, at: Range<usize>, op_at: &Range<usize>) -> Parsed<Expr> {
    let op = binary.op;
    let sides = [&binary.left, &binary.right];
    let types = sides.map(Expr::value_type);
    let fail = |at: usize, message: String| Err(Failure::new(at, message));
    let are_scalars = types == [ValueType::Scalar; 2];
    if op.is_comparison() && are_scalars && binary.comparison == Comparison::Filter {
        let message = "comparisons between scalars must use BOOL modifier";
        return fail(op_at.start, message.to_owned());
    }
    let taken = match &binary.matching.cardinality {
        Cardinality::OneToOne => None,
        Cardinality::ManyToOne(names) | Cardinality::OneToMany(names) => Some(names),
    };
    if let (MatchLabels::On(on), Some(taken)) = (&binary.matching.labels, taken)
        && let Some(both) = on.iter().find(|name| taken.contains(name))
    {
        let message = format!("label {both:?} must not occur in ON and GROUP clause at once");
        return fail(op_at.start, message);
    }
    for (side, found) in sides.iter().zip(types) {
        if !matches!(found, ValueType::Scalar | ValueType::Vector) {
            let message = "binary expression must contain only scalar and instant vector types";
            return fail(side.at.start, message.to_owned());
        }
    }
    let matching = &binary.matching;
    if types != [ValueType::Vector; 2] {
        let is_default = matching.labels.names().is_empty()
            && taken.is_none()
            && matching.fill_left.is_none()
            && matching.fill_right.is_none();
        if !is_default {
            let message = "vector matching only allowed between instant vectors";
            return fail(at.start, message.to_owned());
        }
        if op.is_set() {
            let message = format!(
                "set operator {:?} not allowed in binary scalar expression",
                op.name()
            );
            return fail(at.start, message);
        }
    } else if op.is_set() {
        if taken.is_some() {
            let message = format!("no grouping allowed for {:?} operation", op.name());
            return fail(at.start, message);
        }
        if matching.fill_left.is_some() || matching.fill_right.is_some() {
            let message = format!(
                "filling in missing series not allowed for set operator {:?}",
                op.name()
            );
            return fail(at.start, message);
        }
    }
    let depth = binary.left.depth.max(binary.right.depth) + 1;
    let is_constant = binary.left.is_constant && binary.right.is_constant;
    let kind = Kind::Binary(Box::new(binary));
    Ok(Expr {
        kind,
        at,
        depth,
        is_constant,
    })
}

/// That a function is given as many arguments as it takes.
pub(super) fn count(function: &Function, given: usize, start: usize) -> Parsed<()> {
    let listed = function.arguments.len();
    let (min, max) = match function.arity {
        Arity::Exact => (listed, listed),
        Arity::Optional(optional) => (listed - optional, listed),
        Arity::Repeated => (listed - 1, usize::MAX),
    };
    let (bound, expected) = match function.arity {
        Arity::Exact if given != listed => ("", listed),
        _ if given < min => ("at least ", min),
        _ if given > max => ("at most ", max),
        _ => return Ok(()),
    };
    let name = function.name;
    let message =
        format!("expected {bound}{expected} argument(s) in call to {name:?}, got {given}");
    Err(Failure::new(start, message))
}

/// A call with as many arguments as the function takes.
pub(super) fn call(
    function: &'static Function,
    arguments: Vec<Expr>,
    at: Range<usize>,
) -> Parsed<Expr> {
    let (given, listed) = (arguments.len(), function.arguments.len());
    for (index, argument) in arguments.iter().enumerate() {
        let expected = function.arguments[index.min(listed - 1)];
        let context = || format!("call to function {:?}", function.name);
        check_type(argument, expected, context)?;
        check_edges(function, argument)?;
    }
    let depth = arguments.iter().map(|a| a.depth).max().unwrap_or(0) + 1;
    let is_constant = function.is_steady(given) && arguments.iter().all(|a| a.is_constant);
    let kind = Kind::Call {
        function,
        arguments,
    };
    Ok(Expr {
        kind,
        at,
        depth,
        is_constant,
    })
}

/// That an aggregation is given as many arguments as it takes.
pub(super) fn arguments_of(op: AggregateOp, given: usize, start: usize) -> Parsed<()> {
    let expected = 1 + usize::from(op.parameter().is_some());
    if given == 0 {
        let message = "no arguments for aggregate expression provided";
        return Err(Failure::new(start, message));
    }
    if given != expected {
        let message = format!(
            "wrong number of arguments for aggregate expression provided, expected {expected}, \
             got {given}"
        );
        return Err(Failure::new(start, message));
    }
    Ok(())
}

pub(super) fn aggregate(
    op: AggregateOp,
    grouping: Grouping,
    mut arguments: Vec<Expr>,
    at: Range<usize>,
) -> Parsed<Expr> {
    let Some(expr) = arguments.pop() else {
        return Err(Failure::new(
            at.start,
            "no arguments for aggregate expression provided",
        ));
    };
    check_type(&expr, ValueType::Vector, || {
        "aggregation expression".to_owned()
    })?;
    let parameter = arguments.pop();
    if let (Some(parameter), Some(expected)) = (&parameter, op.parameter()) {
        check_type(parameter, expected, || "aggregation parameter".to_owned())?;
    }
    let depth = expr.depth.max(parameter.as_ref().map_or(0, |p| p.depth)) + 1;
    let is_constant = expr.is_constant && parameter.as_ref().is_none_or(|p| p.is_constant);
    let kind = Kind::Aggregate(Box::new(Aggregate {
        op,
        grouping,
        parameter,
        expr,
    }));
    Ok(Expr {
        kind,
        at,
        depth,
        is_constant,
    })
}

fn check_type(expr: &Expr, expected: ValueType, context: impl Fn() -> String) -> Parsed<()> {
    let found = expr.value_type();
    if found == expected {
        return Ok(());
    }
    let message = format!(
        "expected type {} in {}, got {}",
        documented(expected),
        context(),
        documented(found)
    );
    Err(Failure::new(expr.at.start, message))
}

pub(super) fn range(
    expr: Expr,
    range: Duration,
    bracket: &Range<usize>,
    end: usize,
) -> Parsed<Expr> {
    let fail = |message: &str| Err(Failure::new(bracket.start, message));
    let Kind::Selector(selector) = expr.kind else {
        return fail("ranges only allowed for vector selectors");
    };
    if selector.when.offset.is_some() {
        return fail("no offset modifiers allowed before range");
    }
    if selector.when.anchor.is_some() {
        return fail("no @ modifiers allowed before range");
    }
    let kind = Kind::Range { selector, range };
    Ok(Expr {
        kind,
        at: expr.at.start..end,
        depth: 1,
        is_constant: false,
    })
}

pub(super) fn subquery(subquery: Subquery, end: usize) -> Parsed<Expr> {
    let at = subquery.expr.at.start..end;
    let found = subquery.expr.value_type();
    if found != ValueType::Vector {
        let message = format!(
            "subquery is only allowed on instant vector, got {} instead",
            found.name()
        );
        return Err(Failure::new(at.start, message));
    }
    let depth = subquery.expr.depth + 1;
    let kind = Kind::Subquery(Box::new(subquery));
    Ok(Expr {
        kind,
        at,
        depth,
        is_constant: false,
    })
}

pub(super) fn offset(mut expr: Expr, offset: i64, end: usize) -> Parsed<Expr> {
    let start = expr.at.start;
    let Some(when) = when(&mut expr) else {
        let message = "offset modifier must be preceded by an instant vector selector or range \
                       vector selector or a subquery";
        return Err(Failure::new(start, message));
    };
    if when.offset.replace(offset).is_some() {
        return Err(Failure::new(start, "offset may not be set multiple times"));
    }
    expr.at.end = end;
    Ok(expr)
}

pub(super) fn anchor(mut expr: Expr, anchor: Anchor, end: usize) -> Parsed<Expr> {
    let start = expr.at.start;
    let Some(when) = when(&mut expr) else {
        let message = "@ modifier must be preceded by an instant vector selector or range \
                       vector selector or a subquery";
        return Err(Failure::new(start, message));
    };
    if when.anchor.replace(anchor).is_some() {
        return Err(Failure::new(
            start,
            "@ <timestamp> may not be set multiple times",
        ));
    }
    expr.at.end = end;
    expr.is_constant = true;
    Ok(expr)
}

/// `anchored` or `smoothed` after a selector.
pub(super) fn edges(mut expr: Expr, edges: Edges, end: usize) -> Parsed<Expr> {
    let start = expr.at.start;
    let selector = match (&mut expr.kind, edges) {
        (Kind::Range { selector, .. }, _) | (Kind::Selector(selector), Edges::Smoothed) => selector,
        (Kind::Selector(_), _) => {
            let message = "anchored modifier can only be used with range selectors";
            return Err(Failure::new(start, message));
        }
        _ => {
            let message = "anchored and smoothed modifiers can only be used with selectors";
            return Err(Failure::new(start, message));
        }
    };
    if selector.edges != Edges::Samples {
        let message = "anchored and smoothed modifiers may not be set multiple times";
        return Err(Failure::new(start, message));
    }
    selector.edges = edges;
    expr.at.end = end;
    Ok(expr)
}

/// That a function knows what to do with the ends of a range.
fn check_edges(function: &Function, argument: &Expr) -> Parsed<()> {
    let Kind::Range { selector, .. } = &argument.bare().kind else {
        return Ok(());
    };
    let (modifier, allowed): (&str, &[&str]) = match selector.edges {
        Edges::Samples => return Ok(()),
        Edges::Anchored => (
            "anchored",
            &["rate", "increase", "delta", "changes", "resets"],
        ),
        Edges::Smoothed => ("smoothed", &["rate", "increase", "delta"]),
    };
    if allowed.contains(&function.name) {
        return Ok(());
    }
    let message = format!(
        "{modifier} modifier can only be used with: {} - not with {}",
        allowed.join(", "),
        function.name
    );
    Err(Failure::new(argument.at.start, message))
}

fn when(expr: &mut Expr) -> Option<&mut When> {
    match &mut expr.kind {
        Kind::Selector(selector) | Kind::Range { selector, .. } => Some(&mut selector.when),
        Kind::Subquery(subquery) => Some(&mut subquery.when),
        _ => None,
    }
}
