//! A made-up host: procfs and sysfs in a temporary folder, and what was collected from it.

use std::path::{Path, PathBuf};

use tacho_collect::{Host, HostOptions, Notice};
use tacho_model::append::is_stale;
use tacho_model::{Batch, Kind, Timestamp, Value};

/// A folder that looks like a host.
pub(crate) struct Tree {
    folder: tempfile::TempDir,
}

const STAT: &str = "\
cpu  1000 200 300 4000 500 60 70 80 90 10
cpu0 600 100 150 2000 250 30 35 40 45 5
cpu1 400 100 150 2000 250 30 35 40 45 5
intr 12345 1 2 3
ctxt 67890
btime 1700000000
processes 4321
procs_running 3
procs_blocked 1
";
const MEMINFO: &str = "\
MemTotal:        8000000 kB
MemFree:         1000000 kB
MemAvailable:    6000000 kB
Buffers:          100000 kB
Cached:          2000000 kB
Active(anon):     500000 kB
SwapTotal:       2000000 kB
SwapFree:        1500000 kB
HugePages_Total:       7
";
const DISKSTATS: &str = "\
   7       0 loop0 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
   8       0 sda 100 5 2048 300 50 6 4096 700 2 900 1000 11 12 13 14 15 16
   8       1 sda1 100 5 2048 300 50 6 4096 700 2 900 1000 11 12 13 14 15 16
 253       0 dm-0 90 0 2000 300 40 0 4000 700 0 900 1000
";
const NETDEV: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 100 10 0 0 0 0 0 0 100 10 0 0 0 0 0 0
  eth0: 5000 50 1 2 0 0 0 0 7000 70 3 4 0 0 0 0
";

impl Tree {
    /// A host on which everything can be read.
    pub(crate) fn new() -> Self {
        let tree = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let root = tree.folder.path().join("root");
        std::fs::create_dir_all(root.join("data")).unwrap();
        for (path, text) in [
            ("proc/stat", STAT),
            ("proc/meminfo", MEMINFO),
            ("proc/loadavg", "0.50 0.25 0.10 3/200 4321\n"),
            ("proc/diskstats", DISKSTATS),
            ("proc/net/dev", NETDEV),
            (
                "proc/vmstat",
                "nr_free_pages 5\npgfault 77\npgmajfault 8\noom_kill 1\n",
            ),
            ("proc/sys/fs/file-nr", "1024\t0\t9223372036854775807\n"),
            ("proc/sys/kernel/hostname", "fixture\n"),
            ("proc/sys/kernel/osrelease", "6.1.0\n"),
            ("proc/sys/kernel/ostype", "Linux\n"),
            ("proc/sys/kernel/version", "1 SMP\n"),
            ("proc/sys/kernel/domainname", "(none)\n"),
            (
                "proc/pressure/cpu",
                "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\n",
            ),
            (
                "proc/pressure/io",
                "some total=2000000\nfull total=1000000\n",
            ),
            ("proc/pressure/memory", "some total=30\nfull total=20\n"),
            (
                "proc/self/mounts",
                "/dev/sda1 / ext4 rw 0 0\ntmpfs /data tmpfs rw 0 0\n",
            ),
            (
                "proc/self/limits",
                "Max open files            1024                 4096                 files\n",
            ),
            ("proc/self/fd/0", ""),
            ("proc/self/fd/1", ""),
            ("sys/block/dm-0/slaves/sda1", ""),
        ] {
            tree.write(path, text);
        }
        tree.process(1, "init", 0, 10, 1, 5, 100);
        tree.write("proc/self/stat", stat_line(42, "tacho", 1, 5, 3, 900, 256));
        tree
    }

    /// Writes a file, with the folders it is in.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Removes a file or folder.
    pub(crate) fn remove(&self, path: &str) {
        let path = self.folder.path().join(path);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }

    /// Writes a process.
    #[expect(clippy::too_many_arguments, reason = "the columns of one line")]
    pub(crate) fn process(
        &self,
        pid: u32,
        comm: &str,
        parent: u32,
        cpu_ticks: u64,
        threads: u64,
        start_ticks: u64,
        pages: u64,
    ) {
        let line = stat_line(pid, comm, parent, cpu_ticks, threads, start_ticks, pages);
        self.write(&format!("proc/{pid}/stat"), line);
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Options that read this tree, without GPUs.
    pub(crate) fn options(&self) -> HostOptions {
        let below = |name: &str| -> PathBuf { self.folder.path().join(name) };
        HostOptions {
            procfs: below("proc"),
            sysfs: below("sys"),
            rootfs: below("root"),
            gpu: false,
            ..HostOptions::default()
        }
    }
}

fn stat_line(
    pid: u32,
    comm: &str,
    parent: u32,
    cpu_ticks: u64,
    threads: u64,
    start_ticks: u64,
    pages: u64,
) -> String {
    format!(
        "{pid} ({comm}) S {parent} 1 1 0 -1 4194560 1 2 3 4 {cpu_ticks} 0 0 0 20 0 {threads} 0 \
         {start_ticks} 1048576 {pages} 18446744073709551615 0 0\n"
    )
}

/// A host and what its last tick said.
pub(crate) struct Watched {
    pub(crate) host: Host,
    pub(crate) batch: Batch,
}

impl Watched {
    pub(crate) fn new(options: HostOptions) -> Self {
        Self {
            host: Host::new(options),
            batch: Batch::new(),
        }
    }

    /// One tick.
    pub(crate) fn tick(&mut self, secs: i64) -> &mut Self {
        self.batch.clear();
        self.host
            .collect(Timestamp::from_secs(secs), &mut self.batch);
        self
    }

    /// Every series of the tick with its value, in PromQL's notation.
    pub(crate) fn samples(&self) -> Vec<(String, f64)> {
        let rows = self.batch.rows().map(|(series, _, value)| {
            let Value::Float(value) = value else {
                panic!("hosts have no histograms")
            };
            (self.batch.labels(series).unwrap().to_string(), value)
        });
        rows.collect()
    }

    /// The value of the one series that is written like this.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        let found: Vec<_> = self
            .samples()
            .into_iter()
            .filter(|(s, _)| s == series)
            .collect();
        assert!(found.len() <= 1, "{series} is there {} times", found.len());
        found
            .first()
            .map(|(_, value)| *value)
            .filter(|v| !is_stale(*v))
    }

    /// Whether the tick said that this series ended.
    pub(crate) fn is_stale(&self, series: &str) -> bool {
        self.samples()
            .iter()
            .any(|(s, v)| s == series && is_stale(*v))
    }

    /// Asserts a value within a millionth.
    pub(crate) fn check(&self, series: &str, expected: f64) {
        let value = self.value(series);
        let near = value.is_some_and(|v| (v - expected).abs() <= 1e-6 * expected.abs().max(1.0));
        assert!(near, "{series}: {value:?}, expected {expected}");
    }

    /// The kind under which a name was described in this tick.
    pub(crate) fn kind(&self, name: &str) -> Option<Kind> {
        let mut metadata = self.batch.metadata();
        metadata.find(|(n, _)| *n == name).map(|(_, m)| m.kind)
    }

    /// What was lost or found since the last call, as `source: kind`.
    pub(crate) fn notices(&mut self) -> Vec<String> {
        let said = self.host.take_notices();
        let text = |n: Notice| format!("{}: {:?}", n.source, n.kind);
        said.into_iter().map(text).collect()
    }
}
