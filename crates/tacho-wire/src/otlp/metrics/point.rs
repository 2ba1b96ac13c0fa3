//! What points of all kinds have: attributes, times, flags; and the series they belong to.

use std::borrow::Cow;
use std::ops::Range;

use tacho_model::append::{STALE_NAN_BITS, SeriesIndex};
use tacho_model::label::METRIC_NAME;
use tacho_model::{LabelsRef, Timestamp};

use super::known::{Key, Place, begin_set, chain, end_set};
use super::labels::{Pairs, of_point, of_target};
use super::names::{Naming, metric_name};
use super::walk::{Halt, Metric, Walk, too_many};
use super::{MetricsError, Reason};
use crate::otlp::resource::{Resource, float_text};
use crate::protobuf::{ProtobufError, Reader};

/// The flag of a point that has no value because its series ended.
const NO_RECORDED_VALUE: u64 = 1;

/// What stands in points of all kinds.
#[derive(Debug, Default)]
pub(super) struct Head {
    attributes: Run,
    pub(super) start: u64,
    pub(super) time: u64,
    pub(super) flags: u64,
    pub(super) has_exemplars: bool,
}

impl Head {
    /// Notes an attribute: a field that begins and ends there.
    #[inline]
    pub(super) fn attribute(&mut self, start: usize, end: usize) {
        self.attributes.add(start, end);
    }

    /// Whether the series ended: its point is the marker of staleness.
    pub(super) fn is_stale(&self) -> bool {
        self.flags & NO_RECORDED_VALUE != 0
    }

    /// The beginning of an interval that ends at `time`.
    pub(super) fn start(&self, time: Timestamp) -> Result<Timestamp, Reason> {
        match i64::try_from(self.start) {
            Ok(0) => Ok(time),
            Ok(nanos) => Ok(Timestamp::from_nanos(nanos).min(time)),
            Err(_) => Err(Reason::OutOfRange),
        }
    }
}

/// The value of a series that ended.
pub(super) fn stale() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

/// Where fields lie that usually follow each other.
#[derive(Debug, Default)]
struct Run {
    start: usize,
    end: usize,
    is_scattered: bool,
}

impl Run {
    #[inline]
    fn add(&mut self, start: usize, end: usize) {
        if self.end == 0 {
            self.start = start;
        } else if self.end != start {
            self.is_scattered = true;
        }
        self.end = end;
    }
}

/// The label sets that a point becomes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sets<'a> {
    /// One, of the metric's name.
    Name,
    /// A bucket for each bound and for infinity, the count, and the sum where there is one.
    Buckets {
        /// Eight bytes a bound.
        bounds: &'a [u8],
        has_sum: bool,
    },
    /// One for each of these, eight bytes each, the count and the sum.
    Quantiles(&'a [u8]),
}

/// The numbers in packed bytes.
pub(super) fn doubles(packed: &[u8]) -> impl ExactSizeIterator<Item = f64> + '_ {
    let (chunks, _) = packed.as_chunks::<8>();
    chunks.iter().map(|bytes| f64::from_le_bytes(*bytes))
}

