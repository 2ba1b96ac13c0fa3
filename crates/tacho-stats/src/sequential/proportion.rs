//! Watches one proportion, or compares two, exactly.
//!
//! Invariant: for independent zeros and ones (or any observations in 0..=1) of constant mean, the
//! chance that a true null is ever rejected is at most α at every sample size: nothing is
//! approximated. p-value and interval are readings of one e-process. Counts and sums are all that
//! is kept.
//! Not for proportions that drift, nor for outcomes that depend on their neighbours.
//!
//! Two arms: the null fixes the difference but not the level, so the evidence is the least over
//! all pairs (p, p + d) of a blend of two e-processes: one leans both arms against each other, for
//! the difference; one judges each arm alone, which rules out levels that the data deny. Both are
//! log-convex in the pair, so that the least is found surely.
//! Sources: [`tilt`](super::tilt); Turner, Ly & Grünwald, "Generic E-variables for exact sequential
//! k-sample tests", Journal of Statistical Planning and Inference 230 (2024), for exact sequential
//! comparison of proportions; Ramdas et al., "Game-theoretic statistics and safe anytime-valid
//! inference", Statistical Science 38 (2023), for the infimum over a composite null.

use super::look::{Arm, Look, Running, Verdict};
use super::tilt::{TiltMixture, convex_minimum, cumulant, edge, ln_blend};
use crate::error::{Result, StatsError, positive};
use crate::hypothesis::Interval;

/// The share of the evidence about the difference in the blend; the rest, which rules out absurd
/// levels, costs −ln of this: 0.13 of about 6.
const DIFFERENCE_SHARE: f64 = 0.875;

/// For which sample the evidence is at its sharpest; validity does not depend on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProportionPlan {
    /// Observations expected, of both arms together.
    pub expected_n: f64,
    /// The proportion expected, between 0 and 1: a guess.
    pub expected_rate: f64,
    /// The part of the observations that the treatment gets, between 0 and 1.
    pub treatment_share: f64,
}

impl ProportionPlan {
    /// For arms of equal size.
    pub fn new(expected_n: f64, expected_rate: f64) -> Self {
        Self {
            expected_n,
            expected_rate,
            treatment_share: 0.5,
        }
    }

    fn variance(&self) -> Result<f64> {
        positive("expected_n", self.expected_n)?;
        let inside = |name, value: f64| {
            if value > 0.0 && value < 1.0 {
                Ok(())
            } else {
                Err(StatsError::Invalid {
                    name,
                    why: "it must lie strictly between 0 and 1",
                })
            }
        };
        inside("expected_rate", self.expected_rate)?;
        inside("treatment_share", self.treatment_share)?;
        Ok(self.expected_n * self.expected_rate * (1.0 - self.expected_rate))
    }
}

/// Count and sum of observations in 0..=1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Tally {
    n: u64,
    sum: f64,
}

impl Tally {
    fn take(&mut self, value: f64) -> Result<()> {
        if !value.is_finite() {
            return Err(StatsError::NotFinite {
                index: usize::try_from(self.n).unwrap_or(usize::MAX),
            });
        }
        crate::error::probability("observation", value)?;
        self.n += 1;
        self.sum += value;
        Ok(())
    }

    fn mean(&self) -> f64 {
        self.sum / self.n as f64
    }

    /// ln of the mixture against a mean of p.
    fn ln_e(&self, mixture: &TiltMixture, p: f64) -> f64 {
        let n = self.n as f64;
        mixture.ln_e(|theta| theta * self.sum - n * cumulant(p, theta))
    }

    fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum += other.sum;
    }
}

