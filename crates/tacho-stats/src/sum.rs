//! Sums and means that do not lose digits.
//!
//! Invariant: [`mean_parts`] returns the mean as an unevaluated sum `high + low` whose error is a
//! few units in the last place of `low`, so that deviations from it keep all digits the data hold.
//! Source: Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen",
//! ZAMM 54 (1974).

/// A running sum with Neumaier's compensation.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, value: f64) {
        let next = self.total + value;
        self.lost += if self.total.abs() >= value.abs() {
            (self.total - next) + value
        } else {
            (value - next) + self.total
        };
        self.total = next;
    }

    pub(crate) fn value(self) -> f64 {
        self.total + self.lost
    }

    fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = Self::default();
        for value in values {
            sum.add(value);
        }
        sum
    }
}

/// The compensated sum of `values`.
pub(crate) fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    Sum::of(values).value()
}

/// The mean of a non-empty slice of finite values as `(high, low)`.
///
/// Where the plain sum would overflow, the values are scaled by 2⁻⁶⁴ first, which is exact.
pub(crate) fn mean_parts(x: &[f64]) -> (f64, f64) {
    const SCALE: f64 = 1.0 / 18_446_744_073_709_551_616.0;
    let n = x.len() as f64;
    let plain = Sum::of(x.iter().copied());
    if plain.total.is_finite() && plain.lost.is_finite() {
        let high = plain.value() / n;
        if !high.is_finite() || high * n == f64::INFINITY {
            return (high, 0.0);
        }
        let low = ((-high).mul_add(n, plain.total) + plain.lost) / n;
        return (high, low);
    }
    let scaled = Sum::of(x.iter().map(|v| v * SCALE));
    ((scaled.value() / n) / SCALE, 0.0)
}
