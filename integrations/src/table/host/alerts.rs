//! What to warn of on a machine: too much to do, and what runs out.

use super::{FILES, FULL, LOAD, PRESSURE, UID, USED};
use crate::alert::{Alert, Group};
use crate::expression::{ALL, INTERFACES, KEPT};

pub(in crate::table) fn resources() -> Group {
    let mut alerts = work();
    alerts.extend(memory());
    alerts.extend(devices());
    Group {
        name: "tachograph-resources",
        about: "A machine that has more to do than it can.",
        alerts,
    }
}

fn work() -> Vec<Alert> {
    vec![
        Alert::warning(UID, "HostCpuBusy", ALL.derived("cpu_usage_percent"))
            .above(USED)
            .hold("15m")
            .says(
                "{{ $labels.instance }} has used {{ $value | printf \"%.0f\" }} % of its CPU \
                    for a quarter of an hour",
                "What it does is on the page, by program. Work that can wait should.",
            ),
        Alert::warning(UID, "HostLoaded", ALL.load_per_core("node_load5"))
            .above(LOAD)
            .hold("15m")
            .says(
                "{{ $value | printf \"%.1f\" }} programs run or wait for each core of {{ \
                    $labels.instance }}",
                "More work than cores, or a disk that does not answer: see CPU and pressure.",
            ),
        Alert::critical(
            UID,
            "HostWaitsForDisks",
            ALL.rate("node_pressure_io_waiting_seconds_total", ""),
        )
        .above(PRESSURE)
        .hold("15m")
        .says(
            "Programs of {{ $labels.instance }} waited for disks {{ $value | \
                    humanizePercentage }} of the time",
            "The disks are slower than what is asked of them.",
        ),
    ]
}

fn memory() -> Vec<Alert> {
    let used = ALL.derived("memory_usage_percent");
    vec![
        Alert::warning(UID, "HostMemoryUsed", used.clone())
            .above(USED)
            .says(
                "{{ $labels.instance }} has used {{ $value | printf \"%.0f\" }} % of its memory",
                "Programs soon swap or are killed. The page shows which holds most.",
            ),
        Alert::critical(UID, "HostMemoryUsedUp", used)
            .above(USED)
            .hold("2m")
            .says(
                "{{ $labels.instance }} has used {{ $value | printf \"%.0f\" }} % of its memory",
                "The kernel will kill a process.",
            ),
        Alert::warning(
            UID,
            "HostWaitsForMemory",
            ALL.rate("node_pressure_memory_waiting_seconds_total", ""),
        )
        .above(PRESSURE)
        .says(
            "Programs of {{ $labels.instance }} waited for memory {{ $value | \
                    humanizePercentage }} of the time",
            "It swaps, or reads again what it had in memory. It has too little, or a \
                    program grows.",
        ),
        Alert::critical(
            UID,
            "HostKilledAProcess",
            ALL.window("increase", "node_vmstat_oom_kill", ""),
        )
        .when("> 0")
        .hold("0m")
        .says(
            "The kernel of {{ $labels.instance }} killed a process because memory was \
                    used up",
            "Its log says which. The page shows what held the memory.",
        ),
    ]
}

fn devices() -> Vec<Alert> {
    let damaged = ALL.rate("node_network_receive_errs_total", INTERFACES);
    let received = ALL.rate("node_network_receive_packets_total", INTERFACES);
    vec![
        Alert::critical(UID, "HostFileSystemFull", ALL.space_used(KEPT))
            .above(FULL)
            .says(
                "{{ $labels.mountpoint }} of {{ $labels.instance }} is {{ $value | \
                humanizePercentage }} full",
                "Programs that write there will fail.",
            ),
        Alert::warning(
            UID,
            "HostFileSystemReadOnly",
            ALL.of("node_filesystem_readonly", KEPT),
        )
        .when("== 1")
        .says(
            "{{ $labels.mountpoint }} of {{ $labels.instance }} cannot be written",
            "Where it is not meant so, the kernel gave up on a disk: see its log.",
        ),
        Alert::warning(UID, "HostNetworkErrors", damaged)
            .when(format!("> 0.01 * {received}"))
            .says(
                "{{ $labels.device }} of {{ $labels.instance }} receives {{ $value | humanize \
                    }} damaged packets a second",
                "More than one of a hundred: a cable, a port or a driver.",
            ),
    ]
}

pub(in crate::table) fn exhaustion() -> Group {
    let (space, files) = ("node_filesystem_avail_bytes", "node_filesystem_files_free");
    let memory = "node_memory_MemAvailable_bytes";
    let alerts = vec![
        Alert::warning(
            UID,
            "HostFileSystemFullInADay",
            ALL.forecast(space, KEPT, "6h", 86_400),
        )
        .when("< 0")
        .and(&half_gone(space, "node_filesystem_size_bytes", KEPT))
        .hold("30m")
        .says(
            "{{ $labels.mountpoint }} of {{ $labels.instance }} is full within a day if \
                    it goes on like this",
            "By what was written in the last six hours. More than half of it is used \
                    already.",
        ),
        Alert::warning(
            UID,
            "HostInodesUsedUpInADay",
            ALL.forecast(files, KEPT, "6h", 86_400),
        )
        .when("< 0")
        .and(&half_gone(files, "node_filesystem_files", KEPT))
        .hold("30m")
        .says(
            "{{ $labels.mountpoint }} of {{ $labels.instance }} can have no more files \
                    within a day if it goes on like this",
            "By the files that were made in the last six hours. Something makes many \
                    small ones.",
        ),
        Alert::warning(
            UID,
            "HostMemoryUsedUpInAnHour",
            ALL.forecast(memory, "", "30m", 3600),
        )
        .when("< 0")
        .and(&half_gone(memory, "node_memory_MemTotal_bytes", ""))
        .says(
            "{{ $labels.instance }} has no memory left within an hour if it goes on like \
                    this",
            "By the last half hour. The page shows which program grows.",
        ),
        Alert::warning(
            UID,
            "HostFilesUsedUp",
            "node_filefd_allocated / node_filefd_maximum",
        )
        .above(FILES)
        .says(
            "{{ $labels.instance }} has opened {{ $value | humanizePercentage }} of the \
                    files it can",
            "Programs will fail to open files and sockets. One of them does not close its \
                    own.",
        ),
    ];
    Group {
        name: "tachograph-exhaustion",
        about: "What runs out if it goes on as it does.",
        alerts,
    }
}

/// Forecasts of what is hardly used would warn of every large copy.
fn half_gone(free: &str, all: &str, more: &str) -> String {
    format!("{} / {} < 0.5", ALL.of(free, more), ALL.of(all, more))
}
