//! What can be configured of forwarding: `forward` in the configuration file, validated.

pub use reqwest::Url;
use tacho_model::{METRIC_NAME, Matcher};
use tacho_wire::otlp::json;

use super::queue::Kind;
use crate::otlp::counted_name;
use crate::otlp::logs::counts;
use crate::outgoing::tls::TlsSettings;
use crate::outgoing::{Auth, Secret};
use crate::span_metrics;

/// Where to send what was received and collected, and which part of it.
#[derive(Debug, Clone)]
pub struct ForwardSettings {
    /// What it is called, in metrics and as the folder of its queue.
    pub name: String,
    /// Where to.
    pub url: Url,
    /// How; by what the URL is where absent.
    pub protocol: Option<ForwardProtocol>,
    /// What to say who we are.
    pub auth: Auth,
    /// More headers of each request.
    pub headers: Vec<(String, Secret)>,
    /// Whom to trust.
    pub tls: TlsSettings,
    /// Samples of series that match one of these are sent; all where there is none.
    pub selectors: Vec<Vec<Matcher>>,
    /// Most bytes that wait on disk.
    pub queue_bytes: u64,
    /// Labels added to series that do not have them.
    pub labels: Vec<(String, String)>,
    /// What is sent, of that which the protocol has.
    pub signals: Signals,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signals {
    /// Samples and exemplars.
    pub samples: bool,
    /// Spans.
    pub spans: bool,
    /// Log records.
    pub logs: bool,
}

impl Signals {
    /// Everything.
    pub const ALL: Self = Self {
        samples: true,
        spans: true,
        logs: true,
    };
    /// All that remote write has.
    pub const SAMPLES: Self = Self {
        samples: true,
        spans: false,
        logs: false,
    };
}

/// How to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardProtocol {
    /// Samples by remote write, 2.0 where the receiver takes it, else 1.0.
    RemoteWrite,
    /// Samples, spans and log records by OTLP over HTTP.
    Otlp,
}

/// Where samples go, and how.
#[derive(Debug, Clone)]
pub(crate) enum SamplesTo {
    /// By remote write.
    Write(Url),
    /// By OTLP.
    Otlp(Url),
}

/// The addresses that requests go to, where the destination takes them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Endpoints {
    pub(crate) samples: Option<SamplesTo>,
    pub(crate) spans: Option<Url>,
    pub(crate) logs: Option<Url>,
}

impl Endpoints {
    /// Whether that kind of item goes there.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        match kind {
            Kind::Samples => self.samples.is_some(),
            Kind::Spans => self.spans.is_some(),
            Kind::Logs => self.logs.is_some(),
        }
    }
}

impl ForwardSettings {
    /// A URL alone is a Tachograph's: everything goes to the paths where it takes it. One with a
    /// path is that of a receiver of remote write, or the beginning of OTLP's paths.
    pub(crate) fn endpoints(&self) -> Endpoints {
        let base = self.url.path().trim_end_matches('/');
        let at = |path: &str| {
            let mut url = self.url.clone();
            url.set_path(path);
            url
        };
        let otlp = |signal: &str| at(&format!("{base}/v1/{signal}"));
        let samples = match (self.protocol, base) {
            (Some(ForwardProtocol::Otlp), _) => SamplesTo::Otlp(otlp("metrics")),
            (_, "") => SamplesTo::Write(at("/api/v1/write")),
            _ => SamplesTo::Write(self.url.clone()),
        };
        let has_otlp = match self.protocol {
            Some(protocol) => protocol == ForwardProtocol::Otlp,
            None => base.is_empty(),
        };
        let Signals {
            samples: has_samples,
            spans,
            logs,
        } = self.signals;
        Endpoints {
            samples: has_samples.then_some(samples),
            spans: (has_otlp && spans).then(|| otlp("traces")),
            logs: (has_otlp && logs).then(|| otlp("logs")),
        }
    }

