//! One series of `StatsD`: what came for it, and what is to be written of it.

use std::time::Duration;

use tacho_model::append::SeriesIndex;
use tacho_model::{Batch, Histogram, Kind, Labels, Metadata, Timestamp, Unit};
use tacho_wire::statsd::{MetricType, Sample};

use super::distinct::Distinct;
use super::settings::SignedGauges;

/// How often the value of a series that nothing came for is written again: well within the five
/// minutes after which a query takes a series for gone.
const REPEAT: Duration = Duration::from_mins(1);

/// What a metric's name stands for, as long as anything is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Counter,
    Gauge,
    Timer,
    Histogram,
    Set,
}

impl Form {
    pub(super) const fn of(kind: MetricType) -> Self {
        match kind {
            MetricType::Counter => Self::Counter,
            MetricType::Gauge => Self::Gauge,
            MetricType::Timer => Self::Timer,
            MetricType::Histogram | MetricType::Distribution => Self::Histogram,
            MetricType::Set => Self::Set,
        }
    }

    pub(super) fn metadata(self) -> Metadata {
        let (kind, unit) = match self {
            Self::Counter => (Kind::Counter, Unit::NONE),
            Self::Gauge | Self::Set => (Kind::Gauge, Unit::NONE),
            Self::Timer => (Kind::Timing, Unit::SECONDS),
            Self::Histogram => (Kind::Histogram, Unit::NONE),
        };
        let help = String::new();
        Metadata { kind, unit, help }
    }
}

/// What came since the last flush, or in all.
#[derive(Debug)]
enum State {
    /// The total; what came since the start until `base` is known.
    Counter(f64),
    /// The value; what was added to it until `base` is known.
    Gauge(f64),
    /// Observations since the last flush, and the factor to the stored unit.
    Observed(Histogram, f64),
    /// Values since the last flush.
    Set(Distinct),
}

/// What the store held of a series before.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Base {
    /// Not looked up yet.
    Unread,
    /// Nothing, and nothing was written since.
    Fresh,
    /// Added to the state, or of no interest.
    Known,
}

/// One series.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) labels: Labels,
    pub(super) form: Form,
    state: State,
    base: Base,
    /// Whether something came since the last flush.
    touched: bool,
    last_touched: Timestamp,
    last_written: Timestamp,
    /// Whether the value written last is not zero.
    written: bool,
}

impl Series {
    pub(super) fn new(labels: Labels, form: Form, now: Timestamp) -> Self {
        let state = match form {
            Form::Counter => State::Counter(0.0),
            Form::Gauge => State::Gauge(0.0),
            // Clients send milliseconds; seconds are what is stored.
            Form::Timer => State::Observed(Histogram::new(), 1e-3),
            Form::Histogram => State::Observed(Histogram::new(), 1.0),
            Form::Set => State::Set(Distinct::default()),
        };
        let base = match form {
            Form::Counter | Form::Gauge => Base::Unread,
            _ => Base::Known,
        };
        Self {
            labels,
            form,
            state,
            base,
            touched: false,
            last_touched: now,
            last_written: now,
            written: false,
        }
    }

