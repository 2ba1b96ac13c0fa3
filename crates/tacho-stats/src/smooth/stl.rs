//! STL: an evenly spaced series as trend plus season plus remainder, by local regression.
//!
//! Invariant: the three components add up to the series (to rounding), and have its unit; shifting
//! the series shifts the trend, scaling it scales all three.
//! Not for gaps (fill or cut them first), nor for several seasons at once; that is
//! [`mstl`](super::mstl). The trend of a series with a level shift is smooth all the same.
//!
//! Source: Cleveland, Cleveland, `McRae` & Terpenning, "STL: a seasonal-trend decomposition
//! procedure based on loess", Journal of Official Statistics 6 (1990), and its program.

use super::Degree;
use super::lattice::Lattice;
use super::moving_mean::moving_means;
use super::robustness::bisquare_weights;
use super::scale::Scale;
use crate::error::{Result, StatsError, in_range, observations};

/// How one of the three smoothers of STL works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Smoother {
    /// Number of points in a neighbourhood: odd, at least 3.
    pub window: usize,
    /// What is fitted: a constant or a line.
    pub degree: Degree,
    /// Fits at every `jump`-th point and interpolates between: 1 fits everywhere.
    pub jump: usize,
}

impl Smoother {
    /// A line at every point.
    pub fn new(window: usize) -> Self {
        Self {
            window,
            degree: Degree::Linear,
            jump: 1,
        }
    }
}

/// The parameters of STL, in the paper's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StlSettings {
    /// Observations in one season.
    pub period: usize,
    /// n(i): passes of the inner loop, which update season and trend.
    pub inner: usize,
    /// n(o): passes of the outer loop, which update robustness weights; 0 treats outliers like
    /// everything else.
    pub outer: usize,
    /// n(l): the smoother that takes the trend out of the seasons.
    pub low_pass: Smoother,
    /// n(t): the trend's smoother.
    pub trend: Smoother,
    /// n(s): the smoother of the values of one phase of the season, one season apart.
    pub seasonal: Smoother,
}

impl StlSettings {
    /// The paper's choices with a seasonal window of 7, which lets the season change quickly; no
    /// robustness; fits at every point.
    pub fn new(period: usize) -> Self {
        Self::with_seasonal_window(period, 7)
    }

    /// The paper's choices for any seasonal window; the wider, the steadier the season.
    ///
    /// The low-pass window is the least odd number from the period, the trend's the least odd
    /// number from 1.5 · period / (1 − 1.5 / window).
    pub fn with_seasonal_window(period: usize, window: usize) -> Self {
        let leakage = 1.0 - 1.5 / window.max(2) as f64;
        let trend = (1.5 * period as f64 / leakage).ceil() as usize;
        Self {
            period,
            inner: 2,
            outer: 0,
            low_pass: Smoother::new(period | 1),
            trend: Smoother::new(trend | 1),
            seasonal: Smoother::new(window),
        }
    }

    /// The same with the paper's loops for data with outliers: one inner, fifteen outer passes.
    pub fn robust(self) -> Self {
        Self {
            inner: 1,
            outer: 15,
            ..self
        }
    }

    fn check(&self) -> Result<()> {
        let invalid = |name, why| Err(StatsError::Invalid { name, why });
        if self.period < 2 {
            return invalid("period", "a season has at least two observations");
        }
        if self.inner == 0 {
            return invalid("inner", "season and trend need at least one pass");
        }
        for smoother in [self.low_pass, self.trend, self.seasonal] {
            if smoother.window < 3 || smoother.window.is_multiple_of(2) {
                return invalid("window", "it must be odd and at least 3");
            }
            if smoother.jump == 0 {
                return invalid("jump", "it must be at least 1");
            }
            if smoother.degree == Degree::Quadratic {
                return invalid("degree", "STL fits constants or lines");
            }
        }
        Ok(())
    }
}

/// A series taken apart; every component is as long as the series and in its unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Stl {
    /// The slow part, with the level.
    pub trend: Vec<f64>,
    /// The part that repeats, around zero.
    pub seasonal: Vec<f64>,
    /// What is left.
    pub remainder: Vec<f64>,
    /// Robustness weights in `0..=1`; all 1 without outer passes.
    pub weights: Vec<f64>,
}

