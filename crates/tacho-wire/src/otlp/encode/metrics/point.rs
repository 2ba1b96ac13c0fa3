//! Data points: `NumberDataPoint`, and what all points have.

use tacho_model::Timestamp;
use tacho_model::append::{Exemplar, is_stale};

use super::form::Shape;
use super::who::put_text;
use crate::otlp::put;
use crate::protobuf::FIXED64;

/// The flag of a point that has no value because its series ended.
pub(super) const NO_RECORDED_VALUE: u64 = 1;

/// What stands in points of all kinds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point<'a> {
    /// Its attributes, as the fields that they are in such a point.
    pub(super) attributes: &'a [u8],
    pub(super) time: Timestamp,
    pub(super) exemplars: &'a [&'a Exemplar],
}

impl Point<'_> {
    /// The field of the attributes.
    pub(super) fn attributes_number(shape: Shape) -> u32 {
        match shape {
            Shape::Number => 7,
            Shape::Explicit => 9,
            Shape::Cumulative | Shape::Delta => 1,
        }
    }

    /// `NumberDataPoint`, field 1 of the data.
    pub(super) fn put_number(&self, value: f64, out: &mut Vec<u8>) {
        put::message(1, out, |out| {
            out.extend_from_slice(self.attributes);
            put::fixed(3, nanos(self.time), out);
            if is_stale(value) {
                put::integer(8, NO_RECORDED_VALUE, out);
            } else {
                put_double(4, value, out);
            }
            self.put_exemplars(5, out);
        });
    }

    /// `Exemplar`, fields of that number.
    pub(super) fn put_exemplars(&self, number: u32, out: &mut Vec<u8>) {
        for exemplar in self.exemplars {
            put::message(number, out, |out| {
                put::fixed(2, nanos(exemplar.timestamp), out);
                put_double(3, exemplar.value, out);
                if exemplar.span_id != 0 {
                    put::bytes(4, &exemplar.span_id.to_be_bytes(), out);
                }
                if exemplar.trace_id != 0 {
                    put::bytes(5, &exemplar.trace_id.to_be_bytes(), out);
                }
                for (name, value) in &exemplar.labels {
                    put_text(7, name, value, out);
                }
            });
        }
    }
}

/// A number that is written whatever it is: of one that is not, it is not known whether it is zero.
pub(super) fn put_double(number: u32, value: f64, out: &mut Vec<u8>) {
    put::key(number, FIXED64, out);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Nanoseconds since 1970; nothing earlier gets here.
pub(super) fn nanos(time: Timestamp) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(0)
}
