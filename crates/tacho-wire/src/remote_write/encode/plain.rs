//! `prometheus.WriteRequest`, label sets as they are: our encoding of them is the message's.
//!
//! Several such messages end to end are one, so that requests are joined without being read.

use tacho_model::append::Exemplar;
use tacho_model::{LabelsRef, Metadata, Timestamp, Value};

use super::{exemplar_labels, histogram, millis};
use crate::protobuf::write::{force_bytes, put_bytes, put_double, put_varint};

/// A request of version 1 that grows, not compressed.
#[derive(Debug, Default)]
pub struct Plain {
    bytes: Vec<u8>,
    /// The series that is being put together.
    series: Vec<u8>,
    part: Vec<u8>,
}

impl Plain {
    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The message so far, after which a new one begins.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// The message so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets the message but keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Adds a series.
    pub fn push(
        &mut self,
        labels: LabelsRef<'_>,
        samples: &[(Timestamp, Value<'_>)],
        exemplars: &[&Exemplar],
    ) {
        let Self { series, part, .. } = self;
        series.clear();
        series.extend_from_slice(labels.as_bytes());
        for (time, value) in samples {
            part.clear();
            match value {
                Value::Float(value) => {
                    sample(*time, *value, part);
                    force_bytes(2, part, series);
                }
                Value::Histogram(value) => {
                    histogram::put(value, *time, part);
                    force_bytes(4, part, series);
                }
            }
        }
        for exemplar in exemplars {
            part.clear();
            for (name, value) in exemplar_labels(exemplar) {
                tacho_model::label::put(part, &name, &value);
            }
            put_double(2, exemplar.value, part);
            put_varint(3, millis(exemplar.timestamp), part);
            force_bytes(3, part, series);
        }
        force_bytes(1, series, &mut self.bytes);
    }

    /// Says what a metric means.
    pub fn describe(&mut self, name: &str, metadata: &Metadata) {
        let part = &mut self.part;
        part.clear();
        put_varint(1, super::kind(metadata.kind), part);
        put_bytes(2, name.as_bytes(), part);
        put_bytes(4, metadata.help.as_bytes(), part);
        put_bytes(5, super::unit(metadata.unit.as_str()).as_bytes(), part);
        put_bytes(3, part, &mut self.bytes);
    }
}

/// `Sample`, of either version.
pub(super) fn sample(time: Timestamp, value: f64, into: &mut Vec<u8>) {
    put_double(1, value, into);
    put_varint(2, millis(time), into);
}
