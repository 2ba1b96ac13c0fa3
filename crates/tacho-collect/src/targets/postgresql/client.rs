//! PostgreSQL's protocol, as far as asking for text needs it: start, who asks, simple queries.
//!
//! 1. A message is read whole and at most [`MESSAGE_BYTES_MAX`] long, an answer at most
//!    [`ROWS_MAX`] rows and [`ANSWER_BYTES_MAX`] bytes; more ends the connection.
//! 2. A password goes out in clear text only where nobody else can read it, and a server that
//!    began with SCRAM must prove that it knows the password.
//! 3. After an error of the server's the connection goes on; after any other it is dropped.
//!
//! Not a general client: no parameters, no binary values, no notifications. Source: PostgreSQL 17
//! documentation, chapter 53 "Frontend/Backend Protocol".

use std::io::{Read as _, Write as _};

use super::scram::{self, Scram};
use crate::net::{NetError, Stream};
use crate::targets::TargetError;

/// Longest message.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Most rows of an answer.
pub(super) const ROWS_MAX: usize = 20_000;
/// Most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// Version 3.0 of the protocol.
const VERSION: u32 = 196_608;
/// The request to go on with TLS.
pub(super) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A row; values in PostgreSQL's text form, `None` for null.
pub(super) type Row = Vec<Option<String>>;

/// A connection that is ready for queries.
#[derive(Debug)]
pub(super) struct Client {
    stream: Stream,
    buffer: Vec<u8>,
}

/// Who asks for what.
pub(super) struct Login<'a> {
    pub(super) user: &'a str,
    pub(super) database: &'a str,
    pub(super) password: &'a dyn Fn() -> Result<String, TargetError>,
}

impl Client {
    /// Logs in.
    pub(super) fn login(stream: Stream, login: &Login<'_>) -> Result<Self, TargetError> {
        let mut client = Self {
            stream,
            buffer: Vec::new(),
        };
        let mut start = VERSION.to_be_bytes().to_vec();
        for text in [
            "user",
            login.user,
            "database",
            login.database,
            "application_name",
            "tachograph",
            "client_encoding",
            "UTF8",
        ] {
            start.extend_from_slice(text.as_bytes());
            start.push(0);
        }
        start.push(0);
        let mut framed = (start.len() as u32 + 4).to_be_bytes().to_vec();
        framed.append(&mut start);
        client.write(&framed)?;
        client.authenticate(login)?;
        loop {
            match client.message("log in")? {
                b'Z' => return Ok(client),
                b'E' => return Err(client.refusal("log in")),
                // Parameters, the key for cancelling, notices, what of the protocol it lacks.
                b'S' | b'K' | b'N' | b'v' => {}
                kind => return Err(unexpected("log in", kind)),
            }
        }
    }

    /// Gives the next exchange its time.
    pub(super) fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    fn authenticate(&mut self, login: &Login<'_>) -> Result<(), TargetError> {
        let mut scram: Option<Scram> = None;
        let mut is_proved = false;
        loop {
            match self.message("log in")? {
                b'R' => {}
                b'E' => return Err(self.refusal("log in")),
                b'N' | b'v' => continue,
                kind => return Err(unexpected("log in", kind)),
            }
            let is_private = self.stream.is_private();
            let (method, rest) = self.buffer.split_first_chunk::<4>().ok_or_else(short)?;
            match u32::from_be_bytes(*method) {
                0 if scram.is_none() || is_proved => return Ok(()),
                0 => return Err(scram::unproved()),
                3 if !is_private => return Err(in_clear_text()),
                3 => {
                    let mut password = (login.password)()?.into_bytes();
                    password.push(0);
                    self.send(b'p', &password)?;
                }
                5 => {
                    let salt = *rest.first_chunk::<4>().ok_or_else(short)?;
                    let password = (login.password)()?;
                    let mut answer = scram::md5(login.user, &password, salt).into_bytes();
                    answer.push(0);
                    self.send(b'p', &answer)?;
                }
                10 => {
                    let has = rest
                        .split(|b| *b == 0)
                        .any(|name| name == scram::NAME.as_bytes());
                    if !has {
                        return Err(unknown_method("SASL without SCRAM-SHA-256"));
                    }
                    let begun = Scram::begin((login.password)()?)?;
                    let first = begun.first();
                    let mut answer = scram::NAME.as_bytes().to_vec();
                    answer.push(0);
                    answer.extend_from_slice(&(first.len() as u32).to_be_bytes());
                    answer.extend_from_slice(first.as_bytes());
                    scram = Some(begun);
                    self.send(b'p', &answer)?;
                }
                11 => {
                    let scram = scram.as_mut().ok_or_else(short)?;
                    let answer = scram.answer(&String::from_utf8_lossy(rest))?;
                    self.send(b'p', answer.as_bytes())?;
                }
                12 => {
                    let scram = scram.as_ref().ok_or_else(short)?;
                    scram.verify(&String::from_utf8_lossy(rest))?;
                    is_proved = true;
                }
                7..=9 => return Err(unknown_method("GSSAPI or SSPI")),
                _ => return Err(unknown_method("a way to log in that is not known here")),
            }
        }
    }

