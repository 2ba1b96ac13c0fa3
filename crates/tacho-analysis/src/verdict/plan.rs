//! How much longer to measure before an inconclusive answer can be expected to end.
//!
//! The window's share of the squared standard error falls in proportion to its effective size,
//! the baseline's share stays. The time given is the one after which the interval, were the
//! estimate to stay where it is, would clear the margin in four cases of five: the distance to the
//! margin must be 1.96 + 0.84 standard errors, [`CLEARANCE`] half widths of a 95 % interval.

use std::time::Duration;

use super::EFFECTIVE_MIN;
use super::decide::{Comparison, MORE_MAX, Shift, shortage};
use crate::measurement::Summary;
use crate::metric::MetricSpec;

/// (1.96 + 0.84) / 1.96.
const CLEARANCE: f64 = 1.43;

/// The time, and why there is none or what is missing.
pub(super) fn more(
    spec: &MetricSpec,
    measured: Duration,
    shift: &Shift,
    comparison: &Comparison,
    before: &Summary,
    after: &Summary,
) -> (Option<Duration>, Option<String>) {
    if let Some(reason) = shortage(comparison.effective_n) {
        let [baseline, window] = comparison.effective_n;
        // A longer window does not help a short baseline.
        let factor = EFFECTIVE_MIN / window.max(1.0);
        let helps = baseline >= EFFECTIVE_MIN;
        return (
            helps.then(|| extra(measured, factor)).flatten(),
            Some(reason),
        );
    }
    let [share_before, share_after] = shares(before, after);
    let distance = (shift.change.abs() - spec.margin.around(shift.before)).abs();
    let half_width = half_width(shift);
    // How much smaller the interval must become.
    let wanted = (distance / (CLEARANCE * half_width)).powi(2);
    let room = wanted - share_before;
    if !(room.is_finite() && room > 0.0) {
        let reason = "the baseline alone leaves more doubt than the change can clear".to_owned();
        return (None, Some(reason));
    }
    let more = extra(measured, share_after / room);
    let reason = more
        .is_none()
        .then(|| "the change lies too close to the margin".to_owned());
    (more, reason)
}

fn half_width(shift: &Shift) -> f64 {
    let interval = shift.change_interval;
    0.5 * (interval.high - interval.low)
}

/// The parts of the squared standard error that each side contributes.
fn shares(before: &Summary, after: &Summary) -> [f64; 2] {
    let [a, b] = [before, after].map(|s| s.estimate.standard_error.powi(2));
    let total = a + b;
    if total.is_finite() && total > 0.0 {
        [a / total, b / total]
    } else {
        [0.5, 0.5]
    }
}

/// What is missing when the window must become `factor` times as long: at least a tenth more,
/// rounded up to whole seconds; `None` beyond [`MORE_MAX`].
fn extra(measured: Duration, factor: f64) -> Option<Duration> {
    let seconds = measured.as_secs_f64() * (factor - 1.0).max(0.1);
    let limit = MORE_MAX.as_secs_f64();
    (seconds.is_finite() && seconds <= limit).then(|| Duration::from_secs(seconds.ceil() as u64))
}
