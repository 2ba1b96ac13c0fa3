use std::sync::atomic::{AtomicBool, Ordering};

use tacho_model::{Batch, Timestamp, Value};

use super::*;
use crate::derive::Readings;
use crate::emit::SeriesBook;

fn mount(mountpoint: &str, fstype: &str) -> Mount {
    Mount {
        device: "d".into(),
        mountpoint: mountpoint.into(),
        fstype: fstype.into(),
    }
}

#[test]
fn octal_escapes() {
    assert_eq!(unescape(br"/a\040b\134c"), b"/a b\\c");
    for as_is in [r"\", r"\04", r"\999", r"\777x"] {
        assert_eq!(unescape(as_is.as_bytes()), as_is.as_bytes());
    }
}

#[test]
fn the_default_filter_is_node_exporters() {
    for (place, fstype) in [
        ("/dev/shm", "tmpfs"),
        ("/proc", "x"),
        ("/var/lib/docker/a/merged", "ext4"),
        ("/", "overlay"),
        ("/snap/core", "squashfs"),
    ] {
        assert!(is_ignored(&mount(place, fstype)), "{place} {fstype}");
    }
    for (place, fstype) in [
        ("/", "ext4"),
        ("/device", "xfs"),
        ("/run", "tmpfs"),
        ("/var/lib/docker", "ext4"),
        ("/mnt", "nfs4"),
    ] {
        assert!(!is_ignored(&mount(place, fstype)), "{place} {fstype}");
    }
}

#[test]
fn the_last_mount_at_a_place_covers_the_others() {
    let mounts = parse(b"a / ext4 rw\nb / xfs rw\n").unwrap();
    assert_eq!(mounts.len(), 1);
    assert_eq!(mounts[0].device, "b");
    assert!(parse(b"a /\n").is_err());
}

/// Answers for `good`, fails for `bad`, and hangs for `dead` while [`DEAD`] says so.
fn ask(path: &Path) -> io::Result<Space> {
    if path.ends_with("bad") {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    while path.ends_with("dead") && DEAD.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(Space {
        size_bytes: 100,
        free_bytes: 50,
        avail_bytes: 40,
        files: 10,
        files_free: 5,
        readonly: false,
    })
}

static DEAD: AtomicBool = AtomicBool::new(true);

/// Every series of one run with its value.
fn run(filesystem: &mut Filesystem, secs: i64) -> (Vec<String>, Option<String>) {
    let now = Timestamp::from_secs(secs);
    let mut batch = Batch::new();
    let mut book = SeriesBook::new(Vec::new());
    let mut ctx = Context {
        now,
        emit: book.run(&mut batch, now),
        readings: &mut Readings::default(),
    };
    let outcome = filesystem.collect(&mut ctx);
    ctx.emit.finish();
    let rows = batch.rows().filter_map(|(series, _, value)| {
        let labels = batch.labels(series)?;
        let name = labels.get("__name__")?.strip_prefix("node_filesystem_")?;
        let place = labels.get("mountpoint")?;
        let Value::Float(value) = value else {
            return None;
        };
        matches!(name, "avail_bytes" | "device_error").then(|| format!("{place} {name} {value}"))
    });
    (rows.collect(), outcome.err().map(|e| e.to_string()))
}

#[test]
fn w2_a_dead_network_mount_does_not_stop_the_tick() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("self")).unwrap();
    let mounts = "s:/a /bad nfs4 rw\ns:/b /dead nfs4 rw\ns:/c /good fuse.sshfs rw\n";
    std::fs::write(folder.path().join("self/mounts"), mounts).unwrap();
    let mut filesystem = Filesystem::new(&HostOptions {
        procfs: folder.path().to_owned(),
        ..HostOptions::default()
    });
    filesystem.ask = ask;
    // Long enough for threads that are alive to answer on a machine that is busy.
    filesystem.patience = Duration::from_secs(1);
    let with_dead = [
        "/bad device_error 1",
        "/dead device_error 1",
        "/good device_error 0",
        "/good avail_bytes 40",
    ];
    let started = std::time::Instant::now();
    let (rows, error) = run(&mut filesystem, 15);
    assert_eq!(rows, with_dead);
    assert!(error.is_some_and(|e| e.contains("/bad")));
    // It is waited for once, not again and again.
    for secs in 2..40 {
        assert_eq!(run(&mut filesystem, 15 * secs).0, with_dead);
    }
    let took = started.elapsed();
    assert!(took < 20 * filesystem.patience, "{took:?}");
    DEAD.store(false, Ordering::Relaxed);
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while run(&mut filesystem, 900).0.len() < 5 {
        assert!(std::time::Instant::now() < deadline, "it never came back");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(filesystem.remote.len(), 3);
    std::fs::write(folder.path().join("self/mounts"), "").unwrap();
    run(&mut filesystem, 1000);
    assert_eq!(filesystem.remote.len(), 0, "threads end with their mounts");
}
