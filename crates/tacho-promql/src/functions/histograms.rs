//! What histograms say: native ones, and classic ones whose buckets are series with `le`.
//!
//! - [`buckets`]: quantiles and fractions of classic histograms

mod buckets;

use std::collections::HashMap;
use std::ops::Range;

use tacho_model::Labels;

use super::{Error, Evaluator, Expr, Output, Steps};
use crate::eval::column::{Cell, Column, is_absent};
use crate::eval::notes::{Note, Notes};
use crate::eval::text_of;
use crate::histogram::{Float, FloatHistogram, NanEffect};
use buckets::Bucket;

macro_rules! of_native {
    ($($name:ident: $of:expr;)*) => {$(
        pub(super) fn $name(
            evaluator: &Evaluator<'_>,
            _: &Expr,
            arguments: &[Expr],
            steps: Steps,
        ) -> Result<Output, Error> {
            of_native(evaluator, arguments, steps, $of)
        }
    )*};
}

of_native! {
    count: |h| h.count;
    sum: |h| h.sum;
    avg: FloatHistogram::avg;
    stddev: FloatHistogram::stddev;
    stdvar: FloatHistogram::stdvar;
}

/// A number of each native histogram; other elements go.
fn of_native(
    evaluator: &Evaluator<'_>,
    arguments: &[Expr],
    steps: Steps,
    of: fn(&FloatHistogram) -> f64,
) -> Result<Output, Error> {
    let columns = evaluator.vector(&arguments[0], steps)?;
    let with = |column: Column| {
        let mut result = Column::new(column.labels, steps.count());
        result.loses_name = column.loses_name;
        for (step, histogram) in column.histograms.iter().enumerate() {
            if let Some(histogram) = histogram {
                result.floats[step] = of(histogram);
            }
        }
        (!result.is_empty()).then_some(result)
    };
    let columns = columns.into_iter().filter_map(with).collect();
    Ok(Output::Vector(evaluator.unnamed(columns)?))
}

pub(super) fn quantile(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    let fractions = evaluator.scalar(&arguments[0], steps)?;
    let columns = evaluator.vector(&arguments[1], steps)?;
    let places = [&arguments[0].at, &arguments[1].at];
    let results = quantile_of(evaluator, &fractions, &columns, places)?;
    Ok(Output::Vector(evaluator.unnamed(results)?))
}

/// Several quantiles, told apart by a label.
pub(super) fn quantiles(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    let label = text_of(&arguments[1])?;
    let asked = &arguments[2..];
    if asked.is_empty() || asked.len() > QUANTILES_MAX {
        let message = format!(
            "histogram_quantiles() takes 1 to {QUANTILES_MAX} quantiles, got {}",
            asked.len()
        );
        return Err(Error::Execution(message));
    }
    let columns = evaluator.vector(&arguments[0], steps)?;
    let mut results = Vec::new();
    for expr in asked {
        let fractions = evaluator.scalar(expr, steps)?;
        let places = [&expr.at, &arguments[0].at];
        for column in quantile_of(evaluator, &fractions, &columns, places)? {
            // A fraction may differ from step to step, and is a series of its own then.
            let mut values: Vec<f64> = fractions.clone();
            values.sort_by(f64::total_cmp);
            values.dedup_by(|a, b| a.to_bits() == b.to_bits());
            for value in values {
                let mut part = column.clone();
                for (step, fraction) in fractions.iter().enumerate() {
                    if fraction.to_bits() != value.to_bits() {
                        part.clear(step);
                    }
                }
                let labels = part.labels.with(label, &Float(value).to_string());
                part.labels = labels.map_err(|error| Error::Execution(error.to_string()))?;
                results.push(part);
            }
        }
    }
    results.retain(|column| !column.is_empty());
    Ok(Output::Vector(evaluator.unnamed(results)?))
}

/// Most quantiles that are asked for at once.
const QUANTILES_MAX: usize = 10;

/// The quantile of each histogram; the places are those of the fraction and of the vector.
fn quantile_of(
    evaluator: &Evaluator<'_>,
    fractions: &[f64],
    columns: &[Column],
    [fraction_at, at]: [&Range<usize>; 2],
) -> Result<Vec<Column>, Error> {
    let mut notes = Notes::default();
    for q in fractions {
        if !(0.0..=1.0).contains(q) {
            let note = Note::InvalidQuantile(Float(*q).to_string());
            notes.add(note, fraction_at);
        }
    }
    let of_native = |step: usize, h: &FloatHistogram, metric: &str, notes: &mut Notes| {
        let found = h.quantile(fractions[step]);
        match found.nan {
            Some(NanEffect::Skewed) => {
                notes.add(Note::QuantileBesideNans(metric.to_owned()), at);
            }
            Some(NanEffect::Beyond) => notes.add(Note::QuantileOfNans(metric.to_owned()), at),
            None => {}
        }
        found.value
    };
    let of_classic = |step: usize, buckets: &mut Vec<Bucket>, metric: &str, notes: &mut Notes| {
        let (value, forced) = buckets::quantile(fractions[step], buckets);
        if forced {
            notes.add(Note::ForcedMonotonicity(metric.to_owned()), at);
        }
        value
    };
    of_any(
        evaluator,
        (columns, at),
        fractions.len(),
        notes,
        (of_native, of_classic),
    )
}

