//! A connection that speaks TLS once its handshake is done, which is when it is first read.
//!
//! Accepting stays quick and in one place; the handshake runs in the task of its own connection, so
//! a slow client keeps nobody waiting. How long it may take is for the owner to say, who sees by
//! [`Secured::is_open`] whether it is over. A client that speaks plain HTTP is told so, in HTTP.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

/// The type of the first record of a handshake (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 22;
/// What of a plain request is read before it is refused, so that the answer is not lost with it.
const DRAIN_BYTES_MAX: usize = 16 << 10;
const PLAIN_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
    content-length: 51\r\nconnection: close\r\n\r\n\
    this port speaks TLS; write https:// in the address";

enum State {
    /// Nothing was read yet.
    New(TcpStream, Arc<ServerConfig>),
    Shaking(Box<Accept<TcpStream>>),
    Open(Box<TlsStream<TcpStream>>),
    /// Plain HTTP; so much of the answer is sent.
    Plain(TcpStream, usize),
    Failed,
}

/// A connection that speaks TLS.
pub(crate) struct Secured(State);

impl Secured {
    /// A connection on which nothing was said yet.
    pub(crate) fn new(stream: TcpStream, config: Arc<ServerConfig>) -> Self {
        Self(State::New(stream, config))
    }

    /// Whether the handshake is over.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.0, State::Open(_))
    }

    /// The stream, once the handshake is over.
    fn poll_open(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Pin<&mut TlsStream<TcpStream>>>> {
        while !self.is_open() {
            if let Err(error) = ready!(self.poll_step(cx)) {
                self.0 = State::Failed;
                tracing::debug!(%error, "no TLS connection came about");
                return Poll::Ready(Err(error));
            }
        }
        match &mut self.0 {
            State::Open(stream) => Poll::Ready(Ok(Pin::new(stream.as_mut()))),
            _ => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let next = match &mut self.0 {
            State::New(stream, _) => {
                let mut first = [0];
                let mut buffer = ReadBuf::new(&mut first);
                if ready!(stream.poll_peek(cx, &mut buffer))? == 0 {
                    return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                }
                let [first] = first;
                match std::mem::replace(&mut self.0, State::Failed) {
                    State::New(stream, config) if first == HANDSHAKE_RECORD => {
                        let accept = TlsAcceptor::from(config).accept(stream);
                        State::Shaking(Box::new(accept))
                    }
                    State::New(stream, _) => State::Plain(stream, 0),
                    other => other,
                }
            }
            State::Shaking(accept) => {
                let stream = ready!(Pin::new(accept.as_mut()).poll(cx))?;
                State::Open(Box::new(stream))
            }
            State::Plain(stream, sent) => {
                ready!(refuse_plain(stream, sent, cx))?;
                let error = "a client speaks plain HTTP to a port that speaks TLS";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
            }
            State::Open(_) => return Poll::Ready(Ok(())),
            State::Failed => return Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        };
        self.0 = next;
        Poll::Ready(Ok(()))
    }
}

fn refuse_plain(
    stream: &mut TcpStream,
    sent: &mut usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    if *sent == 0 {
        // What is left unread would make the system take back the answer.
        let _ = stream.try_read(&mut [0; DRAIN_BYTES_MAX]);
    }
    while let Some(rest) = PLAIN_ANSWER.get(*sent..).filter(|rest| !rest.is_empty()) {
        *sent += ready!(Pin::new(&mut *stream).poll_write(cx, rest))?;
    }
    Pin::new(stream).poll_shutdown(cx)
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_open(cx))?.poll_read(cx, buffer)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(cx))?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Open(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
            // Nothing was written yet.
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Open(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            State::New(stream, _) | State::Plain(stream, _) => Pin::new(stream).poll_shutdown(cx),
            // Dropping closes the socket.
            State::Shaking(_) | State::Failed => Poll::Ready(Ok(())),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(cx))?.poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
