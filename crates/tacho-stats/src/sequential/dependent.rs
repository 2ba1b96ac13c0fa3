//! Compares the means of two arms whose observations depend on their neighbours, while they are
//! being measured.
//!
//! Invariant: memory is bounded by [`BATCHES_MAX`] batch means an arm. Nothing is decided until both
//! arms are worth [`MIN_EFFECTIVE_N`] independent observations. The guarantee is asymptotic: the
//! chance of ever rejecting a true null approaches at most α as batches outgrow the memory of the
//! series; the table in [`sequential`](super) says how near it is.
//! Not for trends, nor for series that remember for longer than a twelfth of what was seen.
//!
//! Method: observations are averaged in batches; when there are too many, neighbours are taken
//! together, so that batches grow with the series. The variance of an arm's mean is that of its
//! batches, times (1 + r)/(1 − r) for the correlation r that neighbouring batches still have; degrees
//! of freedom shrink by as much. The difference then goes to the mixture in Student's form.
//! Sources: Glynn & Whitt, "Estimating the asymptotic variance with batch means", Operations
//! Research Letters 10 (1991); Waudby-Smith et al., Annals of Statistics 52 (2024), section 2.5,
//! for asymptotic sequences under dependence; [`means`](super::means).

use super::look::{Arm, Look, Running, Verdict};
use super::means::Contrast;
use super::normal_mixture::NormalMixture;
use super::spread::Spread;
use crate::dependence::MIN_EFFECTIVE_N;
use crate::describe::power_of_two_scale;
use crate::error::{Result, in_range};
use crate::hypothesis::Interval;

/// The most batches kept of an arm.
const BATCHES_MAX: usize = 128;
/// Correlations of neighbouring batches above this count as this.
const CORRELATION_MAX: f64 = 0.95;

/// Two arms of dependent observations under watch, each arm in its order of time.
///
/// ```
/// use tacho_stats::rng::Rng;
/// use tacho_stats::sequential::{Arm, DependentMeans, Verdict};
///
/// let mut test = DependentMeans::new(2_000.0, 0.05)?;
/// let mut rng = Rng::new(1);
/// let mut noise = [0.0; 2];
/// while test.verdict() == Verdict::Undecided {
///     for (i, arm) in [Arm::Control, Arm::Treatment].into_iter().enumerate() {
///         noise[i] = 0.5 * noise[i] + rng.standard_normal();
///         test.update(arm, noise[i] + if i == 1 { 1.0 } else { 0.0 })?;
///     }
///     test.look()?;
/// }
/// assert_eq!(test.verdict(), Verdict::Higher);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DependentMeans {
    mixture: NormalMixture,
    arms: [Batches; 2],
    running: Running,
}

impl DependentMeans {
    /// An empty comparison, sharpest at `expected_n` observations of both arms together.
    pub fn new(expected_n: f64, alpha: f64) -> Result<Self> {
        let running = Running::new(alpha)?;
        Ok(Self {
            mixture: NormalMixture::tightest_at(expected_n, alpha)?,
            arms: [Batches::default(), Batches::default()],
            running,
        })
    }

    /// Takes the next observation of an arm. What is not finite, or would take the moments out of
    /// range, is refused and leaves everything as it was.
    pub fn update(&mut self, arm: Arm, value: f64) -> Result<()> {
        self.arms[arm as usize].take(value)
    }

    /// Looks: at every observation, or whenever somebody is curious. Costs 256 batch means.
    pub fn look(&mut self) -> Result<Look> {
        let n = self.n();
        if n.contains(&0) {
            return Ok(self.running.look(n, 0.0));
        }
        let [control, treatment] = &self.arms;
        let difference = in_range(
            "the difference of means",
            treatment.all.mean - control.all.mean,
        )?;
        if let (Some(a), Some(b)) = (control.error(), treatment.error())
            && a.variance + b.variance > 0.0
            && (a.variance + b.variance).is_finite()
        {
            let variance = a.variance + b.variance;
            let share = [a.variance / variance, b.variance / variance];
            let contrast = Contrast {
                n: (n[0] + n[1]) as f64,
                difference,
                variance,
                df: 1.0 / (share[0] * share[0] / a.df + share[1] * share[1] / b.df),
            };
            let now = contrast.student(self.mixture, self.running.alpha);
            self.running.take_p(now.p, difference);
            let low = difference - now.margin;
            self.running.cut(low, difference + now.margin);
        }
        Ok(self.running.look(n, difference))
    }

    /// The always-valid p-value as of the last look.
    pub fn p(&self) -> f64 {
        self.running.p()
    }

    /// What the looks so far decided.
    pub fn verdict(&self) -> Verdict {
        self.running.verdict()
    }

    /// The confidence sequence of treatment less control: what the intervals of all looks have in
    /// common. An end is infinite until the data bound it.
    pub fn interval(&self) -> Interval {
        self.running.interval()
    }

    /// Whether both arms are worth [`MIN_EFFECTIVE_N`] independent observations by now.
    pub fn is_decidable(&self) -> bool {
        self.arms.iter().all(|arm| arm.error().is_some())
    }

    fn n(&self) -> [u64; 2] {
        [0, 1].map(|i| self.arms[i].all.n)
    }
}

