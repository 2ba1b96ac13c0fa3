//! Sorts finite doubles by their bits.
//!
//! Invariant: the order is that of `f64::total_cmp`, −0 before 0; linear memory, and never worse than
//! a comparison sort's O(n log n). Not stable, which equal doubles cannot show.
//! Method: least-significant-digit radix sort (Knuth, "The art of computer programming" 3, §5.2.5) of
//! the top 32 bits in which the values differ, four digits of 8 bits, so that the 256 places written
//! to stay in the nearest cache; the rare runs that agree in all 32 are then sorted by comparison.

/// Below this length a comparison sort is the faster one.
const RADIX_FROM: usize = 1_500;
const DIGIT_BITS: u32 = 8;
const DIGITS: usize = 4;
const BUCKETS: usize = 1 << DIGIT_BITS;

/// The values of `x`, none of which may be NaN, in ascending order.
pub(crate) fn sorted(x: &[f64]) -> Vec<f64> {
    if x.len() < RADIX_FROM || u32::try_from(x.len()).is_err() {
        let mut values = x.to_vec();
        values.sort_unstable_by(f64::total_cmp);
        return values;
    }
    let (low, high) = x.iter().fold((u64::MAX, 0), |(low, high), v| {
        let key = to_key(*v);
        (low.min(key), high.max(key))
    });
    let used = 64 - (high - low).leading_zeros();
    let shift = used.saturating_sub(DIGIT_BITS * DIGITS as u32);
    let mut keys: Vec<u64> = x.iter().map(|v| to_key(*v) - low).collect();
    let mut other = vec![0; keys.len()];
    for (digit, mut places) in starts(&keys, shift).into_iter().enumerate() {
        let down = shift + DIGIT_BITS * digit as u32;
        if down >= used {
            break;
        }
        for key in &keys {
            let place = &mut places[(key >> down) as usize & (BUCKETS - 1)];
            other[*place as usize] = *key;
            *place += 1;
        }
        std::mem::swap(&mut keys, &mut other);
    }
    if shift > 0 {
        sort_runs(&mut keys, shift);
    }
    // Keys and doubles are alike in size, so that this reuses the memory.
    keys.into_iter().map(|key| from_key(key + low)).collect()
}

/// Where each bucket of each digit starts.
fn starts(keys: &[u64], shift: u32) -> [[u32; BUCKETS]; DIGITS] {
    let mut counts = [[0; BUCKETS]; DIGITS];
    for key in keys {
        let top = (key >> shift) as u32;
        for (digit, counts) in counts.iter_mut().enumerate() {
            counts[(top >> (DIGIT_BITS * digit as u32)) as usize & (BUCKETS - 1)] += 1;
        }
    }
    for digit in &mut counts {
        let mut before = 0;
        for count in digit {
            before += std::mem::replace(count, before);
        }
    }
    counts
}

/// Sorts the runs of keys that agree in all bits from `shift` up.
fn sort_runs(keys: &mut [u64], shift: u32) {
    let mut start = 0;
    for end in 1..=keys.len() {
        let same = keys
            .get(end)
            .is_some_and(|k| k >> shift == keys[start] >> shift);
        if !same {
            if end - start > 1 {
                keys[start..end].sort_unstable();
            }
            start = end;
        }
    }
}

/// A double as an integer in the order of `total_cmp`.
fn to_key(value: f64) -> u64 {
    let bits = value.to_bits();
    bits ^ (((bits as i64 >> 63) as u64) | (1 << 63))
}

fn from_key(key: u64) -> f64 {
    f64::from_bits(key ^ (((!key as i64 >> 63) as u64) | (1 << 63)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn check(what: &str, x: Vec<f64>) {
        let values = sorted(&x);
        let mut want = x;
        want.sort_by(f64::total_cmp);
        let bits = |x: &[f64]| x.iter().map(|v| v.to_bits()).collect::<Vec<u64>>();
        assert_eq!(bits(&values), bits(&want), "{what}");
    }

    #[test]
    fn agrees_with_a_comparison_sort() {
        let mut rng = Rng::new(1);
        let n = 5_000;
        let mut fill = |one: &mut dyn FnMut(&mut Rng) -> f64| -> Vec<f64> {
            (0..n).map(|_| one(&mut rng)).collect()
        };
        check("normal", fill(&mut |r| r.standard_normal()));
        check("bits", fill(&mut |r| f64::from_bits(r.next_u64() >> 2)));
        check("near", fill(&mut |r| 1e9 + 1e-6 * r.uniform()));
        check("few values", fill(&mut |r| r.below(5) as f64 - 2.0));
        check(
            "zeros",
            fill(&mut |r| if r.below(2) == 0 { -0.0 } else { 0.0 }),
        );
        check("equal", fill(&mut |_| 3.5));
        check("huge", fill(&mut |r| 1e308 * (2.0 * r.uniform() - 1.0)));
        check(
            "subnormal",
            fill(&mut |r| f64::from_bits(r.next_u64() >> 20)),
        );
        let outlier = |r: &mut Rng| {
            if r.below(1000) == 0 {
                -1e308
            } else {
                1.0 + 1e-12 * r.uniform()
            }
        };
        check("outliers", fill(&mut { outlier }));
        check("falling", (0..n).map(|i| -f64::from(i)).collect());
        check("short", vec![2.0, -1.0, 0.0, -0.0]);
        check("empty", vec![]);
    }
}
