//! Samples of series into windows of time.
//!
//! 1. A histogram of deltas adds its observations to each window that holds its time; one that counts
//!    since its start adds what it gained since the sample before, all of it after a reset.
//! 2. A counter's gain is found likewise. A series that had no sample in the day before was born in
//!    the window, so its first sample is gained whole: a program that tells its figures once, when it
//!    ends, is counted.
//! 3. Several windows are read at once where they touch or overlap.

use std::time::Duration;

use tacho_model::histogram::Temporality;
use tacho_model::{Columns, Histogram, Labels, Matcher, Querier, QueryError, TimeRange, Timestamp};

use super::window::{Depth, Window, stretches};
use crate::reading::{SeriesAt, map_in_order};

/// How long before the windows a series may have been silent and still go on.
const SILENCE_MAX: Duration = Duration::from_hours(24);

/// What a series has in one window.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// Observations of histograms.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The observations, where the window wants them.
    pub native: Option<Histogram>,
    /// What a counter gained.
    pub gained: f64,
}

/// What a series has in all windows.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// One a window.
    pub parts: Vec<Part>,
    /// The newest sample in any window that tells of something new.
    pub last: Option<Timestamp>,
    /// The newest number in the first window, unless the series ended.
    pub newest: Option<f64>,
}

/// Hands `take` what each series that matches any of `wanted`, and is kept, has in the windows; in
/// order of the series, and once for each stretch of time that holds some of the windows.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn each(
    querier: &dyn Querier,
    wanted: &[Vec<Matcher>],
    windows: &[Window],
    keep: impl Fn(&Labels) -> bool,
    mut take: impl FnMut(&Labels, Reading) + Send,
) -> Result<(), QueryError> {
    for (stretch, places) in stretches(windows) {
        let select = |matchers: &Vec<Matcher>| querier.select(matchers, stretch);
        let selections: Vec<_> = wanted.iter().map(select).collect::<Result<_, _>>()?;
        let series = selections
            .iter()
            .flat_map(|one| SeriesAt::all(one.as_ref()));
        let series: Vec<SeriesAt<'_>> = series.filter(|one| keep(one.labels())).collect();
        let begin = places.iter().map(|place| windows[*place].range.start).min();
        let reader = Reader {
            querier,
            windows,
            places: &places,
            begin: begin.unwrap_or(stretch.start),
        };
        let make = |index: usize, columns: &Columns| {
            let series: &SeriesAt<'_> = &series[index];
            reader.reading(series.labels(), columns)
        };
        map_in_order(&series, stretch, make, |index, reading| {
            take(series[index].labels(), reading?);
            Ok::<(), QueryError>(())
        })?;
    }
    Ok(())
}

struct Reader<'a> {
    querier: &'a dyn Querier,
    windows: &'a [Window],
    /// The windows of this stretch.
    places: &'a [usize],
    /// Where the first of them begins.
    begin: Timestamp,
}

