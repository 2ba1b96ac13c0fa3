//! What a body says of a metric family, before its samples.

use std::borrow::Cow;

use tacho_model::Batch;

use super::cursor::{unescaped, unquoted};
use super::{Sink, Stop};
use crate::remote_write::metadata::{self, Described, Type};

/// What is said of a family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Family<'a> {
    name: Cow<'a, str>,
    kind: Type,
    unit: &'a str,
    help: Cow<'a, str>,
}

impl<'a> Family<'a> {
    /// A family as protobuf describes it.
    pub(super) fn new(name: &'a str, kind: Type, unit: &'a str, help: &'a str) -> Self {
        let (name, help) = (name.into(), help.into());
        Self {
            name,
            kind,
            unit,
            help,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Says in a batch what its names mean.
    pub fn describe(&self, batch: &mut Batch) {
        let described = Described::new(&self.name, self.kind, self.unit, &self.help);
        metadata::describe(described, batch);
    }
}

/// One thing said of a family.
#[derive(Clone, Copy)]
pub(super) enum Said<'a> {
    Type(Type),
    Unit(&'a str),
    Help(&'a str),
}

impl<'a> Said<'a> {
    /// The type that the older text names so.
    pub(super) fn text_type(text: &str) -> Result<Self, Stop> {
        Ok(Self::Type(match text {
            "counter" => Type::Counter,
            "gauge" => Type::Gauge,
            "histogram" => Type::Histogram,
            "summary" => Type::Summary,
            "untyped" | "unknown" => Type::Unknown,
            _ => return Err(Stop::Syntax("there is no such metric type")),
        }))
    }

    /// The type that OpenMetrics names so.
    pub(super) fn openmetrics_type(text: &str) -> Result<Self, Stop> {
        Ok(Self::Type(match text {
            "gaugehistogram" => Type::GaugeHistogram,
            // A gauge of ones and zeros.
            "info" | "stateset" => Type::Gauge,
            "untyped" => return Err(Stop::Syntax("there is no such metric type")),
            other => return Self::text_type(other),
        }))
    }

    /// A unit, which the name must end in.
    pub(super) fn unit(name: &str, unit: &'a str) -> Result<Self, Stop> {
        let name = name.trim_matches('"');
        let is_suffix = name
            .strip_suffix(unit)
            .is_some_and(|stem| stem.ends_with('_'));
        if unit.is_empty() || is_suffix {
            return Ok(Self::Unit(unit));
        }
        Err(Stop::Syntax("the unit is not what the metric name ends in"))
    }
}

/// Puts together what is said of the family that comes next.
#[derive(Default)]
pub(super) struct Families<'a> {
    /// Its name as it is written.
    written: &'a str,
    family: Family<'a>,
}

impl<'a> Families<'a> {
    /// Notes one thing; hands over the family before when it is another.
    pub(super) fn say(&mut self, written: &'a str, said: Said<'a>, sink: &mut impl Sink) {
        if self.written != written {
            self.flush(sink);
            self.written = written;
            self.family.name = if written.starts_with('"') {
                unquoted(written)
            } else {
                written.into()
            };
        }
        match said {
            Said::Type(kind) => self.family.kind = kind,
            Said::Unit(unit) => self.family.unit = unit,
            Said::Help(text) => self.family.help = unescaped(text),
        }
    }

    /// Hands over what was said.
    #[inline]
    pub(super) fn flush(&mut self, sink: &mut impl Sink) {
        if !self.written.is_empty() {
            self.written = "";
            sink.family(&std::mem::take(&mut self.family));
        }
    }
}
