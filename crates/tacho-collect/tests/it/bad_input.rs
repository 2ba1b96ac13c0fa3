//! Whatever the files hold: no panic, the source absent, and said once.

use proptest::prelude::*;
use tacho_collect::collectors::{
    cpu, disk, filefd, filesystem, load, memory, network, own, pressure, processes, vmstat,
};

use crate::tree::{Tree, Watched};

/// Every file of the tree with the collector that reads it and a series that must then be absent.
const FILES: [(&str, &str, &str); 8] = [
    ("proc/stat", "cpu", "node_procs_running"),
    ("proc/meminfo", "memory", "node_memory_MemTotal_bytes"),
    ("proc/loadavg", "load", "node_load1"),
    (
        "proc/pressure/io",
        "pressure",
        "node_pressure_io_waiting_seconds_total",
    ),
    (
        "proc/net/dev",
        "network",
        "node_network_receive_bytes_total",
    ),
    ("proc/vmstat", "vmstat", "node_vmstat_pgfault"),
    ("proc/sys/fs/file-nr", "filefd", "node_filefd_allocated"),
    ("proc/self/stat", "own", "process_threads"),
];

fn check(content: &[u8]) {
    for (file, source, absent) in FILES {
        let tree = Tree::new();
        tree.write(file, content);
        let mut host = Watched::new(tree.options());
        host.tick(15).tick(30);
        assert_eq!(host.notices(), [format!("{source}: Lost")], "{file}");
        let there = host
            .samples()
            .into_iter()
            .any(|(s, _)| s.starts_with(absent));
        assert!(!there, "{file}: {absent}");
        assert!(host.samples().len() > 60, "{file}: the rest goes on");
    }
}

#[test]
fn w2_empty_files_are_absent_sources() {
    check(b"");
}

#[test]
fn w2_noise_is_an_absent_source() {
    check(b"\xff\xfe\x00(nonsense\n\n:::\n-1 -2 -3\n");
}

#[test]
fn w2_a_line_of_ten_megabytes_is_an_absent_source() {
    check(&b"9".repeat(10 << 20));
}

#[test]
fn w2_numbers_out_of_range_are_absent_sources() {
    let huge = "99999999999999999999999";
    check(
        format!(
            "cpu {huge} 1 1 1\nMemTotal: {huge} kB\nsome total={huge}\nlo: {huge}\npgfault {huge}\n"
        )
        .as_bytes(),
    );
    check(b"cpu -1 1 1 1\nMemTotal: -1 kB\nsome total=-1\nlo: -1\npgfault -1\n");
}

#[test]
fn w2_every_truncation_of_every_file_is_survived() {
    for (file, _, _) in FILES {
        let tree = Tree::new();
        let whole = std::fs::read(tree.path().join(file)).unwrap();
        let mut host = Watched::new(tree.options());
        for (i, end) in (0..whole.len())
            .step_by(whole.len().div_ceil(60))
            .enumerate()
        {
            tree.write(file, &whole[..end]);
            host.tick(i as i64);
        }
        tree.write(file, &whole);
        let said = host.tick(1000).notices();
        assert!(said.len() <= 120, "{said:?}");
        assert!(host.samples().len() > 60, "{file}");
    }
}

#[test]
fn w2_hostile_mounts_and_processes_cost_only_themselves() {
    let tree = Tree::new();
    tree.write(
        "proc/self/mounts",
        b"/dev/a /data ext4 rw\n/dev/b /\\303\\050\\040gone xfs rw\n/dev/c /\xff\xff xfs rw\n",
    );
    tree.write("proc/77/stat", b"77 (\xff\xff) S");
    tree.write("proc/78/stat", b"");
    tree.write("proc/99999999999999/stat", b"");
    tree.process(79, ") R (\u{1f600}", 1, 1, 1, 9, 9);
    let mut host = Watched::new(tree.options());
    host.tick(15);
    assert_eq!(host.notices(), ["filesystem: Lost"]);
    let node = r#"instance="fixture",job="node""#;
    let error = r"node_filesystem_device_error";
    host.check(
        &format!(r#"{error}{{device="/dev/a",fstype="ext4",{node},mountpoint="/data"}}"#),
        0.0,
    );
    host.check(
        &format!(
            r#"{error}{{device="/dev/c",fstype="xfs",{node},mountpoint="/{0}{0}"}}"#,
            '\u{fffd}'
        ),
        1.0,
    );
    host.check(&format!("node_processes_pids{{{node}}}"), 2.0);
}

proptest! {
    #[test]
    fn w2_parsers_survive_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        every_parser(&bytes);
    }

    /// Closer to what the kernel writes, so that parsers get further.
    #[test]
    fn w2_parsers_survive_what_looks_like_procfs(
        text in r"((cpu[0-9]?|intr|MemTotal:|some|full|total=|lo:|pgfault|8 0 sda|Max open files|7 \(a\) S|/dev/a /b ext4|[0-9]{1,25}|-[0-9]|kB|\\[0-7]{1,3})[ \n]){0,60}"
    ) {
        every_parser(text.as_bytes());
    }
}

fn every_parser(bytes: &[u8]) {
    let _ = cpu::parse(bytes);
    let _ = memory::parse(bytes);
    let _ = load::parse(bytes);
    let _ = pressure::parse(bytes);
    let _ = network::parse(bytes);
    let _ = vmstat::parse(bytes);
    let _ = filefd::parse(bytes);
    let _ = own::parse_max_fds(bytes);
    let _ = processes::stat::parse(bytes);
    if let Ok(disks) = disk::parse(bytes) {
        assert!(disks.len() <= disk::DISKS_MAX);
    }
    if let Ok(mounts) = filesystem::parse(bytes) {
        assert!(mounts.len() <= filesystem::MOUNTS_MAX);
    }
}