    /// The rows that a query gives, of its last statement that gives any.
    pub(super) fn query(&mut self, what: &'static str, sql: &str) -> Result<Vec<Row>, QueryError> {
        let mut message = sql.as_bytes().to_vec();
        message.push(0);
        self.send(b'Q', &message)?;
        let mut rows = Vec::new();
        let mut bytes = 0;
        let mut refused = None;
        loop {
            match self.message(what)? {
                b'T' => rows.clear(),
                b'D' => {
                    bytes += self.buffer.len();
                    if rows.len() >= ROWS_MAX || bytes > ANSWER_BYTES_MAX {
                        let (limit, unit) = match rows.len() {
                            ROWS_MAX => (ROWS_MAX, "rows"),
                            _ => (ANSWER_BYTES_MAX, "bytes"),
                        };
                        return Err(QueryError::Broken(TargetError::TooMuch {
                            what,
                            limit,
                            unit,
                        }));
                    }
                    rows.push(row(&self.buffer).ok_or_else(short)?);
                }
                b'E' => refused = Some(self.refusal(what)),
                b'Z' => {
                    return match refused {
                        None => Ok(rows),
                        Some(error) => Err(QueryError::Refused(error)),
                    };
                }
                b'C' | b'I' | b'N' | b'S' | b'A' => {}
                kind => return Err(unexpected(what, kind).into()),
            }
        }
    }

