//! `tacho.yaml` to settings: flags over environment over file over defaults.
//!
//! [`raw`] is what may be written, every key optional and unknown ones refused with line and
//! column; [`legacy`] maps the keys of older configurations; [`Config::settings`] checks the
//! whole and leaves nothing optional. [`storage`] is a section with a file of its own, [`scalar`]
//! single values with their units and places.

pub(crate) mod collect;
pub(crate) mod filters;
pub(crate) mod forward;
pub(crate) mod ingest;
pub(crate) mod legacy;
pub(crate) mod prices;
pub(crate) mod raw;
pub(crate) mod relabel;
pub(crate) mod rules;
pub(crate) mod scalar;
pub(crate) mod scrape;
mod shown;
pub(crate) mod storage;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tacho_promql::Features;
use tacho_server::Settings;
use tacho_server::settings::{PORT, TlsSettings};

use self::raw::RawConfig;
use self::scalar::Placed;
use self::scrape::RawScrape;

/// Between them lies how long a query may read.
const QUERY_TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(1);
/// Largest configuration file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The file that is read from the current folder when none is named.
pub(crate) const FILE_NAME: &str = "tacho.yaml";

/// A configuration file and what it says.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// Where it came from; `None` when there is no file.
    pub(crate) path: Option<PathBuf>,
    raw: RawConfig,
    /// The same as it was written.
    written: Value,
    /// How older keys were understood: the key, and the key of ours.
    pub(crate) mapped: Vec<(&'static str, String)>,
}

/// What flags and environment variables say about settings.
#[derive(Debug, Default, Clone)]
pub(crate) struct Overrides {
    /// Address and port.
    pub(crate) listen: Option<SocketAddr>,
    /// Port on loopback.
    pub(crate) port: Option<u16>,
    /// Data folder.
    pub(crate) data_dir: Option<PathBuf>,
    /// Serve the page or not.
    pub(crate) dashboard: Option<bool>,
    /// Collection interval.
    pub(crate) interval: Option<Duration>,
    /// Listen beyond loopback without tokens.
    pub(crate) insecure: bool,
    /// Environment variables; those of sections count.
    pub(crate) variables: Vec<(String, String)>,
}

/// The variables of the environment. Those that are not UTF-8 are none of ours.
pub(crate) fn environment() -> Vec<(String, String)> {
    let texts = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(texts).collect()
}

