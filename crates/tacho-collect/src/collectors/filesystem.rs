//! File systems: size, free space and inodes of each mount, every 15 s.
//!
//! Which mounts count is `node_exporter`'s default. Asking a local one takes microseconds; a
//! remote or user-space one (NFS, SMB, FUSE …) may hang for ever, so each of those is asked by a
//! thread of its own for at most [`PATIENCE`] and otherwise reported by
//! `node_filesystem_device_error` until it answers again. Source: proc(5), statvfs(3).

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tacho_model::Unit;

use crate::collector::{Collector, Context};
use crate::emit::Family;
use crate::error::{CollectError, ParseError};
use crate::host::HostOptions;
use crate::source::TextFile;
use crate::sys::{self, Space};
use crate::text;
use crate::worker::{Asked, Worker};

/// How long a mount that may hang is waited for.
pub const PATIENCE: Duration = Duration::from_millis(50);
/// Most mounts that are reported.
pub const MOUNTS_MAX: usize = 256;
/// Most mounts that get a thread; further ones are left out.
pub const REMOTE_MAX: usize = 32;

const fn bytes(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, Unit::BYTES, help)
}

const fn count(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, Unit::NONE, help)
}

type Value = fn(&Space) -> u64;

static FAMILIES: [(Family, Value); 6] = [
    (
        bytes("node_filesystem_size_bytes", "Filesystem size in bytes."),
        |s| s.size_bytes,
    ),
    (
        bytes(
            "node_filesystem_free_bytes",
            "Filesystem free space in bytes.",
        ),
        |s| s.free_bytes,
    ),
    (
        bytes(
            "node_filesystem_avail_bytes",
            "Filesystem space available to non-root users in bytes.",
        ),
        |s| s.avail_bytes,
    ),
    (
        count("node_filesystem_files", "Filesystem total file nodes."),
        |s| s.files,
    ),
    (
        count(
            "node_filesystem_files_free",
            "Filesystem total free file nodes.",
        ),
        |s| s.files_free,
    ),
    (
        count("node_filesystem_readonly", "Filesystem read-only status."),
        |s| u64::from(s.readonly),
    ),
];
static ERROR: Family = count(
    "node_filesystem_device_error",
    "Whether an error occurred while getting statistics for the given device.",
);

/// One line of `/proc/mounts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// What is mounted.
    pub device: String,
    /// Where, as bytes: paths need not be UTF-8.
    pub mountpoint: Vec<u8>,
    /// The type of file system.
    pub fstype: String,
}

/// Parses `/proc/mounts`, leaving out mounts of no interest. Of several at one place the last
/// counts: it covers the others.
pub fn parse(bytes: &[u8]) -> Result<Vec<Mount>, ParseError> {
    let mut mounts = BTreeMap::new();
    for line in text::lines(bytes) {
        let mut fields = text::fields(line);
        let Some(device) = fields.next() else {
            continue;
        };
        let mut next = || fields.next().ok_or(ParseError::missing("a mount's column"));
        let mountpoint = unescape(next()?);
        let mount = Mount {
            device: text::name(&unescape(device)),
            fstype: text::name(next()?),
            mountpoint: mountpoint.clone(),
        };
        mounts.insert(mountpoint, mount);
    }
    let kept = mounts.into_values().filter(|mount| !is_ignored(mount));
    Ok(kept.take(MOUNTS_MAX).collect())
}

/// The kernel writes blanks, backslashes and line ends as a backslash and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        let octal = (*byte == b'\\').then(|| tail.get(..3)).flatten();
        let code = octal.and_then(|digits| {
            digits.iter().try_fold(0u32, |code, digit| {
                matches!(digit, b'0'..=b'7').then(|| code * 8 + u32::from(digit - b'0'))
            })
        });
        match code.and_then(|code| u8::try_from(code).ok()) {
            Some(code) => {
                plain.push(code);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => plain.push(*byte),
        }
    }
    plain
}

/// `node_exporter`'s `--collector.filesystem.fs-types-exclude`.
const TYPES_IGNORED: [&str; 27] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "erofs",
    "fusectl",
    "hugetlbfs",
    "iso9660",
    "mqueue",
    "nsfs",
    "overlay",
    "proc",
    "procfs",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "squashfs",
    "sysfs",
    "tracefs",
    "efivarfs",
    "ramfs",
];

/// `node_exporter`'s `--collector.filesystem.mount-points-exclude`: these and what is below.
const PLACES_IGNORED: [&[u8]; 3] = [b"/dev", b"/proc", b"/sys"];
/// The same: what is below these, but not they themselves.
const BELOW_IGNORED: [&[u8]; 3] = [
    b"/run/credentials/",
    b"/var/lib/docker/",
    b"/var/lib/containers/storage/",
];