impl Reader<'_> {
    fn reading(&self, labels: &Labels, columns: &Columns) -> Result<Reading, QueryError> {
        let mut reading = Reading {
            parts: vec![Part::default(); self.windows.len()],
            ..Reading::default()
        };
        self.histograms(labels, columns, &mut reading)?;
        self.numbers(labels, columns, &mut reading)?;
        Ok(reading)
    }

    fn histograms(
        &self,
        labels: &Labels,
        columns: &Columns,
        into: &mut Reading,
    ) -> Result<(), QueryError> {
        let mut samples = columns
            .histogram_timestamps
            .iter()
            .zip(&columns.histograms)
            .peekable();
        let is_begun = |first: &(&Timestamp, &Histogram)| {
            first.1.temporality() == Temporality::Cumulative && *first.0 > self.begin
        };
        let earlier = if samples.peek().is_some_and(is_begun) {
            self.earlier(labels)?
        } else {
            Columns::new()
        };
        let mut before: Option<&Histogram> = earlier.histograms.last();
        for (time, histogram) in samples {
            let is_total = histogram.temporality() == Temporality::Cumulative;
            if *time > self.begin {
                let gained = match before.filter(|_| is_total) {
                    Some(before) => histogram.since(before),
                    None => None,
                };
                self.observe(*time, gained.as_ref().unwrap_or(histogram), into);
            }
            before = Some(histogram);
        }
        Ok(())
    }

    /// Adds observations to the windows that hold their time.
    fn observe(&self, time: Timestamp, histogram: &Histogram, into: &mut Reading) {
        if histogram.count() <= 0.0 {
            return;
        }
        let sum = sum(histogram);
        for place in self.places {
            let window = &self.windows[*place];
            if !window.holds(time) {
                continue;
            }
            let part = &mut into.parts[*place];
            part.count += histogram.count();
            part.sum += sum;
            if window.depth == Depth::Distribution {
                match &mut part.native {
                    Some(all) => all.merge(histogram),
                    none => *none = Some(histogram.clone()),
                }
            }
            into.last = into.last.max(Some(time));
        }
    }

    fn numbers(
        &self,
        labels: &Labels,
        columns: &Columns,
        into: &mut Reading,
    ) -> Result<(), QueryError> {
        let samples = columns.timestamps.iter().zip(&columns.values);
        let mut before: Option<f64> = None;
        let mut is_first = true;
        for (time, value) in samples {
            let is_shown = self
                .windows
                .first()
                .is_some_and(|window| window.holds(*time));
            if is_shown {
                into.newest = value.is_finite().then_some(*value);
            }
            if !value.is_finite() {
                continue;
            }
            if std::mem::take(&mut is_first) && *time > self.begin {
                before = self.earlier(labels)?.last().map(|(_, value)| value);
            }
            let gained = match before {
                Some(before) if *value >= before => value - before,
                // Reset to nothing, or born.
                _ => *value,
            };
            before = Some(*value);
            if gained > 0.0 && gained.is_finite() {
                self.gain(*time, gained, into);
            }
        }
        Ok(())
    }

    fn gain(&self, time: Timestamp, gained: f64, into: &mut Reading) {
        for place in self.places {
            if self.windows[*place].holds(time) {
                into.parts[*place].gained += gained;
                into.last = into.last.max(Some(time));
            }
        }
    }

    /// The samples of a series in the day before the windows: it has none just before them.
    fn earlier(&self, labels: &Labels) -> Result<Columns, QueryError> {
        let range = TimeRange::new(self.begin - SILENCE_MAX, self.begin);
        let mut columns = Columns::new();
        self.querier
            .read_series(labels.as_ref(), range, &mut columns)?;
        Ok(columns)
    }
}

/// The sum of a histogram's observations; that of its buckets' middles, where one of them was no
/// number and spoilt the sum for good.
fn sum(histogram: &Histogram) -> f64 {
    if histogram.sum().is_finite() {
        return histogram.sum();
    }
    let middles = histogram
        .buckets()
        .map(|(low, high, count)| f64::midpoint(low, high) * count);
    middles.filter(|part| part.is_finite()).sum()
}

