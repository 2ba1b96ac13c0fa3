//! What a query means, as a tree.
//!
//! Invariants of every tree that the parser gives out: its types fit (a function has the
//! arguments it takes, set operators stand between vectors), every selector has at least one
//! matcher that does not match the empty value, and its depth is at most
//! [`DEPTH_MAX`](super::parse::DEPTH_MAX).

use std::ops::Range;
use std::time::Duration;

use tacho_model::Matcher;

use crate::answer::ValueType;
use crate::functions::Function;
use crate::options::Features;

/// A part of a query.
#[derive(Debug, Clone)]
pub(crate) struct Expr {
    pub(crate) kind: Kind,
    /// Where it stands in the text.
    pub(crate) at: Range<usize>,
    /// How many parts lie inside each other, itself included.
    pub(crate) depth: usize,
    /// Whether its value is the same at every step.
    pub(crate) is_constant: bool,
}

/// What a part is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Number(f64),
    Text(String),
    /// Each series' newest value.
    Selector(Selector),
    /// Each series' samples of a time that ends at the step.
    Range {
        selector: Selector,
        range: Duration,
    },
    /// Values of an expression over a time that ends at the step.
    Subquery(Box<Subquery>),
    Call {
        function: &'static Function,
        arguments: Vec<Expr>,
    },
    Aggregate(Box<Aggregate>),
    Binary(Box<Binary>),
    Negate(Box<Expr>),
    Paren(Box<Expr>),
}

/// Which series, as of when.
#[derive(Debug, Clone)]
pub(crate) struct Selector {
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) when: When,
    pub(crate) edges: Edges,
}

/// What a selector takes at the ends of its time (all but the first are experimental).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Edges {
    /// The samples within.
    #[default]
    Samples,
    /// At the start the sample before it, at the end the last one.
    Anchored,
    /// Values on a straight line between the samples before and after.
    Smoothed,
}

/// As of when something is evaluated.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct When {
    pub(crate) anchor: Option<Anchor>,
    /// Nanoseconds back.
    pub(crate) offset: Option<i64>,
}

/// `@`
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Anchor {
    /// Nanoseconds since the epoch.
    At(i64),
    /// The first step of the query.
    Start,
    /// The last.
    End,
}

#[derive(Debug, Clone)]
pub(crate) struct Subquery {
    pub(crate) expr: Expr,
    pub(crate) range: Duration,
    pub(crate) step: Option<Duration>,
    pub(crate) when: When,
}

#[derive(Debug, Clone)]
pub(crate) struct Aggregate {
    pub(crate) op: AggregateOp,
    pub(crate) grouping: Grouping,
    pub(crate) parameter: Option<Expr>,
    pub(crate) expr: Expr,
}

