//! The derived names of the unified collector.

use crate::tree::{Tree, Watched};

fn name(name: &str) -> String {
    format!(r#"{name}{{instance="fixture",source="system"}}"#)
}

fn with_cpu(tree: &Tree, user: u64, idle: u64) {
    tree.write(
        "proc/stat",
        format!("cpu {user} 0 0 {idle} 0 0 0 0 0 0\ncpu0 {user} 0 0 {idle} 0 0 0 0 0 0\n"),
    );
}

fn with_disk(tree: &Tree, read: u64, written: u64) {
    let columns = format!("1 1 {read} 1 1 1 {written} 1 1 1 1");
    // `dm-0` lies on `sda`: its bytes are the same bytes.
    let disks = format!("8 0 sda {columns}\n253 0 dm-0 {columns}\n");
    tree.write("proc/diskstats", disks);
}

#[test]
fn f2_system_names_are_derived() {
    let tree = Tree::new();
    with_cpu(&tree, 1000, 1000);
    with_disk(&tree, 0, 2048);
    let mut host = Watched::new(tree.options());
    host.tick(100);
    with_cpu(&tree, 1025, 1075);
    with_disk(&tree, 8192, 2048);
    host.tick(102);
    host.check(&name("cpu_usage_percent"), 25.0);
    host.check(&name("memory_usage_percent"), 25.0);
    host.check(&name("memory_available_mb"), 6_000_000.0 / 1024.0);
    host.check(&name("disk_read_mb_per_sec"), 2.0);
    host.check(&name("disk_write_mb_per_sec"), 0.0);
    host.check(&name("load_average"), 0.5);
    host.check(&name("process_count"), 1.0);
    let page_mb = 4096.0 / 1_048_576.0;
    assert!(host.value(&name("memory_allocated_mb")).unwrap() >= 256.0 * page_mb);
    assert!(host.value(&name("process_memory_mb")).unwrap() >= 256.0 * page_mb);
    assert!(host.value(&name("process_cpu_percent")).unwrap() >= 0.0);
    let disk = host.value(&name("disk_usage_percent")).unwrap();
    assert!((0.0..=100.0).contains(&disk), "{disk}");
    let snapshot = host.host.snapshot();
    assert_eq!(snapshot.cpu_percent, Some(25.0));
    assert_eq!(snapshot.cpu_cores, Some(1));
    assert_eq!(snapshot.hostname.as_deref(), Some("fixture"));
    assert_eq!(snapshot.kernel.as_deref(), Some("6.1.0"));
    assert_eq!(snapshot.swap_free_bytes, Some(1_536_000_000));
}

#[test]
fn f2_a_rate_needs_two_readings() {
    let tree = Tree::new();
    let mut host = Watched::new(tree.options());
    host.tick(1);
    for rate in [
        "cpu_usage_percent",
        "disk_read_mb_per_sec",
        "process_cpu_percent",
    ] {
        assert_eq!(host.value(&name(rate)), None, "{rate}");
    }
}

#[test]
fn f2_counter_resets_and_clock_steps_do_no_harm() {
    let tree = Tree::new();
    with_cpu(&tree, 1000, 1000);
    with_disk(&tree, 5000, 5000);
    let mut host = Watched::new(tree.options());
    host.tick(100);
    // A reset: smaller counters.
    with_cpu(&tree, 10, 10);
    with_disk(&tree, 10, 10);
    host.tick(101);
    assert_eq!(host.value(&name("cpu_usage_percent")), None);
    assert_eq!(host.value(&name("disk_read_mb_per_sec")), None);
    // The clock steps back an hour, and stands still once.
    for secs in [-3500, -3500] {
        with_disk(&tree, 5000, 5000);
        host.tick(secs);
        assert_eq!(host.value(&name("disk_read_mb_per_sec")), None);
        assert!(
            host.samples().iter().all(|(_, v)| !v.is_nan()),
            "nothing ended"
        );
    }
    with_disk(&tree, 5000 + 2048, 5000);
    host.tick(-3499);
    host.check(&name("disk_read_mb_per_sec"), 1.0);
    assert!(host.samples().iter().all(|(_, v)| v.is_finite()));
}
