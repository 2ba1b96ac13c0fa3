//! The functions of PromQL: one table, a row each.
//!
//! A function is one of three sorts: it sees each series' samples in a window
//! ([`Run::Window`]), each number by itself ([`Run::Each`]), or its arguments whole
//! ([`Run::Whole`]). To add one, write it in the file of its subject and add its row. Source:
//! Prometheus documentation, "Query functions".

mod absent;
mod calendar;
mod changes;
mod extremes;
mod histograms;
mod info;
mod labels;
mod math;
mod quantile;
mod rate;
mod regression;
mod scalars;
mod sort;
mod spread;
mod sums;

use crate::answer::{Point, ValueType};
use crate::error::Error;
use crate::eval::fold::Fold;
use crate::eval::notes::Notes;
use crate::eval::window::{Prepare, Window};
use crate::eval::{Evaluator, Output};
use crate::options::{Features, Steps};
use crate::syntax::ast::Expr;

pub(crate) use quantile::{order, quantile};
pub(crate) use sums::{Sum, mean};

/// One function.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) arguments: &'static [ValueType],
    pub(crate) arity: Arity,
    pub(crate) result: ValueType,
    pub(crate) stage: Features,
    pub(crate) run: Run,
}

/// How many of the listed arguments must be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arity {
    Exact,
    /// So many of the last ones may be left out.
    Optional(usize),
    /// The last one may be given any number of times, or not at all.
    Repeated,
}

/// How it is computed.
pub(crate) enum Run {
    Window(WindowRun),
    Each(fn(f64, &[f64]) -> f64),
    Whole(Whole),
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Window(_) => "Window",
            Self::Each(_) => "Each",
            Self::Whole(_) => "Whole",
        })
    }
}

/// Gets the call and its arguments, not yet evaluated.
pub(crate) type Whole = fn(&Evaluator<'_>, &Expr, &[Expr], Steps) -> Result<Output, Error>;

/// A function of a series' samples in a window.
pub(crate) struct WindowRun {
    pub(crate) of: fn(&Window<'_>, &mut Notes) -> Option<Point>,
    /// Whether the scalars will do, where they might not.
    pub(crate) check: Option<Check>,
    pub(crate) prepare: Prepare,
    pub(crate) name: Name,
}

/// Looks at the scalars that a function is given at a step.
pub(crate) type Check = fn(&[f64]) -> Result<(), Error>;

/// What becomes of the metric name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    Kept,
    Lost,
}

impl Function {
    /// The function of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        let at = TABLE.binary_search_by_key(&name, |function| function.name);
        at.ok().map(|at| &TABLE[at])
    }

    /// Whether equal arguments give equal results at every step.
    pub(crate) fn is_steady(&self, given: usize) -> bool {
        match self.name {
            "time" | "timestamp" | "predict_linear" | "info" => false,
            // Without an argument these tell of the step itself.
            "pi" | "start" | "end" | "step" | "range" => true,
            _ => given > 0,
        }
    }
}

const SCALAR: ValueType = ValueType::Scalar;
const TEXT: ValueType = ValueType::String;
const VECTOR: ValueType = ValueType::Vector;
const MATRIX: ValueType = ValueType::Matrix;

/// A row of a function of a vector, or of something else that gives a vector.
const fn row(name: &'static str, arguments: &'static [ValueType], run: Run) -> Function {
    let (arity, result, stage) = (Arity::Exact, VECTOR, Features::Stable);
    Function {
        name,
        arguments,
        arity,
        result,
        stage,
        run,
    }
}

/// A function of a window.
const fn window(name: &'static str, of: fn(&Window<'_>, &mut Notes) -> Option<Point>) -> Function {
    prepared(name, of, Prepare::Nothing)
}

const fn prepared(
    name: &'static str,
    of: fn(&Window<'_>, &mut Notes) -> Option<Point>,
    prepare: Prepare,
) -> Function {
    let run = WindowRun {
        of,
        check: None,
        prepare,
        name: Name::Lost,
    };
    row(name, &[MATRIX], Run::Window(run))
}

/// A function of a window that picks one of its samples, so the series stays what it is.
const fn picking(name: &'static str, of: fn(&Window<'_>, &mut Notes) -> Option<Point>) -> Function {
    let run = WindowRun {
        of,
        check: None,
        prepare: Prepare::Nothing,
        name: Name::Kept,
    };
    row(name, &[MATRIX], Run::Window(run))
}

