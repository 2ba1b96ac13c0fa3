//! What a Tachograph says of a metric that it forwards: that its names are those of the series.
//!
//! `Metric.metadata` is there for "lossless roundtrip translation to / from another data model",
//! and whoever does not know a key passes over it. A metric with [`KIND`] is a series' samples as
//! they are kept: its name and those of its attributes are taken as they stand, a distribution of
//! its delta points is a sample, not something to be added to a total, and it is described by what
//! is told here. Source: `opentelemetry/proto/metrics/v1`, `Metric.metadata`.

use tacho_model::Kind;
use tacho_model::span::AttributeValue;

use super::names::Naming;
use crate::otlp::resource::attribute;
use crate::protobuf::{ProtobufError, Reader};

/// The key of a metric's kind, or of [`UNKNOWN`].
pub(in crate::otlp) const KIND: &str = "tachograph.kind";
/// The key of its unit, where that does not stand in the metric's own.
pub(in crate::otlp) const UNIT: &str = "tachograph.unit";
/// Stands for the kind of a metric that nobody described.
pub(in crate::otlp) const UNKNOWN: &str = "unknown";

/// What is told of a metric's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ToldKind {
    /// Nothing: no Tachograph sent it on.
    #[default]
    Nothing,
    /// That nobody described the metric.
    Unknown,
    /// The kind.
    Known(Kind),
}

/// What is told of a metric.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    /// Its kind.
    pub(super) kind: ToldKind,
    /// Its unit, where one is told.
    pub(super) unit: Option<String>,
}

impl Told {
    /// Reads a `KeyValue` of `Metric.metadata`.
    pub(super) fn read(&mut self, reader: Reader<'_>) -> Result<(), ProtobufError> {
        let told = attribute(reader)?;
        let AttributeValue::Text(text) = &told.value else {
            return Ok(());
        };
        match told.name {
            KIND if text == UNKNOWN => self.kind = ToldKind::Unknown,
            KIND => self.kind = Kind::parse(text).map_or(ToldKind::Nothing, ToldKind::Known),
            UNIT => self.unit = Some(text.clone().into_owned()),
            _ => {}
        }
        Ok(())
    }

    /// How names are to be read.
    pub(super) fn naming(&self) -> Naming {
        match self.kind {
            ToldKind::Nothing => Naming::Translated,
            ToldKind::Unknown | ToldKind::Known(_) => Naming::AsIs,
        }
    }

    /// What is told, in bytes; nothing where nothing is.
    pub(super) fn key(&self) -> Vec<u8> {
        let kind = match self.kind {
            ToldKind::Nothing => return Vec::new(),
            ToldKind::Unknown => UNKNOWN,
            ToldKind::Known(kind) => kind.as_str(),
        };
        let unit = self.unit.as_deref().unwrap_or("");
        format!("{kind} {unit}").into_bytes()
    }
}
