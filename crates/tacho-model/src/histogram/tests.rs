use super::*;
use proptest::prelude::*;

fn of(values: &[f64]) -> Histogram {
    let mut histogram = Histogram::new();
    for value in values {
        histogram.observe(*value);
    }
    histogram
}

#[test]
fn powers_of_two_are_upper_bounds_of_their_bucket() {
    for schema in SCHEMA_RANGE {
        for exponent in [-30, -1, 0, 1, 7, 40] {
            let value = f64::from(exponent).exp2();
            let index = bucket_index(value, schema);
            assert!(
                value <= upper_bound(index, schema),
                "{value} schema {schema}"
            );
            assert!(
                value > upper_bound(index - 1, schema),
                "{value} schema {schema}"
            );
        }
    }
}

#[test]
fn hostile_values_are_counted_not_lost() {
    let histogram = of(&[
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
        f64::MIN_POSITIVE,
    ]);
    assert_eq!(histogram.count(), 6.0);
    assert!(histogram.sum().is_nan());
    assert_eq!(histogram.quantile(0.5), Some(0.0));
    assert_eq!(Histogram::new().quantile(0.5), None);
    assert_eq!(of(&[1.0]).quantile(1.5), None);
    assert_eq!(of(&[1.0]).quantile(f64::NAN), None);
}

#[test]
fn a_range_too_wide_costs_resolution_and_says_so() {
    let values: Vec<f64> = (-900..900).map(|e| (f64::from(e) / 20.0).exp2()).collect();
    let wide = of(&values);
    assert_eq!(wide.count(), 1800.0);
    assert!(wide.schema() < SCHEMA);
    assert!(wide.relative_error() > 0.006);
}

#[test]
fn parts_from_outside_are_checked() {
    let good = of(&[1.0, 2.0, -3.0, 0.0]).to_parts();
    assert_eq!(
        Histogram::from_parts(good.clone()).unwrap(),
        of(&[1.0, 2.0, -3.0, 0.0])
    );
    let broken = |change: fn(&mut HistogramParts)| {
        let mut parts = good.clone();
        change(&mut parts);
        Histogram::from_parts(parts).unwrap_err()
    };
    assert_eq!(broken(|p| p.schema = 9), HistogramError::Schema(9));
    assert_eq!(broken(|p| p.positive.reverse()), HistogramError::Order);
    assert_eq!(
        broken(|p| p.positive[0].count = f64::NAN),
        HistogramError::Count
    );
    assert_eq!(broken(|p| p.count = 1.0), HistogramError::Total);
}

proptest! {
    #[test]
    fn quantiles_stay_within_the_stated_error(
        mut values in prop::collection::vec(1e-6f64..1e4, 1..300),
        q in 0.0f64..=1.0,
    ) {
        let histogram = of(&values);
        values.sort_by(f64::total_cmp);
        let rank = (q * (values.len() - 1) as f64).floor() as usize;
        let exact = values[rank];
        let error = (histogram.quantile(q).unwrap() - exact).abs() / exact;
        prop_assert!(error <= histogram.relative_error() * (1.0 + 1e-9), "{error}");
        prop_assert!(histogram.relative_error() < 0.006);
    }

    #[test]
    fn merging_is_commutative_and_loses_nothing(
        a in prop::collection::vec(-1e4f64..1e4, 0..200),
        b in prop::collection::vec(-1e4f64..1e4, 0..200),
    ) {
        let (mut ab, mut ba) = (of(&a), of(&b));
        ab.merge(&of(&b));
        ba.merge(&of(&a));
        let all: Vec<f64> = a.iter().chain(&b).copied().collect();
        let whole = of(&all);
        prop_assert_eq!(&ab.positive, &ba.positive);
        prop_assert_eq!(&ab.negative, &whole.negative);
        prop_assert_eq!(ab.count(), whole.count());
        prop_assert_eq!(ab.schema(), whole.schema());
    }

    #[test]
    fn merging_across_schemas_equals_reducing_first(
        a in prop::collection::vec(1e-3f64..1e3, 1..100),
        b in prop::collection::vec(1e-3f64..1e3, 1..100),
        schema in -4i8..6,
    ) {
        let (mut fine, mut coarse) = (of(&a), of(&b));
        coarse.reduce_to(schema);
        fine.merge(&coarse);
        let mut all = of(&a.iter().chain(&b).copied().collect::<Vec<_>>());
        all.reduce_to(schema);
        prop_assert_eq!(fine.positive, all.positive);
    }
}

#[test]
fn buckets_at_the_limits_of_their_index_are_listed_and_merged() {
    let bucket = |index| Bucket { index, count: 1.0 };
    let parts = HistogramParts {
        schema: 8,
        zero_threshold: 0.0,
        zero_count: 0.0,
        count: 2.0,
        sum: 0.0,
        positive: vec![bucket(i32::MIN), bucket(i32::MAX)],
        negative: Vec::new(),
        ..Histogram::new().to_parts()
    };
    let mut extreme = Histogram::from_parts(parts).unwrap();
    let listed: Vec<_> = extreme.buckets().collect();
    assert_eq!(
        listed,
        [(0.0, 0.0, 1.0), (f64::INFINITY, f64::INFINITY, 1.0)]
    );
    for schema in (-4..8).rev() {
        extreme.reduce_to(schema);
        assert_eq!((extreme.buckets().count(), extreme.count()), (2, 2.0));
    }
    assert!(extreme.quantile(0.0).is_some());
}

proptest! {
    #[test]
    fn what_was_merged_in_is_what_is_there_beyond_the_earlier(
        a in prop::collection::vec(-1e6f64..1e6, 0..50),
        b in prop::collection::vec(-1e6f64..1e6, 0..50),
        coarser in 0i8..4,
    ) {
        let (mut earlier, added) = (of(&a), of(&b));
        earlier.reduce_to(SCHEMA - coarser);
        let mut later = earlier.clone();
        later.merge(&added);
        let mut expected = added.clone();
        expected.reduce_to(SCHEMA - coarser);
        let since = later.since(&earlier).unwrap();
        prop_assert!((since.sum() - expected.sum()).abs() < 1e-3);
        prop_assert_eq!(since.count(), expected.count());
        prop_assert!(since.buckets().eq(expected.buckets()));
        // The other way round it is a reset, unless nothing was added.
        prop_assert_eq!(earlier.since(&later).is_none(), !b.is_empty());
    }
}

#[test]
fn a_histogram_that_shrank_anywhere_was_reset() {
    let reset = |earlier: &[f64], later: &[f64]| of(later).since(&of(earlier)).is_none();
    assert!(reset(&[1.0, 2.0], &[1.0]));
    assert!(
        reset(&[1.0], &[2.0, 3.0]),
        "more in all, less in one bucket"
    );
    assert!(reset(&[5.0], &[2.0, 3.0]), "a bucket beyond the last");
    assert!(reset(&[0.0], &[2.0, 3.0]));
    assert!(!reset(&[2.0], &[2.0, 3.0]));
}
