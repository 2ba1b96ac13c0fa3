//! Compares two rates, from events and exposure in successive intervals.
//!
//! Invariant: nothing is assumed about how events scatter, be it Poisson, overdispersed, or
//! clustered over time: a rate's error comes from how the intervals themselves vary. It declines
//! ([`RateComparison::is_decidable`]) below [`MIN_EFFECTIVE_N`](super::MIN_EFFECTIVE_N) effective
//! intervals, and below [`MIN_EVENTS`] events in all, where the sums are not yet normal.
//! Not for single counts, which only a Poisson assumption could compare.
//!
//! A rate R = ΣNᵢ/ΣEᵢ is a ratio; to first order it varies as the mean of its influence values
//! R + (Nᵢ − R Eᵢ)/Ē does, which [`compare_means`] takes in order of time.
//! Sources: Cochran, "Sampling techniques" (1977), 6.4, for the ratio's linearisation; Deville,
//! Survey Methodology 25 (1999), for influence values.

use super::compare::{MIN_N, MeanComparison, compare_means};
use crate::error::{Result, StatsError, in_range, observations, same_length};
use crate::hypothesis::{Alternative, Interval};
use crate::sum::sum;

/// The fewest events, of both series together, on which a verdict may stand.
pub const MIN_EVENTS: f64 = 24.0;

/// Events and exposure of successive intervals, in order of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EventSeries<'a> {
    /// Events in each interval, not negative: requests, errors, bytes.
    pub events: &'a [f64],
    /// What they may have happened in: seconds, or all requests; not negative, one an interval.
    pub exposure: &'a [f64],
}

/// The comparison of two rates.
#[derive(Debug, Clone, PartialEq)]
pub struct RateComparison {
    /// Events for each unit of exposure in the first series.
    pub rate_before: f64,
    /// In the second.
    pub rate_after: f64,
    /// Second less first.
    pub difference: f64,
    /// Events in both series.
    pub events: f64,
    means: MeanComparison,
}

/// Compares the rates of two series, each of at least [`MIN_N`] intervals with some exposure.
///
/// ```
/// use tacho_stats::Alternative;
/// use tacho_stats::dependence::{EventSeries, compare_rates};
///
/// let requests = vec![100.0; 40];
/// let few: Vec<f64> = (0..40).map(|i| f64::from(i * 7 % 5)).collect();
/// let many: Vec<f64> = few.iter().map(|errors| errors + 3.0).collect();
/// let comparison = compare_rates(
///     EventSeries { events: &few, exposure: &requests },
///     EventSeries { events: &many, exposure: &requests },
/// )?;
/// assert!((comparison.difference - 0.03).abs() < 1e-12);
/// assert!(comparison.p(Alternative::Greater) < 0.001);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn compare_rates(before: EventSeries<'_>, after: EventSeries<'_>) -> Result<RateComparison> {
    let (first, second) = (Influence::of(before)?, Influence::of(after)?);
    let means = compare_means(&first.values, &second.values)?;
    Ok(RateComparison {
        rate_before: first.rate,
        rate_after: second.rate,
        difference: second.rate - first.rate,
        events: in_range("the number of events", first.events + second.events)?,
        means,
    })
}

impl RateComparison {
    /// Whether there are enough effective intervals and events for a verdict.
    pub fn is_decidable(&self) -> bool {
        self.means.is_decidable() && self.events >= MIN_EVENTS
    }

    /// Numbers of independent intervals that would say as much.
    pub fn effective_n(&self) -> [f64; 2] {
        self.means.effective_n
    }

    /// The p-value of no difference; [`Alternative::Greater`] claims that the second rate is higher.
    pub fn p(&self, alternative: Alternative) -> f64 {
        self.means.p(alternative)
    }

    /// The confidence interval of the difference, in events for each unit of exposure.
    pub fn interval(&self, level: f64) -> Result<Interval> {
        self.means.interval(level)
    }

    /// Second rate over the first; none where there were no events in the first.
    pub fn ratio(&self) -> Option<f64> {
        let ratio = self.rate_after / self.rate_before;
        (self.rate_before > 0.0 && ratio.is_finite()).then_some(ratio)
    }

    /// The confidence interval of the ratio; none where the first rate is not above zero with the
    /// confidence asked for.
    pub fn ratio_interval(&self, level: f64) -> Result<Option<Interval>> {
        let relative = self.means.relative_interval(level)?;
        Ok(relative.map(|change| Interval {
            low: (1.0 + change.low).max(0.0),
            high: 1.0 + change.high,
            level,
        }))
    }
}

/// A rate, and what each interval says about it.
struct Influence {
    rate: f64,
    events: f64,
    values: Vec<f64>,
}

