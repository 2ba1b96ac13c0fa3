//! What is asked of the kernel through calls rather than files.
//!
//! The only module that knows the platform: elsewhere than on Unix each function answers
//! `Unsupported` or nothing, so that the sources are absent and the rest compiles and runs.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How full a file system is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// All of it, in bytes.
    pub size_bytes: u64,
    /// Free, in bytes, including what is reserved for root.
    pub free_bytes: u64,
    /// Free for everyone, in bytes.
    pub avail_bytes: u64,
    /// Inodes there are.
    pub files: u64,
    /// Inodes that are free.
    pub files_free: u64,
    /// Whether it is mounted read-only.
    pub readonly: bool,
}

#[cfg(unix)]
mod imp {
    use super::{ControlFlow, Duration, File, Path, Space, io};
    use rustix::fs::{CWD, Dir, Mode, OFlags, openat, readlinkat};
    use rustix::time::{ClockId, clock_gettime};
    use std::os::unix::fs::FileExt;

    pub(super) fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match file.read_at(into, offset) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                answer => return answer,
            }
        }
    }

    pub(super) fn space(path: &Path) -> io::Result<Space> {
        let stat = rustix::fs::statvfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        Ok(Space {
            size_bytes: bytes(stat.f_blocks),
            free_bytes: bytes(stat.f_bfree),
            avail_bytes: bytes(stat.f_bavail),
            files: stat.f_files,
            files_free: stat.f_ffree,
            readonly: stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
        })
    }

    fn clock(id: ClockId) -> Option<Duration> {
        let time = clock_gettime(id);
        let secs = u64::try_from(time.tv_sec).ok()?;
        Some(Duration::new(secs, u32::try_from(time.tv_nsec).ok()?))
    }

    pub(super) fn process_cpu_time() -> Option<Duration> {
        clock(ClockId::ProcessCPUTime)
    }

    pub(super) fn thread_cpu_time() -> Option<Duration> {
        clock(ClockId::ThreadCPUTime)
    }

    pub(super) fn page_bytes() -> u64 {
        rustix::param::page_size() as u64
    }

    pub(super) fn ticks_per_second() -> u64 {
        rustix::param::clock_ticks_per_second().max(1)
    }

    pub(super) fn machine() -> String {
        let uname = rustix::system::uname();
        uname.machine().to_string_lossy().into_owned()
    }

    pub(super) fn open_directory(path: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(openat(CWD, path, flags, Mode::empty())?.into())
    }

    pub(super) fn names(
        directory: &File,
        mut each: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        for entry in Dir::read_from(directory)? {
            if each(entry?.file_name().to_bytes()).is_break() {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn read_below(directory: &File, path: &str, into: &mut [u8]) -> io::Result<usize> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = openat(directory, path, flags, Mode::empty())?;
        Ok(rustix::io::retry_on_intr(|| {
            rustix::io::read(&file, &mut *into)
        })?)
    }

    pub(super) fn link_below(directory: &File, path: &str) -> io::Result<Vec<u8>> {
        Ok(readlinkat(directory, path, Vec::new())?.into_bytes())
    }
}

#[cfg(not(unix))]
mod imp {
    use super::{ControlFlow, Duration, File, Path, Space, io};

    pub(super) fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn space(_: &Path) -> io::Result<Space> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn process_cpu_time() -> Option<Duration> {
        None
    }

    pub(super) fn thread_cpu_time() -> Option<Duration> {
        None
    }

    pub(super) fn page_bytes() -> u64 {
        4096
    }

    pub(super) fn ticks_per_second() -> u64 {
        100
    }

    pub(super) fn machine() -> String {
        String::new()
    }

    pub(super) fn open_directory(_: &Path) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn names(_: &File, _: impl FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn read_below(_: &File, _: &str, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn link_below(_: &File, _: &str) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Reads at a position without moving the file's own.
pub fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    imp::read_at(file, into, offset)
}

/// How full the file system at `path` is. May hang on a dead network mount.
pub fn space(path: &Path) -> io::Result<Space> {
    imp::space(path)
}

/// CPU time of this process so far; finer than the hundredths of a second of procfs.
pub fn process_cpu_time() -> Option<Duration> {
    imp::process_cpu_time()
}

/// CPU time of this thread so far.
pub fn thread_cpu_time() -> Option<Duration> {
    imp::thread_cpu_time()
}

/// Bytes in a page of memory.
pub fn page_bytes() -> u64 {
    imp::page_bytes()
}

/// The unit of CPU times in procfs, in ticks a second.
pub fn ticks_per_second() -> u64 {
    imp::ticks_per_second()
}

/// The hardware's name, such as `x86_64`; empty where unknown.
pub fn machine() -> String {
    imp::machine()
}

/// How many files this process has open, by listing `path` (`/proc/self/fd`).
pub fn count_fds(path: &Path) -> io::Result<u64> {
    // Since Linux 6.2 the directory's size is the answer; a listing costs far more.
    let size = std::fs::metadata(path)?.len();
    if cfg!(target_os = "linux") && size > 0 && path.starts_with("/proc") {
        return Ok(size);
    }
    let listed = std::fs::read_dir(path)?.count() as u64;
    // One of them was the listing itself.
    Ok(listed.saturating_sub(1))
}

/// procfs as a folder of numbered folders, kept open.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    file: Option<File>,
    name: String,
}

impl Directory {
    /// The folder at `path`, opened when it is first read.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            name: String::new(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends the entries whose names are numbers, at most `max`.
    pub fn numbers(&mut self, max: usize, into: &mut Vec<u32>) -> io::Result<()> {
        let directory = match self.file.take() {
            Some(directory) => directory,
            None => imp::open_directory(&self.path)?,
        };
        imp::names(&directory, |name| {
            let number = crate::text::unsigned(name);
            into.extend(number.and_then(|number| u32::try_from(number).ok()));
            if into.len() < max {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        self.file = Some(directory);
        Ok(())
    }

    /// Reads the start of `file` in folder `number`; how many bytes there were.
    pub fn read_of(&mut self, number: u32, file: &str, into: &mut [u8]) -> io::Result<usize> {
        use std::fmt::Write as _;
        let directory = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        self.name.clear();
        write!(self.name, "{number}/{file}").map_err(|_| io::ErrorKind::InvalidInput)?;
        imp::read_below(directory, &self.name, into)
    }

    /// The file name of a process' executable, where this process may read it.
    pub fn executable(&self, pid: u32) -> Option<String> {
        let directory = self.file.as_ref()?;
        let path = imp::link_below(directory, &format!("{pid}/exe")).ok()?;
        let path = path.strip_suffix(b" (deleted)").unwrap_or(&path);
        let name = path.rsplit(|byte| *byte == b'/').next()?;
        Some(crate::text::name(name)).filter(|name| !name.is_empty())
    }
}
