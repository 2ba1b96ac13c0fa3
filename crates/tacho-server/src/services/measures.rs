//! Distributions by label set, whichever way they are stored: native histograms, or counters for each
//! bucket (`_bucket` with `le`, `_sum`, `_count`).
//!
//! A label set that has a native histogram is taken from that; its buckets, which some exporters
//! send as well, are the same observations once more and are left out.

use std::collections::{HashMap, HashSet};

use tacho_model::{Labels, METRIC_NAME, Matcher, Querier, QueryError, TimeRange, Timestamp};

use super::distribution::Interval;
use super::read::{self, Reading, any_metric};
use super::stats::{Origin, Tally, finite};
use super::window::{Depth, Window};

/// The label of a bucket's upper bound.
const BOUND: &str = "le";

/// What one label set has in each window.
#[derive(Debug)]
pub struct Measure {
    /// Its labels; the metric's name is that of the histogram, and there is no `le`.
    pub labels: Labels,
    /// One a window. Nothing is said of errors.
    pub tallies: Vec<Tally>,
    /// The newest sample that tells of something new.
    pub last: Option<Timestamp>,
}

/// Hands `take` each native histogram of a metric as soon as it is read; buckets are not looked for.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn native(
    querier: &dyn Querier,
    matchers: Vec<Matcher>,
    windows: &[Window],
    origin: Origin,
    mut take: impl FnMut(&Labels, &[Tally], Option<Timestamp>) + Send,
) -> Result<(), QueryError> {
    read::each(
        querier,
        &[matchers],
        windows,
        |_| true,
        |labels, reading| {
            let tallies = tallies(&reading, origin, 1.0);
            take(labels, &tallies, reading.last);
        },
    )
}

/// All label sets of these metrics that are kept. `scale` turns a metric's unit into ours.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn any(
    querier: &dyn Querier,
    metrics: &[&str],
    windows: &[Window],
    keep: impl Fn(&Labels) -> bool,
    scale: impl Fn(&str) -> f64 + Sync,
) -> Result<Vec<Measure>, QueryError> {
    let each = metrics.iter().flat_map(|metric| {
        ["", "_bucket", "_sum", "_count"].map(|suffix| format!("{metric}{suffix}"))
    });
    let matchers = vec![any_metric(&each.collect::<Vec<_>>())?];
    let mut native: Vec<Measure> = Vec::new();
    let mut classic: HashMap<Labels, Classic> = HashMap::new();
    read::each(querier, &[matchers], windows, keep, |labels, reading| {
        let name = labels.name();
        if metrics.contains(&name) {
            if reading.parts.iter().any(|part| part.count > 0.0) {
                native.push(Measure {
                    labels: labels.clone(),
                    tallies: tallies(&reading, Origin::Histograms, scale(name)),
                    last: reading.last,
                });
            }
        } else if let Some((metric, part)) = split(name) {
            let Some(key) = key(labels, metric) else {
                return;
            };
            let one = classic.entry(key).or_default();
            one.add(part, labels.get(BOUND), &reading, windows.len());
        }
    })?;
    let known: HashSet<Labels> = native.iter().map(|one| one.labels.clone()).collect();
    classic.retain(|labels, _| !known.contains(labels));
    let mut all = native;
    for (labels, one) in classic {
        let scale = scale(labels.name());
        all.push(Measure {
            last: one.last,
            tallies: one.tallies(windows, scale),
            labels,
        });
    }
    // A hash map has no order, and adding numbers up depends on it.
    all.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(all)
}

/// What each counter that matches gained in a window, where it gained anything.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn gained(
    querier: &dyn Querier,
    matchers: Vec<Matcher>,
    range: TimeRange,
) -> Result<Vec<(Labels, f64)>, QueryError> {
    let mut all = Vec::new();
    let windows = [Window::mean(range)];
    read::each(
        querier,
        &[matchers],
        &windows,
        |_| true,
        |labels, reading| {
            let gained: f64 = reading.parts.iter().map(|part| part.gained).sum();
            if gained > 0.0 && gained.is_finite() {
                all.push((labels.clone(), gained));
            }
        },
    )?;
    Ok(all)
}

/// What a native histogram has in each window.
fn tallies(reading: &Reading, origin: Origin, scale: f64) -> Vec<Tally> {
    let each = reading.parts.iter().map(|part| {
        let mut tally = Tally {
            count: part.count,
            sum: part.sum * scale,
            origin: (part.count > 0.0).then_some(origin),
            ..Tally::default()
        };
        if let Some(histogram) = &part.native {
            tally.distribution.add_native(histogram, scale);
        }
        tally
    });
    each.collect()
}

/// Which of the counters of a histogram a series is.
#[derive(Clone, Copy)]
enum Counter {
    Bucket,
    Sum,
    Count,
}

fn split(name: &str) -> Option<(&str, Counter)> {
    let suffixes = [
        ("_bucket", Counter::Bucket),
        ("_sum", Counter::Sum),
        ("_count", Counter::Count),
    ];
    suffixes.into_iter().find_map(|(suffix, counter)| {
        let metric = name.strip_suffix(suffix)?;
        Some((metric, counter))
    })
}

fn key(labels: &Labels, metric: &str) -> Option<Labels> {
    let others = labels
        .iter()
        .filter(|(name, _)| ![BOUND, METRIC_NAME].contains(name));
    Labels::new(others.chain([(METRIC_NAME, metric)])).ok()
}

