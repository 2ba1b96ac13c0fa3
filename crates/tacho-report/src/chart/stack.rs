//! Series added up, one on top of the other.

use std::collections::BTreeSet;

use tacho_model::{TimeRange, Timestamp};

use super::{COLUMNS, Segment};

/// The curves of a stack: for each run of known times the running sums, from zero up, one more
/// than there are series.
///
/// Where a series is silent but another is not, it counts as zero; where all are, the stack is
/// parted. Negative values count as zero, for there is no room below the curve beneath.
pub(crate) fn stack(series: &[Vec<Segment>], range: TimeRange) -> Vec<Vec<Segment>> {
    let times = times(series, range);
    let columns: Vec<Vec<Option<f64>>> = series
        .iter()
        .map(|segments| resampled(segments, &times))
        .collect();
    let mut runs: Vec<Vec<Segment>> = Vec::new();
    let mut open = false;
    for (i, time) in times.iter().enumerate() {
        if columns.iter().all(|column| column[i].is_none()) {
            open = false;
            continue;
        }
        if !open {
            runs.push(vec![Vec::new(); series.len() + 1]);
            open = true;
        }
        let Some(run) = runs.last_mut() else { continue };
        let mut sum = 0.0;
        run[0].push((*time, 0.0));
        for (curve, column) in run.iter_mut().skip(1).zip(&columns) {
            sum += column[i].unwrap_or(0.0).clamp(0.0, 1e300);
            curve.push((*time, sum));
        }
    }
    runs
}

/// The times of all points and one within each silence, or the middles of the columns where those are fewer.
fn times(series: &[Vec<Segment>], range: TimeRange) -> Vec<Timestamp> {
    let mut all: BTreeSet<Timestamp> = silences(series).collect();
    for (time, _) in series.iter().flatten().flatten() {
        all.insert(*time);
        if all.len() > COLUMNS {
            let width = range.duration() / COLUMNS as u32;
            let middle = |i| range.start + width * i as u32 + width / 2;
            return (0..COLUMNS).map(middle).collect();
        }
    }
    all.into_iter().collect()
}

/// A time within each gap: there a stack is parted when all of its series are silent.
fn silences(series: &[Vec<Segment>]) -> impl Iterator<Item = Timestamp> {
    series.iter().flat_map(|segments| {
        segments.windows(2).filter_map(|pair| {
            let (before, _) = pair[0].last()?;
            let (after, _) = pair[1].first()?;
            Some(*before + after.since(*before) / 2)
        })
    })
}

/// The mean of the points nearest to each time, or what lies between two points.
fn resampled(segments: &[Segment], times: &[Timestamp]) -> Vec<Option<f64>> {
    let mut sums = vec![(0.0, 0u32); times.len()];
    for (time, value) in segments.iter().flatten() {
        let nearest = nearest(times, *time);
        if let Some((sum, n)) = nearest.and_then(|i| sums.get_mut(i)) {
            *sum += value.clamp(-1e300, 1e300);
            *n += 1;
        }
    }
    let mut at = 0;
    let mut found = Vec::with_capacity(times.len());
    for (time, (sum, n)) in times.iter().zip(sums) {
        while segments
            .get(at)
            .is_some_and(|s| s.last().is_some_and(|(end, _)| end < time))
        {
            at += 1;
        }
        let between = || {
            segments
                .get(at)
                .and_then(|segment| interpolated(segment, *time))
        };
        found.push(if n > 0 {
            Some(sum / f64::from(n))
        } else {
            between()
        });
    }
    found
}

fn nearest(times: &[Timestamp], time: Timestamp) -> Option<usize> {
    let after = times.partition_point(|t| *t < time);
    let before = after.checked_sub(1);
    let distance = |i: usize| times.get(i).map(|t| t.since(time).max(time.since(*t)));
    match (
        before.and_then(|i| Some((distance(i)?, i))),
        distance(after),
    ) {
        (Some((left, i)), Some(right)) => Some(if left < right { i } else { after }),
        (Some((_, i)), None) => Some(i),
        (None, right) => right.map(|_| after),
    }
}

fn interpolated(segment: &Segment, time: Timestamp) -> Option<f64> {
    let after = segment.partition_point(|(t, _)| *t < time);
    let (t1, high) = *segment.get(after)?;
    let (t0, low) = *segment.get(after.checked_sub(1)?)?;
    let share = time.since(t0).as_secs_f64() / t1.since(t0).as_secs_f64().max(1e-9);
    Some(low + (high - low) * share.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::super::{Point, segments};
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn stacked(series: &[&[(i64, f64)]]) -> Vec<Vec<Vec<f64>>> {
        let range = TimeRange::new(at(0), at(100));
        let series: Vec<Vec<Segment>> = series
            .iter()
            .map(|points| {
                let points: Vec<Point> = points.iter().map(|(t, v)| (at(*t), *v)).collect();
                segments(&points, range)
            })
            .collect();
        let values = |curve: &Segment| curve.iter().map(|(_, v)| *v).collect();
        stack(&series, range)
            .iter()
            .map(|run| run.iter().map(values).collect())
            .collect()
    }

    #[test]
    fn sums_run_upwards() {
        let found = stacked(&[&[(1, 1.0), (2, 2.0)], &[(1, 10.0), (2, -5.0)]]);
        assert_eq!(found, [[vec![0.0, 0.0], vec![1.0, 2.0], vec![11.0, 2.0]]]);
    }

    #[test]
    fn a_common_silence_parts_the_stack() {
        let points = [(1, 1.0), (2, 1.0), (3, 1.0), (40, 1.0), (41, 1.0)];
        assert_eq!(stacked(&[&points, &points[..3]]).len(), 2);
        let whole = [(1, 1.0), (2, 1.0), (3, 1.0), (6, 1.0), (9, 1.0), (12, 1.0)];
        assert_eq!(stacked(&[&points[..3], &whole]).len(), 1);
        let nan = [(1, 1.0), (2, f64::NAN), (3, 1.0)];
        assert_eq!(stacked(&[&nan, &nan]).len(), 2);
    }

    #[test]
    fn times_that_do_not_match_are_bridged_within_a_run() {
        let found = stacked(&[&[(0, 0.0), (2, 2.0), (4, 4.0)], &[(1, 10.0), (3, 10.0)]]);
        assert_eq!(found[0][1], [0.0, 1.0, 2.0, 3.0, 4.0]);
    }
}
