//! Probing a WebSocket: the handshake, then a text and its answer, or a ping and its pong.
//!
//! Source: RFC 6455. Frames are at most `FRAME_BYTES_MAX` long; extensions are not offered.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use ring::rand::SecureRandom as _;
use tacho_model::Unit;
use url::Url;

use super::{Expect, Phases, Probe, push_seen, shown};
use crate::emit::Family;
use crate::net::http::{Client, Request, Seen, head_of, more, receive_head, send};
use crate::net::{Stream, Tls};
use crate::targets::{TargetError, Turn};

/// Longest frame, and message.
const FRAME_BYTES_MAX: usize = 1 << 20;
/// What a server puts behind the key (RFC 6455, 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// A length that says that two bytes with the length follow (RFC 6455, 5.2).
const LENGTH_16: u8 = 0x7e;
/// The same with eight.
const LENGTH_64: u8 = 0x7f;
/// What a ping carries.
const PING: &[u8] = b"tachograph";

static STATUS: Family = Family::gauge(
    "probe_http_status_code",
    Unit::NONE,
    "The status of the handshake's answer.",
);
static UPGRADED: Family = Family::gauge(
    "probe_is_upgraded",
    Unit::NONE,
    "Whether the connection became a WebSocket.",
);
static LATENCY: Family = Family::gauge(
    "current_latency_ms",
    Unit::of("ms"),
    "How long a message and its answer took.",
);

/// What is probed.
#[derive(Clone)]
pub struct Settings {
    /// Where: `ws` or `wss`.
    pub url: Url,
    /// More headers of the handshake.
    pub headers: Vec<(String, String)>,
    /// The text that is sent; a ping where it is empty.
    pub send: String,
    /// What a message must have.
    pub expect: Expect,
    /// Whom to trust.
    pub tls: Tls,
}

/// Headers' values, the text and the query may be secrets.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Settings")
            .field("url", &shown(&self.url))
            .field("headers", &names)
            .field("expect", &self.expect)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// What it is about.
    pub(super) fn about(&self) -> String {
        shown(&self.url)
    }
}

pub(super) struct WebSocket {
    settings: Settings,
    client: Client,
}

impl WebSocket {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            client: Client::new(settings.tls.clone()),
            settings,
        }
    }
}

impl Probe for WebSocket {
    fn probe(&mut self, turn: &mut Turn<'_>, phases: &mut Phases) -> Result<(), TargetError> {
        let mut seen = Seen::default();
        let connected = self
            .client
            .connect(&self.settings.url, &turn.deadline, &mut seen);
        push_seen(&seen, turn);
        let took = seen.phases;
        for (phase, took) in [
            ("resolve", took.resolve),
            ("connect", took.connect),
            ("tls", took.tls),
        ] {
            if !took.is_zero() {
                phases.push((phase, took));
            }
        }
        let (mut stream, began) = connected?;
        let mut buffer = Vec::new();
        let upgraded = self.upgrade(&mut stream, &mut buffer, turn);
        phases.push(("processing", began.elapsed()));
        turn.emit
            .push(&UPGRADED, &[], f64::from(u8::from(upgraded.is_ok())));
        upgraded?;
        let began = Instant::now();
        let said = self.exchange(&mut stream, buffer)?;
        let took = began.elapsed();
        phases.push(("transfer", took));
        let source = [("source", "websocket"), ("job", "")];
        turn.emit.push(&LATENCY, &source, took.as_secs_f64() * 1e3);
        // That it goes away is said as it should be; whether that is heard is no matter.
        let _ = send(&mut stream, &frame(8, &1000u16.to_be_bytes()), &[]);
        match said {
            Some(text) => self.settings.expect.check(&text, "its message", turn),
            None => Ok(()),
        }
    }
}

impl WebSocket {
    fn upgrade(
        &self,
        stream: &mut Stream,
        buffer: &mut Vec<u8>,
        turn: &mut Turn<'_>,
    ) -> Result<(), TargetError> {
        let mut key = [0; 16];
        let _ = ring::rand::SystemRandom::new().fill(&mut key);
        let key = STANDARD.encode(key);
        let request = Request {
            method: "GET".to_owned(),
            url: self.settings.url.clone(),
            headers: self.settings.headers.clone(),
            body: String::new(),
            redirects_max: 0,
            body_bytes_max: 0,
        };
        let head = head_of(
            &request,
            &[
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", &key),
            ],
        )?;
        send(stream, &head, &[])?;
        let answer = receive_head(stream, buffer, || {})?;
        turn.emit.push(&STATUS, &[], f64::from(answer.status));
        if answer.status != 101 {
            return Err(TargetError::Failed(format!(
                "open a WebSocket: the server answered with HTTP status {}",
                answer.status
            )));
        }
        if answer.header("sec-websocket-accept").map(str::trim) != Some(&accept(&key)) {
            return Err(TargetError::malformed(
                "the handshake",
                "its key is not for ours",
            ));
        }
        Ok(())
    }

