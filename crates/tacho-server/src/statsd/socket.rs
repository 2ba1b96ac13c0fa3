//! The sockets that datagrams come by.
//!
//! A Unix socket's file is made anew when nobody listens on it, is open to the owner and the group
//! (0660), and goes when the server stops. What the kernel dropped of UDP because nobody read in
//! time is read from `/proc/net/udp`. Source: proc(5); unix(7); udp(7).

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _,
};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::sockopt;

/// Room for datagrams that wait to be read: several thousand, a fraction of a second of a flood.
const RECEIVE_BYTES: usize = 16 << 20;
/// How long a read waits before it is looked whether the server stops.
const READ_WAIT: Duration = Duration::from_millis(100);
/// The largest datagram of UDP, and of most Unix sockets' senders.
pub(super) const DATAGRAM_BYTES_MAX: usize = 256 << 10;

/// Why a socket cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum StatsdError {
    /// The UDP address cannot be had.
    #[error("cannot listen for StatsD on udp {address}: {source}{hint}")]
    Udp {
        /// The address.
        address: SocketAddr,
        /// What to do about it.
        hint: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// Something is there that is no stale socket.
    #[error(
        "cannot listen for StatsD on unix {}: {what}; choose another path with ingest.statsd.unix",
        path.display()
    )]
    Occupied {
        /// The path.
        path: PathBuf,
        /// What is there.
        what: &'static str,
    },
    /// There is no folder for it, and none can be made.
    #[error(
        "cannot make the folder {} for StatsD's socket: {source}; make it for this user, or choose \
         another path with ingest.statsd.unix",
        folder.display()
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The socket's file cannot be made.
    #[error("cannot listen for StatsD on unix {}: {source}", path.display())]
    Unix {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A socket that is listened on.
#[derive(Debug)]
pub(super) enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram, Made),
}

/// A socket's file, removed when dropped.
#[derive(Debug)]
pub(super) struct Made {
    path: PathBuf,
    inode: u64,
}

impl Drop for Made {
    fn drop(&mut self) {
        // Another program may have put its own there meanwhile.
        if inode(&self.path) == Some(self.inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> Option<u64> {
    std::fs::symlink_metadata(path)
        .ok()
        .map(|found| found.ino())
}

impl Socket {
    /// Listens on a UDP address.
    pub(super) fn udp(address: SocketAddr) -> Result<Self, StatsdError> {
        let failed = |source: io::Error| {
            let hint = match source.kind() {
                io::ErrorKind::AddrInUse => {
                    "\n  another program has this port, perhaps another StatsD; stop it, or choose \
                     another port with ingest.statsd.udp"
                }
                _ => "",
            };
            StatsdError::Udp {
                address,
                hint,
                source,
            }
        };
        let socket = UdpSocket::bind(address).map_err(failed)?;
        socket.set_read_timeout(Some(READ_WAIT)).map_err(failed)?;
        widen(socket.as_fd());
        Ok(Self::Udp(socket))
    }

    /// Listens on a Unix socket.
    pub(super) fn unix(path: &Path) -> Result<Self, StatsdError> {
        make_folder(path)?;
        clear(path)?;
        let failed = |source| StatsdError::Unix {
            path: path.to_owned(),
            source,
        };
        let socket = UnixDatagram::bind(path).map_err(failed)?;
        let made = Made {
            path: path.to_owned(),
            inode: inode(path).unwrap_or_default(),
        };
        let mode = std::fs::Permissions::from_mode(0o660);
        std::fs::set_permissions(path, mode).map_err(failed)?;
        socket.set_read_timeout(Some(READ_WAIT)).map_err(failed)?;
        widen(socket.as_fd());
        Ok(Self::Unix(socket, made))
    }

    /// Reads a datagram; an error of the kinds that mean "nothing came" when nothing came.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Udp(socket) => socket.recv(buffer),
            Self::Unix(socket, _) => socket.recv(buffer),
        }
    }

    /// From now on a read does not wait.
    pub(super) fn stop_waiting(&self) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.set_nonblocking(true),
            Self::Unix(socket, _) => socket.set_nonblocking(true),
        }
    }

    /// What it is called in the log and among the sources.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Udp(socket) => socket
                .local_addr()
                .map_or_else(|_| "udp".to_owned(), |address| format!("udp {address}")),
            Self::Unix(_, made) => format!("unix {}", made.path.display()),
        }
    }

    /// Datagrams that the kernel dropped since the socket was made; `None` where none ever is,
    /// as senders to Unix sockets are told to wait.
    pub(super) fn dropped(&self) -> Option<u64> {
        let Self::Udp(socket) = self else {
            return None;
        };
        let table = match socket.local_addr().ok()? {
            SocketAddr::V4(_) => "/proc/self/net/udp",
            SocketAddr::V6(_) => "/proc/self/net/udp6",
        };
        let inode = rustix::fs::fstat(socket).ok()?.st_ino;
        dropped(&std::fs::read_to_string(table).ok()?, inode)
    }
}

