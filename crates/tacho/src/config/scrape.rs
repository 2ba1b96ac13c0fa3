//! `scrape_configs` and `global`, as they stand in a prometheus.yml.
//!
//! Keys of Prometheus that make no difference here are taken; those that would and are not built
//! are refused with the reason; all others are unknown. Paths are relative to the file.
//! Source: Prometheus "Configuration" (3.8).

mod client;
mod refused;
pub(super) mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use serde_saphyr::Spanned;
use tacho_model::time::format_duration;
use tacho_server::scrape::ScrapeSettings;
use tacho_server::scrape::settings::{
    BODY_BYTES_MAX, Buckets, Discovery, Form, Group, JOBS_MAX, Job, LabelsOf, ScrapeLimits,
    ScrapeProtocol, TimesOf,
};

use self::client::{RawAuthorization, RawBasic, RawClient, RawTls};
use self::refused::{Discoverer, Headers, Ignored, Nhcb, OAuth, Proxy, Unbuilt};
use self::value::{Bytes, Text};
use super::raw::Span;
use super::relabel::{self, RawRelabel};

/// Prometheus' defaults.
const INTERVAL: Duration = Duration::from_mins(1);
const TIMEOUT: Duration = Duration::from_secs(10);
const FILE_REFRESH: Duration = Duration::from_mins(5);
const HTTP_REFRESH: Duration = Duration::from_mins(1);
/// Between them lies how often a target is scraped.
const INTERVAL_MIN: Duration = Duration::from_millis(100);
const INTERVAL_MAX: Duration = Duration::from_hours(24);
/// The largest body that can be allowed.
const BODY_LIMIT_MAX: u64 = 1 << 30;

/// What may be written under `global`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawGlobal {
    scrape_interval: Option<Span>,
    scrape_timeout: Option<Span>,
    scrape_protocols: Option<Vec<String>>,
    scrape_native_histograms: Option<bool>,
    always_scrape_classic_histograms: Option<bool>,
    external_labels: BTreeMap<String, Text>,
    body_size_limit: Option<Bytes>,
    sample_limit: Option<u64>,
    label_limit: Option<u64>,
    label_name_length_limit: Option<u64>,
    label_value_length_limit: Option<u64>,
    target_limit: Option<u64>,
    evaluation_interval: Ignored,
    rule_query_offset: Ignored,
    query_log_file: Ignored,
    scrape_failure_log_file: Ignored,
    keep_dropped_targets: Ignored,
    metric_name_validation_scheme: Ignored,
    metric_name_escaping_scheme: Ignored,
    runtime: Ignored,
}

/// One of `scrape_configs`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawJob {
    job_name: Option<Text>,
    scrape_interval: Option<Span>,
    scrape_timeout: Option<Span>,
    scrape_protocols: Option<Vec<String>>,
    fallback_scrape_protocol: Option<String>,
    scrape_native_histograms: Option<bool>,
    scrape_classic_histograms: Option<bool>,
    always_scrape_classic_histograms: Option<bool>,
    metrics_path: Option<String>,
    params: BTreeMap<String, Vec<Text>>,
    scheme: Option<String>,
    honor_labels: bool,
    honor_timestamps: Option<bool>,
    track_timestamps_staleness: bool,
    static_configs: Vec<RawGroup>,
    file_sd_configs: Vec<RawFiles>,
    http_sd_configs: Vec<RawHttp>,
    relabel_configs: Vec<RawRelabel>,
    metric_relabel_configs: Vec<RawRelabel>,
    basic_auth: Option<RawBasic>,
    authorization: Option<RawAuthorization>,
    bearer_token: Option<Text>,
    bearer_token_file: Option<PathBuf>,
    tls_config: RawTls,
    follow_redirects: Option<bool>,
    enable_http2: Ignored,
    enable_compression: Ignored,
    body_size_limit: Option<Bytes>,
    sample_limit: Option<u64>,
    label_limit: Option<u64>,
    label_name_length_limit: Option<u64>,
    label_value_length_limit: Option<u64>,
    target_limit: Option<u64>,
    keep_dropped_targets: Ignored,
    scrape_failure_log_file: Ignored,
    native_histogram_bucket_limit: Ignored,
    native_histogram_min_bucket_factor: Ignored,
    metric_name_validation_scheme: Ignored,
    metric_name_escaping_scheme: Ignored,
    convert_classic_histograms_to_nhcb: Option<Unbuilt<Nhcb>>,
    oauth2: Option<Unbuilt<OAuth>>,
    proxy_url: Option<Unbuilt<Proxy>>,
    proxy_from_environment: Option<Unbuilt<Proxy>>,
    proxy_connect_header: Option<Unbuilt<Proxy>>,
    no_proxy: Option<Unbuilt<Proxy>>,
    http_headers: Option<Unbuilt<Headers>>,
    azure_sd_configs: Option<Unbuilt<Discoverer>>,
    consul_sd_configs: Option<Unbuilt<Discoverer>>,
    digitalocean_sd_configs: Option<Unbuilt<Discoverer>>,
    dns_sd_configs: Option<Unbuilt<Discoverer>>,
    docker_sd_configs: Option<Unbuilt<Discoverer>>,
    dockerswarm_sd_configs: Option<Unbuilt<Discoverer>>,
    ec2_sd_configs: Option<Unbuilt<Discoverer>>,
    eureka_sd_configs: Option<Unbuilt<Discoverer>>,
    gce_sd_configs: Option<Unbuilt<Discoverer>>,
    hetzner_sd_configs: Option<Unbuilt<Discoverer>>,
    ionos_sd_configs: Option<Unbuilt<Discoverer>>,
    kubernetes_sd_configs: Option<Unbuilt<Discoverer>>,
    kuma_sd_configs: Option<Unbuilt<Discoverer>>,
    lightsail_sd_configs: Option<Unbuilt<Discoverer>>,
    linode_sd_configs: Option<Unbuilt<Discoverer>>,
    marathon_sd_configs: Option<Unbuilt<Discoverer>>,
    nerve_sd_configs: Option<Unbuilt<Discoverer>>,
    nomad_sd_configs: Option<Unbuilt<Discoverer>>,
    openstack_sd_configs: Option<Unbuilt<Discoverer>>,
    ovhcloud_sd_configs: Option<Unbuilt<Discoverer>>,
    puppetdb_sd_configs: Option<Unbuilt<Discoverer>>,
    scaleway_sd_configs: Option<Unbuilt<Discoverer>>,
    serverset_sd_configs: Option<Unbuilt<Discoverer>>,
    stackit_sd_configs: Option<Unbuilt<Discoverer>>,
    triton_sd_configs: Option<Unbuilt<Discoverer>>,
    uyuni_sd_configs: Option<Unbuilt<Discoverer>>,
    vultr_sd_configs: Option<Unbuilt<Discoverer>>,
}

