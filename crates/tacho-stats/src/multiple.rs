//! Many tests at once: p-values adjusted for their number.
//!
//! Invariant: an adjusted p-value is at least the raw one and at most 1, keeps its order, and is at
//! or below α exactly where the procedure at level α rejects. NaN is refused, not sorted to an end.
//! Not for watching without end: a rate over a fixed family means nothing for a stream of tests.
//! Sources: Holm, Scandinavian Journal of Statistics 6 (1979); Hochberg, Biometrika 75 (1988);
//! Benjamini & Hochberg, JRSS B 57 (1995); Benjamini & Yekutieli, Annals of Statistics 29 (2001).
//! Agrees with `statsmodels.stats.multitest.multipletests`.

use crate::error::{Result, observations, probability};

/// What is kept below α over the whole family, and under which dependence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Correction {
    /// The chance of any false rejection, under any dependence; Holm's rejects more.
    Bonferroni,
    /// The chance of any false rejection, under any dependence.
    Holm,
    /// The chance of any false rejection, for independent or positively dependent tests.
    Hochberg,
    /// The expected part of false ones among the rejections, for independent or positively
    /// dependent tests.
    #[default]
    BenjaminiHochberg,
    /// The expected part of false ones among the rejections, under any dependence.
    BenjaminiYekutieli,
}

/// The p-values adjusted, in the order given; empty for none.
///
/// ```
/// use tacho_stats::multiple::{Correction, adjust};
///
/// let adjusted = adjust(&[0.01, 0.04, 0.03], Correction::Holm)?;
/// assert!((adjusted[0] - 0.03).abs() < 1e-15 && (adjusted[1] - 0.06).abs() < 1e-15);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn adjust(p: &[f64], correction: Correction) -> Result<Vec<f64>> {
    observations(p, 0)?;
    for value in p {
        probability("p", *value)?;
    }
    let m = p.len() as f64;
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|i, j| p[*i].total_cmp(&p[*j]));
    // The factor of the p-value of the given rank, from 1, and which neighbours it must not pass.
    let (factor, passes): (Box<dyn Fn(f64) -> f64>, Passes) = match correction {
        Correction::Bonferroni => (Box::new(|_| m), Passes::Up),
        Correction::Holm => (Box::new(|rank| m - rank + 1.0), Passes::Up),
        Correction::Hochberg => (Box::new(|rank| m - rank + 1.0), Passes::Down),
        Correction::BenjaminiHochberg => (Box::new(|rank| m / rank), Passes::Down),
        Correction::BenjaminiYekutieli => {
            let penalty: f64 = (1..=p.len()).map(|i| 1.0 / i as f64).sum();
            (Box::new(move |rank| m * penalty / rank), Passes::Down)
        }
    };
    let mut adjusted = vec![0.0; p.len()];
    let raw = |place: usize| p[order[place]] * factor((place + 1) as f64);
    match passes {
        Passes::Up => {
            let mut largest = 0.0f64;
            for (place, index) in order.iter().enumerate() {
                largest = largest.max(raw(place)).min(1.0);
                adjusted[*index] = largest;
            }
        }
        Passes::Down => {
            let mut smallest = 1.0f64;
            for (place, index) in order.iter().enumerate().rev() {
                smallest = smallest.min(raw(place));
                adjusted[*index] = smallest;
            }
        }
    }
    Ok(adjusted)
}

/// The direction in which a procedure walks the sorted p-values.
enum Passes {
    /// From the smallest: a later one is at least an earlier one.
    Up,
    /// From the largest: an earlier one is at most a later one.
    Down,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StatsError;

    const P: [f64; 8] = [0.01, 0.04, 0.03, 0.005, 0.55, 0.04, 1.0, 0.0];

    #[track_caller]
    fn check(correction: Correction, want: [f64; 8]) {
        let got = adjust(&P, correction).unwrap();
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() < 1e-14, "{correction:?}: {got} {want}");
        }
    }

    /// statsmodels 0.15, `multipletests(p, method=...)[1]`.
    #[test]
    fn agrees_with_statsmodels() {
        check(Correction::Bonferroni, BONFERRONI);
        check(Correction::Holm, HOLM);
        check(Correction::Hochberg, HOCHBERG);
        check(Correction::BenjaminiHochberg, BH);
        check(Correction::BenjaminiYekutieli, BY);
    }

    #[test]
    fn bad_input_is_refused() {
        assert_eq!(adjust(&[], Correction::Holm), Ok(Vec::new()));
        let nan = adjust(&[0.1, f64::NAN], Correction::Holm);
        assert_eq!(nan, Err(StatsError::NotFinite { index: 1 }));
        assert!(adjust(&[1.1], Correction::BenjaminiHochberg).is_err());
        assert!(adjust(&[-0.1], Correction::Bonferroni).is_err());
        for correction in [Correction::Holm, Correction::BenjaminiYekutieli] {
            assert_eq!(adjust(&[1.0; 4], correction), Ok(vec![1.0; 4]));
        }
    }

    const BONFERRONI: [f64; 8] = [0.08, 0.32, 0.24, 0.04, 1.0, 0.32, 1.0, 0.0];

    const HOLM: [f64; 8] = [0.06, 0.16, 0.15, 0.035, 1.0, 0.16, 1.0, 0.0];

    const HOCHBERG: [f64; 8] = [0.06, 0.12, 0.12, 0.035, 1.0, 0.12, 1.0, 0.0];

    const BH: [f64; 8] = [
        0.026_666_666_666_667,
        0.053_333_333_333_333,
        0.053_333_333_333_333,
        0.02,
        0.628_571_428_571_429,
        0.053_333_333_333_333,
        1.0,
        0.0,
    ];

    const BY: [f64; 8] = [
        0.072_476_190_476_19,
        0.144_952_380_952_381,
        0.144_952_380_952_381,
        0.054_357_142_857_143,
        1.0,
        0.144_952_380_952_381,
        1.0,
        0.0,
    ];
}