/// One proportion under watch, against a null.
///
/// ```
/// use tacho_stats::sequential::{ProportionPlan, SequentialProportion, Verdict};
/// let mut test = SequentialProportion::new(0.5, ProportionPlan::new(100.0, 0.5), 0.05)?;
/// for i in 0..100 {
///     test.update(if i % 5 == 0 { 0.0 } else { 1.0 })?;
///     test.look()?;
/// }
/// assert_eq!(test.verdict(), Verdict::Higher);
/// assert!(test.interval().low > 0.5);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SequentialProportion {
    null: f64,
    mixture: TiltMixture,
    tally: Tally,
    running: Running,
}

impl SequentialProportion {
    /// Watches against a mean of `null`.
    pub fn new(null: f64, plan: ProportionPlan, alpha: f64) -> Result<Self> {
        crate::error::probability("null", null)?;
        let running = Running::new(alpha)?;
        Ok(Self {
            null,
            mixture: TiltMixture::tightest_at(plan.variance()?, alpha)?,
            tally: Tally::default(),
            running,
        })
    }

    /// Takes one observation in 0..=1; anything else is refused and changes nothing.
    pub fn update(&mut self, value: f64) -> Result<()> {
        self.tally.take(value)
    }

    /// Looks: the p-value falls, or stays. (The interval is looked at by [`interval`](Self::interval).)
    pub fn look(&mut self) -> Result<Look> {
        let n = [self.tally.n, 0];
        if self.tally.n == 0 {
            return Ok(self.running.look(n, 0.0));
        }
        let estimate = self.tally.mean() - self.null;
        let p = (-self.tally.ln_e(&self.mixture, self.null)).exp().min(1.0);
        self.running.take_p(p, estimate);
        Ok(self.running.look(n, estimate))
    }

    /// The always-valid p-value as of the last look.
    pub fn p(&self) -> f64 {
        self.running.p()
    }

    /// What the looks so far decided.
    pub fn verdict(&self) -> Verdict {
        self.running.verdict()
    }

    /// Looks at the confidence sequence of the proportion: what this interval and all those looked
    /// at before have in common.
    pub fn interval(&mut self) -> Interval {
        if self.tally.n > 0 {
            let level = -self.running.alpha.ln();
            let f = |p: f64| self.tally.ln_e(&self.mixture, p);
            let (inside, least) = convex_minimum(f, (0.0, 1.0), f64::NEG_INFINITY);
            if least < level {
                let low = edge(f, inside, 0.0, level);
                self.running.cut(low, edge(f, inside, 1.0, level));
            }
        } else {
            self.running.cut(0.0, 1.0);
        }
        self.running.interval()
    }

    /// Adds what another stream saw; its looks are not added.
    pub fn merge(&mut self, other: &Self) {
        self.tally.merge(&other.tally);
    }
}

/// Two proportions under watch, for a difference.
///
/// ```
/// use tacho_stats::rng::Rng;
/// use tacho_stats::sequential::{Arm, ProportionPlan, SequentialProportions, Verdict};
/// let mut test = SequentialProportions::new(ProportionPlan::new(1_000.0, 0.3), 0.05)?;
/// let mut rng = Rng::new(2);
/// for _ in 0..1_000 {
///     test.update(Arm::Control, f64::from(rng.uniform() < 0.3))?;
///     test.update(Arm::Treatment, f64::from(rng.uniform() < 0.45))?;
/// }
/// assert_eq!(test.look()?.verdict, Verdict::Higher);
/// let interval = test.interval();
/// assert!(interval.low > 0.0 && interval.contains(0.15));
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SequentialProportions {
    /// How strongly a tilt acts on each arm, so that both sums weigh the same.
    weights: [f64; 2],
    difference: TiltMixture,
    alone: [TiltMixture; 2],
    arms: [Tally; 2],
    running: Running,
}

impl SequentialProportions {
    /// An empty comparison at false-alarm probability `alpha`.
    pub fn new(plan: ProportionPlan, alpha: f64) -> Result<Self> {
        let running = Running::new(alpha)?;
        let variance = plan.variance()?;
        let share = plan.treatment_share;
        let part = |share: f64| TiltMixture::tightest_at(share * variance, alpha);
        Ok(Self {
            weights: [2.0 * share, 2.0 * (1.0 - share)],
            difference: part(4.0 * share * (1.0 - share))?,
            alone: [part(1.0 - share)?, part(share)?],
            arms: [Tally::default(); 2],
            running,
        })
    }

