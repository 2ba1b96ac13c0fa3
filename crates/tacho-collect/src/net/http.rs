//! One HTTP/1.1 request and its answer, with the time that each phase took.
//!
//! 1. A head is at most `HEAD_BYTES_MAX` long; a body is read up to a limit, and what is beyond it
//!    is left where it is.
//! 2. Redirects are followed a bounded number of times, each by a connection of its own, whose
//!    phases add up. What is configured, headers and a body, goes to the first origin only.
//!
//! Not for many requests: no connection is kept. Sources: RFC 9110, RFC 9112.

use std::io::{Read as _, Write as _};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use url::Url;

use super::{Address, Deadline, NetError, Resolver, Stream, Tls, dial, x509};
use crate::targets::TargetError;
use tacho_model::Timestamp;

/// Longest head of an answer.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Most headers of an answer.
const HEADERS_MAX: usize = 200;
/// What it says it is.
const USER_AGENT: &str = concat!("Tachograph/", env!("CARGO_PKG_VERSION"));

/// What is asked.
#[derive(Clone)]
pub struct Request {
    /// `GET`, mostly.
    pub method: String,
    /// Of whom.
    pub url: Url,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// The body; none where it is empty.
    pub body: String,
    /// Answers that may send elsewhere, one after the other.
    pub redirects_max: u32,
    /// Bytes of the answer's body that are read.
    pub body_bytes_max: usize,
}

/// Headers' values, the body and the query may be secrets.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &crate::targets::probe::shown(&self.url))
            .field("headers", &names)
            .field("redirects_max", &self.redirects_max)
            .field("body_bytes_max", &self.body_bytes_max)
            .finish_non_exhaustive()
    }
}

/// How long each phase took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HttpPhases {
    /// Finding the address.
    pub resolve: Duration,
    /// Connecting.
    pub connect: Duration,
    /// Making the connection safe.
    pub tls: Duration,
    /// From the request to the first byte of its answer.
    pub processing: Duration,
    /// From there to the last byte.
    pub transfer: Duration,
}

/// What is known of an exchange, also when it breaks off.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// How long it took, as far as it came.
    pub phases: HttpPhases,
    /// Who answered.
    pub peer: Option<IpAddr>,
    /// The version of TLS, where the last connection had it.
    pub tls: Option<String>,
    /// When the first of its certificates ends.
    pub expiry: Option<Timestamp>,
    /// Answers that sent elsewhere.
    pub redirects: u32,
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// 1.0 or 1.1.
    pub version: f64,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body, up to the limit.
    pub body: Vec<u8>,
    /// Whether there was more of it.
    pub is_cut: bool,
}

impl Response {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Who asks: keeps what is worth keeping between requests.
#[derive(Debug)]
pub struct Client {
    resolver: Resolver,
    tls: Tls,
}

impl Client {
    /// One that makes connections safe so.
    pub fn new(tls: Tls) -> Self {
        Self {
            resolver: Resolver::default(),
            tls,
        }
    }

    /// Asks, and follows where answers send.
    pub fn ask(
        &mut self,
        request: &Request,
        deadline: &Deadline,
        seen: &mut Seen,
    ) -> Result<Response, TargetError> {
        let mut request = request.clone();
        loop {
            let (mut stream, began) = self.connect(&request.url, deadline, seen)?;
            let head = head_of(&request, &[("Connection", "close")])?;
            send(&mut stream, &head, request.body.as_bytes())?;
            let response = receive(&mut stream, &request, began, seen)?;
            let elsewhere = match response.status {
                301 | 302 | 303 | 307 | 308 => response.header("location"),
                _ => None,
            };
            let Some(elsewhere) = elsewhere.filter(|_| request.redirects_max > 0) else {
                return Ok(response);
            };
            if seen.redirects >= request.redirects_max {
                let most = request.redirects_max;
                return Err(TargetError::Failed(format!(
                    "come to an end of redirects: more than {most}"
                )));
            }
            seen.redirects += 1;
            let elsewhere = elsewhere.to_owned();
            redirect(&mut request, &elsewhere, response.status)?;
        }
    }

