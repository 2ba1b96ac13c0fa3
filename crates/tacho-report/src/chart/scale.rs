//! Axes: round ends, few ticks, and labels of times. The value axis begins at zero unless
//! something is below it, so that heights can be compared by eye.

use tacho_model::{TimeRange, Timestamp};

use super::{HEIGHT, WIDTH};
use crate::number;

/// Values beyond this are drawn at the edge: differences of larger ones overflow.
const VALUE_MAX: f64 = 1e300;
const STEPS_WANTED: f64 = 4.0;
const TIME_TICKS_MAX: i128 = 7;
/// Seconds between time ticks, up to a month.
const TIME_STEPS: [i128; 18] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400,
];

/// What the box shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axes {
    /// Left to right.
    pub(crate) range: TimeRange,
    /// At the bottom.
    pub(crate) low: f64,
    /// At the top; above `low`.
    pub(crate) high: f64,
    /// Between ticks.
    pub(crate) step: f64,
}

impl Axes {
    /// Round axes that hold everything from `lowest` to `highest`, both finite.
    pub(crate) fn new(range: TimeRange, lowest: f64, highest: f64, unit: &str) -> Self {
        let lowest = lowest.clamp(-VALUE_MAX, VALUE_MAX).min(0.0);
        let highest = highest.clamp(-VALUE_MAX, VALUE_MAX).max(0.0);
        // Nothing but zeros still has a height.
        let flat = highest - lowest < 1e-300;
        let highest = if flat { lowest + 1.0 } else { highest };
        let span = highest - lowest;
        let binary = matches!(unit, "By" | "By/s" | "B" | "B/s" | "bytes");
        let step = nice_step(span / STEPS_WANTED, binary);
        let low = (lowest / step + 1e-9).floor() * step;
        let high = (highest / step - 1e-9).ceil() * step;
        let high = if high > low { high } else { low + step };
        Self {
            range,
            low,
            high,
            step,
        }
    }

    /// From the left.
    pub(crate) fn x(&self, time: Timestamp) -> i32 {
        let share = self.share(time);
        (share * f64::from(WIDTH)).round() as i32
    }

    /// From the left, as a fraction.
    pub(crate) fn share(&self, time: Timestamp) -> f64 {
        let nanos = |t: Timestamp| i128::from(t.as_nanos());
        let span = nanos(self.range.end) - nanos(self.range.start);
        if span <= 0 {
            return 0.5;
        }
        let at = nanos(time) - nanos(self.range.start);
        (at as f64 / span as f64).clamp(0.0, 1.0)
    }

    /// From the top.
    pub(crate) fn y(&self, value: f64) -> i32 {
        ((1.0 - self.height(value)) * f64::from(HEIGHT)).round() as i32
    }

    /// From the bottom, as a fraction.
    pub(crate) fn height(&self, value: f64) -> f64 {
        let value = value.clamp(-VALUE_MAX, VALUE_MAX);
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

fn nice_step(rough: f64, binary: bool) -> f64 {
    let binary = binary && rough >= 1.0;
    let base = if binary { 1024.0_f64 } else { 10.0 };
    let power = base.powf(rough.log(base).floor());
    let steps: &[f64] = if binary {
        &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]
    } else {
        &[1.0, 2.0, 2.5, 5.0]
    };
    let fits = steps.iter().find(|step| *step * power >= rough * 0.999);
    fits.map_or(base * power, |step| step * power)
}

/// The values that are named beside the axis, from low to high.
pub(crate) fn value_ticks(axes: &Axes) -> Vec<f64> {
    let count = ((axes.high - axes.low) / axes.step)
        .round()
        .clamp(1.0, 16.0) as usize;
    let tick = |i| axes.low + i as f64 * axes.step;
    (0..=count)
        .map(tick)
        .filter(|value| value.is_finite())
        .collect()
}

/// A tick's label: short, without the zeros that a value in a table keeps.
pub(crate) fn tick_label(value: f64, step: f64, unit: &str) -> String {
    if value.abs() < step * 1e-6 {
        return "0".to_owned();
    }
    let number::Quantity { value, unit } = number::quantity(value, unit);
    let short = if value.contains('.') && !value.contains('e') {
        value.trim_end_matches('0').trim_end_matches('.')
    } else {
        &value
    };
    if unit.is_empty() {
        short.to_owned()
    } else {
        format!("{short}{}{unit}", number::SPACE)
    }
}

/// One name on the time axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TimeTick {
    /// From the left, as a fraction.
    pub(crate) share: f64,
    /// UTC.
    pub(crate) label: String,
}