/// Matches any of these metrics.
///
/// # Errors
/// [`QueryError`] where the names make no expression.
pub(crate) fn any_metric<S: AsRef<str>>(names: &[S]) -> Result<Matcher, QueryError> {
    if let [name] = names {
        return Ok(Matcher::metric(name.as_ref()));
    }
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    Matcher::new(
        tacho_model::METRIC_NAME,
        tacho_model::matcher::MatchOp::Regex,
        &names.join("|"),
    )
    .map_err(|error| QueryError::Failed(error.into()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Store, range};
    use super::*;

    fn read(store: &Store, metric: &str, windows: &[Window]) -> Reading {
        let mut all = Vec::new();
        let matchers = vec![Matcher::metric(metric)];
        each(
            store.querier(),
            &[matchers],
            windows,
            |_| true,
            |_, reading| all.push(reading),
        )
        .unwrap();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    fn gained(store: &Store, metric: &str, windows: &[Window]) -> Vec<f64> {
        let reading = read(store, metric, windows);
        reading.parts.iter().map(|part| part.gained).collect()
    }

    #[test]
    fn a_counter_gains_from_the_sample_before_the_window_and_through_resets() {
        let store = Store::new();
        for (time, value) in [
            (940, 10.0),
            (1000, 20.0),
            (1060, 25.0),
            (1120, 3.0),
            (1180, 7.0),
        ] {
            store.number(&[("__name__", "c")], time, value);
        }
        let windows = [
            Window::whole(range(1000, 1200)),
            Window::whole(range(900, 1000)),
        ];
        // From 20: five, then reset to three, then four. The window before has its birth at ten.
        assert_eq!(gained(&store, "c", &windows), [12.0, 20.0]);
    }

    #[test]
    fn a_counter_that_was_silent_goes_on_and_one_that_is_new_is_counted_whole() {
        let store = Store::new();
        store.number(&[("__name__", "old")], 1000, 100.0);
        store.number(&[("__name__", "old")], 9000, 104.0);
        store.number(&[("__name__", "new")], 9000, 104.0);
        let windows = [Window::whole(range(8000, 10_000))];
        assert_eq!(gained(&store, "old", &windows), [4.0]);
        assert_eq!(gained(&store, "new", &windows), [104.0]);
    }

    #[test]
    fn what_is_no_number_is_no_gain() {
        let store = Store::new();
        for (time, value) in [(10, 5.0), (20, f64::NAN), (30, f64::INFINITY), (40, 6.0)] {
            store.number(&[("__name__", "c")], time, value);
        }
        let windows = [Window::whole(range(0, 100))];
        assert_eq!(gained(&store, "c", &windows), [6.0]);
    }

    #[test]
    fn histograms_of_deltas_and_of_totals_give_the_same() {
        let store = Store::new();
        let mut total = Histogram::new().counted(Temporality::Cumulative);
        for time in 1..=10 {
            let mut delta = Histogram::new();
            delta.observe(0.1 * time as f64);
            total.observe(0.1 * time as f64);
            store.histogram(&[("__name__", "delta")], time, delta);
            store.histogram(&[("__name__", "total")], time, total.clone());
        }
        let windows = [
            Window::whole(range(5, 8)),
            Window::mean(range(0, 10)),
            Window::whole(range(0, 5)),
        ];
        for metric in ["delta", "total"] {
            let reading = read(&store, metric, &windows);
            let counts: Vec<f64> = reading.parts.iter().map(|part| part.count).collect();
            assert_eq!(counts, [3.0, 10.0, 5.0], "{metric}");
            assert!((reading.parts[0].sum - 2.1).abs() < 1e-9, "{metric}");
            let [whole, mean, _] = &reading.parts[..] else {
                panic!()
            };
            assert!(whole.native.is_some() && mean.native.is_none());
            assert_eq!(reading.last, Some(super::super::testing::at(10)));
        }
    }

    #[test]
    fn an_observation_that_is_no_number_spoils_no_other() {
        let store = Store::new();
        let mut histogram = Histogram::new();
        histogram.observe_many(2.0, 10.0);
        histogram.observe(f64::NAN);
        store.histogram(&[("__name__", "h")], 10, histogram);
        let reading = read(&store, "h", &[Window::whole(range(0, 100))]);
        assert_eq!(reading.parts[0].count, 11.0);
        assert!((reading.parts[0].sum - 20.0).abs() < 0.2);
    }

    #[test]
    fn the_newest_number_is_none_once_the_series_has_ended() {
        let store = Store::new();
        let gauge = [("__name__", "g")];
        store.number(&gauge, 10, 5.0);
        let windows = [Window::whole(range(0, 100))];
        assert_eq!(read(&store, "g", &windows).newest, Some(5.0));
        store.number(&gauge, 20, f64::from_bits(0x7ff0_0000_0000_0002));
        assert_eq!(read(&store, "g", &windows).newest, None);
    }
}
