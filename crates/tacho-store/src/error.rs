//! Every way the store can fail, one variant for each decision a caller can take.
//!
//! Each reads as a sentence of its own. I/O errors carry the verb and the path. Damage found in stored data is not an error: it is set
//! aside and reported by [`crate::Store::stats`].

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the folder open.
    #[error(
        "{} is in use by {}: stop that one, ask it over HTTP, or choose another --data-dir",
        dir.display(), holder(*pid)
    )]
    Locked {
        /// The data folder.
        dir: PathBuf,
        /// The process that holds it, when it is known.
        pid: Option<u32>,
    },
    /// The folder cannot be created or written.
    #[error(
        "{} is not writable: give this user the folder, or choose another --data-dir",
        dir.display()
    )]
    NotWritable {
        /// The data folder.
        dir: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// There is no store in the folder.
    #[error("{} holds no data: start `tacho start --data-dir` there first", dir.display())]
    Missing {
        /// The data folder.
        dir: PathBuf,
    },
    /// Written by a newer version of this program.
    #[error(
        "{} has format version {found}, this program reads up to {supported}: use a newer Tachograph",
        path.display()
    )]
    NewerFormat {
        /// The file that says so.
        path: PathBuf,
        /// The version it has.
        found: u64,
        /// The newest version this program reads.
        supported: u64,
    },
    /// Written by an older version of this program that was never released.
    #[error(
        "{} has format version {found} of an unreleased older Tachograph, this program reads \
         {supported}: move the folder away and start with a new one",
        path.display()
    )]
    OlderFormat {
        /// The file that says so.
        path: PathBuf,
        /// The version it has.
        found: u64,
        /// The version this program reads.
        supported: u64,
    },
    /// The disk is full.
    #[error("no space left at {}: free some, writing resumes by itself", path.display())]
    NoSpace {
        /// What was being written.
        path: PathBuf,
    },
    /// This process, or the system, has as many files open as it may.
    #[error(
        "too many files are open to {verb} {}: let this process open more (ulimit -n, LimitNOFILE)",
        path.display()
    )]
    TooManyFiles {
        /// What was to be done.
        verb: &'static str,
        /// To which file.
        path: PathBuf,
    },
    /// The store was opened read-only, or refuses writes after a failed sync.
    #[error("the store is read-only until it is reopened: {reason}")]
    ReadOnly {
        /// Why.
        reason: String,
    },
    /// The system failed an operation on a file.
    #[error("cannot {verb} {}", path.display())]
    Io {
        /// What was being done.
        verb: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Stored bytes are not what was written.
    #[error("{} is damaged at byte {offset}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// More deletions wait to be applied than may.
    #[error(
        "{limit} deletions wait to be applied; try again after maintenance, some seconds later"
    )]
    TooManyDeletions {
        /// How many may wait.
        limit: usize,
    },
    /// A snapshot cannot be called so.
    #[error("`{name}` is no name for a snapshot: use up to 64 letters, digits, `.`, `_` and `-`")]
    SnapshotName {
        /// What was asked for, shortened.
        name: String,
    },
    /// There are as many snapshots as there may be.
    #[error("there are {limit} snapshots; delete some first")]
    TooManySnapshots {
        /// How many there may be.
        limit: usize,
    },
    /// What a deletion concerns could not be read.
    #[error("cannot find what to delete")]
    Query {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The state database failed.
    #[error("cannot use the state database")]
    State(#[from] rusqlite::Error),
    /// A state record of that name does not exist.
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// Which sort of record.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A state record of that name exists already.
    #[error("cannot create {what} `{name}`: there is one of that name")]
    Exists {
        /// Which sort of record.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A state record that cannot be stored as it is.
    #[error("cannot store the {what}: {reason}")]
    Invalid {
        /// Which sort of record.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// There are as many state records of a sort as are kept.
    #[error("cannot store another {what}: there are {limit}, and no more are kept; delete some")]
    Full {
        /// Which sort of record.
        what: &'static str,
        /// Most that are kept.
        limit: usize,
    },
    /// An experiment cannot go from where it is to there.
    #[error("cannot make experiment `{name}` {to}: it is {from}")]
    Transition {
        /// Its name.
        name: String,
        /// Where it stands.
        from: &'static str,
        /// Where it was to go.
        to: &'static str,
    },
    /// Something is where a snapshot was to go.
    #[error("cannot create {}: it exists already; choose another folder, or remove it", path.display())]
    Occupied {
        /// What exists.
        path: PathBuf,
    },
}

impl StoreError {
    /// A file of a version that this program does not read.
    pub(crate) fn other_format(path: &Path, found: u64, supported: u64) -> Self {
        let path = path.to_owned();
        if found > supported {
            return Self::NewerFormat {
                path,
                found,
                supported,
            };
        }
        Self::OlderFormat {
            path,
            found,
            supported,
        }
    }

    /// An I/O error with its verb and path; a full disk becomes [`Self::NoSpace`], and running out
    /// of descriptors [`Self::TooManyFiles`].
    pub(crate) fn io(verb: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        let out_of_files = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
        if source
            .raw_os_error()
            .is_some_and(|code| out_of_files.contains(&code))
        {
            return Self::TooManyFiles { verb, path };
        }
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { path },
            _ => Self::Io { verb, path, source },
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}

/// Why encoded bytes could not be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodecError {
    /// The bytes end too early.
    #[error("the bytes end too early")]
    Short,
    /// The bytes contradict themselves.
    #[error("{0}")]
    Corrupt(&'static str),
    /// An encoding this version does not know.
    #[error("encoding {0} is unknown")]
    Unsupported(u8),
}