impl Config {
    /// Reads `path`, or `tacho.yaml` in the current folder where there is one.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self> {
        match path {
            Some(path) => Self::read(path),
            None if Path::new(FILE_NAME).is_file() => Self::read(Path::new(FILE_NAME)),
            None => Ok(Self::default()),
        }
    }

    fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {shown}"))?;
        if metadata.len() > FILE_BYTES_MAX {
            bail!("{shown} has more than {FILE_BYTES_MAX} bytes; that is no configuration");
        }
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
        let text = String::from_utf8(bytes)
            .with_context(|| format!("{shown} is not UTF-8; save it as UTF-8 text"))?;
        let parsed = Self::parse_at(&text, Some(path.to_owned()));
        parsed.with_context(|| format!("{shown} is not usable"))
    }

    /// Parses the text of a configuration file; YAML or JSON.
    #[cfg(test)]
    pub(crate) fn parse(text: &str) -> Result<Self> {
        Self::parse_at(text, None)
    }

    /// The same, of a file that lies there.
    fn parse_at(text: &str, path: Option<PathBuf>) -> Result<Self> {
        let has_content = text
            .lines()
            .any(|line| !matches!(line.trim().chars().next(), None | Some('#')));
        if !has_content {
            return Ok(Self {
                path,
                ..Self::default()
            });
        }
        let mut raw: RawConfig =
            serde_saphyr::from_str(text).map_err(|error| reading(&error.to_string()))?;
        let mapped = legacy::map(&mut raw)?;
        let config = Self {
            path,
            raw,
            written: serde_saphyr::from_str(text).map_err(|error| reading(&error.to_string()))?,
            mapped,
        };
        // Everything is checked here, so that `check config` and `start` refuse the same files.
        // Where datagrams may come from depends on flags, and is `start`'s to refuse.
        config.settings(&Overrides {
            insecure: true,
            ..Overrides::default()
        })?;
        Ok(config)
    }

    /// The settings that this file and `overrides` give.
    pub(crate) fn settings(&self, overrides: &Overrides) -> Result<Settings> {
        let mut settings = Settings::default();
        self.apply_server(&mut settings, overrides)?;
        self.apply_storage(&mut settings, overrides)?;
        self.apply_collect(&mut settings, overrides)?;
        let mut ingest = self.raw.ingest.clone();
        ingest.set_variables(overrides.variables.iter().cloned())?;
        ingest.apply(&mut settings)?;
        if !self.is_insecure(overrides) {
            ingest.check_reach()?;
        }
        settings.filters = self.raw.filters.settings()?;
        if self.raw.promql.experimental_functions {
            settings.promql.features = Features::Experimental;
        }
        settings.prices = self.raw.prices.settings()?;
        settings.forward = forward::settings(&self.raw.forward)?;
        self.apply_rules(&mut settings)?;
        self.apply_scrape(&mut settings)?;
        settings.shown = shown::shown(&self.written, &settings);
        Ok(settings)
    }

    /// Whether the network itself is trusted.
    fn is_insecure(&self, overrides: &Overrides) -> bool {
        overrides.insecure || self.raw.server.insecure.unwrap_or(false)
    }

    fn apply_server(&self, settings: &mut Settings, overrides: &Overrides) -> Result<()> {
        let raw = &self.raw.server;
        let server = &mut settings.server;
        if let Some(listen) = &raw.listen {
            server.listen = parse_listen(listen)?;
        }
        server.listen = overrides.listen.unwrap_or(server.listen);
        if let Some(port) = overrides.port {
            server.listen.set_port(port);
        }
        // Whether an address may be listened on depends on the tokens there are: the server's to
        // refuse.
        server.insecure = self.is_insecure(overrides);
        server.tls = raw.tls.as_ref().map(|tls| TlsSettings {
            cert: tls.cert.clone(),
            key: tls.key.clone(),
        });
        server.dashboard = overrides
            .dashboard
            .or(raw.dashboard)
            .unwrap_or(server.dashboard);
        if let Some(hosts) = &raw.allowed_hosts {
            server.allowed_hosts.clone_from(hosts);
        }
        if let Some(Placed { value, place }) = &raw.query_timeout {
            if !QUERY_TIMEOUTS.contains(&value.0) {
                bail!("server.query_timeout must lie between 1ms and 1h ({place})");
            }
            server.query_timeout = value.0;
        }
        Ok(())
    }

    fn apply_storage(&self, settings: &mut Settings, overrides: &Overrides) -> Result<()> {
        let mut raw = self.raw.storage.clone();
        raw.set_variables(overrides.variables.iter().cloned())?;
        if let Some(dir) = &overrides.data_dir {
            raw.dir = Some(dir.clone());
        }
        raw.apply(&mut settings.storage)
    }

    fn apply_collect(&self, settings: &mut Settings, overrides: &Overrides) -> Result<()> {
        let base = self.path.as_deref().and_then(Path::parent);
        let base = base.unwrap_or(Path::new(""));
        let collect = &mut settings.collect;
        self.raw.collect.apply(overrides.interval, base, collect)
    }

    fn apply_scrape(&self, settings: &mut Settings) -> Result<()> {
        let base = self.path.as_deref().and_then(Path::parent);
        let raw = RawScrape {
            global: &self.raw.global,
            jobs: &self.raw.scrape_configs,
            files: &self.raw.scrape_config_files,
        };
        settings.scrape = raw.settings(base.unwrap_or(Path::new("")))?;
        Ok(())
    }

    fn apply_rules(&self, settings: &mut Settings) -> Result<()> {
        let base = self.path.as_deref().and_then(Path::parent);
        let base = base.unwrap_or(Path::new(""));
        let thresholds = &self.raw.thresholds_of_defaults;
        self.raw.rules.apply(thresholds, base, &mut settings.rules)
    }
}

/// The reader's message, which carries its own heading and a name for what it was given.
fn reading(message: &str) -> anyhow::Error {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    anyhow::anyhow!("{}", message.replace(" --> <input>:", " --> line "))
}

/// `127.0.0.1:8090`, `[::1]:8090`, `127.0.0.1` or `8090`.
pub(crate) fn parse_listen(text: &str) -> Result<SocketAddr> {
    let text = text.trim();
    let text = if text.starts_with("localhost") {
        text.replacen("localhost", "127.0.0.1", 1)
    } else {
        text.to_owned()
    };
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address);
    }
    if let Ok(ip) = text.parse() {
        return Ok(SocketAddr::new(ip, PORT));
    }
    if let Ok(port) = text.trim_start_matches(':').parse() {
        return Ok(SocketAddr::new(std::net::Ipv4Addr::LOCALHOST.into(), port));
    }
    bail!("`{text}` is no address to listen on; write it like 127.0.0.1:8090 or [::1]:8090")
}

#[cfg(test)]
mod tests;