    /// A text and the first message, or a ping and its pong, which has no text.
    fn exchange(
        &self,
        stream: &mut Stream,
        mut buffer: Vec<u8>,
    ) -> Result<Option<String>, TargetError> {
        let waits_for_text = !self.settings.send.is_empty() || self.settings.expect.is_any();
        if !self.settings.send.is_empty() {
            send(stream, &frame(1, self.settings.send.as_bytes()), &[])?;
        } else if !waits_for_text {
            send(stream, &frame(9, PING), &[])?;
        }
        let mut message = Vec::new();
        loop {
            let Some((got, length)) = Frame::parse(&buffer)? else {
                if more(stream, &mut buffer, "hear a message")? == 0 {
                    let reason = "the server hung up without closing";
                    return Err(TargetError::malformed("a message", reason));
                }
                continue;
            };
            buffer.drain(..length);
            match got.kind {
                0..=2 if waits_for_text => {
                    message.extend_from_slice(&got.payload);
                    if message.len() > FRAME_BYTES_MAX {
                        return Err(too_long());
                    }
                    if got.is_last {
                        return Ok(Some(String::from_utf8_lossy(&message).into_owned()));
                    }
                }
                9 => send(stream, &frame(10, &got.payload), &[])?,
                10 if !waits_for_text && got.payload == PING => return Ok(None),
                8 => {
                    let code = got.payload.first_chunk::<2>();
                    let code = code.map_or(1005, |code| u16::from_be_bytes(*code));
                    return Err(TargetError::Failed(format!(
                        "hear a message: the server closed with code {code}"
                    )));
                }
                _ => {}
            }
        }
    }
}

fn too_long() -> TargetError {
    TargetError::TooMuch {
        what: "hear a message",
        limit: FRAME_BYTES_MAX,
        unit: "bytes",
    }
}

/// What a server answers to a key.
fn accept(key: &str) -> String {
    let both = format!("{key}{GUID}");
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, both.as_bytes());
    STANDARD.encode(hash)
}

/// A frame of ours: whole, and masked as a client's must be.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut mask = [0; 4];
    let _ = ring::rand::SystemRandom::new().fill(&mut mask);
    let mut frame = vec![0x80 | kind];
    match payload.len() {
        short @ ..126 => frame.push(0x80 | short as u8),
        middle @ 126..=0xffff => {
            frame.push(0x80 | LENGTH_16);
            frame.extend_from_slice(&(middle as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | LENGTH_64);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&mask);
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// A frame of the server's.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    kind: u8,
    is_last: bool,
    payload: Vec<u8>,
}

impl Frame {
    /// The first frame and how long it is, once it is whole.
    fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, TargetError> {
        let [first, second, rest @ ..] = bytes else {
            return Ok(None);
        };
        if second & 0x80 != 0 || first & 0x70 != 0 {
            return Err(TargetError::malformed(
                "a message",
                "a server's frame is not like that",
            ));
        }
        let (length, head) = match second & 0x7f {
            LENGTH_16 => match rest.first_chunk::<2>() {
                Some(length) => (u64::from(u16::from_be_bytes(*length)), 4),
                None => return Ok(None),
            },
            LENGTH_64 => match rest.first_chunk::<8>() {
                Some(length) => (u64::from_be_bytes(*length), 10),
                None => return Ok(None),
            },
            length => (u64::from(length), 2),
        };
        if length > FRAME_BYTES_MAX as u64 {
            return Err(too_long());
        }
        let end = head + length as usize;
        let payload = bytes.get(head..end);
        Ok(payload.map(|payload| {
            let frame = Self {
                kind: first & 15,
                is_last: first & 0x80 != 0,
                payload: payload.to_vec(),
            };
            (frame, end)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of RFC 6455, section 1.3.
    #[test]
    fn a_key_is_answered_as_in_the_specification() {
        assert_eq!(
            accept("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn frames_are_read_once_they_are_whole() {
        let whole = [&[0x81, 126, 1, 0][..], &[b'x'; 256]].concat();
        for cut in 0..whole.len() {
            assert_eq!(Frame::parse(&whole[..cut]).unwrap(), None, "{cut}");
        }
        let (frame, length) = Frame::parse(&whole).unwrap().unwrap();
        assert_eq!((frame.kind, frame.is_last, length), (1, true, 260));
        for bad in [
            &[0x81, 0x81][..],
            &[0xc1, 1],
            &[0x81, 127, 255, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert!(Frame::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn ours_are_masked_and_whole(payload in prop::collection::vec(any::<u8>(), 0..300)) {
            let ours = frame(1, &payload);
            let head = if payload.len() < 126 { 2 } else { 4 };
            let mask = &ours[head..head + 4];
            let body = ours[head + 4..].iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b);
            prop_assert_eq!(body.collect::<Vec<u8>>(), payload.clone());
            let _ = Frame::parse(&payload);
        }
    }
}