/// Takes a series of at least two whole seasons apart.
///
/// ```
/// use tacho_stats::smooth::stl::{StlSettings, stl};
///
/// let daily = |hour: usize| [0.0, 1.0, 4.0, 2.0][hour % 4];
/// let series: Vec<f64> = (0..40).map(|t| 10.0 + 0.5 * t as f64 + daily(t)).collect();
/// let parts = stl(&series, &StlSettings::new(4))?;
/// assert!(parts.remainder.iter().all(|r| r.abs() < 1e-3));
/// assert!((parts.trend[39] - parts.trend[0] - 19.5).abs() < 0.01);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn stl(y: &[f64], settings: &StlSettings) -> Result<Stl> {
    settings.check()?;
    observations(y, settings.period.saturating_mul(2))?;
    let scale = Scale::of(y);
    let mut parts = Parts::new(scale.apply(y), *settings);
    parts.outer_loop();
    let seasonal: Vec<f64> = parts.seasonal.iter().map(|v| scale.size_back(*v)).collect();
    let trend: Vec<f64> = parts.trend.iter().map(|v| scale.back(*v)).collect();
    let remainder = rest(y, &trend, [seasonal.as_slice()])?;
    Ok(Stl {
        trend,
        seasonal,
        remainder,
        weights: parts.weights,
    })
}

/// What trend and seasons leave of a series.
pub(super) fn rest<'a>(
    y: &[f64],
    trend: &[f64],
    seasons: impl IntoIterator<Item = &'a [f64]>,
) -> Result<Vec<f64>> {
    let mut left: Vec<f64> = y.iter().zip(trend).map(|(y, t)| y - t).collect();
    for season in seasons {
        for (left, season) in left.iter_mut().zip(season) {
            *left -= season;
        }
    }
    for value in &left {
        in_range("the remainder", *value)?;
    }
    Ok(left)
}

/// The state of the iteration, and space reused by it.
struct Parts {
    y: Vec<f64>,
    settings: StlSettings,
    trend: Vec<f64>,
    seasonal: Vec<f64>,
    weights: Vec<f64>,
    smoothers: [Lattice; 3],
    /// Smoothed seasons, one season longer at either end.
    cycles: Vec<f64>,
    work: [Vec<f64>; 3],
}

impl Parts {
    fn new(y: Vec<f64>, settings: StlSettings) -> Self {
        let n = y.len();
        let lattice = |s: Smoother, longest| Lattice::new(s.window, s.degree, s.jump, longest);
        Self {
            trend: vec![0.0; n],
            seasonal: vec![0.0; n],
            weights: vec![1.0; n],
            smoothers: [
                lattice(settings.seasonal, n.div_ceil(settings.period)),
                lattice(settings.low_pass, n),
                lattice(settings.trend, n),
            ],
            cycles: vec![0.0; n + 2 * settings.period],
            work: Default::default(),
            y,
            settings,
        }
    }

    fn outer_loop(&mut self) {
        for pass in 0..=self.settings.outer {
            for _ in 0..self.settings.inner {
                self.inner_loop(pass > 0);
            }
            if pass < self.settings.outer {
                let fitted = self.trend.iter().zip(&self.seasonal);
                let residuals = self.y.iter().zip(fitted).map(|(y, (t, s))| y - t - s);
                bisquare_weights(residuals, &mut self.weights);
            }
        }
    }

    /// Steps 1 to 6 of the paper's section 2.2.
    fn inner_loop(&mut self, weighted: bool) {
        let (n, period) = (self.y.len(), self.settings.period);
        let mut detrended = std::mem::take(&mut self.work[0]);
        detrended.clear();
        detrended.extend(self.y.iter().zip(&self.trend).map(|(y, t)| y - t));
        self.smooth_cycles(&detrended, weighted);
        let [_, first, second] = &mut self.work;
        moving_means(&self.cycles, period, first);
        moving_means(first, period, second);
        moving_means(second, 3, first);
        second.truncate(n);
        self.smoothers[1].smooth(first, None, second);
        let cycles = self.cycles[period..period + n].iter();
        for ((seasonal, cycle), low) in self.seasonal.iter_mut().zip(cycles).zip(&*second) {
            *seasonal = cycle - low;
        }
        let mut deseasonalised = detrended;
        deseasonalised.clear();
        deseasonalised.extend(self.y.iter().zip(&self.seasonal).map(|(y, s)| y - s));
        let weights = weighted.then_some(self.weights.as_slice());
        self.smoothers[2].smooth(&deseasonalised, weights, &mut self.trend);
        self.work[0] = deseasonalised;
    }

