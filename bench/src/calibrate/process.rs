//! Stationary processes of which everything is known.
//!
//! Invariant: every process has mean zero and starts in its stationary state.

use std::fmt;

use tacho_stats::rng::Rng;

/// A stationary process of mean zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Process {
    /// Independent standard normal numbers.
    White,
    /// Independent numbers of Student's t with three degrees of freedom.
    StudentT3,
    /// Independent log-normal numbers (σ = 1), less their mean.
    LogNormal,
    /// First-order autoregression of standard normal innovations.
    Autoregression(f64),
    /// First-order autoregression of 0.9 seen through white noise of nine times its innovation.
    NoisyDrift,
    /// White noise on a season of 24 observations and amplitude 1.5.
    Season,
}

impl Process {
    /// `n` observations.
    pub(crate) fn sample(self, rng: &mut Rng, n: usize) -> Vec<f64> {
        match self {
            Self::White => (0..n).map(|_| rng.standard_normal()).collect(),
            Self::StudentT3 => (0..n).map(|_| student_t3(rng)).collect(),
            Self::LogNormal => (0..n)
                .map(|_| rng.standard_normal().exp() - 0.5f64.exp())
                .collect(),
            Self::Autoregression(phi) => {
                let mut state = rng.standard_normal() / (1.0 - phi * phi).sqrt();
                (0..n)
                    .map(|_| {
                        state = phi * state + rng.standard_normal();
                        state
                    })
                    .collect()
            }
            Self::NoisyDrift => {
                let drift = Self::Autoregression(0.9).sample(rng, n);
                drift
                    .into_iter()
                    .map(|v| v + 3.0 * rng.standard_normal())
                    .collect()
            }
            Self::Season => (0..n)
                .map(|i| {
                    let phase = std::f64::consts::TAU * (i % 24) as f64 / 24.0;
                    1.5 * phase.sin() + rng.standard_normal()
                })
                .collect(),
        }
    }

    /// Variance of one observation (of what is random in it).
    pub(crate) fn variance(self) -> f64 {
        match self {
            Self::White | Self::Season => 1.0,
            Self::StudentT3 => 3.0,
            Self::LogNormal => (1f64.exp() - 1.0) * 1f64.exp(),
            Self::Autoregression(phi) => 1.0 / (1.0 - phi * phi),
            Self::NoisyDrift => 9.0 + 1.0 / 0.19,
        }
    }

    /// n times the variance of the mean of many observations. A season is the same in every series
    /// and does not move the difference of two.
    pub(crate) fn long_run_variance(self) -> f64 {
        match self {
            Self::Autoregression(phi) => (1.0 - phi).powi(-2),
            Self::NoisyDrift => 109.0,
            independent => independent.variance(),
        }
    }

    /// How many independent observations `n` of these are worth, for the mean.
    pub(crate) fn effective_n(self, n: usize) -> f64 {
        n as f64 * self.variance() / self.long_run_variance()
    }
}

fn student_t3(rng: &mut Rng) -> f64 {
    let z = rng.standard_normal();
    let square: f64 = (0..3).map(|_| rng.standard_normal().powi(2)).sum();
    z / (square / 3.0).sqrt()
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::White => f.write_str("white"),
            Self::StudentT3 => f.write_str("t3"),
            Self::LogNormal => f.write_str("log-normal"),
            Self::Autoregression(phi) => write!(f, "AR(1) {phi}"),
            Self::NoisyDrift => f.write_str("AR(1) 0.9 in noise"),
            Self::Season => f.write_str("season of 24"),
        }
    }
}
