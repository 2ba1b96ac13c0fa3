//! Why a source could not be read. None of these ends a tick: the source is absent until it can
//! be read again, and [`crate::Host::take_notices`] says so once.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a collector has nothing, or not everything, to say.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// A file or directory could not be opened or read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file was read but does not say what it should.
    #[error("understand {}: {source}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: ParseError,
    },
    /// A file is larger than any real one.
    #[error("read {}: it has more than {limit} bytes", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// The most bytes that are read, [`crate::source::FILE_BYTES_MAX`].
        limit: usize,
    },
    /// A source that may hang did not answer in time; it is asked again later.
    #[error("hear from {what} within {} ms", waited.as_millis())]
    Late {
        /// Which.
        what: String,
        /// How long was waited.
        waited: Duration,
    },
    /// A library that is loaded at run time worked, and no longer does.
    #[error("use {library}: {reason}")]
    Library {
        /// Its file name.
        library: &'static str,
        /// What it or the loader said.
        reason: String,
    },
    /// This host does not have such a thing: nothing is wrong.
    #[error("find {what}: {reason}")]
    NotHere {
        /// What was looked for.
        what: &'static str,
        /// How that was found out.
        reason: String,
    },
}

/// What is wrong with the bytes of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Something that every such file has is not there.
    #[error("{what} is missing")]
    Missing {
        /// What.
        what: &'static str,
    },
    /// Something is there but no non-negative number in range.
    #[error("{what} is not a number in range")]
    Invalid {
        /// What.
        what: &'static str,
    },
}

impl ParseError {
    /// Something is not there.
    pub const fn missing(what: &'static str) -> Self {
        Self::Missing { what }
    }

    /// Something is no number.
    pub const fn invalid(what: &'static str) -> Self {
        Self::Invalid { what }
    }
}
