//! Whether an answer says what was expected, and how it does not.

use std::collections::BTreeMap;
use std::fmt::Write;

use tacho_model::{Labels, Timestamp};

use super::points::{HintSaid, Item};
use crate::histogram::Float;
use crate::{FloatHistogram, Point, Steps, Value};

/// Numbers are equal when they differ by at most this part of the sum of their magnitudes.
const TOLERANCE: f64 = 1e-6;
/// Most differences that are told of one evaluation.
const TOLD_MAX: usize = 5;

/// Whether the order of series matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Any,
    AsSaid,
}

/// What is said at the steps of a query.
type Said<'a> = BTreeMap<&'a Labels, Vec<(Timestamp, &'a Item)>>;

/// One series of an answer.
struct Got<'a> {
    labels: &'a Labels,
    points: Vec<(Timestamp, GotPoint<'a>)>,
}

#[derive(Clone, Copy)]
enum GotPoint<'a> {
    Float(f64),
    Histogram(&'a FloatHistogram),
}

/// Compares series; times are those of `steps`.
pub(super) fn series(
    expected: &[(Labels, Vec<Item>)],
    answer: &Value,
    steps: Steps,
    order: Order,
) -> Result<(), String> {
    let got = match answer {
        Value::Vector(samples) => samples.iter().map(Got::of_sample).collect(),
        Value::Matrix(series) => series.iter().map(Got::of_series).collect(),
        Value::Scalar { value, .. } => {
            return Err(format!(
                "series were expected, not the scalar {}",
                Float(*value)
            ));
        }
        Value::String { value, .. } => {
            return Err(format!("series were expected, not the string {value:?}"));
        }
    };
    let got: Vec<Got<'_>> = got;
    let times: Vec<Timestamp> = steps.iter().collect();
    let mut said: Said<'_> = BTreeMap::new();
    for (labels, items) in expected {
        if items.len() > times.len() {
            let (more, steps) = (items.len(), times.len());
            return Err(format!(
                "{labels} has {more} expected values for {steps} steps"
            ));
        }
        let points = times.iter().copied().zip(items);
        let points = points.filter(|(_, item)| **item != Item::Missing).collect();
        if said.insert(labels, points).is_some() {
            return Err(format!("{labels} is expected twice"));
        }
    }
    if order == Order::AsSaid {
        let expected: Vec<_> = expected
            .iter()
            .map(|(labels, _)| labels.to_string())
            .collect();
        let came: Vec<_> = got.iter().map(|got| got.labels.to_string()).collect();
        if expected != came {
            let (expected, came) = (expected.join(" "), came.join(" "));
            return Err(format!("the order is {came}, not {expected}"));
        }
    }
    let differences = differences(&said, &got);
    match differences.len() {
        0 => Ok(()),
        count => {
            let mut told = differences
                .into_iter()
                .take(TOLD_MAX)
                .collect::<Vec<_>>()
                .join("; ");
            if count > TOLD_MAX {
                let _ = write!(told, "; and {} more", count - TOLD_MAX);
            }
            Err(told)
        }
    }
}

fn differences(said: &Said<'_>, got: &[Got<'_>]) -> Vec<String> {
    let mut differences = Vec::new();
    let mut came: BTreeMap<&Labels, &Got<'_>> = BTreeMap::new();
    for one in got {
        if came.insert(one.labels, one).is_some() {
            differences.push(format!("{} came twice", one.labels));
        }
        if !said.contains_key(one.labels) {
            differences.push(format!("{} {} is not expected", one.labels, one.shown()));
        }
    }
    for (labels, expected) in said {
        match came.get(labels) {
            Some(one) => differences.extend(one.differs(expected)),
            None if expected.is_empty() => {}
            None => differences.push(format!("{labels} is missing")),
        }
    }
    differences
}

impl<'a> Got<'a> {
    fn of_sample(sample: &'a crate::Sample) -> Self {
        let point = match &sample.value {
            Point::Float(value) => GotPoint::Float(*value),
            Point::Histogram(value) => GotPoint::Histogram(value),
        };
        Self {
            labels: &sample.labels,
            points: vec![(sample.time, point)],
        }
    }

