//! What may be written in `tacho.yaml`. Every key is optional; unknown keys are refused.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_saphyr::Spanned;
use tacho_analysis::Severity;
use tacho_analysis::alert::{AlertRule, NoData};
use tacho_model::time::parse_duration;

use super::collect::RawCollect;
use super::filters::RawFilters;
use super::forward::RawForward;
use super::ingest::RawIngest;
use super::legacy::{LegacyCollectors, LegacyRetention, LegacyThresholds, Off};
use super::prices::RawPrices;
use super::rules::RawRules;
use super::scalar::{Length, Placed};
use super::scrape::{RawGlobal, RawJob};
use super::storage::RawStorage;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawConfig {
    /// Where and how to listen.
    pub(crate) server: RawServer,
    /// Where and how long to keep data.
    pub(crate) storage: RawStorage,
    /// What to collect.
    pub(crate) collect: RawCollect,
    /// Where to send what was taken.
    pub(crate) forward: Vec<RawForward>,
    /// What to listen to beside the main port.
    pub(crate) ingest: RawIngest,
    /// What becomes of it before it is stored.
    pub(crate) filters: RawFilters,
    /// How queries are understood.
    pub(crate) promql: RawPromql,
    /// What tokens of models cost.
    pub(crate) prices: RawPrices,
    /// Alert rules and recording rules.
    pub(crate) rules: RawRules,

    /// Prometheus' `global`.
    pub(crate) global: RawGlobal,
    /// What is scraped.
    pub(crate) scrape_configs: Vec<Spanned<RawJob>>,
    /// Files with more of it.
    pub(crate) scrape_config_files: Vec<PathBuf>,

    // Keys of older configurations.
    /// Alert rules, as a list at the top.
    pub(crate) alert_rules: Option<Vec<Spanned<RawRule>>>,
    /// Thresholds of the rules that are on by default.
    pub(crate) thresholds: Option<LegacyThresholds>,
    /// Collectors.
    pub(crate) collectors: Option<LegacyCollectors>,
    /// Retention.
    pub(crate) retention: Option<LegacyRetention>,
    /// Load tests.
    pub(crate) enable_load_testing: Option<Off>,
    /// Automated reports.
    pub(crate) enable_automated_reports: Option<Off>,

    /// Filled from `thresholds`: a default rule's name and its threshold.
    #[serde(skip)]
    pub(crate) thresholds_of_defaults: Vec<(&'static str, f64)>,

    // Sections whose feature is not built yet: refused with that reason, never ignored.
    load_test_scenarios: Option<NotYet>,
    report_interval_hours: Option<NotYet>,
    report_formats: Option<NotYet>,
    analysis: Option<NotYet>,
    logging: Option<NotYet>,
    health: Option<NotYet>,
    notify: Option<NotYet>,
    baselines: Option<NotYet>,
    regression: Option<NotYet>,
    anomaly: Option<NotYet>,
    limits: Option<NotYet>,
    reports: Option<NotYet>,
    load: Option<NotYet>,
    profiling: Option<NotYet>,
    dashboards: Option<NotYet>,
}

/// `server`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawServer {
    /// Address and port.
    pub(crate) listen: Option<String>,
    /// Names under which the server may be reached.
    pub(crate) allowed_hosts: Option<Vec<String>>,
    /// Whether to serve the page.
    pub(crate) dashboard: Option<bool>,
    /// Listen beyond loopback without tokens.
    pub(crate) insecure: Option<bool>,
    /// Certificate and key, for https.
    pub(crate) tls: Option<RawTls>,
    /// How long a query may read.
    pub(crate) query_timeout: Option<Placed<Length>>,
}

/// `promql`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawPromql {
    /// Whether queries may use what Prometheus calls experimental.
    pub(crate) experimental_functions: bool,
}

/// `server.tls`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTls {
    /// The certificate and those between it and its authority, PEM.
    pub(crate) cert: PathBuf,
    /// Its private key, PEM.
    pub(crate) key: PathBuf,
}

/// One alert rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRule {
    pub(crate) name: String,
    metric: String,
    source: Option<String>,
    labels: Option<std::collections::BTreeMap<String, String>>,
    by: Option<Vec<String>>,
    condition: String,
    threshold: Option<f64>,
    clear: Option<String>,
    window: Option<Span>,
    #[serde(rename = "for")]
    hold: Option<Span>,
    cooldown: Option<Span>,
    no_data: Option<String>,
    severity: Option<String>,
}

impl RawRule {
    /// The rule, checked.
    pub(crate) fn rule(&self) -> Result<AlertRule> {
        let mut rule = AlertRule::new(&self.name, &self.metric, &self.condition)?;
        rule.source.clone_from(&self.source);
        rule.labels = self
            .labels
            .clone()
            .unwrap_or_default()
            .into_iter()
            .collect();
        rule.by.clone_from(&self.by);
        rule.window = self.window.map_or(rule.window, |d| d.0);
        rule.hold = self.hold.map_or(rule.hold, |d| d.0);
        rule.cooldown = self.cooldown.map_or(rule.cooldown, |d| d.0);
        if let Some(text) = &self.severity {
            rule.severity = Severity::parse(text)
                .ok_or_else(|| anyhow!("`{text}` is no severity; use info, warning or critical"))?;
        }
        if let Some(text) = &self.no_data {
            rule.no_data = NoData::parse(text).ok_or_else(|| {
                anyhow!("`{text}` is no answer to no_data; use keep, ok or alert")
            })?;
        }
        if let Some(clear) = &self.clear {
            rule = rule.with_clear(clear)?;
        }
        if let Some(threshold) = self.threshold {
            rule.check_threshold(threshold)?;
        }
        rule.validate()?;
        Ok(rule)
    }
}

/// A duration: `15s`, `5m`, or a number of seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpanVisitor).map(Self)
    }
}

struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as 15s, 5m, 1h30m or a number of seconds")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        parse_duration(text).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, secs: u64) -> Result<Duration, E> {
        Ok(Duration::from_secs(secs))
    }

    fn visit_i64<E: de::Error>(self, secs: i64) -> Result<Duration, E> {
        u64::try_from(secs)
            .map(Duration::from_secs)
            .map_err(|_| E::custom("a duration cannot be negative"))
    }

    fn visit_f64<E: de::Error>(self, secs: f64) -> Result<Duration, E> {
        Duration::try_from_secs_f64(secs).map_err(E::custom)
    }
}

/// A key whose feature is not built yet.
#[derive(Debug)]
pub(crate) struct NotYet;

impl<'de> Deserialize<'de> for NotYet {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom(
            "this key's feature is not built yet; take it out until it is",
        ))
    }
}