/// The times that are named below the axis.
pub(crate) fn time_ticks(axes: &Axes) -> Vec<TimeTick> {
    let second = |t: Timestamp| i128::from(t.as_nanos()).div_euclid(1_000_000_000);
    let (start, end) = (second(axes.range.start), second(axes.range.end));
    let span = (end - start).max(0);
    let step = TIME_STEPS
        .into_iter()
        .find(|step| span / step <= TIME_TICKS_MAX);
    let step = step.unwrap_or_else(|| (span / TIME_TICKS_MAX / 86_400 + 1) * 86_400);
    let first = (start + step - 1).div_euclid(step) * step;
    (0..=TIME_TICKS_MAX)
        .map(|i| first + i * step)
        .take_while(|at| *at <= end)
        .filter_map(|at| i64::try_from(at).ok())
        .map(|at| {
            let time = Timestamp::from_secs(at);
            let label = if step >= 86_400 || at.rem_euclid(86_400) == 0 {
                number::day(time)
            } else if step < 60 {
                number::clock_seconds(time)
            } else {
                number::clock(time)
            };
            TimeTick {
                share: axes.share(time),
                label,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(lowest: f64, highest: f64, unit: &str) -> Axes {
        let range = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(3600));
        Axes::new(range, lowest, highest, unit)
    }

    #[test]
    fn ends_are_round_and_hold_the_data() {
        let check = |lowest, highest, unit, expected: &[&str]| {
            let axes = axes(lowest, highest, unit);
            let labels: Vec<String> = value_ticks(&axes)
                .iter()
                .map(|tick| tick_label(*tick, axes.step, unit).replace(number::SPACE, " "))
                .collect();
            assert_eq!(labels, expected);
        };
        check(0.0, 61.0, "%", &["0", "20 %", "40 %", "60 %", "80 %"]);
        check(0.0, 100.0, "%", &["0", "25 %", "50 %", "75 %", "100 %"]);
        check(
            0.0,
            0.31,
            "s",
            &["0", "100 ms", "200 ms", "300 ms", "400 ms"],
        );
        check(-3.0, 5.0, "", &["−4", "−2", "0", "2", "4", "6"]);
        check(0.0, 9e9, "By", &["0", "4 GiB", "8 GiB", "12 GiB"]);
        check(0.0, 0.0, "", &["0", "0.25", "0.5", "0.75", "1"]);
    }

    #[test]
    fn hostile_values_stay_inside() {
        for (low, high) in [
            (f64::MIN, f64::MAX),
            (0.0, 1e-320),
            (-1e-300, 0.0),
            (7.0, 7.0),
        ] {
            let axes = axes(low, high, "By");
            assert!(axes.high > axes.low, "{axes:?}");
            for value in [low, high, 0.0, f64::MAX, f64::MIN] {
                assert!((0..=HEIGHT).contains(&axes.y(value)));
            }
            assert!(!value_ticks(&axes).is_empty());
        }
    }

    #[test]
    fn times_are_few_and_round() {
        let labels: Vec<String> = time_ticks(&axes(0.0, 1.0, ""))
            .into_iter()
            .map(|tick| tick.label)
            .collect();
        assert_eq!(labels.first().map(String::as_str), Some("1\u{a0}Jan"));
        assert_eq!(labels.last().map(String::as_str), Some("01:00"));
        assert_eq!(labels.len(), 7);
        let all = Axes {
            range: TimeRange::ALL,
            ..axes(0.0, 1.0, "")
        };
        assert!(time_ticks(&all).len() <= 8);
    }
}
