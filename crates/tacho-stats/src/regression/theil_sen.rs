//! The Theil-Sen line: the median of the slopes between all pairs of points.
//!
//! Invariant: the slope and the ends of its interval are slopes between two of the points (or the
//! mean of the two middle ones), the same as sorting all n(n − 1)/2 slopes gives, to the last bit
//! but one; in O(n log n) expected steps and linear memory. Up to 29 % of wild points leave it be.
//! The interval is that of independent observations; [`trend`](super::trend()) is for series.
//!
//! Method: at a slope m, a pair of points is steeper than m exactly when it keeps its order in
//! y − m x, so that one merge sort counts the slopes above any m. Slopes of some random pairs give
//! a bracket, interpolation narrows it, and the slopes left inside are listed by the same sort.
//! Sources: Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 63 (1968);
//! Cole, Salowe, Steiger & Szemerédi, "An optimal-time algorithm for slope selection", SIAM Journal
//! on Computing 18 (1989); Dillencourt, Mount & Netanyahu, "A randomized algorithm for slope
//! selection", International Journal of Computational Geometry & Applications 2 (1992).

use super::double_double::{DoubleDouble, residual};
use super::inversions::{count, sort_reporting};
use crate::describe::median;
use crate::distribution::Normal;
use crate::error::{self, Result, StatsError, in_range, observations, same_length};
use crate::hypothesis::Interval;
use crate::rng::Rng;

/// Random pairs that give the first bracket.
const SAMPLE: usize = 4096;
/// Slopes are listed when no more than this, or four a point, are left.
const LISTED: usize = 4096;
/// Slopes of scaled points beyond this cannot be counted.
const SLOPE_MAX: f64 = 1e280;

/// A line that outliers do not bend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TheilSen {
    /// Median slope, in units of y over units of x.
    pub slope: f64,
    /// Median of y less slope times median of x.
    pub intercept: f64,
    /// Sen's interval of the slope, by the normal distribution of Kendall's S.
    pub interval: Interval,
}

/// The line through points of any order; two or more, not all at one x.
pub fn theil_sen(x: &[f64], y: &[f64], level: f64) -> Result<TheilSen> {
    same_length(x.len(), y.len())?;
    observations(x, 2)?;
    observations(y, 2)?;
    error::level(level)?;
    let mut slopes = Slopes::new(x, y)?;
    if slopes.total == 0 {
        return Err(StatsError::ZeroVariance);
    }
    let unit = slopes.unit;
    let unscaled = |slope: f64| in_range("the slope", slope * unit);
    let slope = slopes.median()?;
    let total = slopes.total as f64;
    let margin = Normal::STANDARD.inverse_sf(0.5 * (1.0 - level))? * score_variance(x, y).sqrt();
    let low = (0.5 * (total - margin)).round_ties_even().max(1.0) as u64;
    let high = (0.5 * (total + margin)).round_ties_even() as u64 + 1;
    let interval = Interval {
        low: unscaled(slopes.select(low)?)?,
        high: unscaled(slopes.select(high.min(slopes.total))?)?,
        level,
    };
    let slope = unscaled(slope)?;
    let intercept = in_range("the intercept", median(y)? - slope * median(x)?)?;
    Ok(TheilSen {
        slope,
        intercept,
        interval,
    })
}

/// The line through an evenly spaced series; x counts observations from 0.
///
/// ```
/// use tacho_stats::regression::theil_sen_series;
///
/// let line = theil_sen_series(&[1.0, 3.0, 5.0, 1000.0, 9.0, 11.0], 0.95)?;
/// assert_eq!(line.slope, 2.0);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn theil_sen_series(y: &[f64], level: f64) -> Result<TheilSen> {
    let x: Vec<f64> = (0..y.len()).map(|t| t as f64).collect();
    theil_sen(&x, y, level)
}

