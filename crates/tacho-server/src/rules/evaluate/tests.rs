use std::sync::Arc;

use tacho_model::append::is_stale;
use tacho_model::{Columns, Histogram, Matcher, Querier as _, TimeRange};
use tacho_store::{Store, StoreOptions};

use super::super::file::Reading;
use super::super::group::Origin as Place;
use super::*;
use crate::app::App;
use crate::query::Waiting;
use crate::settings::Settings;

/// A server's state on a folder of its own, and a group of rules.
struct Bench {
    app: App,
    group: Group,
    given: Given,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn new(group: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
        let app = App::new(Settings::default(), Arc::new(store), start());
        Self {
            app,
            group: read(group),
            given: Given::default(),
            _dir: dir,
        }
    }

    /// Keeps values of series at the start plus `after` seconds.
    fn keep(&self, after: i64, values: &[(&[(&str, &str)], f64)]) {
        let mut batch = Batch::new();
        for (labels, value) in values {
            let series = batch.series(labels.iter().copied()).unwrap();
            batch.push(series, at(after), *value);
        }
        let outcome = self.app.store.append(&batch).unwrap();
        assert!(outcome.rejected.is_empty());
    }

    /// Evaluates the slot at the start plus `after` seconds; series or error of each rule.
    fn evaluate(&mut self, after: i64) -> Vec<String> {
        let waiting = Waiting::default();
        let deadline = waiting.deadline(Duration::MAX)();
        let ctx = QueryCtx::new(&self.app, &deadline);
        let evaluated = evaluate(&ctx, &self.group, at(after), &mut self.given).unwrap();
        let told = |one: Evaluated| match one.outcome {
            None => "not evaluated".to_owned(),
            Some(Ok(series)) => series.to_string(),
            Some(Err(error)) => error.to_string(),
        };
        evaluated.into_iter().map(told).collect()
    }

    /// All that is stored of a name: labels and `seconds=value`, `stale` for an end.
    fn stored(&self, name: &str) -> Vec<String> {
        let matchers = [Matcher::metric(name)];
        let selection = self.app.store.select(&matchers, TimeRange::ALL).unwrap();
        let read = |index| {
            let mut columns = Columns::new();
            selection.read(index, &mut columns).unwrap();
            let points = columns.timestamps.iter().zip(&columns.values);
            let points = points.map(|(time, value)| {
                let after = time.since(start()).as_secs();
                let is_end = is_stale(*value);
                let told = if is_end {
                    "stale".to_owned()
                } else {
                    value.to_string()
                };
                format!("{after}={told}")
            });
            let points: Vec<String> = points.collect();
            format!("{} {}", selection.labels(index), points.join(" "))
        };
        (0..selection.len()).map(read).collect()
    }
}

fn read(group: &str) -> Group {
    let reading = Reading {
        origin: Place::Api,
        interval: Duration::from_secs(15),
    };
    reading.one(group).unwrap()
}

fn start() -> Timestamp {
    Timestamp::now().align_down(Duration::from_mins(1)) - Duration::from_mins(30)
}

fn at(after: i64) -> Timestamp {
    start() + Duration::from_secs(after.unsigned_abs())
}

const A: &[(&str, &str)] = &[("__name__", "up"), ("job", "a"), ("instance", "1")];
const B: &[(&str, &str)] = &[("__name__", "up"), ("job", "b"), ("instance", "2")];

