//! How the observations of a window are distributed: native histograms, explicit buckets, or both.
//!
//! Native histograms are kept as they are, in the unit they came in; `scale` turns that into ours, so
//! that milliseconds lose nothing. Explicit buckets are intervals in our unit. Where both come
//! together, or buckets of several layouts, intervals are cut at every bound and their observations
//! spread evenly, as interpolation within a bucket assumes anyhow (Prometheus, `histogram_quantile`).
//!
//! Invariant: intervals are sorted by both ends and none is there twice.

use tacho_model::Histogram;

/// Most intervals; neighbours are joined beyond it, which widens the bounds that are told.
const INTERVALS_MAX: usize = 4096;

/// A distribution.
#[derive(Debug, Clone, Default)]
pub struct Distribution {
    native: Option<(Histogram, f64)>,
    intervals: Vec<Interval>,
}

/// Observations between two bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower bound, not inside.
    pub low: f64,
    /// Upper bound, inside; infinite in the last bucket.
    pub high: f64,
    /// How many.
    pub count: f64,
}

/// What is known of a quantile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// The value; none where its bucket is open.
    pub value: Option<f64>,
    /// It is at least this.
    pub low: f64,
    /// And at most this; infinite where its bucket is open.
    pub high: f64,
}

impl Distribution {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.native.is_none() && self.intervals.is_empty()
    }

    /// The native histogram, where nothing else is in it, and what turns its unit into ours.
    pub fn native(&self) -> Option<(&Histogram, f64)> {
        let (histogram, scale) = self.native.as_ref()?;
        self.intervals.is_empty().then_some((histogram, *scale))
    }

    /// Adds a native histogram whose unit is `scale` of ours.
    pub fn add_native(&mut self, histogram: &Histogram, scale: f64) {
        match &mut self.native {
            None => self.native = Some((histogram.clone(), scale)),
            Some((all, known)) if *known == scale => all.merge(histogram),
            Some(_) => self.add_intervals(&intervals(histogram, scale)),
        }
    }

    /// Adds intervals.
    pub fn add_intervals(&mut self, intervals: &[Interval]) {
        for interval in intervals.iter().filter(|interval| interval.count > 0.0) {
            let order = |one: &Interval| {
                let low = one.low.total_cmp(&interval.low);
                low.then_with(|| one.high.total_cmp(&interval.high))
            };
            match self.intervals.binary_search_by(order) {
                Ok(at) => self.intervals[at].count += interval.count,
                Err(at) => self.intervals.insert(at, *interval),
            }
        }
        while self.intervals.len() > INTERVALS_MAX {
            self.intervals = joined(&self.intervals);
        }
    }

    /// Adds another distribution.
    pub fn add(&mut self, other: &Self) {
        if let Some((histogram, scale)) = &other.native {
            self.add_native(histogram, *scale);
        }
        self.add_intervals(&other.intervals);
    }

    /// Quantiles of fractions that ascend; `None` for a distribution of nothing.
    pub fn quantiles<const N: usize>(&self, fractions: [f64; N]) -> Option<[Quantile; N]> {
        if let Some((histogram, scale)) = self.native() {
            let error = histogram.relative_error();
            let all = fractions.map(|q| histogram.quantile(q));
            return all.iter().all(Option::is_some).then(|| {
                all.map(|value| {
                    let value = value.unwrap_or_default() * scale;
                    let reach = value.abs() * error;
                    let (low, high) = (value - reach, value + reach);
                    let value = Some(value);
                    Quantile { value, low, high }
                })
            });
        }
        let mut all = self.intervals.clone();
        if let Some((histogram, scale)) = &self.native {
            all.extend(intervals(histogram, *scale));
        }
        let parts = cut(&all);
        let total: f64 = parts.iter().map(|part| part.count).sum();
        if total <= 0.0 {
            return None;
        }
        Some(fractions.map(|q| quantile(&parts, q * total)))
    }
}

/// A native histogram as intervals.
fn intervals(histogram: &Histogram, scale: f64) -> Vec<Interval> {
    let all = histogram.buckets();
    all.map(|(low, high, count)| Interval {
        low: low * scale,
        high: high * scale,
        count,
    })
    .collect()
}

/// Every second interval joined with the one before.
fn joined(intervals: &[Interval]) -> Vec<Interval> {
    let join = |pair: &[Interval]| {
        let low = pair.iter().map(|one| one.low).fold(f64::INFINITY, f64::min);
        let highs = pair.iter().map(|one| one.high);
        Interval {
            low,
            high: highs.fold(f64::NEG_INFINITY, f64::max),
            count: pair.iter().map(|one| one.count).sum(),
        }
    };
    intervals.chunks(2).map(join).collect()
}

/// The same observations in intervals that do not overlap, in order; what is in an open one comes last.
fn cut(intervals: &[Interval]) -> Vec<Interval> {
    let (closed, open): (Vec<&Interval>, Vec<&Interval>) =
        intervals.iter().partition(|one| one.high.is_finite());
    let mut bounds: Vec<f64> = closed.iter().flat_map(|one| [one.low, one.high]).collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    let mut parts: Vec<Interval> = bounds
        .windows(2)
        .map(|pair| Interval {
            low: pair[0],
            high: pair[1],
            count: 0.0,
        })
        .collect();
    for one in closed {
        let from = parts.partition_point(|part| part.low < one.low);
        let width = one.high - one.low;
        for part in parts.iter_mut().skip(from) {
            if part.low >= one.high {
                break;
            }
            part.count += one.count * (part.high - part.low) / width;
        }
    }
    parts.retain(|part| part.count > 0.0);
    let low = open.iter().map(|one| one.low).fold(f64::INFINITY, f64::min);
    if low.is_finite() {
        parts.push(Interval {
            low,
            high: f64::INFINITY,
            count: open.iter().map(|one| one.count).sum(),
        });
    }
    parts
}