/// The slope alone of the line through an evenly spaced series of two or more.
pub(super) fn median_slope(y: &[f64]) -> Result<f64> {
    let x: Vec<f64> = (0..y.len()).map(|t| t as f64).collect();
    let mut slopes = Slopes::new(&x, y)?;
    in_range("the slope", slopes.median()? * slopes.unit)
}

/// Variance of Kendall's S with ties in x and in y, as Sen has it.
fn score_variance(x: &[f64], y: &[f64]) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let ties = |v: &[f64]| -> f64 {
        let mut sorted = v.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let groups = sorted.chunk_by(|a, b| a == b);
        groups.map(|group| term(group.len() as f64)).sum()
    };
    ((term(x.len() as f64) - ties(x) - ties(y)) / 18.0).max(0.0)
}

/// A point at some slope: what the line leaves of it, its x by rank, and where to find it.
#[derive(Debug, Clone, Copy)]
struct Left {
    rest: DoubleDouble,
    place: u32,
    index: u32,
}

/// Above in the order of residuals; of equals, the one farther left, so that pairs exactly as steep
/// as the slope count as at most as steep. Points at one place keep their order.
fn above(a: &Left, b: &Left) -> bool {
    a.rest > b.rest || (a.rest == b.rest && a.place < b.place)
}

/// All slopes, never written down.
struct Slopes {
    /// Points by x, then y; scaled by powers of two.
    points: Vec<(f64, f64)>,
    /// Ranks of x, equal for equal x.
    places: Vec<u32>,
    total: u64,
    /// What a slope of scaled points must be multiplied by.
    unit: f64,
    /// Slopes of random pairs, ascending.
    sample: Vec<f64>,
    /// Slopes at which was counted, with the number of slopes at most as steep; ascending.
    known: Vec<(f64, u64)>,
}

impl Slopes {
    fn new(x: &[f64], y: &[f64]) -> Result<Self> {
        if x.len() > u32::MAX as usize {
            return Err(StatsError::Invalid {
                name: "x",
                why: "there are at most 2³² points",
            });
        }
        let (x_scale, y_scale) = (power_of_two_near(x), power_of_two_near(y));
        let pairs = x.iter().zip(y);
        let mut points: Vec<(f64, f64)> = pairs.map(|(x, y)| (x * x_scale, y * y_scale)).collect();
        points.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut places = Vec::with_capacity(points.len());
        let mut total = 0;
        for (place, group) in points.chunk_by(|a, b| a.0 == b.0).enumerate() {
            total += places.len() as u64 * group.len() as u64;
            places.resize(places.len() + group.len(), place as u32);
        }
        let mut slopes = Self {
            points,
            places,
            total,
            unit: x_scale / y_scale,
            sample: Vec::new(),
            known: Vec::new(),
        };
        slopes.draw();
        Ok(slopes)
    }

    fn draw(&mut self) {
        let n = self.points.len();
        let mut rng = Rng::new(n as u64);
        let pairs = (0..SAMPLE).map(|_| (rng.below(n), rng.below(n)));
        self.sample = pairs
            .filter(|(i, j)| self.places[*i] != self.places[*j])
            .map(|(i, j)| self.slope(i, j))
            .collect();
        self.sample.sort_unstable_by(f64::total_cmp);
    }

    fn slope(&self, i: usize, j: usize) -> f64 {
        let ((x1, y1), (x2, y2)) = (self.points[i], self.points[j]);
        (y2 - y1) / (x2 - x1)
    }

    fn median(&mut self) -> Result<f64> {
        let middle = self.total / 2;
        let slope = self.select(middle + 1)?;
        if self.total.is_multiple_of(2) {
            return Ok(0.5 * slope + 0.5 * self.select(middle)?);
        }
        Ok(slope)
    }

