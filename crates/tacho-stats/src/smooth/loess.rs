//! LOESS: a smooth curve through scattered points, by local regression.
//!
//! Invariant: the curve at a point is a weighted least-squares polynomial through its nearest
//! neighbours; robust passes give points far from the curve less weight, or none. Shifting or
//! scaling y does the same to the curve; a polynomial of the fitted degree is kept as it is.
//! Not for evenly spaced series with a season; that is [`stl`](super::stl).
//!
//! Sources: Cleveland, "Robust locally weighted regression and smoothing scatterplots", JASA 74
//! (1979); Cleveland & Devlin, "Locally weighted regression", JASA 83 (1988), for parabolas.

use super::Degree;
use super::robustness::{bisquare_weights, tricube};
use super::scale::Scale;
use crate::error::{Result, StatsError, in_range, observations, same_length};

/// A polynomial's next degree is fitted only where the neighbours' spread exceeds this part of the
/// range of all x.
const SPREAD_MIN: f64 = 0.001;

/// How many neighbours a local fit uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Span {
    /// This part of all points: above 0, at most 1.
    Fraction(f64),
    /// This number of points, at least 2; more than there are means all.
    Points(usize),
}

/// The parameters of LOESS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoessSettings {
    /// How many neighbours a local fit uses.
    pub span: Span,
    /// The local polynomial.
    pub degree: Degree,
    /// Passes that take weight from outliers, after the first fit.
    pub robust_passes: usize,
    /// Points nearer than this to the last fitted one are interpolated; 0 fits everywhere. In the
    /// unit of x.
    pub delta: f64,
}

impl Default for LoessSettings {
    /// The paper's: two thirds of the points, lines, three robust passes; fits everywhere.
    fn default() -> Self {
        Self {
            span: Span::Fraction(2.0 / 3.0),
            degree: Degree::Linear,
            robust_passes: 3,
            delta: 0.0,
        }
    }
}

/// The curve at every `x`, in the order given; two or more points.
///
/// ```
/// use tacho_stats::smooth::loess::{LoessSettings, loess};
///
/// let x: Vec<f64> = (0..50).map(f64::from).collect();
/// let mut y: Vec<f64> = x.iter().map(|x| 2.0 * x + 1.0).collect();
/// y[20] = 1e3;
/// let curve = loess(&x, &y, &LoessSettings::default())?;
/// assert!((curve[20] - 41.0).abs() < 1e-9);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn loess(x: &[f64], y: &[f64], settings: &LoessSettings) -> Result<Vec<f64>> {
    same_length(x.len(), y.len())?;
    observations(x, 2)?;
    observations(y, 2)?;
    let neighbours = neighbours(settings.span, x.len())?;
    if settings.delta.is_nan() || settings.delta < 0.0 {
        return Err(StatsError::Invalid {
            name: "delta",
            why: "it must not be negative",
        });
    }
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|a, b| x[*a].total_cmp(&x[*b]));
    let points = Points::new(x, y, &order, *settings, neighbours);
    let curve = points.curve();
    let mut out = vec![0.0; x.len()];
    for (index, value) in order.into_iter().zip(curve) {
        out[index] = in_range("the curve", points.scale.back(value))?;
    }
    Ok(out)
}

fn neighbours(span: Span, n: usize) -> Result<usize> {
    match span {
        // The small addition lets 0.3 of 10 points be 3.
        Span::Fraction(part) if part > 0.0 && part <= 1.0 => {
            Ok(((part * n as f64 + 1e-10) as usize).clamp(2, n))
        }
        Span::Points(count) if count >= 2 => Ok(count.min(n)),
        _ => Err(StatsError::Invalid {
            name: "span",
            why: "it must be a fraction above 0, at most 1, or at least two points",
        }),
    }
}

/// Points by rising x, with x from 0 to 1.
struct Points {
    x: Vec<f64>,
    y: Vec<f64>,
    scale: Scale,
    degree: Degree,
    robust_passes: usize,
    delta: f64,
    neighbours: usize,
}

