//! `forward`: where to send what was received and collected.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use tacho_server::forward::settings::{ForwardProtocol, ForwardSettings, Signals};
use tacho_server::forward::{DESTINATIONS_MAX, QUEUE_BYTES_MIN};
use tacho_server::outgoing::tls::{TlsSettings, Verify};
use tacho_server::outgoing::{Auth, Secret};

use super::scalar::{Placed, Size};

/// How much waits on disk where nothing is said.
const QUEUE_BYTES: u64 = 1 << 30;
/// Longest name of a destination, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// One destination.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawForward {
    /// Where to.
    url: String,
    /// What it is called; by its address where absent.
    name: Option<String>,
    /// `remote_write` or `otlp`.
    protocol: Option<String>,
    /// A bearer token.
    token: Option<String>,
    /// A file that holds one.
    token_file: Option<PathBuf>,
    /// A name and a password.
    basic_auth: Option<RawBasicAuth>,
    /// More headers.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Whom to trust.
    #[serde(default)]
    tls: RawTls,
    /// Selectors of what is sent.
    #[serde(default, rename = "match")]
    selectors: Vec<String>,
    /// How much may wait on disk.
    queue_size: Option<Placed<Size>>,
    /// Labels that are added.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// What is sent; everything where absent.
    signals: Option<Vec<String>>,
}

/// `basic_auth`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBasicAuth {
    username: String,
    password: Option<String>,
    password_file: Option<PathBuf>,
}

/// `tls`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTls {
    ca: Option<PathBuf>,
    insecure_skip_verify: bool,
}

/// All destinations, checked.
pub(crate) fn settings(raw: &[RawForward]) -> Result<Vec<ForwardSettings>> {
    if raw.len() > DESTINATIONS_MAX {
        bail!(
            "forward has {} destinations, more than {DESTINATIONS_MAX}",
            raw.len()
        );
    }
    let mut all: Vec<ForwardSettings> = Vec::new();
    for raw in raw {
        let one = raw
            .settings()
            .with_context(|| format!("forward to `{}`", raw.url))?;
        if all.iter().any(|other| other.name == one.name) {
            bail!(
                "forward has two destinations called `{}`; give each a name",
                one.name
            );
        }
        all.push(one);
    }
    Ok(all)
}

/// Each destination and what it comes to. No secret is shown, only where one is.
pub(crate) fn explain(all: &[ForwardSettings]) -> Vec<(String, String)> {
    let one = |to: &ForwardSettings| {
        let mut words = vec![to.url.to_string()];
        words.extend(to.protocol.map(|protocol| match protocol {
            ForwardProtocol::RemoteWrite => "by remote_write".to_owned(),
            ForwardProtocol::Otlp => "by otlp".to_owned(),
        }));
        words.push(match &to.auth {
            Auth::None => "without a token".to_owned(),
            Auth::Basic { .. } => "with basic_auth".to_owned(),
            Auth::Credentials { credentials, .. } => format!("with the token {credentials:?}"),
        });
        let ca = to.tls.ca.as_ref();
        words.extend(ca.map(|path| format!("trusting {}", path.display())));
        if to.tls.verify == Verify::Never {
            words.push("trusting anybody (insecure_skip_verify)".to_owned());
        }
        words.push(match to.selectors.len() {
            0 => "all series".to_owned(),
            _ => "what `match` names".to_owned(),
        });
        words.push(format!("up to {} waiting", Size(to.queue_bytes)));
        (format!("forward {}", to.name), words.join(", "))
    };
    all.iter().map(one).collect()
}

impl RawForward {
    fn settings(&self) -> Result<ForwardSettings> {
        let url = ForwardSettings::parse_url(&self.url).map_err(|error| anyhow!("url: {error}"))?;
        let name = match &self.name {
            None => ForwardSettings::name_of(&url),
            Some(name) => checked_name(name)?.to_owned(),
        };
        let protocol = match self.protocol.as_deref() {
            None => None,
            Some("remote_write") => Some(ForwardProtocol::RemoteWrite),
            Some("otlp") => Some(ForwardProtocol::Otlp),
            Some(other) => {
                bail!("`{other}` is no protocol to forward by; use remote_write or otlp")
            }
        };
        let queue_bytes = match &self.queue_size {
            None => QUEUE_BYTES,
            Some(Placed { value, place }) if value.0 < QUEUE_BYTES_MIN => {
                bail!("queue_size must be at least 1MiB, not {value} ({place})")
            }
            Some(size) => size.value.0,
        };
        let parse = |text: &String| {
            tacho_server::forward::parse_selector(text).with_context(|| format!("match: `{text}`"))
        };
        Ok(ForwardSettings {
            name,
            url,
            protocol,
            auth: self.auth()?,
            headers: self.headers()?,
            tls: TlsSettings {
                ca: self.tls.ca.clone(),
                verify: if self.tls.insecure_skip_verify {
                    Verify::Never
                } else {
                    Verify::Always
                },
                ..TlsSettings::default()
            },
            selectors: self.selectors.iter().map(parse).collect::<Result<_>>()?,
            queue_bytes,
            labels: self.labels()?,
            signals: self.signals(protocol)?,
        })
    }