pub(super) fn fraction(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    let lower = evaluator.scalar(&arguments[0], steps)?;
    let upper = evaluator.scalar(&arguments[1], steps)?;
    let at = arguments[2].at.clone();
    let of_native = |step: usize, h: &FloatHistogram, metric: &str, notes: &mut Notes| {
        let found = h.fraction(lower[step], upper[step]);
        if found.has_nan {
            notes.add(Note::FractionBesideNans(metric.to_owned()), &at);
        }
        found.value
    };
    let of_classic = |step: usize, buckets: &mut Vec<Bucket>, _: &str, _: &mut Notes| {
        buckets::fraction(lower[step], upper[step], buckets)
    };
    let columns = evaluator.vector(&arguments[2], steps)?;
    let (steps, notes) = (steps.count(), Notes::default());
    let results = of_any(
        evaluator,
        (&columns, &at),
        steps,
        notes,
        (of_native, of_classic),
    )?;
    Ok(Output::Vector(evaluator.unnamed(results)?))
}

/// Series that are one histogram: at most one native, and buckets with their upper bounds.
struct Group {
    labels: Labels,
    loses_name: bool,
    metric: String,
    native: Option<usize>,
    buckets: Vec<(f64, usize)>,
}

/// A number of each histogram, native or classic.
fn of_any(
    evaluator: &Evaluator<'_>,
    (columns, at): (&[Column], &Range<usize>),
    steps: usize,
    mut notes: Notes,
    (of_native, of_classic): (
        impl Fn(usize, &FloatHistogram, &str, &mut Notes) -> f64,
        impl Fn(usize, &mut Vec<Bucket>, &str, &mut Notes) -> f64,
    ),
) -> Result<Vec<Column>, Error> {
    let mut results = Vec::new();
    let mut buckets = Vec::new();
    for group in grouped(columns, at, &mut notes)? {
        let mut result = Column::new(group.labels, steps);
        result.loses_name = group.loses_name;
        for step in 0..steps {
            let native = group.native.map(|index| columns[index].cell(step));
            buckets.clear();
            for (upper, index) in &group.buckets {
                let count = columns[*index].floats[step];
                if !is_absent(count) {
                    buckets.push(Bucket {
                        upper: *upper,
                        count,
                    });
                }
            }
            result.floats[step] = match native {
                Some(Cell::Histogram(_)) if !buckets.is_empty() => {
                    notes.add(Note::MixedClassicNative(group.metric.clone()), at);
                    continue;
                }
                Some(Cell::Histogram(histogram)) => {
                    of_native(step, histogram, &group.metric, &mut notes)
                }
                _ if buckets.is_empty() => continue,
                _ => of_classic(step, &mut buckets, &group.metric, &mut notes),
            };
        }
        if !result.is_empty() {
            results.push(result);
        }
    }
    evaluator.note(notes);
    Ok(results)
}

/// Tells series into histograms, by their labels but for `le` and, of buckets, the name.
fn grouped(columns: &[Column], at: &Range<usize>, notes: &mut Notes) -> Result<Vec<Group>, Error> {
    let mut groups = Groups::default();
    for (index, column) in columns.iter().enumerate() {
        if column.histograms.iter().any(Option::is_some) {
            groups.of(column.labels.clone(), column).native = Some(index);
        }
        if !column.floats.iter().any(|value| !is_absent(*value)) {
            continue;
        }
        let le = column.labels.get("le");
        let Some(upper) = le.and_then(upper_bound) else {
            let value = le.unwrap_or("").to_owned();
            let metric = column.labels.name().to_owned();
            notes.add(Note::BadBucketLabel { value, metric }, at);
            continue;
        };
        let labels = column.labels.with("le", "");
        let labels = labels.map_err(|error| Error::Execution(error.to_string()))?;
        groups.of(labels, column).buckets.push((upper, index));
    }
    Ok(groups.all)
}

#[derive(Default)]
struct Groups {
    all: Vec<Group>,
    places: HashMap<Labels, usize>,
}

impl Groups {
    /// The group of these labels, to which a column belongs.
    fn of(&mut self, labels: Labels, column: &Column) -> &mut Group {
        let next = self.all.len();
        let place = *self.places.entry(labels.clone()).or_insert(next);
        if place == next {
            self.all.push(Group {
                labels,
                loses_name: column.loses_name,
                metric: column.labels.name().to_owned(),
                native: None,
                buckets: Vec::new(),
            });
        }
        &mut self.all[place]
    }
}

/// A bound as `le` gives it.
fn upper_bound(text: &str) -> Option<f64> {
    let is_number = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let upper: f64 = text.parse().ok().filter(|_| text.chars().all(is_number))?;
    (!upper.is_nan()).then_some(upper)
}
