//! What can be configured, validated: nothing optional that has a default, no bare numbers where a
//! type says more. The binary makes it from flags, environment and `tacho.yaml`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tacho_analysis::alert::{AlertRule, default_rules};
use tacho_promql::Features;
use tacho_store::{SnapshotRetention, StoreOptions};
use tacho_wire::remote_write::Limits;

use crate::collect::TargetSettings;
use crate::filters::FilterSettings;
use crate::forward::settings::ForwardSettings;
use crate::intake::quota::QuotaSettings;
use crate::otlp::settings::{Listen, OtlpSettings};
use crate::prices::PriceSettings;
use crate::rules::group::Group;
use crate::scrape::ScrapeSettings;
use crate::statsd::settings::StatsdSettings;
use crate::{events, exemplars, rules, spans};

/// Everything a server needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where and how to listen.
    pub server: ServerSettings,
    /// Where and how long to keep data.
    pub storage: StorageSettings,
    /// What to collect, how often.
    pub collect: CollectSettings,
    /// `StatsD` over UDP and Unix sockets.
    pub statsd: StatsdSettings,
    /// Alert rules and recording rules.
    pub rules: RuleSettings,
    /// What is listened for and kept of OpenTelemetry.
    pub otlp: OtlpSettings,
    /// What to scrape.
    pub scrape: ScrapeSettings,
    /// What becomes of what is received before it is stored.
    pub filters: FilterSettings,
    /// What one source may send.
    pub quotas: QuotaSettings,
    /// What tokens of models cost.
    pub prices: PriceSettings,
    /// How queries are understood.
    pub promql: PromqlSettings,
    /// Where to send what was taken.
    pub forward: Vec<ForwardSettings>,
    /// All of this as its user wrote it, in YAML and without secrets, for those who may read.
    pub shown: String,
}

impl Settings {
    /// Every address that is listened on and asks for tokens. Whoever adds a listener adds it here:
    /// one that is not loopback needs a token, or `insecure`.
    pub fn listens(&self) -> Vec<SocketAddr> {
        let otlp = [self.otlp.http, self.otlp.grpc];
        let otlp = otlp.into_iter().filter_map(Listen::address);
        std::iter::once(self.server.listen).chain(otlp).collect()
    }
}

/// Where and how to listen.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Address and port; loopback unless told otherwise.
    pub listen: SocketAddr,
    /// Certificate and key, for https.
    pub tls: Option<TlsSettings>,
    /// Whether others may connect although no token is asked for.
    pub insecure: bool,
    /// Host names, besides addresses and `localhost`, under which the server may be reached.
    pub allowed_hosts: Vec<String>,
    /// Whether to serve the page.
    pub dashboard: bool,
    /// Largest request body, bytes.
    pub body_bytes_max: usize,
    /// Most bodies in memory at a time; the next one waits.
    pub bodies_max: usize,
    /// Most remote-write requests that are worked on at a time; more wait their turn.
    pub writes_max: usize,
    /// What one remote-write request may hold.
    pub remote_write: Limits,
    /// Most connections at a time.
    pub connections_max: usize,
    /// Most queries that run at a time; more wait their turn.
    pub queries_max: usize,
    /// How long one may read.
    pub query_timeout: Duration,
}

/// Where the certificate is that the server shows, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The certificate and those between it and its authority, PEM.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// How queries are understood.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PromqlSettings {
    /// Which functions and modifiers they may use.
    pub features: Features,
}

/// Where and how long to keep data.
#[derive(Debug, Clone)]
pub struct StorageSettings {
    /// The data folder; made if it is not there.
    pub dir: PathBuf,
    /// The engine's options, retention among them.
    pub options: StoreOptions,
    /// Snapshots of all current values.
    pub snapshots: SnapshotSettings,
}

/// Snapshots of all current values.
#[derive(Debug, Clone, Copy, Default)]
pub struct SnapshotSettings {
    /// How often one is taken by itself; never when absent.
    pub interval: Option<Duration>,
    /// Which of those without a name are kept.
    pub retention: SnapshotRetention,
}

/// What to collect, how often.
#[derive(Debug, Clone)]
pub struct CollectSettings {
    /// Whether to watch this machine.
    pub host: bool,
    /// How often.
    pub interval: Duration,
    /// How often to look at every process.
    pub processes_interval: Duration,
    /// Whether to look for NVIDIA GPUs.
    pub gpu: bool,
    /// What does not push and is asked.
    pub targets: Vec<TargetSettings>,
}

/// Alert rules and recording rules.
#[derive(Debug, Clone)]
pub struct RuleSettings {
    /// The alert rules.
    pub rules: Vec<AlertRule>,
    /// How often they are evaluated.
    pub interval: Duration,
    /// Prometheus' rule groups: those of files, and the built-in ones.
    pub groups: Vec<Group>,
    /// How often a group is evaluated that does not say.
    pub evaluation_interval: Duration,
    /// How far back evaluations that were missed are made good.
    pub catch_up: Duration,
}

/// The port of the dashboard and the API.
pub const PORT: u16 = 8090;

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: ServerSettings {
                listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT),
                tls: None,
                insecure: false,
                allowed_hosts: Vec::new(),
                dashboard: true,
                body_bytes_max: 32 << 20,
                bodies_max: 8,
                writes_max: cores(),
                remote_write: Limits::default(),
                connections_max: 512,
                queries_max: 4,
                query_timeout: Duration::from_secs(30),
            },
            storage: StorageSettings {
                dir: PathBuf::from("tacho-data"),
                options: StoreOptions {
                    tables: vec![
                        spans::table(spans::RETENTION),
                        events::table(events::RETENTION),
                        exemplars::table(exemplars::RETENTION),
                    ],
                    ..StoreOptions::default()
                },
                snapshots: SnapshotSettings::default(),
            },
            collect: CollectSettings {
                host: true,
                interval: Duration::from_secs(1),
                processes_interval: Duration::from_secs(5),
                gpu: true,
                targets: Vec::new(),
            },
            statsd: StatsdSettings::default(),
            rules: RuleSettings {
                rules: default_rules(),
                interval: Duration::from_secs(5),
                groups: rules::builtin().unwrap_or_default(),
                evaluation_interval: rules::INTERVAL,
                catch_up: rules::CATCH_UP,
            },
            otlp: OtlpSettings::default(),
            scrape: ScrapeSettings::default(),
            filters: FilterSettings::default(),
            quotas: QuotaSettings::default(),
            prices: PriceSettings::default(),
            promql: PromqlSettings::default(),
            forward: Vec::new(),
            shown: String::new(),
        }
    }
}

/// How many threads can run at once.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}