    /// Connects to a URL's host, safely where its scheme says so.
    pub fn connect(
        &mut self,
        url: &Url,
        deadline: &Deadline,
        seen: &mut Seen,
    ) -> Result<(Stream, Instant), TargetError> {
        let address = address_of(url)?;
        let dialled = dial(&address, &mut self.resolver, deadline)?;
        seen.phases.resolve += dialled.phases.resolve;
        seen.phases.connect += dialled.phases.connect;
        seen.peer = dialled.peer;
        (seen.tls, seen.expiry) = (None, None);
        let stream = if matches!(url.scheme(), "https" | "wss") {
            let (stream, took) = self.tls.secure(dialled.stream, &address, deadline)?;
            seen.phases.tls += took;
            look_at(&stream, seen);
            stream
        } else {
            Stream::Plain(dialled.stream)
        };
        Ok((stream, Instant::now()))
    }
}

/// Notes what a safe connection shows.
pub(crate) fn look_at(stream: &Stream, seen: &mut Seen) {
    if let Some(tls) = stream.tls() {
        let version = tls.protocol_version().map(|version| match version {
            rustls::ProtocolVersion::TLSv1_2 => "TLS 1.2".to_owned(),
            rustls::ProtocolVersion::TLSv1_3 => "TLS 1.3".to_owned(),
            other => format!("{other:?}"),
        });
        seen.tls = version;
        let shown = tls.peer_certificates().unwrap_or_default().iter();
        seen.expiry = shown.filter_map(|one| x509::not_after(one)).min();
    }
}

/// Where a URL's server is.
pub(crate) fn address_of(url: &Url) -> Result<Address, TargetError> {
    let port = url.port_or_known_default();
    match (url.host_str(), port) {
        (Some(host), Some(port)) => {
            let host = host.trim_matches(['[', ']']).to_owned();
            Ok(Address::Tcp(host, port))
        }
        _ => Err(TargetError::Unusable(format!(
            "use `{url}`: it names no host"
        ))),
    }
}

/// The request after one that was sent elsewhere.
fn redirect(request: &mut Request, elsewhere: &str, status: u16) -> Result<(), TargetError> {
    let to = request.url.join(elsewhere).ok();
    let to = to.filter(|to| matches!(to.scheme(), "http" | "https") && to.has_host());
    let Some(to) = to else {
        let shown = crate::targets::in_a_line(elsewhere);
        return Err(TargetError::Failed(format!(
            "follow a redirect to `{shown}`: it is no address of http:// or https://"
        )));
    };
    if status == 303 || (matches!(status, 301 | 302) && request.method == "POST") {
        if request.method != "HEAD" {
            "GET".clone_into(&mut request.method);
        }
        request.body.clear();
    }
    if to.origin() != request.url.origin() {
        if !request.body.is_empty() {
            return Err(TargetError::Failed(format!(
                "follow a redirect to {}: a body is not sent to another origin; ask that URL \
                 itself, if it is the right one",
                to.origin().ascii_serialization()
            )));
        }
        // Any of them may be a key that is meant for the first alone.
        request.headers.clear();
    }
    request.url = to;
    Ok(())
}

/// The head of a request, with these headers where it does not bring its own.
pub(crate) fn head_of(request: &Request, more: &[(&str, &str)]) -> Result<Vec<u8>, TargetError> {
    let url = &request.url;
    let query = url
        .query()
        .map_or(String::new(), |query| format!("?{query}"));
    let mut head = format!("{} {}{query} HTTP/1.1\r\n", request.method, url.path());
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    let host = format!("{}{port}", url.host_str().unwrap_or_default());
    let length = request.body.len().to_string();
    let usual = [
        ("Host", host.as_str()),
        ("User-Agent", USER_AGENT),
        ("Accept", "*/*"),
    ];
    let length = (!request.body.is_empty()).then_some(("Content-Length", length.as_str()));
    let own = &request.headers;
    for (name, value) in usual.into_iter().chain(more.iter().copied()).chain(length) {
        if own
            .iter()
            .all(|(known, _)| !known.eq_ignore_ascii_case(name))
        {
            head += &format!("{name}: {value}\r\n");
        }
    }
    for (name, value) in own {
        let is_fine = !name.is_empty() && !format!("{name}{value}").contains(['\r', '\n', '\0']);
        if !is_fine || name.contains([':', ' ']) {
            return Err(TargetError::Unusable(format!(
                "send the header `{name}`: it is none"
            )));
        }
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    Ok(head.into_bytes())
}

/// Sends a request.
pub(crate) fn send(stream: &mut Stream, head: &[u8], body: &[u8]) -> Result<(), TargetError> {
    let sent = stream.write_all(head).and_then(|()| stream.write_all(body));
    let sent = sent.and_then(|()| stream.flush());
    sent.map_err(|error| NetError::of("send the request", stream.deadline(), error).into())
}

/// Reads a chunk behind what is there; nothing once the server hung up.
pub(crate) fn more(
    stream: &mut Stream,
    into: &mut Vec<u8>,
    what: &'static str,
) -> Result<usize, TargetError> {
    let mut chunk = [0; 16 << 10];
    let read = stream.read(&mut chunk);
    let count = read.map_err(|error| NetError::of(what, stream.deadline(), error))?;
    into.extend_from_slice(chunk.get(..count).unwrap_or_default());
    Ok(count)
}

/// Reads the head of an answer; what came behind it stays in the buffer.
pub(crate) fn receive_head(
    stream: &mut Stream,
    buffer: &mut Vec<u8>,
    mut first: impl FnMut(),
) -> Result<Response, TargetError> {
    const WHAT: &str = "hear an answer";
    loop {
        if let Some((response, length)) = parse_head(buffer)? {
            buffer.drain(..length);
            // Answers of 1xx but for a switch of protocols come before the real one.
            if response.status >= 200 || response.status == 101 {
                return Ok(response);
            }
            continue;
        }
        if buffer.len() > HEAD_BYTES_MAX {
            return Err(TargetError::TooMuch {
                what: WHAT,
                limit: HEAD_BYTES_MAX,
                unit: "bytes of headers",
            });
        }
        if more(stream, buffer, WHAT)? == 0 {
            let reason = "the server hung up before it was whole";
            return Err(TargetError::malformed("the request", reason));
        }
        first();
    }
}

fn receive(
    stream: &mut Stream,
    request: &Request,
    began: Instant,
    seen: &mut Seen,
) -> Result<Response, TargetError> {
    let mut buffer = Vec::new();
    let mut first = None;
    let head = receive_head(stream, &mut buffer, || {
        first.get_or_insert_with(Instant::now);
    });
    let first = first.unwrap_or_else(Instant::now);
    let mut response = head?;
    seen.phases.processing += first.duration_since(began);
    let body = receive_body(stream, &mut response, buffer, request);
    seen.phases.transfer += first.elapsed();
    body.map(|()| response)
}

/// Reads the body, in whichever of the three ways it is told how long it is.
fn receive_body(
    stream: &mut Stream,
    response: &mut Response,
    mut buffer: Vec<u8>,
    request: &Request,
) -> Result<(), TargetError> {
    const WHAT: &str = "read the body";
    if request.method == "HEAD" || matches!(response.status, 204 | 304) {
        return Ok(());
    }
    let coding = response.header("transfer-encoding");
    let is_chunked = coding.is_some_and(|text| text.to_ascii_lowercase().contains("chunked"));
    let length = match response.header("content-length") {
        Some(text) if !is_chunked => match text.trim().parse::<u64>() {
            Ok(length) => Some(length),
            Err(_) => {
                return Err(TargetError::malformed(
                    "the request",
                    "its length is no number",
                ));
            }
        },
        _ => None,
    };
    let mut chunks = Chunks::default();
    let limit = request.body_bytes_max;
    loop {
        let is_whole = if is_chunked {
            chunks.feed(&buffer, &mut response.body)?
        } else {
            response.body.extend_from_slice(&buffer);
            length.is_some_and(|length| response.body.len() as u64 >= length)
        };
        buffer.clear();
        if response.body.len() > limit {
            response.body.truncate(limit);
            response.is_cut = true;
            return Ok(());
        }
        if is_whole {
            return Ok(());
        }
        if more(stream, &mut buffer, WHAT)? == 0 {
            return match (is_chunked, length) {
                (false, None) => Ok(()),
                _ => Err(TargetError::malformed("the request", "its body ends early")),
            };
        }
    }
}

/// A head and how long it is, once it is whole.
fn parse_head(bytes: &[u8]) -> Result<Option<(Response, usize)>, TargetError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut headers);
    let wrong = |error| TargetError::malformed("the request", format!("this is no HTTP ({error})"));
    let length = match parsed.parse(bytes).map_err(wrong)? {
        httparse::Status::Partial => return Ok(None),
        httparse::Status::Complete(length) => length,
    };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = parsed.headers.iter();
    let response = Response {
        status: parsed.code.unwrap_or(0),
        version: if parsed.version == Some(0) { 1.0 } else { 1.1 },
        headers: headers
            .map(|h| (h.name.to_ascii_lowercase(), text(h.value)))
            .collect(),
        body: Vec::new(),
        is_cut: false,
    };
    Ok(Some((response, length)))
}