/// Where the observation of this rank lies.
fn quantile(parts: &[Interval], rank: f64) -> Quantile {
    let mut before = 0.0;
    let last = parts.len().saturating_sub(1);
    for (at, part) in parts.iter().enumerate() {
        if before + part.count >= rank || at == last {
            let share = ((rank - before) / part.count).clamp(0.0, 1.0);
            let value = part.low + (part.high - part.low) * share;
            return Quantile {
                value: part.high.is_finite().then_some(value),
                low: part.low,
                high: part.high,
            };
        }
        before += part.count;
    }
    Quantile {
        value: None,
        low: f64::NEG_INFINITY,
        high: f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(low: f64, high: f64, count: f64) -> Interval {
        Interval { low, high, count }
    }

    #[track_caller]
    fn check(intervals: &[Interval], q: f64, expected: (Option<f64>, f64, f64)) {
        let mut distribution = Distribution::default();
        distribution.add_intervals(intervals);
        let [found] = distribution.quantiles([q]).unwrap();
        assert_eq!((found.value, found.low, found.high), expected, "{q}");
    }

    #[test]
    fn within_a_bucket_is_interpolated_and_its_bounds_are_told() {
        let buckets = [bucket(0.0, 0.1, 50.0), bucket(0.1, 0.5, 50.0)];
        check(&buckets, 0.25, (Some(0.05), 0.0, 0.1));
        check(&buckets, 0.75, (Some(0.1 + 0.4 * 0.5), 0.1, 0.5));
        check(&buckets, 1.0, (Some(0.5), 0.1, 0.5));
    }

    #[test]
    fn beyond_the_last_bound_there_is_no_value() {
        let buckets = [bucket(0.0, 1.0, 9.0), bucket(1.0, f64::INFINITY, 1.0)];
        check(&buckets, 0.99, (None, 1.0, f64::INFINITY));
        check(&buckets, 0.5, (Some(5.0 / 9.0), 0.0, 1.0));
    }

    #[test]
    fn layouts_that_differ_are_cut_at_every_bound() {
        let buckets = [bucket(0.0, 2.0, 10.0), bucket(1.0, 3.0, 10.0)];
        // Five below one, ten up to two, five up to three.
        check(&buckets, 0.5, (Some(1.5), 1.0, 2.0));
    }

    #[test]
    fn another_unit_loses_nothing_but_the_middle_of_its_bucket() {
        let mut millis = Histogram::new();
        let mut seconds = Histogram::new();
        for value in 1..=1000 {
            millis.observe(f64::from(value));
            seconds.observe(f64::from(value) / 1000.0);
        }
        let mut distribution = Distribution::default();
        distribution.add_native(&millis, 1e-3);
        let [alone] = distribution.quantiles([0.5]).unwrap();
        distribution.add_native(&seconds, 1.0);
        let [both] = distribution.quantiles([0.5]).unwrap();
        for found in [alone, both] {
            assert!((found.value.unwrap() - 0.5).abs() < 0.006, "{found:?}");
            assert!(
                found.low <= 0.5005 && 0.5005 <= found.high * 1.011,
                "{found:?}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn quantiles_ascend_and_lie_within_their_bounds(
            buckets in proptest::collection::vec((-5i8..50, 1u8..20, 0u16..1000), 1..60),
            fractions in proptest::array::uniform3(0.0f64..=1.0),
        ) {
            let mut distribution = Distribution::default();
            for (low, width, count) in &buckets {
                let low = f64::from(*low) / 4.0;
                // The widest stand for open ones.
                let high = if *width > 18 { f64::INFINITY } else { low + f64::from(*width) / 4.0 };
                distribution.add_intervals(&[bucket(low, high, f64::from(*count))]);
            }
            let mut fractions = fractions;
            fractions.sort_by(f64::total_cmp);
            let total: u32 = buckets.iter().map(|(_, _, count)| u32::from(*count)).sum();
            let found = distribution.quantiles(fractions);
            proptest::prop_assert_eq!(found.is_some(), total > 0);
            let mut below = f64::NEG_INFINITY;
            for one in found.into_iter().flatten() {
                proptest::prop_assert!(one.low < one.high, "{:?}", one);
                proptest::prop_assert_eq!(one.value.is_none(), one.high.is_infinite());
                if let Some(value) = one.value {
                    let within = one.low - 1e-9 <= value && value <= one.high + 1e-9;
                    proptest::prop_assert!(within && below <= value + 1e-9, "{:?}", one);
                    below = value;
                }
            }
        }
    }

    #[test]
    fn there_are_never_too_many_intervals() {
        let mut distribution = Distribution::default();
        for place in 0..10_000 {
            let low = f64::from(place);
            distribution.add_intervals(&[bucket(low, low + 1.0, 1.0)]);
        }
        assert!(distribution.intervals.len() <= INTERVALS_MAX);
        let [median] = distribution.quantiles([0.5]).unwrap();
        assert!((median.value.unwrap() - 5000.0).abs() < 8.0, "{median:?}");
    }
}
