use proptest::prelude::*;

use super::*;

fn exponential(schema: i8, zero: (f64, f64), positive: &[(i32, f64)]) -> FloatHistogram {
    of(schema, zero, positive, &[])
}

fn of(
    schema: i8,
    (zero_threshold, zero_count): (f64, f64),
    positive: &[(i32, f64)],
    negative: &[(i32, f64)],
) -> FloatHistogram {
    let side = |side: &[(i32, f64)]| -> Vec<Bucket> {
        let bucket = |&(index, count)| Bucket { index, count };
        side.iter().map(bucket).collect()
    };
    let both = positive.iter().chain(negative);
    let parts = HistogramParts {
        temporality: Temporality::Cumulative,
        schema,
        zero_threshold,
        zero_count,
        count: zero_count + both.map(|b| b.1).sum::<f64>(),
        sum: 0.0,
        positive: side(positive),
        negative: side(negative),
    };
    FloatHistogram::from_parts(parts, None).unwrap()
}

fn custom(bounds: &[f64], buckets: &[(i32, f64)]) -> FloatHistogram {
    let parts = HistogramParts {
        temporality: Temporality::Cumulative,
        schema: CUSTOM_SCHEMA,
        zero_threshold: 0.0,
        zero_count: 0.0,
        count: buckets.iter().map(|b| b.1).sum(),
        sum: 0.0,
        positive: buckets
            .iter()
            .map(|&(index, count)| Bucket { index, count })
            .collect(),
        negative: Vec::new(),
    };
    FloatHistogram::from_parts(parts, Some(bounds.into())).unwrap()
}

fn text(histogram: &FloatHistogram) -> String {
    histogram.to_string()
}

