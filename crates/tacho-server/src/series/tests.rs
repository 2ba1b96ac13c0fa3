use tacho_model::{Appender, Batch, Metadata};
use tacho_store::{Store, StoreOptions};

use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_795_269_600 + secs)
}

/// Two modes of a counter on two CPUs, one sample a second for a minute, and a gauge that ends.
fn store(dir: &tempfile::TempDir) -> Store {
    let clock = || at(100);
    let store = Store::open(
        dir.path(),
        StoreOptions {
            clock,
            ..StoreOptions::default()
        },
    )
    .unwrap();
    let mut batch = Batch::new();
    let unit = Unit::SECONDS;
    batch.describe(
        "busy",
        Metadata {
            kind: Kind::Counter,
            unit,
            help: String::new(),
        },
    );
    for (cpu, mode, rate) in [("0", "user", 1.0), ("1", "user", 2.0), ("0", "idle", 4.0)] {
        let labels = [("__name__", "busy"), ("cpu", cpu), ("mode", mode)];
        let series = batch.series(labels).unwrap();
        (0..=60).for_each(|i| batch.push(series, at(i), rate * i as f64));
    }
    store.append(&batch).unwrap();
    store
}

fn query(texts: &[&str]) -> SeriesQuery {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    SeriesQuery::new(
        selectors(&texts, &[]).unwrap(),
        TimeRange::new(at(0), at(60)),
    )
}

#[test]
fn a2_selectors_share_one_grouping() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    let total = |texts: &[&str]| {
        let mut query = query(texts);
        query.by = Some(Vec::new());
        let page = read(&store, &query).unwrap();
        assert_eq!(page.series.len(), 1);
        page.series[0].points[0].1
    };
    assert_eq!(
        total(&[r#"busy{mode="user"}"#, r#"busy{mode="idle"}"#]),
        7.0
    );
    // What two selectors match is meant once.
    assert_eq!(total(&["busy", r#"busy{mode="idle"}"#]), 7.0);
}

#[test]
fn a2_pages_follow_each_other_without_gap_or_repetition() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    let mut query = query(&["busy"]);
    query.limit = 2;
    let first = read(&store, &query).unwrap();
    query.offset = first.next.unwrap();
    let second = read(&store, &query).unwrap();
    assert_eq!(
        (first.series.len(), second.series.len(), second.next),
        (2, 1, None)
    );
    let labels = first
        .series
        .iter()
        .chain(&second.series)
        .map(|series| series.labels.clone());
    let labels: Vec<Labels> = labels.collect();
    assert!(
        labels.windows(2).all(|pair| pair[0] < pair[1]),
        "{labels:?}"
    );
}

#[test]
fn a2_rates_are_stated_in_their_own_unit() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    let mut query = query(&[r#"busy{cpu="1"}"#]);
    query.step = Some(Duration::from_secs(15));
    let page = read(&store, &query).unwrap();
    assert_eq!(page.series[0].unit, Unit::RATIO);
    assert!(
        page.series[0]
            .points
            .iter()
            .all(|(_, rate)| (*rate - 2.0).abs() < 1e-9)
    );
}

#[test]
fn questions_without_an_answer_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    let refused = |change: fn(&mut SeriesQuery)| {
        let mut query = query(&["busy"]);
        change(&mut query);
        read(&store, &query).unwrap_err()
    };
    assert!(matches!(
        refused(|q| q.range = TimeRange::new(at(9), at(1))),
        SeriesError::EmptyRange
    ));
    let zero = refused(|q| q.step = Some(Duration::ZERO));
    assert!(matches!(zero, SeriesError::NoStep));
    let fine = refused(|q| q.step = Some(Duration::from_millis(1)));
    assert!(matches!(fine, SeriesError::Step { .. }));
    assert!(matches!(
        selectors(&[], &[]),
        Err(SeriesError::NothingSelected)
    ));
}
