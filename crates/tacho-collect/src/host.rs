//! The host: every collector, run when it is due.
//!
//! Invariants:
//! 1. a tick never fails and never waits for a source that may hang;
//! 2. a source that is lost, or comes back, is said once;
//! 3. samples of one tick carry that tick's time.
//!
//! Not a scheduler: the caller ticks, at whatever interval, and a collector that wants to run more
//! rarely than that is run on the first tick of each of its own intervals.

use std::path::PathBuf;
use std::time::Duration;

use tacho_model::{Batch, Timestamp};

use crate::collector::{Collector, ConstantLabels, Context};
use crate::collectors;
use crate::derive::{self, Deriver, Readings};
use crate::emit::SeriesBook;
use crate::error::CollectError;
use crate::snapshot::HostSnapshot;
use crate::source::read_line;

/// What is collected, and from where.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// Where procfs is mounted.
    pub procfs: PathBuf,
    /// Where sysfs is mounted.
    pub sysfs: PathBuf,
    /// Where the host's root file system is mounted; elsewhere than `/` in a container.
    pub rootfs: PathBuf,
    /// How often processes are scanned.
    pub processes_every: Duration,
    /// How many processes count as top, by CPU and again by memory.
    pub process_top: usize,
    /// Whether NVIDIA GPUs are read, where their library is installed.
    pub gpu: bool,
    /// The driver's library: a file name that the loader searches for, or a path.
    pub nvml_library: PathBuf,
    /// Labels of every series, besides `instance` (this host's name), `job` (`node`; `tacho` for
    /// this process) and `source` (`system`, derived series). The same name here wins; an empty
    /// value removes the label. A sample's own label always wins.
    pub extra_labels: Vec<(String, String)>,
    /// Names of collectors that are not run.
    pub without: Vec<String>,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self {
            procfs: "/proc".into(),
            sysfs: "/sys".into(),
            rootfs: "/".into(),
            processes_every: Duration::from_secs(5),
            process_top: 10,
            gpu: true,
            nvml_library: "libnvidia-ml.so.1".into(),
            extra_labels: Vec::new(),
            without: Vec::new(),
        }
    }
}

/// Most notices kept for a caller that does not take them; further ones are dropped.
pub const NOTICES_MAX: usize = 1000;

/// A source was lost, or is back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The collector's name.
    pub source: &'static str,
    /// Which of the two.
    pub kind: NoticeKind,
    /// What happened and why, for people.
    pub message: String,
    /// When that was found.
    pub since: Timestamp,
}

/// What became of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// It, or a part of it, cannot be read.
    Lost,
    /// It can be read again.
    Restored,
    /// This host does not have it: nothing is wrong.
    NotHere,
}

/// All collectors of this host.
pub struct Host {
    entries: Vec<Entry>,
    readings: Readings,
    deriver: Deriver,
    derived: SeriesBook,
    snapshot: HostSnapshot,
    notices: Vec<Notice>,
    describe_again: bool,
}

struct Entry {
    collector: Box<dyn Collector>,
    book: SeriesBook,
    last: Option<Timestamp>,
    lost: bool,
}

impl Host {
    /// Prepares every collector; nothing is read but the host's name.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers configure a host once and have no further use for the options"
    )]
    pub fn new(options: HostOptions) -> Self {
        let kernel = options.procfs.join("sys/kernel");
        let snapshot = HostSnapshot {
            hostname: read_line(&kernel.join("hostname")),
            kernel: read_line(&kernel.join("osrelease")),
            ..HostSnapshot::default()
        };
        let book = |labels| SeriesBook::new(constant(labels, &snapshot, &options));
        let entries = collectors::ALL
            .iter()
            .map(|make| make(&options))
            .filter(|collector| options.without.iter().all(|w| w != collector.name()))
            .map(|collector| Entry {
                book: book(collector.labels()),
                collector,
                last: None,
                lost: false,
            })
            .collect();
        Self {
            entries,
            readings: Readings::default(),
            deriver: Deriver::default(),
            derived: book(derive::LABELS),
            snapshot,
            notices: Vec::new(),
            describe_again: false,
        }
    }

    /// One tick: runs every collector that is due at `now` and pushes its samples with that time.
    /// Never fails: a source that cannot be read is absent.
    pub fn collect(&mut self, now: Timestamp, batch: &mut Batch) {
        if std::mem::take(&mut self.describe_again) {
            for entry in &self.entries {
                entry.book.describe_all(batch);
            }
            self.derived.describe_all(batch);
        }
        for entry in &mut self.entries {
            if !is_due(entry.collector.every(), entry.last, now) {
                continue;
            }
            entry.last = Some(now);
            let mut ctx = Context {
                now,
                emit: entry.book.run(batch, now),
                readings: &mut self.readings,
            };
            let outcome = entry.collector.collect(&mut ctx);
            ctx.emit.finish();
            let notice = entry.judge(now, outcome);
            self.notices
                .extend(notice.filter(|_| self.notices.len() < NOTICES_MAX));
        }
        self.deriver.derive(now, &self.readings, &mut self.snapshot);
        let mut emit = self.derived.run(batch, now);
        derive::push(&self.snapshot, &mut emit);
        emit.finish();
    }

    /// Sources that were lost or came back since the last call, each said once.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// What the last tick found.
    pub fn snapshot(&self) -> &HostSnapshot {
        &self.snapshot
    }

    /// Describes every metric once more on the next tick: for when a batch was not kept.
    pub fn describe_again(&mut self) {
        self.describe_again = true;
    }

    /// The names of the collectors that run.
    pub fn collectors(&self) -> impl Iterator<Item = &'static str> {
        self.entries.iter().map(|entry| entry.collector.name())
    }
}

impl Entry {
    fn judge(&mut self, now: Timestamp, outcome: Result<(), CollectError>) -> Option<Notice> {
        let lost = outcome.is_err();
        if lost == std::mem::replace(&mut self.lost, lost) {
            return None;
        }
        let (kind, message) = match outcome {
            Ok(()) => (NoticeKind::Restored, "it can be read again".to_owned()),
            Err(e @ CollectError::NotHere { .. }) => (NoticeKind::NotHere, format!("did not {e}")),
            Err(e) => (NoticeKind::Lost, format!("failed to {e}")),
        };
        Some(Notice {
            source: self.collector.name(),
            kind,
            message,
            since: now,
        })
    }
}

/// Whether `now` is in another interval than `last`: counting from the epoch, so that a tick that
/// is a millisecond early does not skip a whole interval, and a clock that goes back does no harm.
fn is_due(every: Duration, last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| every.is_zero() || last.align_down(every) != now.align_down(every))
}

fn constant(
    labels: ConstantLabels,
    snapshot: &HostSnapshot,
    options: &HostOptions,
) -> Vec<(String, String)> {
    let extra = &options.extra_labels;
    let instance = snapshot.hostname.as_deref().unwrap_or_default();
    labels
        .iter()
        .copied()
        .chain([("instance", instance)])
        .filter(|(name, _)| extra.iter().all(|(other, _)| other != name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .chain(extra.iter().cloned())
        .collect()
}
