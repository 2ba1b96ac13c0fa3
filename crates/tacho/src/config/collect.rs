//! `collect`: what of this machine is watched, and what else is asked at its times.
//!
//! A kind of target is a file here, with an [`Entry`], and a line in [`RawCollect`] and in
//! [`RawCollect::targets`].

mod custom;
mod host;
mod postgresql;
mod probes;
mod redis;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_saphyr::Spanned;
use tacho_model::time::format_duration;
use tacho_server::collect::targets::Secret;
use tacho_server::collect::targets::probe::http::quoted;
use tacho_server::collect::{AfterFailure, TARGETS_MAX, TargetSettings, What};
use tacho_server::outgoing::tls::{TlsSettings, Verify};
use tacho_server::settings::CollectSettings;

use self::custom::RawCustom;
use self::host::{Containers, RawProcesses, RawSystemd};
use self::postgresql::RawPostgresql;
use self::probes::RawProbe;
use self::redis::RawRedis;
use super::raw::Span;

/// Between them lies how often something is asked.
const INTERVAL_MIN: Duration = Duration::from_millis(100);
const INTERVAL_MAX: Duration = Duration::from_hours(24);
/// How long a target may take where nothing is said, unless its interval is shorter.
const TIMEOUT: Duration = Duration::from_secs(10);

/// `collect`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawCollect {
    /// Whether to watch this machine.
    pub(crate) host: Option<bool>,
    /// How often.
    pub(crate) interval: Option<Span>,
    /// How often to look at every process.
    processes_interval: Option<Span>,
    /// Whether to look for GPUs.
    gpu: Option<bool>,
    postgresql: Vec<Spanned<RawPostgresql>>,
    redis: Vec<Spanned<RawRedis>>,
    probes: Vec<Spanned<RawProbe>>,
    processes: Vec<Spanned<RawProcesses>>,
    systemd: Vec<Spanned<RawSystemd>>,
    /// Whether to tell this host's containers apart.
    containers: bool,
    custom: Vec<Spanned<RawCustom>>,

    /// Filled from an older key: addresses to probe.
    #[serde(skip)]
    pub(crate) endpoints: Vec<String>,
}

impl RawCollect {
    /// Puts what is said in the place of defaults; paths that are not absolute begin at `base`.
    pub(crate) fn apply(
        &self,
        interval: Option<Duration>,
        base: &Path,
        collect: &mut CollectSettings,
    ) -> Result<()> {
        collect.host = self.host.unwrap_or(collect.host);
        collect.gpu = self.gpu.unwrap_or(collect.gpu);
        if let Some(interval) = interval.or(self.interval.map(|d| d.0)) {
            if !(INTERVAL_MIN..=Duration::from_hours(1)).contains(&interval) {
                bail!("collect.interval must lie between 100ms and 1h");
            }
            collect.interval = interval;
            collect.processes_interval = collect.processes_interval.max(interval);
        }
        if let Some(interval) = self.processes_interval {
            collect.processes_interval = interval.0.max(collect.interval);
        }
        collect.targets = self.targets(base)?;
        Ok(())
    }

    fn targets(&self, base: &Path) -> Result<Vec<TargetSettings>> {
        let mut all = Targets {
            base,
            found: Vec::new(),
            known: BTreeSet::new(),
        };
        all.add(&self.postgresql)?;
        all.add(&self.redis)?;
        all.add(&self.probes)?;
        all.add(&self.processes)?;
        all.add(&self.systemd)?;
        if self.containers {
            all.push(&Containers)?;
        }
        all.add(&self.custom)?;
        for endpoint in &self.endpoints {
            let place = || format!("collectors.network.endpoints: {}", quoted(endpoint));
            all.push(&RawProbe::of(endpoint)).with_context(place)?;
        }
        Ok(all.found)
    }
}

/// What is said of any target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Common<'a> {
    /// Its `instance`, where that is given.
    pub(super) name: Option<&'a str>,
    pub(super) interval: Option<Span>,
    pub(super) timeout: Option<Span>,
    pub(super) labels: &'a BTreeMap<String, String>,
}

/// What a target comes to by itself.
pub(super) struct Made {
    /// Its `job`.
    pub(super) job: String,
    /// Its `instance` where it has no name; this host's where absent.
    pub(super) instance: Option<String>,
    /// What else tells it apart from others of its job.
    pub(super) label: Option<(&'static str, String)>,
    pub(super) what: What,
}

/// One target of a kind.
pub(super) trait Entry {
    /// The key that it stands under.
    const KEY: &'static str;
    /// How often it is asked where nothing is said.
    const INTERVAL: Duration;
    /// Whether it is asked more rarely after failures.
    const AFTER_FAILURE: AfterFailure = AfterFailure::BackOff;

