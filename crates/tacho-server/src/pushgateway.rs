//! Pushgateway: what jobs that end by themselves push, kept and told again until it is deleted.
//!
//! 1. A group is known by its grouping labels, which win over labels in bodies. `PUT` replaces the
//!    group, `POST` the metrics of the same names, `DELETE` removes it; series that go are marked
//!    as ended.
//! 2. A push is taken whole or not at all, and what was acknowledged survives `kill -9`: each
//!    group is a file in `pushgateway/` of the data folder, replaced in one step.
//! 3. The last values are appended again every minute, so that they look like those of a scraped
//!    Pushgateway. Groups and series are bounded.
//!
//! Source: Pushgateway's README, sections "API" and "About metric inconsistencies".

mod body;
mod file;
mod path;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use tacho_model::append::STALE_NAN_BITS;
use tacho_model::{
    AppendError, Appender as _, Batch, Histogram, Kind, Labels, METRIC_NAME, Metadata, Refusal,
    Timestamp, Unit,
};
use tacho_wire::exposition::Form;
use tokio::sync::watch;

pub use self::path::{PathError, group_of};
use crate::app::{App, SharedApp};
use crate::intake::{Origin, Protocol, Signal};

/// How often the last values are told again.
const TELL_EVERY: Duration = Duration::from_mins(1);
/// Most groups.
const GROUPS_MAX: usize = 10_000;
/// Most series of all groups.
const SERIES_MAX: usize = 1_000_000;
/// Series of the gateway itself in each group.
const PUSHED: &str = "push_time_seconds";
const FAILED: &str = "push_failure_time_seconds";

/// What jobs pushed.
#[derive(Debug)]
pub struct Gateway {
    folder: PathBuf,
    groups: Mutex<BTreeMap<Labels, Group>>,
}

/// What one group holds.
#[derive(Debug, Clone, Default, PartialEq)]
struct Group {
    /// Its series by the family that they are of.
    families: BTreeMap<String, Vec<Series>>,
    /// When something was pushed.
    pushed: Option<Timestamp>,
    /// When a push was refused.
    failed: Option<Timestamp>,
}

/// A series and its last value.
#[derive(Debug, Clone, PartialEq)]
struct Series {
    labels: Labels,
    value: Value,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Float(f64),
    Histogram(Box<Histogram>),
}

/// What a push does to what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    /// Replaces the whole group (`PUT`).
    Group,
    /// Replaces the metrics of the same names (`POST`).
    Metrics,
}