impl Points {
    fn new(x: &[f64], y: &[f64], order: &[usize], settings: LoessSettings, k: usize) -> Self {
        let scale = Scale::of(y);
        let y = scale.apply(y);
        let sorted: Vec<f64> = order.iter().map(|i| x[*i]).collect();
        // Halves, because the range of finite doubles may exceed the largest.
        let first = 0.5 * sorted[0];
        let range = 0.5 * sorted[sorted.len() - 1] - first;
        let unit = if range > 0.0 { range } else { 1.0 };
        Self {
            x: sorted.iter().map(|v| (0.5 * v - first) / unit).collect(),
            y: order.iter().map(|i| y[*i]).collect(),
            scale,
            degree: settings.degree,
            robust_passes: settings.robust_passes,
            delta: 0.5 * settings.delta / unit,
            neighbours: k,
        }
    }

    fn curve(&self) -> Vec<f64> {
        let mut weights = vec![1.0; self.x.len()];
        let mut curve = self.pass(&weights);
        for _ in 0..self.robust_passes {
            let residuals = self.y.iter().zip(&curve).map(|(y, c)| y - c);
            bisquare_weights(residuals, &mut weights);
            curve = self.pass(&weights);
        }
        curve
    }

    /// One fit of all points under the given weights.
    fn pass(&self, weights: &[f64]) -> Vec<f64> {
        let n = self.x.len();
        let mut curve = vec![0.0; n];
        let (mut last, mut i, mut left): (Option<usize>, usize, usize) = (None, 0, 0);
        loop {
            left = self.slide(left, self.x[i]);
            curve[i] = self.fit(i, left, weights).unwrap_or(self.y[i]);
            if let Some(last) = last {
                self.interpolate(&mut curve, last, i);
            }
            // Points at the same place share one fit.
            let same = self.x[i..].iter().take_while(|x| **x == self.x[i]).count();
            let value = curve[i];
            curve[i..i + same].fill(value);
            let end = i + same - 1;
            if end + 1 >= n {
                return curve;
            }
            last = Some(end);
            let within = self.x[end..].partition_point(|x| *x <= self.x[end] + self.delta);
            i = (end + within - 1).max(end + 1);
        }
    }

    /// The first of the nearest neighbours of `place`, at or after `left`.
    fn slide(&self, mut left: usize, place: f64) -> usize {
        while left + self.neighbours < self.x.len()
            && place - self.x[left] > self.x[left + self.neighbours] - place
        {
            left += 1;
        }
        left
    }

    fn fit(&self, i: usize, left: usize, robustness: &[f64]) -> Option<f64> {
        let place = self.x[i];
        let right = left + self.neighbours - 1;
        let half_width = (place - self.x[left]).max(self.x[right] - place);
        // Ties of the farthest neighbour belong to the neighbourhood too.
        let from = self.x[..left].partition_point(|x| place - x > half_width);
        let to = right + 1 + self.x[right + 1..].partition_point(|x| x - place <= half_width);
        let near = (from..to).map(|j| {
            let offset = self.x[j] - place;
            let weight = tricube(offset.abs(), half_width) * robustness[j];
            (weight, offset, self.y[j])
        });
        polynomial(near, self.degree)
    }

    fn interpolate(&self, curve: &mut [f64], left: usize, right: usize) {
        let width = self.x[right] - self.x[left];
        for i in left + 1..right {
            let part = (self.x[i] - self.x[left]) / width;
            curve[i] = part * curve[right] + (1.0 - part) * curve[left];
        }
    }
}

