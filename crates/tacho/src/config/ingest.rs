//! `ingest`: what is listened to beside the main port, and how much of it is taken.
//!
//! Each protocol's part is a struct of its own here; what it means is checked where it is applied.

mod otlp;
mod quotas;
mod statsd;

use anyhow::{Result, bail};
use serde::Deserialize;
use tacho_server::Settings;
use tacho_server::otlp::settings::Listen;

use self::otlp::RawOtlp;
use self::quotas::RawSourceQuota;
use self::statsd::RawStatsd;
use super::scalar::{Count, Placed};

/// What the names of the variables begin with.
const PREFIX: &str = "TACHO_INGEST_";

/// `ingest`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawIngest {
    /// `StatsD` over UDP and Unix sockets.
    statsd: RawStatsd,
    /// OpenTelemetry.
    otlp: RawOtlp,
    /// The least severity of a log record that is kept as an event.
    event_severity: Option<Placed<otlp::Least>>,
    /// Most active series of one source.
    series_per_source_max: Option<Placed<Count>>,
    /// Most samples a second of one source.
    samples_per_second_max: Option<Placed<Count>>,
    /// Sources with limits of their own.
    sources: Vec<RawSourceQuota>,
}

/// Each key and what it comes to.
pub(crate) fn explain(settings: &Settings) -> Vec<(String, String)> {
    let otlp = &settings.otlp;
    let port = |listen: Listen| match listen {
        Listen::Off => "false".to_owned(),
        Listen::At(address) => address.to_string(),
        Listen::Usual(address) => format!("{address}, unless another program has it"),
    };
    let mut keys = vec![
        ("ingest.otlp.http".to_owned(), port(otlp.http)),
        ("ingest.otlp.grpc".to_owned(), port(otlp.grpc)),
        (
            "ingest.event_severity".to_owned(),
            otlp.event_severity.as_str().to_owned(),
        ),
    ];
    keys.extend(statsd::explain(&settings.statsd));
    keys.extend(quotas::explain(&settings.quotas));
    keys
}

impl RawIngest {
    /// Puts what the environment says over what the file says.
    pub(crate) fn set_variables(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<()> {
        for (name, text) in variables {
            let Some(key) = name.strip_prefix(PREFIX) else {
                continue;
            };
            match key.to_ascii_lowercase().as_str() {
                "event_severity" => super::storage::put(&mut self.event_severity, &text, &name)?,
                "otlp_http" => super::storage::put(&mut self.otlp.http, &text, &name)?,
                "otlp_grpc" => super::storage::put(&mut self.otlp.grpc, &text, &name)?,
                key => bail!("{name}: there is no key ingest.{key}"),
            }
        }
        Ok(())
    }

    /// Puts what is said into the settings.
    pub(crate) fn apply(&self, settings: &mut Settings) -> Result<()> {
        self.statsd.apply(&mut settings.statsd)?;
        self.otlp.apply(&mut settings.otlp);
        if let Some(least) = &self.event_severity {
            settings.otlp.event_severity = least.value.0;
        }
        settings.quotas = self.quotas()?;
        Ok(())
    }

    /// Refuses what other machines could reach and that carries no token.
    pub(crate) fn check_reach(&self) -> Result<()> {
        self.statsd.check_reach()
    }
}
