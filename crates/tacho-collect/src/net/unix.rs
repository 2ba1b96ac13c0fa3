//! Connecting to a socket in the file system by a deadline.
//!
//! A server that takes no more connections keeps whoever connects waiting, for as long as it likes.
//! Source: unix(7) and connect(2): a socket that may not wait says `EAGAIN` then.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::{Deadline, NetError};

/// How long to wait before trying again.
const AGAIN: Duration = Duration::from_millis(5);

/// Connects; what it gives may wait.
pub(super) fn connect(path: &Path, deadline: &Deadline) -> Result<UnixStream, NetError> {
    let failed = |error: Errno| NetError::Connect {
        to: path.display().to_string(),
        source: error.into(),
    };
    let address = SocketAddrUnix::new(path).map_err(failed)?;
    let stream = socket().map_err(failed)?;
    loop {
        match rustix::net::connect(&stream, &address) {
            Ok(()) | Err(Errno::ISCONN) => break,
            Err(Errno::AGAIN | Errno::INPROGRESS | Errno::ALREADY | Errno::INTR) => {}
            Err(error) => return Err(failed(error)),
        }
        let left = deadline.left();
        let left = left.map_err(|error| NetError::of("connect", deadline, error))?;
        std::thread::sleep(left.min(AGAIN));
    }
    let may_wait = stream.set_nonblocking(false);
    may_wait.map_err(|source| NetError::Connect {
        to: path.display().to_string(),
        source,
    })?;
    Ok(stream)
}

/// A socket that does not wait, and is nobody's that is started meanwhile.
fn socket() -> rustix::io::Result<UnixStream> {
    #[cfg(target_os = "linux")]
    let flags = SocketFlags::CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let flags = SocketFlags::empty();
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    Ok(UnixStream::from(socket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Stop;

    #[test]
    fn a_server_that_takes_nobody_is_waited_for_until_the_deadline() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let within = |ms| Deadline::after(Duration::from_millis(ms), Stop::default());
        let none = connect(&path, &within(20_000)).unwrap_err();
        assert!(none.to_string().starts_with("connect to "), "{none}");

        let server = socket().unwrap();
        rustix::net::bind(&server, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        rustix::net::listen(&server, 0).unwrap();
        let mut kept = Vec::new();
        let late = loop {
            match connect(&path, &within(100)) {
                Ok(stream) => kept.push(stream),
                Err(error) => break error,
            }
            assert!(kept.len() < 100, "all are taken");
        };
        assert!(matches!(late, NetError::Late { .. }), "{late}");
        assert!(!kept.is_empty());
    }
}
