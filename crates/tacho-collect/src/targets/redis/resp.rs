//! Redis' protocol, as far as a few questions need it.
//!
//! A reply is at most [`REPLY_BYTES_MAX`] long; lists, which no question here is answered with, are
//! refused. Source: Redis documentation, "Redis serialization protocol specification", RESP2.

use std::io::{Read as _, Write as _};

use crate::net::{NetError, Stream};
use crate::targets::TargetError;

/// Longest reply; `INFO ALL` of a busy server has about 20 KB.
const REPLY_BYTES_MAX: usize = 4 << 20;
/// Longest line.
const LINE_BYTES_MAX: usize = 64 << 10;

/// What a server answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A text, or bytes.
    Text(Vec<u8>),
    /// A whole number.
    Number(i64),
    /// It refused, in these words.
    Error(String),
    /// Nothing.
    Null,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Client {
    stream: Stream,
    buffer: Vec<u8>,
}

impl Client {
    /// A connection that nothing was asked of yet.
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// The connection itself.
    pub(super) fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// Asks one question.
    pub(super) fn ask(&mut self, words: &[&str]) -> Result<Reply, TargetError> {
        let mut question = format!("*{}\r\n", words.len());
        for word in words {
            question += &format!("${}\r\n{word}\r\n", word.len());
        }
        let sent = self.stream.write_all(question.as_bytes());
        let sent = sent.and_then(|()| self.stream.flush());
        sent.map_err(|error| NetError::of("ask the server", self.stream.deadline(), error))?;
        self.buffer.clear();
        loop {
            match parse(&self.buffer)? {
                Parsed::Reply(reply) => return Ok(reply),
                Parsed::More => self.read()?,
            }
        }
    }

    fn read(&mut self) -> Result<(), TargetError> {
        let mut chunk = [0; 16 << 10];
        let read = self.stream.read(&mut chunk);
        let read = read.and_then(|count| match count {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => Ok(count),
        });
        let what = "read the server's answer";
        let count = read.map_err(|error| NetError::of(what, self.stream.deadline(), error))?;
        self.buffer
            .extend_from_slice(chunk.get(..count).unwrap_or_default());
        Ok(())
    }
}

/// How far a reply is there.
#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    Reply(Reply),
    More,
}

fn parse(bytes: &[u8]) -> Result<Parsed, TargetError> {
    let wrong = |reason: &str| TargetError::malformed("a question to Redis", reason);
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else {
        return match bytes.len() {
            ..LINE_BYTES_MAX => Ok(Parsed::More),
            _ => Err(wrong("a line does not end")),
        };
    };
    let (line, rest) = bytes.split_at(end);
    let rest = rest.get(2..).unwrap_or_default();
    let Some((kind, line)) = line.split_first() else {
        return Err(wrong("this is no Redis server"));
    };
    let text = String::from_utf8_lossy(line).into_owned();
    let number = || {
        text.parse::<i64>()
            .map_err(|_| wrong("a length is no number"))
    };
    let reply = match kind {
        b'+' => Reply::Text(line.to_vec()),
        b'-' => Reply::Error(text),
        b':' => Reply::Number(number()?),
        b'$' => {
            let length = number()?;
            if length == -1 {
                return Ok(Parsed::Reply(Reply::Null));
            }
            let length = usize::try_from(length).map_err(|_| wrong("a length is negative"))?;
            if length > REPLY_BYTES_MAX {
                return Err(TargetError::TooMuch {
                    what: "ask Redis",
                    limit: REPLY_BYTES_MAX,
                    unit: "bytes",
                });
            }
            match rest.split_at_checked(length) {
                Some((text, [b'\r', b'\n', ..])) => Reply::Text(text.to_vec()),
                Some((_, [_, _, ..])) => return Err(wrong("a text is longer than it says")),
                _ => return Ok(Parsed::More),
            }
        }
        _ => return Err(wrong("this is no Redis server")),
    };
    Ok(Parsed::Reply(reply))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn replies_are_read() {
        let check = |bytes: &str, expected: Option<Reply>| {
            let parsed = parse(bytes.as_bytes()).unwrap();
            assert_eq!(
                parsed,
                expected.map_or(Parsed::More, Parsed::Reply),
                "{bytes:?}"
            );
        };
        let text = |text: &str| Some(Reply::Text(text.into()));
        check("+OK\r\n", text("OK"));
        check(":12\r\n", Some(Reply::Number(12)));
        check("$2\r\nab\r\n", text("ab"));
        check("$0\r\n\r\n", text(""));
        check("$-1\r\n", Some(Reply::Null));
        check("-NOAUTH x\r\n", Some(Reply::Error("NOAUTH x".into())));
        for part in ["", "+OK", "+OK\r", "$2\r\na", "$2\r\nab", "$2\r\nab\r"] {
            check(part, None);
        }
        for bad in [
            "HTTP/1.1 400\r\n",
            "\r\n",
            "$x\r\n",
            "$-2\r\n",
            "$1\r\nabc\r\n",
            "*1\r\n",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(parse(b"$99999999999\r\n").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse(&bytes);
            let _ = parse(&[b"$9\r\n", bytes.as_slice()].concat());
        }
    }
}
