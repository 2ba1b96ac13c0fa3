//! How scraping goes: each target and each job, for people and for programs that ask.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tacho_model::Timestamp;

use super::sweep::Swept;
use super::target::Target;

/// Dropped targets that are shown of a job; more are counted.
const DROPPED_MAX: usize = 1_000;
/// What is wrong with a job that is told apart; more is counted.
const PROBLEMS_MAX: usize = 20;

/// How a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// It was not scraped yet.
    #[default]
    Unknown,
    /// The last scrape went well.
    Up,
    /// The last scrape failed.
    Down,
}

impl Health {
    /// Its name in Prometheus' API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// How the last scrape of a target went.
#[derive(Debug, Clone, Default)]
pub struct LastScrape {
    /// When; `None` before the first.
    pub at: Option<Timestamp>,
    /// How long it took.
    pub duration: Duration,
    /// How it went.
    pub health: Health,
    /// Why it failed, or what was not kept of it.
    pub error: Option<String>,
    /// What it brought.
    pub swept: Swept,
}

/// A target that is scraped.
#[derive(Debug)]
pub struct Active {
    /// What it is.
    pub target: Target,
    last: Mutex<LastScrape>,
}

impl Active {
    /// One that was not scraped yet.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            last: Mutex::default(),
        }
    }

    /// How the last scrape went.
    pub fn last(&self) -> LastScrape {
        self.last.lock().clone()
    }

    /// Notes how a scrape went; how the one before did.
    pub(crate) fn note(&self, last: LastScrape) -> Health {
        std::mem::replace(&mut *self.last.lock(), last).health
    }
}

/// The targets of a job.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    /// Those that are scraped.
    pub active: Vec<Arc<Active>>,
    /// What discovery said of some of those that rules dropped.
    pub dropped: Vec<Vec<(String, String)>>,
    /// How many they dropped.
    pub dropped_count: usize,
    /// What is wrong with the job itself.
    pub problems: Vec<String>,
}

impl Pool {
    pub(super) fn drop_target(&mut self, labels: Vec<(String, String)>) {
        self.dropped_count += 1;
        if self.dropped.len() < DROPPED_MAX {
            self.dropped.push(labels);
        }
    }
}

/// How scraping goes.
#[derive(Debug, Default)]
pub struct Scraping {
    pools: RwLock<BTreeMap<String, Pool>>,
}

/// How a job goes, in short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobStatus {
    /// Its name.
    pub job: String,
    /// How many targets it has.
    pub targets: usize,
    /// Of these, those whose last scrape went well.
    pub up: usize,
    /// Of these, those whose last scrape failed.
    pub down: usize,
    /// What is wrong: with the job, then with targets that are down, then with what others expose.
    pub problems: Vec<Problem>,
    /// How many more problems there are.
    pub problems_more: usize,
}

/// What is wrong with a job or with one of its targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The target's `instance`; `None` where it is the job itself.
    pub instance: Option<String>,
    /// How the target is.
    pub health: Health,
    /// What is wrong.
    pub error: String,
    /// When it was scraped.
    pub at: Option<Timestamp>,
}

impl JobStatus {
    fn of(job: &str, pool: &Pool) -> Self {
        let mut status = Self {
            job: job.to_owned(),
            targets: pool.active.len(),
            ..Self::default()
        };
        status.problems = pool
            .problems
            .iter()
            .map(|error| Problem::of_job(error))
            .collect();
        let (mut down, mut others) = (Vec::new(), Vec::new());
        for active in &pool.active {
            let last = active.last();
            let is_down = last.health == Health::Down;
            status.up += usize::from(last.health == Health::Up);
            status.down += usize::from(is_down);
            // A target that is down always has a reason.
            if let Some(error) = last.error {
                let instance = active.target.labels.get("instance").unwrap_or("?");
                let problem = Problem {
                    instance: Some(instance.to_owned()),
                    health: last.health,
                    error,
                    at: last.at,
                };
                if is_down { &mut down } else { &mut others }.push(problem);
            }
        }
        status.problems.extend(down.into_iter().chain(others));
        status.problems_more = status.problems.len().saturating_sub(PROBLEMS_MAX);
        status.problems.truncate(PROBLEMS_MAX);
        status
    }
}

impl Problem {
    fn of_job(error: &str) -> Self {
        Self {
            instance: None,
            health: Health::Unknown,
            error: error.to_owned(),
            at: None,
        }
    }
}

impl Scraping {
    /// Puts what is known of a job in the place of what was.
    pub(crate) fn set(&self, job: &str, pool: Pool) {
        self.pools.write().insert(job.to_owned(), pool);
    }

    /// Puts what is wrong with a job in the place of what was.
    pub(super) fn set_problems(&self, job: &str, problems: Vec<String>) {
        if let Some(pool) = self.pools.write().get_mut(job) {
            pool.problems = problems;
        }
    }

    /// All jobs.
    pub fn pools(&self) -> BTreeMap<String, Pool> {
        self.pools.read().clone()
    }

    /// All jobs in short, by name.
    pub fn jobs(&self) -> Vec<JobStatus> {
        let pools = self.pools.read();
        let jobs = pools.iter();
        jobs.map(|(job, pool)| JobStatus::of(job, pool)).collect()
    }
}