    /// Smooths the values of each phase of the season, and one more at either end.
    fn smooth_cycles(&mut self, detrended: &[f64], weighted: bool) {
        let period = self.settings.period;
        let mut phase: Vec<f64> = Vec::with_capacity(detrended.len() / period + 1);
        let (mut weights, mut smooth) = (phase.clone(), phase.clone());
        for first in 0..period {
            let pick = |x: &[f64], into: &mut Vec<f64>| {
                into.clear();
                into.extend(x[first..].iter().step_by(period));
            };
            pick(detrended, &mut phase);
            if weighted {
                pick(&self.weights, &mut weights);
            }
            let robustness = weighted.then_some(weights.as_slice());
            let n = phase.len();
            smooth.clear();
            smooth.resize(n + 2, 0.0);
            let smoother = &mut self.smoothers[0];
            smoother.smooth(&phase, robustness, &mut smooth[1..=n]);
            smooth[0] = smoother.before(&phase, robustness).unwrap_or(smooth[1]);
            smooth[n + 1] = smoother.after(&phase, robustness).unwrap_or(smooth[n]);
            let slots = self.cycles[first..].iter_mut().step_by(period);
            for (slot, value) in slots.zip(&smooth) {
                *slot = *value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(n: usize) -> Vec<f64> {
        let season = [3.0, -1.0, 0.5, -2.5, 0.0];
        let noise = |t: usize| ((t * 7919 + 13) % 101) as f64 / 101.0 - 0.5;
        (0..n)
            .map(|t| 0.02 * t as f64 + season[t % 5] + noise(t))
            .collect()
    }

    #[test]
    fn bad_settings_and_short_series_are_refused() {
        let y = series(30);
        let good = StlSettings::new(5);
        let refused = |settings: StlSettings| {
            assert!(matches!(
                stl(&y, &settings),
                Err(StatsError::Invalid { .. })
            ));
        };
        refused(StlSettings { period: 1, ..good });
        refused(StlSettings { inner: 0, ..good });
        refused(StlSettings {
            trend: Smoother::new(8),
            ..good
        });
        refused(StlSettings {
            seasonal: Smoother::new(1),
            ..good
        });
        let smoother = Smoother::new(7);
        refused(StlSettings {
            low_pass: Smoother {
                jump: 0,
                ..smoother
            },
            ..good
        });
        let degree = Degree::Quadratic;
        refused(StlSettings {
            trend: Smoother { degree, ..smoother },
            ..good
        });
        let too_few = |need, got| Err(StatsError::TooFew { need, got });
        assert_eq!(stl(&y, &StlSettings::new(16)), too_few(32, 30));
        assert_eq!(
            stl(&y, &StlSettings::new(usize::MAX / 3)),
            too_few(usize::MAX / 3 * 2, 30)
        );
        assert_eq!(stl(&[], &good), too_few(10, 0));
    }

    #[test]
    fn endless_windows_take_no_memory() {
        let window = usize::MAX;
        let settings = StlSettings {
            trend: Smoother::new(window),
            seasonal: Smoother::new(window),
            low_pass: Smoother::new(window),
            ..StlSettings::new(5)
        };
        let parts = stl(&series(30), &settings).unwrap();
        assert!(parts.trend.iter().all(|t| t.is_finite()));
    }

    #[test]
    fn extremes_stay_finite() {
        for size in [1e308, 1e-308, 5e-324] {
            let y: Vec<f64> = series(30).iter().map(|v| (v / 4.0) * size).collect();
            let parts = stl(&y, &StlSettings::new(5).robust()).unwrap();
            assert!(parts.remainder.iter().all(|r| r.is_finite()), "{size}");
        }
        let constant = stl(&[7.25; 20], &StlSettings::new(4).robust()).unwrap();
        assert_eq!(constant.trend, [7.25; 20]);
        assert_eq!(constant.seasonal, [0.0; 20]);
        assert_eq!(constant.weights, [1.0; 20]);
    }

    #[test]
    fn outliers_do_not_bend_the_robust_fit() {
        let mut y = series(100);
        let settings = StlSettings::with_seasonal_window(5, 35);
        let clean = stl(&y, &settings.robust()).unwrap();
        y[43] += 30.0;
        let robust = stl(&y, &settings.robust()).unwrap();
        let plain = stl(&y, &settings).unwrap();
        assert_eq!(robust.weights[43], 0.0);
        let bent = |parts: &Stl| (parts.trend[43] - clean.trend[43]).abs();
        assert!(bent(&robust) < 0.2, "{}", bent(&robust));
        assert!(bent(&plain) > 1.0, "{}", bent(&plain));
    }
}
