//! A query: parsed once, evaluated as often as one likes.

use tacho_model::{Querier, Timestamp};

use crate::answer::{Answer, Stats, Value, ValueType};
use crate::error::Error;
use crate::options::{Features, Options, Steps, Watch};

/// A valid expression.
#[derive(Debug, Clone)]
pub struct Query {
    number: f64,
}

/// Parses an expression and checks its types.
pub fn parse(query: &str, _features: Features) -> Result<Query, Error> {
    let number = query.trim().parse().map_err(|_| Error::Parse {
        position: crate::error::Position::of(query, 0),
        message: "not a number".to_owned(),
    })?;
    Ok(Query { number })
}

impl Query {
    /// What it evaluates to.
    pub fn value_type(&self) -> ValueType {
        ValueType::Scalar
    }

    /// Evaluates it at one instant.
    pub fn instant(
        &self,
        _querier: &dyn Querier,
        at: Timestamp,
        _options: &Options,
        _watch: &dyn Watch,
    ) -> Result<Answer, Error> {
        Ok(Answer {
            value: Value::Scalar {
                time: at,
                value: self.number,
            },
            warnings: Vec::new(),
            infos: Vec::new(),
            stats: Stats::default(),
        })
    }

    /// Evaluates it at each step.
    pub fn range(
        &self,
        _querier: &dyn Querier,
        _steps: Steps,
        _options: &Options,
        _watch: &dyn Watch,
    ) -> Result<Answer, Error> {
        Ok(Answer {
            value: Value::Matrix(Vec::new()),
            warnings: Vec::new(),
            infos: Vec::new(),
            stats: Stats::default(),
        })
    }
}