    /// Whether these samples, each standing for `weight`, leave every sum finite; why not.
    #[inline]
    pub(super) fn check<'a>(
        &self,
        samples: impl Iterator<Item = Sample<'a>>,
        weight: f64,
    ) -> Result<(), &'static str> {
        let (mut sum, factor) = match &self.state {
            State::Counter(total) => (*total, weight),
            State::Gauge(held) => (*held, 1.0),
            State::Observed(observed, scale) => (observed.sum(), scale * weight),
            State::Set(_) => return Ok(()),
        };
        for sample in samples {
            match sample {
                Sample::Number(value) if self.form == Form::Gauge => sum = value,
                Sample::Number(value) if value < 0.0 && self.form == Form::Counter => {
                    return Err("negative_counter");
                }
                Sample::Number(value) | Sample::Signed(value) => sum += value * factor,
                Sample::Text(_) => {}
            }
        }
        if sum.is_finite() {
            Ok(())
        } else {
            Err("overflow")
        }
    }

    /// Takes a sample in.
    #[inline]
    pub(super) fn add(
        &mut self,
        sample: Sample<'_>,
        weight: f64,
        signed: SignedGauges,
        hash: impl FnOnce(&str) -> u64,
    ) {
        self.touched = true;
        match (&mut self.state, sample) {
            (State::Counter(total), Sample::Number(value)) => *total += value * weight,
            (State::Gauge(held), Sample::Signed(value)) if signed == SignedGauges::Relative => {
                *held += value;
            }
            (State::Gauge(held), Sample::Number(value) | Sample::Signed(value)) => {
                *held = value;
                // Whatever it was before is over.
                self.base = Base::Known;
            }
            (State::Observed(observed, scale), Sample::Number(value)) => {
                observed.observe_many(value * *scale, weight);
            }
            (State::Set(values), Sample::Text(text)) => values.insert(hash(text)),
            // The type of a line decides the form of its series and the sort of its samples.
            _ => {}
        }
    }

    /// Whether the store is to be asked what it held.
    pub(super) fn is_unread(&self) -> bool {
        self.touched && self.base == Base::Unread
    }

    /// Takes in what the store held: a total goes on, a relative gauge moves on from there.
    pub(super) fn set_base(&mut self, stored: Option<f64>) {
        if self.base != Base::Unread {
            return;
        }
        let (State::Counter(held) | State::Gauge(held)) = &mut self.state else {
            return;
        };
        let sum = *held + stored.unwrap_or(0.0);
        // A stored infinity is nothing to go on from.
        if sum.is_finite() {
            *held = sum;
        }
        self.base = if stored.is_some() || self.form == Form::Gauge {
            Base::Known
        } else {
            Base::Fresh
        };
    }

    /// Whether nothing came for so long that it is to be forgotten.
    pub(super) fn is_idle(&self, at: Timestamp, timeout: Duration) -> bool {
        !self.touched && at.since(self.last_touched) >= timeout
    }

    /// Writes what is to be written at the end of an interval.
    pub(super) fn write(&mut self, at: Timestamp, interval: Duration, batch: &mut Batch) {
        if self.base == Base::Unread {
            return;
        }
        let touched = std::mem::take(&mut self.touched);
        if touched {
            self.last_touched = at;
        }
        let due = match &self.state {
            State::Observed(..) => false,
            State::Set(_) if self.written => true,
            _ => at.since(self.last_written) >= REPEAT,
        };
        if !touched && !due {
            return;
        }
        self.last_written = at;
        let index = batch.series_encoded(self.labels.as_ref());
        self.push(index, at, interval, batch);
    }

    fn push(&mut self, index: SeriesIndex, at: Timestamp, interval: Duration, batch: &mut Batch) {
        match &mut self.state {
            State::Counter(total) => {
                // Without a zero before it, the first increment of a counter would be no increase.
                if self.base == Base::Fresh {
                    batch.push(index, at - interval, 0.0);
                    self.base = Base::Known;
                }
                batch.push(index, at, *total);
            }
            State::Gauge(value) => batch.push(index, at, *value),
            State::Observed(observed, _) => {
                batch.push_histogram(index, at, std::mem::take(observed));
            }
            State::Set(values) => {
                let count = std::mem::take(values).count();
                self.written = count > 0.0;
                batch.push(index, at, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tacho_model::Value;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn series(form: Form) -> Series {
        Series::new(Labels::metric("m").unwrap(), form, at(0))
    }

    fn add(series: &mut Series, sample: Sample<'_>, weight: f64) {
        series.add(sample, weight, SignedGauges::Relative, |text| {
            text.len() as u64
        });
    }

    /// What is written at the end of second `secs`: times and values.
    fn written(series: &mut Series, secs: i64) -> Vec<(i64, f64)> {
        let mut batch = Batch::new();
        series.write(at(secs), SECOND, &mut batch);
        let rows = batch.rows().map(|(_, time, value)| match value {
            Value::Float(value) => (time.as_millis() / 1000, value),
            Value::Histogram(histogram) => (time.as_millis() / 1000, histogram.count()),
        });
        rows.collect()
    }

    #[test]
    fn a_new_counter_begins_at_zero_and_a_known_one_goes_on() {
        let mut new = series(Form::Counter);
        add(&mut new, Sample::Number(2.0), 10.0);
        assert!(new.is_unread() && written(&mut new, 1).is_empty());
        new.set_base(None);
        assert_eq!(written(&mut new, 1), [(0, 0.0), (1, 20.0)]);
        add(&mut new, Sample::Number(1.0), 1.0);
        assert_eq!(written(&mut new, 2), [(2, 21.0)]);

        let mut known = series(Form::Counter);
        add(&mut known, Sample::Number(2.0), 1.0);
        known.set_base(Some(100.0));
        assert_eq!(written(&mut known, 1), [(1, 102.0)]);
    }

    #[test]
    fn a_gauge_moves_from_where_it_was() {
        let mut gauge = series(Form::Gauge);
        add(&mut gauge, Sample::Signed(-2.0), 1.0);
        gauge.set_base(Some(10.0));
        assert_eq!(written(&mut gauge, 1), [(1, 8.0)]);
        let mut absolute = series(Form::Gauge);
        add(&mut absolute, Sample::Signed(3.0), 1.0);
        add(&mut absolute, Sample::Number(5.0), 1.0);
        add(&mut absolute, Sample::Signed(-1.0), 1.0);
        assert!(!absolute.is_unread());
        absolute.set_base(Some(10.0));
        assert_eq!(written(&mut absolute, 1), [(1, 4.0)]);
        let mut signed = series(Form::Gauge);
        let absolute = SignedGauges::Absolute;
        signed.add(Sample::Signed(-5.0), 1.0, absolute, |_| 0);
        assert_eq!(written(&mut signed, 1), [(1, -5.0)]);
    }

    #[test]
    fn what_nothing_comes_for_is_repeated_each_minute_and_then_forgotten() {
        let mut gauge = series(Form::Gauge);
        add(&mut gauge, Sample::Number(5.0), 1.0);
        let times: Vec<i64> = (1..=200)
            .filter(|s| !written(&mut gauge, *s).is_empty())
            .collect();
        assert_eq!(times, [1, 61, 121, 181]);
        assert!(!gauge.is_idle(at(600), Duration::from_mins(10)));
        assert!(gauge.is_idle(at(601), Duration::from_mins(10)));
    }

    #[test]
    fn a_set_says_zero_once_and_a_distribution_says_nothing() {
        let mut set = series(Form::Set);
        for text in ["a", "bb", "b", "ccc"] {
            add(&mut set, Sample::Text(text), 1.0);
        }
        assert_eq!(written(&mut set, 1), [(1, 3.0)]);
        assert_eq!(written(&mut set, 2), [(2, 0.0)]);
        assert!(written(&mut set, 3).is_empty());
        let mut timer = series(Form::Timer);
        add(&mut timer, Sample::Number(250.0), 4.0);
        let mut batch = Batch::new();
        timer.write(at(1), SECOND, &mut batch);
        let Value::Histogram(histogram) = batch.row(0).2 else {
            panic!("no histogram");
        };
        assert_eq!((histogram.count(), histogram.sum()), (4.0, 1.0));
        assert!(written(&mut timer, 2).is_empty());
    }

    #[test]
    fn sums_that_leave_the_numbers_are_refused() {
        let check = |form, samples: &[f64], weight| {
            let samples = samples.iter().map(|value| Sample::Number(*value));
            series(form).check(samples, weight)
        };
        assert_eq!(check(Form::Counter, &[1e308], 10.0), Err("overflow"));
        assert_eq!(check(Form::Counter, &[1e308, 1e308], 1.0), Err("overflow"));
        assert_eq!(check(Form::Histogram, &[1e308], 10.0), Err("overflow"));
        assert_eq!(check(Form::Timer, &[1e308], 100.0), Ok(()));
        assert_eq!(
            check(Form::Counter, &[1.0, -1.0], 1.0),
            Err("negative_counter")
        );
        assert_eq!(check(Form::Gauge, &[1e308, 1e308, -1.0], 1.0), Ok(()));
    }
}