    fn of_series(series: &'a crate::Series) -> Self {
        let floats = series.floats.iter().map(|(t, v)| (*t, GotPoint::Float(*v)));
        let histograms = series.histograms.iter();
        let histograms = histograms.map(|(t, v)| (*t, GotPoint::Histogram(v)));
        let mut points: Vec<_> = floats.chain(histograms).collect();
        points.sort_by_key(|(time, _)| *time);
        Self {
            labels: &series.labels,
            points,
        }
    }

    fn shown(&self) -> String {
        let points = self.points.iter().take(TOLD_MAX);
        points
            .map(|(_, point)| point.shown())
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn differs(&self, expected: &[(Timestamp, &Item)]) -> Option<String> {
        let labels = self.labels;
        for ((due, item), (time, point)) in expected.iter().zip(&self.points) {
            if due != time {
                let seconds = time.as_secs_f64();
                let due = due.as_secs_f64();
                return Some(format!(
                    "{labels} has a point at {seconds} s, not at {due} s"
                ));
            }
            if let Err(difference) = point.is(item) {
                return Some(format!(
                    "{labels} at {} s: {difference}",
                    time.as_secs_f64()
                ));
            }
        }
        let (came, due) = (self.points.len(), expected.len());
        (came != due).then(|| format!("{labels} has {came} points, not {due}: {}", self.shown()))
    }
}

impl GotPoint<'_> {
    fn shown(self) -> String {
        match self {
            Self::Float(value) => Float(value).to_string(),
            Self::Histogram(value) => value.to_string(),
        }
    }

    fn is(self, item: &Item) -> Result<(), String> {
        match (self, item) {
            (Self::Float(got), Item::Float(expected)) if almost_equal(got, *expected) => Ok(()),
            (Self::Histogram(got), Item::Histogram(expected, said)) => {
                if *said == HintSaid::Yes && got.hint != expected.hint {
                    return Err(format!(
                        "the hint is {:?}, not {:?}",
                        got.hint, expected.hint
                    ));
                }
                if is_almost(got, expected) {
                    return Ok(());
                }
                Err(format!("{got}, not {expected}{}", layouts(got, expected)))
            }
            (got, Item::Float(expected)) => {
                Err(format!("{}, not {}", got.shown(), Float(*expected)))
            }
            (got, Item::Histogram(expected, _)) => Err(format!("{}, not {expected}", got.shown())),
            (got, Item::Missing) => Err(format!("{}, not nothing", got.shown())),
        }
    }
}

/// What two histograms differ in that their text does not show.
fn layouts(got: &FloatHistogram, expected: &FloatHistogram) -> String {
    let layout = |h: &FloatHistogram| (h.schema(), h.zero_threshold());
    if layout(got) == layout(expected) {
        return String::new();
    }
    format!(
        " (schema and zero bucket {:?}, not {:?})",
        layout(got),
        layout(expected)
    )
}

fn is_almost(got: &FloatHistogram, expected: &FloatHistogram) -> bool {
    let is_same_row = |a: &(_, f64, f64, f64), b: &(_, f64, f64, f64)| {
        almost_equal(a.1, b.1) && almost_equal(a.2, b.2) && almost_equal(a.3, b.3)
    };
    let (rows, expected_rows): (Vec<_>, Vec<_>) = (got.rows().collect(), expected.rows().collect());
    got.schema() == expected.schema()
        && got.custom_bounds() == expected.custom_bounds()
        && almost_equal(got.zero_threshold(), expected.zero_threshold())
        && almost_equal(got.count, expected.count)
        && almost_equal(got.sum, expected.sum)
        && rows.len() == expected_rows.len()
        && rows
            .iter()
            .zip(&expected_rows)
            .all(|(a, b)| is_same_row(a, b))
}

/// Whether two numbers differ by no more than [`TOLERANCE`].
pub(super) fn almost_equal(a: f64, b: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let size = a.abs() + b.abs();
    if a == 0.0 || b == 0.0 || size < f64::MIN_POSITIVE {
        return (a - b).abs() < TOLERANCE * f64::MIN_POSITIVE;
    }
    (a - b).abs() / size.min(f64::MAX) < TOLERANCE
}
