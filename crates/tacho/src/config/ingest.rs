//! `ingest`: what is listened to beside the main port, and how much of it is taken.
//!
//! Each protocol's part is a struct of its own here; what it means is checked where it is applied.

use anyhow::Result;
use serde::Deserialize;
use tacho_server::Settings;

/// `ingest`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawIngest {}

impl RawIngest {
    /// Puts what is said into the settings.
    #[expect(clippy::unnecessary_wraps, reason = "each part can be wrong")]
    #[expect(clippy::unused_self, reason = "each part is a field")]
    pub(crate) fn apply(&self, _settings: &mut Settings) -> Result<()> {
        Ok(())
    }
}