/// The weighted least-squares polynomial through (weight, offset, value), at offset zero.
///
/// By polynomials orthogonal under the weights; a degree that the offsets cannot tell is left out.
fn polynomial(near: impl Iterator<Item = (f64, f64, f64)> + Clone, degree: Degree) -> Option<f64> {
    let total =
        |term: fn(f64, f64) -> f64| near.clone().map(|(w, u, y)| w * term(u, y)).sum::<f64>();
    let weight = total(|_, _| 1.0);
    if weight <= 0.0 {
        return None;
    }
    let mean = total(|_, y| y) / weight;
    if degree == Degree::Constant {
        return Some(mean);
    }
    let centre = total(|u, _| u) / weight;
    let centred = near.map(move |(w, u, y)| (w / weight, u - centre, y - mean));
    let moment = |p: i32| centred.clone().map(|(w, v, _)| w * v.powi(p)).sum::<f64>();
    let variance = moment(2);
    if variance <= SPREAD_MIN * SPREAD_MIN {
        return Some(mean);
    }
    let covariance: f64 = centred.clone().map(|(w, v, y)| w * v * y).sum();
    let line = mean - centre * covariance / variance;
    if degree == Degree::Linear {
        return Some(line);
    }
    let skew = moment(3) / variance;
    let square = |v: f64| v * v - skew * v - variance;
    let size: f64 = centred.clone().map(|(w, v, _)| w * square(v).powi(2)).sum();
    if size <= SPREAD_MIN.powi(4) {
        return Some(line);
    }
    let bend: f64 = centred.map(|(w, v, y)| w * square(v) * y).sum();
    Some(line + bend / size * square(-centre))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_keeps(degree: Degree, f: fn(f64) -> f64) {
        let x: Vec<f64> = (0..40)
            .map(|i| f64::from(i * 17 % 40) + f64::from(i % 3) / 4.0)
            .collect();
        let y: Vec<f64> = x.iter().map(|x| f(*x)).collect();
        let settings = LoessSettings {
            degree,
            ..LoessSettings::default()
        };
        for span in [Span::Fraction(0.5), Span::Points(8), Span::Fraction(1.0)] {
            let curve = loess(&x, &y, &LoessSettings { span, ..settings }).unwrap();
            for (got, want) in curve.iter().zip(&y) {
                assert!(
                    (got - want).abs() < 1e-9 * want.abs().max(1.0),
                    "{degree:?} {got} {want}"
                );
            }
        }
    }

    #[test]
    fn polynomials_of_the_degree_are_kept() {
        check_keeps(Degree::Constant, |_| 3.5);
        check_keeps(Degree::Linear, |x| 2.0 - 3.0 * x);
        check_keeps(Degree::Quadratic, |x| 1.0 + x - 0.25 * x * x);
    }

    #[test]
    fn ties_share_one_value() {
        let x = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 3.0];
        let y = [1.0, 2.0, 3.0, 6.0, 5.0, 7.0, 9.0];
        let settings = LoessSettings {
            span: Span::Points(2),
            robust_passes: 0,
            ..LoessSettings::default()
        };
        let curve = loess(&x, &y, &settings).unwrap();
        assert_eq!(curve[..4], [3.0; 4]);
        assert_eq!(curve[4..6], [6.0; 2]);
        assert_eq!(
            loess(&[4.0; 3], &[1.0, 2.0, 6.0], &settings).unwrap(),
            [3.0; 3]
        );
    }

    #[test]
    fn interpolation_keeps_to_the_curve() {
        let x: Vec<f64> = (0..200).map(|i| f64::from(i) / 20.0).collect();
        let y: Vec<f64> = x.iter().map(|x| x.sin()).collect();
        let settings = LoessSettings {
            span: Span::Points(30),
            robust_passes: 0,
            ..LoessSettings::default()
        };
        let every = loess(&x, &y, &settings).unwrap();
        let some = loess(
            &x,
            &y,
            &LoessSettings {
                delta: 0.3,
                ..settings
            },
        )
        .unwrap();
        let far = loess(
            &x,
            &y,
            &LoessSettings {
                delta: 1e300,
                ..settings
            },
        )
        .unwrap();
        for (every, some) in every.iter().zip(&some) {
            assert!((every - some).abs() < 0.02, "{every} {some}");
        }
        assert_eq!((every[0], every[199]), (far[0], far[199]));
    }

    #[test]
    fn bad_input_is_refused() {
        let settings = LoessSettings::default();
        let refused = |settings: LoessSettings| {
            let got = loess(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], &settings);
            assert!(
                matches!(got, Err(StatsError::Invalid { .. })),
                "{settings:?}"
            );
        };
        for part in [0.0, 1.5, f64::NAN, -1.0] {
            refused(LoessSettings {
                span: Span::Fraction(part),
                ..settings
            });
        }
        refused(LoessSettings {
            span: Span::Points(1),
            ..settings
        });
        refused(LoessSettings {
            delta: f64::NAN,
            ..settings
        });
        assert!(loess(&[1.0], &[1.0], &settings).is_err());
        assert!(loess(&[1.0, f64::NAN], &[1.0, 2.0], &settings).is_err());
        let x = [-1e308, -1e300, 0.0, 1e300, 1e308];
        assert!(
            loess(&x, &x, &settings)
                .unwrap()
                .iter()
                .all(|v| v.is_finite())
        );
    }
}
