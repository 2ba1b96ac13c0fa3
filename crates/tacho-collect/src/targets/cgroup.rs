//! What a control group uses, with cAdvisor's names: for containers and for systemd's units.
//!
//! Version 2 only. Every file but `cgroup.procs` may be missing, for its controller may be off: what
//! it says is absent then. Source: Linux, "Control Group v2".

use std::path::{Path, PathBuf};

use tacho_model::Unit;

use crate::emit::{Emitter, Family};
use crate::source::TextFile;
use crate::text;

/// Most groups that one look finds.
const GROUPS_MAX: usize = 50_000;
/// How deep groups lie at most; Kubernetes' are at five.
const DEPTH_MAX: usize = 12;
/// Most groups below one whose processes are counted; those of the others are left out.
const BELOW_MAX: usize = 1000;

const N: Unit = Unit::NONE;
const S: Unit = Unit::SECONDS;
const B: Unit = Unit::BYTES;

const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> Family {
    Family::gauge(name, unit, help)
}

const fn counter(name: &'static str, unit: Unit, help: &'static str) -> Family {
    Family::counter(name, unit, help)
}

/// Lines of `cpu.stat`, and by what they are divided.
static CPU: [(&str, f64, Family); 6] = [
    (
        "usage_usec",
        1e6,
        counter("container_cpu_usage_seconds_total", S, "CPU time."),
    ),
    (
        "user_usec",
        1e6,
        counter(
            "container_cpu_user_seconds_total",
            S,
            "CPU time in programs.",
        ),
    ),
    (
        "system_usec",
        1e6,
        counter(
            "container_cpu_system_seconds_total",
            S,
            "CPU time in the kernel.",
        ),
    ),
    (
        "nr_periods",
        1.0,
        counter(
            "container_cpu_cfs_periods_total",
            N,
            "Periods with a limit.",
        ),
    ),
    (
        "nr_throttled",
        1.0,
        counter(
            "container_cpu_cfs_throttled_periods_total",
            N,
            "Periods it was held back in.",
        ),
    ),
    (
        "throttled_usec",
        1e6,
        counter(
            "container_cpu_cfs_throttled_seconds_total",
            S,
            "Time it was held back.",
        ),
    ),
];
/// Files with one number each.
static SINGLE: [(&str, Family); 5] = [
    (
        "memory.current",
        gauge(
            "container_memory_usage_bytes",
            B,
            "Memory, caches included.",
        ),
    ),
    (
        "memory.swap.current",
        gauge("container_memory_swap", B, "Memory that is swapped out."),
    ),
    (
        "memory.max",
        gauge(
            "container_spec_memory_limit_bytes",
            B,
            "Memory it may use; 0 is no limit.",
        ),
    ),
    (
        "memory.peak",
        gauge(
            "container_memory_max_usage_bytes",
            B,
            "The most memory it used.",
        ),
    ),
    (
        "pids.max",
        gauge(
            "container_threads_max",
            N,
            "Threads it may have; 0 is no limit.",
        ),
    ),
];
/// Lines of `memory.stat`.
static MEMORY: [(&str, Family); 5] = [
    (
        "anon",
        gauge("container_memory_rss", B, "Memory of programs."),
    ),
    (
        "file",
        gauge("container_memory_cache", B, "Memory of files."),
    ),
    (
        "kernel",
        gauge(
            "container_memory_kernel_usage",
            B,
            "Memory of the kernel for it.",
        ),
    ),
    (
        "pgfault",
        counter(
            "container_memory_page_faults_total",
            N,
            "Pages that were brought.",
        ),
    ),
    (
        "pgmajfault",
        counter(
            "container_memory_major_page_faults_total",
            N,
            "Of these, from disk.",
        ),
    ),
];
static WORKING_SET: Family = gauge(
    "container_memory_working_set_bytes",
    B,
    "Memory without files that were not used lately.",
);
static OOM: Family = counter(
    "container_oom_events_total",
    N,
    "Processes killed for memory.",
);
static PROCESSES: Family = gauge("container_processes", N, "Processes.");
static THREADS: Family = gauge("container_threads", N, "Threads.");
static QUOTA: Family = gauge(
    "container_spec_cpu_quota",
    Unit::of("us"),
    "CPU time in a period.",
);
static PERIOD: Family = gauge(
    "container_spec_cpu_period",
    Unit::of("us"),
    "Length of a period.",
);
/// Columns of `io.stat`, of all devices.
static IO: [(&str, Family); 4] = [
    (
        "rbytes",
        counter("container_fs_reads_bytes_total", B, "Bytes read."),
    ),
    (
        "wbytes",
        counter("container_fs_writes_bytes_total", B, "Bytes written."),
    ),
    ("rios", counter("container_fs_reads_total", N, "Reads.")),
    ("wios", counter("container_fs_writes_total", N, "Writes.")),
];

/// Where the hierarchy of version 2 is, where it is mounted.
pub(super) fn root(sysfs: &Path) -> Option<PathBuf> {
    let candidates = [sysfs.join("fs/cgroup"), sysfs.join("fs/cgroup/unified")];
    candidates
        .into_iter()
        .find(|path| path.join("cgroup.controllers").is_file())
}