/// One of `static_configs`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawGroup {
    targets: Vec<Text>,
    labels: BTreeMap<String, Text>,
}

/// One of `file_sd_configs`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFiles {
    files: Vec<PathBuf>,
    refresh_interval: Option<Span>,
}

/// One of `http_sd_configs`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHttp {
    url: String,
    refresh_interval: Option<Span>,
    basic_auth: Option<RawBasic>,
    authorization: Option<RawAuthorization>,
    #[serde(default)]
    tls_config: RawTls,
    follow_redirects: Option<bool>,
    #[serde(default)]
    #[expect(dead_code, reason = "taken and of no use here")]
    enable_http2: Ignored,
}

/// A prometheus.yml of which only these sections are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sections {
    global: Option<RawGlobal>,
    scrape_configs: Vec<Spanned<RawJob>>,
}

/// What is said of scraping in `tacho.yaml`.
#[derive(Debug)]
pub(crate) struct RawScrape<'a> {
    pub(crate) global: &'a RawGlobal,
    pub(crate) jobs: &'a [Spanned<RawJob>],
    /// Files that hold more of both.
    pub(crate) files: &'a [PathBuf],
}

impl RawScrape<'_> {
    /// The settings, checked. Paths that are not absolute begin at `base`.
    pub(crate) fn settings(&self, base: &Path) -> Result<ScrapeSettings> {
        let labels = self.global.external_labels.iter();
        let mut settings = ScrapeSettings {
            jobs: Vec::new(),
            external_labels: labels.map(|(n, v)| (n.clone(), v.0.clone())).collect(),
        };
        add(self.jobs, self.global, base, &mut settings)?;
        for file in self.files {
            let path = base.join(file);
            let shown = path.display();
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("scrape_config_files: cannot read {shown}"))?;
            let sections: Sections = serde_saphyr::from_str(&text)
                .map_err(|error| super::reading(&error.to_string()))
                .with_context(|| format!("scrape_config_files: {shown} is not usable"))?;
            let global = sections.global.as_ref().unwrap_or(self.global);
            let base = path.parent().unwrap_or(base);
            add(&sections.scrape_configs, global, base, &mut settings)
                .with_context(|| format!("scrape_config_files: {shown} is not usable"))?;
        }
        Ok(settings)
    }
}

