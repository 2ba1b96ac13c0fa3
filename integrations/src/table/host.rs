//! The machine: CPU, memory, load, network, disks, threads, open files.

use crate::dashboard::{Choice, Dashboard, Limits, Panel, Row, Unit, Variable};
use crate::expression::{DISKS, HOST, INTERFACES, KEPT, ROOT};

mod alerts;

pub(super) use alerts::{exhaustion, resources};

/// The page's name in addresses.
pub(super) const UID: &str = "tachograph-host";

/// Percent of CPU and of memory; a machine that works is at 80.
const USED: Limits = Limits {
    warning: 85.0,
    critical: 95.0,
};
/// Share of a file system; from 95 % on many of them become slow.
const FULL: Limits = Limits {
    warning: 0.85,
    critical: 0.95,
};
/// Programs ready to run for each core: at 1 none waits.
const LOAD: Limits = Limits {
    warning: 1.5,
    critical: 3.0,
};
/// Share of time in which something waited for memory or a disk.
const PRESSURE: Limits = Limits {
    warning: 0.1,
    critical: 0.4,
};
/// Share of the files that the kernel opens at most.
const FILES: Limits = Limits {
    warning: 0.8,
    critical: 0.95,
};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: UID,
        title: "Tachograph / Host",
        description: "One machine: what it does, what it waits for, and what runs out.",
        variables: vec![Variable {
            name: "instance",
            label: "Host",
            series: "node_uname_info",
            values_of: "instance",
            choice: Choice::One,
        }],
        rows: vec![glance(), cpu(), memory(), network(), disks(), threads()],
    }
}

fn glance() -> Row {
    let panels = vec![
        Panel::number("CPU", Unit::Percent)
            .help("Time of all cores that was neither idle nor waiting for a disk.")
            .limits(USED)
            .query("used", HOST.derived("cpu_usage_percent")),
        Panel::number("Memory", Unit::Percent)
            .help("Memory that programs could not get.")
            .limits(USED)
            .query("used", HOST.derived("memory_usage_percent")),
        Panel::number("Root file system", Unit::Ratio)
            .help("Space of the file system at / that is used.")
            .limits(FULL)
            .query("used", HOST.space_used(ROOT)),
        Panel::number("Load a core", Unit::Count)
            .help(
                "Programs that ran or were ready to, in the mean of five minutes, for each \
                core. Above 1 some wait.",
            )
            .limits(LOAD)
            .query("5 min", HOST.load_per_core("node_load5")),
        Panel::number("Processes", Unit::Count)
            .help("How many there are.")
            .query("processes", HOST.of("node_processes_pids", "")),
        Panel::number("Up for", Unit::Seconds)
            .help("Since the machine was started.")
            .query(
                "up",
                format!(
                    "{} - {}",
                    HOST.of("node_time_seconds", ""),
                    HOST.of("node_boot_time_seconds", "")
                ),
            ),
    ];
    Row {
        title: "At a glance",
        panels,
    }
}