/// The last column of the line that has the socket's inode in its tenth.
fn dropped(table: &str, inode: u64) -> Option<u64> {
    let rows = table.lines().skip(1).map(str::split_ascii_whitespace);
    let mut rows = rows.map(Iterator::collect::<Vec<_>>);
    let row = rows.find(|row| row.get(9).and_then(|text| text.parse().ok()) == Some(inode))?;
    row.last()?.parse().ok()
}

/// Asks for room in the kernel; a privileged process gets it whatever `net.core.rmem_max` says.
fn widen(socket: BorrowedFd<'_>) {
    if sockopt::set_socket_recv_buffer_size_force(socket, RECEIVE_BYTES).is_err() {
        // What the system allows is taken; what is dropped for lack of room is counted.
        let _ = sockopt::set_socket_recv_buffer_size(socket, RECEIVE_BYTES);
    }
}

/// Makes the folder of a socket where there is none, for all to enter (0755): who may send is for
/// the socket's own mode to say. A folder below `/run` is gone after each start of the machine.
fn make_folder(path: &Path) -> Result<(), StatsdError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    if folder.as_os_str().is_empty() || folder.exists() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o755).create(folder);
    made.map_err(|source| StatsdError::Folder {
        folder: folder.to_owned(),
        source,
    })
}

/// Removes a socket's file that nobody listens on.
fn clear(path: &Path) -> Result<(), StatsdError> {
    let occupied = |what| {
        Err(StatsdError::Occupied {
            path: path.to_owned(),
            what,
        })
    };
    let Ok(found) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        return occupied("a file is there that is no socket");
    }
    let probe = UnixDatagram::unbound().and_then(|socket| socket.connect(path));
    match probe {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|source| StatsdError::Unix {
                path: path.to_owned(),
                source,
            })
        }
        _ => occupied("another program listens there"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_found_by_inode() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
            uid  timeout inode ref pointer drops\n  \
            52: 0100007F:1FBD 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        \
            0 4711 2 0000000000000000 12\n   \
            9: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        \
            0 815 2 0000000000000000 0\n";
        assert_eq!(dropped(table, 4711), Some(12));
        assert_eq!(dropped(table, 815), Some(0));
        assert_eq!(dropped(table, 1), None);
        assert_eq!(dropped("", 1), None);
        let socket = Socket::udp(([127, 0, 0, 1], 0).into()).unwrap();
        assert_eq!(
            socket.dropped(),
            Some(0),
            "the kernel's own table is understood"
        );
    }

    #[test]
    fn a_stale_socket_is_replaced_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("statsd.sock");
        drop(UnixDatagram::bind(&path).unwrap());
        assert!(path.exists(), "left behind by who did not clean up");
        let socket = Socket::unix(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        let second = Socket::unix(&path).unwrap_err().to_string();
        assert!(second.contains("another program listens there"), "{second}");
        drop(socket);
        assert!(!path.exists());
        std::fs::write(&path, "mine").unwrap();
        let file = Socket::unix(&path).unwrap_err().to_string();
        assert!(
            file.contains("no socket") && file.contains("ingest.statsd.unix"),
            "{file}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    }

    #[test]
    fn a_folder_that_is_not_there_is_made_or_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/tacho/statsd.sock");
        drop(Socket::unix(&path).unwrap());
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let made = mode(path.parent().unwrap());
        assert_eq!((made & 0o700, made & 0o022), (0o700, 0), "{made:o}");
        drop(Socket::unix(&path).unwrap());
        std::fs::write(dir.path().join("file"), "").unwrap();
        let error = Socket::unix(&dir.path().join("file/tacho/statsd.sock")).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("cannot make the folder"), "{error}");
        assert!(error.contains("ingest.statsd.unix"), "{error}");
    }

    #[test]
    fn a_port_that_is_taken_is_said() {
        let first = UdpSocket::bind("127.0.0.1:0").unwrap();
        let error = Socket::udp(first.local_addr().unwrap()).unwrap_err();
        assert!(error.to_string().contains("ingest.statsd.udp"), "{error}");
    }
}
