//! Order statistics of sums or differences over all pairs, without forming the pairs.
//!
//! Invariant: exact. A threshold's count takes one merge of sorted samples, and a few dozen
//! thresholds find each order statistic, so that the cost is that of sorting and memory is linear.
//! Method: interpolation in turn with bisection over the bits of the threshold, as in root finding,
//! until few enough values remain to be looked at; Johnson & Mizoguchi, "Selecting the Kth element
//! in X + Y", SIAM Journal on Computing 7 (1978), for why counting is enough.

/// Values over pairs of ascending samples, of which only counts are ever formed.
pub(crate) trait Pairs {
    /// How many there are.
    fn count(&self) -> u64;
    /// Smallest and largest value.
    fn range(&self) -> (f64, f64);
    /// How many are at most `threshold`.
    fn at_most(&self, threshold: f64) -> u64;
    /// Those above `low` and at most `high`.
    fn between(&self, low: f64, high: f64) -> Vec<f64>;
    /// How many may be formed at once: a few for each observation.
    fn few(&self) -> u64;

    /// The value of the given rank, from 1.
    fn select(&self, rank: u64) -> f64 {
        let (smallest, largest) = self.range();
        // Counts at or below: fewer than `rank` at `low`, at least `rank` at `high`.
        let (mut low, mut high) = (to_ordered(smallest) - 1, to_ordered(largest));
        let (mut below, mut reached) = (0, self.count());
        let mut step = 0;
        while reached - below > self.few() && high - low > 1 {
            let (from, to) = (from_ordered(low), from_ordered(high));
            let share = (rank - below) as f64 / (reached - below) as f64;
            let interpolated = to_ordered(from + (to - from) * share);
            step += 1;
            let bisect = step % 3 == 0 || !(low + 1..high).contains(&interpolated);
            let middle = if bisect {
                low + ((high - low) >> 1)
            } else {
                interpolated
            };
            let count = self.at_most(from_ordered(middle));
            if count >= rank {
                (high, reached) = (middle, count);
            } else {
                (low, below) = (middle, count);
            }
        }
        // Adding zero turns −0 into 0.
        if high - low == 1 {
            return from_ordered(high) + 0.0;
        }
        let mut rest = self.between(from_ordered(low), from_ordered(high));
        let index = (rank - below - 1) as usize;
        let (_, value, _) = rest.select_nth_unstable_by(index, f64::total_cmp);
        *value + 0.0
    }

    /// The two values in the middle; the same one twice where the count is odd.
    fn middle(&self) -> (f64, f64) {
        let pairs = self.count();
        let low = self.select(pairs.div_ceil(2));
        let high = if pairs % 2 == 1 {
            low
        } else {
            self.select(pairs / 2 + 1)
        };
        (low, high)
    }
}

/// The rank, from 1, of a confidence interval's lower end when `pmf` is the distribution of the
/// number of values below, and the probability left out on each side.
pub(crate) fn exact_rank(pmf: &[f64], tail: f64) -> (u64, f64) {
    let (mut below, mut rank) = (0.0, 0);
    for p in pmf {
        // A tail equal to `tail` but for rounding counts as reaching it.
        if below + p >= tail * (1.0 - 1e-12) {
            break;
        }
        below += p;
        rank += 1;
    }
    let outside = if rank == 0 { pmf[0] } else { below };
    (rank.max(1), outside.min(0.5))
}

/// The same by the normal approximation of the number of values below.
pub(crate) fn normal_rank(count: u64, margin: f64) -> u64 {
    let half = 0.5 * count as f64;
    (half - margin - 0.5)
        .ceil()
        .clamp(1.0, half.ceil().max(1.0)) as u64
}

/// Doubles as integers in the same order; the two zeros, which compare equal, share one.
fn to_ordered(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 {
        !bits + 1
    } else {
        bits | (1 << 63)
    }
}

fn from_ordered(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 {
        key & !(1 << 63)
    } else {
        !(key - 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_the_order_and_skip_nothing() {
        let values = [-1e308, -1.0, -5e-324, 0.0, 5e-324, 1.0, 1e308];
        let keys = values.map(to_ordered);
        assert!(keys.windows(2).all(|w| w[0] < w[1]));
        assert_eq!(keys.map(from_ordered), values);
        assert_eq!(to_ordered(0.0) - 1, to_ordered(-5e-324));
        assert_eq!(to_ordered(-0.0), to_ordered(0.0));
    }
}
