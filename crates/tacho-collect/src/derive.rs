//! Percentages and rates, made from raw counters: the names of the unified collector's *system*
//! source (F2), and the [`HostSnapshot`].
//!
//! A rate needs two readings: it is absent on the first tick, after a counter was reset, and when
//! the clock did not move forwards. Shares of CPU time compare the kernel's own ticks, so they
//! survive a clock step. Megabytes here are MiB (2^20 bytes), as in the collectors these names
//! come from. Pure: time is an argument.

use std::time::Duration;

use tacho_model::{Kind, Timestamp, Unit};

use crate::emit::{Emitter, Family};
use crate::snapshot::{HostSnapshot, ProcessUsage};
use crate::sys::Space;

/// What collectors leave for others; `None` where a source cannot be read.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    /// All CPUs together.
    pub cpu: Option<CpuReading>,
    /// CPUs that are online.
    pub cpu_cores: Option<usize>,
    /// When the machine was started.
    pub boot_time: Option<Timestamp>,
    /// Memory and swap.
    pub memory: Option<MemoryReading>,
    /// Load average over 1, 5 and 15 minutes.
    pub load: Option<[f64; 3]>,
    /// All disks together.
    pub disk: Option<DiskReading>,
    /// The root file system.
    pub root: Option<Space>,
    /// Processes and threads.
    pub processes: Option<ProcessReading>,
    /// CPU time of this process so far.
    pub own_cpu: Option<Duration>,
    /// Memory of this process.
    pub own_resident_bytes: Option<u64>,
}

/// Time of all CPUs so far, in the kernel's ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuReading {
    /// Neither idle nor waiting for a disk.
    pub busy_ticks: u64,
    /// All of it.
    pub total_ticks: u64,
}

/// Memory and swap now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryReading {
    /// All memory.
    pub total_bytes: u64,
    /// What programs can still get.
    pub available_bytes: u64,
    /// All swap.
    pub swap_total_bytes: u64,
    /// Swap that is free.
    pub swap_free_bytes: u64,
}

/// Bytes moved by all disks so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskReading {
    /// Read.
    pub read_bytes: u64,
    /// Written.
    pub written_bytes: u64,
}

/// The last scan of processes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessReading {
    /// How many there are.
    pub count: u64,
    /// Their threads.
    pub threads: u64,
    /// Those that used most CPU, most first.
    pub top_cpu: Vec<ProcessUsage>,
    /// Those that hold most memory, most first.
    pub top_memory: Vec<ProcessUsage>,
}

/// Remembers the last tick, to make rates.
#[derive(Debug, Default)]
pub struct Deriver {
    previous: Option<(Timestamp, Counters)>,
}

#[derive(Clone, Copy, Debug)]
struct Counters {
    cpu: Option<CpuReading>,
    disk: Option<DiskReading>,
    own_cpu: Option<Duration>,
}

impl Deriver {
    /// Fills what `snapshot` says of this tick from its readings and the last ones.
    pub fn derive(&mut self, now: Timestamp, readings: &Readings, snapshot: &mut HostSnapshot) {
        let counters = Counters {
            cpu: readings.cpu,
            disk: readings.disk,
            own_cpu: readings.own_cpu,
        };
        let (last, before) = match self.previous.replace((now, counters)) {
            Some((last, before)) => (Some(last), Some(before)),
            None => (None, None),
        };
        let elapsed = last.map_or(0.0, |last| now.since(last).as_secs_f64());
        let rate = |before: Option<f64>, after: Option<f64>| -> Option<f64> {
            let increase = after? - before?;
            (elapsed > 0.0 && increase >= 0.0).then(|| increase / elapsed)
        };
        let disk_before = before.and_then(|b| b.disk);
        let read = |disk: Option<DiskReading>| disk.map(|d| d.read_bytes as f64);
        let written = |disk: Option<DiskReading>| disk.map(|d| d.written_bytes as f64);
        let secs = |time: Option<Duration>| time.map(|t| t.as_secs_f64());

        snapshot.time = now;
        snapshot.cpu_percent = cpu_percent(before.and_then(|b| b.cpu), readings.cpu);
        snapshot.disk_read_bytes_per_second = rate(read(disk_before), read(readings.disk));
        snapshot.disk_write_bytes_per_second = rate(written(disk_before), written(readings.disk));
        snapshot.own_cpu_percent =
            rate(secs(before.and_then(|b| b.own_cpu)), secs(readings.own_cpu)).map(|r| r * 100.0);
        copy_levels(readings, snapshot);
    }
}

