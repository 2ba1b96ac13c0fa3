//! SVG path data, short: whole numbers, relative, level runs joined.

use super::{Axes, COLUMNS, Point, Segment, WIDTH};

/// The lines of a series.
pub(crate) fn line(segments: &[Segment], axes: &Axes) -> String {
    let mut pen = Pen::default();
    for segment in segments {
        let points = reduced(segment, axes);
        pen.run(
            points
                .into_iter()
                .map(|(t, value)| (axes.x(t), axes.y(value))),
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

/// The lowest and the highest of each pixel column, in order of time.
fn reduced(segment: &Segment, axes: &Axes) -> Vec<Point> {
    if segment.len() <= 2 * COLUMNS {
        return segment.clone();
    }
    let column = |point: &Point| axes.x(point.0) * COLUMNS as i32 / (WIDTH + 1);
    let mut kept = Vec::new();
    for group in segment.chunk_by(|a, b| column(a) == column(b)) {
        let by_value = |a: &&Point, b: &&Point| a.1.total_cmp(&b.1);
        let (low, high) = (group.iter().min_by(by_value), group.iter().max_by(by_value));
        let mut ends: Vec<Point> = low.into_iter().chain(high).copied().collect();
        ends.sort_by_key(|(time, _)| *time);
        ends.dedup();
        kept.extend(ends);
    }
    kept
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

    fn drawn(values: &[f64]) -> String {
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
        line(&segments(&points, range), &axes)
    }

    #[test]
    fn paths_are_short() {
        assert_eq!(drawn(&[]), "");
        assert_eq!(drawn(&[100.0]), "M0 200h0");
        assert_eq!(drawn(&[0.0, 0.0, 0.0]), "M0 300h800");
        assert_eq!(drawn(&[0.0, 300.0, 0.0]), "M0 300l400-300l400 300");
        assert_eq!(drawn(&[0.0, f64::NAN, 0.0]), "M0 300h0M800 300h0");
    }

    #[test]
    fn a_spike_among_a_hundred_thousand_points_survives() {
        let mut values = vec![10.0; 100_000];
        values[54_321] = 290.0;
        let path = drawn(&values);
        assert!(path.contains("-280"), "{path}");
        let noise: Vec<f64> = (0..100_000).map(|i| f64::from(i * 7919 % 300)).collect();
        assert!(drawn(&noise).len() < 10_000);
    }
}
