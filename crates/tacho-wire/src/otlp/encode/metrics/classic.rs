//! Classic histograms: their series put together to a `HistogramDataPoint`.
//!
//! Of the series `_bucket`, `_count` and `_sum` that differ in `le` alone one histogram is made if
//! it says all that they say: all of them have samples at the same times, buckets count up in whole
//! numbers to the count, and each `le` is written as a receiver will write it. Series that are not
//! like that are sent one by one. Either way the receiver has the same series.

use std::collections::HashMap;

use tacho_model::append::is_stale;
use tacho_model::{Batch, LabelsRef, METRIC_NAME, Timestamp, Value, label};

use super::MetricsEncoder;
use super::point::{NO_RECORDED_VALUE, Point, nanos, put_double};
use crate::otlp::metrics::bound_text;
use crate::otlp::put;
use crate::protobuf::LENGTH_DELIMITED;

/// Counts up to here are exact.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
/// Most buckets of one that is put together.
const BUCKETS_MAX: usize = 1000;

/// A label set and the places of its rows.
type Group<'a> = (LabelsRef<'a>, Vec<usize>);

/// A histogram's bounds and points.
#[derive(Debug, PartialEq)]
pub(super) struct Classic {
    /// The upper bounds but for infinity.
    bounds: Vec<f64>,
    points: Vec<ClassicPoint>,
}

#[derive(Debug, PartialEq)]
struct ClassicPoint {
    time: Timestamp,
    /// Observations in each bucket, and in all; `None` at the end of the series.
    counts: Option<Vec<u64>>,
    sum: Option<f64>,
    /// The rows that it was made of.
    rows: Vec<usize>,
}

/// Series that are one histogram, by their places among the groups.
#[derive(Default)]
struct Family {
    buckets: Vec<(f64, usize)>,
    count: Option<usize>,
    sum: Option<usize>,
}

/// Takes the rows of classic histograms out of the groups: their labels without `le`, their names
/// and their points.
pub(super) fn gather<'a>(
    batch: &'a Batch,
    groups: &mut [Group<'a>],
) -> Vec<(LabelsRef<'a>, &'a str, Classic)> {
    let mut gathered = Vec::new();
    for (base, family) in families(groups) {
        let Some(classic) = family.classic(batch, groups) else {
            continue;
        };
        let Some(labels) = family.count.map(|place| groups[place].0) else {
            continue;
        };
        for place in family.places() {
            groups[place].1.clear();
        }
        gathered.push((labels, base, classic));
    }
    gathered
}