/// The counters of one histogram.
#[derive(Debug, Default)]
struct Classic {
    /// By window, then bucket: the bound and what was gained up to it.
    buckets: Vec<Vec<(f64, f64)>>,
    counts: Vec<f64>,
    sums: Vec<f64>,
    last: Option<Timestamp>,
}

impl Classic {
    fn add(&mut self, counter: Counter, bound: Option<&str>, reading: &Reading, windows: usize) {
        self.buckets.resize_with(windows, Vec::new);
        self.counts.resize(windows, 0.0);
        self.sums.resize(windows, 0.0);
        self.last = self.last.max(reading.last);
        let bound = bound.and_then(|text| text.parse::<f64>().ok());
        for (place, part) in reading.parts.iter().enumerate() {
            match counter {
                Counter::Count => self.counts[place] += part.gained,
                Counter::Sum => self.sums[place] += part.gained,
                Counter::Bucket => {
                    let bound = bound.filter(|bound| !bound.is_nan());
                    self.buckets[place].extend(bound.map(|bound| (bound, part.gained)));
                }
            }
        }
    }

    fn tallies(mut self, windows: &[Window], scale: f64) -> Vec<Tally> {
        let mut all = Vec::with_capacity(windows.len());
        for (place, window) in windows.iter().enumerate() {
            let buckets = self.buckets.get_mut(place).map(std::mem::take);
            let intervals = intervals(buckets.unwrap_or_default(), scale);
            let held: f64 = intervals.iter().map(|one| one.count).sum();
            // Where one of the two is missing the other says as much.
            let count = self.counts.get(place).copied().unwrap_or(0.0).max(held);
            let mut tally = Tally {
                count,
                sum: finite(self.sums.get(place).copied().unwrap_or(0.0) * scale).unwrap_or(0.0),
                origin: (count > 0.0).then_some(Origin::Buckets),
                ..Tally::default()
            };
            if window.depth == Depth::Distribution {
                tally.distribution.add_intervals(&intervals);
            }
            all.push(tally);
        }
        all
    }
}

/// Cumulative counts as intervals. A count that falls, which two scrapes at different times can
/// make, is an empty bucket.
fn intervals(mut buckets: Vec<(f64, f64)>, scale: f64) -> Vec<Interval> {
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    // The same bound written in two ways is one bucket.
    buckets.dedup_by(|later, kept| {
        let is_same = later.0 == kept.0;
        if is_same {
            kept.1 = kept.1.max(later.1);
        }
        is_same
    });
    let mut low = f64::min(0.0, buckets.first().map_or(0.0, |first| first.0));
    let mut below = 0.0;
    let mut all = Vec::with_capacity(buckets.len());
    for (bound, upto) in buckets {
        all.push(Interval {
            low: low * scale,
            high: bound * scale,
            count: f64::max(upto - below, 0.0),
        });
        (low, below) = (bound, f64::max(below, upto));
    }
    // An interval without a width would have no place.
    all.retain(|one| one.low < one.high && one.low.is_finite());
    all
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Store, range};
    use super::*;
    use tacho_model::Histogram;

    #[test]
    fn buckets_are_differenced_and_a_native_histogram_beside_them_wins() {
        let store = Store::new();
        let api = [("job", "api")];
        let m = "m";
        store.buckets(
            &api,
            m,
            10,
            &[("100", 4.0), ("200", 6.0), ("+Inf", 7.0)],
            900.0,
        );
        store.buckets(
            &api,
            m,
            20,
            &[("100", 8.0), ("200", 16.0), ("+Inf", 17.0)],
            2900.0,
        );
        let windows = [Window::whole(range(10, 100)), Window::mean(range(0, 100))];
        let read = || any(store.querier(), &[m], &windows, |_| true, |_| 1e-3).unwrap();
        let all = read();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].labels.to_string(), r#"m{job="api"}"#);
        let [whole, mean] = &all[0].tallies[..] else {
            panic!()
        };
        assert_eq!((whole.count, whole.sum), (10.0, 2.0));
        assert_eq!((mean.count, mean.distribution.is_empty()), (17.0, true));
        let stats = whole.stats(90.0);
        assert_eq!(stats.quantiles[0], Some(0.1 + 0.1 / 6.0));
        assert_eq!(stats.bounds.unwrap()[0], (Some(0.1), Some(0.2)));
        assert_eq!((stats.min, stats.origin), (None, Some(Origin::Buckets)));

        let mut native = Histogram::new();
        native.observe(50.0);
        store.histogram(&[("__name__", m), ("job", "api")], 20, native);
        let all = read();
        assert_eq!((all.len(), all[0].tallies[0].count), (1, 1.0));
    }

    #[test]
    fn bounds_that_make_no_sense_lose_only_themselves() {
        let store = Store::new();
        let buckets = [
            ("nonsense", 3.0),
            ("NaN", 3.0),
            ("1", 2.0),
            ("1.0", 2.0),
            ("+Inf", 1.0),
        ];
        store.buckets(&[], "m", 10, &buckets, f64::NAN);
        let windows = [Window::whole(range(0, 100))];
        let all = any(store.querier(), &["m"], &windows, |_| true, |_| 1.0).unwrap();
        let stats = all[0].tallies[0].stats(100.0);
        assert_eq!((stats.count, stats.sum), (2.0, 0.0));
        assert_eq!(stats.bounds.unwrap()[4], (Some(0.0), Some(1.0)));
    }
}
