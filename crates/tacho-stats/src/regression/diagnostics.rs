//! What the residuals of a fit by least squares tell.
//!
//! Invariant: leverages lie in `0..=1` and add up to the number of coefficients.
//! Sources: Cook, "Detection of influential observation in linear regression", Technometrics 19
//! (1977); Durbin & Watson, Biometrika 37 (1950); Belsley, Kuh & Welsch, "Regression diagnostics"
//! (1980), for the condition number of scaled columns.

use super::least_squares::LeastSquares;

impl LeastSquares {
    /// Observation less fit, in the order given.
    pub fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    /// The diagonal of the hat matrix: how much each observation moves its own fit.
    pub fn leverages(&self) -> Vec<f64> {
        let square = |i: usize| self.q.iter().map(|q| q[i].powi(2)).sum::<f64>();
        (0..self.residuals.len())
            .map(|i| square(i).min(1.0))
            .collect()
    }

    /// Residuals over their standard errors; zero where an observation determines its own fit.
    pub fn studentised_residuals(&self) -> Vec<f64> {
        let leverages = self.leverages();
        let each = self.residuals.iter().zip(leverages);
        each.map(|(residual, leverage)| {
            let error = self.residual_sd * (1.0 - leverage).sqrt();
            if error > 0.0 { residual / error } else { 0.0 }
        })
        .collect()
    }

    /// Cook's distance: how far leaving one observation out moves all coefficients.
    ///
    /// Infinite where an observation alone determines a coefficient; zero for an exact fit.
    pub fn cooks_distances(&self) -> Vec<f64> {
        let p = self.q.len() as f64;
        let each = self
            .studentised_residuals()
            .into_iter()
            .zip(self.leverages());
        each.map(|(residual, leverage)| residual * residual / p * leverage / (1.0 - leverage))
            .map(|d| if d.is_nan() { f64::INFINITY } else { d })
            .collect()
    }

    /// Durbin & Watson's statistic: about 2 (1 − r₁), where r₁ is the residuals' autocorrelation;
    /// none for an exact fit.
    pub fn durbin_watson(&self) -> Option<f64> {
        let unit = self.residuals.iter().fold(0.0f64, |m, r| m.max(r.abs()));
        let square = |r: f64| (r / unit).powi(2);
        let steps: f64 = self.residuals.windows(2).map(|w| square(w[1] - w[0])).sum();
        let all: f64 = self.residuals.iter().map(|r| square(*r)).sum();
        (unit > 0.0).then(|| steps / all)
    }

    /// Largest over smallest singular value of the design, its columns scaled to length one; above
    /// about 30 coefficients can hardly be told apart.
    pub fn condition_number(&self) -> f64 {
        self.triangle.condition_number()
    }
}
