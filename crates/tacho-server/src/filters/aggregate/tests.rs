use proptest::prelude::*;
use tacho_model::append::STALE_NAN_BITS;

use super::super::rule::Grouping;
use super::*;

/// A store that holds the samples of one aggregate, and knows no metric.
#[derive(Default)]
struct Kept(Columns);

impl Stored for Kept {
    fn kind(&self, _: &str) -> Option<Kind> {
        None
    }

    fn samples(&self, _: &Labels, within: TimeRange) -> Columns {
        let mut found = Columns::new();
        for (time, value) in self.0.timestamps.iter().zip(&self.0.values) {
            if within.contains(*time) {
                found.timestamps.push(*time);
                found.values.push(*value);
            }
        }
        let histograms = self.0.histogram_timestamps.iter().zip(&self.0.histograms);
        for (time, histogram) in histograms {
            if within.contains(*time) {
                found.histogram_timestamps.push(*time);
                found.histograms.push(histogram.clone());
            }
        }
        found
    }
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + secs)
}

/// One group, fed by hand; what is written goes into a store where the last one wins.
struct Bench {
    groups: Groups,
    labels: Labels,
    aggregation: Aggregation,
    kept: Kept,
    now: Timestamp,
}

impl Bench {
    fn new(name: &str, secs: u64, function: Option<Function>) -> Self {
        Self {
            groups: Groups::default(),
            labels: Labels::metric(name).unwrap(),
            aggregation: Aggregation {
                grouping: Grouping::By(Vec::new()),
                interval: Duration::from_secs(secs),
                function,
            },
            kept: Kept::default(),
            now: at(0),
        }
    }

