//! What must hold for any stream: windows forget, sketches merge in any order.

use proptest::prelude::*;
use tacho_stats::moments::Moments;
use tacho_stats::moving::{
    Average, ExponentialAverage, Extremes, SlidingQuantile, SlidingWindow, WeightedAverage,
};
use tacho_stats::quantile::{QuantileType, quantile};
use tacho_stats::sketch::QuantileSketch;

/// Any number that a stream may bring, sane or not.
fn anything() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::MAX),
        Just(-f64::MAX),
        Just(5e-324),
        Just(0.0),
        -1.0..1.0f64,
    ]
}

proptest! {
    #[test]
    fn sketches_merge_in_any_order(
        parts in proptest::collection::vec(proptest::collection::vec(-1e12..1e12f64, 0..40), 1..6),
        turn in 0usize..6,
        p in 0.0..=1.0f64,
    ) {
        let sketch = |values: &[f64]| {
            let mut sketch = QuantileSketch::new(0.02).unwrap();
            for value in values {
                sketch.add(value.powi(3)).unwrap();
            }
            sketch
        };
        let whole = sketch(&parts.concat());
        let mut order: Vec<&Vec<f64>> = parts.iter().collect();
        let turned = turn % order.len();
        order.rotate_left(turned);
        let mut merged = sketch(&[]);
        for part in order {
            merged.merge(&sketch(part)).unwrap();
        }
        prop_assert_eq!(merged.count(), whole.count());
        prop_assert_eq!(merged.range(), whole.range());
        prop_assert_eq!(merged.quantile(p), whole.quantile(p));
        let scale: f64 = parts.concat().iter().map(|v| v.powi(3).abs()).sum();
        prop_assert!((merged.sum() - whole.sum()).abs() <= 1e-13 * scale);
    }

    /// Collapsing must not hang on when the large values come.
    #[test]
    fn collapsed_sketches_merge_in_any_order(
        mut values in proptest::collection::vec((-300i32..300).prop_map(|e| 10f64.powi(e)), 1..60),
        cut in 0usize..60,
    ) {
        let sketch = |values: &[f64]| {
            let mut sketch = QuantileSketch::new(0.01).unwrap();
            for value in values {
                sketch.add(*value).unwrap();
            }
            sketch
        };
        let (head, tail) = values.split_at(cut.min(values.len()));
        let mut merged = sketch(tail);
        merged.merge(&sketch(head)).unwrap();
        values.sort_unstable_by(f64::total_cmp);
        let ascending = sketch(&values);
        for k in 0..=20 {
            let p = f64::from(k) / 20.0;
            prop_assert_eq!(merged.quantile(p), ascending.quantile(p));
        }
    }

    #[test]
    fn sliding_quantiles_are_those_of_their_slices(
        x in proptest::collection::vec(prop_oneof![-1e3..1e3f64, (-3i8..3).prop_map(f64::from)], 1..80),
        length in 1usize..20,
        p in 0.0..=1.0f64,
    ) {
        let mut window = SlidingQuantile::new(length, p).unwrap();
        for t in 0..x.len() {
            let got = window.push(x[t]).unwrap();
            let slice = &x[(t + 1).saturating_sub(length)..=t];
            let want = quantile(slice, p, QuantileType::Linear7).unwrap();
            prop_assert!((got - want).abs() <= 1e-9 * (1.0 + want.abs()), "{got} {want}");
        }
    }

    #[test]
    fn no_stream_makes_a_window_panic_or_lie(
        x in proptest::collection::vec(anything(), 0..60),
        length in 1usize..9,
    ) {
        let mut average = SlidingWindow::<Average>::new(length).unwrap();
        let mut weighted = SlidingWindow::<WeightedAverage>::new(length).unwrap();
        let mut extremes = SlidingWindow::<Extremes>::new(length).unwrap();
        let mut moments = SlidingWindow::<Moments>::new(length).unwrap();
        let mut median = SlidingQuantile::new(length, 0.5).unwrap();
        let mut fading = ExponentialAverage::with_half_life(3.0).unwrap();
        let mut sketch = QuantileSketch::new(0.01).unwrap();
        for value in x {
            let good = value.is_finite();
            prop_assert_eq!(average.push(value).is_ok(), good);
            prop_assert_eq!(weighted.push(value).is_ok(), good);
            prop_assert_eq!(extremes.push(value).is_ok(), good);
            prop_assert_eq!(moments.push(value).is_ok(), good);
            prop_assert_eq!(median.push(value).is_ok(), good);
            prop_assert_eq!(fading.push(value, 1.0).is_ok(), good);
            prop_assert_eq!(sketch.add(value).is_ok(), good);
            if let Some(range) = extremes.summary() {
                let inside = |v: f64| (range.min..=range.max).contains(&v);
                prop_assert!(inside(average.summary().unwrap().mean()));
                prop_assert!(inside(weighted.summary().unwrap().mean()));
                prop_assert!(inside(median.quantile().unwrap()));
                prop_assert!(fading.mean().unwrap().is_finite());
                let _ = moments.summary().unwrap().variance();
                prop_assert!(sketch.quantile(0.5).is_ok_and(f64::is_finite) || sketch.count() > 0);
            }
        }
    }
}
