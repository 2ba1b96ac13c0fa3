//! Classic histograms as native ones with custom buckets, for `load_with_nhcb`.
//!
//! The series `x_bucket` with the label `le`, `x_count` and `x_sum` that share their other labels
//! become a series `x` of histograms. Times at which the buckets do not ascend have none.
//! Source: Prometheus native histogram specification, "Custom values".

use std::collections::BTreeMap;
use std::sync::Arc;

use tacho_model::append::{STALE_NAN_BITS, is_stale};
use tacho_model::histogram::{Bucket, CUSTOM_SCHEMA, HistogramParts, Temporality};
use tacho_model::{Labels, METRIC_NAME, Timestamp};

use super::points::{HintSaid, Item};
use super::script::Loaded;
use crate::FloatHistogram;

#[derive(Default)]
struct Classic {
    /// Cumulative counts by upper bound.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: Option<f64>,
    is_stale: bool,
}

enum Part {
    Bucket(f64),
    Count,
    Sum,
}

/// The native histograms that loaded series make.
pub(super) fn to_native(loaded: &[Loaded]) -> Result<Vec<Loaded>, String> {
    let mut found: BTreeMap<Labels, BTreeMap<Timestamp, Classic>> = BTreeMap::new();
    for series in loaded {
        let Some((labels, part)) = part_of(&series.labels)? else {
            continue;
        };
        let times = found.entry(labels).or_default();
        for (time, item) in &series.points {
            if let Item::Float(value) = item {
                times.entry(*time).or_default().take(&part, *value);
            }
        }
    }
    let native = found.into_iter().map(|(labels, times)| Loaded {
        labels,
        points: times
            .into_iter()
            .filter_map(|(time, classic)| Some((time, classic.finish()?)))
            .collect(),
    });
    Ok(native.collect())
}

fn part_of(labels: &Labels) -> Result<Option<(Labels, Part)>, String> {
    let le = labels.get("le").map(str::parse::<f64>);
    let name = labels.name();
    let (base, part) = if let (Some(base), Some(Ok(le))) = (name.strip_suffix("_bucket"), le) {
        (base, Part::Bucket(le))
    } else if let Some(base) = name.strip_suffix("_count") {
        (base, Part::Count)
    } else if let Some(base) = name.strip_suffix("_sum") {
        (base, Part::Sum)
    } else {
        return Ok(None);
    };
    let pairs = labels
        .iter()
        .filter(|(name, _)| !matches!(*name, METRIC_NAME | "le"));
    let labels = Labels::new(pairs.chain([(METRIC_NAME, base)]));
    Ok(Some((labels.map_err(|error| error.to_string())?, part)))
}

impl Classic {
    fn take(&mut self, part: &Part, value: f64) {
        self.is_stale |= is_stale(value);
        match part {
            Part::Bucket(le) => self.buckets.push((*le, value)),
            Part::Count => self.count = Some(value),
            Part::Sum => self.sum = Some(value),
        }
    }

    fn finish(mut self) -> Option<Item> {
        if self.is_stale {
            return Some(Item::Float(f64::from_bits(STALE_NAN_BITS)));
        }
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total = self.count.or(self.buckets.last().map(|last| last.1))?;
        if self.buckets.is_empty() {
            return None;
        }
        let bounds: Arc<[f64]> = self
            .buckets
            .iter()
            .map(|bucket| bucket.0)
            .filter(|bound| bound.is_finite())
            .collect();
        let ends = self
            .buckets
            .iter()
            .map(|bucket| bucket.1)
            .take(bounds.len());
        let mut below = 0.0;
        let mut positive = Vec::new();
        for (index, end) in ends.chain([total]).enumerate() {
            let count = end - below;
            if count < 0.0 {
                return None;
            }
            positive.push(Bucket {
                index: index as i32,
                count,
            });
            below = end;
        }
        let parts = HistogramParts {
            temporality: Temporality::Cumulative,
            schema: CUSTOM_SCHEMA,
            zero_threshold: 0.0,
            zero_count: 0.0,
            count: total,
            sum: self.sum.unwrap_or(0.0),
            positive,
            negative: Vec::new(),
        };
        let histogram = FloatHistogram::from_parts(parts, Some(bounds)).ok()?;
        Some(Item::Histogram(Box::new(histogram), HintSaid::No))
    }
}
