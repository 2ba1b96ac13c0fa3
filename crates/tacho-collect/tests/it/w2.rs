//! Resources of the host under the field's names, degrading one source at a time.

use std::time::Duration;

use tacho_collect::{HostOptions, host};
use tacho_model::Kind;

use crate::tree::{Tree, Watched};

const NODE: &str = r#"instance="fixture",job="node""#;

#[test]
fn w2_host_metrics_under_node_exporter_names() {
    let tree = Tree::new();
    let mut host = Watched::new(tree.options());
    host.tick(1_700_000_100);
    let cpu = |cpu, mode| format!(r#"node_cpu_seconds_total{{cpu="{cpu}",{NODE},mode="{mode}"}}"#);
    host.check(&cpu(0, "user"), 6.0);
    host.check(&cpu(1, "idle"), 20.0);
    host.check(&cpu(1, "steal"), 0.4);
    let guest = format!(r#"node_cpu_guest_seconds_total{{cpu="0",{NODE},mode="user"}}"#);
    host.check(&guest, 0.45);
    for (name, expected) in [
        ("node_intr_total", 12345.0),
        ("node_context_switches_total", 67890.0),
        ("node_forks_total", 4321.0),
        ("node_boot_time_seconds", 1.7e9),
        ("node_time_seconds", 1_700_000_100.0),
        ("node_procs_running", 3.0),
        ("node_procs_blocked", 1.0),
        ("node_memory_MemTotal_bytes", 8_192_000_000.0),
        ("node_memory_Active_anon_bytes", 512_000_000.0),
        ("node_memory_HugePages_Total", 7.0),
        ("node_load1", 0.5),
        ("node_load5", 0.25),
        ("node_load15", 0.1),
        ("node_pressure_cpu_waiting_seconds_total", 1.5),
        ("node_pressure_io_stalled_seconds_total", 1.0),
        ("node_pressure_memory_waiting_seconds_total", 0.00003),
        ("node_vmstat_pgfault", 77.0),
        ("node_vmstat_oom_kill", 1.0),
        ("node_filefd_allocated", 1024.0),
        ("node_filefd_maximum", 9_223_372_036_854_775_807.0),
        ("node_processes_pids", 1.0),
        ("node_processes_threads", 1.0),
    ] {
        host.check(&format!("{name}{{{NODE}}}"), expected);
    }
    let sda = |name| format!(r#"{name}{{device="sda",{NODE}}}"#);
    host.check(&sda("node_disk_read_bytes_total"), 1_048_576.0);
    host.check(&sda("node_disk_written_bytes_total"), 2_097_152.0);
    host.check(&sda("node_disk_io_time_seconds_total"), 0.9);
    host.check(&sda("node_disk_io_now"), 2.0);
    host.check(&sda("node_disk_flush_requests_total"), 15.0);
    for absent in ["loop0", "sda1"] {
        let series = format!(r#"node_disk_io_now{{device="{absent}",{NODE}}}"#);
        assert_eq!(host.value(&series), None);
    }
    let eth0 = |name| format!(r#"{name}{{device="eth0",{NODE}}}"#);
    host.check(&eth0("node_network_receive_bytes_total"), 5000.0);
    host.check(&eth0("node_network_transmit_drop_total"), 4.0);
    let uname = format!(
        r#"node_uname_info{{domainname="(none)",{NODE},machine="{}",nodename="fixture",release="6.1.0",sysname="Linux",version="1 SMP"}}"#,
        std::env::consts::ARCH
    );
    host.check(&uname, 1.0);
    assert_eq!(host.notices(), [""; 0]);
}

#[test]
fn w2_file_systems_have_size_and_inodes() {
    let tree = Tree::new();
    let mut host = Watched::new(tree.options());
    host.tick(15);
    for (device, fstype, place) in [("/dev/sda1", "ext4", "/"), ("tmpfs", "tmpfs", "/data")] {
        let series = |name| {
            format!(r#"{name}{{device="{device}",fstype="{fstype}",{NODE},mountpoint="{place}"}}"#)
        };
        let value = |name| host.value(&series(name)).unwrap();
        assert!(value("node_filesystem_size_bytes") > value("node_filesystem_free_bytes"));
        assert!(value("node_filesystem_free_bytes") >= value("node_filesystem_avail_bytes"));
        assert!(value("node_filesystem_files") >= value("node_filesystem_files_free"));
        host.check(&series("node_filesystem_device_error"), 0.0);
    }
}

#[test]
fn w2_own_process_under_the_client_libraries_names() {
    let tree = Tree::new();
    let mut host = Watched::new(tree.options());
    host.tick(1);
    let own = |name| format!(r#"{name}{{instance="fixture",job="tacho"}}"#);
    host.check(&own("process_virtual_memory_bytes"), 1_048_576.0);
    host.check(&own("process_threads"), 3.0);
    host.check(&own("process_start_time_seconds"), 1_700_000_009.0);
    host.check(&own("process_max_fds"), 1024.0);
    assert!(host.value(&own("process_cpu_seconds_total")).unwrap() > 0.0);
    assert!(host.value(&own("process_resident_memory_bytes")).unwrap() >= 256.0 * 4096.0);
    assert!(host.value(&own("process_open_fds")).is_some());
}

#[test]
fn w2_every_metric_is_described_once_and_again_on_request() {
    let tree = Tree::new();
    let mut host = Watched::new(tree.options());
    host.tick(10);
    assert_eq!(host.kind("node_cpu_seconds_total"), Some(Kind::Counter));
    assert_eq!(host.kind("node_load1"), Some(Kind::Gauge));
    assert_eq!(host.kind("memory_available_mb"), Some(Kind::Resource));
    let samples = host.samples();
    for (series, _) in &samples {
        let name = series.split('{').next().unwrap();
        assert!(host.kind(name).is_some(), "{name} is not described");
    }
    host.tick(11);
    assert_eq!(host.kind("node_load1"), None);
    host.host.describe_again();
    host.tick(12);
    assert_eq!(host.kind("node_load1"), Some(Kind::Gauge));
}

#[test]
fn w2_missing_source_is_absent_and_said_once() {
    let tree = Tree::new();
    tree.remove("proc/loadavg");
    tree.remove("proc/pressure/memory");
    let mut host = Watched::new(tree.options());
    host.tick(1);
    assert_eq!(host.notices(), ["load: Lost", "pressure: Lost"]);
    assert_eq!(host.value(&format!("node_load1{{{NODE}}}")), None);
    assert_eq!(host.host.snapshot().load, None);
    host.check(
        &format!("node_pressure_io_waiting_seconds_total{{{NODE}}}"),
        2.0,
    );
    host.check(&format!("node_intr_total{{{NODE}}}"), 12345.0);
    host.tick(2);
    assert_eq!(host.notices(), [""; 0]);
    tree.write("proc/loadavg", "1 2 3\n");
    host.tick(3);
    assert_eq!(host.notices(), ["load: Restored"]);
    host.check(&format!("node_load1{{{NODE}}}"), 1.0);
}

#[test]
fn w2_a_source_that_is_lost_ends_its_series() {
    let tree = Tree::new();
    let mut host = Watched::new(tree.options());
    host.tick(1);
    tree.write("proc/loadavg", "nonsense\n");
    host.tick(2);
    let load = format!("node_load1{{{NODE}}}");
    assert!(host.is_stale(&load));
    assert!(host.is_stale(r#"load_average{instance="fixture",source="system"}"#));
    let notices = host.host.take_notices();
    let message = &notices[0].message;
    assert!(message.starts_with("failed to understand"), "{message}");
    assert!(message.contains("loadavg"), "{message}");
}

#[test]
fn w2_a_host_without_anything_is_still_collected() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let options = HostOptions {
        procfs: nowhere.clone(),
        sysfs: nowhere.clone(),
        rootfs: nowhere,
        gpu: false,
        ..HostOptions::default()
    };
    let mut host = Watched::new(options);
    host.tick(1).tick(2);
    let names: Vec<_> = host.samples().into_iter().map(|(s, _)| s).collect();
    assert_eq!(
        names,
        [
            r#"process_cpu_seconds_total{job="tacho"}"#,
            r#"process_cpu_percent{source="system"}"#
        ]
    );
    let lost = host.notices();
    assert_eq!(lost.len(), host.host.collectors().count() - 1, "{lost:?}");
}

#[test]
fn w2_interval_is_the_callers_and_slow_sources_keep_their_own() {
    let tree = Tree::new();
    let mut host = Watched::new(tree.options());
    let pids = format!("node_processes_pids{{{NODE}}}");
    // Ticks a little early still find each interval's first tick.
    let seen: Vec<_> = (0..16)
        .map(|i| host.tick(i).value(&pids).is_some())
        .collect();
    let due: Vec<_> = (0..16).map(|i| i % 5 == 0).collect();
    assert_eq!(seen, due);
    // Every half a minute, as the old systems did: everything on every tick.
    for tick in 2..5 {
        assert!(host.tick(tick * 30).value(&pids).is_some());
    }
}

#[test]
fn w2_labels_of_the_user_win_and_collectors_can_be_left_out() {
    let tree = Tree::new();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let mut host = Watched::new(HostOptions {
        extra_labels: vec![pair("instance", "web1"), pair("zone", "a"), pair("job", "")],
        without: vec!["memory".to_owned()],
        processes_every: Duration::from_mins(1),
        ..tree.options()
    });
    host.tick(1);
    host.check(r#"node_load1{instance="web1",zone="a"}"#, 0.5);
    let memory = host
        .samples()
        .into_iter()
        .filter(|(s, _)| s.starts_with("node_memory"));
    assert_eq!(memory.count(), 0);
}

#[test]
fn w2_notices_that_nobody_takes_are_bounded() {
    let tree = Tree::new();
    let all = Watched::new(tree.options());
    let without = all.host.collectors().filter(|name| *name != "load");
    let mut host = Watched::new(HostOptions {
        without: without.map(str::to_owned).collect(),
        ..tree.options()
    });
    for secs in 0..2 * host::NOTICES_MAX as i64 {
        let text = if secs % 2 == 0 { "" } else { "1 2 3\n" };
        tree.write("proc/loadavg", text);
        host.tick(secs);
    }
    assert_eq!(host.notices().len(), host::NOTICES_MAX);
}
