//! `collect.redis`: servers of Redis and its relatives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use serde::Deserialize;
use tacho_server::collect::What;
use tacho_server::collect::targets::redis::{Parsed, Settings};
use tacho_server::outgoing::tls::for_targets;

use super::{Common, Entry, Made, RawTargetTls, Span, password};

/// One server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRedis {
    url: String,
    name: Option<String>,
    interval: Option<Span>,
    timeout: Option<Span>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    #[serde(default)]
    tls: RawTargetTls,
}

impl Entry for RawRedis {
    const KEY: &'static str = "redis";
    const INTERVAL: Duration = Duration::from_secs(15);

    fn common(&self) -> Common<'_> {
        Common {
            name: self.name.as_deref(),
            interval: self.interval,
            timeout: self.timeout,
            labels: &self.labels,
        }
    }

    fn make(&self, base: &Path) -> Result<Made> {
        let parsed = Parsed::parse(&self.url).map_err(|error| anyhow!("url: {error}"))?;
        let (file, variable) = (self.password_file.as_ref(), self.password_env.as_ref());
        let tls = parsed.is_tls.then(|| self.tls.settings(base)).transpose()?;
        let instance = parsed.address.to_string();
        let settings = Settings {
            address: parsed.address,
            user: parsed.user,
            password: password(parsed.password, file, variable, base)?,
            tls: tls.map(|tls| for_targets(&tls)),
        };
        Ok(Made {
            job: "redis".to_owned(),
            instance: Some(instance),
            label: None,
            what: What::Target(Arc::new(settings)),
        })
    }
}
