//! Pairs that stand in the wrong order, counted or listed while sorting.
//!
//! Invariant: every inversion is reported exactly once, in O(n log n) steps besides the reports.
//! Source: Knuth, "The art of computer programming" 3, 5.1.1 and 5.2.4 (merging).

/// Sorts `x`; for each run of elements that stood before a smaller one, calls
/// `report(run, smaller)`. `greater` must be a strict weak order.
pub(super) fn sort_reporting<T: Copy>(
    x: &mut Vec<T>,
    greater: impl Fn(&T, &T) -> bool,
    mut report: impl FnMut(&[T], &T),
) {
    let n = x.len();
    let mut merged: Vec<T> = Vec::with_capacity(n);
    let mut width = 1;
    while width < n {
        merged.clear();
        for pair in x.chunks(width.saturating_mul(2)) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let ([a, left_rest @ ..], [b, right_rest @ ..]) = (left, right) {
                if greater(a, b) {
                    report(left, b);
                    merged.push(*b);
                    right = right_rest;
                } else {
                    merged.push(*a);
                    left = left_rest;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(x, &mut merged);
        width = width.saturating_mul(2);
    }
}

/// The number of inversions of `x`, which is sorted.
pub(super) fn count<T: Copy>(x: &mut Vec<T>, greater: impl Fn(&T, &T) -> bool) -> u64 {
    let mut total = 0;
    sort_reporting(x, greater, |run, _| total += run.len() as u64);
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_inversion_once() {
        let mut state = 9u64;
        for n in [0usize, 1, 2, 3, 7, 16, 33, 100] {
            let mut next = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 33) % 12
            };
            let x: Vec<(u64, usize)> = (0..n).map(|i| (next(), i)).collect();
            let mut want = Vec::new();
            for (i, a) in x.iter().enumerate() {
                want.extend(x[i..].iter().filter(|b| a.0 > b.0).map(|b| (a.1, b.1)));
            }
            let mut got = Vec::new();
            let mut sorted = x.clone();
            let greater = |a: &(u64, usize), b: &(u64, usize)| a.0 > b.0;
            sort_reporting(&mut sorted, greater, |run, b| {
                got.extend(run.iter().map(|a| (a.1, b.1)));
            });
            got.sort_unstable();
            assert_eq!(got, want);
            assert!(sorted.windows(2).all(|w| w[0].0 <= w[1].0));
            assert_eq!(count(&mut x.clone(), greater), want.len() as u64);
        }
    }
}
