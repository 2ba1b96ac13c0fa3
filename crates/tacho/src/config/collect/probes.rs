//! `collect.probes`: URLs, ports, name servers and WebSockets that are probed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use serde::Deserialize;
use tacho_server::collect::targets::probe::dns::{self, RecordType};
use tacho_server::collect::targets::probe::http::{self, BODY_BYTES_MAX};
use tacho_server::collect::targets::probe::{Expect, Kind, tcp, websocket};
use tacho_server::collect::{Address, AfterFailure, Request, Tls, What};
use tacho_server::outgoing::tls::for_targets;

use super::{Common, Entry, Made, RawTargetTls, Span};
use crate::config::scrape::value::Text;

/// Redirects that are followed where nothing is said.
const REDIRECTS: u32 = 10;

/// One probe.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawProbe {
    http: Option<String>,
    tcp: Option<String>,
    dns: Option<String>,
    websocket: Option<String>,

    name: Option<String>,
    interval: Option<Span>,
    timeout: Option<Span>,
    labels: BTreeMap<String, String>,
    /// For safe connections; a TCP probe has one where this is given.
    tls: Option<RawTargetTls>,

    method: Option<String>,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    redirects: Option<u32>,
    expect_status: Option<Vec<Text>>,
    expect_body: Option<String>,
    refuse_body: Option<String>,

    send: Option<String>,
    expect: Option<String>,
    refuse: Option<String>,

    server: Option<String>,
    #[serde(rename = "type")]
    record: Option<String>,
}

impl Entry for RawProbe {
    const KEY: &'static str = "probes";
    const INTERVAL: Duration = Duration::from_secs(15);
    const AFTER_FAILURE: AfterFailure = AfterFailure::GoOn;

    fn common(&self) -> Common<'_> {
        Common {
            name: self.name.as_deref(),
            interval: self.interval,
            timeout: self.timeout,
            labels: &self.labels,
        }
    }

    fn make(&self, base: &Path) -> Result<Made> {
        let (instance, kind) = match (&self.http, &self.tcp, &self.dns, &self.websocket) {
            (Some(url), None, None, None) => self.http(url, base)?,
            (None, Some(address), None, None) => self.tcp(address, base)?,
            (None, None, Some(name), None) => self.dns(name)?,
            (None, None, None, Some(url)) => self.websocket(url, base)?,
            (None, None, None, None) => bail!("say what to probe: http, tcp, dns or websocket"),
            _ => bail!("a probe is of one kind: http, tcp, dns or websocket"),
        };
        Ok(Made {
            job: "probe".to_owned(),
            instance: Some(instance),
            label: None,
            what: What::Target(Arc::new(kind)),
        })
    }
}

impl RawProbe {
    /// The probe of an address alone.
    pub(super) fn of(endpoint: &str) -> Self {
        let text = Some(endpoint.to_owned());
        match endpoint.split_once("://").map(|(scheme, _)| scheme) {
            Some("ws" | "wss") => Self {
                websocket: text,
                ..Self::default()
            },
            Some(_) => Self {
                http: text,
                ..Self::default()
            },
            None => Self {
                tcp: text,
                ..Self::default()
            },
        }
    }