/// How a vector's elements are told into groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Grouping {
    By(Vec<String>),
    Without(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AggregateOp {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    Quantile,
    CountValues,
    Limitk,
    LimitRatio,
}

impl AggregateOp {
    /// All of them by name.
    pub(crate) const ALL: [(&'static str, Self); 14] = [
        ("sum", Self::Sum),
        ("avg", Self::Avg),
        ("min", Self::Min),
        ("max", Self::Max),
        ("count", Self::Count),
        ("group", Self::Group),
        ("stddev", Self::Stddev),
        ("stdvar", Self::Stdvar),
        ("topk", Self::Topk),
        ("bottomk", Self::Bottomk),
        ("quantile", Self::Quantile),
        ("count_values", Self::CountValues),
        ("limitk", Self::Limitk),
        ("limit_ratio", Self::LimitRatio),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, op)| *op == self)
            .map_or("", |(name, _)| name)
    }

    /// Whether it must be switched on.
    pub(crate) fn stage(self) -> Features {
        match self {
            Self::Limitk | Self::LimitRatio => Features::Experimental,
            _ => Features::Stable,
        }
    }

    /// The type of its parameter, where it takes one.
    pub(crate) fn parameter(self) -> Option<ValueType> {
        match self {
            Self::Topk | Self::Bottomk | Self::Quantile | Self::Limitk | Self::LimitRatio => {
                Some(ValueType::Scalar)
            }
            Self::CountValues => Some(ValueType::String),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Binary {
    pub(crate) op: BinaryOp,
    pub(crate) left: Expr,
    pub(crate) right: Expr,
    /// Known from the sides once, because chains of operators are long.
    pub(crate) value_type: ValueType,
    pub(crate) matching: Matching,
    /// What a comparison gives.
    pub(crate) comparison: Comparison,
}

/// What a comparison gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// The left side's elements for which it is true.
    Filter,
    /// 1 or 0 (`bool`).
    Number,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    And,
    Or,
    Unless,
    TrimUpper,
    TrimLower,
}

impl BinaryOp {
    /// All of them as written, with how tightly they bind.
    const ALL: [(&'static str, Self, u8); 18] = [
        ("or", Self::Or, 1),
        ("and", Self::And, 2),
        ("unless", Self::Unless, 2),
        ("==", Self::Equal, 3),
        ("!=", Self::NotEqual, 3),
        (">", Self::Greater, 3),
        ("<", Self::Less, 3),
        (">=", Self::GreaterOrEqual, 3),
        ("<=", Self::LessOrEqual, 3),
        ("</", Self::TrimUpper, 3),
        (">/", Self::TrimLower, 3),
        ("+", Self::Add, 4),
        ("-", Self::Sub, 4),
        ("*", Self::Mul, 5),
        ("/", Self::Div, 5),
        ("%", Self::Mod, 5),
        ("atan2", Self::Atan2, 5),
        ("^", Self::Pow, 6),
    ];

    /// The operator written so, in lower case, and how tightly it binds.
    pub(super) fn of(text: &str) -> Option<(Self, u8)> {
        let found = Self::ALL.iter().find(|(name, _, _)| *name == text);
        found.map(|(_, op, tightness)| (*op, *tightness))
    }

    /// As written.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, op, _)| *op == self)
            .map_or("", |(name, _, _)| name)
    }

    pub(crate) fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Equal
                | Self::NotEqual
                | Self::Greater
                | Self::Less
                | Self::GreaterOrEqual
                | Self::LessOrEqual
        )
    }

    pub(crate) fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }
}

/// Which elements of two vectors belong together.
#[derive(Debug, Clone)]
pub(crate) struct Matching {
    pub(crate) labels: MatchLabels,
    pub(crate) cardinality: Cardinality,
    /// What stands in for elements that one side lacks.
    pub(crate) fill_left: Option<f64>,
    pub(crate) fill_right: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MatchLabels {
    On(Vec<String>),
    Ignoring(Vec<String>),
}

impl MatchLabels {
    pub(crate) fn names(&self) -> &[String] {
        match self {
            Self::On(names) | Self::Ignoring(names) => names,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cardinality {
    OneToOne,
    /// `group_left`, with labels taken from the right.
    ManyToOne(Vec<String>),
    /// `group_right`, with labels taken from the left.
    OneToMany(Vec<String>),
}

impl Expr {
    /// What sort of value it has.
    pub(crate) fn value_type(&self) -> ValueType {
        match &self.kind {
            Kind::Number(_) => ValueType::Scalar,
            Kind::Text(_) => ValueType::String,
            Kind::Selector(_) | Kind::Aggregate(_) => ValueType::Vector,
            Kind::Range { .. } | Kind::Subquery(_) => ValueType::Matrix,
            Kind::Call { function, .. } => function.result,
            Kind::Binary(binary) => binary.value_type,
            Kind::Negate(inner) | Kind::Paren(inner) => inner.value_type(),
        }
    }

    /// This without the parentheses around it.
    pub(crate) fn bare(&self) -> &Self {
        let mut bare = self;
        while let Kind::Paren(inner) = &bare.kind {
            bare = inner;
        }
        bare
    }
}

/// A type as Prometheus' documentation names it.
pub(crate) fn documented(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Scalar => "scalar",
        ValueType::String => "string",
        ValueType::Vector => "instant vector",
        ValueType::Matrix => "range vector",
    }
}
