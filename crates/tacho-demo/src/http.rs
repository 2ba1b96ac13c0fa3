//! As much of HTTP/1.1 as the shop needs: one request a connection, bodies of known length.
//!
//! Bounded in bytes and time, because the ports are open to everybody on this machine. Not for
//! anything but loopback. Source: RFC 9112; W3C Trace Context for `traceparent`.

use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A longer head is refused.
const HEAD_BYTES_MAX: usize = 8 << 10;
/// A longer body is refused.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Nobody is waited for longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The trace and the span that a request belongs to.
pub(crate) type Caller = (u128, u64);

/// A request, as far as the shop looks at it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) caller: Option<Caller>,
}

/// Asks, and gives the status and the body of the answer.
pub(crate) fn ask(
    address: SocketAddr,
    (method, path): (&str, &str),
    caller: Option<Caller>,
    (kind, body): (&str, &[u8]),
) -> Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    limit(&stream)?;
    let traceparent = caller.map_or_else(String::new, |(trace, span)| {
        format!("traceparent: 00-{trace:032x}-{span:016x}-01\r\n")
    });
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\n{traceparent}content-type: {kind}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat())?;
    let (head, body) = read(&mut stream)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Ok((status.ok_or_else(|| bad("no status"))?, body))
}

/// Reads the request of a connection.
pub(crate) fn take(stream: &mut TcpStream) -> Result<Request> {
    limit(stream)?;
    let (head, _) = read(stream)?;
    request(&head).ok_or_else(|| bad("no request"))
}

/// Answers it with JSON.
pub(crate) fn answer(stream: &mut TcpStream, status: u16, body: &str) -> Result<()> {
    let reason = if status < 400 { "OK" } else { "No" };
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())
}

fn limit(stream: &TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))
}

/// The head of a message, and its body.
fn read(stream: &mut TcpStream) -> Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = header(&head, "content-length").map_or(Some(0), |text| text.parse().ok());
            let length = length.filter(|length| *length <= BODY_BYTES_MAX);
            let length = length.ok_or_else(|| bad("no length that is taken"))?;
            let mut body = bytes.split_off(end + 4);
            let missing = length.saturating_sub(body.len()) as u64;
            stream.take(missing).read_to_end(&mut body)?;
            return if body.len() == length {
                Ok((head, body))
            } else {
                Err(ErrorKind::UnexpectedEof.into())
            };
        }
        if bytes.len() > HEAD_BYTES_MAX {
            return Err(bad("too long a head"));
        }
        match stream.read(&mut part)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&part[..count]),
        }
    }
}

fn bad(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

fn request(head: &str) -> Option<Request> {
    let mut words = head.lines().next()?.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    Some(Request {
        method: method.to_owned(),
        path: path.to_owned(),
        caller: header(head, "traceparent").and_then(caller),
    })
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
    let found = pairs.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim())
}

/// `00-TRACE-SPAN-FLAGS`.
fn caller(text: &str) -> Option<Caller> {
    let mut parts = text.split('-').skip(1);
    let trace = u128::from_str_radix(parts.next()?, 16).ok()?;
    let span = u64::from_str_radix(parts.next()?, 16).ok()?;
    (trace != 0 && span != 0).then_some((trace, span))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn heads_are_read_and_others_refused() {
        let head = "GET /a?b=1 HTTP/1.1\r\nHost: x\r\nTraceparent: 00-0a-0b-01";
        let expected = Request {
            method: "GET".to_owned(),
            path: "/a?b=1".to_owned(),
            caller: Some((10, 11)),
        };
        assert_eq!(request(head), Some(expected));
        assert_eq!(request(""), None);
        assert_eq!(request("GET"), None);
        for text in ["", "00", "00-0-1-01", "00-1-0-01", "00-x-1-01", "00-1"] {
            assert_eq!(caller(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_asked_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let request = take(&mut stream).unwrap();
            answer(&mut stream, 503, "{}").unwrap();
            request
        });
        let answered = ask(address, ("POST", "/x"), Some((1, 2)), ("a/b", b"body")).unwrap();
        assert_eq!(answered, (503, b"{}".to_vec()));
        assert_eq!(server.join().unwrap().caller, Some((1, 2)));
    }

    #[test]
    fn what_never_ends_is_refused() {
        for sent in [
            vec![b'x'; HEAD_BYTES_MAX + 5000],
            b"GET / HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n".to_vec(),
            b"GET / HTTP/1.1\r\ncontent-length: 7\r\n\r\nxy".to_vec(),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut stream, _) = listener.accept().unwrap();
            client.write_all(&sent).unwrap();
            drop(client);
            assert!(take(&mut stream).is_err());
        }
    }
}
