//! Keys of older configurations, accepted as they are: each maps to one key of ours.
//!
//! A key whose feature is not built yet is refused with that reason rather than ignored, unless
//! it only switches the feature off.

use anyhow::{Result, bail};
use serde::Deserialize;
use serde::de::{self, Deserializer};
use tacho_analysis::alert::AlertRule;

use super::raw::{NotYet, RawConfig, Span};
use super::scalar::{Age, Count, Place, Placed};

/// `thresholds`: of the rules that are on by default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LegacyThresholds {
    response_time_p95_ms: Option<f64>,
    response_time_p99_ms: Option<f64>,
    cpu_usage_percent: Option<f64>,
    memory_usage_percent: Option<f64>,
    error_rate_5min: Option<NotYet>,
    agent_error_rate: Option<NotYet>,
    agent_avg_time_ms: Option<NotYet>,
    tool_error_rate: Option<NotYet>,
}

/// `collectors`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LegacyCollectors {
    system: LegacySystem,
    application: Option<Disabled>,
    network: LegacyNetwork,
}

/// `collectors.network`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LegacyNetwork {
    enabled: Option<bool>,
    endpoints: Vec<String>,
}

/// `collectors.system`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LegacySystem {
    enabled: Option<bool>,
    interval: Option<Span>,
}

/// A collector that can only be switched off until it is built. Reading its fields is the check.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "reading it is the check")]
struct Disabled {
    enabled: Off,
    #[serde(default)]
    auto_instrument: Option<Off>,
}

/// `retention`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LegacyRetention {
    max_age_days: Option<f64>,
    max_metrics_count: Option<Placed<Count>>,
}

/// A switch that may be off; on is refused, because the feature is not built yet.
#[derive(Debug)]
pub(crate) struct Off;

impl<'de> Deserialize<'de> for Off {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if bool::deserialize(deserializer)? {
            let reason = "this key's feature is not built yet; set it to false until it is";
            return Err(de::Error::custom(reason));
        }
        Ok(Self)
    }
}

/// Moves older keys to ours and says which went where.
pub(crate) fn map(raw: &mut RawConfig) -> Result<Vec<(&'static str, String)>> {
    let mut mapped = Vec::new();
    if let Some(rules) = raw.alert_rules.take() {
        mapped.push((
            "alert_rules",
            format!("rules.alerts ({} rules)", rules.len()),
        ));
        raw.rules.alerts.get_or_insert_default().extend(rules);
    }
    if let Some(thresholds) = raw.thresholds.take() {
        for (key, rule, threshold) in [
            (
                "thresholds.cpu_usage_percent",
                "high_cpu",
                thresholds.cpu_usage_percent,
            ),
            (
                "thresholds.memory_usage_percent",
                "high_memory",
                thresholds.memory_usage_percent,
            ),
            (
                "thresholds.response_time_p95_ms",
                "slow_p95",
                thresholds.response_time_p95_ms,
            ),
            (
                "thresholds.response_time_p99_ms",
                "slow_p99",
                thresholds.response_time_p99_ms,
            ),
        ] {
            let Some(threshold) = threshold else { continue };
            mapped.push((key, format!("the condition of rule {rule}: {threshold}")));
            raw.thresholds_of_defaults.push((rule, threshold));
        }
    }
    if let Some(collectors) = raw.collectors.take() {
        if let Some(enabled) = collectors.system.enabled {
            once(
                raw.collect.host.is_some(),
                "collectors.system.enabled",
                "collect.host",
            )?;
            mapped.push((
                "collectors.system.enabled",
                format!("collect.host: {enabled}"),
            ));
            raw.collect.host = Some(enabled);
        }
        if let Some(interval) = collectors.system.interval {
            once(
                raw.collect.interval.is_some(),
                "collectors.system.interval",
                "collect.interval",
            )?;
            mapped.push((
                "collectors.system.interval",
                format!("collect.interval: {:?}", interval.0),
            ));
            raw.collect.interval = Some(interval);
        }
        let network = collectors.network;
        if network.enabled.unwrap_or(true) && !network.endpoints.is_empty() {
            let count = network.endpoints.len();
            let key = "collectors.network.endpoints";
            mapped.push((key, format!("collect.probes ({count} probes)")));
            raw.collect.endpoints = network.endpoints;
        }
    }
    if let Some(retention) = raw.retention.take() {
        map_retention(&retention, raw, &mut mapped)?;
    }
    Ok(mapped)
}

fn map_retention(
    retention: &LegacyRetention,
    raw: &mut RawConfig,
    mapped: &mut Vec<(&'static str, String)>,
) -> Result<()> {
    let storage = &mut raw.storage;
    if let Some(days) = retention.max_age_days {
        let key = "retention.max_age_days";
        once(storage.retention.is_some(), key, "storage.retention")?;
        let Ok(age) = std::time::Duration::try_from_secs_f64(days * 86_400.0) else {
            bail!("retention.max_age_days: {days} is no age");
        };
        mapped.push((key, format!("storage.retention: {days}d")));
        storage.retention = Some(Placed::new(Age(age), Place::Older(key)));
    }
    if let Some(count) = &retention.max_metrics_count {
        let key = "retention.max_metrics_count";
        let taken = storage.retention_samples.is_some();
        once(taken, key, "storage.retention_samples")?;
        let samples = count.value;
        mapped.push((key, format!("storage.retention_samples: {}", samples.0)));
        storage.retention_samples = Some(Placed::new(samples, Place::Older(key)));
    }
    Ok(())
}

fn once(already: bool, old: &str, new: &str) -> Result<()> {
    if already {
        bail!("{old} and {new} say the same thing; keep one of them");
    }
    Ok(())
}

/// Gives a default rule another threshold.
pub(crate) fn set_threshold(rules: &mut [AlertRule], name: &str, threshold: f64) -> Result<()> {
    if !(threshold.is_finite() && threshold > 0.0) {
        bail!("the threshold {threshold} of rule {name} must be a positive number");
    }
    let mut named = rules.iter_mut().filter(|rule| rule.name == name).peekable();
    if named.peek().is_none() {
        bail!("a threshold is given for the rule {name}, which is switched off (rules.defaults)");
    }
    for rule in named {
        rule.condition.threshold = threshold;
    }
    Ok(())
}
