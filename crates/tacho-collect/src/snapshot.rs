//! What the last tick found, in the units people read.
//!
//! A field is `None` where its source cannot be read, or where a rate has no earlier reading yet;
//! never zero for "unknown". Not history: that is the store's.

use tacho_model::Timestamp;

use crate::sys::Space;

/// The host as of the last tick.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostSnapshot {
    /// When it was taken.
    pub time: Timestamp,
    /// The host's name.
    pub hostname: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// When the machine was started.
    pub boot_time: Option<Timestamp>,
    /// CPUs that are online.
    pub cpu_cores: Option<usize>,
    /// Share of all CPUs' time that was not idle since the tick before, 0 to 100.
    pub cpu_percent: Option<f64>,
    /// Share of memory that is not available to new programs, 0 to 100.
    pub memory_percent: Option<f64>,
    /// All memory.
    pub memory_total_bytes: Option<u64>,
    /// Memory that programs can still get without swapping.
    pub memory_available_bytes: Option<u64>,
    /// All swap.
    pub swap_total_bytes: Option<u64>,
    /// Swap that is free.
    pub swap_free_bytes: Option<u64>,
    /// Load average over 1, 5 and 15 minutes.
    pub load: Option<[f64; 3]>,
    /// The root file system.
    pub root: Option<Space>,
    /// Share of the root file system that is used, as `df` reckons, 0 to 100.
    pub disk_usage_percent: Option<f64>,
    /// Bytes a second read from all disks.
    pub disk_read_bytes_per_second: Option<f64>,
    /// Bytes a second written to all disks.
    pub disk_write_bytes_per_second: Option<f64>,
    /// Processes.
    pub processes: Option<u64>,
    /// Threads of all processes.
    pub threads: Option<u64>,
    /// CPU of this process since the tick before; 100 is one core.
    pub own_cpu_percent: Option<f64>,
    /// Memory of this process.
    pub own_resident_bytes: Option<u64>,
    /// The processes that used most CPU between the last two scans, most first.
    pub top_cpu: Vec<ProcessUsage>,
    /// The processes that hold most memory, most first.
    pub top_memory: Vec<ProcessUsage>,
}

/// What one process uses.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessUsage {
    /// Its number.
    pub pid: u32,
    /// Its name as the kernel keeps it, at most 15 bytes for a program.
    pub name: String,
    /// The file name of its executable, where that may be read. Never its arguments or
    /// environment: those hold secrets.
    pub executable: Option<String>,
    /// CPU since the scan before; 100 is one core. `None` at first sight.
    pub cpu_percent: Option<f64>,
    /// Memory it holds.
    pub resident_bytes: u64,
}
