//! What was written is there: after reopening, after flushing, until it is too old.

use std::time::Duration;

use tacho_model::{
    Appender, Batch, Columns, Histogram, Kind, Matcher, Metadata, Querier, QueryError, Refusal,
    TimeRange, Timestamp, Unit,
};
use tacho_store::{Store, StoreOptions};

use crate::support::{at, one, options, put, read};

#[test]
fn k2_history_survives_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let options = || StoreOptions {
        future: Duration::from_hours(1),
        ..options()
    };
    let mut expected = Vec::new();
    for round in 0..4 {
        let store = Store::open(dir.path(), options()).unwrap();
        assert_eq!(read(&store, "node_load1"), expected);
        for i in 0..300 {
            let sample = (at(round * 300 + i), i as f64 / 4.0);
            put(&store, "node_load1", sample.0, sample.1);
            expected.push(sample);
        }
        if round == 2 {
            store.flush().unwrap();
            assert_eq!(store.stats().samples_in_memory, 0);
        }
        assert_eq!(read(&store, "node_load1"), expected);
        assert!(store.stats().quarantined.is_empty());
    }
    let store = Store::open_read_only(dir.path(), options()).unwrap();
    assert_eq!(read(&store, "node_load1"), expected);
}

#[test]
fn k2_retention_by_age() {
    let dir = tempfile::tempdir().unwrap();
    let hour = Duration::from_hours(1);
    let options = StoreOptions {
        retention: 2 * hour,
        block_duration: hour,
        merge_duration: hour / 2,
        future: 2 * hour,
        ..options()
    };
    let store = Store::open(dir.path(), options).unwrap();
    let blocks = || {
        std::fs::read_dir(dir.path().join("blocks"))
            .unwrap()
            .count()
    };
    put(&store, "old", at(0), 1.0);
    store.flush().unwrap();
    put(&store, "new", at(3600), 2.0);
    store.flush().unwrap();
    assert_eq!(blocks(), 2);
    let done = store.maintain(at(7200)).unwrap();
    assert_eq!((done.blocks_removed, blocks()), (0, 2));
    let done = store.maintain(at(7201)).unwrap();
    assert_eq!((done.blocks_removed, blocks()), (1, 1));
    assert_eq!(read(&store, "old"), []);
    assert_eq!(read(&store, "new").len(), 1);
    assert_eq!(store.stats().oldest, Some(at(3600)));
}

#[test]
fn a_selection_does_not_see_what_comes_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    put(&store, "m", at(0), 1.0);
    let selection = store
        .select(&[Matcher::metric("m")], TimeRange::ALL)
        .unwrap();
    put(&store, "m", at(1), 2.0);
    store.flush().unwrap();
    put(&store, "m", at(0), 3.0);
    let mut columns = Columns::new();
    selection.read(0, &mut columns).unwrap();
    assert_eq!(columns.values, [1.0]);
    assert_eq!(read(&store, "m"), [(at(0), 3.0), (at(1), 2.0)]);
}

#[test]
fn rows_are_refused_by_rule() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        series_max: 2,
        ..options()
    };
    let store = Store::open(dir.path(), options).unwrap();
    put(&store, "a", at(0), 1.0);
    let check = |name: &str, time, expected| {
        let outcome = store.append(&one(name, time, 1.0)).unwrap();
        let reasons: Vec<Refusal> = outcome.rejected.iter().map(|r| r.reason).collect();
        assert_eq!(reasons, [expected], "{name}");
    };
    check("a", at(0) - Duration::from_secs(3601), Refusal::TooOld);
    check("a", Timestamp::MIN, Refusal::TooOld);
    check("a", at(601), Refusal::TooNew);
    check("a", Timestamp::MAX, Refusal::TooNew);
    put(&store, "a", at(0) - Duration::from_hours(1), 1.0);
    put(&store, "b", at(600), 1.0);
    check("c", at(0), Refusal::SeriesLimit);
    let mut more = Batch::new();
    let series = more.series([("__name__", "b"), ("id", "7")]).unwrap();
    more.push(series, at(600), 1.0);
    let outcome = store.append(&more).unwrap();
    let culprit = outcome.culprit.unwrap();
    assert_eq!(culprit.series, 1, "the metric that grew is named");
    let mut nameless = Batch::new();
    let series = nameless.series([("job", "x")]).unwrap();
    nameless.push(series, at(0), 1.0);
    let outcome = store.append(&nameless).unwrap();
    assert_eq!(outcome.rejected[0].reason, Refusal::NoName);
    assert_eq!(outcome.accepted, 0);
}

