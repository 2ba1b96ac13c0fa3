//! Sums and means that do not lose digits.
//!
//! Invariant: [`mean_parts`] returns the mean as an unevaluated sum `high + low` whose error is a
//! few units in the last place of `low`, so that deviations from it keep all digits the data hold.
//! Slices are summed in lanes, each with its own compensation, which a compiler turns into vector
//! instructions; what addition rounds off is found without a branch.
//! Sources: Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen",
//! ZAMM 54 (1974); Knuth, "The art of computer programming" 2, §4.2.2, theorem B, for the error of a sum.

/// Independent sums that run side by side.
const LANES: usize = 8;

/// A running sum with its compensation.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, value: f64) {
        let next = self.total + value;
        self.lost += rounded_off(self.total, value, next);
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

    /// The sum of `term(x)` over a slice.
    fn over(x: &[f64], term: impl Fn(f64) -> f64) -> Self {
        let (chunks, rest) = x.as_chunks::<LANES>();
        let (mut total, mut lost) = ([0.0; LANES], [0.0; LANES]);
        for chunk in chunks {
            for lane in 0..LANES {
                let value = term(chunk[lane]);
                let next = total[lane] + value;
                lost[lane] += rounded_off(total[lane], value, next);
                total[lane] = next;
            }
        }
        let mut sum = Self::of(total.into_iter().chain(rest.iter().map(|v| term(*v))));
        sum.lost += lost.iter().sum::<f64>();
        sum
    }
}

/// The compensated sum of `term` over pairs of two slices as long as each other.
pub(crate) fn sum_pairs(x: &[f64], y: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let ((chunks, rest), (others, other_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    let (mut total, mut lost) = ([0.0; LANES], [0.0; LANES]);
    for (chunk, other) in chunks.iter().zip(others) {
        for lane in 0..LANES {
            let value = term(chunk[lane], other[lane]);
            let next = total[lane] + value;
            lost[lane] += rounded_off(total[lane], value, next);
            total[lane] = next;
        }
    }
    let pairs = rest.iter().zip(other_rest).map(|(a, b)| term(*a, *b));
    let mut sum = Sum::of(total.into_iter().chain(pairs));
    sum.lost += lost.iter().sum::<f64>();
    sum.value()
}

/// What the addition of `a` and `b` to `sum` rounded off, exactly.
fn rounded_off(a: f64, b: f64, sum: f64) -> f64 {
    let from_b = sum - a;
    (a - (sum - from_b)) + (b - from_b)
}

/// The compensated sum of `values`.
pub(crate) fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    Sum::of(values).value()
}

/// The compensated sum of `term` over a slice.
pub(crate) fn sum_over(x: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    Sum::over(x, term).value()
}

/// The mean of a non-empty slice of finite values as `(high, low)`.
///
/// Where the plain sum would overflow, the values are scaled by 2⁻⁶⁴ first, which is exact.
pub(crate) fn mean_parts(x: &[f64]) -> (f64, f64) {
    const SCALE: f64 = 1.0 / 18_446_744_073_709_551_616.0;
    let n = x.len() as f64;
    let plain = Sum::over(x, |v| v);
    if plain.total.is_finite() && plain.lost.is_finite() {
        let high = plain.value() / n;
        if !high.is_finite() || high * n == f64::INFINITY {
            return (high, 0.0);
        }
        let low = ((-high).mul_add(n, plain.total) + plain.lost) / n;
        return (high, low);
    }
    let scaled = Sum::over(x, |v| v * SCALE);
    ((scaled.value() / n) / SCALE, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_in_any_lane() {
        for n in [1, 7, 8, 9, 64, 1001] {
            let mut x = vec![1e-3; n];
            x.extend([1e18; 11]);
            x.extend([-1e18; 11]);
            let got = sum_over(&x, |v| v);
            assert!((got / (1e-3 * n as f64) - 1.0).abs() < 1e-15, "{n}: {got}");
            assert_eq!(sum_pairs(&x, &vec![1.0; x.len()], |a, b| a * b), got);
            let one_by_one = sum(x.iter().copied());
            assert!((one_by_one / got - 1.0).abs() < 1e-15, "{n}: {one_by_one}");
        }
        assert_eq!(mean_parts(&[1e308; 40]).0, 1e308);
        assert_eq!(sum_over(&[], |v| v), 0.0);
    }
}
