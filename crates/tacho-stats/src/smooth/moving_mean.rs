//! Means of every window of a series.
//!
//! Invariant: no value is ever subtracted, so that one huge value disturbs only the windows that
//! hold it. Each window lies across two blocks as long as itself: its sum is the end of one and the
//! beginning of the next, both kept as running sums.
//! Not for centred averages with shrinking ends.

/// `out[i]` becomes the mean of `x[i..i + width]`, for each of the `x.len() + 1 − width` windows.
pub(super) fn moving_means(x: &[f64], width: usize, out: &mut Vec<f64>) {
    let windows = (x.len() + 1).saturating_sub(width);
    out.clear();
    out.resize(windows, 0.0);
    let scale = 1.0 / width as f64;
    // Sums of x[i..end of i's block] from the right.
    for (out, x) in out.chunks_mut(width).zip(x.chunks(width)) {
        let mut total = 0.0;
        for (position, value) in x.iter().enumerate().rev() {
            total += value;
            if let Some(slot) = out.get_mut(position) {
                *slot = total;
            }
        }
    }
    // Sums from the beginning of the next block from the left.
    for (block, x) in x.chunks(width).enumerate().skip(1) {
        let mut total = 0.0;
        let first = (block - 1) * width + 1;
        for (slot, value) in out.iter_mut().skip(first).zip(x).take(width - 1) {
            total += value;
            *slot += total;
        }
    }
    for slot in out {
        *slot *= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_plain_means() {
        let x: Vec<f64> = (0..23).map(|i| f64::from(i * i % 17)).collect();
        let mut out = Vec::new();
        for width in 1..=23 {
            moving_means(&x, width, &mut out);
            assert_eq!(out.len(), 24 - width);
            for (got, window) in out.iter().zip(x.windows(width)) {
                let want = window.iter().sum::<f64>() / width as f64;
                assert!((got - want).abs() < 1e-12, "{width}");
            }
        }
    }

    #[test]
    fn a_huge_value_does_not_linger() {
        let mut x = vec![0.1; 20];
        x[7] = 1e300;
        let mut out = Vec::new();
        moving_means(&x, 4, &mut out);
        assert!((out[8] - 0.1).abs() < 1e-15);
    }
}