/// Every group below `root`, as the path from there, that `wanted` takes; below one that it takes,
/// none is looked for.
pub(super) fn find(root: &Path, mut wanted: impl FnMut(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![(PathBuf::new(), 0)];
    let mut seen = 0;
    while let Some((group, depth)) = left.pop() {
        seen += 1;
        if seen > GROUPS_MAX {
            break;
        }
        if depth > 0 && wanted(&group) {
            found.push(group);
            continue;
        }
        let Ok(entries) = std::fs::read_dir(root.join(&group)) else {
            continue;
        };
        if depth < DEPTH_MAX {
            let folders = entries
                .flatten()
                .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
            left.extend(folders.map(|entry| (group.join(entry.file_name()), depth + 1)));
        }
    }
    found.sort();
    found
}

/// Pushes what the group in a folder uses; whether it is one.
pub(super) fn push(folder: &Path, labels: &[(&str, &str)], emit: &mut Emitter<'_>) -> bool {
    let read = |name: &str| {
        let mut file = TextFile::new(folder.join(name));
        file.read().ok().map(<[u8]>::to_vec)
    };
    let Some(procs) = read("cgroup.procs") else {
        return false;
    };
    let cpu = read("cpu.stat").unwrap_or_default();
    for (key, divisor, family) in &CPU {
        if let Some(value) = keyed(&cpu, key) {
            emit.push(family, labels, value as f64 / divisor);
        }
    }
    if let Some(limit) = read("cpu.max") {
        let mut words = text::fields(&limit);
        for family in [&QUOTA, &PERIOD] {
            if let Some(value) = words.next().and_then(text::unsigned) {
                emit.push(family, labels, value as f64);
            }
        }
    }
    let memory = read("memory.stat").unwrap_or_default();
    for (name, family) in &SINGLE {
        let file = read(name);
        let word = file.as_deref().and_then(|file| text::fields(file).next());
        if let Some(value) = word.and_then(|word| match word {
            b"max" => Some(0),
            word => text::unsigned(word),
        }) {
            emit.push(family, labels, value as f64);
            if *name == "memory.current"
                && let Some(idle) = keyed(&memory, "inactive_file")
            {
                emit.push(&WORKING_SET, labels, value.saturating_sub(idle) as f64);
            }
        }
    }
    for (key, family) in &MEMORY {
        if let Some(value) = keyed(&memory, key) {
            emit.push(family, labels, value as f64);
        }
    }
    let events = read("memory.events").unwrap_or_default();
    if let Some(killed) = keyed(&events, "oom_kill") {
        emit.push(&OOM, labels, killed as f64);
    }
    if let Some(io) = read("io.stat") {
        for (column, family) in &IO {
            emit.push(family, labels, io_total(&io, column) as f64);
        }
    }
    let count = match count(&procs) {
        // Where controllers are handed down, processes are in the groups below only.
        0 => below(folder),
        own => own,
    };
    emit.push(&PROCESSES, labels, count as f64);
    let threads = read("pids.current");
    let threads = threads
        .as_deref()
        .and_then(|file| text::fields(file).next());
    if let Some(threads) = threads.and_then(text::unsigned) {
        emit.push(&THREADS, labels, threads as f64);
    }
    true
}

/// Processes in a `cgroup.procs`.
fn count(procs: &[u8]) -> usize {
    text::lines(procs).filter(|line| !line.is_empty()).count()
}

/// Processes in the groups below one, of at most [`BELOW_MAX`].
fn below(folder: &Path) -> usize {
    let mut groups = 0;
    let mut sum = 0;
    let mut left = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = left.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        let folders = entries
            .flatten()
            .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
        for entry in folders {
            groups += 1;
            if groups > BELOW_MAX {
                return sum;
            }
            let path = entry.path();
            let mut procs = TextFile::new(path.join("cgroup.procs"));
            sum += procs.read().map_or(0, count);
            if depth < DEPTH_MAX {
                left.push((path, depth + 1));
            }
        }
    }
    sum
}

/// The number behind a key, one a line.
fn keyed(bytes: &[u8], key: &str) -> Option<u64> {
    text::lines(bytes).find_map(|line| {
        let mut words = text::fields(line);
        let is_it = words.next() == Some(key.as_bytes());
        is_it
            .then(|| words.next().and_then(text::unsigned))
            .flatten()
    })
}

/// A column of `io.stat`, over all devices.
fn io_total(bytes: &[u8], column: &str) -> u64 {
    let parts = text::lines(bytes).flat_map(text::fields);
    let values = parts.filter_map(|part| {
        let (name, value) = text::split_once(part, b'=')?;
        (name == column.as_bytes())
            .then(|| text::unsigned(value))
            .flatten()
    });
    values.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_found_by_their_key() {
        let text = b"usage_usec 12\nusage 3\nuser_usec x\n";
        assert_eq!(keyed(text, "usage_usec"), Some(12));
        assert_eq!(keyed(text, "usage"), Some(3));
        assert_eq!(keyed(text, "user_usec"), None);
        let io = b"8:0 rbytes=5 wbytes=1\n8:16 rbytes=7 wbytes=\n";
        assert_eq!((io_total(io, "rbytes"), io_total(io, "wbytes")), (12, 1));
    }

    #[test]
    fn groups_are_found_and_not_looked_into() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["a/b.scope/c.scope", "d", "e/f/g.scope"] {
            std::fs::create_dir_all(dir.path().join(path)).unwrap();
        }
        let is_scope = |path: &Path| path.extension().is_some_and(|end| end == "scope");
        let found = find(dir.path(), is_scope);
        assert_eq!(
            found,
            [PathBuf::from("a/b.scope"), PathBuf::from("e/f/g.scope")]
        );
        assert_eq!(root(dir.path()), None);
    }

    #[test]
    fn processes_below_count_where_the_group_has_none_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        for (group, procs) in [("", ""), ("init", "1\n2\n"), ("a/b", "3\n")] {
            let folder = dir.path().join(group);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("cgroup.procs"), procs).unwrap();
        }
        assert_eq!(below(dir.path()), 3);
        assert_eq!(below(&dir.path().join("init")), 0);
        assert_eq!(count(b"1\n2\n"), 2);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            keyed(&bytes, "usage_usec");
            io_total(&bytes, "rbytes");
        }
    }
}
