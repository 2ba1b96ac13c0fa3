//! `NumberDataPoint`: points of gauges and sums.

use std::ops::Range;

use tacho_model::Timestamp;

use super::point::{Head, Sets, stale};
use super::walk::{Halt, Metric, Walk};
use super::{Amount, Delta, Kind, Reason};
use crate::protobuf::{ProtobufError, Reader};

/// `attributes`.
const ATTRIBUTES: u32 = 7;
/// `exemplars`.
const EXEMPLARS: u32 = 5;

struct NumberPoint {
    head: Head,
    value: Option<f64>,
}

impl NumberPoint {
    #[inline]
    fn read(mut reader: Reader<'_>) -> Result<Self, ProtobufError> {
        let mut head = Head::default();
        let mut value = None;
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                ATTRIBUTES => {
                    reader.nested(key)?;
                    head.attribute(key.offset, reader.at());
                }
                2 => head.start = reader.fixed(key)?,
                3 => head.time = reader.fixed(key)?,
                4 => value = Some(reader.double(key)?),
                6 => value = Some(reader.fixed(key)? as i64 as f64),
                8 => head.flags = reader.integer(key)?,
                EXEMPLARS => {
                    head.has_exemplars = true;
                    reader.skip(key)?;
                }
                _ => reader.skip(key)?,
            }
        }
        Ok(Self { head, value })
    }
}

impl Walk<'_, '_> {
    /// Takes a point of a gauge or a sum; its time.
    pub(super) fn number(
        &mut self,
        metric: &Metric<'_>,
        inside: Range<usize>,
    ) -> Result<Timestamp, Halt> {
        let NumberPoint { head, value } = NumberPoint::read(self.reader(&inside))?;
        let time = self.time(head.time)?;
        let is_delta = metric.is_delta.ok_or(Reason::Temporality)?;
        let start = head.start(time)?;
        let value = match value {
            _ if head.is_stale() => stale(),
            Some(value) if is_delta => delta(value, metric.kind == Kind::Counter)?,
            Some(value) => value,
            None => return Err(Reason::NoValue.into()),
        };
        let series = self.series(metric, &head, (&inside, ATTRIBUTES), Sets::Name)?;
        if is_delta && !head.is_stale() {
            self.push_delta(Delta {
                series,
                point: self.decoded.points as u32,
                start,
                time,
                amount: Amount::Number(value),
            });
        } else {
            self.push(series, time, value);
        }
        if head.has_exemplars {
            self.exemplars((&inside, EXEMPLARS), metric, |_| series)?;
        }
        Ok(time)
    }
}

/// A delta that can be added to a total.
pub(super) fn delta(value: f64, is_monotonic: bool) -> Result<f64, Reason> {
    if !value.is_finite() {
        return Err(Reason::NotFinite);
    }
    if is_monotonic && value < 0.0 {
        return Err(Reason::Negative);
    }
    Ok(value)
}
