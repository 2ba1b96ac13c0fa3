//! One row of figures: how often, how often it failed, how long it took.

use super::distribution::Distribution;
use super::window::Scope;
use tacho_model::Timestamp;

/// The fractions that are told.
const FRACTIONS: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];

/// Where figures come from, the most exact first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Spans that arrived, by way of the series derived from them.
    Spans,
    /// Native histograms of the service's own library.
    Histograms,
    /// Explicit buckets of the service's own library.
    Buckets,
}

impl Origin {
    /// Its name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Histograms => "histograms",
            Self::Buckets => "buckets",
        }
    }
}

/// What is known of the observations of one window, in a form that adds up.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How many.
    pub count: f64,
    /// How many of them failed.
    pub errors: f64,
    /// Their sum.
    pub sum: f64,
    /// How they are distributed.
    pub distribution: Distribution,
    /// The least exact of their sources.
    pub origin: Option<Origin>,
}

impl Tally {
    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.errors += other.errors;
        self.sum += other.sum;
        self.distribution.add(&other.distribution);
        self.origin = self.origin.max(other.origin);
    }

    /// Mean of the observations.
    pub fn mean(&self) -> Option<f64> {
        finite(self.sum / self.count).filter(|_| self.count > 0.0)
    }

    /// Share that failed; `None` of nothing.
    pub fn error_rate(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.errors / self.count)
    }

    /// One quantile.
    pub fn quantile(&self, fraction: f64) -> Option<f64> {
        let [found] = self.distribution.quantiles([fraction])?;
        found.value
    }

    /// The figures of a window so long.
    pub fn stats(&self, seconds: f64) -> Stats {
        let quantiles = self.distribution.quantiles(FRACTIONS);
        let native = self.distribution.native();
        let end = |q| native.and_then(|(all, scale)| finite(all.quantile(q)? * scale));
        let values = quantiles.map_or([None; 5], |all| all.map(|one| one.value));
        let error = match native {
            Some((histogram, _)) => Some(histogram.relative_error()),
            // Half a bucket, in relation to the value: the worst of those that are told.
            None => quantiles.and_then(|all| {
                let each = all.iter().filter_map(|one| {
                    let value = one.value.filter(|value| *value > 0.0)?;
                    finite((one.high - one.low) / 2.0 / value)
                });
                each.max_by(f64::total_cmp)
            }),
        };
        let is_exact = native.is_some();
        Stats {
            count: self.count,
            errors: self.errors,
            error_rate: self.error_rate(),
            rate: if seconds > 0.0 {
                self.count / seconds
            } else {
                0.0
            },
            sum: self.sum,
            mean: self.mean(),
            min: end(0.0),
            max: end(1.0),
            quantiles: values,
            bounds: quantiles
                .filter(|_| !is_exact)
                .map(|all| all.map(|one| (finite(one.low), finite(one.high)))),
            relative_error: error,
            origin: self.origin,
        }
    }
}

/// Figures of one window. Durations are seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Stats {
    /// How many.
    pub count: f64,
    /// How many of them failed.
    pub errors: f64,
    /// Share that failed.
    pub error_rate: Option<f64>,
    /// How many a second.
    pub rate: f64,
    /// Time spent in all of them.
    pub sum: f64,
    /// Mean.
    pub mean: Option<f64>,
    /// Shortest, within the relative error.
    pub min: Option<f64>,
    /// Longest, within the relative error.
    pub max: Option<f64>,
    /// At 50, 90, 95, 99 and 99.9 %.
    pub quantiles: [Option<f64>; 5],
    /// Between what each quantile lies, where they are within explicit buckets.
    pub bounds: Option<[(Option<f64>, Option<f64>); 5]>,
    /// How far off a quantile may be, in relation to it.
    pub relative_error: Option<f64>,
    /// Where they come from.
    pub origin: Option<Origin>,
}

/// Figures, and those of the window that is compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Of the window.
    pub stats: Stats,
    /// Of the other one.
    pub previous: Option<Stats>,
}

/// The tallies of each window, and when there was something last.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// One a window.
    pub tallies: Vec<Tally>,
    /// The newest sample that held something.
    pub last: Option<Timestamp>,
}

impl Row {
    /// Adds what was seen in each window.
    pub fn add(&mut self, tallies: &[Tally], last: Option<Timestamp>) {
        if self.tallies.len() < tallies.len() {
            self.tallies.resize_with(tallies.len(), Tally::default);
        }
        for (all, one) in self.tallies.iter_mut().zip(tallies) {
            all.add(one);
        }
        self.last = self.last.max(last);
    }

