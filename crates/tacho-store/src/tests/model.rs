//! Random operations, compared with a map that does the same.
//!
//! `TACHO_MODEL_SEEDS=100000` runs more seeds than a normal test does.

use std::collections::BTreeMap;
use std::time::Duration;

use tacho_model::append::STALE_NAN_BITS;
use tacho_model::{AppendError, Batch, Histogram, Matcher, Refusal, TimeRange, Timestamp, Value};

use super::{Contents, Held, contents, open_with, options};
use crate::disk::fake::{FakeDisk, Random};
use crate::engine::{Engine, Maintenance};
use crate::options::{Fsync, StoreOptions};

const SERIES: u64 = 6;
const WINDOW: Duration = Duration::from_mins(5);
const RETENTION: Duration = Duration::from_hours(2);

struct Model {
    engine: Option<Engine>,
    disk: FakeDisk,
    options: StoreOptions,
    held: Contents,
    newest: BTreeMap<u64, Timestamp>,
    /// Samples older than this may be gone, but if they are there they are right.
    kept_from: Timestamp,
    now: i64,
    random: Random,
}

fn labels(number: u64) -> [(&'static str, String); 2] {
    let job = format!("{}", number % 3);
    [("__name__", format!("m{number}")), ("job", job)]
}

fn name(number: u64) -> String {
    format!("m{number}{{job=\"{}\"}}", number % 3)
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let fsync = match random.below(3) {
            0 => Fsync::Interval(Duration::from_millis(1)),
            _ => Fsync::Always,
        };
        Self {
            engine: None,
            disk: FakeDisk::default(),
            options: StoreOptions {
                fsync,
                out_of_order: WINDOW,
                retention: RETENTION,
                block_duration: Duration::from_secs(200 + random.below(600)),
                merge_duration: Duration::from_hours(1),
                segment_bytes: 1 << (9 + random.below(6)),
                head_bytes_max: 1 << (13 + random.below(4)),
                ..options()
            },
            held: Contents::new(),
            newest: BTreeMap::new(),
            kept_from: Timestamp::MIN,
            now: 1_000_000,
            random,
        }
    }

    fn engine(&mut self) -> &Engine {
        let (disk, options) = (&self.disk, &self.options);
        self.engine
            .get_or_insert_with(|| open_with(disk, options.clone()).unwrap())
    }

    fn value(&mut self) -> f64 {
        match self.random.below(8) {
            0 => f64::from_bits(STALE_NAN_BITS),
            1 => f64::from_bits(self.random.next()),
            2 => -0.0,
            3 => self.random.below(1000) as f64 / 100.0,
            _ => self.random.below(100_000) as f64,
        }
    }

    /// A time: nearly always the next one, else late, twice, too late, or nowhere near.
    fn time(&mut self) -> Timestamp {
        let now = Timestamp::from_secs(self.now);
        match self.random.below(40) {
            0..4 => now - Duration::from_secs(self.random.below(280)),
            4 => now - Duration::from_secs(280 + self.random.below(60)),
            5 => now - Duration::from_nanos(self.random.below(1_000_000_000)),
            6 => Timestamp::MIN,
            _ => now,
        }
    }

    fn append(&mut self) {
        let mut batch = Batch::new();
        let mut rows = Vec::new();
        for _ in 0..=self.random.below(12) {
            let number = self.random.below(SERIES);
            let series = batch.series(labels(number)).unwrap();
            let time = self.time();
            // The last two series have histograms, the others mostly numbers.
            let histogram = self
                .random
                .chance(if number >= SERIES - 2 { 70 } else { 3 });
            if histogram {
                let mut value = Histogram::new();
                for _ in 0..self.random.below(20) {
                    value.observe(self.random.below(10_000) as f64 / 37.0 - 50.0);
                }
                batch.push_histogram(series, time, value);
            } else {
                let value = self.value();
                batch.push(series, time, value);
            }
            rows.push((number, time));
        }
        let outcome = match self.engine().append(&batch) {
            Err(AppendError::Overloaded) => return self.maintain(),
            outcome => outcome.unwrap(),
        };
        let rejected: BTreeMap<_, _> = outcome.rejected.iter().map(|r| (r.row, r.reason)).collect();
        // A series' newest sample counts while it is in memory: what is inside the window is
        // taken, what is outside may be refused.
        let newest = self.newest.clone();
        for (row, ((number, time), (.., value))) in rows.into_iter().zip(batch.rows()).enumerate() {
            let newest = newest.get(&number);
            let inside = newest.is_none_or(|newest| time >= *newest - WINDOW)
                && time >= (self.options.clock)() - RETENTION;
            if let Some(reason) = rejected.get(&row) {
                assert_eq!((inside, *reason), (false, Refusal::TooOld));
                continue;
            }
            let value = match value {
                Value::Float(value) => Held::Float(value.to_bits()),
                Value::Histogram(histogram) => Held::Histogram(format!("{histogram:?}")),
            };
            let newest = self.newest.entry(number).or_insert(time);
            *newest = (*newest).max(time);
            let series = self.held.entry(name(number)).or_default();
            series.insert(time.as_nanos(), value);
        }
        assert_eq!(outcome.accepted + rejected.len(), batch.len());
    }

    fn maintain(&mut self) {
        let now = Timestamp::from_secs(self.now);
        self.engine().maintain(now).unwrap();
        self.kept_from = self.kept_from.max(now - RETENTION);
    }

    /// Brings some neighbouring blocks, whatever their levels, into one.
    fn merge_some(&mut self) {
        let blocks = self.engine().stats().blocks;
        let start = self.random.below(blocks);
        let end = start + self.random.below(blocks - start + 1);
        let mut done = Maintenance::default();
        let run = start as usize..end as usize;
        self.engine().merge_run(run, &mut done).unwrap();
        assert_eq!(done.blocks_merged as u64, end - start);
        let after = self.engine().stats().blocks;
        assert_eq!(after, blocks - (end - start).saturating_sub(1));
    }

    fn delete(&mut self) {
        let now = Timestamp::from_secs(self.now);
        let from = now - Duration::from_secs(self.random.below(4000));
        let range = TimeRange::new(from, from + Duration::from_secs(self.random.below(2000)));
        let job = self.random.below(3).to_string();
        let matchers = [Matcher::equal("job", &job)];
        self.engine().delete(&matchers, range).unwrap();
        let ending = format!("{{job=\"{job}\"}}");
        for (name, samples) in &mut self.held {
            if name.ends_with(&ending) {
                samples.retain(|time, _| !range.contains(Timestamp::from_nanos(*time)));
            }
        }
    }

    fn reopen(&mut self) {
        self.engine = None;
    }

    fn check(&mut self) {
        let now = Timestamp::from_secs(self.now);
        let ago = |random: &mut Random| now - Duration::from_secs(random.below(9000));
        let (a, b) = (ago(&mut self.random), ago(&mut self.random));
        let ranges = [TimeRange::ALL, TimeRange::new(a.min(b), a.max(b))];
        let range = ranges[self.random.below(2) as usize];
        let matchers: Vec<Matcher> = match self.random.below(3) {
            0 => Vec::new(),
            1 => vec![Matcher::equal("job", "1")],
            _ => vec![Matcher::new("job", tacho_model::MatchOp::Regex, "0|2").unwrap()],
        };
        let found = contents(self.engine(), &matchers, range);
        let job = |name: &str| name[name.len() - 3..name.len() - 2].to_owned();
        let expected = self.held.iter().filter(|(name, _)| {
            let job = job(name);
            matchers.iter().all(|m| m.matches(&job))
        });
        let none = BTreeMap::new();
        for (name, samples) in expected {
            let found = found.get(name).unwrap_or(&none);
            for (time, value) in samples {
                let time_of = Timestamp::from_nanos(*time);
                match found.get(time) {
                    Some(found) => assert_eq!(found, value, "{name} at {time_of}"),
                    None => assert!(
                        !range.contains(time_of) || time_of < self.kept_from,
                        "{name} at {time_of} is missing"
                    ),
                }
            }
            let known = found.keys().all(|time| samples.contains_key(time));
            assert!(known, "{name} has samples that were never written");
        }
        assert!(found.keys().all(|name| self.held.contains_key(name)));
        let damage = self.engine().stats().quarantined;
        assert_eq!(damage, [], "nothing was damaged");
    }

    fn run(&mut self, steps: u64) {
        for _ in 0..steps {
            match self.random.below(100) {
                0..70 => {
                    for _ in 0..=self.random.below(30) {
                        self.now += 1;
                        self.append();
                    }
                }
                70..76 => self.now += self.random.below(900) as i64,
                76..84 => self.maintain(),
                84 => {
                    self.engine().flush().unwrap();
                }
                85 => {
                    self.engine().compact().unwrap();
                }
                86 => self.delete(),
                87 => self.merge_some(),
                88..92 => self.reopen(),
                _ => self.check(),
            }
        }
        self.check();
        self.reopen();
        self.check();
        self.engine().flush().unwrap();
        self.check();
    }
}

#[test]
fn k2_random_operations_agree_with_a_map() {
    let seeds = std::env::var("TACHO_MODEL_SEEDS");
    let seeds: u64 = seeds.ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    for seed in 0..seeds {
        let outcome = std::panic::catch_unwind(|| Model::new(seed).run(60));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