impl Influence {
    fn of(series: EventSeries<'_>) -> Result<Self> {
        let EventSeries { events, exposure } = series;
        same_length(events.len(), exposure.len())?;
        for (name, x) in [("events", events), ("exposure", exposure)] {
            observations(x, MIN_N)?;
            if x.iter().any(|v| *v < 0.0) {
                return Err(StatsError::Invalid {
                    name,
                    why: "none may be negative",
                });
            }
        }
        let total = in_range("the exposure", sum(exposure.iter().copied()))?;
        if total <= 0.0 {
            return Err(StatsError::Invalid {
                name: "exposure",
                why: "some interval must have some",
            });
        }
        let count = in_range("the number of events", sum(events.iter().copied()))?;
        let rate = in_range("the rate", count / total)?;
        let average = total / events.len() as f64;
        let values = events
            .iter()
            .zip(exposure)
            .map(|(n, e)| in_range("the rate", rate + (n - rate * e) / average))
            .collect::<Result<Vec<f64>>>()?;
        Ok(Self {
            rate,
            events: count,
            values,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series<'a>(events: &'a [f64], exposure: &'a [f64]) -> EventSeries<'a> {
        EventSeries { events, exposure }
    }

    #[test]
    fn equal_exposure_is_a_comparison_of_means() {
        let a: Vec<f64> = (0..30).map(|i| f64::from(i * 7 % 11)).collect();
        let b: Vec<f64> = (0..40).map(|i| 2.0 + f64::from(i * 5 % 13)).collect();
        let exposure = [4.0; 40];
        let rates = compare_rates(series(&a, &exposure[..30]), series(&b, &exposure)).unwrap();
        let means = compare_means(&a, &b).unwrap();
        let (p, want) = (
            rates.p(Alternative::TwoSided),
            means.p(Alternative::TwoSided),
        );
        assert!((p / want - 1.0).abs() < 1e-9);
        assert!((4.0 * rates.difference / means.difference - 1.0).abs() < 1e-12);
        let (ratio, change) = (
            rates.ratio_interval(0.9).unwrap().unwrap(),
            means.relative_interval(0.9).unwrap().unwrap(),
        );
        assert!((ratio.low - 1.0 - change.low).abs() < 1e-9);
        assert!(ratio.contains(rates.ratio().unwrap()));
    }

    /// What varies with exposure alone is no error of the rate.
    #[test]
    fn a_constant_rate_under_varying_exposure_has_no_error() {
        let exposure: Vec<f64> = (0..30).map(|i| f64::from(1 + i % 9)).collect();
        let events: Vec<f64> = exposure.iter().map(|e| 2.0 * e).collect();
        let wave: Vec<f64> = exposure
            .iter()
            .zip(0..)
            .map(|(e, i)| 2.0 * e + f64::from(i % 2))
            .collect();
        let rates = compare_rates(series(&events, &exposure), series(&wave, &exposure)).unwrap();
        assert!(rates.rate_before == 2.0 && rates.p(Alternative::Greater) < 0.01);
    }

    #[test]
    fn hostile_input_is_refused() {
        let ok = [1.0, 2.0, 0.0, 3.0];
        let bad: [(&[f64], &[f64]); 9] = [
            (&[], &[]),
            (&[1.0; 3], &[1.0; 3]),
            (&[1.0; 4], &[1.0; 5]),
            (&[1.0; 4], &[0.0; 4]),
            (&[-1.0, 1.0, 1.0, 1.0], &[1.0; 4]),
            (&[1.0; 4], &[-1.0, 2.0, 2.0, 2.0]),
            (&[f64::NAN, 1.0, 1.0, 1.0], &[1.0; 4]),
            (&[1.0; 4], &[f64::INFINITY, 1.0, 1.0, 1.0]),
            (&[1e308; 4], &[1e-300; 4]),
        ];
        for (events, exposure) in bad {
            assert!(compare_rates(series(events, exposure), series(&ok, &ok)).is_err());
            assert!(compare_rates(series(&ok, &ok), series(events, exposure)).is_err());
        }
        let none = compare_rates(
            series(&[0.0; 20], &[1.0; 20]),
            series(&[0.0; 20], &[1.0; 20]),
        );
        assert_eq!(none, Err(StatsError::ZeroVariance));
        let few = compare_rates(series(&ok, &[1.0; 4]), series(&ok, &[1.0; 4])).unwrap();
        assert!(!few.is_decidable());
        let tiny = compare_rates(series(&ok, &[5e-324; 4]), series(&ok, &[1.0; 4]));
        assert!(tiny.is_err());
    }
}
