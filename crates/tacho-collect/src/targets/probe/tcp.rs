//! Probing a port: connecting, TLS where wanted, and what it says.

use std::io::Write as _;
use std::time::Instant;

use super::{Expect, Phases, Probe, push_seen};
use crate::net::http::{HttpPhases, Seen, look_at, more};
use crate::net::{Address, NetError, Resolver, Stream, Tls, dial};
use crate::targets::{TargetError, Turn};

/// Bytes of an answer that are read while what is expected does not come.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What is probed.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where.
    pub address: Address,
    /// Whether and how the connection is made safe.
    pub tls: Option<Tls>,
    /// What is sent first; nothing where it is empty.
    pub send: String,
    /// What must come.
    pub expect: Expect,
}

pub(super) struct Tcp {
    settings: Settings,
    resolver: Resolver,
}

impl Tcp {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            resolver: Resolver::default(),
        }
    }
}

impl Probe for Tcp {
    fn probe(&mut self, turn: &mut Turn<'_>, phases: &mut Phases) -> Result<(), TargetError> {
        let address = &self.settings.address;
        let dialled = dial(address, &mut self.resolver, &turn.deadline)?;
        let mut seen = Seen {
            peer: dialled.peer,
            phases: HttpPhases {
                resolve: dialled.phases.resolve,
                ..HttpPhases::default()
            },
            ..Seen::default()
        };
        phases.push(("resolve", dialled.phases.resolve));
        phases.push(("connect", dialled.phases.connect));
        let secured = match &mut self.settings.tls {
            None => Ok(Stream::Plain(dialled.stream)),
            Some(tls) => {
                tls.secure(dialled.stream, address, &turn.deadline)
                    .map(|(stream, took)| {
                        phases.push(("tls", took));
                        look_at(&stream, &mut seen);
                        stream
                    })
            }
        };
        push_seen(&seen, turn);
        self.talk(&mut secured?, turn, phases)
    }
}

impl Tcp {
    fn talk(
        &self,
        stream: &mut Stream,
        turn: &mut Turn<'_>,
        phases: &mut Phases,
    ) -> Result<(), TargetError> {
        let settings = &self.settings;
        let began = Instant::now();
        let sent = stream.write_all(settings.send.as_bytes());
        let sent = sent.and_then(|()| stream.flush());
        sent.map_err(|error| NetError::of("send", stream.deadline(), error))?;
        if !settings.expect.is_any() {
            return Ok(());
        }
        let mut said = Vec::new();
        let heard = loop {
            let matches = settings.expect.matches.as_ref();
            let text = String::from_utf8_lossy(&said);
            if matches.is_none_or(|regex| regex.is_match(&text)) && !said.is_empty() {
                break Ok(());
            }
            if said.len() > ANSWER_BYTES_MAX {
                break Ok(());
            }
            match more(stream, &mut said, "hear what is expected") {
                Ok(0) => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        phases.push(("processing", began.elapsed()));
        let text = String::from_utf8_lossy(&said);
        let checked = settings.expect.check(&text, "what it says", turn);
        heard.and(checked)
    }
}