fn near(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

fn check_near(got: f64, expected: f64, what: &str) {
    assert!(near(got, expected), "{what}: {got} rather than {expected}");
}

#[test]
fn the_text_has_every_populated_bucket() {
    let histogram = of(0, (0.25, 2.0), &[(1, 3.0), (3, 0.5)], &[(0, 1.0)]);
    let expected = "{count:6.5, sum:0, [-1,-0.5):1, [-0.25,0.25]:2, (1,2]:3, (4,8]:0.5}";
    assert_eq!(text(&histogram), expected);
    let histogram = custom(&[0.0, 5.0], &[(0, 1.0), (1, 2.0), (2, 1e-7)]);
    let expected = "{count:3.0000001, sum:0, [-Inf,0]:1, (0,5]:2, (5,+Inf]:1e-07}";
    assert_eq!(text(&histogram), expected);
    let numbers = [
        1e20,
        1e21,
        123_456.0,
        1e-4,
        1e-5,
        -0.0,
        f64::NAN,
        f64::NEG_INFINITY,
    ];
    let shown: Vec<String> = numbers.map(|n| Float(n).to_string()).into();
    let expected = [
        "100000000000000000000",
        "1e+21",
        "123456",
        "0.0001",
        "1e-05",
        "-0",
        "NaN",
        "-Inf",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn the_outermost_buckets_end_at_the_largest_number_and_at_infinity() {
    let histogram = exponential(0, (0.0, 0.0), &[(1024, 1.0), (1025, 1.0)]);
    let rows: Vec<_> = histogram.rows().map(|row| (row.1, row.2)).collect();
    let low = 1023.0_f64.exp2();
    assert_eq!(rows, [(low, f64::MAX), (f64::MAX, f64::INFINITY)]);
}

#[test]
fn adding_takes_the_coarser_schema_and_the_wider_zero_bucket() {
    let mut sum = exponential(1, (0.001, 1.0), &[(1, 1.0), (2, 2.0), (3, 4.0)]);
    let notes = sum.add(&exponential(0, (1.0, 2.0), &[(2, 8.0)])).unwrap();
    assert_eq!(notes, Notes::default());
    // Buckets 1 and 2 of schema 1 are (1, 2], bucket 3 is a part of (2, 4].
    assert_eq!(text(&sum), "{count:18, sum:0, [-1,1]:3, (1,2]:3, (2,4]:12}");
    assert_eq!((sum.schema(), sum.zero_threshold()), (0, 1.0));
}

#[test]
fn a_zero_bucket_takes_populated_buckets_as_a_whole() {
    // The threshold 3 is inside (2, 4], so that it becomes 4, which is inside (2, 16] of nobody.
    let mut sum = of(0, (3.0, 1.0), &[(5, 1.0)], &[]);
    sum.add(&of(0, (0.5, 2.0), &[(1, 4.0), (2, 8.0)], &[(1, 16.0)]))
        .unwrap();
    assert_eq!(text(&sum), "{count:32, sum:0, [-4,4]:31, (16,32]:1}");
    // Unpopulated buckets do not matter.
    let mut sum = of(0, (3.0, 1.0), &[], &[]);
    sum.add(&of(0, (0.5, 2.0), &[(4, 8.0)], &[])).unwrap();
    assert_eq!(text(&sum), "{count:11, sum:0, [-3,3]:3, (8,16]:8}");
}

#[test]
fn custom_bounds_are_reconciled_to_those_that_both_have() {
    let mut sum = custom(&[1.0, 2.0, 5.0], &[(0, 1.0), (1, 2.0), (2, 4.0), (3, 8.0)]);
    let notes = sum
        .add(&custom(&[2.0, 5.0, 9.0], &[(0, 1.0), (2, 2.0), (3, 4.0)]))
        .unwrap();
    assert!(notes.bounds_reconciled);
    assert_eq!(
        text(&sum),
        "{count:22, sum:0, [-Inf,2]:4, (2,5]:4, (5,+Inf]:14}"
    );
    assert_eq!(sum.add(&FloatHistogram::empty(0)), Err(Incompatible));
    let mut other = FloatHistogram::empty(0);
    assert_eq!(other.sub(&sum), Err(Incompatible));
}

#[test]
fn what_is_known_of_resets_goes_through_arithmetic() {
    use CounterResetHint::{Gauge, NotReset, Reset, Unknown};
    let check = |a, b, expected, collides| {
        let mut sum = FloatHistogram::empty(0).hinted(a);
        let other = FloatHistogram::empty(0).hinted(b);
        let notes = sum.add(&other).unwrap();
        assert_eq!(
            (sum.hint, notes.counter_reset_collision),
            (expected, collides)
        );
        let mut difference = FloatHistogram::empty(0).hinted(a);
        let notes = difference.sub(&other).unwrap();
        assert_eq!(
            (difference.hint, notes.counter_reset_collision),
            (Gauge, collides)
        );
    };
    check(Unknown, Unknown, Unknown, false);
    check(NotReset, NotReset, NotReset, false);
    check(Reset, NotReset, Unknown, true);
    check(NotReset, Reset, Unknown, true);
    check(Unknown, Reset, Unknown, false);
    check(Gauge, Reset, Gauge, false);
    check(NotReset, Gauge, Gauge, false);
    let mut histogram = FloatHistogram::empty(0).hinted(NotReset);
    histogram.mul(2.0);
    histogram.div(4.0);
    assert_eq!(histogram.hint, NotReset);
    histogram.mul(-1.0);
    assert_eq!(histogram.hint, Gauge);
}

#[test]
fn division_by_zero_leaves_no_buckets() {
    let mut histogram = of(0, (0.5, -2.0), &[(1, 3.0)], &[(1, 1.0)]);
    histogram.sum = 0.0;
    histogram.div(0.0);
    assert_eq!(text(&histogram), "{count:+Inf, sum:NaN, [-0.5,0.5]:-Inf}");
    let mut own = custom(&[1.0], &[(0, 1.0)]);
    own.div(0.0);
    assert_eq!(text(&own), "{count:+Inf, sum:NaN}");
}

#[test]
fn resets_are_seen_in_any_bucket_and_in_the_layout() {
    let before = of(1, (0.25, 1.0), &[(0, 2.0), (1, 3.0)], &[(0, 1.0)]);
    let check =
        |after: &FloatHistogram, expected| assert_eq!(after.has_lost(&before), expected, "{after}");
    check(&before, false);
    check(
        &of(1, (0.25, 1.0), &[(0, 2.0), (1, 4.0)], &[(0, 1.0)]),
        false,
    );
    // More in all, less in one: a bucket, one that is gone, the zero bucket, the other sign.
    check(
        &of(1, (0.25, 1.0), &[(0, 1.0), (1, 9.0)], &[(0, 1.0)]),
        true,
    );
    check(&of(1, (0.25, 1.0), &[(1, 9.0)], &[(0, 1.0)]), true);
    check(
        &of(1, (0.25, 0.0), &[(0, 2.0), (1, 9.0)], &[(0, 1.0)]),
        true,
    );
    check(&of(1, (0.25, 1.0), &[(0, 9.0), (1, 9.0)], &[]), true);
    // Coarser is no reset, finer is one; so for the zero bucket, unless it cuts a bucket.
    check(
        &of(0, (0.25, 1.0), &[(0, 2.0), (1, 3.0)], &[(0, 1.0)]),
        false,
    );
    check(
        &of(2, (0.25, 1.0), &[(0, 2.0), (1, 3.0)], &[(0, 1.0)]),
        true,
    );
    check(&of(1, (1.0, 4.0), &[(1, 3.0)], &[]), false);
    check(&of(1, (0.9, 4.0), &[(0, 2.0), (1, 3.0)], &[(0, 9.0)]), true);
    check(
        &of(1, (0.125, 1.0), &[(0, 2.0), (1, 3.0)], &[(0, 1.0)]),
        true,
    );
    check(&custom(&[1.0], &[(0, 99.0)]), true);
    let bounds = custom(&[1.0, 5.0], &[(0, 2.0), (1, 3.0)]);
    assert!(!custom(&[1.0, 9.0], &[(0, 2.0), (1, 3.0)]).has_lost(&bounds));
    assert!(custom(&[1.0, 9.0], &[(0, 1.0), (1, 7.0)]).has_lost(&bounds));
}

#[test]
fn hints_come_before_counting() {
    let (few, many) = (
        exponential(0, (0.0, 1.0), &[]),
        exponential(0, (0.0, 9.0), &[]),
    );
    assert!(
        many.clone()
            .hinted(CounterResetHint::Reset)
            .detect_reset(&few)
    );
    assert!(
        !few.clone()
            .hinted(CounterResetHint::NotReset)
            .detect_reset(&many)
    );
    assert!(many.detect_reset(&few.clone().hinted(CounterResetHint::Gauge)));
    assert!(few.detect_reset(&many));
}

#[test]
fn quantiles_are_interpolated_as_the_bucket_says() {
    let check = |histogram: &FloatHistogram, q, expected| {
        check_near(
            histogram.quantile(q).value,
            expected,
            &format!("{q} of {histogram}"),
        );
    };
    let one = exponential(0, (0.0, 0.0), &[(1, 2.0)]);
    check(&one, 0.5, 2f64.sqrt());
    check(&one, 0.0, 1.0);
    check(&one, 1.0, 2.0);
    check(&one, -0.1, f64::NEG_INFINITY);
    check(&one, 1.1, f64::INFINITY);
    check(&one, f64::NAN, f64::NAN);
    check(&FloatHistogram::empty(0), 0.5, f64::NAN);
    check(
        &of(0, (0.0, 0.0), &[], &[(1, 2.0)]),
        0.25,
        -(2f64.powf(0.75)),
    );
    check(&exponential(0, (0.5, 4.0), &[]), 0.25, -0.25);
    check(&exponential(0, (0.5, 4.0), &[(1, 1.0)]), 0.2, 0.125);
    check(&of(0, (0.5, 4.0), &[], &[(1, 1.0)]), 0.4, -0.375);
    let own = custom(&[1.0, 5.0], &[(0, 2.0), (1, 4.0), (2, 4.0)]);
    check(&own, 0.1, 0.5);
    check(&own, 0.4, 3.0);
    check(&own, 0.9, 5.0);
    check(&custom(&[-1.0, 5.0], &[(0, 2.0)]), 0.5, -1.0);
}

#[test]
fn a_zero_bucket_that_reaches_into_another_cuts_it() {
    let histogram = of(0, (1.5, 2.0), &[(1, 4.0)], &[(2, 1.0), (1, 2.0)]);
    let expected = "{count:9, sum:0, [-4,-2):1, [-2,-1.5):2, [-1.5,1.5]:2, (1.5,2]:4}";
    assert_eq!(text(&histogram), expected);
}

#[test]
fn nan_observations_count_as_the_largest() {
    let mut histogram = exponential(0, (0.0, 0.0), &[(1, 2.0)]);
    (histogram.count, histogram.sum) = (4.0, f64::NAN);
    let skewed = histogram.quantile(0.25);
    assert_eq!(skewed.nan, Some(NanEffect::Skewed));
    check_near(skewed.value, 2f64.sqrt(), "a quarter of half");
    let beyond = histogram.quantile(0.75);
    assert_eq!(beyond.nan, Some(NanEffect::Beyond));
    assert!(beyond.value.is_nan());
    let mut nothing_else = FloatHistogram::empty(0);
    (nothing_else.count, nothing_else.sum) = (3.0, f64::NAN);
    assert_eq!(nothing_else.quantile(0.5).nan, Some(NanEffect::Beyond));
    let all = histogram.fraction(f64::NEG_INFINITY, f64::INFINITY);
    assert_eq!((all.value, all.has_nan), (0.5, true));
}

#[test]
fn fractions_undo_quantiles() {
    let check = |histogram: &FloatHistogram, lower, upper, expected| {
        let what = format!("{lower} to {upper} of {histogram}");
        check_near(histogram.fraction(lower, upper).value, expected, &what);
    };
    let inf = f64::INFINITY;
    let histogram = of(0, (0.5, 2.0), &[(1, 4.0)], &[(1, 2.0)]);
    check(&histogram, -inf, inf, 1.0);
    check(&histogram, 0.0, inf, 5.0 / 8.0);
    check(&histogram, -inf, -(2f64.sqrt()), 1.0 / 8.0);
    check(&histogram, 1.0, 2f64.sqrt(), 2.0 / 8.0);
    check(&histogram, 2.0, 1.0, 0.0);
    check(&histogram, f64::NAN, 1.0, f64::NAN);
    check(&FloatHistogram::empty(0), 0.0, 1.0, f64::NAN);
    let own = custom(&[1.0, 5.0], &[(0, 2.0), (1, 4.0), (2, 4.0)]);
    check(&own, -inf, 0.5, 0.1);
    check(&own, 2.0, 3.0, 0.1);
    check(&own, 7.0, inf, 0.4);
    check(&custom(&[-1.0], &[(0, 2.0)]), -inf, -3.0, 0.0);
}

#[test]
fn deviations_take_the_geometric_middle_of_exponential_buckets() {
    let mut histogram = of(0, (0.5, 1.0), &[(1, 2.0)], &[(1, 1.0)]);
    histogram.sum = 2f64.sqrt();
    // Values 0, √2, √2 and -√2 around the mean √2/4.
    let mean = 2f64.sqrt() / 4.0;
    let off = |value: f64| (value - mean) * (value - mean);
    let root = 2f64.sqrt();
    let expected = (off(0.0) + 2.0 * off(root) + off(-root)) / 4.0;
    check_near(histogram.stdvar(), expected, "variance");
    check_near(histogram.stddev(), expected.sqrt(), "deviation");
    check_near(histogram.avg(), mean, "mean");
    let mut own = custom(&[1.0, 3.0, 7.0], &[(1, 1.0), (2, 1.0)]);
    own.sum = 7.0;
    check_near(own.stdvar(), 2.25, "variance of custom buckets");
}

#[test]
fn trimming_cuts_a_bucket_where_the_value_falls() {
    let mut histogram = exponential(0, (0.5, 2.0), &[(1, 4.0), (2, 8.0)]);
    histogram.sum = 40.0;
    let mut below = histogram.clone();
    below.trim_above(8f64.sqrt());
    // Half of (2, 4] is left, and the sum is that of middles: 0.25, √2 and 2^1.25.
    let sum = 2.0 * 0.25 + 4.0 * 2f64.sqrt() + 4.0 * 2f64.powf(1.25);
    check_near(below.count, 10.0, "count");
    check_near(below.sum, sum, "sum");
    let mut above = histogram.clone();
    above.trim_below(8f64.sqrt());
    check_near(above.count, 4.0, "count above");
    let mut all = histogram.clone();
    all.trim_above(4.0);
    assert_eq!(all, histogram);
    all.trim_below(f64::INFINITY);
    assert_eq!(text(&all), "{count:0, sum:0}");
    let mut own = custom(&[4.0, 8.0], &[(0, 4.0), (1, 2.0), (2, 1.0)]);
    own.trim_above(2.0);
    assert_eq!(text(&own), "{count:2, sum:2, [-Inf,4]:2}");
    let mut own = custom(&[4.0, 8.0], &[(0, 4.0), (1, 2.0), (2, 1.0)]);
    own.trim_below(6.0);
    assert_eq!(text(&own), "{count:2, sum:15, (4,8]:1, (8,+Inf]:1}");
}

#[test]
fn a_running_sum_loses_no_small_histogram_among_large_ones() {
    let sized = |count| exponential(0, (0.0, 0.0), &[(1, count)]);
    let mut running = Running::new(sized(1e100));
    for count in [1.0, -1e100, 2.0] {
        running.add(&sized(count)).unwrap();
    }
    assert_eq!(text(&running.finish()), "{count:3, sum:0, (1,2]:3}");
}

#[test]
fn hostile_layouts_are_refused_or_harmless() {
    let bucket = |index| Bucket { index, count: 1.0 };
    let parts = |schema, positive: Vec<Bucket>| HistogramParts {
        temporality: Temporality::Delta,
        schema,
        zero_threshold: 0.0,
        zero_count: 0.0,
        count: f64::NAN,
        sum: f64::NEG_INFINITY,
        positive,
        negative: Vec::new(),
    };
    let made = |schema, positive| FloatHistogram::from_parts(parts(schema, positive), None);
    assert!(made(9, Vec::new()).is_err());
    assert!(made(CUSTOM_SCHEMA, Vec::new()).is_err());
    assert!(made(0, vec![bucket(1), bucket(1)]).is_err());
    let mut odd = made(8, vec![bucket(i32::MAX), bucket(i32::MIN)]).unwrap();
    odd.add(&made(-4, vec![bucket(i32::MIN), bucket(i32::MAX)]).unwrap())
        .unwrap();
    let wide = of(0, (f64::MAX, 1.0), &[], &[]);
    odd.sub(&wide).unwrap();
    let _ = (
        odd.quantile(0.3),
        odd.fraction(0.0, 1.0),
        odd.stdvar(),
        text(&odd),
    );
    odd.trim_above(0.0);
}

fn any_exponential() -> impl Strategy<Value = FloatHistogram> {
    let side = || prop::collection::btree_map(-30..30i32, 0u16..50, 0..12);
    (-4i8..=8, 0..3usize, 0u16..9, side(), side()).prop_map(|(schema, zero, count, up, down)| {
        let threshold = [0.0, 0.001, 0.7][zero];
        let list = |side: std::collections::BTreeMap<i32, u16>| -> Vec<(i32, f64)> {
            side.into_iter().map(|(i, c)| (i, f64::from(c))).collect()
        };
        of(
            schema,
            (threshold, f64::from(count)),
            &list(up),
            &list(down),
        )
    })
}

fn any_custom() -> impl Strategy<Value = FloatHistogram> {
    let bounds = prop::collection::btree_set(-5..15i32, 0..8);
    (bounds, prop::collection::vec(0u16..50, 9)).prop_map(|(bounds, counts)| {
        let bounds: Vec<f64> = bounds.into_iter().map(f64::from).collect();
        let used = counts.iter().take(bounds.len() + 1).enumerate();
        let buckets: Vec<(i32, f64)> = used.map(|(i, c)| (i as i32, f64::from(*c))).collect();
        custom(&bounds, &buckets)
    })
}

fn any() -> impl Strategy<Value = FloatHistogram> {
    prop_oneof![any_exponential(), any_custom()]
}

fn held(histogram: &FloatHistogram) -> f64 {
    histogram.ranges().map(|range| range.count).sum()
}

proptest! {
    #[test]
    fn adding_is_symmetric_and_loses_nothing(a in any(), b in any()) {
        let (mut ab, mut ba) = (a.clone(), b.clone());
        let (first, second) = (ab.add(&b), ba.add(&a));
        prop_assert_eq!(first.is_err(), is_custom(a.schema) != is_custom(b.schema));
        prop_assert_eq!(first, second);
        if first.is_ok() {
            prop_assert!(ab.equals(&ba), "{} and {}", ab, ba);
            prop_assert_eq!(held(&ab), held(&a) + held(&b));
            // A counter that has grown by something was not reset.
            let mut coarse = a.clone();
            let _ = coarse.reconcile(&ab, &mut Notes::default());
            prop_assert!(!ab.has_lost(&coarse));
        }
    }

    #[test]
    fn subtracting_what_was_added_gives_it_back(a in any_exponential(), b in any_exponential()) {
        let mut sum = a.clone();
        sum.add(&b).unwrap();
        let layout = sum.clone();
        sum.sub(&b).unwrap();
        let mut expected = a.clone();
        let mut widened = layout.clone();
        widened.mul(0.0);
        expected.add(&widened).unwrap();
        prop_assert!(sum.equals(&expected), "{} and {}", sum, expected);
    }

    #[test]
    fn quantiles_ascend_and_fractions_undo_them(histogram in any(), q in 0.0..1.0f64) {
        let ranges: Vec<Range> = histogram.ranges().collect();
        let is_sound = ranges.windows(2).all(|pair| pair[0].high <= pair[1].low);
        prop_assume!(histogram.count > 0.0 && is_sound);
        let value = histogram.quantile(q).value;
        prop_assert!(histogram.quantile((q + 0.01).min(1.0)).value >= value - 1e-12);
        let below = histogram.fraction(f64::NEG_INFINITY, value).value;
        // Inside a bucket without an end, and at the edge of an empty one, they need not agree.
        let inside = histogram.ranges().any(|r| {
            r.low < value && value < r.high && r.low.is_finite() && r.high.is_finite()
        });
        if inside {
            prop_assert!((below - q).abs() < 1e-9, "{} of {}: {} lies above {}", q, histogram, value, below);
        }
    }

    #[test]
    fn trimming_splits_a_histogram_in_two(histogram in any(), limit in -20.0..20.0f64) {
        let (mut below, mut above) = (histogram.clone(), histogram.clone());
        below.trim_above(limit);
        above.trim_below(limit);
        let is_boundless = histogram.ranges().any(|r| r.low.is_infinite() && r.high.is_infinite());
        prop_assume!(!is_boundless);
        prop_assert!(near(below.count + above.count, histogram.count));
        prop_assert!(near(held(&below), below.count));
    }

    #[test]
    fn the_model_gets_it_back(histogram in any()) {
        let stored = histogram.to_model().unwrap();
        prop_assert!(FloatHistogram::from(&stored).equals(&histogram));
    }
}
