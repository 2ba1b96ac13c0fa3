//! From `tacho start` to samples of this host, and their names.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Home, QUIET, eventually, signal};

/// Far more than is promised, because tests share the machine with other work.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn w2_the_first_sample_is_served_soon_after_start() {
    let home = Home::new();
    let start = Instant::now();
    let server = home.start(&[]);
    let ready = start.elapsed();
    eventually("the first sample", || {
        let found = server.series(&[("name", "node_load1")]);
        (!found.is_empty()).then_some(())
    });
    let sample = start.elapsed();
    println!("ready after {ready:.3?}, first sample served after {sample:.3?}");
    assert!(sample < SOON, "{sample:?}");
    let log = server.log();
    assert!(log.contains("watching this machine every 1s"), "{log}");
    assert!(server.stop().success());
}

/// The names that dashboards and rules for `node_exporter` use, as far as this kernel has them.
#[test]
fn w2_host_metrics_have_the_names_of_node_exporter() {
    let home = Home::new();
    let server = home.start(&["--interval", "200ms"]);
    let mut expected = vec![
        "node_cpu_seconds_total{",
        "node_memory_MemTotal_bytes",
        "node_memory_MemAvailable_bytes",
        "node_memory_SwapTotal_bytes",
        "node_load1",
        "node_load5",
        "node_load15",
        "node_network_receive_bytes_total{",
        "node_network_transmit_bytes_total{",
        "node_filefd_allocated",
        "node_procs_running",
        "node_boot_time_seconds",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
    ];
    if std::fs::read_to_string("/proc/pressure/cpu").is_ok() {
        expected.push("node_pressure_cpu_waiting_seconds_total");
    }
    let disks = std::fs::read_to_string("/proc/diskstats").unwrap_or_default();
    if !disks.trim().is_empty() {
        expected.push("node_disk_read_bytes_total{");
    }
    if Path::new("/sys/fs/ext4").exists() {
        expected.push("node_filesystem_avail_bytes{");
    }
    eventually("every family", || {
        let text = server.get("/metrics").body;
        let has = |name: &&str| {
            let bare = name.trim_end_matches('{');
            text.lines().any(|line| {
                line.strip_prefix(bare)
                    .is_some_and(|rest| rest.starts_with(['{', ' ']))
            })
        };
        let missing: Vec<_> = expected.iter().filter(|name| !has(name)).collect();
        println!("missing: {missing:?}");
        missing.is_empty().then_some(())
    });
    let modes = server.series(&[("match[]", "node_cpu_seconds_total{mode=\"idle\",cpu=\"0\"}")]);
    assert_eq!(modes.len(), 1);
    assert_eq!(modes[0]["kind"], "counter");
    assert_eq!(modes[0]["unit"], "s");
}

#[test]
fn f2_system_names_are_derived_with_their_source() {
    let home = Home::new();
    let server = home.start(&["--interval", "200ms"]);
    for name in [
        "cpu_usage_percent",
        "memory_usage_percent",
        "memory_available_mb",
        "memory_allocated_mb",
        "disk_read_mb_per_sec",
        "disk_write_mb_per_sec",
    ] {
        let of_disk = name.starts_with("disk_");
        let disks = std::fs::read_to_string("/proc/diskstats").unwrap_or_default();
        if of_disk && disks.trim().is_empty() {
            println!("{name} skipped: this machine shows no disks");
            continue;
        }
        let found = eventually(name, || {
            let found = server.series(&[("name", name), ("source", "system")]);
            found.first().cloned()
        });
        let value = found["points"][0][1].as_f64().unwrap();
        assert!(value.is_finite() && value >= 0.0, "{name}: {value}");
    }
}

#[test]
fn w2_collecting_can_be_switched_off_and_slowed() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    server.keep(&json!({"name": "mine", "value": 1}));
    assert_eq!(server.values(&[("name", "mine")]), [1.0]);
    let names = server.get("/metrics").body;
    assert!(!names.contains("node_"), "{names}");
    assert!(server.log().contains("not watching this machine"));
    drop(server);

    let slow = Home::with("collect: {interval: 30s}\n");
    let server = slow.start(&[]);
    assert!(server.log().contains("every 30s"), "{}", server.log());
    // The first samples come at once, however long the interval is.
    eventually("the first sample", || {
        (!server.series(&[("name", "node_load1")]).is_empty()).then_some(())
    });
}

#[test]
fn k3_the_page_or_how_to_get_it_is_served_unless_switched_off() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert!(page.content_type.starts_with("text/html"));
    drop(server);
    let server = home.start(&["--no-dashboard"]);
    server.get("/").is_problem(404, "--no-dashboard");
    assert_eq!(server.get("/healthz").body, "ok\n");
}

#[test]
fn f1_ctrl_c_stops_it_even_while_a_client_dawdles() {
    let home = Home::with(QUIET);
    let mut server = home.start(&[]);
    // Half a request, and a connection that says nothing at all.
    let mut dawdling = TcpStream::connect(server.address()).unwrap();
    dawdling
        .write_all(b"POST /api/performance/metrics HTTP/1.1\r\nHost: loc")
        .unwrap();
    let _silent = TcpStream::connect(server.address()).unwrap();
    server.keep(&json!({"name": "mine", "value": 1}));
    signal("INT", server.pid());
    let start = Instant::now();
    assert!(server.end().success());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    let offline = home
        .tacho(&["query", "mine", "--data-dir", "data"])
        .exits(0);
    assert!(offline.out.contains("mine"), "{}", offline.out);
}
