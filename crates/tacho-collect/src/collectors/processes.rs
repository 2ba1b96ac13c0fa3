//! Processes: how many there are, and which use most CPU and memory.
//!
//! Of each process only `/proc/PID/stat` is read; of the top ones also the name of the executable.
//! Never arguments or environment, which hold secrets. Counts are under `node_exporter`'s names,
//! groups under those of `process-exporter`: processes of one name are one group. A process that
//! starts and ends between two scans is not seen: that is the price of looking rather than tracing.
//!
//! A scan costs some microseconds a process. On hosts with very many, scans become rarer, so that
//! they never take more than [`BUDGET`] of a core.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use tacho_model::{Timestamp, Unit};

use crate::collector::{Collector, Context};
use crate::derive::ProcessReading;
use crate::emit::{Emitter, Family};
use crate::error::CollectError;
use crate::host::HostOptions;
use crate::snapshot::ProcessUsage;
use crate::sys::{self, Directory};
use crate::text;
use groups::{Groups, Shown, Usage};

pub mod groups;
pub mod stat;

/// Most CPU that scanning may take, in parts of a core.
pub const BUDGET: f64 = 0.002;
/// Scans are never rarer than this.
const EVERY_MAX: Duration = Duration::from_mins(1);
/// Most processes that one scan reads.
pub const PROCESSES_MAX: usize = 65_536;
/// The parent of all kernel threads.
const KTHREADD: u64 = 2;

static PIDS: Family = Family::gauge("node_processes_pids", Unit::NONE, "Number of PIDs");
static THREADS: Family = Family::gauge(
    "node_processes_threads",
    Unit::NONE,
    "Allocated threads in system",
);
static GROUP_CPU: Family = Family::counter(
    "namedprocess_namegroup_cpu_seconds_total",
    Unit::SECONDS,
    "Cpu user and system usage in seconds of the processes of one name.",
);
pub(crate) static GROUP_MEMORY: Family = Family::gauge(
    "namedprocess_namegroup_memory_bytes",
    Unit::BYTES,
    "Number of bytes of memory in use by the processes of one name.",
);
static GROUP_COUNT: Family = Family::gauge(
    "namedprocess_namegroup_num_procs",
    Unit::NONE,
    "Number of processes of one name.",
);

/// A process at the last scan; with its number, `start_ticks` is its identity.
#[derive(Clone, Debug)]
struct Seen {
    start_ticks: u64,
    cpu_ticks: u64,
    scan: u64,
}

/// A process at this scan.
#[derive(Debug)]
struct Found {
    pid: u32,
    name: String,
    delta_ticks: Option<u64>,
    resident_bytes: u64,
}

/// Keeps procfs open and remembers every process of the last scan.
#[derive(Debug)]
pub struct Processes {
    directory: Directory,
    wanted: Duration,
    every: Duration,
    top: usize,
    page_bytes: u64,
    ticks_per_second: u64,
    seen: HashMap<u32, Seen>,
    youngest_ticks: u64,
    scan: u64,
    last: Option<Timestamp>,
    groups: Groups,
    buffer: Vec<u8>,
}

impl Processes {
    /// Reads below `options.procfs`.
    pub fn new(options: &HostOptions) -> Self {
        Self {
            directory: Directory::new(options.procfs.clone()),
            wanted: options.processes_every,
            every: options.processes_every,
            top: options.process_top,
            page_bytes: sys::page_bytes(),
            ticks_per_second: sys::ticks_per_second(),
            seen: HashMap::new(),
            youngest_ticks: 0,
            scan: 0,
            last: None,
            groups: Groups::default(),
            buffer: vec![0; 1024],
        }
    }

    /// Reads every process.
    fn scan(&mut self) -> Result<(Vec<Found>, u64), CollectError> {
        let mut pids = Vec::with_capacity(self.seen.len() + 16);
        let failed = |source, path: PathBuf| CollectError::Read { path, source };
        self.directory
            .numbers(PROCESSES_MAX, &mut pids)
            .map_err(|e| failed(e, self.directory.path().to_owned()))?;
        self.scan += 1;
        let first = self.scan == 1;
        let youngest_before = self.youngest_ticks;
        let mut found = Vec::with_capacity(pids.len());
        let mut threads = 0u64;
        for pid in pids {
            // A process that ended meanwhile, or a line cut short: not there.
            let read = self.directory.read_of(pid, "stat", &mut self.buffer);
            let Ok(length) = read else { continue };
            let line = self.buffer.get(..length).unwrap_or_default();
            let Ok(stat) = stat::parse(line) else {
                continue;
            };
            threads = threads.saturating_add(stat.threads);
            self.youngest_ticks = self.youngest_ticks.max(stat.start_ticks);
            let started_since = !first && stat.start_ticks >= youngest_before;
            let new = Seen {
                start_ticks: stat.start_ticks,
                cpu_ticks: stat.cpu_ticks,
                scan: self.scan,
            };
            let old = self.seen.insert(pid, new);
            let old = old.filter(|old| old.start_ticks == stat.start_ticks);
            let delta_ticks = match old {
                Some(old) => Some(stat.cpu_ticks.saturating_sub(old.cpu_ticks)),
                // All it used, it used since the last scan.
                None => started_since.then_some(stat.cpu_ticks),
            };
            found.push(Found {
                pid,
                name: group_name(stat.comm, stat.parent),
                delta_ticks,
                resident_bytes: stat.resident_pages.saturating_mul(self.page_bytes),
            });
        }
        let scan = self.scan;
        self.seen.retain(|_, seen| seen.scan == scan);
        Ok((found, threads))
    }

