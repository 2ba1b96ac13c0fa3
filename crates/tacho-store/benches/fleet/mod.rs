//! The fleet that benchmarks and the append path's example measure with: 10 000 series of a hundred
//! hosts, in a store without syncs whose files lie in memory where there is a folder for that.

use std::path::Path;

use tacho_model::{Labels, Timestamp};
use tacho_store::{Fsync, Store, StoreOptions};

pub(crate) const SERIES: usize = 10_000;
pub(crate) const START: i64 = 1_800_000_000;

fn clock() -> Timestamp {
    Timestamp::from_secs(START + 1_000_000)
}

/// What a scrape of host `i / 100` calls its series `i % 100`.
pub(crate) fn labels(i: usize) -> Labels {
    let host = i / 100;
    Labels::new([
        ("__name__", format!("node_some_metric_{:02}_total", i % 100)),
        ("instance", format!("host-{host:05}:9100")),
        ("job", ["web", "db", "cache"][host % 3].to_owned()),
        ("region", ["eu-west-1", "us-east-1"][host % 2].to_owned()),
        ("mode", "user".to_owned()),
    ])
    .unwrap()
}

pub(crate) fn open(dir: &Path) -> Store {
    let options = StoreOptions {
        fsync: Fsync::Never,
        clock,
        ..StoreOptions::default()
    };
    Store::open(dir, options).unwrap()
}

/// Memory rather than a disk, where there is one.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() {
        memory
    } else {
        Path::new(".")
    };
    tempfile::tempdir_in(parent).unwrap()
}