/// Why a push was refused.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The body cannot be read, or says what may not be pushed.
    #[error("{0}")]
    Body(String),
    /// There are too many groups or series.
    #[error("the Pushgateway is full ({limit} {what}); delete groups that are done")]
    Full {
        /// What is allowed.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
    /// The store did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The store did not take some of its values, and so none is kept of the group.
    #[error("{refused} of the values are not taken ({reason}), so the push counts for nothing")]
    Refused {
        /// How many.
        refused: usize,
        /// Why the first of them.
        reason: Refusal,
    },
    /// The group could not be kept on disk.
    #[error("the group cannot be kept in {path}: {source}")]
    Keep {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Gateway {
    /// The gateway of a data folder; nothing is read yet.
    pub fn new(data: &Path) -> Self {
        Self {
            folder: data.join("pushgateway"),
            groups: Mutex::default(),
        }
    }

    /// Reads what was kept. A file that is damaged is set aside and told.
    pub fn load(&self) {
        *self.groups.lock() = file::load(&self.folder);
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.groups.lock().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a push. Blocks.
    pub fn push(
        &self,
        app: &App,
        group: &Labels,
        how: Push,
        form: Form,
        body: &[u8],
    ) -> Result<(), PushError> {
        let now = now();
        let mut groups = self.groups.lock();
        let taken = self.take(app, &mut groups, (group, how), (form, body), now);
        if let Err(PushError::Body(_)) = &taken {
            app.door(origin(group))
                .refuse(Signal::Samples, "malformed", 1);
        }
        if let Err(PushError::Body(_) | PushError::Refused { .. }) = &taken {
            // That it failed is worth knowing even of a group that has nothing else.
            let is_known = groups.contains_key(group);
            if is_known || groups.len() < GROUPS_MAX {
                let mut failed = groups.get(group).cloned().unwrap_or_default();
                failed.failed = Some(now);
                self.keep(group, &failed)?;
                tell(app, group, &failed, now)?;
                groups.insert(group.clone(), failed);
            }
        }
        taken
    }

    fn take(
        &self,
        app: &App,
        groups: &mut BTreeMap<Labels, Group>,
        (labels, how): (&Labels, Push),
        (form, body): (Form, &[u8]),
        now: Timestamp,
    ) -> Result<(), PushError> {
        let mut batch = Batch::new();
        let pushed = body::read(labels, form, body, &mut batch).map_err(PushError::Body)?;
        let before = groups.get(labels).cloned().unwrap_or_default();
        let mut after = match how {
            Push::Group => Group::default(),
            Push::Metrics => before.clone(),
        };
        after.families.extend(pushed);
        after.pushed = Some(now);
        after.failed = before.failed;
        check_duplicates(&after)?;
        let others: usize = groups.values().map(Group::len).sum();
        let limits = [
            (
                groups.len() + usize::from(!groups.contains_key(labels)),
                GROUPS_MAX,
                "groups",
            ),
            (others - before.len() + after.len(), SERIES_MAX, "series"),
        ];
        for (count, limit, what) in limits {
            if count > limit {
                return Err(PushError::Full { limit, what });
            }
        }
        ends(&before, &after, now, &mut batch);
        add(labels, &after, now, &mut batch);
        let rejected = app.door(origin(labels)).append(&batch)?.rejected;
        if let Some(first) = rejected.first() {
            let mut batch = Batch::new();
            if groups.contains_key(labels) {
                ends(&after, &before, now, &mut batch);
                add(labels, &before, now, &mut batch);
            } else {
                end(labels, &after, now, &mut batch);
            }
            app.door(origin(labels)).append(&batch)?;
            return Err(PushError::Refused {
                refused: rejected.len(),
                reason: first.reason,
            });
        }
        self.keep(labels, &after)?;
        groups.insert(labels.clone(), after);
        Ok(())
    }

    /// Removes a group, if there is one. Blocks.
    pub fn delete(&self, app: &App, labels: &Labels) -> Result<(), PushError> {
        let mut groups = self.groups.lock();
        let Some(before) = groups.get(labels) else {
            return Ok(());
        };
        let mut batch = Batch::new();
        end(labels, before, now(), &mut batch);
        app.door(origin(labels)).append(&batch)?;
        file::remove(&self.folder, labels).map_err(|source| self.not_kept(labels, source))?;
        groups.remove(labels);
        Ok(())
    }

    /// Appends all last values once more. Blocks.
    pub fn tell_all(&self, app: &App) {
        let all: Vec<Labels> = self.groups.lock().keys().cloned().collect();
        for labels in all {
            // Held while it is appended: what is deleted meanwhile must not come back.
            let groups = self.groups.lock();
            let Some(group) = groups.get(&labels) else {
                continue;
            };
            if let Err(error) = tell(app, &labels, group, now()) {
                tracing::warn!("pushed values are not told again: {error}");
                return;
            }
        }
    }

    fn keep(&self, labels: &Labels, group: &Group) -> Result<(), PushError> {
        let kept = file::write(&self.folder, labels, group);
        kept.map_err(|source| self.not_kept(labels, source))
    }

    fn not_kept(&self, labels: &Labels, source: std::io::Error) -> PushError {
        let path = file::path(&self.folder, labels);
        PushError::Keep { path, source }
    }
}

impl Group {
    fn len(&self) -> usize {
        self.families.values().map(Vec::len).sum()
    }
}

/// Tells all last values every minute, until the server closes.
pub async fn run(app: SharedApp, mut closing: watch::Receiver<bool>) {
    loop {
        let shared = SharedApp::clone(&app);
        let work = move || shared.gateway.tell_all(&shared);
        if tokio::task::spawn_blocking(work).await.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(TELL_EVERY) => {}
            _ = closing.wait_for(|closing| *closing) => return,
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from_millis(Timestamp::now().as_millis())
}

/// Counted by job.
fn origin(labels: &Labels) -> Origin<'_> {
    Origin::new(Protocol::Pushgateway, labels.get("job").unwrap_or(""))
}

fn tell(app: &App, labels: &Labels, group: &Group, now: Timestamp) -> Result<(), AppendError> {
    let mut batch = Batch::new();
    add(labels, group, now, &mut batch);
    app.door(origin(labels)).append(&batch).map(drop)
}

/// Marks all series of a group as ended.
fn end(labels: &Labels, group: &Group, now: Timestamp, batch: &mut Batch) {
    ends(group, &Group::default(), now, batch);
    for name in [PUSHED, FAILED] {
        if let Ok(series) = batch.series(labels.iter().chain([(METRIC_NAME, name)])) {
            batch.push(series, now, f64::from_bits(STALE_NAN_BITS));
        }
    }
}

/// Adds the values of a group.
fn add(labels: &Labels, group: &Group, now: Timestamp, batch: &mut Batch) {
    for one in group.families.values().flatten() {
        let series = batch.series_encoded(one.labels.as_ref());
        match &one.value {
            Value::Float(value) => batch.push(series, now, *value),
            Value::Histogram(value) => batch.push_histogram(series, now, (**value).clone()),
        }
    }
    let times = [
        (PUSHED, group.pushed, "When something was last pushed."),
        (FAILED, group.failed, "When a push was last refused."),
    ];
    for (name, at, help) in times {
        let Ok(series) = batch.series(labels.iter().chain([(METRIC_NAME, name)])) else {
            continue;
        };
        batch.push(series, now, at.map_or(0.0, Timestamp::as_secs_f64));
        let metadata = Metadata {
            kind: Kind::Gauge,
            unit: Unit::SECONDS,
            help: help.to_owned(),
        };
        batch.describe(name, metadata);
    }
}

/// Marks the ends of series that one state has and the other has not.
fn ends(before: &Group, after: &Group, now: Timestamp, batch: &mut Batch) {
    let all = |group: &Group| -> HashSet<Labels> {
        let series = group.families.values().flatten();
        series.map(|one| one.labels.clone()).collect()
    };
    let kept = all(after);
    for labels in all(before).difference(&kept) {
        let series = batch.series_encoded(labels.as_ref());
        batch.push(series, now, f64::from_bits(STALE_NAN_BITS));
    }
}

fn check_duplicates(group: &Group) -> Result<(), PushError> {
    let mut seen = HashSet::new();
    let series = group.families.values().flatten();
    for one in series {
        if !seen.insert(one.labels.as_ref()) {
            let reason = format!("the series {} is given twice", one.labels);
            return Err(PushError::Body(reason));
        }
    }
    Ok(())
}
