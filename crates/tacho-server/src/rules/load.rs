//! Rule files where they lie: the files that patterns name, read and checked.
//!
//! A pattern with `*` or `?` in its last part may name no file; a plain path must name one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::{Reading, RuleFileError};
use super::group::{Group, Origin};
use crate::scrape::discovery;

/// Largest rule file.
pub const FILE_BYTES_MAX: u64 = 4 << 20;
/// Most files that patterns may name.
pub const FILES_MAX: usize = 1000;

/// Why rule files are not usable.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is too large for one.
    #[error("{} has more than {FILE_BYTES_MAX} bytes; that is no rule file", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// More files than are read.
    #[error("{found} rule files are more than the {FILES_MAX} that are allowed")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// What it says is not valid.
    #[error("{}: {source}", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: RuleFileError,
    },
}

/// The groups of all files that `patterns` name, each file once.
///
/// # Errors
/// [`LoadError`]: the first file that is not usable.
pub fn load(patterns: &[PathBuf], interval: Duration) -> Result<Vec<Group>, LoadError> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for pattern in patterns {
        paths.extend(discovery::named(pattern));
    }
    paths.sort();
    paths.dedup();
    let found = paths.len();
    if found > FILES_MAX {
        return Err(LoadError::TooMany { found });
    }
    let mut groups = Vec::new();
    for path in &paths {
        groups.extend(file(path, interval)?);
    }
    Ok(groups)
}

/// The groups of one file.
///
/// # Errors
/// [`LoadError`]: why it is not usable.
pub fn file(path: &Path, interval: Duration) -> Result<Vec<Group>, LoadError> {
    let owned = || path.to_owned();
    let unreadable = |source| {
        let path = owned();
        LoadError::Read { path, source }
    };
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if length > FILE_BYTES_MAX {
        return Err(LoadError::TooLarge { path: owned() });
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let reading = Reading {
        origin: Origin::File(path.display().to_string()),
        interval,
    };
    let read = reading.file(&text);
    read.map_err(|source| {
        let path = owned();
        LoadError::Content { path, source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_files_each_once() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("a.yml", "groups: [{name: a}]");
        write("b.yml", "groups: [{name: b}]");
        write("c.txt", "no rules");
        let load = |patterns: &[&str]| {
            let patterns: Vec<PathBuf> = patterns.iter().map(|p| dir.path().join(p)).collect();
            load(&patterns, Duration::from_mins(1))
        };
        let groups = load(&["*.yml", "a.yml", "none-*.yml"]).unwrap();
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let none = load(&["d.yml"]).unwrap_err();
        assert!(matches!(none, LoadError::Read { .. }), "{none}");
        let bad = load(&["c.txt"]).unwrap_err().to_string();
        assert!(bad.contains("c.txt: "), "{bad}");
    }
}