    /// The slope of the given rank, from 1.
    fn select(&mut self, rank: u64) -> Result<f64> {
        let too_steep = StatsError::Overflow { what: "the slope" };
        if self.at_most(SLOPE_MAX) < rank || self.at_most(-SLOPE_MAX) >= rank {
            return Err(too_steep);
        }
        for guess in self.guesses(rank) {
            let (low, high) = self.bracket(rank);
            if low.0 < guess && guess < high.0 {
                self.at_most(guess);
            }
        }
        let few = LISTED.max(4 * self.points.len()) as u64;
        for step in 1.. {
            let (low, high) = self.bracket(rank);
            if high.1 - low.1 <= few {
                let mut inside = self.between(low.0, high.0);
                // Equal residuals beyond twice the precision may miscount; the end is as good then.
                if inside.is_empty() {
                    return Ok(high.0);
                }
                let index = ((rank - low.1) as usize).min(inside.len()) - 1;
                let (_, slope, _) = inside.select_nth_unstable_by(index, f64::total_cmp);
                return Ok(*slope);
            }
            if low.0.next_up() >= high.0 {
                return Ok(high.0);
            }
            let part = (rank - low.1) as f64 / (high.1 - low.1) as f64;
            let guess = if step % 3 == 0 {
                halfway(low.0, high.0)
            } else {
                low.0 + (high.0 - low.0) * part
            };
            let (least, most) = (low.0.next_up(), high.0.next_down());
            self.at_most(guess.clamp(least, most.max(least)));
        }
        Err(too_steep)
    }

    /// Slopes near which the rank should be, by the sample: three standard errors and a few units
    /// in the last place either way.
    fn guesses(&self, rank: u64) -> Vec<f64> {
        let size = self.sample.len() as f64;
        let part = rank as f64 / self.total as f64;
        let middle = part * size;
        let spread = 3.0 * (size * part * (1.0 - part)).sqrt() + 1.0;
        let at = |position: f64| {
            let position = position as usize;
            self.sample
                .get(position.min(self.sample.len().saturating_sub(1)))
                .copied()
        };
        let low = at((middle - spread).max(0.0)).map(|v| v.next_down().next_down());
        let high = at(middle + spread).map(|v| v.next_up().next_up());
        low.into_iter().chain(high).collect()
    }

    /// The nearest known slopes with fewer than `rank`, and with at least as many, at most as steep.
    fn bracket(&self, rank: u64) -> ((f64, u64), (f64, u64)) {
        let split = self.known.partition_point(|(_, count)| *count < rank);
        (self.known[split - 1], self.known[split])
    }

    /// How many slopes are at most `slope`.
    fn at_most(&mut self, slope: f64) -> u64 {
        let position = self.known.partition_point(|(known, _)| *known < slope);
        if let Some((known, count)) = self.known.get(position)
            && *known == slope
        {
            return *count;
        }
        let indices = 0..self.points.len() as u32;
        let mut left: Vec<Left> = indices.map(|index| self.left(index, slope)).collect();
        let total = count(&mut left, above);
        self.known.insert(position, (slope, total));
        total
    }

    /// The slopes above `low` and at most `high`: pairs whose order differs between the two.
    fn between(&self, low: f64, high: f64) -> Vec<f64> {
        let indices = 0..self.points.len() as u32;
        let mut left: Vec<Left> = indices.map(|index| self.left(index, low)).collect();
        sort_reporting(&mut left, above, |_, _| {});
        for point in &mut left {
            *point = self.left(point.index, high);
        }
        let mut found = Vec::new();
        sort_reporting(&mut left, above, |run, b| {
            let slopes = run
                .iter()
                .map(|a| self.slope(a.index as usize, b.index as usize));
            found.extend(slopes);
        });
        found
    }

    fn left(&self, index: u32, slope: f64) -> Left {
        let (x, y) = self.points[index as usize];
        // Half a unit in the last place up: all slopes that round to this one are at most it.
        let half_unit = 0.5 * (slope.next_up() - slope);
        Left {
            rest: residual(y, slope, x) - DoubleDouble::from(half_unit * x),
            place: self.places[index as usize],
            index,
        }
    }
}