/// Each job and what it comes to.
pub(crate) fn explain(settings: &ScrapeSettings) -> Vec<(String, String)> {
    let job = |job: &Job| {
        let interval = format_duration(job.interval);
        let timeout = format_duration(job.timeout);
        let from = job.discovery.iter().map(|discovery| match discovery {
            Discovery::Static(groups) => {
                let targets: usize = groups.iter().map(|group| group.targets.len()).sum();
                format!("{targets} targets named here")
            }
            Discovery::Files { patterns, .. } => {
                let files = patterns.iter().map(|path| path.display().to_string());
                format!("targets in {}", files.collect::<Vec<_>>().join(", "))
            }
            Discovery::Http { url, .. } => format!("targets from {url}"),
        });
        let from: Vec<String> = from.collect();
        let (scheme, path) = (&job.scheme, &job.metrics_path);
        let how = format!("{scheme} {path} every {interval}, within {timeout}");
        (
            format!("scrape {}", job.name),
            format!("{how}; {}", from.join("; ")),
        )
    };
    settings.jobs.iter().map(job).collect()
}

fn add(
    jobs: &[Spanned<RawJob>],
    global: &RawGlobal,
    base: &Path,
    settings: &mut ScrapeSettings,
) -> Result<()> {
    for raw in jobs {
        let (line, column) = (raw.referenced.line(), raw.referenced.column());
        let name = raw.value.job_name.as_ref().map_or("", |name| &name.0);
        let place = || format!("scrape_configs, job `{name}` (line {line}, column {column})");
        if name.is_empty() {
            bail!("scrape_configs: a job needs a job_name (line {line}, column {column})");
        }
        if settings.jobs.iter().any(|job| job.name == name) {
            bail!("{}: there is another job of that name", place());
        }
        if settings.jobs.len() == JOBS_MAX {
            bail!("scrape_configs: at most {JOBS_MAX} jobs");
        }
        let job = raw.value.job(name, global, base).with_context(place)?;
        settings.jobs.push(job);
    }
    Ok(())
}

impl RawJob {
    fn job(&self, name: &str, global: &RawGlobal, base: &Path) -> Result<Job> {
        let span = |own: Option<Span>, all: Option<Span>| own.or(all).map(|span| span.0);
        let interval = span(self.scrape_interval, global.scrape_interval).unwrap_or(INTERVAL);
        if !(INTERVAL_MIN..=INTERVAL_MAX).contains(&interval) {
            bail!("scrape_interval must lie between 100ms and 24h");
        }
        let timeout = match (self.scrape_timeout, global.scrape_timeout) {
            (Some(Span(own)), _) if own > interval => {
                bail!("scrape_timeout must not be longer than scrape_interval")
            }
            (Some(Span(own)), _) => own,
            (None, all) => all.map_or(TIMEOUT, |all| all.0).min(interval),
        };
        if timeout.is_zero() {
            bail!("scrape_timeout must be more than 0");
        }
        let scheme = self.scheme.clone().unwrap_or_else(|| "http".to_owned());
        if !matches!(scheme.as_str(), "http" | "https") {
            bail!("scheme must be http or https");
        }
        let classic = self.scrape_classic_histograms;
        let classic = classic.or(self.always_scrape_classic_histograms);
        let classic = classic.or(global.always_scrape_classic_histograms);
        Ok(Job {
            name: name.to_owned(),
            interval,
            timeout,
            protocols: self.protocols(global)?,
            fallback: match &self.fallback_scrape_protocol {
                None => Form::Text,
                Some(text) => protocol(text)?.form(),
            },
            buckets: match classic {
                Some(true) => Buckets::Both,
                _ => Buckets::Native,
            },
            metrics_path: self
                .metrics_path
                .clone()
                .unwrap_or_else(|| "/metrics".to_owned()),
            params: self.params(),
            scheme,
            labels: if self.honor_labels {
                LabelsOf::Series
            } else {
                LabelsOf::Target
            },
            times: match (self.honor_timestamps, self.track_timestamps_staleness) {
                (Some(false), _) => TimesOf::Scrape,
                (_, true) => TimesOf::SamplesTracked,
                _ => TimesOf::Samples,
            },
            discovery: self.discovery(base)?,
            relabel: relabel::rules("relabel_configs", &self.relabel_configs)?,
            metric_relabel: relabel::rules("metric_relabel_configs", &self.metric_relabel_configs)?,
            client: RawClient {
                basic: self.basic_auth.as_ref(),
                authorization: self.authorization.as_ref(),
                bearer: (
                    self.bearer_token.as_ref(),
                    self.bearer_token_file.as_deref(),
                ),
                tls: &self.tls_config,
                follow_redirects: self.follow_redirects,
            }
            .settings(base)?,
            limits: self.limits(global)?,
        })
    }

