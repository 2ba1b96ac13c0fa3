//! ln(1 + u) − u without cancellation.
//!
//! Invariant: relative error of a few units in the last place for every u > −1. It is what makes
//! tails of distributions with large parameters exact: x·ln(x/m) + m − x in Loader's saddle-point
//! form.
//! Source: Loader, "Fast and accurate computation of binomial probabilities" (2000).

/// ln(1 + u) − u.
pub(crate) fn log1pmx(u: f64) -> f64 {
    if !(-0.4..=0.7).contains(&u) {
        return u.ln_1p() - u;
    }
    // With r = u / (2 + u), ln(1 + u) = 2 artanh r, and 2r − u = −u r:
    // ln(1 + u) − u = −u r + 2 r³ (1/3 + r²/5 + r⁴/7 + …); for |r| ≤ 1/4 that keeps its digits.
    let r = u / (2.0 + u);
    let square = r * r;
    let (mut total, mut power, mut k) = (0.0, 1.0, 3.0);
    loop {
        let next = total + power / k;
        if next == total {
            break;
        }
        total = next;
        power *= square;
        k += 2.0;
    }
    r * (2.0 * square * total - u)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // mpmath, 50 digits.
        for (u, want) in [
            (1e-8, -4.999_999_966_666_667e-17),
            (-1e-3, -5.003_335_835_335_002e-7),
            (0.3, -0.037_635_735_532_508_94),
            (-0.39, -0.104_296_321_814_780_13),
            (5.0, -3.208_240_530_771_945),
            (-0.9, -1.402_585_092_994_046),
        ] {
            assert!(
                (log1pmx(u) / want - 1.0).abs() < 1e-15 * 8.0,
                "{u}: {:e}",
                log1pmx(u)
            );
        }
        assert_eq!(log1pmx(0.0), 0.0);
    }
}
