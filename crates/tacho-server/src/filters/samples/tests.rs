use proptest::prelude::*;
use tacho_model::append::{Exemplar, STALE_NAN_BITS, is_stale};
use tacho_model::{AppendOutcome, Columns, Kind, Refusal, Rejected, TimeRange, Unit, Value, label};

use super::super::aggregate::{Stored, Window};
use super::super::rule::{Aggregation, Scope, Selectors};
use super::*;
use crate::intake::Protocol;

struct Nothing;

impl Stored for Nothing {
    fn kind(&self, _: &str) -> Option<Kind> {
        None
    }

    fn samples(&self, _: &Labels, _: TimeRange) -> Columns {
        Columns::new()
    }
}

const PEER: Origin<'_> = Origin::new(Protocol::RemoteWrite, "10.0.0.1");

fn rule(selector: &str, action: SampleAction) -> SampleRule {
    SampleRule {
        scope: Scope::default(),
        selectors: Selectors::parse(&[selector.to_owned()]).unwrap(),
        action,
    }
}

fn filters(rules: Vec<SampleRule>) -> SampleFilters {
    SampleFilters::new(rules, 42).unwrap()
}

fn moment() -> Moment<'static> {
    Moment {
        now: Timestamp::from_secs(1000),
        window: Window {
            ahead: Duration::from_mins(10),
            behind: Duration::from_hours(1),
        },
        stored: &Nothing,
    }
}

/// `up job=api 3 1.5`: name, labels, second and value, a sample each.
fn batch(lines: &[&str]) -> Batch {
    let mut batch = Batch::new();
    for line in lines {
        let mut words: Vec<&str> = line.split(' ').collect();
        let value: f64 = match words.pop().unwrap() {
            "stale" => f64::from_bits(STALE_NAN_BITS),
            value => value.parse().unwrap(),
        };
        let secs: f64 = words.pop().unwrap().parse().unwrap();
        let name = words.remove(0);
        let labels = words.iter().map(|word| word.split_once('=').unwrap());
        let series = batch.series(labels.chain([("__name__", name)])).unwrap();
        batch.push(series, Timestamp::from_secs_f64(secs).unwrap(), value);
    }
    batch
}

fn shown(batch: &Batch) -> Vec<String> {
    let rows = batch.rows().map(|(series, time, value)| {
        let labels = batch.labels(series).unwrap();
        let secs = time.as_secs_f64();
        match value {
            Value::Float(value) if is_stale(value) => format!("{labels} {secs} stale"),
            Value::Float(value) => format!("{labels} {secs} {value}"),
            Value::Histogram(histogram) => format!("{labels} {secs} n={}", histogram.count()),
        }
    });
    rows.collect()
}

#[track_caller]
fn check(filters: &SampleFilters, lines: &[&str], expected: &[&str], dropped: usize) {
    let batch = batch(lines);
    let sifted = filters
        .apply(&batch, PEER, moment())
        .expect("something changes");
    assert_eq!(shown(sifted.batch()), expected);
    let (outcome, lost) = sifted.outcome(&AppendOutcome::default());
    assert_eq!(outcome.filtered, dropped);
    assert_eq!(outcome.accepted, batch.len());
    assert!(outcome.rejected.is_empty() && lost.is_empty());
}

