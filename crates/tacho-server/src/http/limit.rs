//! A listener that takes at most so many connections at a time.
//!
//! What happens at the limit: the next connection waits in the system's queue until one ends, so
//! a flood of clients cannot exhaust memory or file descriptors. A connection that says nothing
//! is closed, so that silent ones cannot keep the others out for ever. A TLS handshake counts as
//! saying nothing until it is complete.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

use crate::tls::handshake::Secured;

/// How long a new connection may say nothing.
const FIRST_BYTE_WAIT: Duration = Duration::from_secs(15);
/// How long nothing may pass on a connection; longer than any answer takes.
const IDLE_MAX: Duration = Duration::from_mins(5);

/// A TCP listener with a limit on connections.
pub(crate) struct Limited {
    listener: TcpListener,
    slots: Arc<Semaphore>,
    tls: Option<Arc<ServerConfig>>,
}

impl Limited {
    /// Takes at most `connections_max` at a time.
    pub(crate) fn new(listener: TcpListener, connections_max: usize) -> Self {
        Self {
            listener,
            slots: Arc::new(Semaphore::new(connections_max)),
            tls: None,
        }
    }

    /// Speaks TLS, where that is given, and nothing else.
    pub(crate) fn secured(self, tls: Option<Arc<ServerConfig>>) -> Self {
        Self { tls, ..self }
    }
}

impl axum::serve::Listener for Limited {
    type Io = Held;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Held, Self::Addr) {
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
        // Live updates are small and must not wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        let idle = Box::pin(sleep(FIRST_BYTE_WAIT));
        let stream = match &self.tls {
            None => Stream::Plain(stream),
            Some(tls) => Stream::Secured(Secured::new(stream, Arc::clone(tls))),
        };
        (
            Held {
                stream,
                idle,
                _slot: slot,
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// What a connection speaks.
enum Stream {
    Plain(TcpStream),
    Secured(Secured),
}

/// Both ways.
trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// A connection and its slot.
pub(crate) struct Held {
    stream: Stream,
    idle: Pin<Box<Sleep>>,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// Something passed: the wait begins anew.
    fn active(&mut self) {
        let is_open = match &self.stream {
            Stream::Plain(_) => true,
            Stream::Secured(stream) => stream.is_open(),
        };
        if is_open {
            self.idle.as_mut().reset(Instant::now() + IDLE_MAX);
        }
    }

    /// The stream, whatever it speaks.
    fn stream(&mut self) -> Pin<&mut dyn Duplex> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream),
            Stream::Secured(stream) => Pin::new(stream),
        }
    }
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.stream().poll_read(cx, buffer);
        if read.is_ready() {
            self.active();
            return read;
        }
        self.idle
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write(cx, bytes);
        if written.is_ready() {
            self.active();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write_vectored(cx, slices);
        if written.is_ready() {
            self.active();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        // Both do.
        true
    }
}
