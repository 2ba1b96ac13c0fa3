use tacho_model::{Kind, Value};

use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn aggregator(series_max: usize) -> Aggregator {
    let settings = StatsdSettings {
        series_max,
        ..StatsdSettings::default()
    };
    Aggregator::new(settings, 1, at(0))
}

fn take_in(aggregator: &mut Aggregator, datagram: &str) {
    aggregator.datagram(0, datagram.as_bytes(), &|_| None, &mut |_| Err("event"));
}

/// What is written at the end of second `secs`, the store being empty, and what was counted.
fn flush(aggregator: &mut Aggregator, secs: i64) -> (Vec<String>, Taken) {
    for (at, _) in aggregator.unread() {
        aggregator.set_base(at, None);
    }
    let taken = aggregator.take(at(secs));
    let batch = &taken.batch;
    let rows = batch.rows().map(|(series, time, value)| {
        let labels = batch.labels(series).unwrap();
        let value = match value {
            Value::Float(value) => value.to_string(),
            Value::Histogram(h) => format!("n={} sum={}", h.count(), h.sum()),
        };
        format!("{labels} {value} @{}", time.as_secs_f64())
    });
    (rows.collect(), taken)
}

fn check(datagram: &str, expected: &[&str]) {
    let mut aggregator = aggregator(100);
    take_in(&mut aggregator, datagram);
    let (rows, taken) = flush(&mut aggregator, 1);
    assert_eq!(rows, expected, "{datagram}");
    assert!(taken.counts[0].refused.is_empty(), "{:?}", taken.counts);
}

#[test]
fn every_type_becomes_what_the_table_says() {
    check("a.b:1|c\na.b:2|c|@0.1", &["a_b 0 @0", "a_b 21 @1"]);
    check("g:5|g\ng:+2|g\ng:-1|g", &["g 6 @1"]);
    check("t:250|ms\nt:750|ms|@0.5", &["t n=3 sum=1.75 @1"]);
    check("h:1:2:3|h\nh:4|d", &["h n=4 sum=10 @1"]);
    check("u:a|s\nu:b|s\nu:a|s", &["u 2 @1"]);
    check(
        "x:1|g|#env:prod,k\nx,k=v:2|g",
        &[r#"x{env="prod",k="true"} 1 @1"#, r#"x{k="v"} 2 @1"#],
    );
    check("g:7|g|T3", &["g 7 @3"]);
    check("_sc|db.up|2|h:a|#k:v", &[r#"db_up{host="a",k="v"} 2 @1"#]);
    check("_sc|db.up|0|d:9", &["db_up 0 @9"]);
}

#[test]
fn the_order_of_tags_makes_no_other_series() {
    check(
        "x:1|c|#a:1,b:2\nx:2|c|#b:2,a:1",
        &[r#"x{a="1",b="2"} 0 @0"#, r#"x{a="1",b="2"} 3 @1"#],
    );
}

#[test]
fn metadata_is_given_once() {
    let mut aggregator = aggregator(100);
    take_in(&mut aggregator, "t:1|ms\nt:1|ms|#a:b");
    let (_, taken) = flush(&mut aggregator, 1);
    let described: Vec<_> = taken.batch.metadata().collect();
    assert_eq!(described.len(), 1);
    assert_eq!((described[0].0, described[0].1.kind), ("t", Kind::Timing));
    assert_eq!(described[0].1.unit, Unit::SECONDS);
    take_in(&mut aggregator, "t:1|ms");
    assert_eq!(flush(&mut aggregator, 2).1.batch.metadata().count(), 0);
}

#[test]
fn a_name_has_one_form_here_and_in_the_store() {
    let mut aggregator = aggregator(100);
    take_in(&mut aggregator, "a.b:1|c\na_b:1|g\na_b:1|c|#x:y");
    let (_, taken) = flush(&mut aggregator, 1);
    assert_eq!(
        (
            taken.counts[0].accepted,
            taken.counts[0].refused["conflict"]
        ),
        (2, 1)
    );
    let known = |name: &str| (name == "stored").then(|| Form::Gauge.metadata());
    aggregator.datagram(0, b"stored:1|c\nstored:1|g", &known, &mut |_| Ok(()));
    let (_, taken) = flush(&mut aggregator, 2);
    assert_eq!(
        (
            taken.counts[0].accepted,
            taken.counts[0].refused["conflict"]
        ),
        (1, 1)
    );
}

#[test]
fn lines_that_are_refused_are_counted_by_reason() {
    let mut aggregator = aggregator(100);
    let lines = "a:1\nb:x|c\nc:-1|c\nd:1|g|#__name__:x\ne:1|c|@1e-320\n_e{1,1}:a|b\nf:1|c";
    take_in(&mut aggregator, lines);
    let (_, taken) = flush(&mut aggregator, 1);
    let counts = &taken.counts[0];
    assert_eq!(counts.accepted, 1);
    let reasons: Vec<_> = counts.refused.clone().into_iter().collect();
    let once = |reason| (reason, 1);
    let expected = [
        "bad_rate",
        "bad_value",
        "event",
        "invalid_labels",
        "negative_counter",
        "no_type",
    ];
    assert_eq!(reasons, expected.map(once));
}

#[test]
fn a_limit_on_series_names_who_met_it_and_ends_when_they_end() {
    let mut aggregator = aggregator(3);
    for n in 0..10 {
        take_in(&mut aggregator, &format!("big:1|c|#n:{n}\n"));
    }
    take_in(&mut aggregator, "other:1|c\nbig:1|c|#n:0");
    let (rows, taken) = flush(&mut aggregator, 1);
    assert_eq!(rows.len(), 6, "three series, each with its zero");
    let counts = &taken.counts[0];
    assert_eq!((counts.accepted, counts.refused["series_limit"]), (4, 8));
    let culprit = taken.culprit.unwrap();
    assert_eq!((culprit.metric.as_str(), culprit.series), ("big", 3));
    assert!(flush(&mut aggregator, 2).1.culprit.is_none());
    flush(&mut aggregator, 700);
    assert!(aggregator.by_labels.is_empty() && aggregator.names.is_empty());
    assert!(aggregator.texts.is_empty() && aggregator.label_bytes == 0);
    take_in(&mut aggregator, "other:1|g\nother:2|g|#a:b\nthird:1|c");
    assert_eq!(flush(&mut aggregator, 701).1.counts[0].accepted, 3);
    assert_eq!(aggregator.series.len(), 3, "places are used again");
}

#[test]
fn texts_are_learnt_anew_when_there_are_too_many() {
    let mut aggregator = aggregator(2);
    let orders = [
        "#a:1,b:2,c:3",
        "#a:1,c:3,b:2",
        "#b:2,a:1,c:3",
        "#b:2,c:3,a:1",
        "#c:3,a:1,b:2",
    ];
    for tags in orders.iter().cycle().take(50) {
        take_in(&mut aggregator, &format!("x:1|c|{tags}"));
        assert!(aggregator.texts.len() <= 4);
    }
    let (rows, _) = flush(&mut aggregator, 1);
    assert_eq!(rows[1], r#"x{a="1",b="2",c="3"} 50 @1"#);
}
