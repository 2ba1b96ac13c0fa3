use super::*;

const A: Origin<'_> = Origin::new(Protocol::Statsd, "a");
const B: Origin<'_> = Origin::new(Protocol::Statsd, "b");

fn quotas(series_max: usize) -> Quotas {
    Quotas::new(QuotaSettings {
        any: Quota {
            series_max: Some(series_max),
            samples_per_second_max: None,
        },
        sources: Vec::new(),
    })
    .unwrap()
}

/// Series of a metric, numbered.
fn batch(metric: &str, numbers: std::ops::Range<usize>) -> Batch {
    let mut batch = Batch::new();
    for number in numbers {
        let labels = [("__name__", metric), ("n", &number.to_string())];
        let series = batch.series(labels).unwrap();
        batch.push(series, Timestamp::from_secs(1), 1.0);
    }
    batch
}

fn at(mins: u64) -> Timestamp {
    Timestamp::from_secs(1_000_000) + Duration::from_mins(mins)
}

/// How many series are refused.
fn refused(quotas: &Quotas, origin: Origin<'_>, batch: &Batch, now: Timestamp) -> usize {
    let over = quotas.over(origin, batch, now);
    over.map_or(0, |over| over.series.iter().filter(|over| **over).count())
}

#[test]
fn r1_a_source_has_its_limit_and_is_told_what_took_it() {
    let quotas = quotas(10);
    assert_eq!(refused(&quotas, A, &batch("few", 0..3), at(0)), 0);
    let over = quotas.over(A, &batch("many", 0..20), at(0)).unwrap();
    assert_eq!(over.series.iter().filter(|over| **over).count(), 13);
    let culprit = over.culprit.unwrap();
    assert_eq!((culprit.metric.as_str(), culprit.series), ("many", 7));
    // Known ones go on, and another source has a limit of its own.
    assert_eq!(refused(&quotas, A, &batch("few", 0..3), at(0)), 0);
    assert_eq!(refused(&quotas, A, &batch("few", 2..5), at(0)), 2);
    assert_eq!(refused(&quotas, B, &batch("many", 0..10), at(0)), 0);
    // What this host collects has none.
    let own = Origin::new(Protocol::Host, "host");
    assert_eq!(refused(&quotas, own, &batch("many", 0..100), at(0)), 0);
}

#[test]
fn r1_series_that_vanish_make_room() {
    let quotas = quotas(10);
    assert_eq!(refused(&quotas, A, &batch("old", 0..10), at(0)), 0);
    assert_eq!(refused(&quotas, A, &batch("new", 0..10), at(59)), 10);
    // One hour later all are still remembered; those that come again stay so.
    assert_eq!(refused(&quotas, A, &batch("old", 0..4), at(61)), 0);
    assert_eq!(refused(&quotas, A, &batch("new", 0..10), at(62)), 10);
    let over = quotas.over(A, &batch("new", 0..10), at(122)).unwrap();
    assert_eq!(over.series.iter().filter(|over| **over).count(), 4);
    assert_eq!(over.culprit.unwrap().metric, "new");
    // A clock that is set back begins a period, and does not end them for ever.
    assert_eq!(refused(&quotas, A, &batch("x", 0..10), at(0)), 6);
    assert_eq!(refused(&quotas, A, &batch("x", 0..10), at(61)), 0);
}

#[test]
fn what_is_no_label_set_costs_no_room() {
    let quotas = quotas(2);
    let mut junk = Batch::new();
    for byte in 0..100 {
        let series = junk.series_unchecked(&[byte, 1, 2]);
        junk.push(series, Timestamp::from_secs(1), 1.0);
    }
    let nameless = junk.series([("job", "a")]).unwrap();
    junk.push(nameless, Timestamp::from_secs(1), 1.0);
    assert_eq!(refused(&quotas, A, &junk, at(0)), 0);
    assert_eq!(refused(&quotas, A, &batch("m", 0..2), at(0)), 0);
}

#[test]
fn r1_a_source_gets_what_it_may_have_over_time() {
    let quotas = Quotas::new(QuotaSettings {
        any: Quota {
            series_max: None,
            samples_per_second_max: Some(100),
        },
        sources: vec![SourceQuota {
            protocol: None,
            source: "b".to_owned(),
            quota: Quota {
                series_max: Some(5),
                samples_per_second_max: Some(1000),
            },
        }],
    })
    .unwrap();
    let start = at(0);
    // Requests of 50 samples, a hundred a second for ten seconds.
    let taken = |origin| {
        let requests = (0..1000).map(|i| start + Duration::from_millis(i * 10));
        requests
            .filter(|now| quotas.take_samples(origin, 50, *now).is_ok())
            .count()
            * 50
    };
    let (a, b) = (taken(A), taken(B));
    assert!((1000..=1200).contains(&a), "{a}");
    assert!((10_000..=11_100).contains(&b), "{b}");
    // One request may be larger than a second's worth; the next waits the longer.
    let later = start + Duration::from_mins(1);
    assert!(quotas.take_samples(A, 500, later).is_ok());
    let after = |secs| {
        quotas
            .take_samples(A, 1, later + Duration::from_secs(secs))
            .is_ok()
    };
    assert!(!after(3) && after(5));
    assert_eq!(refused(&quotas, B, &batch("m", 0..7), at(0)), 2);
    assert_eq!(refused(&quotas, A, &batch("m", 0..7), at(0)), 0);
}

#[test]
fn nothing_is_remembered_where_no_limit_is_configured() {
    assert!(Quotas::new(QuotaSettings::default()).is_none());
}

#[test]
fn r1_a_series_costs_at_most_21_bytes() {
    let mut series = ActiveSeries::default();
    let mut worst: f64 = 0.0;
    for number in 0..200_000u64 {
        series.add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        if number > 1000 {
            worst = worst.max(series.0.allocation_size() as f64 / series.len() as f64);
        }
    }
    assert!(worst < 21.0, "{worst}");
}
