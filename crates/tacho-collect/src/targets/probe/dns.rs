//! Probing a name server: whether it answers a question, how, and how fast.
//!
//! By UDP, and again by TCP where the answer was cut. An answer counts only with the question's
//! number, from the server that was asked. Sources: RFC 1035, RFC 7766.

mod message;

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::time::Instant;

use ring::rand::SecureRandom as _;
use tacho_model::Unit;

pub use self::message::RecordType;
use self::message::{Answer, question};
use super::{Expect, Phases, Probe, push_seen};
use crate::emit::Family;
use crate::net::http::{HttpPhases, Seen};
use crate::net::{Address, Deadline, NetError, Resolver, dial};
use crate::targets::{TargetError, Turn};

static PHASE: Family = Family::gauge(
    "probe_dns_duration_seconds",
    Unit::SECONDS,
    "How long a phase took.",
);
static ANSWERS: Family = Family::gauge("probe_dns_answer_rrs", Unit::NONE, "Records that answer.");
static AUTHORITY: Family = Family::gauge(
    "probe_dns_authority_rrs",
    Unit::NONE,
    "Records that say who knows.",
);
static ADDITIONAL: Family =
    Family::gauge("probe_dns_additional_rrs", Unit::NONE, "Records besides.");
static SUCCEEDED: Family = Family::gauge(
    "probe_dns_query_succeeded",
    Unit::NONE,
    "Whether any answer came.",
);
static SERIAL: Family = Family::gauge(
    "probe_dns_serial",
    Unit::NONE,
    "The serial number of the zone, where it was asked for.",
);

/// What is asked of whom.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name that is asked for.
    pub name: String,
    /// Records of which type.
    pub kind: RecordType,
    /// The name server.
    pub server: Address,
    /// What a record must be.
    pub expect: Expect,
}

impl Settings {
    /// What it is about.
    pub(super) fn about(&self) -> String {
        format!(
            "dns://{}/{}?type={}",
            self.server,
            self.name,
            self.kind.as_str()
        )
    }

    /// Whether a name can be asked for.
    pub fn is_name(name: &str) -> bool {
        question(0, name, RecordType::A).is_some()
    }
}

/// The first name server of the system's list, `/etc/resolv.conf`.
pub fn system_server(resolv_conf: &str) -> Option<Address> {
    let mut lines = resolv_conf.lines().map(str::split_whitespace);
    let server = lines.find_map(|mut words| match words.next() {
        Some("nameserver") => words.next(),
        _ => None,
    });
    server.map(|server| Address::Tcp(server.to_owned(), 53))
}

pub(super) struct Dns {
    settings: Settings,
    resolver: Resolver,
}

impl Dns {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            resolver: Resolver::default(),
        }
    }
}

impl Probe for Dns {
    fn probe(&mut self, turn: &mut Turn<'_>, phases: &mut Phases) -> Result<(), TargetError> {
        let Address::Tcp(host, port) = &self.settings.server else {
            return Err(TargetError::Unusable(
                "ask a name server by a file".to_owned(),
            ));
        };
        let began = Instant::now();
        let found = self.resolver.lookup(host, *port, &turn.deadline)?;
        let resolve = began.elapsed();
        let server = *found.first().ok_or_else(no_answer)?;
        let began = Instant::now();
        let answer = self.ask(server, &turn.deadline);
        let request = began.elapsed();
        let seen = Seen {
            peer: Some(server.ip()),
            phases: HttpPhases {
                resolve,
                ..HttpPhases::default()
            },
            ..Seen::default()
        };
        push_seen(&seen, turn);
        for (phase, took) in [("resolve", resolve), ("request", request)] {
            turn.emit
                .push(&PHASE, &[("phase", phase)], took.as_secs_f64());
            phases.push((phase, took));
        }
        turn.emit
            .push(&SUCCEEDED, &[], f64::from(u8::from(answer.is_ok())));
        self.judge(&answer?, turn)
    }
}

fn no_answer() -> TargetError {
    TargetError::Failed("find the name server".to_owned())
}

impl Dns {
    fn ask(&mut self, server: SocketAddr, deadline: &Deadline) -> Result<Answer, TargetError> {
        let mut id = [0; 2];
        // Without randomness the number is the same each time: the socket is still its own.
        let _ = ring::rand::SystemRandom::new().fill(&mut id);
        let id = u16::from_be_bytes(id);
        let Settings { name, kind, .. } = &self.settings;
        let question = question(id, name, *kind)
            .ok_or_else(|| TargetError::Unusable(format!("ask for `{name}`: it is no name")))?;
        let failed = |error| NetError::of("hear from the name server", deadline, error);
        let answer = by_udp(server, &question, deadline).map_err(failed)?;
        let answer = Answer::parse(&answer, id)?;
        if !answer.is_cut {
            return Ok(answer);
        }
        let address = Address::Tcp(server.ip().to_string(), server.port());
        let mut stream = dial(&address, &mut self.resolver, deadline)?.stream;
        let mut framed = (question.len() as u16).to_be_bytes().to_vec();
        framed.extend_from_slice(&question);
        let mut read = || {
            stream.write_all(&framed)?;
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut answer)?;
            Ok(answer)
        };
        Answer::parse(&read().map_err(failed)?, id)
    }

    fn judge(&self, answer: &Answer, turn: &mut Turn<'_>) -> Result<(), TargetError> {
        let [answers, authority, additional] = answer.counts.map(f64::from);
        turn.emit.push(&ANSWERS, &[], answers);
        turn.emit.push(&AUTHORITY, &[], authority);
        turn.emit.push(&ADDITIONAL, &[], additional);
        if let Some(serial) = answer.serial {
            turn.emit.push(&SERIAL, &[], f64::from(serial));
        }
        let name = &self.settings.name;
        if answer.code != 0 {
            let code = message::code_name(answer.code);
            return Err(TargetError::Failed(format!(
                "hear what `{name}` is: {code}"
            )));
        }
        if answer.records.is_empty() {
            let kind = self.settings.kind.as_str();
            return Err(TargetError::Failed(format!(
                "hear what `{name}` is: it has no record of type {kind}"
            )));
        }
        let text = answer.records.join("\n");
        self.settings.expect.check(&text, "the records", turn)
    }
}

/// Sends a question and waits for whatever the server sends first.
fn by_udp(server: SocketAddr, question: &[u8], deadline: &Deadline) -> io::Result<Vec<u8>> {
    let own = match server {
        SocketAddr::V4(_) => "0.0.0.0:0",
        SocketAddr::V6(_) => "[::]:0",
    };
    let socket = UdpSocket::bind(own)?;
    // Whatever comes from elsewhere is not let through.
    socket.connect(server)?;
    socket.send(question)?;
    let mut buffer = vec![0; 4096];
    loop {
        use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
        socket.set_read_timeout(Some(deadline.slice()?))?;
        match socket.recv(&mut buffer) {
            // An answer to another question is an old one.
            Ok(length) if buffer.get(..2) == question.get(..2) => {
                buffer.truncate(length);
                return Ok(buffer);
            }
            Ok(_) => {}
            Err(e) if matches!(e.kind(), WouldBlock | TimedOut | Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_server_is_the_first_of_its_list() {
        let text = "# nameserver 1.1.1.1\nsearch x\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n";
        let found = system_server(text).map(|found| found.to_string());
        assert_eq!(found.as_deref(), Some("10.0.0.2:53"));
        assert_eq!(system_server("options x"), None);
    }
}