    /// Takes one observation in 0..=1; anything else is refused and changes nothing.
    pub fn update(&mut self, arm: Arm, value: f64) -> Result<()> {
        self.arms[arm as usize].take(value)
    }

    /// Looks: the p-value falls, or stays. (The interval is looked at by [`interval`](Self::interval).)
    pub fn look(&mut self) -> Result<Look> {
        let n = self.arms.map(|arm| arm.n);
        if n.contains(&0) {
            return Ok(self.running.look(n, 0.0));
        }
        let estimate = self.arms[1].mean() - self.arms[0].mean();
        // Only evidence beyond that of earlier looks matters.
        let known = -self.running.p().ln();
        let pooled = (self.arms[0].sum + self.arms[1].sum) / (n[0] + n[1]) as f64;
        let mut least = self.ln_e(pooled, pooled);
        if least > known {
            least = convex_minimum(|p| self.ln_e(p, p), (0.0, 1.0), known)
                .1
                .min(least);
        }
        self.running.take_p((-least).exp().min(1.0), estimate);
        Ok(self.running.look(n, estimate))
    }

    /// The always-valid p-value as of the last look.
    pub fn p(&self) -> f64 {
        self.running.p()
    }

    /// What the looks so far decided.
    pub fn verdict(&self) -> Verdict {
        self.running.verdict()
    }

    /// Looks at the confidence sequence of the difference, treatment less control: what this
    /// interval and all those looked at before have in common. Takes milliseconds.
    pub fn interval(&mut self) -> Interval {
        let level = -self.running.alpha.ln();
        if self.arms.iter().all(|arm| arm.n > 0) {
            let least = |d: f64| {
                let range = ((-d).max(0.0), (1.0 - d).min(1.0));
                // A little below suffices to know that d is inside.
                convex_minimum(|p| self.ln_e(p, p + d), range, level * (1.0 - 1e-9)).1
            };
            let inside = self.arms[1].mean() - self.arms[0].mean();
            let low = edge(least, inside, -1.0, level);
            self.running.cut(low, edge(least, inside, 1.0, level));
        } else {
            self.running.cut(-1.0, 1.0);
        }
        self.running.interval()
    }