    /// What is sent together with the metrics that were made of it, so that whoever receives it
    /// must not make them again.
    pub(crate) fn sends_counted(&self) -> Vec<&'static str> {
        let Endpoints {
            samples,
            spans,
            logs,
        } = self.endpoints();
        // Spans and log records are not selected: the metrics must be those of all of them.
        let selects = |names: &[&str]| {
            let all = |selector: &Vec<Matcher>| {
                let is_it = |one: &Matcher| {
                    one.name() == METRIC_NAME && names.iter().all(|name| one.matches(name))
                };
                selector.iter().all(is_it)
            };
            self.selectors.is_empty() || self.selectors.iter().any(all)
        };
        let of_logs = logs.is_some() && selects(&[counts::NAME]);
        let of_spans = spans.is_some() && selects(&span_metrics::names());
        let kinds = [(of_logs, json::Kind::Logs), (of_spans, json::Kind::Traces)];
        let sent = kinds
            .iter()
            .filter(|(is_sent, _)| *is_sent && samples.is_some());
        sent.map(|(_, kind)| counted_name(*kind)).collect()
    }

    /// Checks what an address says; the error reads well after a colon.
    pub fn parse_url(text: &str) -> Result<Url, String> {
        let url = Url::parse(text).map_err(|error| format!("`{text}` is no URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(format!("`{text}` is no address of http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL here holds no password; use basic_auth".to_owned());
        }
        Ok(url)
    }

    /// A name for a destination that has none: its host, port and path, as a folder may be called.
    pub fn name_of(url: &Url) -> String {
        let port = url.port_or_known_default().unwrap_or(0);
        let host = url.host_str().unwrap_or("");
        let text = format!("{host}-{port}{}", url.path().trim_end_matches('/'));
        let kept = |c: char| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        };
        text.chars().map(kept).take(100).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str, protocol: Option<ForwardProtocol>) -> ForwardSettings {
        ForwardSettings {
            name: String::new(),
            url: ForwardSettings::parse_url(url).unwrap(),
            protocol,
            auth: Auth::None,
            headers: Vec::new(),
            tls: TlsSettings::default(),
            selectors: Vec::new(),
            queue_bytes: 1 << 20,
            labels: Vec::new(),
            signals: Signals::ALL,
        }
    }

    #[test]
    fn an_address_says_what_is_sent_where() {
        use ForwardProtocol::{Otlp, RemoteWrite};
        let check = |url: &str, protocol, expected: [&str; 3]| {
            let Endpoints {
                samples,
                spans,
                logs,
            } = settings(url, protocol).endpoints();
            let samples = samples.map(|samples| match samples {
                SamplesTo::Write(url) | SamplesTo::Otlp(url) => url,
            });
            let shown = [samples, spans, logs].map(|url| url.map_or(String::new(), Url::into));
            assert_eq!(shown, expected);
        };
        let write = "https://c:8090/api/v1/write";
        let (spans, logs) = ("https://c:8090/v1/traces", "https://c:8090/v1/logs");
        check("https://c:8090", None, [write, spans, logs]);
        check("https://c:8090/", Some(RemoteWrite), [write, "", ""]);
        let metrics = "https://c:8090/v1/metrics";
        check("https://c:8090", Some(Otlp), [metrics, spans, logs]);
        check(
            "http://p/api/v1/push?x=1",
            None,
            ["http://p/api/v1/push?x=1", "", ""],
        );
        check(
            "http://p/otlp/",
            Some(Otlp),
            [
                "http://p/otlp/v1/metrics",
                "http://p/otlp/v1/traces",
                "http://p/otlp/v1/logs",
            ],
        );
        let mut some = settings("http://p", None);
        some.signals.samples = false;
        let endpoints = some.endpoints();
        let has = Kind::ALL.map(|kind| endpoints.has(kind));
        assert_eq!(has, [false, true, true]);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "central:8090",
            "ftp://a/b",
            "http://",
            "http://u:p@host/",
            "/api",
        ] {
            assert!(ForwardSettings::parse_url(text).is_err(), "{text}");
        }
        let name = |text| ForwardSettings::name_of(&ForwardSettings::parse_url(text).unwrap());
        assert_eq!(name("https://central"), "central-443");
        assert_eq!(name("http://[::1]:9/a/b/?c"), "---1--9-a-b");
    }
}
