//! What a caller decides about an evaluation: how far back to look, how much may be touched, and
//! when to give up.
//!
//! Every limit here is a hard one: beyond it a query ends with an error, never with a part of an
//! answer. Not for the query's own text: that says nothing about limits.

use std::num::NonZero;
use std::time::Duration;

use tacho_model::{METRIC_NAME, QueryError, Timestamp};

/// How queries are evaluated.
#[derive(Debug, Clone)]
pub struct Options {
    /// How old the newest sample of a series may be to still count as its value.
    pub lookback_delta: Duration,
    /// The step of a sub-query that states none.
    pub subquery_step: Duration,
    /// When the metric name goes from a result that is no longer that metric.
    pub name_removal: NameRemoval,
    /// Which labels go with it.
    pub metric_labels: MetricLabels,
    /// What a query may touch.
    pub limits: Limits,
    /// Threads that read series.
    pub threads: NonZero<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lookback_delta: Duration::from_mins(5),
            subquery_step: Duration::from_mins(1),
            name_removal: NameRemoval::Immediate,
            metric_labels: MetricLabels::Name,
            limits: Limits::default(),
            threads: NonZero::<usize>::MIN,
        }
    }
}

/// Which functions and modifiers a query may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Features {
    /// What Prometheus documents as stable.
    #[default]
    Stable,
    /// Also what it documents as experimental.
    Experimental,
}

/// When the metric name is taken off a result that is no longer that metric, such as a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameRemoval {
    /// By the function or operator itself: Prometheus as it is by default.
    #[default]
    Immediate,
    /// Once, from the answer: Prometheus with `promql-delayed-name-removal`.
    Delayed,
}

/// Which labels say what is measured. They go when a result is no longer that, and do not matter
/// when vectors are matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetricLabels {
    /// `__name__`: Prometheus as it is by default.
    #[default]
    Name,
    /// `__type__` and `__unit__` too: Prometheus with `type-and-unit-labels`.
    NameTypeAndUnit,
}

impl MetricLabels {
    /// Their names.
    pub(crate) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Name => &[METRIC_NAME],
            Self::NameTypeAndUnit => &[METRIC_NAME, "__type__", "__unit__"],
        }
    }
}

/// What one query may touch.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most samples that are read.
    pub samples_max: u64,
    /// Most steps of a range, the first not counted (as Prometheus counts them).
    pub points_max: u64,
    /// Most bytes of results, those of parts of the expression included.
    pub memory_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            samples_max: 50_000_000,
            points_max: 11_000,
            memory_bytes_max: 1 << 30,
        }
    }
}

/// Somebody who may end a query: its time is over, or whoever asked has gone.
///
/// Asked between series and every few thousand points, from several threads.
pub trait Watch: Sync {
    /// The reason to end now.
    fn check(&self) -> Result<(), QueryError>;
}

/// Never ends a query.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn check(&self) -> Result<(), QueryError> {
        Ok(())
    }
}

/// The instants at which an expression is evaluated: from `start` in steps up to `end`.
///
/// There is at least one, and the steps are longer than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    start: i64,
    step: i64,
    count: usize,
}

/// Why there are no such steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepsError {
    /// The range ends before it starts.
    #[error("end timestamp must not be before start time")]
    EndBeforeStart,
    /// Steps of no length would never end.
    #[error(
        "zero or negative query resolution step widths are not accepted. Try a positive integer"
    )]
    NoStep,
    /// More steps than there may be.
    #[error(
        "exceeded maximum resolution of {} points per timeseries. Try decreasing the query \
         resolution (?step=XX)",
        grouped(*max)
    )]
    TooMany {
        /// How many there may be at most, the first not counted.
        max: u64,
    },
}

/// A number with a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Most steps of any range; callers set lower limits.
const STEPS_MAX: u64 = 1 << 30;

impl Steps {
    /// From `start` every `step` up to and including `end`.
    pub fn new(start: Timestamp, end: Timestamp, step: Duration) -> Result<Self, StepsError> {
        let step = i64::try_from(step.as_nanos()).unwrap_or(i64::MAX);
        if step == 0 {
            return Err(StepsError::NoStep);
        }
        if end < start {
            return Err(StepsError::EndBeforeStart);
        }
        let length = end.as_nanos().abs_diff(start.as_nanos());
        let more = length / step.unsigned_abs();
        if more >= STEPS_MAX {
            return Err(StepsError::TooMany { max: STEPS_MAX });
        }
        Ok(Self {
            start: start.as_nanos(),
            step,
            count: more as usize + 1,
        })
    }

    /// One instant.
    pub const fn at(time: Timestamp) -> Self {
        Self {
            start: time.as_nanos(),
            step: 1,
            count: 1,
        }
    }

    /// How many there are.
    pub const fn count(self) -> usize {
        self.count
    }

    /// The first.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_nanos(self.start)
    }

    /// The last.
    pub const fn end(self) -> Timestamp {
        Timestamp::from_nanos(self.nanos(self.count - 1))
    }

    /// From one to the next.
    pub const fn step(self) -> Duration {
        Duration::from_nanos(self.step.unsigned_abs())
    }

    /// The time of step `index`, in nanoseconds.
    pub(crate) const fn nanos(self, index: usize) -> i64 {
        self.start
            .saturating_add(self.step.saturating_mul(index as i64))
    }

    /// All of them.
    pub fn iter(self) -> impl ExactSizeIterator<Item = Timestamp> {
        (0..self.count).map(move |index| Timestamp::from_nanos(self.nanos(index)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_begin_at_the_start_and_do_not_pass_the_end() {
        let check = |start: i64, end: i64, step_ms: u64, expected: &[i64]| {
            let [start, end] = [start, end].map(Timestamp::from_millis);
            let steps = Steps::new(start, end, Duration::from_millis(step_ms)).unwrap();
            let times: Vec<i64> = steps.iter().map(Timestamp::as_millis).collect();
            assert_eq!(times, expected);
            assert_eq!(steps.end().as_millis(), expected[expected.len() - 1]);
        };
        check(0, 10, 5, &[0, 5, 10]);
        check(1, 10, 5, &[1, 6]);
        check(-3, -3, 7, &[-3]);
    }

    #[test]
    fn what_has_no_steps_says_why() {
        let check = |start: i64, end: i64, step: Duration, expected: &str| {
            let [start, end] = [start, end].map(Timestamp::from_secs);
            let error = Steps::new(start, end, step).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        let second = Duration::from_secs(1);
        check(0, 1, Duration::ZERO, "zero or negative query resolution");
        check(1, 0, second, "end timestamp must not be before start");
        check(
            i64::MIN,
            i64::MAX,
            Duration::from_nanos(1),
            "1,073,741,824 points",
        );
        let error = StepsError::TooMany { max: 11_000 }.to_string();
        assert!(error.contains("11,000 points per timeseries"), "{error}");
    }
}
