//! `SummaryDataPoint`: quantiles that the sender worked out. Not to be added up, but what old
//! clients have.

use std::ops::Range;

use tacho_model::Timestamp;
use tacho_model::append::SeriesIndex;

use super::point::{Head, Sets, stale};
use super::walk::{Halt, Metric, Walk};
use crate::protobuf::{ProtobufError, Reader};

/// `attributes`.
const ATTRIBUTES: u32 = 7;

#[derive(Default)]
struct SummaryPoint {
    head: Head,
    count: u64,
    sum: f64,
    /// Eight bytes each.
    quantiles: Vec<u8>,
    values: Vec<f64>,
}

impl SummaryPoint {
    fn read(mut reader: Reader<'_>) -> Result<Self, ProtobufError> {
        let mut point = Self::default();
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                ATTRIBUTES => {
                    reader.nested(key)?;
                    point.head.attribute(key.offset, reader.at());
                }
                2 => point.head.start = reader.fixed(key)?,
                3 => point.head.time = reader.fixed(key)?,
                4 => point.count = reader.fixed(key)?,
                5 => point.sum = reader.double(key)?,
                6 => {
                    let inside = reader.nested(key)?;
                    let (quantile, value) = quantile(reader.inner(inside))?;
                    point.quantiles.extend_from_slice(&quantile.to_le_bytes());
                    point.values.push(value);
                }
                8 => point.head.flags = reader.integer(key)?,
                _ => reader.skip(key)?,
            }
        }
        Ok(point)
    }
}

/// `ValueAtQuantile { quantile = 1, value = 2 }`.
fn quantile(mut reader: Reader<'_>) -> Result<(f64, f64), ProtobufError> {
    let (mut quantile, mut value) = (0.0, 0.0);
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            1 => quantile = reader.double(key)?,
            2 => value = reader.double(key)?,
            _ => reader.skip(key)?,
        }
    }
    Ok((quantile, value))
}

impl Walk<'_, '_> {
    /// Takes a point of a summary; its time.
    pub(super) fn summary(
        &mut self,
        metric: &Metric<'_>,
        inside: Range<usize>,
    ) -> Result<Timestamp, Halt> {
        let point = SummaryPoint::read(self.reader(&inside))?;
        self.take_buckets(point.values.len())?;
        let time = self.time(point.head.time)?;
        let sets = Sets::Quantiles(&point.quantiles);
        let first = self.series(metric, &point.head, (&inside, ATTRIBUTES), sets)?;
        let values = point.values.iter().copied();
        let values = values.chain([point.count as f64, point.sum]);
        for (at, value) in values.enumerate() {
            let series = SeriesIndex::at(first.as_usize() + at);
            let value = if point.head.is_stale() {
                stale()
            } else {
                value
            };
            self.push(series, time, value);
        }
        Ok(time)
    }
}
