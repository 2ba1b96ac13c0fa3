//! What one source may send: `series_per_source_max`, `samples_per_second_max`, `sources`.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_saphyr::Spanned;
use tacho_server::intake::quota::{Quota, QuotaSettings, SourceQuota};

use super::RawIngest;
use crate::config::filters::protocol;
use crate::config::scalar::{Count, Placed};

/// One of `sources`.
pub(super) type RawSourceQuota = Spanned<RawSource>;

/// Limits of one source.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSource {
    source: String,
    protocol: Option<String>,
    series_max: Option<Placed<Count>>,
    samples_per_second_max: Option<Placed<Count>>,
}

impl RawIngest {
    /// The limits, checked.
    pub(super) fn quotas(&self) -> Result<QuotaSettings> {
        let any = quota(
            self.series_per_source_max.as_ref(),
            self.samples_per_second_max.as_ref(),
        );
        let sources = self.sources.iter().map(|raw| {
            let (line, column) = (raw.referenced.line(), raw.referenced.column());
            let place = || format!("ingest.sources (line {line}, column {column})");
            source(&raw.value).with_context(place)
        });
        Ok(QuotaSettings {
            any,
            sources: sources.collect::<Result<_>>()?,
        })
    }
}

fn source(raw: &RawSource) -> Result<SourceQuota> {
    let quota = quota(raw.series_max.as_ref(), raw.samples_per_second_max.as_ref());
    if quota == Quota::default() {
        bail!(
            "`{}` has no limit; say series_max or samples_per_second_max",
            raw.source
        );
    }
    Ok(SourceQuota {
        protocol: raw.protocol.as_deref().map(protocol).transpose()?,
        source: raw.source.clone(),
        quota,
    })
}

fn quota(series: Option<&Placed<Count>>, samples: Option<&Placed<Count>>) -> Quota {
    let series_max = series.map(|count| usize::try_from(count.value.0).unwrap_or(usize::MAX));
    Quota {
        series_max,
        samples_per_second_max: samples.map(|count| count.value.0),
    }
}

/// Each limit and what it comes to.
pub(super) fn explain(quotas: &QuotaSettings) -> Vec<(String, String)> {
    let shown = |limit: Option<u64>| limit.map_or("no limit".to_owned(), |limit| limit.to_string());
    let series = |quota: &Quota| shown(quota.series_max.map(|series| series as u64));
    let rate = |quota: &Quota| shown(quota.samples_per_second_max);
    let any = &quotas.any;
    let mut keys = vec![
        ("ingest.series_per_source_max".to_owned(), series(any)),
        ("ingest.samples_per_second_max".to_owned(), rate(any)),
    ];
    for listed in &quotas.sources {
        let protocol = listed.protocol.map_or("", |protocol| protocol.as_str());
        let of = format!("ingest.sources {} {protocol}", listed.source);
        let quota = Quota {
            series_max: listed.quota.series_max.or(any.series_max),
            samples_per_second_max: listed
                .quota
                .samples_per_second_max
                .or(any.samples_per_second_max),
        };
        let limits = format!(
            "{} series, {} samples a second",
            series(&quota),
            rate(&quota)
        );
        keys.push((of.trim_end().to_owned(), limits));
    }
    keys
}