    fn protocols(&self, global: &RawGlobal) -> Result<Vec<ScrapeProtocol>> {
        let native = self.scrape_native_histograms;
        let native = native.or(global.scrape_native_histograms).unwrap_or(false);
        let named = self.scrape_protocols.as_ref();
        let Some(named) = named.or(global.scrape_protocols.as_ref()) else {
            let mut protocols = ScrapeProtocol::DEFAULT.to_vec();
            if native {
                protocols.insert(0, ScrapeProtocol::PrometheusProto);
            }
            return Ok(protocols);
        };
        if named.is_empty() || named.len() > 8 {
            bail!("scrape_protocols must name between one and eight protocols");
        }
        named.iter().map(|text| protocol(text)).collect()
    }

    fn params(&self) -> Vec<(String, Vec<String>)> {
        let texts = |values: &Vec<Text>| values.iter().map(|value| value.0.clone()).collect();
        let params = self.params.iter();
        params
            .map(|(name, values)| (name.clone(), texts(values)))
            .collect()
    }

    fn discovery(&self, base: &Path) -> Result<Vec<Discovery>> {
        let mut all = Vec::new();
        if !self.static_configs.is_empty() {
            let group = |raw: &RawGroup| Group {
                targets: raw.targets.iter().map(|target| target.0.clone()).collect(),
                labels: raw
                    .labels
                    .iter()
                    .map(|(n, v)| (n.clone(), v.0.clone()))
                    .collect(),
            };
            let groups: Vec<Group> = self.static_configs.iter().map(group).collect();
            for target in groups.iter().flat_map(|group| &group.targets) {
                if target.contains('/') {
                    bail!(
                        "target `{target}` must be host:port; the path belongs into metrics_path, \
                         the scheme into scheme"
                    );
                }
            }
            all.push(Discovery::Static(groups));
        }
        for raw in &self.file_sd_configs {
            let refresh = refresh(raw.refresh_interval, FILE_REFRESH)?;
            let patterns = raw.files.iter().map(|path| base.join(path));
            let patterns: Vec<PathBuf> = patterns.collect();
            for path in &patterns {
                let end = path.extension().unwrap_or_default().to_ascii_lowercase();
                if !matches!(end.to_str(), Some("json" | "yml" | "yaml")) {
                    bail!(
                        "file_sd_configs: `{}` must end in .json, .yml or .yaml",
                        path.display()
                    );
                }
                let folder = path.parent().map_or("".into(), Path::to_string_lossy);
                if folder.contains(['*', '?', '[']) {
                    bail!("file_sd_configs: only the last part of a path may hold `*` or `?`");
                }
            }
            all.push(Discovery::Files { patterns, refresh });
        }
        for raw in &self.http_sd_configs {
            if !raw.url.starts_with("http://") && !raw.url.starts_with("https://") {
                bail!("http_sd_configs: `{}` is no URL of http or https", raw.url);
            }
            let client = RawClient {
                basic: raw.basic_auth.as_ref(),
                authorization: raw.authorization.as_ref(),
                bearer: (None, None),
                tls: &raw.tls_config,
                follow_redirects: raw.follow_redirects,
            };
            all.push(Discovery::Http {
                url: raw.url.clone(),
                refresh: refresh(raw.refresh_interval, HTTP_REFRESH)?,
                client: Box::new(client.settings(base)?),
            });
        }
        Ok(all)
    }

    fn limits(&self, global: &RawGlobal) -> Result<ScrapeLimits> {
        let count = |own: Option<u64>, all: Option<u64>| {
            usize::try_from(own.or(all).unwrap_or(0)).unwrap_or(usize::MAX)
        };
        let body = self.body_size_limit.or(global.body_size_limit);
        let body_bytes = match body {
            None | Some(Bytes(0)) => BODY_BYTES_MAX,
            Some(Bytes(bytes)) if bytes > BODY_LIMIT_MAX => {
                bail!("body_size_limit must be at most 1GB")
            }
            Some(Bytes(bytes)) => bytes as usize,
        };
        Ok(ScrapeLimits {
            body_bytes,
            samples: count(self.sample_limit, global.sample_limit),
            labels: count(self.label_limit, global.label_limit),
            name_bytes: count(self.label_name_length_limit, global.label_name_length_limit),
            value_bytes: count(
                self.label_value_length_limit,
                global.label_value_length_limit,
            ),
            targets: count(self.target_limit, global.target_limit),
        })
    }
}

fn refresh(given: Option<Span>, default: Duration) -> Result<Duration> {
    let refresh = given.map_or(default, |span| span.0);
    if refresh < Duration::from_secs(1) {
        bail!("refresh_interval must be at least 1s");
    }
    Ok(refresh)
}

fn protocol(text: &str) -> Result<ScrapeProtocol> {
    ScrapeProtocol::parse(text).ok_or_else(|| {
        anyhow!(
            "there is no protocol `{text}`; there are PrometheusProto, OpenMetricsText0.0.1, \
             OpenMetricsText1.0.0, PrometheusText0.0.4 and PrometheusText1.0.0"
        )
    })
}

#[cfg(test)]
mod tests;