fn is_ignored(mount: &Mount) -> bool {
    let at = |place: &&[u8]| {
        let rest = mount.mountpoint.strip_prefix(*place);
        rest.is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b'/'))
    };
    let below = |place: &&[u8]| {
        let rest = mount.mountpoint.strip_prefix(*place);
        rest.is_some_and(|rest| !rest.is_empty())
    };
    TYPES_IGNORED.contains(&mount.fstype.as_str())
        || PLACES_IGNORED.iter().any(at)
        || BELOW_IGNORED.iter().any(below)
}

/// Whether asking about it may hang: it is answered for by another host or another program.
fn may_hang(fstype: &str) -> bool {
    const REMOTE: [&str; 15] = [
        "9p",
        "acfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
    ];
    REMOTE.contains(&fstype) || fstype == "fuse" || fstype.starts_with("fuse.")
}

type Ask = fn(&Path) -> io::Result<Space>;

/// Keeps `/proc/mounts` open, and a thread for each mount that may hang.
#[derive(Debug)]
pub struct Filesystem {
    file: TextFile,
    rootfs: PathBuf,
    remote: HashMap<PathBuf, Worker<PathBuf, io::Result<Space>>>,
    ask: Ask,
    patience: Duration,
}

impl Filesystem {
    /// Reads below `options.procfs` and `options.rootfs`.
    pub fn new(options: &HostOptions) -> Self {
        Self {
            file: TextFile::new(options.procfs.join("self/mounts")),
            rootfs: options.rootfs.clone(),
            remote: HashMap::new(),
            ask: sys::space,
            patience: PATIENCE,
        }
    }

    fn path(&self, mountpoint: &[u8]) -> PathBuf {
        let below = mountpoint.strip_prefix(b"/").unwrap_or(mountpoint);
        if below.is_empty() {
            return self.rootfs.clone();
        }
        self.rootfs.join(os_string(below))
    }

    fn space(&mut self, mount: &Mount) -> Result<Space, CollectError> {
        let path = self.path(&mount.mountpoint);
        let answer = if may_hang(&mount.fstype) {
            self.space_of_remote(&path)?
        } else {
            (self.ask)(&path)
        };
        answer.map_err(|source| CollectError::Read { path, source })
    }

    fn space_of_remote(&mut self, path: &Path) -> Result<io::Result<Space>, CollectError> {
        let waited = self.patience;
        let late = || CollectError::Late {
            what: path.display().to_string(),
            waited,
        };
        if !self.remote.contains_key(path) {
            if self.remote.len() >= REMOTE_MAX {
                return Err(late());
            }
            let ask = self.ask;
            let worker = Worker::start("tacho-statvfs", move |path: PathBuf| ask(&path));
            let worker = worker.map_err(|_| late())?;
            self.remote.insert(path.to_owned(), worker);
        }
        let worker = self.remote.get_mut(path).ok_or_else(late)?;
        match worker.ask(path.to_owned(), waited) {
            Asked::Answer(answer) => Ok(answer),
            Asked::Late => Err(late()),
            Asked::Gone => {
                self.remote.remove(path);
                Err(late())
            }
        }
    }
}

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes.to_owned())
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> OsString {
    text::name(bytes).into()
}

impl Collector for Filesystem {
    fn name(&self) -> &'static str {
        "filesystem"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(15)
    }

    fn collect(&mut self, ctx: &mut Context<'_>) -> Result<(), CollectError> {
        // Whatever is mounted there (in a container an overlay, which is no disk of its own).
        ctx.readings.root = (self.ask)(&self.rootfs).ok();
        let mounts = self.file.parse(parse)?;
        let here: Vec<_> = mounts.iter().map(|m| self.path(&m.mountpoint)).collect();
        self.remote.retain(|path, _| here.contains(path));
        let mut outcome = Ok(());
        for mount in &mounts {
            let mountpoint = text::name(&mount.mountpoint);
            let labels = [
                ("device", mount.device.as_str()),
                ("fstype", mount.fstype.as_str()),
                ("mountpoint", mountpoint.as_str()),
            ];
            let space = self.space(mount);
            let failed = f64::from(u8::from(space.is_err()));
            ctx.emit.push(&ERROR, &labels, failed);
            match space {
                Ok(space) => {
                    for (family, value) in &FAMILIES {
                        ctx.emit.push(family, &labels, value(&space) as f64);
                    }
                }
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests;
