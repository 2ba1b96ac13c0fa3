//! What a metric is sent as: the kind of its data, its unit, and what is told beside.
//!
//! A receiver puts a counter's `_total` and a unit's word behind a name that lacks them. So a
//! counter whose name does not end in `_total` is sent as a sum that may fall, and a unit that
//! would change the name is told beside the metric, where only a Tachograph looks.

use std::collections::HashMap;

use tacho_model::{Kind, Metadata};

use super::Describe;
use super::who::put_text;
use crate::otlp::metrics::Kind as Sent;
use crate::otlp::metrics::as_is::{KIND, UNIT, UNKNOWN};
use crate::otlp::metrics::names::metric_name;
use crate::otlp::put;

/// `AGGREGATION_TEMPORALITY_DELTA`.
const DELTA: u64 = 1;
/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u64 = 2;

/// What a sample's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Number,
    /// A distribution since a counter's reset.
    Cumulative,
    /// A distribution since the sample before.
    Delta,
    /// A classic histogram.
    Explicit,
}

impl Shape {
    pub(super) const ALL: [Self; 4] = [Self::Number, Self::Cumulative, Self::Delta, Self::Explicit];
}

/// The forms of a name's metrics.
#[derive(Debug, Clone)]
pub(super) struct Form {
    metadata: Option<Metadata>,
    /// What its numbers are, and whether their unit can stand in the metric.
    number: (Sent, bool),
    /// Whether a distribution's unit can.
    native: bool,
}

impl Form {
    pub(super) fn new(name: &str, metadata: Option<Metadata>) -> Self {
        let unit = metadata.as_ref().map(|known| known.unit.clone());
        let unit = unit.unwrap_or_default();
        let unit = unit.as_str();
        let is_counter = match &metadata {
            Some(known) => known.kind == Kind::Counter,
            // As it is read where nobody described it.
            None => name.ends_with("_total"),
        };
        let stays = |unit, kind| metric_name(name, unit, kind) == name;
        let kinds: &[Sent] = if is_counter {
            &[Sent::Counter, Sent::UpDown]
        } else {
            &[Sent::Gauge]
        };
        let forms = kinds.iter().flat_map(|kind| [(*kind, unit), (*kind, "")]);
        let form = forms.clone().find(|(kind, unit)| stays(unit, *kind));
        // A name that no receiver keeps is sent as what it is.
        let (kind, sent) = form.unwrap_or((kinds[0], unit));
        Self {
            number: (kind, sent == unit),
            native: stays(unit, Sent::Exponential),
            metadata,
        }
    }

    /// The field of `Metric` that the samples are in.
    pub(super) fn data(&self, shape: Shape) -> u32 {
        match (shape, self.number.0) {
            (Shape::Number, Sent::Gauge) => 5,
            (Shape::Number, _) => 7,
            (Shape::Explicit, _) => 9,
            (Shape::Cumulative | Shape::Delta, _) => 10,
        }
    }

    fn has_unit(&self, shape: Shape) -> bool {
        match shape {
            Shape::Number => self.number.1,
            _ => self.native,
        }
    }

    fn unit(&self) -> &str {
        let metadata = self.metadata.as_ref();
        metadata.map_or("", |known| known.unit.as_str())
    }

    /// `name = 1`, `description = 2`, `unit = 3` of `Metric`.
    pub(super) fn put_head(&self, name: &str, shape: Shape, out: &mut Vec<u8>) {
        put::bytes(1, name.as_bytes(), out);
        if let Some(known) = &self.metadata {
            put::bytes(2, known.help.as_bytes(), out);
        }
        if self.has_unit(shape) {
            put::bytes(3, self.unit().as_bytes(), out);
        }
    }

    /// `aggregation_temporality = 2`, `is_monotonic = 3` of the data.
    pub(super) fn put_temporality(&self, shape: Shape, out: &mut Vec<u8>) {
        let temporality = match (shape, self.number.0) {
            (Shape::Number, Sent::Gauge) => return,
            (Shape::Delta, _) => DELTA,
            _ => CUMULATIVE,
        };
        put::integer(2, temporality, out);
        let is_monotonic = shape == Shape::Number && self.number.0 == Sent::Counter;
        put::integer(3, u64::from(is_monotonic), out);
    }

    /// `metadata = 12` of `Metric`.
    pub(super) fn put_told(&self, shape: Shape, out: &mut Vec<u8>) {
        let kind = self.metadata.as_ref().map(|known| known.kind.as_str());
        put_text(12, KIND, kind.unwrap_or(UNKNOWN), out);
        if !self.has_unit(shape) {
            put_text(12, UNIT, self.unit(), out);
        }
    }
}

/// The forms of all names of a request.
pub(super) struct Forms<'a, 'd> {
    describe: Describe<'d>,
    known: HashMap<&'a str, Form>,
}

impl<'a, 'd> Forms<'a, 'd> {
    pub(super) fn new(describe: Describe<'d>) -> Self {
        Self {
            describe,
            known: HashMap::new(),
        }
    }

    pub(super) fn of(&mut self, name: &'a str) -> Form {
        let describe = &mut self.describe;
        let form = self.known.entry(name);
        form.or_insert_with(|| Form::new(name, describe(name)))
            .clone()
    }
}
