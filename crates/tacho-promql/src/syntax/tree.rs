//! The tree as plain data, in the fields that Prometheus' API has for it.
//!
//! Source: what Prometheus 3 answers to `/api/v1/parse_query`.

use tacho_model::Matcher;

use super::ast::{
    Aggregate, Anchor, Binary, Cardinality, Comparison, Edges, Expr, Grouping, Kind, MatchLabels,
    Selector, Subquery, When,
};
use super::print::{Printer, is_of_name};
use crate::answer::ValueType;
use crate::functions::{Arity, Function};

/// Plain data, for an edge to write as it likes.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    /// That there is none.
    Nothing,
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
    /// Several.
    List(Vec<Tree>),
    /// Fields by their names.
    Fields(Vec<(&'static str, Tree)>),
}

/// A part of a query.
pub(crate) fn tree(expr: &Expr, printer: Printer<'_>) -> Tree {
    let bare = own(expr, printer);
    // A sign that changes nothing is a part of its own.
    let signs = printer.signs(expr).len();
    (0..signs).fold(bare, |inner, _| unary("+", inner))
}

fn own(expr: &Expr, printer: Printer<'_>) -> Tree {
    let inside = |one: &Expr| tree(one, printer);
    match &expr.kind {
        Kind::Number(number) => {
            let text = match *number {
                f64::INFINITY => "+Inf".to_owned(),
                f64::NEG_INFINITY => "-Inf".to_owned(),
                number => number.to_string(),
            };
            fields("numberLiteral", vec![("val", Tree::Text(text))])
        }
        Kind::Text(text) => fields("stringLiteral", vec![("val", Tree::Text(text.clone()))]),
        Kind::Selector(selector) => fields("vectorSelector", series(selector, printer.name(expr))),
        Kind::Range { selector, range } => {
            let mut all = series(selector, printer.name(expr));
            all.push(("range", millis(range.as_nanos() as i64)));
            fields("matrixSelector", all)
        }
        Kind::Subquery(subquery) => of_subquery(subquery, inside(&subquery.expr)),
        Kind::Call {
            function,
            arguments,
        } => {
            let arguments = arguments.iter().map(inside).collect();
            fields(
                "call",
                vec![
                    ("func", of_function(function)),
                    ("args", Tree::List(arguments)),
                ],
            )
        }
        Kind::Aggregate(aggregate) => {
            let parameter = aggregate.parameter.as_ref().map_or(Tree::Nothing, inside);
            of_aggregate(aggregate, inside(&aggregate.expr), parameter)
        }
        Kind::Binary(binary) => of_binary(binary, inside(&binary.left), inside(&binary.right)),
        Kind::Negate(inner) => unary("-", inside(inner)),
        Kind::Paren(inner) => fields("parenExpr", vec![("expr", inside(inner))]),
    }
}

fn unary(op: &str, expr: Tree) -> Tree {
    fields("unaryExpr", vec![("op", text(op)), ("expr", expr)])
}

fn of_subquery(subquery: &Subquery, expr: Tree) -> Tree {
    let step = subquery.step.map_or(0, |step| step.as_nanos() as i64);
    let mut all = vec![
        ("expr", expr),
        ("range", millis(subquery.range.as_nanos() as i64)),
        ("step", millis(step)),
    ];
    all.extend(of_when(&subquery.when));
    fields("subquery", all)
}

fn of_aggregate(aggregate: &Aggregate, expr: Tree, parameter: Tree) -> Tree {
    let (names, is_without) = match &aggregate.grouping {
        Grouping::By(names) => (names, false),
        Grouping::Without(names) => (names, true),
    };
    let all = vec![
        ("op", text(aggregate.op.name())),
        ("expr", expr),
        ("param", parameter),
        ("grouping", texts(names)),
        ("without", Tree::Flag(is_without)),
    ];
    fields("aggregation", all)
}

fn of_binary(binary: &Binary, left: Tree, right: Tree) -> Tree {
    let both = [&binary.left, &binary.right];
    let is_matched = both
        .iter()
        .all(|side| side.value_type() == ValueType::Vector);
    let matching = if is_matched {
        of_matching(binary)
    } else {
        Tree::Nothing
    };
    let all = vec![
        ("op", text(binary.op.name())),
        ("lhs", left),
        ("rhs", right),
        ("matching", matching),
        ("bool", Tree::Flag(binary.comparison == Comparison::Number)),
    ];
    fields("binaryExpr", all)
}

fn of_matching(binary: &Binary) -> Tree {
    let matching = &binary.matching;
    let (cardinality, included) = match &matching.cardinality {
        _ if binary.op.is_set() => ("many-to-many", &[][..]),
        Cardinality::OneToOne => ("one-to-one", &[][..]),
        Cardinality::ManyToOne(names) => ("many-to-one", &names[..]),
        Cardinality::OneToMany(names) => ("one-to-many", &names[..]),
    };
    let fill = |value: Option<f64>| value.map_or(Tree::Nothing, Tree::Float);
    Tree::Fields(vec![
        ("card", text(cardinality)),
        ("labels", texts(matching.labels.names())),
        (
            "on",
            Tree::Flag(matches!(matching.labels, MatchLabels::On(_))),
        ),
        ("include", texts(included)),
        (
            "fillValues",
            Tree::Fields(vec![
                ("lhs", fill(matching.fill_left)),
                ("rhs", fill(matching.fill_right)),
            ]),
        ),
    ])
}

fn of_function(function: &Function) -> Tree {
    let types = function.arguments.iter().map(|one| text(one.name()));
    let variadic = match function.arity {
        Arity::Exact => 0,
        Arity::Optional(count) => count as i64,
        Arity::Repeated => -1,
    };
    Tree::Fields(vec![
        ("name", text(function.name)),
        ("argTypes", Tree::List(types.collect())),
        ("variadic", Tree::Integer(variadic)),
        ("returnType", text(function.result.name())),
    ])
}

fn series(selector: &Selector, name: &str) -> Vec<(&'static str, Tree)> {
    let matcher = |one: &Matcher| {
        Tree::Fields(vec![
            ("name", text(one.name())),
            ("value", text(one.value())),
            ("type", text(one.op().as_str())),
        ])
    };
    let (of_name, others): (Vec<_>, Vec<_>) =
        (selector.matchers.iter()).partition(|one| is_of_name(one, name));
    let matchers = others.into_iter().chain(of_name).map(matcher).collect();
    let mut all = vec![("name", text(name)), ("matchers", Tree::List(matchers))];
    all.extend(of_when(&selector.when));
    all.push(("anchored", Tree::Flag(selector.edges == Edges::Anchored)));
    all.push(("smoothed", Tree::Flag(selector.edges == Edges::Smoothed)));
    all
}

fn of_when(when: &When) -> [(&'static str, Tree); 3] {
    let (time, end) = match when.anchor {
        None => (Tree::Nothing, Tree::Nothing),
        Some(Anchor::At(nanos)) => (millis(nanos), Tree::Nothing),
        Some(Anchor::Start) => (Tree::Nothing, text("start")),
        Some(Anchor::End) => (Tree::Nothing, text("end")),
    };
    let offset = millis(when.offset.unwrap_or(0));
    [("offset", offset), ("timestamp", time), ("startOrEnd", end)]
}

fn fields(kind: &'static str, mut all: Vec<(&'static str, Tree)>) -> Tree {
    all.insert(0, ("type", text(kind)));
    Tree::Fields(all)
}

fn millis(nanos: i64) -> Tree {
    Tree::Integer(nanos / 1_000_000)
}

fn text(text: &str) -> Tree {
    Tree::Text(text.to_owned())
}

fn texts(all: &[String]) -> Tree {
    Tree::List(all.iter().map(|one| text(one)).collect())
}
