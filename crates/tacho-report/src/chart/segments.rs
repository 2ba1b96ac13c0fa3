//! Runs of neighbouring points, parted where samples are missing.

use std::time::Duration;

use tacho_model::{TimeRange, Timestamp};

/// Time and value, the value finite.
pub(crate) type Point = (Timestamp, f64);
/// Points without a gap between them, in order of time.
pub(crate) type Segment = Vec<Point>;

/// A silence of more usual spacings than this is a gap, as on the page.
const GAP_SPACINGS: f64 = 3.5;

/// The points of `range` in order, cut at values that are not finite and where time is missing.
pub(crate) fn segments(points: &[Point], range: TimeRange) -> Vec<Segment> {
    let mut inside: Vec<Point> = points
        .iter()
        .copied()
        .filter(|(time, _)| range.contains(*time))
        .collect();
    // Stable, and linear on what is in order already.
    inside.sort_by_key(|(time, _)| *time);
    let longest = usual_spacing(&inside).mul_f64(GAP_SPACINGS);
    let mut found: Vec<Segment> = Vec::new();
    let mut last: Option<Timestamp> = None;
    for (time, value) in inside {
        if !value.is_finite() {
            last = None;
            continue;
        }
        let near = last.is_some_and(|last| time.since(last) <= longest);
        match found.last_mut().filter(|_| near) {
            Some(segment) => segment.push((time, value)),
            None => found.push(vec![(time, value)]),
        }
        last = Some(time);
    }
    found
}

/// The spacing most points have: the median difference.
fn usual_spacing(points: &[Point]) -> Duration {
    let mut spacings: Vec<Duration> = points
        .windows(2)
        .map(|pair| pair[1].0.since(pair[0].0))
        .collect();
    if spacings.is_empty() {
        return Duration::ZERO;
    }
    let middle = spacings.len() / 2;
    // A hundred years are enough for any spacing, and 3.5 times that does not overflow.
    let century = Duration::from_hours(24 * 36_525);
    (*spacings.select_nth_unstable(middle).1).min(century)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(points: &[(i64, f64)], expected: &[&[i64]]) {
        let points: Vec<Point> = points
            .iter()
            .map(|(at, value)| (Timestamp::from_secs(*at), *value))
            .collect();
        let range = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(1000));
        let found: Vec<Vec<i64>> = segments(&points, range)
            .iter()
            .map(|s| s.iter().map(|(t, _)| t.as_millis() / 1000).collect())
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn missing_time_and_missing_values_part_a_line() {
        check(&[], &[]);
        check(&[(5, 1.0)], &[&[5]]);
        check(&[(5, f64::NAN)], &[]);
        check(&[(1, 1.0), (2, 1.0), (3, 1.0), (5, 1.0)], &[&[1, 2, 3, 5]]);
        check(
            &[(1, 1.0), (2, 1.0), (3, 1.0), (8, 1.0)],
            &[&[1, 2, 3], &[8]],
        );
        check(&[(1, 1.0), (2, f64::INFINITY), (3, 1.0)], &[&[1], &[3]]);
        check(&[(3, 1.0), (1, 1.0), (2, 1.0), (2000, 1.0)], &[&[1, 2, 3]]);
    }
}
