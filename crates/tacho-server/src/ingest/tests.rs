use tacho_model::Matcher;
use tacho_store::{Store, StoreOptions};

use super::*;

const NOW: i64 = 1_795_269_720;

fn store(dir: &tempfile::TempDir) -> Store {
    let clock = || Timestamp::from_secs(NOW);
    Store::open(
        dir.path(),
        StoreOptions {
            clock,
            ..StoreOptions::default()
        },
    )
    .unwrap()
}

fn post(ingest: &Ingest, store: &Store, body: &str) -> IngestOutcome {
    let points = tacho_wire::json::parse_points(body.as_bytes()).unwrap();
    ingest
        .append(store, store, points, Timestamp::from_secs(NOW))
        .unwrap()
}

fn observations(store: &Store, name: &str) -> f64 {
    let selection = store
        .select(&[Matcher::metric(name)], TimeRange::ALL)
        .unwrap();
    let mut columns = Columns::new();
    let mut count = 0.0;
    for index in 0..selection.len() {
        selection.read(index, &mut columns).unwrap();
        count += columns.histograms.iter().map(Histogram::count).sum::<f64>();
    }
    count
}

#[test]
fn k1_timings_of_one_second_are_one_histogram_across_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let timing = r#"{"name":"t","value":0.5,"type":"timing","timestamp":1795269700.2}"#;
    {
        let store = store(&dir);
        let ingest = Ingest::default();
        post(&ingest, &store, timing);
        post(&ingest, &store, timing);
    }
    // A new process knows nothing of the second that is still open.
    let store = store(&dir);
    post(&Ingest::default(), &store, timing);
    assert_eq!(observations(&store, "t"), 3.0);
}

#[test]
fn k1_a_refused_timing_is_not_counted_with_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    let ingest = Ingest::default();
    let future = NOW + 3_600;
    let body = format!(r#"{{"name":"t","value":1,"type":"timing","timestamp":{future}}}"#);
    assert_eq!(post(&ingest, &store, &body).accepted, 0);
    assert!(ingest.open.lock().is_empty());
}

#[test]
fn k1_whoever_describes_a_metric_first_is_believed() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    let ingest = Ingest::default();
    let first = r#"{"name":"m","value":1,"type":"counter","unit":"By"}"#;
    assert_eq!(post(&ingest, &store, first).accepted, 1);
    let check = |body: &str, reason: &str| {
        let outcome = post(&ingest, &store, body);
        assert_eq!(outcome.accepted, 0, "{body}");
        assert!(
            outcome.rejected[0].1.contains(reason),
            "{:?}",
            outcome.rejected
        );
    };
    check(
        r#"{"name":"m","value":2,"type":"timing"}"#,
        "is a counter here, not a timing",
    );
    check(
        r#"{"name":"m","value":2,"unit":"s"}"#,
        "is in `By` here, not in `s`",
    );
    // What is missing may be added, and saying nothing changes nothing.
    let more = r#"[{"name":"m","value":3,"description":"all of it"},{"name":"m","value":4}]"#;
    assert_eq!(post(&ingest, &store, more).accepted, 2);
    let metadata = store.metadata("m").unwrap();
    let known = (
        metadata.kind,
        metadata.unit.as_str(),
        metadata.help.as_str(),
    );
    assert_eq!(known, (Kind::Counter, "By", "all of it"));
}

#[test]
fn k1_a_batch_that_contradicts_itself_is_kept_by_its_first_word() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    let body = r#"[{"name":"m","value":1,"type":"gauge"},{"name":"m","value":1,"type":"timing"}]"#;
    let outcome = post(&Ingest::default(), &store, body);
    assert_eq!((outcome.accepted, outcome.rejected.len()), (1, 1));
}

#[test]
fn k1_a_timing_that_comes_late_joins_what_was_folded_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    let ingest = Ingest::default();
    let at = |back: i64| {
        let time = NOW - back;
        let body = format!(r#"{{"name":"t","value":1,"type":"timing","timestamp":{time}}}"#);
        post(&ingest, &store, &body);
    };
    for back in 0..60 {
        at(back);
    }
    store.flush().unwrap();
    // Those of a minute ago are on disk with their neighbours; the newest are as they were.
    for back in 0..60 {
        at(back);
    }
    assert_eq!(observations(&store, "t"), 120.0);
}