    /// Adds what another stream of the same comparison saw; its looks are not added.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.arms.iter_mut().zip(&other.arms) {
            mine.merge(theirs);
        }
    }

    /// ln of the blend against means of `a` and `b`.
    fn ln_e(&self, a: f64, b: f64) -> f64 {
        let [control, treatment] = &self.arms;
        let [wa, wb] = self.weights;
        let sum = wb * treatment.sum - wa * control.sum;
        let (na, nb) = (control.n as f64, treatment.n as f64);
        let difference = self.difference.ln_e(|theta| {
            theta * sum - na * cumulant(a, -wa * theta) - nb * cumulant(b, wb * theta)
        });
        let [alone_a, alone_b] = &self.alone;
        let alone = control.ln_e(alone_a, a) + treatment.ln_e(alone_b, b);
        ln_blend(difference, alone, DIFFERENCE_SHARE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn p_and_interval_agree() {
        let mut test = SequentialProportions::new(ProportionPlan::new(300.0, 0.2), 0.05).unwrap();
        let mut rng = Rng::new(4);
        let mut agreed = [0, 0];
        for i in 0..400 {
            test.update(Arm::Control, f64::from(rng.uniform() < 0.1))
                .unwrap();
            test.update(Arm::Treatment, f64::from(rng.uniform() < 0.3))
                .unwrap();
            if i % 40 == 20 {
                let decided = test.look().unwrap().verdict == Verdict::Higher;
                assert_eq!(decided, test.interval().low > 0.0, "{i}");
                agreed[usize::from(decided)] += 1;
            }
        }
        assert!(agreed[0] > 0 && agreed[1] > 0);
        assert!(test.interval().contains(0.2));
    }

    #[test]
    fn one_arm_p_and_interval_agree() {
        for ones in [0, 1, 30, 50, 70, 100] {
            let plan = ProportionPlan::new(100.0, 0.4);
            let mut test = SequentialProportion::new(0.4, plan, 0.05).unwrap();
            for i in 0..100 {
                test.update(f64::from(i < ones)).unwrap();
            }
            let decided = test.look().unwrap().verdict != Verdict::Undecided;
            let interval = test.interval();
            assert_eq!(decided, !interval.contains(0.4), "{ones}");
            assert!(interval.contains(f64::from(ones) / 100.0));
            assert!(interval.half_width() < 0.2);
        }
    }

    /// Under the null, over every order of the first outcomes: the mean of the e-process is 1.
    #[test]
    fn the_evidence_is_a_martingale() {
        let mixture = TiltMixture::tightest_at(5.0, 0.05).unwrap();
        for p in [0.02, 0.5, 0.9] {
            let mut mean = 0.0;
            for outcomes in 0u32..256 {
                let ones = f64::from(outcomes.count_ones());
                let tally = Tally { n: 8, sum: ones };
                let chance = f64::powf(p, ones) * f64::powf(1.0 - p, 8.0 - ones);
                mean += chance * tally.ln_e(&mixture, p).exp();
            }
            assert!((mean - 1.0).abs() < 1e-12, "{mean}");
        }
    }

    #[test]
    fn arms_are_symmetric_and_refusals_change_nothing() {
        let plan = ProportionPlan {
            treatment_share: 0.2,
            ..ProportionPlan::new(500.0, 0.1)
        };
        let mirrored = ProportionPlan {
            treatment_share: 0.8,
            ..plan
        };
        let mut there = SequentialProportions::new(plan, 0.05).unwrap();
        let mut back = SequentialProportions::new(mirrored, 0.05).unwrap();
        let mut rng = Rng::new(6);
        for i in 0..300 {
            let (arm, other) = if i % 5 == 0 {
                (Arm::Treatment, Arm::Control)
            } else {
                (Arm::Control, Arm::Treatment)
            };
            let value = f64::from(rng.uniform() < if i % 5 == 0 { 0.3 } else { 0.1 });
            there.update(arm, value).unwrap();
            back.update(other, value).unwrap();
        }
        let before = there.clone();
        for bad in [f64::NAN, f64::INFINITY, -0.1, 1.1, 1e308] {
            assert!(there.update(Arm::Control, bad).is_err());
        }
        assert_eq!(there, before);
        let (p, mirrored_p) = (there.look().unwrap().p, back.look().unwrap().p);
        assert!((p / mirrored_p - 1.0).abs() < 1e-6, "{p} {mirrored_p}");
        let (one, two) = (there.interval(), back.interval());
        assert!((one.low + two.high).abs() < 1e-6 && (one.high + two.low).abs() < 1e-6);
    }

    #[test]
    fn plans_are_checked() {
        for (n, rate) in [
            (0.0, 0.5),
            (f64::NAN, 0.5),
            (10.0, 0.0),
            (10.0, 1.0),
            (-1.0, 0.2),
        ] {
            assert!(SequentialProportions::new(ProportionPlan::new(n, rate), 0.05).is_err());
        }
        let plan = ProportionPlan::new(10.0, 0.5);
        assert!(SequentialProportions::new(plan, 0.0).is_err());
        assert!(SequentialProportion::new(1.5, plan, 0.05).is_err());
        let mut empty = SequentialProportions::new(plan, 0.05).unwrap();
        assert_eq!(empty.look().unwrap().p, 1.0);
        assert_eq!(empty.interval().low, -1.0);
    }
}