#[test]
fn a_later_rule_sees_what_an_earlier_one_gave() {
    let mut bench = Bench::new(
        "{name: g, labels: {by: rules}, rules: [
          {record: 'job:up', expr: 'sum by (job) (up)', labels: {job: all}},
          {record: double, expr: '2 * job:up'},
          {alert: Down, expr: up == 0},
          {record: one, expr: '1'}]}",
    );
    bench.keep(0, &[(A, 1.0)]);
    assert_eq!(bench.evaluate(15), ["1", "1", "not evaluated", "1"]);
    assert_eq!(
        bench.stored("job:up"),
        [r#"job:up{by="rules",job="all"} 15=1"#]
    );
    assert_eq!(
        bench.stored("double"),
        [r#"double{by="rules",job="all"} 15=2"#]
    );
    assert_eq!(bench.stored("one"), [r#"one{by="rules"} 15=1"#]);
    assert!(bench.stored("Down").is_empty());
}

#[test]
fn a_series_that_is_no_longer_given_ends_once() {
    let mut bench = Bench::new("{name: g, rules: [{record: r, expr: up > 0}]}");
    bench.keep(0, &[(A, 1.0), (B, 1.0)]);
    assert_eq!(bench.evaluate(15), ["2"]);
    bench.keep(20, &[(A, 0.0), (B, 1.0)]);
    assert_eq!(bench.evaluate(30), ["1"]);
    assert_eq!(bench.evaluate(45), ["1"]);
    let expected = [
        r#"r{instance="1",job="a"} 15=1 30=stale"#,
        r#"r{instance="2",job="b"} 15=1 30=1 45=1"#,
    ];
    assert_eq!(bench.stored("r"), expected);
    // Evaluated again, it is the same.
    assert_eq!(bench.evaluate(45), ["1"]);
    assert_eq!(bench.stored("r"), expected);
}

#[test]
fn a_series_that_another_rule_gives_now_does_not_end() {
    let mut bench = Bench::new(
        "{name: g, rules: [{record: r, expr: sum(up) > 1}, {record: r, expr: sum(up) <= 1}]}",
    );
    bench.keep(0, &[(A, 2.0)]);
    bench.evaluate(15);
    bench.keep(20, &[(A, 1.0)]);
    bench.evaluate(30);
    bench.keep(35, &[(A, 2.0)]);
    bench.evaluate(45);
    assert_eq!(bench.stored("r"), ["r 15=2 30=1 45=2"]);
}

#[test]
fn a_rule_that_fails_says_why_and_ends_nothing() {
    let mut bench = Bench::new(
        "{name: g, limit: 1, rules: [
          {record: many, expr: up},
          {record: same, expr: up, labels: {job: x, instance: x}},
          {record: text, expr: '\"words\"'},
          {record: bad, expr: 'up * on () up'},
          {record: fine, expr: sum(up)}]}",
    );
    bench.keep(0, &[(A, 1.0)]);
    assert_eq!(bench.evaluate(15)[0], "1");
    bench.keep(20, &[(A, 1.0), (B, 1.0)]);
    let said = bench.evaluate(30);
    assert_eq!(said[0], "exceeded limit of 1 with 2 series");
    assert_eq!(said[1], "exceeded limit of 1 with 2 series");
    assert_eq!(said[2], "rule result is not a vector or scalar");
    assert!(said[3].contains("many-to-many"), "{}", said[3]);
    assert_eq!(said[4], "1");
    let many = bench.stored("many");
    assert_eq!(many, [r#"many{instance="1",job="a"} 15=1"#]);
    bench.group.limit = 0;
    let said = bench.evaluate(45);
    let same = "vector contains metrics with the same labelset after applying rule labels";
    assert_eq!((said[0].as_str(), said[1].as_str()), ("2", same));
    assert_eq!(bench.stored("same"), [r#"same{instance="x",job="x"} 15=1"#]);
}

#[test]
fn an_offset_moves_what_is_read_and_written() {
    let mut bench = Bench::new("{name: g, query_offset: 1m, rules: [{record: r, expr: up}]}");
    bench.keep(0, &[(A, 1.0)]);
    bench.keep(60, &[(A, 2.0)]);
    bench.evaluate(90);
    assert_eq!(bench.stored("r"), [r#"r{instance="1",job="a"} 30=1"#]);
}

#[test]
fn native_histograms_are_recorded_as_such() {
    let mut bench = Bench::new(
        "{name: g, rules: [{record: sum, expr: sum(took)}, {record: half, expr: sum(took) / 2},
          {record: less, expr: -sum(took)}]}",
    );
    let mut batch = Batch::new();
    let series = batch.series([("__name__", "took")]).unwrap();
    let mut histogram = Histogram::new();
    for value in [0.1, 0.2, 0.4] {
        histogram.observe(value);
    }
    batch.push_histogram(series, at(0), histogram);
    bench.app.store.append(&batch).unwrap();
    let said = bench.evaluate(15);
    assert_eq!(said[..2], ["1", "1"]);
    assert!(
        said[2].starts_with("1 of 1 values are not kept: a count is negative"),
        "{}",
        said[2]
    );
    let count = |name: &str| {
        let selection = bench
            .app
            .store
            .select(&[Matcher::metric(name)], TimeRange::ALL);
        let mut columns = Columns::new();
        selection.unwrap().read(0, &mut columns).unwrap();
        columns.histograms[0].count()
    };
    // Halves of observations are kept as they are.
    assert_eq!((count("sum"), count("half")), (3.0, 1.5));
}

#[test]
fn what_a_replaced_group_gave_ends_where_its_successor_does_not_give_it() {
    let mut bench = Bench::new("{name: g, rules: [{record: r, expr: up}, {record: q, expr: up}]}");
    bench.keep(0, &[(A, 1.0)]);
    bench.evaluate(15);
    bench.group = read("{name: g, rules: [{record: r, expr: up}]}");
    bench.given = Given::former(std::mem::take(&mut bench.given));
    bench.evaluate(30);
    assert_eq!(bench.stored("r"), [r#"r{instance="1",job="a"} 15=1 30=1"#]);
    assert_eq!(
        bench.stored("q"),
        [r#"q{instance="1",job="a"} 15=1 30=stale"#]
    );
}
