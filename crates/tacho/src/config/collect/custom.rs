//! `collect.custom`: commands and URLs that print metrics.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use serde::Deserialize;
use tacho_server::collect::custom::{Format, OUTPUT_BYTES_MAX, Settings, Source};
use tacho_server::collect::targets::Secret;
use tacho_server::collect::targets::probe::http::Settings as HttpSettings;
use tacho_server::collect::{Request, What};
use tacho_server::outgoing::tls::for_targets;

use super::{Common, Entry, Made, RawTargetTls, Span};

/// Redirects that are followed.
const REDIRECTS: u32 = 5;

/// One collector.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCustom {
    name: String,
    interval: Option<Span>,
    timeout: Option<Span>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    command: Option<Vec<String>>,
    shell: Option<String>,
    cwd: Option<PathBuf>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    env_files: BTreeMap<String, PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    tls: Option<RawTargetTls>,
    format: Option<String>,
}

impl Entry for RawCustom {
    const KEY: &'static str = "custom";
    const INTERVAL: Duration = Duration::from_secs(15);

    fn common(&self) -> Common<'_> {
        Common {
            name: None,
            interval: self.interval,
            timeout: self.timeout,
            labels: &self.labels,
        }
    }

    fn make(&self, base: &Path) -> Result<Made> {
        if self.name.is_empty() {
            bail!("a name cannot be empty");
        }
        let source = match (&self.command, &self.shell, &self.url) {
            (Some(words), None, None) => self.run(words.clone(), base)?,
            (None, Some(text), None) => {
                let words = ["/bin/sh", "-c", text.as_str()];
                self.run(words.map(str::to_owned).to_vec(), base)?
            }
            (None, None, Some(url)) => self.fetch(url, base)?,
            _ => bail!("give one of command, shell and url"),
        };
        let format = match self.format.as_deref() {
            None => Format::default(),
            Some(text) => Format::parse(text).ok_or_else(|| {
                anyhow!("format: use auto, prometheus, openmetrics or json, not `{text}`")
            })?,
        };
        Ok(Made {
            job: self.name.clone(),
            instance: None,
            label: None,
            what: What::Custom(Arc::new(Settings { source, format })),
        })
    }
}

impl RawCustom {
    fn run(&self, words: Vec<String>, base: &Path) -> Result<Source> {
        if words.first().is_none_or(String::is_empty) {
            bail!("command: it names no program");
        }
        if !self.headers.is_empty() || self.tls.is_some() {
            bail!("headers and tls are for a url");
        }
        let texts = self.env.iter().map(|(n, v)| (n, Secret::Text(v.clone())));
        let files = self
            .env_files
            .iter()
            .map(|(n, p)| (n, Secret::File(base.join(p))));
        let all: Vec<(String, Secret)> = texts.chain(files).map(|(n, s)| (n.clone(), s)).collect();
        if let Some((name, _)) = all
            .iter()
            .find(|(n, _)| n.is_empty() || n.contains(['=', '\0']))
        {
            bail!("env: `{name}` is no name of a variable");
        }
        Ok(Source::Command {
            words,
            folder: self.cwd.as_ref().map(|path| base.join(path)),
            variables: all,
        })
    }

    fn fetch(&self, url: &str, base: &Path) -> Result<Source> {
        if self.cwd.is_some() || !self.env.is_empty() || !self.env_files.is_empty() {
            bail!("cwd, env and env_files are for a command");
        }
        let url = HttpSettings::parse_url(url, &["http", "https"]);
        let url = url.map_err(|error| anyhow!("url: {error}"))?;
        let headers = self.headers.iter().map(|(n, v)| (n.clone(), v.clone()));
        let tls = self.tls.clone().unwrap_or_default();
        Ok(Source::Url {
            request: Box::new(Request {
                method: "GET".to_owned(),
                url,
                headers: headers.collect(),
                body: String::new(),
                redirects_max: REDIRECTS,
                body_bytes_max: OUTPUT_BYTES_MAX,
            }),
            tls: for_targets(&tls.settings(base)?),
        })
    }
}
