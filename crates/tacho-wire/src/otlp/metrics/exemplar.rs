//! `Exemplar`: one observation of a point, and the span it was made in.

use std::ops::Range;

use tacho_model::append::SeriesIndex;
use tacho_model::{Exemplar, LabelsRef, Timestamp};

use super::labels::Pairs;
use super::names::Naming;
use super::walk::{Halt, Metric, Walk};
use crate::otlp::resource::push_attribute;
use crate::protobuf::{ProtobufError, Reader};

/// Most exemplars of a request; further ones are passed over.
const EXEMPLARS_MAX: usize = 10_000;
/// Most bytes of an exemplar's encoded labels; one with more keeps none. OpenMetrics allows 128
/// characters of names and values.
const LABEL_BYTES_MAX: usize = 256;

impl Walk<'_, '_> {
    /// Takes the exemplars of a point that lies there, fields of that number; `series` says of
    /// which series one with that value is.
    pub(super) fn exemplars(
        &mut self,
        (inside, number): (&Range<usize>, u32),
        metric: &Metric<'_>,
        series: impl Fn(f64) -> SeriesIndex,
    ) -> Result<(), Halt> {
        let mut point = self.reader(inside);
        while !point.is_done() {
            let key = point.key()?;
            if key.number != number || self.batch.exemplars().len() >= EXEMPLARS_MAX {
                point.skip(key)?;
                continue;
            }
            let inside = point.nested(key)?;
            let (nanos, exemplar) = read(point.inner(inside), metric.told.naming())?;
            // One that cannot be placed in time is no reason to refuse its point.
            if let (Some(mut exemplar), Ok(time)) = (exemplar, self.time(nanos)) {
                exemplar.timestamp = time;
                self.batch.push_exemplar(series(exemplar.value), exemplar);
            }
        }
        Ok(())
    }
}

/// The time of an exemplar, and what it says but for that; `None` where it has no value.
fn read(mut reader: Reader<'_>, naming: Naming) -> Result<(u64, Option<Exemplar>), ProtobufError> {
    let mut nanos = 0;
    let (mut value, mut trace_id, mut span_id) = (None, 0, 0);
    let mut attributes = Vec::new();
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            2 => nanos = reader.fixed(key)?,
            3 => value = Some(reader.double(key)?),
            6 => value = Some(reader.fixed(key)? as i64 as f64),
            4 => span_id = u64::from_be_bytes(id(reader.bytes_of(key)?)),
            5 => trace_id = u128::from_be_bytes(id(reader.bytes_of(key)?)),
            7 => {
                let inside = reader.nested(key)?;
                push_attribute(reader.inner(inside), &mut attributes)?;
            }
            _ => reader.skip(key)?,
        }
    }
    let mut encoded = Vec::new();
    let fits = Pairs::named(&attributes, "", naming)
        .encode(&mut encoded)
        .is_ok();
    if !fits || encoded.len() > LABEL_BYTES_MAX {
        encoded.clear();
    }
    let exemplar = value.map(|value| Exemplar {
        timestamp: Timestamp::from_nanos(0),
        value,
        trace_id,
        span_id,
        labels: LabelsRef::trusted(&encoded).to_owned(),
    });
    Ok((nanos, exemplar))
}

/// An identifier of the right length; zeros, which mean none, for any other.
fn id<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap_or([0; N])
}
