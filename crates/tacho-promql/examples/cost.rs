//! What PromQL costs: `cargo run --release -p tacho-promql --example cost`.
//!
//! The time to parse queries, then queries over ten million samples (a thousand series, one a
//! second for not quite three hours) that are made up as they are read, so that what is measured
//! is the evaluator: time, and the most memory that the process has held.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::num::NonZero;
use std::time::{Duration, Instant};

use tacho_model::{
    Columns, Labels, Matcher, Metadata, Querier, QueryError, Selection, TimeRange, Timestamp,
};
use tacho_promql::{Features, Limits, Options, Steps, Unwatched, Value, parse};

const SERIES: usize = 1_000;
const SAMPLES: i64 = 10_000;

/// Counters that go up by 0 to 6 a second, one of which is reset now and then.
struct MadeUp;

struct Selected {
    labels: Vec<Labels>,
    range: TimeRange,
}

impl Querier for MadeUp {
    fn select(
        &self,
        _: &[Matcher],
        range: TimeRange,
    ) -> Result<Box<dyn Selection + '_>, QueryError> {
        let series = |index: usize| {
            let (job, instance) = (
                format!("job-{}", index % 10),
                format!("instance-{index:04}"),
            );
            let name = "requests_total";
            Labels::new([("__name__", name), ("instance", &*instance), ("job", &*job)])
        };
        let labels: Result<Vec<Labels>, _> = (0..SERIES).map(series).collect();
        let mut labels = labels.map_err(|error| QueryError::Failed(Box::new(error)))?;
        labels.sort();
        Ok(Box::new(Selected { labels, range }))
    }

    fn label_values(
        &self,
        _: &str,
        _: &[Matcher],
        _: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        Ok(Vec::new())
    }

    fn label_names(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, QueryError> {
        Ok(Vec::new())
    }

    fn metadata(&self, _: &str) -> Option<Metadata> {
        None
    }
}

impl Selection for Selected {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn labels(&self, index: usize) -> &Labels {
        &self.labels[index]
    }

    fn read(&self, index: usize, into: &mut Columns) -> Result<(), QueryError> {
        into.clear();
        let mut value = index as f64;
        for second in 0..SAMPLES {
            value = if second % 3_000 == 2_999 {
                0.0
            } else {
                value + ((second * 7) % 6) as f64
            };
            let time = Timestamp::from_millis(second * 1_000 + 17);
            if self.range.contains(time) {
                into.timestamps.push(time);
                into.values.push(value);
            }
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for query in [
        "up",
        r#"sum by (job) (rate(http_requests_total{job="api",code=~"5.."}[5m]))"#,
        r#"sum by (job) (rate(http_requests_total{job="api",code=~"5.."}[5m])) / sum by (job) (rate(http_requests_total{job="api"}[5m]))"#,
        "histogram_quantile(0.99, sum by (le, route) (rate(http_request_duration_seconds_bucket[5m]))) > 0.5",
    ] {
        let rounds = 2_000;
        let started = Instant::now();
        for _ in 0..rounds {
            parse(query, Features::Stable)?;
        }
        let micros = started.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
        println!("parse {micros:8.2} us  {query}");
    }
    let limits = Limits {
        samples_max: u64::MAX,
        ..Limits::default()
    };
    let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let options = Options {
        limits,
        threads,
        ..Options::default()
    };
    let at = Timestamp::from_secs(SAMPLES);
    let steps = Steps::new(Timestamp::from_secs(600), at, Duration::from_secs(10))?;
    println!("resident {} MB before", resident_mb("VmRSS"));
    for query in [
        "sum(requests_total)",
        "sum by (job) (rate(requests_total[5m]))",
        "sum by (job) (rate(requests_total[1h]))",
        "max_over_time(requests_total[1h])",
        "sum(avg_over_time(requests_total[10m]))",
        "topk(5, rate(requests_total[5m]))",
        "requests_total / on (instance) group_left requests_total",
        "sum(max_over_time(rate(requests_total[1m])[10m:30s]))",
        "quantile by (job) (0.9, rate(requests_total[5m]))",
    ] {
        let parsed = parse(query, Features::Stable)?;
        let started = Instant::now();
        let answer = parsed.range(&MadeUp, steps, &options, &Unwatched)?;
        let millis = started.elapsed().as_millis();
        let Value::Matrix(series) = &answer.value else {
            continue;
        };
        let (samples, peak) = (answer.stats.samples, answer.stats.peak_bytes >> 20);
        println!(
            "{millis:6} ms  {samples:9} samples  {:4} series  results {peak:4} MiB  resident at \
             most {:4} MB  {query}",
            series.len(),
            resident_mb("VmHWM"),
        );
    }
    Ok(())
}

/// A line of `/proc/self/status` in megabytes; 0 where there is none.
fn resident_mb(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status
        .lines()
        .find_map(|l| l.strip_prefix(line)?.strip_prefix(':'));
    let kib = found.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1_000
}
