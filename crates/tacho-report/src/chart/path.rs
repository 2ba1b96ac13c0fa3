//! SVG path data, short: whole numbers, relative, level runs joined.

use super::{Axes, COLUMNS, Point, Segment, WIDTH};

/// A series as it is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    /// The points; where they are dense, the mean of each column.
    pub(crate) line: String,
    /// Where they are dense, from the lowest to the highest of each column.
    pub(crate) envelope: String,
}

/// The lines of a series, with their envelope where points are dense.
pub(crate) fn trace(segments: &[Segment], axes: &Axes) -> Trace {
    let (mut line, mut envelope) = (Pen::default(), Pen::default());
    for segment in segments {
        let place = |(t, value): &Point| (axes.x(*t), axes.y(*value));
        let columns = columns(segment, axes);
        if segment.len() <= 2 * columns.len() {
            line.run(segment.iter().map(place), false);
            continue;
        }
        line.run(columns.iter().map(|c| (c.x, axes.y(c.mean))), false);
        let upper = columns.iter().map(|c| (c.x, axes.y(c.high)));
        let lower = columns.iter().rev().map(|c| (c.x, axes.y(c.low)));
        envelope.run(upper.chain(lower), true);
    }
    Trace {
        line: line.out,
        envelope: envelope.out,
    }
}

/// The lines of a series that has no more points than there are columns.
pub(crate) fn line(segments: &[Segment], axes: &Axes) -> String {
    let mut pen = Pen::default();
    for segment in segments {
        pen.run(
            segment
                .iter()
                .map(|(t, value)| (axes.x(*t), axes.y(*value))),
            false,
        );
    }
    pen.out
}

/// The filled space between two curves over the same times.
pub(crate) fn area(upper: &[Point], lower: &[Point], axes: &Axes) -> String {
    let mut pen = Pen::default();
    let there = upper.iter();
    let back = lower.iter().rev();
    pen.run(
        there
            .chain(back)
            .map(|(t, value)| (axes.x(*t), axes.y(*value))),
        true,
    );
    pen.out
}

/// The points of one column.
struct Column {
    x: i32,
    low: f64,
    mean: f64,
    high: f64,
}

fn columns(segment: &Segment, axes: &Axes) -> Vec<Column> {
    let column = |point: &Point| axes.x(point.0) * COLUMNS as i32 / (WIDTH + 1);
    let groups = segment.chunk_by(|a, b| column(a) == column(b));
    let summed = groups.filter_map(|group| {
        let (first, last) = (group.first()?, group.last()?);
        let n = group.len() as f64;
        let values = || group.iter().map(|(_, value)| *value);
        Some(Column {
            x: i32::midpoint(axes.x(first.0), axes.x(last.0)),
            low: values().fold(f64::INFINITY, f64::min),
            // Divided first: the sum of the largest numbers is infinite.
            mean: values().map(|value| value / n).sum(),
            high: values().fold(f64::NEG_INFINITY, f64::max),
        })
    });
    summed.collect()
}

#[derive(Default)]
struct Pen {
    out: String,
    at: (i32, i32),
    /// A level run not yet written.
    level: i32,
}

impl Pen {
    /// One run of points, closed or not. A run that does not move is a dot.
    fn run(&mut self, points: impl Iterator<Item = (i32, i32)>, close: bool) {
        let mut moved = false;
        for (i, (x, y)) in points.enumerate() {
            if i == 0 {
                self.out += &format!("M{x} {y}");
                self.at = (x, y);
                continue;
            }
            let (dx, dy) = (x - self.at.0, y - self.at.1);
            if (dx, dy) == (0, 0) {
                continue;
            }
            moved = true;
            self.at = (x, y);
            // Level runs are joined as long as they go the same way.
            if dy == 0 && self.level.signum() * dx.signum() >= 0 {
                self.level += dx;
                continue;
            }
            self.flush();
            if dy == 0 {
                self.level = dx;
            } else {
                let space = if dy < 0 { "" } else { " " };
                self.out += &format!("l{dx}{space}{dy}");
            }
        }
        self.flush();
        if close {
            self.out.push('z');
        } else if !moved && !self.out.is_empty() {
            self.out += "h0";
        }
    }

    fn flush(&mut self) {
        if self.level != 0 {
            self.out += &format!("h{}", self.level);
            self.level = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::segments;
    use super::*;
    use tacho_model::{TimeRange, Timestamp};

    fn drawn(values: &[f64]) -> Trace {
        let range = TimeRange::new(
            Timestamp::from_secs(0),
            Timestamp::from_secs(values.len().max(2) as i64 - 1),
        );
        let points: Vec<Point> = values
            .iter()
            .enumerate()
            .map(|(i, value)| (Timestamp::from_secs(i as i64), *value))
            .collect();
        let axes = Axes {
            range,
            low: 0.0,
            high: 300.0,
            step: 100.0,
        };
        trace(&segments(&points, range), &axes)
    }

    #[test]
    fn paths_are_short() {
        assert_eq!(drawn(&[]).line, "");
        assert_eq!(drawn(&[100.0]).line, "M0 200h0");
        assert_eq!(drawn(&[0.0, 0.0, 0.0]).line, "M0 300h800");
        assert_eq!(drawn(&[0.0, 300.0, 0.0]).line, "M0 300l400-300l400 300");
        assert_eq!(drawn(&[0.0, f64::NAN, 0.0]).line, "M0 300h0M800 300h0");
    }

    #[test]
    fn a_spike_among_a_hundred_thousand_points_survives() {
        let mut values = vec![10.0; 100_000];
        values[54_321] = 290.0;
        let path = drawn(&values).envelope;
        assert!(path.contains("-280"), "{path}");
        let noise: Vec<f64> = (0..100_000).map(|i| f64::from(i * 7919 % 300)).collect();
        assert!(drawn(&noise).envelope.len() < 5_000);
    }
}