#[test]
fn r1_what_no_filter_concerns_is_left_alone() {
    let filters = filters(vec![rule(r#"{__name__=~"go_.*"}"#, SampleAction::Drop)]);
    let other = batch(&["up job=api 1 1"]);
    // The first time it is decided, the second time remembered.
    for _ in 0..2 {
        assert!(filters.apply(&other, PEER, moment()).is_none());
    }
    check(
        &filters,
        &["go_gc 1 2", "up 1 1", "go_mem 1 3"],
        &["up 1 1"],
        2,
    );
    // What this host collects is meant only where it is named.
    let own = Origin::new(Protocol::Host, "host");
    assert!(
        filters
            .apply(&batch(&["go_gc 1 2"]), own, moment())
            .is_none()
    );
    assert_eq!(filters.counts().map(|(_, count)| count).sum::<u64>(), 2);
    assert!(SampleFilters::new(Vec::new(), 1).is_none());
}

#[test]
fn r1_filters_apply_in_their_order() {
    let relabel = relabel::Rule::new(relabel::RuleText {
        source_labels: vec!["pod".to_owned()],
        regex: Some("(.*)-[0-9]+".to_owned()),
        target_label: Some("app".to_owned()),
        ..Default::default()
    });
    let drops = relabel::Rule::new(relabel::RuleText {
        source_labels: vec!["app".to_owned()],
        regex: Some("test".to_owned()),
        action: Some(relabel::Action::Drop),
        ..Default::default()
    });
    let filters = filters(vec![
        rule(r#"{job=~"a|b"}"#, SampleAction::Keep),
        rule(
            "requests",
            SampleAction::Rename("requests_total".to_owned()),
        ),
        rule(
            "requests_total",
            SampleAction::Relabel(vec![relabel.unwrap(), drops.unwrap()]),
        ),
        rule(r#"{app="db"}"#, SampleAction::Drop),
    ]);
    check(
        &filters,
        &[
            "requests job=a pod=web-1 1 1",
            "requests job=c pod=web-1 1 2",
            "requests job=b pod=db-7 1 3",
            "requests job=b pod=test-7 1 3",
            "requests_total job=b 1 4",
            "up job=a 1 5",
        ],
        &[
            r#"requests_total{app="web",job="a",pod="web-1"} 1 1"#,
            r#"requests_total{job="b"} 1 4"#,
            r#"up{job="a"} 1 5"#,
        ],
        3,
    );
}

#[test]
fn r1_a_filter_may_mean_one_origin_only() {
    let mut only = rule("up", SampleAction::Drop);
    only.scope.source = Some("10.0.0.1".to_owned());
    let mut own = rule("node_load1", SampleAction::Drop);
    own.scope.protocol = Some(Protocol::Host);
    let filters = filters(vec![only, own]);
    let (up, load) = (batch(&["up 1 1"]), batch(&["node_load1 1 1"]));
    let dropped = |batch: &Batch, protocol, source| {
        let sifted = filters.apply(batch, Origin::new(protocol, source), moment());
        sifted.is_some_and(|sifted| sifted.batch().is_empty())
    };
    // Twice, as the second time it is remembered.
    for _ in 0..2 {
        assert!(dropped(&up, Protocol::RemoteWrite, "10.0.0.1"));
        assert!(dropped(&up, Protocol::Json, "10.0.0.1"));
        assert!(!dropped(&up, Protocol::RemoteWrite, "10.0.0.2"));
        assert!(!dropped(&up, Protocol::Host, "host"));
        assert!(dropped(&load, Protocol::Host, "host"));
        assert!(!dropped(&load, Protocol::RemoteWrite, "10.0.0.1"));
    }
}

#[test]
fn r1_the_last_sample_of_an_interval_stays() {
    let filters = filters(vec![rule(
        r#"{source="iot"}"#,
        SampleAction::Throttle(Duration::from_secs(10)),
    )]);
    let iot = |sample: &str| format!("t source=iot {sample}");
    let lines = [
        iot("1 1"),
        iot("4 2"),
        iot("9.5 3"),
        "up 3 1".to_owned(),
        iot("10 4"),
        iot("11 5"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    check(
        &filters,
        &lines,
        &[
            "up 3 1",
            r#"t{source="iot"} 10 4"#,
            r#"t{source="iot"} 20 5"#,
        ],
        3,
    );
    // A later one of the interval takes the place of the one before; an earlier one does not.
    check(&filters, &[&iot("13 6")], &[r#"t{source="iot"} 20 6"#], 1);
    check(&filters, &[&iot("12 7")], &[], 1);
    check(&filters, &[&iot("21 8")], &[r#"t{source="iot"} 30 8"#], 0);
    // The end of a series comes behind its last sample.
    check(
        &filters,
        &[&iot("22 stale")],
        &[r#"t{source="iot"} 30.001 stale"#],
        0,
    );
    // What the store will refuse does not stand for what comes after it.
    check(
        &filters,
        &[&iot("99999 1")],
        &[r#"t{source="iot"} 99999 1"#],
        0,
    );
    check(&filters, &[&iot("31 9")], &[r#"t{source="iot"} 40 9"#], 0);
}

#[test]
fn r1_labels_are_aggregated_away() {
    let filters = filters(vec![rule(
        "requests_total",
        SampleAction::Aggregate(Aggregation {
            grouping: Grouping::Without(vec!["pod".to_owned()]),
            interval: Duration::from_secs(15),
            function: None,
        }),
    )]);
    let first = [
        "requests_total job=a pod=1 1 10",
        "requests_total job=a pod=2 1 100",
        "up 1 1",
    ];
    check(
        &filters,
        &first,
        &["up 1 1", r#"requests_total{job="a"} 15 0"#],
        2,
    );
    // Rows of several intervals, series by series, as a sender that was cut off has them.
    let later = [
        "requests_total job=a pod=1 16 11",
        "requests_total job=a pod=1 31 14",
        "requests_total job=a pod=2 16 110",
        "requests_total job=a pod=2 31 200",
    ];
    check(
        &filters,
        &later,
        &[
            r#"requests_total{job="a"} 30 11"#,
            r#"requests_total{job="a"} 45 104"#,
        ],
        4,
    );
}

#[test]
fn r1_label_sets_out_of_order_are_filtered_too() {
    let mut bytes = Vec::new();
    for (name, value) in [("job", "api"), ("__name__", "go_gc")] {
        label::put(&mut bytes, name, value);
    }
    let mut incoming = Batch::new();
    let unordered = incoming.series_unchecked(&bytes);
    let broken = incoming.series_unchecked(b"\x0a\xff\xff");
    incoming.push(unordered, Timestamp::from_secs(1), 1.0);
    incoming.push(broken, Timestamp::from_secs(1), 2.0);
    let drop = filters(vec![rule(r#"{job="api"}"#, SampleAction::Drop)]);
    let sifted = drop.apply(&incoming, PEER, moment()).unwrap();
    assert_eq!(
        sifted.batch().len(),
        1,
        "what is no label set is the store's to refuse"
    );
    let other = filters(vec![rule("up", SampleAction::Drop)]);
    assert!(other.apply(&incoming, PEER, moment()).is_none());
    let rename = filters(vec![rule("go_gc", SampleAction::Rename("gc".to_owned()))]);
    let sifted = rename.apply(&incoming, PEER, moment()).unwrap();
    let (series, _, _) = sifted.batch().row(0);
    let labels = sifted.batch().labels(series).unwrap();
    assert_eq!(labels.to_string(), r#"gc{job="api"}"#);
}

#[test]
fn r1_what_is_refused_is_told_by_the_rows_that_came() {
    let twice = relabel::Rule::new(relabel::RuleText {
        target_label: Some("long".to_owned()),
        replacement: Some("x".repeat(label::LABEL_BYTES_MAX + 1)),
        ..Default::default()
    });
    let filters = filters(vec![
        rule("gone", SampleAction::Drop),
        rule("bad", SampleAction::Relabel(vec![twice.unwrap()])),
        rule("slow", SampleAction::Throttle(Duration::from_mins(1))),
    ]);
    let came = batch(&[
        "gone 1 1", "a 1 1", "bad 1 1", "gone 2 1", "b 1 1", "slow 1 1",
    ]);
    let sifted = filters.apply(&came, PEER, moment()).unwrap();
    assert_eq!(shown(sifted.batch()), ["a 1 1", "b 1 1", "slow 60 1"]);
    let reason = Refusal::TooOld;
    let stored = AppendOutcome {
        accepted: 2,
        rejected: vec![Rejected { row: 1, reason }],
        ..AppendOutcome::default()
    };
    let (outcome, _) = sifted.outcome(&stored);
    let rows: Vec<_> = outcome.rejected.iter().map(|r| (r.row, r.reason)).collect();
    assert_eq!(rows, [(2, Refusal::InvalidLabels), (4, Refusal::TooOld)]);
    assert_eq!((outcome.accepted, outcome.filtered), (4, 2));
}

#[test]
fn r1_what_is_known_of_a_metric_goes_with_its_new_name() {
    let filters = filters(vec![rule("a", SampleAction::Rename("b".to_owned()))]);
    let metadata = Metadata {
        kind: Kind::Counter,
        unit: Unit::SECONDS,
        help: "about a".to_owned(),
    };
    // Alone, as remote write sends it, and beside samples.
    for lines in [&[][..], &["a x=1 1 1"]] {
        let mut batch = batch(lines);
        batch.describe("a", metadata.clone());
        let sifted = filters.apply(&batch, PEER, moment()).unwrap();
        let names: Vec<&str> = sifted.batch().metadata().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b"]);
    }
}

#[test]
fn exemplars_stay_with_their_series() {
    let filters = filters(vec![
        rule("gone", SampleAction::Drop),
        rule("a", SampleAction::Rename("b".to_owned())),
    ]);
    let mut batch = batch(&["gone 1 1", "a 1 1"]);
    for series in 0..2 {
        let exemplar = Exemplar {
            timestamp: Timestamp::from_secs(1),
            value: 1.0,
            trace_id: 1,
            span_id: 1,
            labels: Labels::metric("x").unwrap(),
        };
        batch.push_exemplar(SeriesIndex::at(series), exemplar);
    }
    let sifted = filters.apply(&batch, PEER, moment()).unwrap();
    let exemplars = sifted.batch().exemplars();
    assert_eq!(exemplars.len(), 1);
    let labels = sifted.batch().labels(exemplars[0].0).unwrap();
    assert_eq!(labels.to_string(), "b");
}

proptest! {
    /// Whatever comes, every row is accounted for once, and what passes is what came.
    #[test]
    fn every_row_is_accounted_for(
        rows in prop::collection::vec((0usize..6, 0i64..3000, any::<f64>()), 0..60),
        junk in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let filters = filters(vec![
            rule("m0", SampleAction::Drop),
            rule("m1", SampleAction::Rename("n1".to_owned())),
            rule("m2", SampleAction::Throttle(Duration::from_secs(30))),
            rule("m3", SampleAction::Aggregate(Aggregation {
                grouping: Grouping::By(Vec::new()),
                interval: Duration::from_secs(10),
                function: None,
            })),
        ]);
        let mut batch = Batch::new();
        let mut series: Vec<_> = (0..5)
            .map(|i| batch.series([("__name__", format!("m{i}"))]).unwrap())
            .collect();
        series.push(batch.series_unchecked(&junk));
        for (index, secs, value) in &rows {
            batch.push(series[*index], Timestamp::from_secs(*secs), *value);
        }
        let Some(sifted) = filters.apply(&batch, PEER, moment()) else {
            prop_assert!(batch.is_empty());
            return Ok(());
        };
        let passed = |name: &str| {
            let out = sifted.batch();
            let is = |series| out.labels(series).is_some_and(|l| l.get("__name__") == Some(name));
            out.rows().filter(|(series, ..)| is(*series)).count()
        };
        let came = |index| rows.iter().filter(|row| row.0 == index).count();
        prop_assert_eq!(passed("m0"), 0);
        prop_assert_eq!(passed("n1"), came(1));
        prop_assert_eq!(passed("m4"), came(4));
        prop_assert!(passed("m2") <= came(2));
        let (outcome, _) = sifted.outcome(&AppendOutcome::default());
        prop_assert_eq!(outcome.accepted + outcome.rejected.len(), rows.len());
        let too_new = rows.iter().filter(|row| row.0 == 3 && row.1 > 1600).count();
        prop_assert_eq!(outcome.rejected.len(), too_new);
        prop_assert!(outcome.filtered >= came(0) + came(3) - too_new);
    }
}