/// What needs no earlier reading.
fn copy_levels(readings: &Readings, snapshot: &mut HostSnapshot) {
    snapshot.cpu_cores = readings.cpu_cores;
    snapshot.boot_time = readings.boot_time;
    snapshot.load = readings.load;
    snapshot.root = readings.root;
    snapshot.disk_usage_percent = readings.root.and_then(|root| usage_percent(&root));
    snapshot.own_resident_bytes = readings.own_resident_bytes;
    let memory = readings.memory;
    snapshot.memory_total_bytes = memory.map(|m| m.total_bytes);
    snapshot.memory_available_bytes = memory.map(|m| m.available_bytes);
    snapshot.swap_total_bytes = memory.map(|m| m.swap_total_bytes);
    snapshot.swap_free_bytes = memory.map(|m| m.swap_free_bytes);
    snapshot.memory_percent = memory.filter(|m| m.total_bytes > 0).map(|m| {
        let used = m.total_bytes.saturating_sub(m.available_bytes);
        100.0 * used as f64 / m.total_bytes as f64
    });
    let processes = readings.processes.as_ref();
    snapshot.processes = processes.map(|p| p.count);
    snapshot.threads = processes.map(|p| p.threads);
    let top = |of: fn(&ProcessReading) -> &Vec<ProcessUsage>, into: &mut Vec<ProcessUsage>| {
        match processes {
            // Scans are rarer than ticks: most of the time nothing changed.
            Some(reading) if of(reading) != into => into.clone_from(of(reading)),
            Some(_) => {}
            None => into.clear(),
        }
    };
    top(|p| &p.top_cpu, &mut snapshot.top_cpu);
    top(|p| &p.top_memory, &mut snapshot.top_memory);
}

fn cpu_percent(before: Option<CpuReading>, after: Option<CpuReading>) -> Option<f64> {
    let (before, after) = (before?, after?);
    let total = after.total_ticks.checked_sub(before.total_ticks)?;
    let busy = after.busy_ticks.checked_sub(before.busy_ticks)?;
    (total > 0).then(|| (100.0 * busy as f64 / total as f64).min(100.0))
}

/// Used space over what everyone may use, as `df` reckons: root's reserve counts as neither.
fn usage_percent(space: &Space) -> Option<f64> {
    let used = space.size_bytes.checked_sub(space.free_bytes)?;
    let usable = used.checked_add(space.avail_bytes).filter(|u| *u > 0)?;
    Some(100.0 * used as f64 / usable as f64)
}

const MIB: f64 = 1_048_576.0;

const fn resource(name: &'static str, unit: &'static str, help: &'static str) -> Family {
    Family::new(name, Kind::Resource, Unit::of(unit), help)
}

type Value = fn(&HostSnapshot) -> Option<f64>;

/// Each derived name, what it means, and where it comes from.
static NAMES: [(Family, Value); 11] = [
    (
        resource(
            "cpu_usage_percent",
            "%",
            "Share of all CPUs' time that was not idle.",
        ),
        |s| s.cpu_percent,
    ),
    (
        resource(
            "memory_usage_percent",
            "%",
            "Share of memory not available to programs.",
        ),
        |s| s.memory_percent,
    ),
    (
        resource(
            "memory_available_mb",
            "MiBy",
            "Memory that programs can still get, MiB.",
        ),
        |s| s.memory_available_bytes.map(|b| b as f64 / MIB),
    ),
    (
        resource(
            "memory_allocated_mb",
            "MiBy",
            "Memory held by this program, MiB.",
        ),
        |s| s.own_resident_bytes.map(|b| b as f64 / MIB),
    ),
    (
        resource(
            "disk_read_mb_per_sec",
            "MiBy/s",
            "Read from all disks, MiB a second.",
        ),
        |s| s.disk_read_bytes_per_second.map(|b| b / MIB),
    ),
    (
        resource(
            "disk_write_mb_per_sec",
            "MiBy/s",
            "Written to all disks, MiB a second.",
        ),
        |s| s.disk_write_bytes_per_second.map(|b| b / MIB),
    ),
    (
        resource(
            "load_average",
            "1",
            "Runnable or waiting threads, 1 minute average.",
        ),
        |s| s.load.map(|load| load[0]),
    ),
    (
        resource(
            "disk_usage_percent",
            "%",
            "Share of the root file system that is used.",
        ),
        |s| s.disk_usage_percent,
    ),
    (
        resource("process_count", "{process}", "Processes on this host."),
        |s| s.processes.map(|n| n as f64),
    ),
    (
        resource(
            "process_cpu_percent",
            "%",
            "CPU of this program; 100 is one core.",
        ),
        |s| s.own_cpu_percent,
    ),
    (
        resource(
            "process_memory_mb",
            "MiBy",
            "Memory held by this program, MiB.",
        ),
        |s| s.own_resident_bytes.map(|b| b as f64 / MIB),
    ),
];

/// Labels of all derived series, besides `instance`.
pub const LABELS: crate::collector::ConstantLabels = &[("source", "system")];

/// Pushes every derived name that has a value.
pub fn push(snapshot: &HostSnapshot, emit: &mut Emitter<'_>) {
    for (family, value) in &NAMES {
        if let Some(value) = value(snapshot) {
            emit.push(family, &[], value);
        }
    }
}