/// A function of a window and of scalars that must be of some sort.
const fn checked(
    name: &'static str,
    of: fn(&Window<'_>, &mut Notes) -> Option<Point>,
    check: Check,
) -> Function {
    let (check, prepare, name_after) = (Some(check), Prepare::Nothing, Name::Lost);
    let run = WindowRun {
        of,
        check,
        prepare,
        name: name_after,
    };
    row(name, &[MATRIX, SCALAR, SCALAR], Run::Window(run))
}

/// A function of each number.
const fn each(name: &'static str, of: fn(f64, &[f64]) -> f64) -> Function {
    row(name, &[VECTOR], Run::Each(of))
}

/// A function of its whole arguments.
const fn whole(name: &'static str, arguments: &'static [ValueType], run: Whole) -> Function {
    row(name, arguments, Run::Whole(run))
}

/// A function of times, by default that of the step.
const fn date(name: &'static str, run: Whole) -> Function {
    row(name, &[VECTOR], Run::Whole(run)).arity(Arity::Optional(1))
}

impl Function {
    const fn arity(self, arity: Arity) -> Self {
        Self { arity, ..self }
    }

    const fn gives(self, result: ValueType) -> Self {
        Self { result, ..self }
    }

    const fn takes(self, arguments: &'static [ValueType]) -> Self {
        Self { arguments, ..self }
    }

    const fn experimental(self) -> Self {
        let stage = Features::Experimental;
        Self { stage, ..self }
    }
}

/// All functions, sorted by name.
pub(crate) static TABLE: [Function; 89] = [
    each("abs", |v, _| v.abs()),
    whole("absent", &[VECTOR], absent::absent),
    whole("absent_over_time", &[MATRIX], absent::absent_over_time),
    each("acos", |v, _| v.acos()),
    each("acosh", |v, _| v.acosh()),
    each("asin", |v, _| v.asin()),
    each("asinh", |v, _| math::asinh(v)),
    each("atan", |v, _| v.atan()),
    each("atanh", |v, _| v.atanh()),
    prepared(
        "avg_over_time",
        sums::avg_over_time,
        Prepare::Folded(Fold::Sum),
    ),
    each("ceil", |v, _| v.ceil()),
    prepared("changes", changes::changes, Prepare::Changes),
    each("clamp", math::clamp).takes(&[VECTOR, SCALAR, SCALAR]),
    each("clamp_max", math::clamp_max).takes(&[VECTOR, SCALAR]),
    each("clamp_min", math::clamp_min).takes(&[VECTOR, SCALAR]),
    each("cos", |v, _| v.cos()),
    each("cosh", |v, _| v.cosh()),
    prepared("count_over_time", sums::count_over_time, Prepare::Times),
    date("day_of_month", calendar::day_of_month),
    date("day_of_week", calendar::day_of_week),
    date("day_of_year", calendar::day_of_year),
    date("days_in_month", calendar::days_in_month),
    each("deg", |v, _| v * 180.0 / std::f64::consts::PI),
    window("delta", rate::delta),
    window("deriv", regression::deriv),
    checked(
        "double_exponential_smoothing",
        regression::smoothed,
        regression::check_factors,
    )
    .experimental(),
    whole("end", &[], scalars::end).gives(SCALAR).experimental(),
    each("exp", |v, _| v.exp()),
    picking("first_over_time", extremes::first_over_time).experimental(),
    each("floor", |v, _| v.floor()),
    whole("histogram_avg", &[VECTOR], histograms::avg),
    whole("histogram_count", &[VECTOR], histograms::count),
    whole(
        "histogram_fraction",
        &[SCALAR, SCALAR, VECTOR],
        histograms::fraction,
    ),
    whole(
        "histogram_quantile",
        &[SCALAR, VECTOR],
        histograms::quantile,
    ),
    whole(
        "histogram_quantiles",
        &[VECTOR, TEXT, SCALAR],
        histograms::quantiles,
    )
    .arity(Arity::Repeated)
    .experimental(),
    whole("histogram_stddev", &[VECTOR], histograms::stddev),
    whole("histogram_stdvar", &[VECTOR], histograms::stdvar),
    whole("histogram_sum", &[VECTOR], histograms::sum),
    date("hour", calendar::hour),
    window("idelta", rate::idelta),
    prepared("increase", rate::increase, Prepare::Resets),
    whole("info", &[VECTOR, VECTOR], info::info)
        .arity(Arity::Optional(1))
        .experimental(),
    window("irate", rate::irate),
    whole("label_join", &[VECTOR, TEXT, TEXT, TEXT], labels::join).arity(Arity::Repeated),
    whole(
        "label_replace",
        &[VECTOR, TEXT, TEXT, TEXT, TEXT],
        labels::replace,
    ),
    picking("last_over_time", extremes::last_over_time),
    each("ln", |v, _| v.ln()),
    each("log10", |v, _| v.log10()),
    each("log2", |v, _| v.log2()),
    window("mad_over_time", spread::mad_over_time).experimental(),
    whole("max_of", &[SCALAR, SCALAR], scalars::max_of)
        .gives(SCALAR)
        .experimental(),
    prepared(
        "max_over_time",
        extremes::extreme_over_time,
        Prepare::Folded(Fold::Greatest),
    ),
    whole("min_of", &[SCALAR, SCALAR], scalars::min_of)
        .gives(SCALAR)
        .experimental(),
    prepared(
        "min_over_time",
        extremes::extreme_over_time,
        Prepare::Folded(Fold::Least),
    ),
    date("minute", calendar::minute),
    date("month", calendar::month),
    whole("pi", &[], scalars::pi).gives(SCALAR),
    window("predict_linear", regression::predict_linear).takes(&[MATRIX, SCALAR]),
    prepared("present_over_time", sums::present_over_time, Prepare::Times),
    window("quantile_over_time", spread::quantile_over_time).takes(&[SCALAR, MATRIX]),
    each("rad", |v, _| v * std::f64::consts::PI / 180.0),
    whole("range", &[], scalars::range)
        .gives(SCALAR)
        .experimental(),
    prepared("rate", rate::rate, Prepare::Resets),
    prepared("resets", changes::resets, Prepare::Resets),
    each("round", math::round)
        .takes(&[VECTOR, SCALAR])
        .arity(Arity::Optional(1)),
    whole("scalar", &[VECTOR], scalars::scalar).gives(SCALAR),
    each("sgn", math::sgn),
    each("sin", |v, _| v.sin()),
    each("sinh", |v, _| v.sinh()),
    whole("sort", &[VECTOR], sort::ascending),
    whole("sort_by_label", &[VECTOR, TEXT], sort::by_label)
        .arity(Arity::Repeated)
        .experimental(),
    whole("sort_by_label_desc", &[VECTOR, TEXT], sort::by_label_desc)
        .arity(Arity::Repeated)
        .experimental(),
    whole("sort_desc", &[VECTOR], sort::descending),
    each("sqrt", |v, _| v.sqrt()),
    whole("start", &[], scalars::start)
        .gives(SCALAR)
        .experimental(),
    window("stddev_over_time", spread::stddev_over_time),
    window("stdvar_over_time", spread::stdvar_over_time),
    whole("step", &[], scalars::step)
        .gives(SCALAR)
        .experimental(),
    prepared(
        "sum_over_time",
        sums::sum_over_time,
        Prepare::Folded(Fold::Sum),
    ),
    each("tan", |v, _| v.tan()),
    each("tanh", |v, _| v.tanh()),
    whole("time", &[], scalars::time).gives(SCALAR),
    whole("timestamp", &[VECTOR], scalars::timestamp),
    window("ts_of_first_over_time", extremes::ts_of_first).experimental(),
    window("ts_of_last_over_time", extremes::ts_of_last).experimental(),
    window("ts_of_max_over_time", extremes::ts_of_max).experimental(),
    window("ts_of_min_over_time", extremes::ts_of_min).experimental(),
    whole("vector", &[SCALAR], scalars::vector),
    date("year", calendar::year),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_each_function_is_found() {
        for function in &TABLE {
            let found = Function::named(function.name);
            assert!(
                found.is_some_and(|f| std::ptr::eq(f, function)),
                "{}",
                function.name
            );
        }
        assert!(Function::named("nofunc").is_none());
    }
}