/// A body in chunks, taken apart as it comes.
#[derive(Debug, Default)]
struct Chunks {
    /// The line that a chunk's length is on, as far as it came.
    line: Vec<u8>,
    /// Bytes of the chunk that are to come.
    left: u64,
    state: ChunkState,
}

#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
enum ChunkState {
    #[default]
    Size,
    Data,
    /// The line end behind a chunk.
    End,
    /// Headers behind the last chunk.
    Trailer,
    Done,
}

impl Chunks {
    /// Takes what came; whether the body is whole.
    fn feed(&mut self, mut bytes: &[u8], into: &mut Vec<u8>) -> Result<bool, TargetError> {
        let wrong = || TargetError::malformed("the request", "its body is in no chunks");
        while self.state != ChunkState::Done && !bytes.is_empty() {
            if self.state == ChunkState::Data {
                let take = usize::try_from(self.left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                let (data, rest) = bytes.split_at(take);
                into.extend_from_slice(data);
                bytes = rest;
                self.left -= take as u64;
                if self.left == 0 {
                    self.state = ChunkState::End;
                }
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                self.line.extend_from_slice(bytes);
                return if self.line.len() > 1024 {
                    Err(wrong())
                } else {
                    Ok(false)
                };
            };
            let (line, rest) = bytes.split_at(end);
            self.line.extend_from_slice(line);
            bytes = rest.get(1..).unwrap_or_default();
            let line = String::from_utf8_lossy(&self.line).trim_end().to_owned();
            self.line.clear();
            self.state = match self.state {
                ChunkState::End if line.is_empty() => ChunkState::Size,
                ChunkState::End => return Err(wrong()),
                ChunkState::Size => {
                    let digits = line.split(';').next().unwrap_or_default().trim();
                    self.left = u64::from_str_radix(digits, 16).map_err(|_| wrong())?;
                    match self.left {
                        0 => ChunkState::Trailer,
                        _ => ChunkState::Data,
                    }
                }
                _ if line.is_empty() => ChunkState::Done,
                other => other,
            };
        }
        Ok(self.state == ChunkState::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunked(parts: &[&[u8]]) -> Option<(Vec<u8>, bool)> {
        let (mut chunks, mut out, mut done) = (Chunks::default(), Vec::new(), false);
        for part in parts {
            done = chunks.feed(part, &mut out).ok()?;
        }
        Some((out, done))
    }

    #[test]
    fn chunks_are_put_together_wherever_they_are_cut() {
        let whole = b"4;x=y\r\nabcd\r\n3\r\n\r\ne\r\n0\r\nT: x\r\n\r\n";
        for cut in 0..whole.len() {
            let (a, b) = whole.split_at(cut);
            assert_eq!(
                chunked(&[a, b]),
                Some((b"abcd\r\ne".to_vec(), true)),
                "{cut}"
            );
        }
        assert_eq!(chunked(&[b"4\r\nab"]), Some((b"ab".to_vec(), false)));
        for bad in ["x\r\n", "-1\r\n", "1\r\nab\r\n", "fffffffffffffffff\r\n"] {
            assert_eq!(chunked(&[bad.as_bytes()]), None, "{bad}");
        }
    }

    fn request(url: &str) -> Request {
        Request {
            method: "POST".to_owned(),
            url: Url::parse(url).unwrap(),
            headers: vec![("Authorization".to_owned(), "Bearer s3cret".to_owned())],
            body: "hello".to_owned(),
            redirects_max: 3,
            body_bytes_max: 100,
        }
    }

    #[test]
    fn a_head_has_what_is_needed_once() {
        let mut request = request("http://[::1]:81/a?b=c");
        request
            .headers
            .push(("accept".to_owned(), "text/plain".to_owned()));
        let head = String::from_utf8(head_of(&request, &[]).unwrap()).unwrap();
        assert_eq!(
            head,
            format!(
                "POST /a?b=c HTTP/1.1\r\nHost: [::1]:81\r\nUser-Agent: {USER_AGENT}\r\n\
                 Content-Length: 5\r\nAuthorization: Bearer s3cret\r\naccept: text/plain\r\n\r\n"
            )
        );
        request
            .headers
            .push(("X".to_owned(), "a\r\nY: b".to_owned()));
        assert!(head_of(&request, &[]).is_err());
    }

    #[test]
    fn a_redirect_takes_no_secret_elsewhere() {
        let mut to = request("http://a/x");
        redirect(&mut to, "/y", 307).unwrap();
        assert_eq!((to.url.as_str(), to.headers.len()), ("http://a/y", 1));
        assert_eq!((&*to.method, &*to.body), ("POST", "hello"));
        redirect(&mut to, "http://b/", 302).unwrap();
        assert_eq!((&*to.method, &*to.body, to.headers.len()), ("GET", "", 0));
        let mut keyed = request("http://a/");
        keyed.headers = vec![("X-Api-Key".to_owned(), "s3cret".to_owned())];
        let error = redirect(&mut keyed, "https://a/?s3cret", 308).unwrap_err();
        assert!(
            error.to_string().contains("to https://a: a body"),
            "{error}"
        );
        keyed.body.clear();
        keyed.body_bytes_max = 7;
        assert!(!format!("{keyed:?}").contains("s3cret"), "{keyed:?}");
        redirect(&mut keyed, "https://a/", 308).unwrap();
        assert!(keyed.headers.is_empty());
        for bad in ["file:///etc/passwd", "http://", "ftp://x/"] {
            assert!(
                redirect(&mut request("http://a/"), bad, 302).is_err(),
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_head(&bytes);
            let _ = chunked(&[&bytes]);
            let _ = parse_head(&[b"HTTP/1.1 200 OK\r\n", bytes.as_slice()].concat());
        }
    }
}