    /// The first of `found` by `key`, most first, without those that use nothing.
    fn top(
        &self,
        found: &[Found],
        elapsed: Option<f64>,
        key: impl Fn(&Found) -> u64,
    ) -> Vec<ProcessUsage> {
        let mut ranked: Vec<&Found> = found.iter().filter(|f| key(f) > 0).collect();
        ranked.sort_unstable_by_key(|found| (std::cmp::Reverse(key(found)), found.pid));
        ranked.truncate(self.top);
        let usage = ranked.into_iter().map(|found| ProcessUsage {
            pid: found.pid,
            name: found.name.clone(),
            executable: self.directory.executable(found.pid),
            cpu_percent: found.delta_ticks.zip(elapsed).map(|(ticks, elapsed)| {
                100.0 * ticks as f64 / self.ticks_per_second as f64 / elapsed
            }),
            resident_bytes: found.resident_bytes,
        });
        usage.collect()
    }

    fn push_groups(&self, shown: &[Shown], emit: &mut Emitter<'_>) {
        for Shown {
            name,
            total_ticks,
            usage,
        } in shown
        {
            let group = ("groupname", name.as_str());
            let seconds = *total_ticks as f64 / self.ticks_per_second as f64;
            emit.push(&GROUP_CPU, &[group], seconds);
            let resident = usage.resident_bytes as f64;
            emit.push(&GROUP_MEMORY, &[group, ("memtype", "resident")], resident);
            emit.push(&GROUP_COUNT, &[group], usage.processes as f64);
        }
    }
}

/// What a process is grouped under. Kernel threads are named after their work and CPU, such as
/// `kworker/3:1-events`: what stands before the slash is the same for all of a kind.
pub(crate) fn group_name(comm: &[u8], parent: u64) -> String {
    let kind = match text::split_once(comm, b'/') {
        Some((kind, _)) if parent == KTHREADD => kind,
        _ => comm,
    };
    let name = text::name(kind);
    if name.is_empty() {
        "?".to_owned()
    } else {
        name
    }
}

fn by_group(found: &[Found]) -> BTreeMap<String, Usage> {
    let mut groups: BTreeMap<String, Usage> = BTreeMap::new();
    for process in found {
        let usage = Usage {
            cpu_ticks: process.delta_ticks.unwrap_or(0),
            resident_bytes: process.resident_bytes,
            processes: 1,
        };
        match groups.get_mut(&process.name) {
            Some(group) => group.add(usage),
            None => drop(groups.insert(process.name.clone(), usage)),
        }
    }
    groups
}

impl Collector for Processes {
    fn name(&self) -> &'static str {
        "processes"
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn collect(&mut self, ctx: &mut Context<'_>) -> Result<(), CollectError> {
        ctx.readings.processes = None;
        let started = sys::thread_cpu_time();
        let elapsed = self.last.replace(ctx.now).map(|last| ctx.now.since(last));
        let elapsed = elapsed.map(|e| e.as_secs_f64()).filter(|secs| *secs > 0.0);
        let (found, threads) = self.scan()?;
        ctx.emit.push(&PIDS, &[], found.len() as f64);
        ctx.emit.push(&THREADS, &[], threads as f64);
        let shown = self.groups.scan(ctx.now, &by_group(&found), self.top);
        self.push_groups(&shown, &mut ctx.emit);
        ctx.readings.processes = Some(ProcessReading {
            count: found.len() as u64,
            threads,
            top_cpu: self.top(&found, elapsed, |f| f.delta_ticks.unwrap_or(0)),
            top_memory: self.top(&found, elapsed, |f| f.resident_bytes),
        });
        if let (Some(before), Some(after)) = (started, sys::thread_cpu_time()) {
            self.every = stretch(self.wanted, after.saturating_sub(before));
        }
        Ok(())
    }
}

/// How long to wait between scans that cost this much: whole multiples of `every`.
pub(crate) fn stretch(every: Duration, cost: Duration) -> Duration {
    if every.is_zero() {
        return every;
    }
    let wanted = cost.as_secs_f64() / BUDGET;
    let times = (wanted / every.as_secs_f64()).ceil().clamp(1.0, 1e6);
    every.mul_f64(times).min(EVERY_MAX.max(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_threads_of_a_kind_are_one_group() {
        assert_eq!(group_name(b"kworker/3:1-events", 2), "kworker");
        assert_eq!(group_name(b"a/b", 1), "a/b");
        assert_eq!(group_name(b"\xff\xfe", 1), "\u{fffd}\u{fffd}");
        assert_eq!(group_name(b"", 1), "?");
    }

    #[test]
    fn scans_become_rarer_where_they_are_dear() {
        let every = Duration::from_secs(5);
        let check = |cost_ms, secs| {
            let cost = Duration::from_millis(cost_ms);
            assert_eq!(stretch(every, cost), Duration::from_secs(secs), "{cost_ms}");
        };
        check(0, 5);
        check(9, 5);
        check(12, 10);
        check(100, 50);
        check(5000, 60);
    }
}
