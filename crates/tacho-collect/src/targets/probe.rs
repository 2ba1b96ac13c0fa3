//! Probes: whether something answers as it should, and how long each part of that takes, with
//! `blackbox_exporter`'s names.
//!
//! 1. A probe that fails still says how long it took, and what it saw until then.
//! 2. Gauges are of the last run; `tacho_probe_duration_seconds` keeps every run in native
//!    histograms, so that percentiles over a window are right. Failed runs are apart there.
//!
//! A kind of probe is a file here and a line in [`Kind`].

pub mod dns;
pub mod http;
pub mod tcp;
pub mod websocket;

use std::time::{Duration, Instant};

use tacho_model::histogram::Temporality;
use tacho_model::{Histogram, Kind as MetricKind, Unit};

use super::{Make, Target, TargetError, Turn};
use crate::emit::Family;
use crate::net::http::Seen;

static SUCCESS: Family = Family::gauge(
    "probe_success",
    Unit::NONE,
    "Whether it answered as it should.",
);
static DURATION: Family = Family::gauge(
    "probe_duration_seconds",
    Unit::SECONDS,
    "How long the probe took.",
);
static LOOKUP: Family = Family::gauge(
    "probe_dns_lookup_time_seconds",
    Unit::SECONDS,
    "How long finding the address took.",
);
static PROTOCOL: Family = Family::gauge(
    "probe_ip_protocol",
    Unit::NONE,
    "4 or 6: the version of IP.",
);
static EXPIRY: Family = Family::gauge(
    "probe_ssl_earliest_cert_expiry",
    Unit::SECONDS,
    "When the first of its certificates ends, in Unix seconds.",
);
static TLS_VERSION: Family =
    Family::gauge("probe_tls_version_info", Unit::NONE, "The version of TLS.");
static REGEX: Family = Family::gauge(
    "probe_failed_due_to_regex",
    Unit::NONE,
    "1 where the answer's text was not as it should be.",
);
static HISTOGRAM: Family = Family::new(
    "tacho_probe_duration_seconds",
    MetricKind::Histogram,
    Unit::SECONDS,
    "How long the probe and each of its phases took, of every run.",
);

/// What is probed.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A URL.
    Http(http::Settings),
    /// A port.
    Tcp(tcp::Settings),
    /// A name server.
    Dns(dns::Settings),
    /// A WebSocket.
    WebSocket(websocket::Settings),
}

/// A probe of one kind.
trait Probe: Send {
    /// Probes, and pushes what it sees.
    fn probe(&mut self, turn: &mut Turn<'_>, phases: &mut Phases) -> Result<(), TargetError>;
}

/// How long each phase took that was come to an end.
type Phases = Vec<(&'static str, Duration)>;

impl Make for Kind {
    fn make(&self) -> Box<dyn Target> {
        let probe: Box<dyn Probe> = match self {
            Self::Http(settings) => Box::new(http::Http::new(settings.clone())),
            Self::Tcp(settings) => Box::new(tcp::Tcp::new(settings.clone())),
            Self::Dns(settings) => Box::new(dns::Dns::new(settings.clone())),
            Self::WebSocket(settings) => Box::new(websocket::WebSocket::new(settings.clone())),
        };
        Box::new(Probed(probe))
    }

    fn about(&self) -> String {
        match self {
            Self::Http(settings) => settings.about(),
            Self::Tcp(settings) => format!("tcp://{}", settings.address),
            Self::Dns(settings) => settings.about(),
            Self::WebSocket(settings) => settings.about(),
        }
    }
}

struct Probed(Box<dyn Probe>);

impl Target for Probed {
    fn collect(&mut self, turn: &mut Turn<'_>) -> Result<(), TargetError> {
        let began = Instant::now();
        let mut phases = Phases::new();
        let probed = self.0.probe(turn, &mut phases);
        let took = began.elapsed();
        turn.emit.push(&DURATION, &[], took.as_secs_f64());
        let outcome = if probed.is_ok() { "success" } else { "failure" };
        phases.insert(0, ("total", took));
        for (phase, took) in phases {
            let mut one = Histogram::new().counted(Temporality::Delta);
            one.observe(took.as_secs_f64());
            let labels = [("phase", phase), ("outcome", outcome)];
            turn.emit.push_histogram(&HISTOGRAM, &labels, one);
        }
        probed
    }

    fn up(&self) -> Option<&'static Family> {
        Some(&SUCCESS)
    }
}

/// A URL without its password, and without a query, which may hold a key.
pub(crate) fn shown(url: &url::Url) -> String {
    let mut url = url.clone();
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.set_query(None);
    url.to_string()
}

/// Pushes what any connection shows.
fn push_seen(seen: &Seen, turn: &mut Turn<'_>) {
    let lookup = seen.phases.resolve.as_secs_f64();
    turn.emit.push(&LOOKUP, &[], lookup);
    if let Some(peer) = seen.peer {
        let version = if peer.is_ipv4() { 4.0 } else { 6.0 };
        turn.emit.push(&PROTOCOL, &[], version);
    }
    if let Some(version) = &seen.tls {
        turn.emit.push(&TLS_VERSION, &[("version", version)], 1.0);
    }
    if let Some(expiry) = seen.expiry {
        turn.emit.push(&EXPIRY, &[], expiry.as_secs_f64());
    }
}

/// Text that an answer must have, or must not have.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// It must match.
    pub matches: Option<regex::Regex>,
    /// It must not.
    pub refuses: Option<regex::Regex>,
}

impl Expect {
    /// These expressions; the error reads well after a colon.
    pub fn parse(matches: Option<&str>, refuses: Option<&str>) -> Result<Self, String> {
        Ok(Self {
            matches: matches.map(super::pattern).transpose()?,
            refuses: refuses.map(super::pattern).transpose()?,
        })
    }

    /// Whether anything is expected.
    fn is_any(&self) -> bool {
        self.matches.is_some() || self.refuses.is_some()
    }

    /// Checks an answer's text, and pushes how that went.
    fn check(&self, text: &str, what: &str, turn: &mut Turn<'_>) -> Result<(), TargetError> {
        if !self.is_any() {
            return Ok(());
        }
        let lacks = self.matches.as_ref().filter(|regex| !regex.is_match(text));
        let has = self.refuses.as_ref().filter(|regex| regex.is_match(text));
        let failed = lacks.is_some() || has.is_some();
        turn.emit.push(&REGEX, &[], f64::from(u8::from(failed)));
        match (lacks, has) {
            (Some(regex), _) => Err(TargetError::Failed(format!("find `{regex}` in {what}"))),
            (_, Some(regex)) => Err(TargetError::Failed(format!("see {what} without `{regex}`"))),
            _ => Ok(()),
        }
    }
}
