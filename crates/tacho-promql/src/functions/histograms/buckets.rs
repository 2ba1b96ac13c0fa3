//! Classic histograms: cumulative counts up to upper bounds.
//!
//! Observations are taken to lie evenly within a bucket; the lowest begins at 0 where its bound is
//! above that, and of what lies beyond the last finite bound nothing more is known. Source:
//! Prometheus documentation, "Query functions", `histogram_quantile()`.

/// How many observations lie at or below a bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    pub(super) upper: f64,
    pub(super) count: f64,
}

/// Counts that differ by no more than this part of their sum differ by rounding only.
const TOLERANCE: f64 = 1e-12;

/// The `q`-quantile, and whether counts that fell with their bounds had to be raised.
pub(super) fn quantile(q: f64, buckets: &mut Vec<Bucket>) -> (f64, bool) {
    if q.is_nan() {
        return (f64::NAN, false);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, false);
    }
    if q > 1.0 {
        return (f64::INFINITY, false);
    }
    let Some(forced) = repair(buckets) else {
        return (f64::NAN, false);
    };
    let total = buckets[buckets.len() - 1].count;
    if buckets.len() < 2 || total == 0.0 || total.is_nan() {
        return (f64::NAN, forced);
    }
    let rank = q * total;
    let last = buckets.len() - 1;
    let at = buckets[..last].partition_point(|bucket| bucket.count < rank);
    if at == last {
        return (buckets[last - 1].upper, forced);
    }
    if at == 0 && buckets[0].upper <= 0.0 {
        return (buckets[0].upper, forced);
    }
    let (lower, below) = match at {
        0 => (0.0, 0.0),
        at => (buckets[at - 1].upper, buckets[at - 1].count),
    };
    let (upper, count) = (buckets[at].upper, buckets[at].count - below);
    (lower + (upper - lower) * ((rank - below) / count), forced)
}

/// The fraction of observations between two values.
pub(super) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if repair(buckets).is_none() || buckets.len() < 2 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    let total = buckets[buckets.len() - 1].count;
    if total == 0.0 || total.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank(upper, buckets) - rank(lower, buckets)) / total
}

/// How many observations lie below a value.
fn rank(value: f64, buckets: &[Bucket]) -> f64 {
    let mut below = Bucket {
        upper: if buckets[0].upper > 0.0 {
            0.0
        } else {
            f64::NEG_INFINITY
        },
        count: 0.0,
    };
    for bucket in buckets {
        if value < bucket.upper {
            // Of a bucket without an end nothing more is known.
            let width = bucket.upper - below.upper;
            if width.is_infinite() || value <= below.upper {
                return below.count;
            }
            let share = (value - below.upper) / width;
            return below.count + (bucket.count - below.count) * share;
        }
        below = *bucket;
    }
    below.count
}

/// Sorts buckets, adds up those with the same bound and raises counts that fall; whether any fell
/// by more than rounding. `None` when the last bucket has an end.
fn repair(buckets: &mut Vec<Bucket>) -> Option<bool> {
    buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    if buckets.last()?.upper != f64::INFINITY {
        return None;
    }
    buckets.dedup_by(|next, kept| {
        let same = next.upper == kept.upper;
        kept.count += if same { next.count } else { 0.0 };
        same
    });
    let mut forced = false;
    let mut most = buckets[0].count;
    for bucket in &mut buckets[1..] {
        if bucket.count > most {
            let is_rounding =
                (bucket.count - most).abs() <= TOLERANCE * (bucket.count + most).abs();
            most = if is_rounding { most } else { bucket.count };
        } else if bucket.count < most {
            forced |= (most - bucket.count) > TOLERANCE * (most + bucket.count).abs();
        }
        if !bucket.count.is_nan() {
            bucket.count = most;
        }
    }
    Some(forced)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(of: &[(f64, f64)]) -> Vec<Bucket> {
        of.iter()
            .map(|(upper, count)| Bucket {
                upper: *upper,
                count: *count,
            })
            .collect()
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn quantiles_lie_evenly_in_their_bucket() {
        let check = |q: f64, of: &[(f64, f64)], expected: f64, forced: bool| {
            let (found, told) = quantile(q, &mut buckets(of));
            let same = (found - expected).abs() < 1e-12 || found == expected;
            assert!(
                same || (found.is_nan() && expected.is_nan()),
                "{q} of {of:?}: {found}"
            );
            assert_eq!(told, forced, "{q} of {of:?}");
        };
        let usual = [(0.1, 10.0), (0.2, 30.0), (INF, 40.0)];
        check(0.25, &usual, 0.1, false);
        check(0.5, &usual, 0.15, false);
        check(0.9, &usual, 0.2, false);
        check(0.125, &usual, 0.05, false);
        check(-1.0, &usual, -INF, false);
        check(2.0, &usual, INF, false);
        check(0.5, &[(-1.0, 10.0), (INF, 10.0)], -1.0, false);
        check(0.5, &[(0.1, 10.0)], f64::NAN, false);
        check(0.5, &[(INF, 10.0)], f64::NAN, false);
        check(0.5, &[(0.1, 0.0), (INF, 0.0)], f64::NAN, false);
        check(0.5, &[(0.1, 20.0), (0.2, 10.0), (INF, 40.0)], 0.1, true);
        check(
            0.5,
            &[(0.1, 10.0), (0.1, 10.0), (0.2, 30.0), (INF, 40.0)],
            0.1,
            false,
        );
    }

    #[test]
    fn fractions_too() {
        let check = |lower: f64, upper: f64, expected: f64| {
            let mut buckets = buckets(&[(0.1, 10.0), (0.2, 30.0), (INF, 40.0)]);
            let found = fraction(lower, upper, &mut buckets);
            assert!(
                (found - expected).abs() < 1e-12,
                "{lower}..{upper}: {found}"
            );
        };
        check(0.0, 0.1, 0.25);
        check(0.05, 0.15, 0.375);
        check(-INF, INF, 1.0);
        check(0.2, 5.0, 0.0);
        check(1.0, 0.0, 0.0);
    }
}
