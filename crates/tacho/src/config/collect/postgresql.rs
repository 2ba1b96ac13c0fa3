//! `collect.postgresql`: servers of PostgreSQL.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use serde::Deserialize;
use tacho_server::collect::What;
use tacho_server::collect::targets::postgresql::{
    Parsed, STATEMENTS, STATEMENTS_MAX, Settings, SslMode,
};
use tacho_server::outgoing::tls::{TlsSettings, Verify, for_targets};

use super::{Common, Entry, Made, RawTargetTls, Span, password};

/// One server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPostgresql {
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
    statements: Option<usize>,
}

impl Entry for RawPostgresql {
    const KEY: &'static str = "postgresql";
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
        let password = password(parsed.password, file, variable, base)?;
        let statements = self.statements.unwrap_or(STATEMENTS);
        if statements > STATEMENTS_MAX {
            bail!("statements: at most {STATEMENTS_MAX} are told apart");
        }
        let tls = self.tls.settings(base)?;
        let ssl = match (parsed.ssl, &tls.ca) {
            // As libpq does: whoever says whom to trust wants to know who answers.
            (Some(SslMode::Require) | None, Some(_)) => SslMode::VerifyFull,
            (Some(SslMode::Prefer), Some(_)) => bail!(
                "tls.ca: sslmode=prefer looks at no certificate; use sslmode=verify-full, or \
                 leave tls.ca out"
            ),
            (Some(ssl), _) => ssl,
            (None, None) => SslMode::Prefer,
        };
        let anybody = TlsSettings {
            verify: Verify::Never,
            ..tls.clone()
        };
        let instance = parsed.address.to_string();
        let settings = Settings {
            address: parsed.address,
            user: parsed.user,
            database: parsed.database,
            password,
            ssl,
            tls: Some(for_targets(&tls)),
            tls_unverified: for_targets(&anybody),
            statements,
        };
        Ok(Made {
            job: "postgresql".to_owned(),
            instance: Some(instance),
            label: None,
            what: What::Target(Arc::new(settings)),
        })
    }
}
