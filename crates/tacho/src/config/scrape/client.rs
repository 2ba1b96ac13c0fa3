//! How targets are asked: who asks, and how the connection is made safe.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde::Deserialize;
use tacho_server::outgoing::tls::{TlsSettings, Verify};
use tacho_server::outgoing::{Auth, Secret};
use tacho_server::scrape::settings::{ClientSettings, Redirects};

use super::refused::Ignored;
use super::value::Text;

/// `basic_auth`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawBasic {
    username: Option<Text>,
    username_file: Option<PathBuf>,
    password: Option<Text>,
    password_file: Option<PathBuf>,
}

/// `authorization`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAuthorization {
    #[serde(rename = "type")]
    kind: Option<String>,
    credentials: Option<Text>,
    credentials_file: Option<PathBuf>,
}

/// `tls_config`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTls {
    ca_file: Option<PathBuf>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    server_name: Option<String>,
    insecure_skip_verify: bool,
    /// TLS 1.2 is the oldest that is spoken.
    min_version: Ignored,
    max_version: Ignored,
}

/// All of it, as it stands in a job.
pub(super) struct RawClient<'a> {
    pub(super) basic: Option<&'a RawBasic>,
    pub(super) authorization: Option<&'a RawAuthorization>,
    pub(super) bearer: (Option<&'a Text>, Option<&'a Path>),
    pub(super) tls: &'a RawTls,
    pub(super) follow_redirects: Option<bool>,
}

impl RawClient<'_> {
    /// The settings; paths that are not absolute begin at `base`.
    pub(super) fn settings(&self, base: &Path) -> Result<ClientSettings> {
        Ok(ClientSettings {
            auth: self.auth(base)?,
            tls: self.tls.settings(base)?,
            redirects: match self.follow_redirects {
                Some(false) => Redirects::Refuse,
                _ => Redirects::Follow,
            },
        })
    }

    fn auth(&self, base: &Path) -> Result<Auth> {
        let ways = [
            self.basic.is_some(),
            self.authorization.is_some(),
            self.bearer.0.is_some() || self.bearer.1.is_some(),
        ];
        if ways.iter().filter(|given| **given).count() > 1 {
            bail!("give one of basic_auth, authorization and bearer_token");
        }
        if let Some(raw) = self.basic {
            let name = ("basic_auth.username", "basic_auth.password");
            let username = secret(
                name.0,
                raw.username.as_ref(),
                raw.username_file.as_deref(),
                base,
            )?;
            let password = secret(
                name.1,
                raw.password.as_ref(),
                raw.password_file.as_deref(),
                base,
            )?;
            return Ok(Auth::Basic {
                username: username.unwrap_or(Secret::Text(String::new())),
                password: password.unwrap_or(Secret::Text(String::new())),
            });
        }
        let (scheme, held) = if let Some(raw) = self.authorization {
            let scheme = raw.kind.as_deref().unwrap_or("Bearer").trim();
            if scheme.eq_ignore_ascii_case("basic") {
                bail!("authorization: for type Basic use basic_auth");
            }
            let file = raw.credentials_file.as_deref();
            let held = secret(
                "authorization.credentials",
                raw.credentials.as_ref(),
                file,
                base,
            )?;
            (scheme, held)
        } else {
            let held = secret("bearer_token", self.bearer.0, self.bearer.1, base)?;
            ("Bearer", held)
        };
        Ok(match held {
            None => Auth::None,
            Some(credentials) => Auth::Credentials {
                scheme: scheme.to_owned(),
                credentials,
            },
        })
    }
}

/// A secret, itself or in a file, not both.
fn secret(
    key: &str,
    text: Option<&Text>,
    file: Option<&Path>,
    base: &Path,
) -> Result<Option<Secret>> {
    Ok(match (text, file) {
        (Some(_), Some(_)) => bail!("give {key} or {key}_file, not both"),
        (Some(text), None) => Some(Secret::Text(text.0.clone())),
        (None, Some(file)) => Some(Secret::File(base.join(file))),
        (None, None) => None,
    })
}

impl RawTls {
    fn settings(&self, base: &Path) -> Result<TlsSettings> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| base.join(path));
        let identity = match (path(&self.cert_file), path(&self.key_file)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => bail!("tls_config: cert_file and key_file go together"),
        };
        let verify = if self.insecure_skip_verify {
            Verify::Never
        } else {
            Verify::Always
        };
        if self.server_name.is_some() && self.ca_file.is_none() && verify == Verify::Always {
            bail!("tls_config: server_name needs ca_file, the authority that vouches for the name");
        }
        Ok(TlsSettings {
            ca: path(&self.ca_file),
            identity,
            server_name: self.server_name.clone(),
            verify,
        })
    }
}