impl<'a> Walk<'a, '_> {
    /// The first of the series of a point, which are added to the batch one after the other.
    /// `inside` is the point, `number` that of its attributes.
    pub(super) fn series(
        &mut self,
        metric: &Metric<'_>,
        head: &Head,
        (inside, number): (&Range<usize>, u32),
        sets: Sets<'_>,
    ) -> Result<SeriesIndex, Halt> {
        let attributes = self.attributes(head, inside, number)?;
        let mut key = chain(metric.key, &attributes);
        match sets {
            Sets::Name => {}
            Sets::Buckets { bounds, has_sum } => {
                key = chain(chain(key, bounds), &[u8::from(has_sum)]);
            }
            Sets::Quantiles(quantiles) => key = chain(key, quantiles),
        }
        let place = match self.known.find(key) {
            Some(place) => place,
            None => self.make(metric, &attributes, key, sets)?,
        };
        Ok(self.add(place)?)
    }

    /// Adds known label sets to the batch.
    #[inline]
    fn add(&mut self, place: Place) -> Result<SeriesIndex, MetricsError> {
        let first = SeriesIndex::at(self.batch.series_count());
        for set in self.known.sets(place) {
            // Made by `Pairs::encode`.
            self.batch.series_encoded(LabelsRef::trusted(set));
        }
        if self.batch.buffer().len() > self.limits.label_bytes_max {
            return Err(too_many("bytes of labels", self.limits.label_bytes_max));
        }
        Ok(first)
    }

    /// Makes label sets and remembers them.
    #[inline(never)]
    fn make(
        &mut self,
        metric: &Metric<'_>,
        attributes: &[u8],
        key: Key,
        sets: Sets<'_>,
    ) -> Result<Place, Halt> {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let naming = metric.told.naming();
        let name = match naming {
            Naming::Translated => metric_name(&text(metric.name), &text(metric.unit), metric.kind),
            Naming::AsIs => text(metric.name),
        };
        if name.is_empty() {
            return Err(Reason::NoName.into());
        }
        let sender = metric.sender;
        let (scope, resource) = (sender.scope_labels()?, sender.resource_labels()?);
        let mut pairs = of_point(attributes, naming, scope, resource)?;
        self.scratch.clear();
        let count = match sets {
            Sets::Name => self.put(&mut pairs, &name).map(|()| 1)?,
            Sets::Buckets { bounds, has_sum } => {
                let mut buckets = pairs.clone();
                let bucket = format!("{name}_bucket");
                for bound in doubles(bounds).map(bound_text) {
                    buckets.set("le", &bound);
                    self.put(&mut buckets, &bucket)?;
                }
                buckets.set("le", "+Inf");
                self.put(&mut buckets, &bucket)?;
                self.put(&mut pairs, &format!("{name}_count"))?;
                if has_sum {
                    self.put(&mut pairs, &format!("{name}_sum"))?;
                }
                doubles(bounds).len() as u32 + 2 + u32::from(has_sum)
            }
            Sets::Quantiles(quantiles) => {
                let mut of_quantiles = pairs.clone();
                for quantile in doubles(quantiles).map(bound_text) {
                    of_quantiles.set("quantile", &quantile);
                    self.put(&mut of_quantiles, &name)?;
                }
                self.put(&mut pairs, &format!("{name}_count"))?;
                self.put(&mut pairs, &format!("{name}_sum"))?;
                doubles(quantiles).len() as u32 + 2
            }
        };
        Ok(self.known.insert(key, count, self.scratch))
    }

    /// Appends a label set to the scratch.
    fn put(&mut self, pairs: &mut Pairs, name: &str) -> Result<(), Halt> {
        pairs.set(METRIC_NAME, name);
        let start = begin_set(self.scratch);
        if let Err(error) = pairs.encode(self.scratch) {
            return Err(Halt::Point(Reason::InvalidLabels, Some(error.to_string())));
        }
        end_set(start, self.scratch);
        if self.scratch.len() > self.limits.label_bytes_max {
            return Err(too_many("bytes of labels", self.limits.label_bytes_max).into());
        }
        Ok(())
    }

    /// The series `target_info` of a resource; `None` where it has none.
    pub(super) fn target_series(
        &mut self,
        resource_key: Key,
        resource: Reader<'_>,
    ) -> Result<Option<SeriesIndex>, MetricsError> {
        let key = chain(resource_key, b"target_info");
        let place = if let Some(place) = self.known.find(key) {
            place
        } else {
            self.scratch.clear();
            let start = begin_set(self.scratch);
            let pairs = of_target(&Resource::read(resource)?);
            let made = pairs.map(|pairs| pairs.encode(self.scratch));
            // One with too many labels has no series, as one without any.
            let count = u32::from(matches!(made, Some(Ok(()))));
            end_set(start, self.scratch);
            self.known.insert(key, count, self.scratch)
        };
        let series = self.add(place)?;
        Ok((place.sets > 0).then_some(series))
    }

    /// The attributes of a point: fields of that number, and nothing else.
    #[inline]
    fn attributes(
        &self,
        head: &Head,
        inside: &Range<usize>,
        number: u32,
    ) -> Result<Cow<'a, [u8]>, ProtobufError> {
        let run = &head.attributes;
        if !run.is_scattered {
            let bytes = self.body.get(run.start..run.end).unwrap_or(&[]);
            return Ok(Cow::Borrowed(bytes));
        }
        let mut together = Vec::new();
        let mut reader = self.reader(inside);
        while !reader.is_done() {
            let key = reader.key()?;
            reader.skip(key)?;
            if key.number == number {
                let field = self.body.get(key.offset..reader.at()).unwrap_or(&[]);
                together.extend_from_slice(field);
            }
        }
        Ok(Cow::Owned(together))
    }
}

/// A bound as Prometheus' OTLP receiver writes it in `le` and `quantile`: never with an exponent.
pub(in crate::otlp) fn bound_text(bound: f64) -> String {
    if bound.is_finite() {
        bound.to_string()
    } else {
        float_text(bound)
    }
}
