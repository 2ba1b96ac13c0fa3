//! Random operations, compared with a map that does the same: samples here, [`rollups`] and
//! [`snapshots`] of values in modules of their own.
//!
//! `TACHO_MODEL_SEEDS=100000` runs more seeds than a normal test does, `TACHO_MODEL_FIRST` begins
//! with another one; `script/soak` does that for hours.

mod rollups;
mod snapshots;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tacho_model::append::STALE_NAN_BITS;
use tacho_model::{AppendError, Batch, Histogram, Matcher, Refusal, TimeRange, Timestamp, Value};

use super::{Contents, Held, contents, everything, open_with, options, seeds};
use crate::disk::fake::{Crash, FakeDisk, Random};
use crate::engine::{Engine, Maintenance};
use crate::options::{Fsync, Retention, StoreOptions};

const SERIES: u64 = 6;
const WINDOW: Duration = Duration::from_mins(5);
const DAY: i64 = 86_400;
/// No sample is older, but for one that is always refused.
const FIRST: i64 = 11 * DAY - 900;

struct Model {
    engine: Option<Engine>,
    disk: FakeDisk,
    options: StoreOptions,
    held: Contents,
    newest: BTreeMap<u64, Timestamp>,
    /// What was written since memory last became a block, by series and time.
    in_memory: BTreeSet<(String, i64)>,
    rollups: rollups::RollUps,
    taken: snapshots::Taken,
    /// Samples older than this may be gone, but if they are there they are right.
    kept_from: Timestamp,
    now: i64,
    random: Random,
}

/// Two of them are counters by their names.
fn metric(number: u64) -> String {
    let ending = if number % 3 == 1 { "_total" } else { "" };
    format!("m{number}{ending}")
}

fn labels(number: u64) -> [(&'static str, String); 2] {
    let job = format!("{}", number % 3);
    [("__name__", metric(number)), ("job", job)]
}

fn name(number: u64) -> String {
    format!("{}{{job=\"{}\"}}", metric(number), number % 3)
}

/// How much is kept of one resolution: mostly all, else so little that it is met.
fn rollup_retention(random: &mut Random) -> Retention {
    match random.below(8) {
        0 => Retention::days(1),
        1 => Retention {
            samples: random.below(200),
            ..Retention::days(100)
        },
        _ => Retention::days(100),
    }
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
                // Days are rolled up from all of their samples, or from what is left of them.
                retention: Duration::from_hours([2, 50][random.below(2) as usize]),
                rollup_after: Duration::from_secs([0, 200, 1800][random.below(3) as usize]),
                rollup_retention: [(); 2].map(|()| rollup_retention(&mut random)),
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
            in_memory: BTreeSet::new(),
            rollups: rollups::RollUps::default(),
            taken: Vec::new(),
            kept_from: Timestamp::MIN,
            // Some end a day soon.
            now: 12 * DAY - [300, 6000, 40_000][random.below(3) as usize],
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
            // The end of a window is in it, and that of a day.
            7 => Timestamp::from_secs(self.now - self.now % 300),
            8 => Timestamp::from_secs(self.now - self.now % DAY),
            9 => Timestamp::from_secs(self.now - self.now % DAY - self.random.below(900) as i64),
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
                && time >= (self.options.clock)() - self.options.retention;
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
            self.in_memory.insert((name(number), time.as_nanos()));
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
        self.maintain_and_forget(Timestamp::from_secs(now));
    }

    fn maintain_and_forget(&mut self, now: Timestamp) -> Maintenance {
        let done = self.maintain_at(now);
        self.note_memory();
        self.kept_from = self.kept_from.max(now - self.options.retention);
        let (bytes, samples) = (self.options.retention_bytes, self.options.retention_samples);
        if done.blocks_removed > 0 && (bytes, samples) != (u64::MAX, u64::MAX) {
            self.forget_removed();
        }
        done
    }

    /// Memory becomes a block as a whole.
    fn note_memory(&mut self) {
        if self.engine().stats().samples_in_memory == 0 {
            self.in_memory.clear();
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
        let reach = [4000, 4000, 100_000][self.random.below(3) as usize];
        let from = now - Duration::from_secs(self.random.below(reach));
        let range = TimeRange::new(
            from,
            from + Duration::from_secs(self.random.below(reach / 2)),
        );
        let job = self.random.below(3);
        let matchers = [Matcher::equal("job", &job.to_string())];
        let series = self.engine().delete(&matchers, range).unwrap();
        self.note_memory();
        self.hide_windows(job, range, series);
        let ending = format!("{{job=\"{job}\"}}");
        for (name, samples) in &mut self.held {
            if name.ends_with(&ending) {
                samples.retain(|time, _| !range.contains(Timestamp::from_nanos(*time)));
            }
        }
    }

    fn reopen(&mut self) {
        self.engine = None;
        self.forget_removed_days();
    }

    /// To shortly before or after the end of a day.
    fn leap(&mut self) {
        let end = (self.now / DAY + 1) * DAY;
        self.now = if end - self.now < 7200 {
            end + self.random.below(2000) as i64
        } else {
            end - self.random.below(7000) as i64
        };
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
        self.reopen();
        self.find_rollups_again();
    }

    fn check(&mut self) {
        let now = Timestamp::from_secs(self.now);
        let ago = |random: &mut Random| now - Duration::from_secs(random.below(9000));
        self.check_rollups();
        self.check_snapshots();
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
                0..64 => {
                    for _ in 0..=self.random.below(30) {
                        self.now += 1;
                        self.append();
                    }
                }
                64..71 => self.now += self.random.below(900) as i64,
                71..84 => self.maintain(),
                84 => {
                    self.engine().flush().unwrap();
                    self.note_memory();
                }
                85 => {
                    self.engine().compact().unwrap();
                    self.note_memory();
                }
                86..88 => self.delete(),
                88 => self.merge_some(),
                89 => self.reopen(),
                90..92 => self.crash(),
                92 => self.leap(),
                93 => self.settle(),
                94..96 => self.snapshots(),
                _ => self.check(),
            }
        }
        self.check();
        self.reopen();
        self.check();
        self.settle();
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
