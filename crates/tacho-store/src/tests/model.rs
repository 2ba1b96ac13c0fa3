//! Random operations, compared with a map that does the same.
//!
//! `TACHO_MODEL_SEEDS=100000` runs more seeds than a normal test does, `TACHO_MODEL_FIRST` begins
//! with another one; `script/soak` does that for hours.

use std::collections::BTreeMap;
use std::time::Duration;

use tacho_model::append::STALE_NAN_BITS;
use tacho_model::{AppendError, Batch, Histogram, Matcher, Refusal, TimeRange, Timestamp, Value};

use super::{Contents, Held, contents, everything, open_with, options, seeds};
use crate::disk::fake::{Crash, FakeDisk, Random};
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
                // Mostly none; else so much that it is met now and then.
                retention_bytes: match random.below(8) {
                    0 => 20_000 + random.below(20_000),
                    _ => u64::MAX,
                },
                retention_samples: match random.below(8) {
                    0 => 2000 + random.below(4000),
                    _ => u64::MAX,
                },
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
        // The clock may be wrong by hours, to either side.
        let now = match self.random.below(12) {
            0 => self.now - self.random.below(90_000) as i64,
            1 => self.now + self.random.below(3000) as i64,
            _ => self.now,
        };
        let now = Timestamp::from_secs(now);
        let removed = self.engine().maintain(now).unwrap().blocks_removed;
        self.kept_from = self.kept_from.max(now - RETENTION);
        let (bytes, samples) = (self.options.retention_bytes, self.options.retention_samples);
        if removed > 0 && (bytes, samples) != (u64::MAX, u64::MAX) {
            self.forget_removed();
        }
    }

    /// After blocks went because of their size or count: what is left is right, and stays.
    fn forget_removed(&mut self) {
        let left = everything(self.engine());
        for (name, samples) in &left {
            for (time, value) in samples {
                assert_eq!(self.held[name].get(time), Some(value), "{name} at {time}");
            }
        }
        self.held = left;
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

    /// Opens what a kill, or a power cut where everything is synced at once, leaves.
    fn crash(&mut self) {
        let seed = self.random.next();
        let crash = match (self.options.fsync, seed % 3) {
            (Fsync::Always, 0) => Crash::PowerCut,
            (Fsync::Always, 1) => Crash::Torn(seed),
            _ => Crash::Killed,
        };
        self.disk = self.disk.after(crash);
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
                88..91 => self.reopen(),
                91..93 => self.crash(),
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

fn run(seed: u64, steps: u64) {
    let outcome = std::panic::catch_unwind(|| Model::new(seed).run(steps));
    assert!(outcome.is_ok(), "seed {seed}, {steps} steps");
}

// Many short histories find what depends on a start, and few long ones what builds up. Each seed
// is another history; the halves let both cores work.

#[test]
fn k2_many_short_histories_agree_with_a_map() {
    let first = seeds("TACHO_MODEL_FIRST", 0);
    for seed in first..first + seeds("TACHO_MODEL_SEEDS", 2500) {
        run(seed, 6);
    }
}

#[test]
fn k2_random_operations_agree_with_a_map() {
    let first = seeds("TACHO_MODEL_FIRST", 0);
    for seed in first..first + seeds("TACHO_MODEL_SEEDS", 2000) / 40 {
        run(seed, 80);
    }
}