    fn common(&self) -> Common<'_>;

    /// What it comes to, checked.
    fn make(&self, base: &Path) -> Result<Made>;
}

/// All targets so far.
struct Targets<'a> {
    base: &'a Path,
    found: Vec<TargetSettings>,
    known: BTreeSet<(String, Option<String>, Option<String>)>,
}

impl Targets<'_> {
    fn add<E: Entry>(&mut self, entries: &[Spanned<E>]) -> Result<()> {
        for entry in entries {
            let (line, column) = (entry.referenced.line(), entry.referenced.column());
            let place = || format!("collect.{} (line {line}, column {column})", E::KEY);
            self.push(&entry.value).with_context(place)?;
        }
        Ok(())
    }

    fn push<E: Entry>(&mut self, entry: &E) -> Result<()> {
        let target = self.one(entry)?;
        self.found.push(target);
        if self.found.len() > TARGETS_MAX {
            bail!("collect has more than {TARGETS_MAX} targets; use an exporter and scrape it");
        }
        Ok(())
    }

    fn one<E: Entry>(&mut self, entry: &E) -> Result<TargetSettings> {
        let made = entry.make(self.base)?;
        let common = entry.common();
        let instance = common.name.map(str::to_owned).or(made.instance);
        if common.name.is_some_and(str::is_empty) {
            bail!("a name cannot be empty");
        }
        let own = made.label.as_ref().map(|(_, value)| value.clone());
        let shown = own.clone().or_else(|| instance.clone()).unwrap_or_default();
        if !self.known.insert((made.job.clone(), instance.clone(), own)) {
            bail!(
                "there are two targets of job `{}` called `{shown}`; give each a name",
                made.job
            );
        }
        let interval = common.interval.map_or(E::INTERVAL, |span| span.0);
        if !(INTERVAL_MIN..=INTERVAL_MAX).contains(&interval) {
            bail!("interval must lie between 100ms and 24h");
        }
        let timeout = common.timeout.map_or(TIMEOUT.min(interval), |span| span.0);
        if timeout.is_zero() || timeout > interval {
            let most = format_duration(interval);
            bail!("timeout must be more than 0 and at most the interval, {most}");
        }
        for name in common.labels.keys() {
            if name.is_empty() || name.starts_with("__") || matches!(&**name, "job" | "instance") {
                bail!("labels: `{name}` cannot be set here");
            }
        }
        let labels = common.labels.iter();
        let own = made.label.map(|(name, value)| (name.to_owned(), value));
        Ok(TargetSettings {
            kind: E::KEY,
            job: made.job,
            instance,
            labels: labels
                .map(|(n, v)| (n.clone(), v.clone()))
                .chain(own)
                .collect(),
            interval,
            timeout,
            after_failure: E::AFTER_FAILURE,
            what: made.what,
        })
    }
}

/// `tls` of a target.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTargetTls {
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    server_name: Option<String>,
    insecure_skip_verify: bool,
}

impl RawTargetTls {
    pub(super) fn settings(&self, base: &Path) -> Result<TlsSettings> {
        let identity = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some((base.join(cert), base.join(key))),
            (None, None) => None,
            _ => bail!("tls: cert and key go together"),
        };
        Ok(TlsSettings {
            ca: self.ca.as_ref().map(|path| base.join(path)),
            identity,
            server_name: self.server_name.clone(),
            verify: if self.insecure_skip_verify {
                Verify::Never
            } else {
                Verify::Always
            },
        })
    }
}

/// A password: in the URL, in a file or in a variable; one of them.
pub(super) fn password(
    own: Option<Secret>,
    file: Option<&PathBuf>,
    variable: Option<&String>,
    base: &Path,
) -> Result<Option<Secret>> {
    let file = file.map(|path| Secret::File(base.join(path)));
    let variable = variable.map(|name| Secret::Variable(name.clone()));
    let mut given = own.into_iter().chain(file).chain(variable);
    let first = given.next();
    if given.next().is_some() {
        bail!("give one password: in the URL, password_file or password_env");
    }
    Ok(first)
}

/// Each target and how often it is asked. No secret is shown.
pub(crate) fn explain(all: &[TargetSettings]) -> Vec<(String, String)> {
    let one = |target: &TargetSettings| {
        let every = format_duration(target.interval);
        let within = format_duration(target.timeout);
        let about = target.what.about();
        let text = format!("{about} every {every} within {within}");
        (format!("collect.{}", target.kind), text)
    };
    all.iter().map(one).collect()
}

#[cfg(test)]
mod tests;
