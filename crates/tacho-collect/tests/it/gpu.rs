//! GPUs, through a stand-in for the driver's library that the test compiles.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tacho_collect::HostOptions;

use crate::tree::{Tree, Watched};

/// Compiles the stand-in into the tree; `None`, with the reason printed, without a C compiler.
fn fake(tree: &Tree, define: &str) -> Option<PathBuf> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fake_nvml.c");
    let library = tree.path().join("libnvidia-ml.so.1");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-D", define, "-o"])
        .arg(&library)
        .arg(source);
    match cc.status() {
        Ok(status) => {
            assert!(status.success(), "the stand-in compiles");
            Some(library)
        }
        Err(error) => {
            println!("skipped: no C compiler: {error}");
            None
        }
    }
}

fn watch(tree: &Tree, nvml_library: PathBuf) -> Watched {
    Watched::new(HostOptions {
        gpu: true,
        nvml_library,
        ..tree.options()
    })
}

/// Ticks until it is so: the driver answers from a thread of its own.
fn until(host: &mut Watched, first: i64, what: impl Fn(&Watched) -> bool) -> i64 {
    let deadline = Instant::now() + Duration::from_secs(20);
    for secs in first.. {
        host.tick(secs);
        if what(host) {
            return secs;
        }
        assert!(Instant::now() < deadline, "it never was so");
        std::thread::sleep(Duration::from_millis(5));
    }
    first
}

fn gpu(name: &str, index: u32) -> String {
    format!(
        r#"{name}{{Hostname="fixture",UUID="GPU-{index}",device="nvidia{index}",gpu="{index}",instance="fixture",job="node",modelName="Fake {index}"}}"#
    )
}

#[test]
fn r2_gpus_are_read_through_nvml() {
    let tree = Tree::new();
    let Some(library) = fake(&tree, "WHOLE") else {
        return;
    };
    tree.write("proc/7/comm", "python3\n");
    let mut host = watch(&tree, library);
    let used = gpu("DCGM_FI_DEV_FB_USED", 1);
    until(&mut host, 1, |host| host.value(&used).is_some());
    for (name, expected) in [
        ("DCGM_FI_DEV_GPU_UTIL", 87.0),
        ("DCGM_FI_DEV_MEM_COPY_UTIL", 41.0),
        ("DCGM_FI_DEV_FB_USED", 30.0 * 1024.0),
        ("DCGM_FI_DEV_FB_FREE", 50.0 * 1024.0),
        ("DCGM_FI_DEV_FB_TOTAL", 80.0 * 1024.0),
        ("DCGM_FI_DEV_POWER_USAGE", 412.5),
        ("DCGM_FI_DEV_GPU_TEMP", 63.0),
    ] {
        host.check(&gpu(name, 0), expected);
    }
    host.check(&gpu("DCGM_FI_DEV_FB_USED", 1), 1024.0);
    assert_eq!(
        host.value(&gpu("DCGM_FI_DEV_GPU_UTIL", 1)),
        None,
        "not said is absent"
    );
    let process = |name: &str| {
        format!(
            r#"namedprocess_namegroup_memory_bytes{{gpu="0",groupname="{name}",instance="fixture",job="node",memtype="gpu"}}"#
        )
    };
    let gib = f64::from(1u32 << 30);
    host.check(&process("python3"), 20.0 * gib);
    host.check(&process("?"), 5.0 * gib);
    assert_eq!(host.notices(), [""; 0]);
}

#[test]
fn r2_a_host_without_gpus_says_so_once() {
    let tree = Tree::new();
    let mut host = watch(&tree, tree.path().join("libnvidia-ml.so.1"));
    for secs in 0..200 {
        host.tick(secs);
    }
    assert_eq!(host.notices(), ["gpu: NotHere"]);
}

#[test]
fn r2_a_driver_that_refuses_says_why() {
    let tree = Tree::new();
    let Some(library) = fake(&tree, "BROKEN") else {
        return;
    };
    let mut host = watch(&tree, library);
    let mut notices = Vec::new();
    for secs in 0.. {
        host.tick(secs);
        notices.extend(host.host.take_notices());
        if !notices.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(notices.len(), 1);
    assert!(
        notices[0].message.contains("Driver Not Loaded"),
        "{}",
        notices[0].message
    );
}

#[test]
fn r2_a_driver_that_hangs_does_not_stop_the_tick() {
    let tree = Tree::new();
    let Some(library) = fake(&tree, "HANGS") else {
        return;
    };
    let mut host = watch(&tree, library);
    let started = Instant::now();
    for secs in 1..40 {
        host.tick(secs);
    }
    let took = started.elapsed();
    assert!(took < Duration::from_secs(30), "forty ticks took {took:?}");
    assert_eq!(host.notices(), ["gpu: Lost"]);
    host.check(r#"node_load1{instance="fixture",job="node"}"#, 0.5);
}

#[test]
fn r2_a_gpu_that_is_lost_is_said_and_comes_back() {
    let tree = Tree::new();
    let lost = tree.path().join("lost");
    let define = format!("LOST=\"{}\"", lost.display());
    let Some(library) = fake(&tree, &define) else {
        return;
    };
    let mut host = watch(&tree, library);
    let temperature = gpu("DCGM_FI_DEV_GPU_TEMP", 0);
    let here = |host: &Watched| host.value(&temperature).is_some();
    let secs = until(&mut host, 1, here);
    assert_eq!(host.notices(), [""; 0]);
    tree.write("lost", "");
    let secs = until(&mut host, secs + 1, |host| host.is_stale(&temperature));
    assert_eq!(host.notices(), ["gpu: Lost"]);
    std::fs::remove_file(lost).unwrap();
    until(&mut host, secs + 1, here);
    assert_eq!(host.notices(), ["gpu: Restored"]);
}