    fn http(&self, text: &str, base: &Path) -> Result<(String, Kind)> {
        self.refuse(
            "http",
            &[
                ("send", self.send.is_some()),
                ("expect", self.expect.is_some()),
                ("refuse", self.refuse.is_some()),
                ("server", self.server.is_some()),
                ("type", self.record.is_some()),
            ],
        )?;
        let url = http::Settings::parse_url(text, &["http", "https"]);
        let url = url.map_err(|error| anyhow!("http: {error}"))?;
        let method = self.method.as_deref().unwrap_or("GET").to_uppercase();
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            bail!("method: `{method}` is none");
        }
        let statuses = self.expect_status.iter().flatten().map(|Text(text)| {
            let read = http::Settings::parse_statuses(text);
            read.ok_or_else(|| {
                anyhow!("expect_status: `{text}` is no status such as 200, 2xx or 200-204")
            })
        });
        let settings = http::Settings {
            request: Request {
                method,
                url: url.clone(),
                headers: self.headers(),
                body: self.body.clone().unwrap_or_default(),
                redirects_max: self.redirects.unwrap_or(REDIRECTS),
                body_bytes_max: BODY_BYTES_MAX,
            },
            statuses: statuses.collect::<Result<_>>()?,
            expect: expect(self.expect_body.as_deref(), self.refuse_body.as_deref())?,
            tls: self.tls(base)?,
        };
        let mut shown = url;
        shown.set_query(None);
        Ok((shown.to_string(), Kind::Http(settings)))
    }

    fn tcp(&self, text: &str, base: &Path) -> Result<(String, Kind)> {
        self.refuse_http("tcp")?;
        let settings = tcp::Settings {
            address: address(text, None)?,
            tls: self.tls.is_some().then(|| self.tls(base)).transpose()?,
            send: self.send.clone().unwrap_or_default(),
            expect: expect(self.expect.as_deref(), self.refuse.as_deref())?,
        };
        Ok((settings.address.to_string(), Kind::Tcp(settings)))
    }

    fn dns(&self, name: &str) -> Result<(String, Kind)> {
        self.refuse_http("dns")?;
        self.refuse(
            "dns",
            &[("send", self.send.is_some()), ("tls", self.tls.is_some())],
        )?;
        if !dns::Settings::is_name(name) {
            bail!("dns: `{name}` is no name");
        }
        let kind = self.record.as_deref().unwrap_or("A");
        let server = if let Some(server) = &self.server {
            address(server, Some(53))?
        } else {
            let list = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
            dns::system_server(&list).ok_or_else(|| {
                anyhow!("server: /etc/resolv.conf names none; say which name server to ask")
            })?
        };
        let settings = dns::Settings {
            name: name.to_owned(),
            kind: RecordType::parse(kind)
                .ok_or_else(|| anyhow!("type: use A, AAAA, CNAME, MX, NS, PTR, SOA, SRV or TXT"))?,
            server,
            expect: expect(self.expect.as_deref(), self.refuse.as_deref())?,
        };
        let instance = format!("{name}@{}", settings.server);
        Ok((instance, Kind::Dns(settings)))
    }

    fn websocket(&self, text: &str, base: &Path) -> Result<(String, Kind)> {
        self.refuse(
            "websocket",
            &[
                ("method", self.method.is_some()),
                ("body", self.body.is_some()),
                ("redirects", self.redirects.is_some()),
                ("expect_status", self.expect_status.is_some()),
                ("expect_body", self.expect_body.is_some()),
                ("refuse_body", self.refuse_body.is_some()),
                ("server", self.server.is_some()),
                ("type", self.record.is_some()),
            ],
        )?;
        let url = http::Settings::parse_url(text, &["ws", "wss"]);
        let url = url.map_err(|error| anyhow!("websocket: {error}"))?;
        let settings = websocket::Settings {
            url: url.clone(),
            headers: self.headers(),
            send: self.send.clone().unwrap_or_default(),
            expect: expect(self.expect.as_deref(), self.refuse.as_deref())?,
            tls: self.tls(base)?,
        };
        let mut shown = url;
        shown.set_query(None);
        Ok((shown.to_string(), Kind::WebSocket(settings)))
    }

    fn refuse_http(&self, kind: &str) -> Result<()> {
        let mut given = vec![
            ("method", self.method.is_some()),
            ("headers", !self.headers.is_empty()),
            ("body", self.body.is_some()),
            ("redirects", self.redirects.is_some()),
            ("expect_status", self.expect_status.is_some()),
            ("expect_body", self.expect_body.is_some()),
            ("refuse_body", self.refuse_body.is_some()),
        ];
        if kind != "dns" {
            given.push(("server", self.server.is_some()));
            given.push(("type", self.record.is_some()));
        }
        self.refuse(kind, &given)
    }

    /// Refuses what another kind of probe takes.
    #[expect(clippy::unused_self, reason = "reads as what is refused of this probe")]
    fn refuse(&self, kind: &str, given: &[(&str, bool)]) -> Result<()> {
        match given.iter().find(|(_, is_given)| *is_given) {
            Some((key, _)) => bail!("`{key}` is not for a probe of {kind}"),
            None => Ok(()),
        }
    }

    fn headers(&self) -> Vec<(String, String)> {
        let headers = self.headers.iter();
        headers.map(|(n, v)| (n.clone(), v.clone())).collect()
    }

    fn tls(&self, base: &Path) -> Result<Tls> {
        let raw = self.tls.clone().unwrap_or_default();
        Ok(for_targets(&raw.settings(base)?))
    }
}

fn expect(matches: Option<&str>, refuses: Option<&str>) -> Result<Expect> {
    Expect::parse(matches, refuses).map_err(|error| anyhow!("{error}"))
}

/// `host:port`, or a host alone where a port is usual.
fn address(text: &str, usual: Option<u16>) -> Result<Address> {
    let expected = || anyhow!("write it like host:5432");
    let bare = text.trim_matches(['[', ']']);
    if let (Some(port), Ok(ip)) = (usual, bare.parse::<std::net::IpAddr>()) {
        return Ok(Address::Tcp(ip.to_string(), port));
    }
    let (host, port) = match (text.rsplit_once(':'), usual) {
        (Some((host, port)), _) => (host, port.parse().map_err(|_| expected())?),
        (None, Some(port)) => (text, port),
        (None, None) => return Err(expected()),
    };
    let host = host.trim_matches(['[', ']']);
    if host.is_empty() || host.contains(['/', '@', ' ']) {
        return Err(expected());
    }
    Ok(Address::Tcp(host.to_owned(), port))
}
