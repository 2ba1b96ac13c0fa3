//! A series as the evaluator holds it: its labels, and a value for each step.
//!
//! Invariants of a [`Column`]:
//! 1. `floats` has one entry a step; where there is no number it is [`ABSENT`];
//! 2. `histograms` is empty, or has one entry a step;
//! 3. no step has both.
//!
//! [`ABSENT`] is Prometheus' staleness marker: selectors take markers out of what they read, and
//! arithmetic cannot make one (a signalling NaN comes out quiet), so no value is ever mistaken
//! for it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use tacho_model::Labels;
use tacho_model::append::STALE_NAN_BITS;

use crate::answer::Point;
use crate::error::Error;
use crate::histogram::FloatHistogram;
use crate::options::MetricLabels;

/// Stands where a step has no number.
pub(crate) const ABSENT: f64 = f64::from_bits(STALE_NAN_BITS);

/// Whether this is [`ABSENT`].
pub(crate) fn is_absent(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// A series over the steps.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) labels: Labels,
    /// Whether the metric name is to be taken off the answer.
    pub(crate) loses_name: bool,
    pub(crate) floats: Vec<f64>,
    pub(crate) histograms: Vec<Option<Box<FloatHistogram>>>,
}

/// What a series has at one step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'a> {
    Absent,
    Float(f64),
    Histogram(&'a FloatHistogram),
}

impl Column {
    /// A series without a value at any of `steps` steps.
    pub(crate) fn new(labels: Labels, steps: usize) -> Self {
        Self {
            labels,
            loses_name: false,
            floats: vec![ABSENT; steps],
            histograms: Vec::new(),
        }
    }

    /// A series of numbers.
    pub(crate) fn of(labels: Labels, floats: Vec<f64>) -> Self {
        Self {
            labels,
            loses_name: false,
            floats,
            histograms: Vec::new(),
        }
    }

    pub(crate) fn steps(&self) -> usize {
        self.floats.len()
    }

    pub(crate) fn cell(&self, step: usize) -> Cell<'_> {
        match self.histograms.get(step) {
            Some(Some(histogram)) => Cell::Histogram(histogram),
            _ if is_absent(self.floats[step]) => Cell::Absent,
            _ => Cell::Float(self.floats[step]),
        }
    }

    pub(crate) fn has(&self, step: usize) -> bool {
        !is_absent(self.floats[step]) || matches!(self.histograms.get(step), Some(Some(_)))
    }

    /// Whether no step has a value.
    pub(crate) fn is_empty(&self) -> bool {
        self.histograms.iter().all(Option::is_none) && self.floats.iter().all(|v| is_absent(*v))
    }

    pub(crate) fn put(&mut self, step: usize, point: Point) {
        match point {
            Point::Float(value) => {
                self.floats[step] = value;
                if let Some(cell) = self.histograms.get_mut(step) {
                    *cell = None;
                }
            }
            Point::Histogram(histogram) => {
                if self.histograms.is_empty() {
                    self.histograms.resize(self.steps(), None);
                }
                self.histograms[step] = Some(histogram);
                self.floats[step] = ABSENT;
            }
        }
    }

    /// Takes the value away.
    pub(crate) fn clear(&mut self, step: usize) {
        self.floats[step] = ABSENT;
        if let Some(cell) = self.histograms.get_mut(step) {
            *cell = None;
        }
    }

    /// Changes every number; distributions go.
    pub(crate) fn map(&mut self, mut of: impl FnMut(usize, f64) -> f64) {
        self.histograms = Vec::new();
        for (step, value) in self.floats.iter_mut().enumerate() {
            if !is_absent(*value) {
                *value = of(step, *value);
            }
        }
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> u64 {
        let histograms: usize = self
            .histograms
            .iter()
            .flatten()
            .map(|h| h.size_bytes())
            .sum();
        let cells = self.floats.len() * 8 + self.histograms.len() * 8;
        (size_of::<Self>() + self.labels.as_ref().as_bytes().len() + cells + histograms) as u64
    }
}

impl Cell<'_> {
    pub(crate) fn to_point(self) -> Option<Point> {
        match self {
            Self::Absent => None,
            Self::Float(value) => Some(Point::Float(value)),
            Self::Histogram(histogram) => Some(Point::Histogram(Box::new(histogram.clone()))),
        }
    }
}

/// Makes series with equal labels one; two that have a value at the same step are an error.
pub(crate) fn distinct(columns: Vec<Column>) -> Result<Vec<Column>, Error> {
    let mut places: HashMap<Labels, usize> = HashMap::with_capacity(columns.len());
    let mut kept: Vec<Column> = Vec::with_capacity(columns.len());
    for column in columns {
        let place = match places.entry(column.labels.clone()) {
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(column);
                continue;
            }
            Entry::Occupied(place) => *place.get(),
        };
        let into = &mut kept[place];
        for step in 0..column.steps() {
            let Some(point) = column.cell(step).to_point() else {
                continue;
            };
            if into.has(step) {
                let message = "vector cannot contain metrics with the same labelset";
                return Err(Error::Execution(message.to_owned()));
            }
            into.put(step, point);
        }
    }
    Ok(kept)
}

/// Whether taking the metric away cannot make two series equal.
pub(crate) fn share_one_metric(columns: &[Column], metric: MetricLabels) -> bool {
    let Some((first, rest)) = columns.split_first() else {
        return true;
    };
    let is_same = |column: &Column, name| column.labels.get(name) == first.labels.get(name);
    rest.iter()
        .all(|column| metric.names().iter().all(|name| is_same(column, name)))
}