    fn batch(&mut self, samples: &[(u64, i64, Value<'_>)]) -> Vec<Result<(), Refusal>> {
        let mut out = Batch::new();
        let mut results = Vec::new();
        {
            let moment = Moment {
                now: self.now,
                window: Window {
                    ahead: Duration::from_mins(10),
                    behind: Duration::from_hours(24),
                },
                stored: &self.kept,
            };
            let mut open = self.groups.open();
            for (member, secs, value) in samples {
                let to = Membership {
                    group: 7 << 64,
                    labels: &self.labels,
                    aggregation: &self.aggregation,
                    member: *member,
                };
                results.push(open.add(to, (at(*secs), *value), moment, &mut out));
            }
            open.write(&mut out);
        }
        let kept = &mut self.kept.0;
        for (_, time, value) in out.rows() {
            match value {
                Value::Float(value) => {
                    if kept.timestamps.last() == Some(&time) {
                        kept.values.pop();
                    } else {
                        kept.timestamps.push(time);
                    }
                    kept.values.push(value);
                }
                Value::Histogram(histogram) => {
                    if kept.histogram_timestamps.last() == Some(&time) {
                        kept.histograms.pop();
                    } else {
                        kept.histogram_timestamps.push(time);
                    }
                    kept.histograms.push(histogram.clone());
                }
            }
        }
        results
    }

    fn add(&mut self, member: u64, secs: i64, value: f64) {
        assert_eq!(
            self.batch(&[(member, secs, Value::Float(value))]),
            [Ok(())],
            "{secs}"
        );
    }

    /// The values that are stored, by second.
    fn values(&self) -> Vec<(i64, f64)> {
        let columns = &self.kept.0;
        let secs = columns
            .timestamps
            .iter()
            .map(|t| t.since(at(0)).as_secs() as i64);
        secs.zip(columns.values.iter().copied()).collect()
    }

    /// The process dies and starts again.
    fn restart(&mut self) {
        self.groups = Groups::default();
    }
}

#[test]
fn r1_a_counter_of_many_grows_by_what_they_grow_by() {
    let mut bench = Bench::new("requests_total", 10, None);
    bench.add(1, 1, 100.0);
    bench.add(2, 2, 50.0);
    bench.add(1, 11, 103.0);
    bench.add(2, 12, 50.0);
    // A reset: what it shows is what it grew by.
    bench.add(1, 21, 2.0);
    bench.add(2, 30, 60.0);
    assert_eq!(bench.values(), [(10, 0.0), (20, 3.0), (30, 15.0)]);
    // Repeated and late samples change nothing.
    bench.add(2, 30, 60.0);
    bench.add(2, 25, 55.0);
    bench.add(1, 30, f64::NAN);
    assert_eq!(bench.values()[2], (30, 15.0));
    // A member that comes late counts in the interval that is open.
    bench.add(2, 61, 61.0);
    bench.add(1, 41, 5.0);
    assert_eq!(bench.values()[3..], [(70, 19.0)]);
}

#[test]
fn r1_gauges_are_the_last_values_of_the_interval() {
    let stale = f64::from_bits(STALE_NAN_BITS);
    let of = |function| {
        let mut bench = Bench::new("queue_length", 10, function);
        bench.add(1, 1, 4.0);
        bench.add(2, 2, 1.0);
        bench.add(1, 9, 6.0);
        // The second member is not there in this interval, the third only for a moment.
        bench.add(1, 12, 3.0);
        bench.add(3, 13, 100.0);
        bench.add(3, 14, stale);
        let values = bench.values();
        assert_eq!(values.len(), 2, "{values:?}");
        (values[0].1, values[1].1)
    };
    assert_eq!(of(None), (7.0, 3.0));
    assert_eq!(of(Some(Function::Sum)), (7.0, 3.0));
    assert_eq!(of(Some(Function::Min)), (1.0, 3.0));
    assert_eq!(of(Some(Function::Max)), (6.0, 3.0));
    assert_eq!(of(Some(Function::Avg)), (3.5, 3.0));
    assert_eq!(of(Some(Function::Count)), (2.0, 1.0));
}

#[test]
fn r1_a_counter_goes_on_after_a_restart() {
    let mut bench = Bench::new("requests_total", 10, None);
    bench.add(1, 1, 100.0);
    bench.add(1, 5, 108.0);
    bench.restart();
    // Within the same interval: what is stored of it must not be lost.
    bench.add(1, 7, 110.0);
    bench.add(1, 9, 111.0);
    bench.add(1, 15, 115.0);
    assert_eq!(bench.values(), [(10, 9.0), (20, 13.0)]);
}

fn histogram(values: &[f64], temporality: Temporality) -> Histogram {
    let mut histogram = Histogram::new();
    for value in values {
        histogram.observe(*value);
    }
    histogram.counted(temporality)
}

#[test]
fn r1_histograms_are_merged() {
    let delta = |values: &[f64]| histogram(values, Temporality::Delta);
    let mut bench = Bench::new("latency", 10, None);
    let send = |bench: &mut Bench, member, secs, histogram: &Histogram| {
        bench.batch(&[(member, secs, Value::Histogram(histogram))]);
    };
    send(&mut bench, 1, 1, &delta(&[1.0]));
    send(&mut bench, 2, 1, &delta(&[2.0, 3.0]));
    // The same second again, grown: counted once.
    send(&mut bench, 1, 1, &delta(&[1.0, 5.0]));
    send(&mut bench, 1, 2, &delta(&[9.0]));
    send(&mut bench, 1, 11, &delta(&[4.0]));
    let counts = |bench: &Bench| -> Vec<(f64, f64)> {
        let histograms = bench.kept.0.histograms.iter();
        histograms.map(|h| (h.count(), h.sum())).collect()
    };
    assert_eq!(counts(&bench), [(5.0, 20.0), (1.0, 4.0)]);
    bench.restart();
    send(&mut bench, 2, 12, &delta(&[6.0]));
    assert_eq!(counts(&bench), [(5.0, 20.0), (2.0, 10.0)]);

    let cumulative = |values: &[f64]| histogram(values, Temporality::Cumulative);
    let mut bench = Bench::new("latency", 10, None);
    send(&mut bench, 1, 1, &cumulative(&[1.0, 1.0]));
    send(&mut bench, 2, 2, &cumulative(&[7.0]));
    send(&mut bench, 1, 11, &cumulative(&[1.0, 1.0, 3.0]));
    // A reset.
    send(&mut bench, 2, 12, &cumulative(&[2.0]));
    assert_eq!(counts(&bench), [(0.0, 0.0), (2.0, 5.0)]);
    assert_eq!(
        bench.kept.0.histograms[1].temporality(),
        Temporality::Cumulative
    );
    bench.restart();
    send(&mut bench, 1, 15, &cumulative(&[1.0, 1.0, 3.0]));
    send(&mut bench, 1, 16, &cumulative(&[1.0, 1.0, 3.0, 4.0]));
    assert_eq!(counts(&bench)[1], (3.0, 9.0));
}

#[test]
fn times_that_the_store_refuses_do_not_move_a_group() {
    let mut bench = Bench::new("requests_total", 10, None);
    bench.add(1, 1, 1.0);
    let year = 365 * 86_400;
    let refused = bench.batch(&[
        (1, 80 * year, Value::Float(5.0)),
        (1, -year, Value::Float(5.0)),
    ]);
    assert_eq!(refused, [Err(Refusal::TooNew), Err(Refusal::TooOld)]);
    bench.add(1, 5, 3.0);
    assert_eq!(bench.values(), [(10, 2.0)]);
}

#[test]
fn members_are_bounded_and_those_not_seen_for_long_make_room() {
    let mut bench = Bench::new("queue_length", 10, Some(Function::Count));
    let all: Vec<_> = (0..WEIGHT_MAX as u64 + 5)
        .map(|member| (member, 1, Value::Float(1.0)))
        .collect();
    let results = bench.batch(&all);
    assert!(results[..WEIGHT_MAX].iter().all(Result::is_ok));
    assert!(
        results[WEIGHT_MAX..]
            .iter()
            .all(|r| *r == Err(Refusal::SeriesLimit))
    );
    assert_eq!(bench.groups.open().weight(), WEIGHT_MAX);
    // Known ones go on, and an hour later new ones have taken the place of the others.
    bench.add(5, 2, 1.0);
    bench.now = at(3600);
    bench.add(u64::MAX, 3600, 1.0);
    assert_eq!(bench.groups.open().weight(), 1);
}

proptest! {
    /// The increase of the aggregate between two of its samples is the sum of the increases that
    /// each part has between its own last samples before them, resets counted as `rate` does.
    #[test]
    fn r1_the_rate_of_the_aggregate_is_the_sum_of_the_rates_of_the_parts(
        steps in prop::collection::vec((0u64..5, 1i64..20, 0u32..1000, prop::bool::weighted(0.1)), 1..120),
        batch_size in 1usize..7,
        restart in prop::option::of(0usize..120),
    ) {
        let mut bench = Bench::new("requests_total", 15, None);
        let mut value = [0.0f64; 5];
        let mut parts: Vec<Vec<(i64, f64)>> = vec![Vec::new(); 5];
        let mut secs = 0;
        let mut samples = Vec::new();
        for (member, after, by, is_reset) in steps {
            secs += after;
            let value = &mut value[member as usize];
            *value = if is_reset { f64::from(by) } else { *value + f64::from(by) };
            parts[member as usize].push((secs, *value));
            samples.push((member, secs, Value::Float(*value)));
        }
        bench.now = at(secs);
        let mut lost = 0.0;
        let mut sent = 0;
        for batch in samples.chunks(batch_size) {
            if restart.is_some_and(|at| (sent..sent + batch.len()).contains(&at)) {
                bench.restart();
                // What a part grew by across the restart is not known.
                for part in &parts {
                    let known: Vec<_> = samples[..sent].iter().map(|s| (s.1, s.2)).collect();
                    let last_sent = known.last().map_or(i64::MIN, |s| s.0);
                    let across = part.windows(2).find(|w| w[0].0 <= last_sent && w[1].0 > last_sent);
                    lost += across.map_or(0.0, |w| increase(w[0].1, w[1].1));
                }
            }
            sent += batch.len();
            let results = bench.batch(batch);
            prop_assert!(results.iter().all(Result::is_ok));
        }
        let grown: f64 = parts
            .iter()
            .flat_map(|part| part.windows(2))
            .map(|pair| increase(pair[0].1, pair[1].1))
            .sum();
        let values = bench.values();
        prop_assert!(values.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
        prop_assert_eq!(values.last().unwrap().1, grown - lost);
        // At every end of an interval, not only at the last.
        if restart.is_none() {
            for (end, total) in values {
                let until: f64 = parts
                    .iter()
                    .flat_map(|part| part.windows(2))
                    .filter(|pair| pair[1].0 <= end)
                    .map(|pair| increase(pair[0].1, pair[1].1))
                    .sum();
                prop_assert_eq!(total, until);
            }
        }
    }
}