/// Between two numbers in the order of doubles, so that zero is reached in 64 halvings.
fn halfway(low: f64, high: f64) -> f64 {
    if low < 0.0 && high > 0.0 {
        return 0.0;
    }
    let middle = low.abs().to_bits().midpoint(high.abs().to_bits());
    f64::from_bits(middle).copysign(low + high)
}

fn power_of_two_near(x: &[f64]) -> f64 {
    let largest = x.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    if largest == 0.0 {
        return 1.0;
    }
    2f64.powi(-(largest.log2().floor().clamp(-1000.0, 1000.0) as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brute(x: &[f64], y: &[f64]) -> Vec<f64> {
        let mut all = Vec::new();
        for i in 0..x.len() {
            for j in 0..x.len() {
                if x[i] < x[j] {
                    all.push((y[j] - y[i]) / (x[j] - x[i]));
                }
            }
        }
        all.sort_by(f64::total_cmp);
        all
    }

    fn check(x: &[f64], y: &[f64]) {
        let all = brute(x, y);
        let mut slopes = Slopes::new(x, y).unwrap();
        assert_eq!(slopes.total, all.len() as u64);
        for (index, want) in all.iter().enumerate().step_by(1 + all.len() / 50) {
            let got = slopes.select(index as u64 + 1).unwrap() * slopes.unit;
            assert!(
                (got - want).abs() <= 4.0 * f64::EPSILON * want.abs(),
                "{got} {want}"
            );
        }
    }

    #[test]
    fn agrees_with_all_pairs() {
        let mut rng = Rng::new(7);
        for n in [2usize, 3, 10, 60, 250] {
            let x: Vec<f64> = (0..n).map(|_| rng.uniform() * 100.0).collect();
            let y: Vec<f64> = x.iter().map(|x| 0.3 * x + rng.standard_normal()).collect();
            check(&x, &y);
            let index: Vec<f64> = (0..n).map(|i| i as f64).collect();
            check(&index, &y);
            let whole: Vec<f64> = y.iter().map(|v| (v / 5.0).round()).collect();
            check(&index, &whole);
            let places: Vec<f64> = x.iter().map(|x| (x / 10.0).floor()).collect();
            if places.iter().any(|p| *p != places[0]) {
                check(&places, &whole);
            }
        }
    }

    #[test]
    fn long_series_of_few_values() {
        let mut rng = Rng::new(8);
        let n = 30_000;
        let y: Vec<f64> = (0..n)
            .map(|t| f64::from(t / 3) + rng.below(5) as f64)
            .collect();
        let line = theil_sen_series(&y, 0.999).unwrap();
        assert!((line.slope - 1.0 / 3.0).abs() < 1e-6, "{line:?}");
        assert!(line.interval.contains(1.0 / 3.0));
        let flat: Vec<f64> = (0..n).map(|_| rng.below(5) as f64).collect();
        assert_eq!(theil_sen_series(&flat, 0.95).unwrap().slope, 0.0);
    }

    #[test]
    fn bad_input_is_refused() {
        let fit = |x: &[f64], y: &[f64]| theil_sen(x, y, 0.95);
        assert_eq!(
            fit(&[1.0; 3], &[1.0, 2.0, 3.0]),
            Err(StatsError::ZeroVariance)
        );
        assert!(fit(&[1.0], &[1.0]).is_err() && fit(&[1.0, 2.0], &[1.0]).is_err());
        assert!(fit(&[1.0, f64::NAN], &[1.0, 2.0]).is_err());
        assert!(theil_sen(&[1.0, 2.0], &[1.0, 2.0], 1.0).is_err());
        let wild = [1e308, -1e308, 5e-324, 0.0, 1e-308, 1.0];
        for line in [
            theil_sen_series(&wild, 0.5),
            fit(&wild, &wild),
            fit(&wild, &[1.0; 6]),
        ] {
            assert!(line.is_ok_and(|l| l.slope.is_finite()) || line.is_err());
        }
        assert_eq!(
            theil_sen_series(&[1e308, -1e308], 0.5),
            Err(StatsError::Overflow { what: "the slope" })
        );
    }
}
