//! A job: finds its targets again and again, starts scraping those that are new and ends those
//! that are gone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::client::Client;
use super::discovery::{Change, LOOK_EVERY, Source};
use super::settings::Job;
use super::status::{Active, Pool};
use super::target::{Found, Target, targets};
use super::turn::{Turn, Turns};
use crate::app::SharedApp;

/// Most targets of one job; those beyond are not scraped, and the job says so.
const TARGETS_MAX: usize = 100_000;
/// Problems of a job that are kept.
const PROBLEMS_MAX: usize = 100;

/// Runs a job until the server closes.
pub(super) async fn run(
    app: SharedApp,
    job: Arc<Job>,
    turns: Arc<Turns>,
    mut closing: watch::Receiver<bool>,
) {
    let client = Client::new(&job.client, job.interval).map_err(|error| error.to_string());
    if let Err(reason) = &client {
        tracing::warn!(job = job.name, "no target can be scraped: {reason}");
    }
    let mut sources: Vec<Source> = job.discovery.iter().cloned().map(Source::new).collect();
    let mut running = Running {
        app,
        job,
        turns,
        client: client.map_err(Arc::from),
        over_limit: Arc::default(),
        lasting: Vec::new(),
        tasks: HashMap::new(),
        set: JoinSet::new(),
    };
    let mut changed = Change::Some;
    loop {
        let mut looked = Vec::with_capacity(sources.len());
        for source in sources {
            let (source, change) = source.look().await;
            if change == Change::Some {
                changed = Change::Some;
            }
            looked.push(source);
        }
        sources = looked;
        running.sync(&sources, changed);
        changed = Change::None;
        while running.set.try_join_next().is_some() {}
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = closing.wait_for(|closing| *closing) => break,
        }
    }
    // Nothing that is watched ended: only the watching does.
    running.set.shutdown().await;
}

/// What a target is known by.
type Key = (
    tacho_model::Labels,
    String,
    std::time::Duration,
    std::time::Duration,
);

/// The targets of a job that are scraped.
struct Running {
    app: SharedApp,
    job: Arc<Job>,
    turns: Arc<Turns>,
    client: Result<Client, Arc<str>>,
    /// Why no target may be scraped, when there are too many.
    over_limit: Arc<RwLock<Option<String>>>,
    /// What is wrong with the job until its targets change.
    lasting: Vec<String>,
    /// Dropping the sender ends the target.
    tasks: HashMap<Key, (Arc<Active>, watch::Sender<()>)>,
    set: JoinSet<()>,
}

impl Running {
    fn sync(&mut self, sources: &[Source], changed: Change) {
        let found: Vec<String> = sources
            .iter()
            .filter_map(Source::problem)
            .map(str::to_owned)
            .collect();
        if changed == Change::None {
            let problems = found.into_iter().chain(self.lasting.clone());
            let name = &self.job.name;
            self.app.scraping.set_problems(name, problems.collect());
            return;
        }
        let mut pool = Pool::default();
        pool.problems
            .extend(self.client.as_ref().err().map(ToString::to_string));
        let mut wanted: Vec<Target> = Vec::new();
        let mut keys = HashSet::new();
        for group in sources.iter().flat_map(Source::groups) {
            for found in targets(&self.job, group) {
                match found {
                    Found::Target(target) => {
                        if keys.len() < TARGETS_MAX && keys.insert(target.key()) {
                            wanted.push(*target);
                        }
                    }
                    Found::Dropped(labels) => pool.drop_target(labels),
                    Found::Invalid(reason) => {
                        tracing::warn!(job = self.job.name, "{reason}");
                        pool.problems.push(reason);
                    }
                }
            }
        }
        self.check_limit(wanted.len(), &mut pool);
        pool.problems.truncate(PROBLEMS_MAX);
        self.lasting.clone_from(&pool.problems);
        pool.problems.extend(found);
        self.tasks.retain(|key, _| keys.contains(key));
        for target in wanted {
            let key = target.key();
            if !self.tasks.contains_key(&key) {
                let started = self.start(target);
                self.tasks.insert(key, started);
            }
        }
        let active = self.tasks.values().map(|(active, _)| Arc::clone(active));
        pool.active = active.collect();
        pool.active
            .sort_by(|a, b| a.target.labels.cmp(&b.target.labels));
        self.app.scraping.set(&self.job.name, pool);
    }

    fn check_limit(&self, count: usize, pool: &mut Pool) {
        let limit = self.job.limits.targets;
        let reason = (limit > 0 && count > limit).then(|| {
            format!("target_limit exceeded: {count} targets, {limit} allowed; none is scraped")
        });
        pool.problems.extend(reason.clone());
        if count >= TARGETS_MAX {
            pool.problems
                .push(format!("only {TARGETS_MAX} targets are scraped"));
        }
        *self.over_limit.write() = reason;
    }

    fn start(&mut self, target: Target) -> (Arc<Active>, watch::Sender<()>) {
        let active = Arc::new(Active::new(target));
        let (stop, stopped) = watch::channel(());
        let turn = Turn {
            app: self.app.clone(),
            job: Arc::clone(&self.job),
            turns: Arc::clone(&self.turns),
            client: self.client.clone(),
            over_limit: Arc::clone(&self.over_limit),
            active: Arc::clone(&active),
        };
        self.set.spawn(turn.run(stopped));
        (active, stop)
    }
}
