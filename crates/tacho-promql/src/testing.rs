//! Prometheus' language for testing PromQL: `load` some series, `eval` a query, say what it gives.
//!
//! A [`Script`] is read as a whole before anything runs, so that a mistake in it is told with its
//! line. Each `eval` stands for itself: one that fails does not end the script. In reading order:
//!
//! - [`Script`] and the commands it is made of: `script`
//! - a series and its points, `http{code="200"} 0+10x5 _ stale {{count:3}}`: `series`, `points`,
//!   `native`
//! - what an `eval` says of errors and annotations: `expect`
//! - the series while a script runs, which answer as a store would: [`Memory`]
//! - running, and comparing what came with what was said: `run`, `compare`
//!
//! What the documentation leaves open, and what is chosen here:
//!
//! - Numbers are equal when they differ by at most a millionth of the sum of their magnitudes;
//!   NaN is equal to NaN.
//! - Metric names go at the end of an evaluation ([`NameRemoval::Delayed`]), as in Prometheus' own
//!   tests of its engine, and labels of type and unit with them ([`MetricLabels`]).
//! - An instant query is also asked as a range query of three steps of a minute around its time,
//!   and the middle step must say the same; so must the query with `@` on every selector at another
//!   time. Not so where the result is not a vector, an order is said, or the query speaks of its own
//!   range (`start()`, `end()`, `step()`, `range()`).
//! - An annotation's position, ` (1:5)` at its end, may be left out in `msg:`, as it was in older
//!   scripts.
//! - Start timestamps (`@st`) are read and checked but not used: a [`Querier`] has none.
//!
//! Source: Prometheus, "The PromQL test scripting language", and "Unit testing for rules" for the
//! notation of points.
//!
//! [`MetricLabels`]: crate::MetricLabels
//! [`NameRemoval::Delayed`]: crate::NameRemoval::Delayed
//! [`Querier`]: tacho_model::Querier

mod classic;
mod compare;
mod expect;
mod memory;
mod native;
mod points;
mod run;
mod script;
mod series;

pub use memory::Memory;
pub use run::{Failure, Report};
pub use script::{Script, ScriptError};

use crate::{Features, MetricLabels, NameRemoval, Options};

/// How a script is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which functions its queries may use.
    pub features: Features,
    /// How they are evaluated.
    pub options: Options,
}

impl Default for Settings {
    fn default() -> Self {
        let options = Options {
            name_removal: NameRemoval::Delayed,
            metric_labels: MetricLabels::NameTypeAndUnit,
            ..Options::default()
        };
        Self {
            features: Features::Stable,
            options,
        }
    }
}

#[cfg(test)]
mod tests;
