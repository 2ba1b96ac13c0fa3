//! What is assumed of the errors when coefficients get their standard errors.
//!
//! Invariant: every covariance is R⁻¹ M R⁻ᵀ with M, the errors' covariance seen through Q, not
//! negative. Corrected errors are right in long series; in short and strongly dependent ones they
//! still come out low, and a verdict on a trend uses [`trend`](super::trend()).
//! Sources: White, Econometrica 48 (1980); Newey & West, Econometrica 55 (1987), and "Automatic lag
//! selection in covariance matrix estimation", Review of Economic Studies 61 (1994).

/// What is assumed of the errors of a regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum ErrorModel {
    /// Independent, of equal variance.
    #[default]
    Independent,
    /// Independent, of any variance (White's HC0).
    Heteroscedastic,
    /// Correlated up to this many observations apart, of any variance: Newey-West with Bartlett
    /// weights. As many as there are observations or more means all.
    NeweyWest {
        /// The largest distance.
        lags: usize,
    },
    /// Newey-West with ⌊4 (n / 100)^(2/9)⌋ lags.
    NeweyWestAutomatic,
}

impl ErrorModel {
    /// The largest distance at which errors may be correlated; none where variances are equal.
    fn lags(self, n: usize) -> Option<usize> {
        match self {
            Self::Independent => None,
            Self::Heteroscedastic => Some(0),
            Self::NeweyWest { lags } => Some(lags.min(n.saturating_sub(1))),
            Self::NeweyWestAutomatic => Some((4.0 * (n as f64 / 100.0).powf(2.0 / 9.0)) as usize),
        }
    }

    /// M by rows, of residuals times `scale`; `variance` is theirs.
    pub(super) fn middle(
        self,
        q: &[Vec<f64>],
        residuals: &[f64],
        scale: f64,
        variance: f64,
    ) -> Vec<Vec<f64>> {
        let p = q.len();
        let mut middle = vec![vec![0.0; p]; p];
        let Some(lags) = self.lags(residuals.len()) else {
            for (i, row) in middle.iter_mut().enumerate() {
                row[i] = variance;
            }
            return middle;
        };
        let scores: Vec<Vec<f64>> = q
            .iter()
            .map(|q| {
                q.iter()
                    .zip(residuals)
                    .map(|(q, r)| q * (r * scale))
                    .collect()
            })
            .collect();
        for lag in 0..=lags.min(residuals.len() - 1) {
            let weight = 1.0 - lag as f64 / (lags as f64 + 1.0);
            for i in 0..p {
                for j in 0..p {
                    let products = scores[i][lag..].iter().zip(&scores[j]);
                    let total: f64 = products.map(|(a, b)| a * b).sum();
                    middle[i][j] += weight * total;
                    if lag > 0 {
                        middle[j][i] += weight * total;
                    }
                }
            }
        }
        middle
    }
}

/// aᵀ M b.
pub(super) fn form(a: &[f64], middle: &[Vec<f64>], b: &[f64]) -> f64 {
    let row = |m: &Vec<f64>| m.iter().zip(b).map(|(m, b)| m * b).sum::<f64>();
    a.iter().zip(middle).map(|(a, m)| a * row(m)).sum()
}