fn cpu() -> Row {
    let time = "node_cpu_seconds_total";
    let panels = vec![
        Panel::stack("CPU by what it does", Unit::Ratio)
            .help(
                "Share of the time of all cores, without idle. `steal` is what the \
                hypervisor kept, `iowait` is idle while a disk is waited for.",
            )
            .max(1.0)
            .query(
                "{{mode}}",
                format!("avg by (mode) ({})", HOST.rate(time, r#"mode!="idle""#)),
            ),
        Panel::lines("Each core", Unit::Ratio)
            .help("A core that is busy alone is a program with one thread.")
            .max(1.0)
            .query(
                "{{cpu}}",
                format!(
                    "1 - {}",
                    HOST.rate_by("cpu", time, r#"mode=~"idle|iowait""#)
                ),
            ),
        Panel::lines("Load", Unit::Count)
            .help(
                "Programs that run or are ready to, and those that wait for a disk, beside \
                the number of cores.",
            )
            .query("1 min", HOST.of("node_load1", ""))
            .query("5 min", HOST.of("node_load5", ""))
            .query("15 min", HOST.of("node_load15", ""))
            .query(
                "cores",
                format!("count ({})", HOST.of(time, r#"mode="idle""#)),
            ),
        pressure(),
        Panel::lines("Context switches and interrupts", Unit::PerSecond)
            .help("A jump without more work is contention.")
            .query("switches", HOST.rate("node_context_switches_total", ""))
            .query("interrupts", HOST.rate("node_intr_total", "")),
        Panel::lines("Programs by CPU", Unit::Ratio)
            .help("Cores that the processes of a name used, the ten that used most.")
            .query(
                "{{groupname}}",
                top(&HOST.rate_by("groupname", "namedprocess_namegroup_cpu_seconds_total", "")),
            ),
    ];
    Row {
        title: "CPU",
        panels,
    }
}

fn pressure() -> Panel {
    Panel::lines("Pressure", Unit::Ratio)
        .help(
            "Share of time in which something waited for CPU, memory or disks; stalled \
                is when nothing else went on.",
        )
        .limits(PRESSURE)
        .query(
            "CPU: waiting",
            HOST.rate("node_pressure_cpu_waiting_seconds_total", ""),
        )
        .query(
            "memory: waiting",
            HOST.rate("node_pressure_memory_waiting_seconds_total", ""),
        )
        .query(
            "memory: stalled",
            HOST.rate("node_pressure_memory_stalled_seconds_total", ""),
        )
        .query(
            "disks: waiting",
            HOST.rate("node_pressure_io_waiting_seconds_total", ""),
        )
        .query(
            "disks: stalled",
            HOST.rate("node_pressure_io_stalled_seconds_total", ""),
        )
}

fn memory() -> Row {
    let bytes = |what: &str| HOST.of(&format!("node_memory_{what}_bytes"), "");
    let rest = ["MemFree", "Buffers", "Cached", "SReclaimable"]
        .map(bytes)
        .join(" - ");
    let panels = vec![
        Panel::stack("Memory", Unit::Bytes)
            .help("Cached and buffers go when programs need them.")
            .query(
                "programs and kernel",
                format!("{} - {rest}", bytes("MemTotal")),
            )
            .query(
                "cached",
                format!("{} + {}", bytes("Cached"), bytes("SReclaimable")),
            )
            .query("buffers", bytes("Buffers"))
            .query("free", bytes("MemFree")),
        Panel::lines("Available and swap", Unit::Bytes)
            .help("What programs can still get, and what of theirs lies on a disk.")
            .query("available", bytes("MemAvailable"))
            .query(
                "swap used",
                format!("{} - {}", bytes("SwapTotal"), bytes("SwapFree")),
            ),
        Panel::lines("Programs by memory", Unit::Bytes)
            .help("Resident memory of the processes of a name, the ten that hold most.")
            .query(
                "{{groupname}}",
                top(&format!(
                    "sum by (groupname) ({})",
                    HOST.of(
                        "namedprocess_namegroup_memory_bytes",
                        r#"memtype="resident""#
                    )
                )),
            ),
        Panel::lines("Swapping", Unit::PerSecond)
            .help("Pages between memory and swap. Any that lasts is too little memory.")
            .query("in", HOST.rate("node_vmstat_pswpin", ""))
            .query("out", HOST.rate("node_vmstat_pswpout", "")),
        Panel::lines("Page faults that read a disk", Unit::PerSecond)
            .query("major faults", HOST.rate("node_vmstat_pgmajfault", "")),
        Panel::lines("Processes killed for memory", Unit::Count)
            .help("By the kernel, in the window of each point.")
            .query(
                "killed",
                HOST.window("increase", "node_vmstat_oom_kill", ""),
            ),
    ];
    Row {
        title: "Memory",
        panels,
    }
}

/// A panel of what came in and, downwards, what went out of each interface.
fn both_ways(title: &'static str, unit: Unit, what: &str) -> Panel {
    let rate = |way: &str| HOST.rate(&format!("node_network_{way}_{what}_total"), INTERFACES);
    Panel::lines(title, unit)
        .help(
            "Sent is drawn downwards. Interfaces whose traffic passes another one are left \
            out.",
        )
        .downwards("sent")
        .query("{{device}} received", rate("receive"))
        .query("{{device}} sent", rate("transmit"))
}

fn network() -> Row {
    let lost = |what: &str| {
        let rate = |way: &str| {
            HOST.rate_by(
                "device",
                &format!("node_network_{way}_{what}_total"),
                INTERFACES,
            )
        };
        format!("{} + {}", rate("receive"), rate("transmit"))
    };
    let panels = vec![
        both_ways("Traffic", Unit::BytesPerSecond, "bytes"),
        both_ways("Packets", Unit::PerSecond, "packets"),
        Panel::lines("Errors and drops", Unit::PerSecond)
            .help("Packets that were damaged, or for which there was no room.")
            .query("{{device}} errors", lost("errs"))
            .query("{{device}} drops", lost("drop")),
    ];
    Row {
        title: "Network",
        panels,
    }
}

fn disks() -> Row {
    let rate = |what: &str| HOST.rate(&format!("node_disk_{what}_total"), DISKS);
    let panels = vec![
        Panel::lines("Throughput", Unit::BytesPerSecond)
            .help("Written is drawn downwards.")
            .downwards("written")
            .query("{{device}} read", rate("read_bytes"))
            .query("{{device}} written", rate("written_bytes")),
        Panel::lines("Busy", Unit::Ratio)
            .help(
                "Share of time in which there was anything to do. A disk of many queues can \
                take more at 100 %.",
            )
            .max(1.0)
            .query("{{device}}", rate("io_time_seconds")),
        Panel::lines("Time of a request", Unit::Seconds)
            .help("Reads and writes, waiting included.")
            .query(
                "{{device}}",
                format!(
                    "({} + {}) / ({} + {})",
                    rate("read_time_seconds"),
                    rate("write_time_seconds"),
                    rate("reads_completed"),
                    rate("writes_completed")
                ),
            ),
        Panel::bars("File systems", Unit::Ratio)
            .help("Share of the space that is used.")
            .max(1.0)
            .limits(FULL)
            .query("{{mountpoint}}", HOST.space_used(KEPT)),
        Panel::bars("Inodes", Unit::Ratio)
            .help("Share of the files that a file system can have.")
            .max(1.0)
            .limits(FULL)
            .query("{{mountpoint}}", HOST.inodes_used(KEPT)),
        Panel::lines("Space in a day", Unit::Bytes)
            .signed()
            .help(
                "What will be left if it goes on as in the last six hours. Below 0 it is \
                full by then.",
            )
            .query(
                "{{mountpoint}}",
                HOST.forecast("node_filesystem_avail_bytes", KEPT, "6h", 86_400),
            ),
    ];
    Row {
        title: "Disks and file systems",
        panels,
    }
}

fn threads() -> Row {
    let files = |what: &str| HOST.of(&format!("node_filefd_{what}"), "");
    let panels = vec![
        Panel::lines("Threads and processes", Unit::Count)
            .query("threads", HOST.of("node_processes_threads", ""))
            .query("processes", HOST.of("node_processes_pids", "")),
        Panel::lines("Running and blocked", Unit::Count)
            .help("Blocked processes wait for a disk.")
            .query("running", HOST.of("node_procs_running", ""))
            .query("blocked", HOST.of("node_procs_blocked", "")),
        Panel::lines("Processes started", Unit::PerSecond)
            .query("forks", HOST.rate("node_forks_total", "")),
        Panel::lines("Open files", Unit::Count)
            .help("Of all processes.")
            .wide(16)
            .query("open", files("allocated")),
        Panel::number("Open files of those there can be", Unit::Ratio)
            .wide(8)
            .limits(FILES)
            .query(
                "share",
                format!("{} / {}", files("allocated"), files("maximum")),
            ),
    ];
    Row {
        title: "Threads and open files",
        panels,
    }
}

fn top(expression: &str) -> String {
    format!("topk(10, {expression})")
}
