//! Collecting from what does not push: each target is asked at its own times, on a thread of its
//! own.
//!
//! 1. A target has one run under way at a time; a time that comes meanwhile is left out. One that
//!    hangs holds nobody else up.
//! 2. `up` of each target is told at each of its times, also while it is left in peace after
//!    failures.
//! 3. A run ends by its timeout, and when the server stops. Threads hold the store only while they
//!    append.
//!
//! In reading order: [`TargetSettings`], [`Collecting`], `turn` with a target's thread. What targets
//! there are is `tacho-collect`'s; how they go is shown with what is scraped.

pub mod custom;
mod turn;

use std::collections::BTreeMap;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tacho_collect::net::Stop;
pub use tacho_collect::net::http::Request;
pub use tacho_collect::net::{Address, Tls};
pub use tacho_collect::targets;
use tacho_collect::targets::Make;
use tacho_model::Labels;

use self::turn::{Patience, Turn, Watch};
use crate::app::SharedApp;
use crate::scrape::status::{Active, Pool};
use crate::scrape::target::Target;

/// Most targets, each of which has a thread.
pub const TARGETS_MAX: usize = 256;
/// How long threads may take to end once the server stops.
const GRACE: Duration = Duration::from_secs(5);
/// Memory for a thread's calls; address space until it is used.
const STACK_BYTES: usize = 1 << 20;

/// A target that is asked.
#[derive(Debug, Clone)]
pub struct TargetSettings {
    /// The key of the configuration that it stands under, such as `postgresql`.
    pub kind: &'static str,
    /// The value of `job`.
    pub job: String,
    /// The value of `instance`; this host's name where absent.
    pub instance: Option<String>,
    /// More labels of its series.
    pub labels: Vec<(String, String)>,
    /// How often it is asked.
    pub interval: Duration,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether it is asked more rarely after failures.
    pub after_failure: AfterFailure,
    /// What it is.
    pub what: What,
}

/// Whether a target is asked more rarely after failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// It is left in peace for longer and longer.
    BackOff,
    /// That it fails is what is measured.
    GoOn,
}

/// What a target is.
#[derive(Debug, Clone)]
pub enum What {
    /// One that pushes samples.
    Target(Arc<dyn Make>),
    /// One that prints them.
    Custom(Arc<custom::Settings>),
}

impl What {
    /// What it is about, for people.
    pub fn about(&self) -> String {
        match self {
            Self::Target(make) => make.about(),
            Self::Custom(settings) => settings.about(),
        }
    }

    fn make(&self, labels: &Labels) -> Box<dyn Watch> {
        let pairs = labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned()));
        match self {
            Self::Target(make) => {
                let target = make.make();
                Box::new(targets::Running::new(target, pairs.collect()))
            }
            Self::Custom(settings) => {
                Box::new(custom::Custom::new((**settings).clone(), labels.clone()))
            }
        }
    }
}

/// The threads that collect.
#[derive(Debug)]
pub struct Collecting {
    stop: Stop,
    wake: Vec<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Collecting {
    /// Starts a thread for each target.
    pub fn start(app: &SharedApp) -> std::io::Result<Self> {
        let mut collecting = Self {
            stop: Stop::default(),
            wake: Vec::new(),
            threads: Vec::new(),
        };
        let mut pools: BTreeMap<&str, Pool> = BTreeMap::new();
        for settings in &app.settings.collect.targets {
            let pool = pools.entry(settings.kind).or_default();
            let target = match scraped(settings, &app.host_name()) {
                Ok(target) => target,
                Err(error) => {
                    let about = settings.what.about();
                    pool.problems.push(format!("{about}: {error}"));
                    continue;
                }
            };
            let active = Arc::new(Active::new(target));
            pool.active.push(Arc::clone(&active));
            let (wake, woken) = channel();
            let turn = Turn {
                app: Weak::clone(&Arc::downgrade(app)),
                kind: settings.kind,
                watch: settings.what.make(&active.target.labels),
                patience: Patience::new(settings.after_failure, settings.interval),
                stop: collecting.stop.clone(),
                active,
            };
            let thread = std::thread::Builder::new()
                .name("tacho-collect".to_owned())
                .stack_size(STACK_BYTES)
                .spawn(move || turn.run(&woken))?;
            collecting.wake.push(wake);
            collecting.threads.push(thread);
        }
        for (kind, pool) in pools {
            app.scraping.set(&format!("collect.{kind}"), pool);
        }
        Ok(collecting)
    }

    /// Ends all threads; whether they ended well and in time.
    pub fn stop(self) -> bool {
        self.stop.stop();
        drop(self.wake);
        let began = Instant::now();
        while self.threads.iter().any(|thread| !thread.is_finished()) {
            if began.elapsed() > GRACE {
                // Whoever still waits holds nothing that others need.
                tracing::warn!("a collector's target did not let go in time");
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut joined = self.threads.into_iter().map(JoinHandle::join);
        joined.all(|joined| joined.is_ok())
    }
}

/// A target as it is shown with those that are scraped.
fn scraped(settings: &TargetSettings, host: &str) -> Result<Target, String> {
    let instance = settings.instance.as_deref().unwrap_or(host);
    let own = [("job", settings.job.as_str()), ("instance", instance)];
    let more = settings.labels.iter();
    let pairs = own
        .into_iter()
        .chain(more.map(|(n, v)| (n.as_str(), v.as_str())));
    Ok(Target {
        labels: Labels::new(pairs).map_err(|error| error.to_string())?,
        discovered: Vec::new(),
        url: settings.what.about(),
        interval: settings.interval,
        timeout: settings.timeout,
    })
}