    fn send(&mut self, kind: u8, body: &[u8]) -> Result<(), TargetError> {
        let mut message = vec![kind];
        message.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        message.extend_from_slice(body);
        self.write(&message)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TargetError> {
        let done = self
            .stream
            .write_all(bytes)
            .and_then(|()| self.stream.flush());
        done.map_err(|error| NetError::of("ask the server", self.stream.deadline(), error).into())
    }

    /// Reads the next message into the buffer and says its kind.
    fn message(&mut self, what: &'static str) -> Result<u8, TargetError> {
        let mut head = [0; 5];
        self.read(what, &mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        let Some(length) = length.checked_sub(4) else {
            return Err(TargetError::malformed(what, "a message has no length"));
        };
        if length > MESSAGE_BYTES_MAX {
            return Err(match kind {
                // Other than one of PostgreSQL's: somebody else's answer, read as a length.
                b'A'..=b'Z' | b'a'..=b'z' if length < 1 << 28 => TargetError::TooMuch {
                    what,
                    limit: MESSAGE_BYTES_MAX,
                    unit: "bytes in a message",
                },
                _ => TargetError::malformed(what, "this is no PostgreSQL server"),
            });
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(length, 0);
        let read = self.read(what, &mut buffer);
        self.buffer = buffer;
        read.map(|()| kind)
    }

    fn read(&mut self, what: &'static str, into: &mut [u8]) -> Result<(), TargetError> {
        let read = self.stream.read_exact(into);
        read.map_err(|error| NetError::of(what, self.stream.deadline(), error).into())
    }

    /// What the server says in an error.
    fn refusal(&self, what: &'static str) -> TargetError {
        let fields = self.buffer.split(|byte| *byte == 0);
        let mut message = String::new();
        let mut code = String::new();
        for field in fields {
            match field.split_first() {
                Some((b'M', text)) => message = String::from_utf8_lossy(text).into_owned(),
                Some((b'C', text)) => code = String::from_utf8_lossy(text).into_owned(),
                _ => {}
            }
        }
        TargetError::refused(what, &format!("{message} (SQLSTATE {code})"))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Says goodbye, so that the server's log has no complaint; whether it hears is no matter.
        let _ = self.stream.write_all(b"X\0\0\0\x04");
        let _ = self.stream.flush();
    }
}

/// Why a query gave nothing.
#[derive(Debug)]
pub(super) enum QueryError {
    /// The server refused this query; the connection goes on.
    Refused(TargetError),
    /// The connection is of no more use.
    Broken(TargetError),
}

impl From<TargetError> for QueryError {
    fn from(error: TargetError) -> Self {
        Self::Broken(error)
    }
}

fn short() -> TargetError {
    TargetError::malformed("log in or query", "a message ends early")
}

fn unexpected(what: &'static str, kind: u8) -> TargetError {
    TargetError::malformed(what, format!("a message of kind {kind:#04x} came"))
}

fn unknown_method(method: &str) -> TargetError {
    TargetError::Unusable(format!(
        "log in: the server asks for {method}; give this user a password with scram-sha-256 in \
         pg_hba.conf"
    ))
}

fn in_clear_text() -> TargetError {
    TargetError::Unusable(
        "log in: the server asks for the password in clear text, and the connection has no TLS; \
         use sslmode=require, or scram-sha-256 in pg_hba.conf"
            .to_owned(),
    )
}

/// A row from the body of its message.
fn row(body: &[u8]) -> Option<Row> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let count = usize::from(u16::from_be_bytes(*count));
    let mut row = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        rest = behind;
        match i32::from_be_bytes(*length) {
            -1 => row.push(None),
            length => {
                let (value, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                row.push(Some(String::from_utf8_lossy(value).into_owned()));
                rest = behind;
            }
        }
    }
    Some(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Deadline, Socket, Stop, Timed};
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn a_row_has_values_and_nulls() {
        let bytes = [0, 2, 0, 0, 0, 2, b'a', b'b', 255, 255, 255, 255];
        assert_eq!(row(&bytes), Some(vec![Some("ab".to_owned()), None]));
        assert_eq!(row(&[0, 1, 0, 0, 0, 9, b'a']), None);
        assert_eq!(row(&[0, 1, 255, 255, 255, 254]), None);
        assert_eq!(row(&[0]), None);
    }

    /// Logs in at a server that says this whatever it hears.
    fn log_in(says: &[&[u8]], socket: impl FnOnce(&[u8]) -> Socket) -> Result<(), String> {
        let deadline = Deadline::after(Duration::from_secs(20), Stop::default());
        let stream = Stream::Plain(Timed::new(socket(&says.concat()), deadline));
        let login = Login {
            user: "me",
            database: "x",
            password: &|| Ok("s3cret".to_owned()),
        };
        let client = Client::login(stream, &login);
        client.map(drop).map_err(|error| error.to_string())
    }

    fn over_tcp(says: &[&[u8]]) -> Result<(), String> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut theirs = listener.accept().unwrap().0;
        log_in(says, |bytes| {
            theirs.write_all(bytes).unwrap();
            Socket::Tcp(ours)
        })
    }

    const OK: &[u8] = b"R\0\0\0\x08\0\0\0\0";
    const READY: &[u8] = b"Z\0\0\0\x05I";
    const CLEAR: &[u8] = b"R\0\0\0\x08\0\0\0\x03";
    const SASL: &[u8] = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";

    #[test]
    fn a_server_that_began_with_scram_must_prove_itself() {
        assert_eq!(over_tcp(&[OK, READY]), Ok(()));
        let error = over_tcp(&[SASL, OK, READY]).unwrap_err();
        assert!(error.contains("could not prove"), "{error}");
    }

    #[test]
    fn a_password_goes_out_in_clear_text_only_where_it_is_safe() {
        let error = over_tcp(&[CLEAR, OK, READY]).unwrap_err();
        assert!(error.contains("use sslmode=require"), "{error}");
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let went = log_in(&[CLEAR, OK, READY], |bytes| {
            theirs.write_all(bytes).unwrap();
            Socket::Unix(ours)
        });
        assert_eq!(went, Ok(()));
    }

    proptest! {
        #[test]
        fn no_bytes_break_a_row(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            row(&bytes);
        }
    }
}
