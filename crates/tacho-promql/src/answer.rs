//! What a query answers.
//!
//! An instant vector keeps the order that the expression gives it (`sort`, `topk`); the series of
//! a matrix are sorted by their labels, and the points of each by time.

use tacho_model::{Labels, Timestamp};

use crate::histogram::FloatHistogram;

/// The answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What the expression evaluates to.
    pub value: Value,
    /// What is probably wrong about it, in Prometheus' words.
    pub warnings: Vec<String>,
    /// What may be worth knowing about it, in Prometheus' words.
    pub infos: Vec<String>,
    /// What it took.
    pub stats: Stats,
}

/// What an expression evaluates to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number that belongs to no series.
    Scalar {
        /// When.
        time: Timestamp,
        /// The number.
        value: f64,
    },
    /// A text.
    String {
        /// When.
        time: Timestamp,
        /// The text.
        value: String,
    },
    /// Series with one point each, all at the same time.
    Vector(Vec<Sample>),
    /// Series with many points each.
    Matrix(Vec<Series>),
}

/// What sort of value an expression has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// A number at each step.
    Scalar,
    /// A text.
    String,
    /// A point a series at each step.
    Vector,
    /// Points of each series at each step.
    Matrix,
}

impl ValueType {
    /// Prometheus' name for it, as in the API's `resultType`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::String => "string",
            Self::Vector => "vector",
            Self::Matrix => "matrix",
        }
    }
}

/// A series' value at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Whose.
    pub labels: Labels,
    /// When.
    pub time: Timestamp,
    /// What.
    pub value: Point,
}

/// A number or a distribution.
#[derive(Debug, Clone, PartialEq)]
pub enum Point {
    /// A number.
    Float(f64),
    /// A distribution.
    Histogram(Box<FloatHistogram>),
}

/// A series' values over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Whose.
    pub labels: Labels,
    /// Its numbers, by time.
    pub floats: Vec<(Timestamp, f64)>,
    /// Its distributions, by time.
    pub histograms: Vec<(Timestamp, FloatHistogram)>,
}

/// What a query took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Series that were selected, each as often as it was.
    pub series: u64,
    /// Samples that were read, each as often as it was.
    pub samples: u64,
    /// Most bytes that results of parts of the expression held at one time.
    pub peak_bytes: u64,
}