    /// Adds another row.
    pub fn add_row(&mut self, other: &Self) {
        self.add(&other.tallies, other.last);
    }

    /// The tally of a window.
    pub fn tally(&self, place: usize) -> Option<&Tally> {
        self.tallies.get(place)
    }

    /// Observations in a window.
    pub fn count(&self, place: usize) -> f64 {
        self.tally(place).map_or(0.0, |tally| tally.count)
    }

    /// Time spent in the window asked for.
    pub fn total(&self) -> f64 {
        self.tally(0).map_or(0.0, |tally| tally.sum)
    }

    /// Whether there was anything in the window or the one that it is compared with.
    pub fn is_seen(&self, scope: &Scope) -> bool {
        self.count(0) > 0.0 || (scope.previous.is_some() && self.count(1) > 0.0)
    }

    /// The figures.
    pub fn measured(&self, scope: &Scope) -> Measured {
        let nothing = Tally::default();
        let stats = |place| {
            let tally = self.tally(place).unwrap_or(&nothing);
            tally.stats(scope.seconds(place))
        };
        Measured {
            stats: stats(0),
            previous: scope.previous.map(|_| stats(1)),
        }
    }
}

/// A list that may have been cut.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// The first of them.
    pub rows: Vec<T>,
    /// How many there are beyond.
    pub more: usize,
}

/// Rows that were seen, those with the most time spent first, at most as many as the scope says.
pub fn listed<K: Ord, V, T>(
    all: impl IntoIterator<Item = (K, V)>,
    row: impl Fn(&V) -> &Row,
    scope: &Scope,
    shown: impl FnMut((K, V)) -> T,
) -> Listed<T> {
    let seen = all
        .into_iter()
        .filter(|(_, value)| row(value).is_seen(scope));
    let mut seen: Vec<(K, V)> = seen.collect();
    seen.sort_by(|(a, x), (b, y)| {
        let spent = row(y).total().total_cmp(&row(x).total());
        spent.then_with(|| a.cmp(b))
    });
    let more = seen.len().saturating_sub(scope.limit);
    seen.truncate(scope.limit);
    Listed {
        rows: seen.into_iter().map(shown).collect(),
        more,
    }
}

/// A number that JSON can hold.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacho_model::Histogram;

    fn tally(values: impl IntoIterator<Item = f64>, errors: f64) -> Tally {
        let mut histogram = Histogram::new();
        values
            .into_iter()
            .for_each(|value| histogram.observe(value));
        let mut tally = Tally {
            count: histogram.count(),
            errors,
            sum: histogram.sum(),
            origin: Some(Origin::Spans),
            ..Tally::default()
        };
        tally.distribution.add_native(&histogram, 1.0);
        tally
    }

    #[test]
    fn figures_of_a_window() {
        let mut all = tally((1..=500).map(|n| f64::from(n) / 1000.0), 5.0);
        all.add(&tally((501..=1000).map(|n| f64::from(n) / 1000.0), 0.0));
        let stats = all.stats(100.0);
        assert_eq!((stats.count, stats.errors, stats.rate), (1000.0, 5.0, 10.0));
        assert_eq!(stats.error_rate, Some(0.005));
        assert!((stats.mean.unwrap() - 0.5005).abs() < 1e-9);
        let error = stats.relative_error.unwrap();
        assert!(error < 0.0055, "{error}");
        let exact = [0.5, 0.9, 0.95, 0.99, 0.999];
        for (found, exact) in stats.quantiles.iter().zip(exact) {
            let off = (found.unwrap() - exact).abs() / exact;
            assert!(off < error + 0.002, "{found:?} for {exact}");
        }
        assert!((stats.min.unwrap() - 0.001).abs() < 1e-5);
        assert!((stats.max.unwrap() - 1.0).abs() < 0.006);
        assert!(stats.bounds.is_none());
    }

    #[test]
    fn nothing_is_not_zero() {
        let stats = Tally::default().stats(60.0);
        assert_eq!((stats.count, stats.rate), (0.0, 0.0));
        assert_eq!(
            (stats.mean, stats.error_rate, stats.min),
            (None, None, None)
        );
        assert_eq!(stats.quantiles, [None; 5]);
        assert_eq!(stats.origin, None);
    }

    #[test]
    fn the_least_exact_source_is_told() {
        let mut all = tally([1.0], 0.0);
        all.add(&Tally {
            count: 1.0,
            origin: Some(Origin::Buckets),
            ..Tally::default()
        });
        all.add(&Tally::default());
        assert_eq!(all.origin, Some(Origin::Buckets));
    }
}