/// Series by what they have in common: their name but for its end, and all labels but `le`.
fn families<'a>(groups: &[Group<'a>]) -> Vec<(&'a str, Family)> {
    let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut families: Vec<(&'a str, Family)> = Vec::new();
    for (place, (labels, _)) in groups.iter().enumerate() {
        let base = labels
            .get(METRIC_NAME)
            .and_then(|n| n.strip_suffix("_bucket"));
        let bound = labels.get("le").and_then(bound);
        let (Some(base), Some(bound)) = (base, bound) else {
            continue;
        };
        let at = *known.entry(key(base, *labels)).or_insert_with(|| {
            families.push((base, Family::default()));
            families.len() - 1
        });
        families[at].1.buckets.push((bound, place));
    }
    if families.is_empty() {
        return families;
    }
    for (place, (labels, _)) in groups.iter().enumerate() {
        let name = labels.get(METRIC_NAME).unwrap_or("");
        let count = name.strip_suffix("_count");
        let Some(base) = count.or_else(|| name.strip_suffix("_sum")) else {
            continue;
        };
        if labels.get("le").is_some() {
            continue;
        }
        if let Some(at) = known.get(&key(base, *labels)) {
            let family = &mut families[*at].1;
            if count.is_some() {
                family.count = Some(place);
            } else {
                family.sum = Some(place);
            }
        }
    }
    families
}

fn key(base: &str, labels: LabelsRef<'_>) -> Vec<u8> {
    let mut key = Vec::with_capacity(labels.as_bytes().len());
    label::put(&mut key, METRIC_NAME, base);
    for (name, value) in labels {
        if !matches!(name, METRIC_NAME | "le") {
            label::put(&mut key, name, value);
        }
    }
    key
}

/// A bound that is written in the one way that comes back.
fn bound(text: &str) -> Option<f64> {
    let bound: f64 = text.parse().ok()?;
    (bound > f64::NEG_INFINITY && bound_text(bound) == text).then_some(bound)
}

impl Family {
    fn places(&self) -> impl Iterator<Item = usize> + '_ {
        let buckets = self.buckets.iter().map(|(_, place)| *place);
        buckets.chain(self.count).chain(self.sum)
    }

    /// The histogram, if there is one that says the same.
    fn classic(&self, batch: &Batch, groups: &[Group<'_>]) -> Option<Classic> {
        if self.buckets.len() > BUCKETS_MAX {
            return None;
        }
        let mut buckets = self.buckets.clone();
        buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        // Two zeros are one bound.
        let is_increasing = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let (last, rest) = buckets.split_last()?;
        if !is_increasing || last.0 != f64::INFINITY {
            return None;
        }
        let count = &groups[self.count?].1;
        let mut points = Vec::with_capacity(count.len());
        for (at, row) in count.iter().enumerate() {
            let time = batch.row(*row).1;
            let row_of = |place: usize| {
                let rows = &groups[place].1;
                let row = *rows.get(at).filter(|_| rows.len() == count.len())?;
                (batch.row(row).1 == time).then_some(row)
            };
            let buckets = buckets.iter().map(|(_, place)| row_of(*place));
            let buckets: Vec<usize> = buckets.collect::<Option<_>>()?;
            let sum = match self.sum {
                Some(place) => Some(row_of(place)?),
                None => None,
            };
            points.push(point(batch, time, &buckets, *row, sum)?);
        }
        Some(Classic {
            bounds: rest.iter().map(|(bound, _)| *bound).collect(),
            points,
        })
    }
}

/// The point of these rows, if its numbers say the same.
fn point(
    batch: &Batch,
    time: Timestamp,
    buckets: &[usize],
    count: usize,
    sum: Option<usize>,
) -> Option<ClassicPoint> {
    let number = |row: usize| match batch.row(row).2 {
        Value::Float(value) => Some(value),
        Value::Histogram(_) => None,
    };
    let rows: Vec<usize> = buckets.iter().copied().chain([count]).chain(sum).collect();
    let ended = rows
        .iter()
        .filter(|row| number(**row).is_some_and(is_stale))
        .count();
    let sum = match sum {
        Some(row) => Some(number(row)?),
        None => None,
    };
    if ended == rows.len() {
        let counts = None;
        return Some(ClassicPoint {
            time,
            counts,
            sum,
            rows,
        });
    }
    let mut counts = Vec::with_capacity(buckets.len());
    let mut below = 0.0;
    for row in buckets {
        let upto = number(*row)?;
        if !(upto >= below && upto <= EXACT_MAX && upto.fract() == 0.0) {
            return None;
        }
        counts.push((upto - below) as u64);
        below = upto;
    }
    let is_all = number(count)? == below && ended == 0;
    let counts = Some(counts);
    is_all.then_some(ClassicPoint {
        time,
        counts,
        sum,
        rows,
    })
}

impl Classic {
    /// Writes its points as fields 1 of the data.
    pub(super) fn put(&self, encoder: &MetricsEncoder<'_>, attributes: &[u8], out: &mut Vec<u8>) {
        for point in &self.points {
            let exemplars = point.rows.iter().flat_map(|row| encoder.exemplars_of(*row));
            let exemplars: Vec<_> = exemplars.copied().collect();
            let head = Point {
                attributes,
                time: point.time,
                exemplars: &exemplars,
            };
            put::message(1, out, |out| {
                out.extend_from_slice(attributes);
                put::fixed(3, nanos(point.time), out);
                let counts = point.counts.as_deref().unwrap_or(&[]);
                put::fixed(4, counts.iter().sum(), out);
                if let Some(sum) = point.sum {
                    put_double(5, sum, out);
                }
                // At the end of a series too, for its buckets are part of what it is.
                let buckets = self.bounds.len() + 1;
                packed(
                    6,
                    buckets,
                    (0..buckets).map(|at| counts.get(at).copied().unwrap_or(0)),
                    out,
                );
                let bounds = self.bounds.iter().map(|bound| bound.to_bits());
                packed(7, self.bounds.len(), bounds, out);
                head.put_exemplars(8, out);
                if point.counts.is_none() {
                    put::integer(10, NO_RECORDED_VALUE, out);
                }
            });
        }
    }
}

/// Numbers of eight bytes in one field.
fn packed(number: u32, count: usize, values: impl Iterator<Item = u64>, out: &mut Vec<u8>) {
    if count > 0 {
        put::key(number, LENGTH_DELIMITED, out);
        put::varint(8 * count as u64, out);
        values.for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
    }
}
