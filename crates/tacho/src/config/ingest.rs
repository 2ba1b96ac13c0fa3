//! `ingest`: what is listened to beside the main port, and how much of it is taken.
//!
//! Each protocol's part is a struct of its own here; what it means is checked where it is applied.

mod statsd;

use anyhow::Result;
use serde::Deserialize;
use tacho_server::Settings;

use self::statsd::RawStatsd;

/// `ingest`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawIngest {
    /// `StatsD` over UDP and Unix sockets.
    statsd: RawStatsd,
}

impl RawIngest {
    /// Puts what is said into the settings.
    pub(crate) fn apply(&self, settings: &mut Settings) -> Result<()> {
        self.statsd.apply(&mut settings.statsd)
    }

    /// Refuses what other machines could reach without saying who they are.
    pub(crate) fn check_reach(&self) -> Result<()> {
        self.statsd.check_reach()
    }
}
