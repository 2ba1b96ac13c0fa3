//! A connection whose reads and writes end by a deadline, with TLS or without.

use std::io::{self, Read, Write};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use super::Deadline;

/// A connected socket.
#[derive(Debug)]
pub enum Socket {
    /// Of TCP.
    Tcp(TcpStream),
    /// Of a file.
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    fn wait_at_most(&self, wait: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => {
                socket.set_read_timeout(Some(wait))?;
                socket.set_write_timeout(Some(wait))
            }
            #[cfg(unix)]
            Self::Unix(socket) => {
                socket.set_read_timeout(Some(wait))?;
                socket.set_write_timeout(Some(wait))
            }
        }
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(into),
            #[cfg(unix)]
            Self::Unix(socket) => socket.read(into),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            #[cfg(unix)]
            Self::Unix(socket) => socket.write(bytes),
        }
    }
}

/// A socket with a deadline.
#[derive(Debug)]
pub struct Timed {
    socket: Socket,
    deadline: Deadline,
}

impl Timed {
    /// A socket that waits until then.
    pub fn new(socket: Socket, deadline: Deadline) -> Self {
        Self { socket, deadline }
    }

    fn wait<T>(&mut self, mut go: impl FnMut(&mut Socket) -> io::Result<T>) -> io::Result<T> {
        use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
        loop {
            self.socket.wait_at_most(self.deadline.slice()?)?;
            match go(&mut self.socket) {
                Err(e) if matches!(e.kind(), WouldBlock | TimedOut | Interrupted) => {}
                done => return done,
            }
        }
    }
}

impl Read for Timed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.wait(|socket| socket.read(into))
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait(|socket| socket.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection, safe or not.
#[derive(Debug)]
pub enum Stream {
    /// As it is.
    Plain(Timed),
    /// With TLS.
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

impl Stream {
    /// Gives a kept connection the deadline of its next exchange.
    pub fn set_deadline(&mut self, deadline: Deadline) {
        match self {
            Self::Plain(timed) => timed.deadline = deadline,
            Self::Tls(tls) => tls.sock.deadline = deadline,
        }
    }

    /// Until when it waits.
    pub fn deadline(&self) -> &Deadline {
        match self {
            Self::Plain(timed) => &timed.deadline,
            Self::Tls(tls) => &tls.sock.deadline,
        }
    }

    /// Whether nobody on the way can read what is sent: by TLS, or as it stays on this host.
    pub fn is_private(&self) -> bool {
        match self {
            Self::Plain(timed) => match timed.socket {
                Socket::Tcp(_) => false,
                #[cfg(unix)]
                Socket::Unix(_) => true,
            },
            Self::Tls(_) => true,
        }
    }

    /// The connection's TLS, where it has any.
    pub fn tls(&self) -> Option<&ClientConnection> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(tls) => Some(&tls.conn),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.read(into),
            // Many servers just hang up: what was read is whole by its own length, or refused.
            Self::Tls(tls) => match tls.read(into) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                read => read,
            },
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(timed) => timed.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}