    fn signals(&self, protocol: Option<ForwardProtocol>) -> Result<Signals> {
        let Some(names) = &self.signals else {
            return Ok(Signals::ALL);
        };
        for name in names {
            if !["samples", "spans", "logs"].contains(&name.as_str()) {
                bail!("`{name}` is no signal; use samples, spans or logs");
            }
        }
        let has = |name: &str| names.iter().any(|one| one == name);
        let signals = Signals {
            samples: has("samples"),
            spans: has("spans"),
            logs: has("logs"),
        };
        if names.is_empty() {
            bail!("signals is empty; leave it out to send everything");
        }
        if protocol == Some(ForwardProtocol::RemoteWrite) && signals != Signals::SAMPLES {
            bail!("remote_write sends samples only; use otlp for spans and logs");
        }
        Ok(signals)
    }

    fn auth(&self) -> Result<Auth> {
        let bearer = |credentials| Auth::Credentials {
            scheme: "Bearer".to_owned(),
            credentials,
        };
        let text = |text: &str| Secret::Text(text.trim().to_owned());
        Ok(match (&self.token, &self.token_file, &self.basic_auth) {
            (None, None, None) => Auth::None,
            (Some(token), None, None) => bearer(text(token)),
            (None, Some(path), None) => bearer(Secret::File(path.clone())),
            (None, None, Some(basic)) => {
                let password = match (&basic.password, &basic.password_file) {
                    (Some(password), None) => Secret::Text(password.clone()),
                    (None, Some(path)) => Secret::File(path.clone()),
                    (None, None) => text(""),
                    _ => bail!("basic_auth has a password and a password_file; give one"),
                };
                let username = Secret::Text(basic.username.clone());
                Auth::Basic { username, password }
            }
            _ => bail!("give one of token, token_file and basic_auth"),
        })
    }

    fn headers(&self) -> Result<Vec<(String, Secret)>> {
        for name in self.headers.keys() {
            let is_ours = ["authorization", "content-type", "content-encoding", "host"];
            if is_ours.contains(&name.to_ascii_lowercase().as_str()) {
                bail!("the header `{name}` is set by the program; use token or basic_auth");
            }
        }
        let all = self.headers.iter();
        Ok(all
            .map(|(name, value)| (name.clone(), Secret::Text(value.clone())))
            .collect())
    }

    fn labels(&self) -> Result<Vec<(String, String)>> {
        let all: Vec<(String, String)> = self.labels.clone().into_iter().collect();
        if self.labels.contains_key(tacho_model::METRIC_NAME) {
            bail!("labels cannot hold the metric's name");
        }
        tacho_model::Labels::new(all.iter().map(|(n, v)| (n, v))).context("labels")?;
        Ok(all)
    }
}

/// A name is a folder's, so it cannot be just anything.
fn checked_name(name: &str) -> Result<&str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_name = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.chars().all(is_plain)
        && !name.starts_with('.');
    if !is_name {
        bail!("`{name}` is no name; use letters, digits, `-` and `_`");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Overrides};

    fn parsed(text: &str) -> Result<Vec<ForwardSettings>> {
        Ok(Config::parse(text)?
            .settings(&Overrides::default())?
            .forward)
    }

    #[track_caller]
    fn refused(text: &str, why: &str) {
        let error = format!("{:#}", parsed(text).unwrap_err());
        assert!(error.contains(why), "no `{why}` in: {error}");
    }

    #[test]
    fn three_lines_are_enough_and_everything_can_be_said() {
        let all =
            parsed("forward:\n  - url: https://central:8090\n    token: hush-hush\n").unwrap();
        assert_eq!(
            (all[0].name.as_str(), all[0].queue_bytes),
            ("central-8090", 1 << 30)
        );
        assert!(!format!("{all:?}").contains("hush-hush"), "{all:?}");
        let all = parsed(
            "forward:\n- {url: 'http://p/api/v1/push', name: mimir, protocol: remote_write, \
             basic_auth: {username: u, password: p}, headers: {X-Scope-OrgID: a}, \
             tls: {insecure_skip_verify: true}, match: ['{job=\"api\"}', up], \
             queue_size: 64MiB, labels: {region: eu}}\n- {url: 'http://q', \
             protocol: otlp, signals: [spans, samples]}\n",
        )
        .unwrap();
        assert_eq!((all.len(), all[0].selectors.len()), (2, 2));
        assert_eq!(all[0].signals, Signals::ALL);
        let signals = all[1].signals;
        assert_eq!(
            (signals.samples, signals.spans, signals.logs),
            (true, true, false)
        );
        assert_eq!(all[0].labels, [("region".to_owned(), "eu".to_owned())]);
        assert_eq!(
            (all[0].name.as_str(), all[0].queue_bytes),
            ("mimir", 64 << 20)
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_reason() {
        let one = |more: &str| format!("forward:\n- {{url: 'http://a', {more}}}\n");
        refused("forward:\n- {url: central}\n", "is no URL");
        refused("forward:\n- {name: a}\n", "url");
        refused(&one("protocol: graphite"), "remote_write or otlp");
        refused(&one("token: a, token_file: b"), "give one of");
        refused(&one("queue_size: 1KiB"), "at least 1MiB");
        refused(&one("match: ['up[5m]']"), "match");
        refused(&one("name: ../x"), "is no name");
        refused(&one("labels: {__name__: x}"), "metric's name");
        refused(&one("headers: {Authorization: x}"), "use token");
        refused(&one("compression: zstd"), "compression");
        refused(&one("signals: [metrics]"), "samples, spans or logs");
        refused(&one("signals: []"), "leave it out");
        let write = "protocol: remote_write, signals: [samples, spans]";
        refused(&one(write), "remote_write sends samples only");
        refused(
            "forward:\n- {url: 'http://a'}\n- {url: 'http://a/'}\n",
            "two destinations",
        );
    }
}
