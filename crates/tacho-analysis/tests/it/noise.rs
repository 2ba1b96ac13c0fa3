//! Made-up measurements with known properties. Shared with `examples/aa.rs`.

use std::time::Duration;

use tacho_analysis::measurement::Measurement;
use tacho_model::{Histogram, Timestamp};
use tacho_stats::rng::Rng;

/// A stationary process with mean 0 and variance 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Process {
    /// Independent, normal.
    White,
    /// Independent, Student's t with 3 degrees of freedom.
    T3,
    /// First-order autoregression.
    Ar(f64),
}

impl Process {
    /// `n` values in order of time.
    pub(crate) fn series(self, rng: &mut Rng, n: usize) -> Vec<f64> {
        match self {
            Self::White => (0..n).map(|_| rng.standard_normal()).collect(),
            Self::T3 => (0..n).map(|_| student_3(rng)).collect(),
            Self::Ar(phi) => {
                let innovation = (1.0 - phi * phi).sqrt();
                let mut state = rng.standard_normal();
                let mut next = || {
                    state = phi * state + innovation * rng.standard_normal();
                    state
                };
                (0..n).map(|_| next()).collect()
            }
        }
    }
}

/// Scaled to variance 1 (the variance of t3 is 3).
fn student_3(rng: &mut Rng) -> f64 {
    let squares: f64 = (0..3).map(|_| rng.standard_normal().powi(2)).sum();
    rng.standard_normal() / (squares / 3.0).sqrt() / 3.0_f64.sqrt()
}

/// Values at 1 s: `mean` plus `sd` times the process.
pub(crate) fn values(rng: &mut Rng, process: Process, n: usize, mean: f64, sd: f64) -> Measurement {
    let series = process.series(rng, n);
    series_at(
        Duration::from_secs(1),
        series.into_iter().map(|z| mean + sd * z),
    )
}

/// Values at a step.
pub(crate) fn series_at(step: Duration, values: impl IntoIterator<Item = f64>) -> Measurement {
    let at = |i: usize| Timestamp::from_secs(1_700_000_000) + step * (i as u32 + 1);
    let points = values.into_iter().enumerate().map(|(i, v)| (at(i), v));
    Measurement::Values {
        step,
        points: points.collect(),
    }
}

/// Log-normal latencies of 100 ms at the median, spread `0.4`, in intervals of 15 s whose level
/// moves with the process (`sway` on the logarithm); `slow` makes a request slower.
pub(crate) fn latencies(
    rng: &mut Rng,
    process: Process,
    (intervals, requests): (usize, usize),
    sway: f64,
    slow: impl Fn(&mut Rng, f64) -> f64,
) -> Measurement {
    let level = process.series(rng, intervals);
    let histogram = |z: &f64| {
        let mut histogram = Histogram::new();
        for _ in 0..requests {
            let latency = 0.1 * (0.4 * rng.standard_normal() + sway * z).exp();
            histogram.observe(slow(rng, latency));
        }
        histogram
    };
    intervals_of(level.iter().map(histogram))
}

/// Histograms as intervals of 15 s.
pub(crate) fn intervals_of(histograms: impl IntoIterator<Item = Histogram>) -> Measurement {
    let width = Duration::from_secs(15);
    let at = |i: usize| Timestamp::from_secs(1_700_000_000) + width * (i as u32 + 1);
    let parts = histograms.into_iter().enumerate().map(|(i, h)| (at(i), h));
    Measurement::Intervals {
        width,
        parts: parts.collect(),
    }
}