/// One arm as means of batches of equal size.
#[derive(Debug, Clone, PartialEq)]
struct Batches {
    /// Observations in a batch, a power of two.
    size: u64,
    means: Vec<f64>,
    /// The batch that is being filled.
    partial: Spread,
    all: Spread,
}

/// How well a mean is known.
struct MeanError {
    variance: f64,
    df: f64,
}

impl Default for Batches {
    fn default() -> Self {
        Self {
            size: 1,
            means: Vec::new(),
            partial: Spread::default(),
            all: Spread::default(),
        }
    }
}

impl Batches {
    fn take(&mut self, value: f64) -> Result<()> {
        let (mut all, mut partial) = (self.all, self.partial);
        all.push(value)?;
        partial.push(value)?;
        (self.all, self.partial) = (all, partial);
        if self.partial.n < self.size {
            return Ok(());
        }
        self.means.push(self.partial.mean);
        self.partial = Spread::default();
        if self.means.len() == BATCHES_MAX {
            self.means = self
                .means
                .chunks_exact(2)
                .map(|pair| 0.5 * pair[0] + 0.5 * pair[1])
                .collect();
            self.size *= 2;
        }
        Ok(())
    }

    /// None while there is too little to tell.
    fn error(&self) -> Option<MeanError> {
        let m = self.means.len() as f64;
        if m < MIN_EFFECTIVE_N {
            return None;
        }
        let scale = power_of_two_scale(&self.means);
        let centre = self.means.iter().map(|v| v * scale).sum::<f64>() / m;
        let y = |v: &f64| v * scale - centre;
        let total: f64 = self.means.iter().map(|v| y(v) * y(v)).sum();
        let neighbours: f64 = self.means.windows(2).map(|w| y(&w[0]) * y(&w[1])).sum();
        // The sample's correlation is low by (1 + 3r)/m (Kendall 1954).
        let raw = if total > 0.0 { neighbours / total } else { 0.0 };
        let r = (raw + (1.0 + 3.0 * raw) / m).clamp(0.0, CORRELATION_MAX);
        let inflation = (1.0 + r) / (1.0 - r);
        if m / inflation < MIN_EFFECTIVE_N {
            return None;
        }
        let batch_variance = total / (m - 1.0) / scale / scale;
        Some(MeanError {
            variance: batch_variance * inflation * self.size as f64 / self.all.n as f64,
            df: (m - 1.0) / inflation,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn the_error_is_that_of_the_process() {
        let mut rng = Rng::new(31);
        for (phi, n) in [(0.0, 20_000), (0.5, 20_000), (0.9, 100_000)] {
            let mut batches = Batches::default();
            let mut state = 0.0;
            for _ in 0..n {
                state = phi * state + rng.standard_normal();
                batches.take(state).unwrap();
                assert!(batches.means.len() < BATCHES_MAX);
            }
            let error = batches.error().unwrap();
            let want = (1.0 - phi).powi(-2) / f64::from(n);
            let ratio = error.variance / want;
            assert!((0.6..1.7).contains(&ratio), "{phi}: {ratio}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_declined() {
        let mut test = DependentMeans::new(500.0, 0.05).unwrap();
        let mut rng = Rng::new(32);
        for _ in 0..11 {
            test.update(Arm::Control, rng.standard_normal()).unwrap();
            test.update(Arm::Treatment, 100.0 + rng.standard_normal())
                .unwrap();
            assert_eq!(test.look().unwrap().verdict, Verdict::Undecided);
        }
        assert!(!test.is_decidable() && test.interval().high == f64::INFINITY);
        // A slow ramp is never worth twelve observations.
        let mut ramp = DependentMeans::new(500.0, 0.05).unwrap();
        for i in 0..1_000 {
            ramp.update(Arm::Control, f64::from(i)).unwrap();
            ramp.update(Arm::Treatment, 1e6 + f64::from(i)).unwrap();
            assert_eq!(ramp.look().unwrap().verdict, Verdict::Undecided);
        }
    }

    #[test]
    fn looks_only_narrow_and_refusals_change_nothing() {
        let mut test = DependentMeans::new(500.0, 0.05).unwrap();
        let mut rng = Rng::new(33);
        let (mut p, mut width) = (1.0, f64::INFINITY);
        for _ in 0..600 {
            test.update(Arm::Control, rng.standard_normal()).unwrap();
            test.update(Arm::Treatment, 0.7 + rng.standard_normal())
                .unwrap();
            let look = test.look().unwrap();
            assert!(look.p <= p && test.interval().half_width() <= width);
            (p, width) = (look.p, test.interval().half_width());
            assert_eq!(look.verdict == Verdict::Higher, test.interval().low > 0.0);
        }
        assert_eq!(test.verdict(), Verdict::Higher);
        assert!(test.interval().contains(0.7));
        let before = test.clone();
        for bad in [f64::NAN, f64::INFINITY, 1e308, -1e308] {
            assert!(test.update(Arm::Treatment, bad).is_err());
            assert_eq!(test, before);
        }
        assert!(DependentMeans::new(0.0, 0.05).is_err());
        assert!(DependentMeans::new(10.0, 1.5).is_err());
        let mut constant = DependentMeans::new(50.0, 0.05).unwrap();
        for _ in 0..50 {
            constant.update(Arm::Control, 1.0).unwrap();
            constant.update(Arm::Treatment, 2.0).unwrap();
            assert_eq!(constant.look().unwrap().verdict, Verdict::Undecided);
        }
    }
}
