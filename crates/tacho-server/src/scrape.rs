//! Scraping: targets are found, asked at their times, and what they expose is kept.
//!
//! In reading order:
//! - [`settings`]: what can be configured
//! - [`discovery`], [`target`]: where targets come from, and what becomes of an address
//! - `pool`, `turn`: a job's targets, each scraped at its times
//! - [`client`]: asking a target
//! - [`sweep`], [`cache`]: a body into samples, and what is remembered for the next one
//! - [`status`]: how it goes
//!
//! Async is asking and waiting; bodies are worked on on blocking threads, as many at a time as
//! there are cores. Semantics are Prometheus', so that its rules and dashboards hold.

pub mod cache;
pub mod client;
pub mod discovery;
mod pool;
pub mod settings;
pub mod status;
pub mod sweep;
pub mod target;
mod turn;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

pub use self::settings::ScrapeSettings;
pub use self::status::{JobStatus, Scraping};
use self::turn::Turns;
use crate::app::SharedApp;

/// Starts scraping whatever is configured; it ends when `closing` turns true or the set is
/// dropped.
pub fn start(app: &SharedApp, closing: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    let mut hasher = DefaultHasher::new();
    app.host_name().hash(&mut hasher);
    let turns = Arc::new(Turns::new(app.settings.server.writes_max, hasher.finish()));
    for job in &app.settings.scrape.jobs {
        let (app, job) = (SharedApp::clone(app), Arc::new(job.clone()));
        jobs.spawn(pool::run(app, job, Arc::clone(&turns), closing.clone()));
    }
    jobs
}

/// How scraping and collecting go, by job; `None` when nothing is to be asked.
pub fn jobs(app: &crate::app::App) -> Option<Vec<JobStatus>> {
    let settings = &app.settings;
    let wanted = !settings.scrape.jobs.is_empty() || !settings.collect.targets.is_empty();
    wanted.then(|| app.scraping.jobs())
}
