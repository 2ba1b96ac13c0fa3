//! What to scrape, validated: Prometheus' `scrape_configs` with nothing left optional.

use std::path::PathBuf;
use std::time::Duration;

use tacho_model::relabel::Rule;
pub use tacho_wire::exposition::{Buckets, Form};

use crate::outgoing::Auth;
use crate::outgoing::tls::TlsSettings;

/// Largest body of one target, before and after decompression, where none is configured.
pub const BODY_BYTES_MAX: usize = 64 << 20;
/// Most jobs.
pub const JOBS_MAX: usize = 10_000;

/// What to scrape.
#[derive(Debug, Clone, Default)]
pub struct ScrapeSettings {
    /// Each job and its targets.
    pub jobs: Vec<Job>,
    /// Labels for whatever is sent on; nothing that is stored here has them.
    pub external_labels: Vec<(String, String)>,
}

/// Targets that are scraped alike.
#[derive(Debug, Clone)]
pub struct Job {
    /// The value of `job`.
    pub name: String,
    /// How often.
    pub interval: Duration,
    /// How long one scrape may take.
    pub timeout: Duration,
    /// Forms that are asked for, the most wanted first.
    pub protocols: Vec<ScrapeProtocol>,
    /// The form of a body that does not say it.
    pub fallback: Form,
    /// What is taken of histograms that have both kinds of buckets.
    pub buckets: Buckets,
    /// The path of targets that do not bring one.
    pub metrics_path: String,
    /// Parameters of the URL.
    pub params: Vec<(String, Vec<String>)>,
    /// `http` or `https`.
    pub scheme: String,
    /// Whose labels win.
    pub labels: LabelsOf,
    /// Whose times count.
    pub times: TimesOf,
    /// Where targets come from.
    pub discovery: Vec<Discovery>,
    /// What happens to targets.
    pub relabel: Vec<Rule>,
    /// What happens to series.
    pub metric_relabel: Vec<Rule>,
    /// How targets are asked.
    pub client: ClientSettings,
    /// What one scrape may bring.
    pub limits: ScrapeLimits,
}

/// A form of exposition, with its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScrapeProtocol {
    /// Protobuf, the only one with native histograms.
    PrometheusProto,
    /// OpenMetrics 0.0.1.
    OpenMetricsText0_0_1,
    /// OpenMetrics 1.0.0.
    OpenMetricsText1_0_0,
    /// The classic text.
    PrometheusText0_0_4,
    /// The classic text with any UTF-8 in names.
    PrometheusText1_0_0,
}

impl ScrapeProtocol {
    /// What is asked for where nothing is configured.
    pub const DEFAULT: [Self; 4] = [
        Self::OpenMetricsText1_0_0,
        Self::OpenMetricsText0_0_1,
        Self::PrometheusText1_0_0,
        Self::PrometheusText0_0_4,
    ];

    /// The protocol of that name in configurations.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "PrometheusProto" => Self::PrometheusProto,
            "OpenMetricsText0.0.1" => Self::OpenMetricsText0_0_1,
            "OpenMetricsText1.0.0" => Self::OpenMetricsText1_0_0,
            "PrometheusText0.0.4" => Self::PrometheusText0_0_4,
            "PrometheusText1.0.0" => Self::PrometheusText1_0_0,
            _ => return None,
        })
    }

    /// How it is asked for.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::PrometheusProto => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                 encoding=delimited"
            }
            Self::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
            Self::OpenMetricsText1_0_0 => {
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8"
            }
            Self::PrometheusText0_0_4 => "text/plain;version=0.0.4",
            Self::PrometheusText1_0_0 => "text/plain;version=1.0.0;escaping=allow-utf-8",
        }
    }

    /// The form of its bodies.
    pub const fn form(self) -> Form {
        match self {
            Self::PrometheusProto => Form::Protobuf,
            Self::OpenMetricsText0_0_1 | Self::OpenMetricsText1_0_0 => Form::OpenMetrics,
            Self::PrometheusText0_0_4 | Self::PrometheusText1_0_0 => Form::Text,
        }
    }
}

/// Whose labels win where a target and its series name the same (`honor_labels`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LabelsOf {
    /// The target's; the series' are renamed to `exported_…`.
    #[default]
    Target,
    /// The series'.
    Series,
}

/// Whose times count (`honor_timestamps`, `track_timestamps_staleness`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimesOf {
    /// Those that samples bring; a series that brings some is never marked as ended.
    #[default]
    Samples,
    /// Those that samples bring; a series that vanishes is marked as ended all the same.
    SamplesTracked,
    /// The time of the scrape.
    Scrape,
}

/// A way to find targets.
#[derive(Debug, Clone)]
pub enum Discovery {
    /// As configured.
    Static(Vec<Group>),
    /// In files, looked at again and again.
    Files {
        /// Paths; `*` and `?` stand for any characters in the last part.
        patterns: Vec<PathBuf>,
        /// How often they are read even when nothing shows that they changed.
        refresh: Duration,
    },
    /// From a server that answers with JSON.
    Http {
        /// Where.
        url: String,
        /// How often.
        refresh: Duration,
        /// How it is asked.
        client: Box<ClientSettings>,
    },
}

/// Targets with labels in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Their addresses.
    pub targets: Vec<String>,
    /// Their labels.
    pub labels: Vec<(String, String)>,
}

/// How something is asked by HTTP.
#[derive(Debug, Clone, Default)]
pub struct ClientSettings {
    /// Who asks.
    pub auth: Auth,
    /// How the connection is made safe.
    pub tls: TlsSettings,
    /// Whether an answer may send elsewhere.
    pub redirects: Redirects,
}

/// Whether an answer may send elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Redirects {
    /// It may, ten times.
    #[default]
    Follow,
    /// It may not.
    Refuse,
}

/// What one scrape may bring; 0 is no limit, as in Prometheus.
#[derive(Debug, Clone, Copy)]
pub struct ScrapeLimits {
    /// Bytes of the body.
    pub body_bytes: usize,
    /// Samples after relabelling.
    pub samples: usize,
    /// Labels of a series.
    pub labels: usize,
    /// Bytes of a label's name.
    pub name_bytes: usize,
    /// Bytes of a label's value.
    pub value_bytes: usize,
    /// Targets of the job.
    pub targets: usize,
}

impl Default for ScrapeLimits {
    fn default() -> Self {
        Self {
            body_bytes: BODY_BYTES_MAX,
            samples: 0,
            labels: 0,
            name_bytes: 0,
            value_bytes: 0,
            targets: 0,
        }
    }
}