#[test]
fn a_flood_of_new_series_is_refused_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        series_per_second_max: 10,
        ..options()
    };
    let store = Store::open(dir.path(), options).unwrap();
    let mut batch = Batch::new();
    let quiet = batch.series([("__name__", "quiet")]).unwrap();
    batch.push(quiet, at(0), 1.0);
    for id in 0..20 {
        let labels = [("__name__", "requests".to_owned()), ("id", id.to_string())];
        let series = batch.series(labels).unwrap();
        batch.push(series, at(0), 1.0);
    }
    let outcome = store.append(&batch).unwrap();
    assert_eq!((outcome.accepted, outcome.rejected.len()), (10, 11));
    assert!(
        outcome
            .rejected
            .iter()
            .all(|r| r.reason == Refusal::SeriesRate)
    );
    assert_eq!(outcome.culprit.unwrap().metric, "requests");
    let outcome = store.append(&batch).unwrap();
    assert_eq!(outcome.accepted, 10, "what is known goes on");
}

#[test]
fn metadata_and_labels_are_found_in_memory_and_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    let metadata = Metadata {
        kind: Kind::Timing,
        unit: Unit::SECONDS,
        help: "How long.".into(),
    };
    let mut batch = Batch::new();
    let mut histogram = Histogram::new();
    histogram.observe(0.25);
    for job in ["b", "a"] {
        let series = batch.series([("__name__", "took"), ("job", job)]).unwrap();
        batch.push_histogram(series, at(5), histogram.clone());
    }
    batch.describe("took", metadata.clone());
    store.append(&batch).unwrap();
    let check = |store: &Store| {
        assert_eq!(store.metadata("took"), Some(metadata.clone()));
        assert_eq!(store.metadata("other"), None);
        assert_eq!(
            store.label_values("job", &[], TimeRange::ALL).unwrap(),
            ["a", "b"]
        );
        let names = store.label_names(&[Matcher::metric("took")], TimeRange::ALL);
        assert_eq!(names.unwrap(), ["__name__", "job"]);
        let before = TimeRange::new(Timestamp::MIN, at(4));
        assert!(store.label_names(&[], before).unwrap().is_empty());
        let selection = store.select(&[], TimeRange::ALL).unwrap();
        assert_eq!(selection.labels(1).to_string(), r#"took{job="b"}"#);
        let mut columns = Columns::new();
        selection.read(0, &mut columns).unwrap();
        assert_eq!(columns.histograms, [histogram.clone()]);
    };
    check(&store);
    store.flush().unwrap();
    check(&store);
    drop(store);
    check(&Store::open(dir.path(), options()).unwrap());
}

#[test]
fn a_query_beyond_its_limits_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        query_series_max: 2,
        query_samples_max: 3,
        ..options()
    };
    let store = Store::open(dir.path(), options).unwrap();
    for name in ["a", "b", "c"] {
        put(&store, name, at(0), 1.0);
        put(&store, name, at(1), 1.0);
    }
    let error = store.select(&[], TimeRange::ALL).err();
    assert!(matches!(
        error,
        Some(QueryError::TooMuch {
            what: "series",
            limit: 2
        })
    ));
    let two = Matcher::new("__name__", tacho_model::MatchOp::Regex, "a|b").unwrap();
    let selection = store.select(&[two], TimeRange::ALL).unwrap();
    let mut columns = Columns::new();
    selection.read(0, &mut columns).unwrap();
    let error = selection.read(1, &mut columns);
    assert!(matches!(
        error,
        Err(QueryError::TooMuch {
            what: "samples",
            limit: 3
        })
    ));
}

#[test]
fn histograms_of_seconds_are_fifteen_second_ones_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let usual = StoreOptions {
        histogram_interval: StoreOptions::default().histogram_interval,
        // The newest seconds stay as they are: somebody may have them in memory.
        clock: || at(60) + tacho_store::FOLD_AFTER,
        ..options()
    };
    let store = Store::open(dir.path(), usual).unwrap();
    let mut batch = Batch::new();
    let series = batch.series([("__name__", "latency")]).unwrap();
    for second in 1..=60 {
        let mut histogram = tacho_model::Histogram::new();
        histogram.observe_many(0.25, second as f64);
        batch.push_histogram(series, at(second), histogram);
    }
    store.append(&batch).unwrap();
    let counts = || {
        let matchers = [Matcher::metric("latency")];
        let selection = store.select(&matchers, TimeRange::ALL).unwrap();
        let mut columns = Columns::new();
        selection.read(0, &mut columns).unwrap();
        let counts = columns.histograms.iter().map(tacho_model::Histogram::count);
        counts.collect::<Vec<_>>()
    };
    let all: f64 = counts().iter().sum();
    assert_eq!(counts().len(), 60);
    store.flush().unwrap();
    assert!((4..=5).contains(&counts().len()), "{:?}", counts());
    assert_eq!(counts().iter().sum::<f64>(), all);
}
