//! A small, fast, seeded generator of pseudo-random numbers.
//!
//! Invariant: the same seed gives the same numbers on every machine and in every later version, so
//! that a verdict can be checked by hand. Not for secrets.
//! Sources: xoshiro256++ 1.0, Blackman & Vigna, "Scrambled linear pseudorandom number generators",
//! ACM TOMS 47 (2021), seeded by `SplitMix64` as its authors advise; Lemire, "Fast random integer
//! generation in an interval", ACM TOMACS 29 (2019); Marsaglia's polar method.

/// The generator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// Starts from any seed; different seeds give unrelated streams.
    pub fn new(seed: u64) -> Self {
        let mut z = seed;
        let state = std::array::from_fn(|_| {
            z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = z;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^ (word >> 31)
        });
        Self { state }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let [s0, s1, s2, s3] = &mut self.state;
        let result = s0.wrapping_add(*s3).rotate_left(23).wrapping_add(*s0);
        let shifted = *s1 << 17;
        *s2 ^= *s0;
        *s3 ^= *s1;
        *s1 ^= *s2;
        *s0 ^= *s3;
        *s2 ^= shifted;
        *s3 = s3.rotate_left(45);
        result
    }

    /// Uniform on `0..1`, in steps of 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Uniform on `0..bound` without bias; zero for a bound of zero.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        let mut product = u128::from(self.next_u64()) * u128::from(bound);
        if (product as u64) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u64) < threshold {
                product = u128::from(self.next_u64()) * u128::from(bound);
            }
        }
        (product >> 64) as usize
    }

    /// A standard normal number.
    pub fn standard_normal(&mut self) -> f64 {
        loop {
            let u = 2.0f64.mul_add(self.uniform(), -1.0);
            let v = 2.0f64.mul_add(self.uniform(), -1.0);
            let square = u * u + v * v;
            if square > 0.0 && square < 1.0 {
                return u * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The authors' C code from the state 1, 2, 3, 4.
    #[test]
    fn first_numbers_are_the_authors() {
        let mut rng = Rng {
            state: [1, 2, 3, 4],
        };
        let got: Vec<u64> = (0..4).map(|_| rng.next_u64()).collect();
        assert_eq!(
            got,
            [
                41_943_041,
                58_720_359,
                3_588_806_011_781_223,
                3_591_011_842_654_386
            ]
        );
    }

    #[test]
    fn numbers_have_the_moments_they_should() {
        let mut rng = Rng::new(1);
        let n = 100_000;
        let mut counts = [0u32; 7];
        let (mut uniform, mut normal, mut square) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            counts[rng.below(7)] += 1;
            uniform += rng.uniform();
            let z = rng.standard_normal();
            normal += z;
            square += z * z;
        }
        let n = f64::from(n);
        assert!((uniform / n - 0.5).abs() < 5.0 * (1.0 / 12.0 / n).sqrt());
        assert!((normal / n).abs() < 5.0 / n.sqrt());
        assert!((square / n - 1.0).abs() < 5.0 * (2.0 / n).sqrt());
        for count in counts {
            assert!((f64::from(count) - n / 7.0).abs() < 5.0 * (n / 7.0).sqrt());
        }
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.below(1), 0);
    }
}
