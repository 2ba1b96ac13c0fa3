//! Talking to a server by a deadline: resolve, connect, TLS, read, write.
//!
//! 1. Nothing here waits past its [`Deadline`], however slowly the other side sends: the deadline
//!    is for the whole exchange, not for one read.
//! 2. Whoever waits looks every [`SLICE`] whether the server stops, and then gives up.
//! 3. How long each phase took is told, for probes.
//!
//! Not for many connections at once: a thread waits for each.

mod deadline;
pub mod http;
mod resolve;
mod stream;
#[cfg(unix)]
mod unix;
pub mod x509;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::deadline::{Deadline, SLICE, Stop};
pub use self::resolve::Resolver;
pub use self::stream::{Socket, Stream, Timed};

/// Why there was no exchange.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// A name has no address.
    #[error("find the address of `{host}`: {reason}")]
    Resolve {
        /// The name.
        host: String,
        /// What the system says.
        reason: String,
    },
    /// Nobody listens there, or cannot be reached.
    #[error("connect to {to}: {source}")]
    Connect {
        /// Where.
        to: String,
        /// What the system says.
        source: io::Error,
    },
    /// The connection could not be made safe.
    #[error("speak TLS with {to}: {reason}")]
    Tls {
        /// With whom.
        to: String,
        /// Why.
        reason: String,
    },
    /// Time was over.
    #[error("{what} within {}", tacho_model::time::format_duration(*timeout))]
    Late {
        /// What was waited for.
        what: &'static str,
        /// How long the whole exchange may take.
        timeout: Duration,
    },
    /// The connection broke.
    #[error("{what}: {source}")]
    Broken {
        /// What was under way.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl NetError {
    /// What a failed read or write means.
    pub fn of(what: &'static str, deadline: &Deadline, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::TimedOut {
            return Self::Late {
                what,
                timeout: deadline.timeout(),
            };
        }
        Self::Broken { what, source }
    }
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A host by name or number, and a port.
    Tcp(String, u16),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// How long the first phases took; what was not needed took none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases {
    /// Finding the address.
    pub resolve: Duration,
    /// Connecting.
    pub connect: Duration,
    /// Making the connection safe.
    pub tls: Duration,
}

/// A connection, who answered, and how long that took.
#[derive(Debug)]
pub struct Dialled {
    /// The connection.
    pub stream: Timed,
    /// The address that answered; `None` where it is a file.
    pub peer: Option<IpAddr>,
    /// How long it took.
    pub phases: Phases,
}

/// Connects.
pub fn dial(
    address: &Address,
    resolver: &mut Resolver,
    deadline: &Deadline,
) -> Result<Dialled, NetError> {
    let (host, port) = match address {
        Address::Tcp(host, port) => (host, *port),
        Address::Unix(path) => return dial_unix(path, deadline),
    };
    let began = Instant::now();
    let found = resolver.lookup(host, port, deadline)?;
    let resolve = began.elapsed();
    let began = Instant::now();
    let (socket, peer) = connect_any(address, &found, deadline)?;
    let phases = Phases {
        resolve,
        connect: began.elapsed(),
        tls: Duration::ZERO,
    };
    Ok(Dialled {
        stream: Timed::new(Socket::Tcp(socket), deadline.clone()),
        peer: Some(peer),
        phases,
    })
}

/// The first of these that answers; each but the last has a part of the time that is left.
fn connect_any(
    address: &Address,
    found: &[SocketAddr],
    deadline: &Deadline,
) -> Result<(TcpStream, IpAddr), NetError> {
    let late = || NetError::Late {
        what: "connect",
        timeout: deadline.timeout(),
    };
    let mut failed = None;
    for (tried, to) in found.iter().enumerate() {
        let left = deadline.left().map_err(|_| late())?;
        let share = left / (found.len() - tried) as u32;
        match TcpStream::connect_timeout(to, share.max(Duration::from_millis(1))) {
            Ok(stream) => {
                // A question is small and waits for nothing.
                let _ = stream.set_nodelay(true);
                return Ok((stream, to.ip()));
            }
            Err(source) => failed = Some(source),
        }
    }
    Err(match failed {
        Some(source) if source.kind() == io::ErrorKind::TimedOut => late(),
        Some(source) => NetError::Connect {
            to: address.to_string(),
            source,
        },
        None => late(),
    })
}

#[cfg(unix)]
fn dial_unix(path: &std::path::Path, deadline: &Deadline) -> Result<Dialled, NetError> {
    let began = Instant::now();
    let stream = unix::connect(path, deadline)?;
    Ok(Dialled {
        stream: Timed::new(Socket::Unix(stream), deadline.clone()),
        peer: None,
        phases: Phases {
            connect: began.elapsed(),
            ..Phases::default()
        },
    })
}

#[cfg(not(unix))]
fn dial_unix(path: &std::path::Path, _: &Deadline) -> Result<Dialled, NetError> {
    Err(NetError::Connect {
        to: path.display().to_string(),
        source: io::ErrorKind::Unsupported.into(),
    })
}

/// What makes connections safe; asked once, and again after it failed.
pub type MakeTls = Arc<dyn Fn() -> Result<rustls::ClientConfig, String> + Send + Sync>;

/// Whom to trust, made when it is first needed.
#[derive(Clone)]
pub struct Tls {
    make: MakeTls,
    made: Option<Arc<rustls::ClientConfig>>,
    /// The name that the certificate must be for; the address's where absent.
    server_name: Option<String>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// TLS as `make` says, for this name where one is given.
    pub fn new(make: MakeTls, server_name: Option<String>) -> Self {
        Self {
            make,
            made: None,
            server_name,
        }
    }

    /// Makes a connection safe, and says how long that took.
    pub fn secure(
        &mut self,
        stream: Timed,
        address: &Address,
        deadline: &Deadline,
    ) -> Result<(Stream, Duration), NetError> {
        let failed = |reason: String| NetError::Tls {
            to: address.to_string(),
            reason,
        };
        let config = if let Some(made) = &self.made {
            Arc::clone(made)
        } else {
            let made = Arc::new((self.make)().map_err(failed)?);
            self.made = Some(Arc::clone(&made));
            made
        };
        let host = match (&self.server_name, address) {
            (Some(name), _) => name.clone(),
            (None, Address::Tcp(host, _)) => host.clone(),
            (None, Address::Unix(_)) => "localhost".to_owned(),
        };
        let name = rustls::pki_types::ServerName::try_from(host.clone())
            .map_err(|_| failed(format!("`{host}` is no name that a certificate can be for")))?;
        let began = Instant::now();
        let mut connection = rustls::ClientConnection::new(config, name)
            .map_err(|error| failed(error.to_string()))?;
        let mut stream = stream;
        while connection.is_handshaking() {
            if let Err(error) = connection.complete_io(&mut stream) {
                return Err(match error.kind() {
                    io::ErrorKind::TimedOut => NetError::of("speak TLS", deadline, error),
                    _ => failed(error.to_string()),
                });
            }
        }
        let stream = rustls::StreamOwned::new(connection, stream);
        Ok((Stream::Tls(Box::new(stream)), began.elapsed()))
    }
}

#[cfg(test)]
mod tests;
