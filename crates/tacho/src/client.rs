//! The way to the data: a running server, or a data folder when none runs.
//!
//! A folder is read through the same API: a read-only server on a free loopback port, inside this
//! process, for as long as the command takes. So every command has one code path and shows the
//! same numbers either way.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;
use tacho_server::outgoing::advice::advice;
use tacho_server::run::LocalServer;
use ureq::tls::{PemItem, RootCerts, TlsConfig};

/// The server that commands talk to unless told otherwise.
pub(crate) const SERVER: &str = "http://127.0.0.1:8090";
/// The longest a single answer may take.
const WAIT: Duration = Duration::from_mins(5);
/// The longest that one waits who types.
const AT_ONCE: Duration = Duration::from_millis(700);
/// What to do when the server asks for a token.
const HOW_TO_BE_LET_IN: &str =
    "name one with TACHO_TOKEN or TACHO_TOKEN_FILE; `tacho token create` makes one";
/// The longest text of a refusal that is told as it is.
const WORDS_BYTES_MAX: usize = 300;
/// The largest answer that is read.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// A running server, and how to be let in. The variables are not for the parser of the command line,
/// which would count them as options that were typed, and say so where others are missing.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Remote {
    /// Its address.
    #[arg(
        long,
        value_name = "URL",
        help = format!("The running server [env: TACHO_SERVER] [default: {SERVER}]")
    )]
    server: Option<String>,
    /// What it asks for.
    #[arg(
        long,
        value_name = "TOKEN",
        help = "The token that the server asks for; others on this machine see it here, not in the \
                variable [env: TACHO_TOKEN]"
    )]
    token: Option<String>,
    /// Where that is.
    #[arg(
        long,
        value_name = "FILE",
        help = "A file that holds nothing but the token [env: TACHO_TOKEN_FILE]"
    )]
    token_file: Option<PathBuf>,
    /// Whom to trust.
    #[arg(
        long,
        value_name = "FILE",
        help = "The authority that signed the server's certificate, PEM; those of browsers without \
                [env: TACHO_CA]"
    )]
    ca: Option<PathBuf>,
}

/// Where the data is.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Source {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// Read this data folder instead, without a server
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Client {
    base: String,
    /// The value of `Authorization`.
    authorization: Option<String>,
    agent: ureq::Agent,
    _local: Option<LocalServer>,
}

/// An answer: its status and body.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// The whole body.
    pub(crate) body: String,
}

impl Client {
    /// Connects, or opens the data folder.
    pub(crate) fn open(source: &Source) -> Result<Self> {
        let Some(dir) = &source.data_dir else {
            return Self::connect(&source.remote);
        };
        let local = LocalServer::read_only(dir)
            .with_context(|| format!("cannot read the data folder {}", dir.display()))?;
        Ok(Self {
            base: format!("http://{}", local.address()),
            authorization: Some(format!("Bearer {}", local.token())),
            agent: agent(WAIT, None),
            _local: Some(local),
        })
    }

    /// Connects.
    pub(crate) fn connect(remote: &Remote) -> Result<Self> {
        Self::within(WAIT, remote)
    }

    /// Connects to a server that answers at once or not at all.
    pub(crate) fn at_once(remote: &Remote) -> Result<Self> {
        Self::within(AT_ONCE, remote)
    }

    fn within(wait: Duration, remote: &Remote) -> Result<Self> {
        let base = remote.address();
        if !base.starts_with("http://") && !base.starts_with("https://") {
            bail!("`{base}` is no server address; write it like {SERVER}");
        }
        let token = remote.token()?;
        Ok(Self {
            base,
            authorization: token.map(|token| format!("Bearer {token}")),
            agent: agent(wait, remote.ca().as_deref().map(authorities).transpose()?),
            _local: None,
        })
    }

    /// The address of the server.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// `GET` with query parameters.
    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer> {
        let url = format!("{}{path}", self.base);
        let request = self.identified(self.agent.get(&url));
        let request = query.iter().fold(request, |r, (n, v)| r.query(n, v));
        self.read(request.call())
    }

    /// `POST` of a JSON body.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        let url = format!("{}{path}", self.base);
        self.read(self.identified(self.agent.post(&url)).send_json(body))
    }

    /// `PUT` of a JSON body.
    pub(crate) fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        let url = format!("{}{path}", self.base);
        self.read(self.identified(self.agent.put(&url)).send_json(body))
    }

    /// `DELETE`.
    pub(crate) fn delete(&self, path: &str) -> Result<Answer> {
        let url = format!("{}{path}", self.base);
        self.read(self.identified(self.agent.delete(&url)).call())
    }

    fn identified<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.authorization {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        }
    }

    /// Why no connection that could be trusted came about.
    fn untrusted(&self, error: &ureq::Error) -> anyhow::Error {
        let base = &self.base;
        // The library's own error does not say what it stands on.
        let cause: &(dyn std::error::Error + 'static) = match error {
            ureq::Error::Io(cause) => cause,
            ureq::Error::Rustls(cause) => cause,
            other => other,
        };
        if let Some(advice) = advice(cause, "--ca") {
            return anyhow!("the connection to {base} is not secure: {advice}");
        }
        anyhow!(
            "the connection to {base} is not secure ({error}); if its certificate was signed by an \
             authority of your own, name that with --ca"
        )
    }

    fn read(
        &self,
        answered: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Answer> {
        let mut response = answered.map_err(|error| match error {
            ureq::Error::Io(ref cause) if cause.kind() == std::io::ErrorKind::InvalidData => {
                self.untrusted(&error)
            }
            ureq::Error::Io(_) | ureq::Error::ConnectionFailed | ureq::Error::Timeout(_) => {
                anyhow!(
                    "no server answers at {} ({error}); start one with `tacho start`, name \
                     another with --server, or read a folder with --data-dir",
                    self.base
                )
            }
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => self.untrusted(&error),
            other => anyhow!("the request to {} failed: {other}", self.base),
        })?;
        let status = response.status().as_u16();
        let body = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_string();
        Ok(Answer {
            status,
            body: body.context("the server's answer broke off")?,
        })
    }
}

impl Remote {
    /// Its address.
    pub(crate) fn address(&self) -> String {
        let given = self.server.clone().or_else(|| variable("TACHO_SERVER"));
        let given = given.unwrap_or_else(|| SERVER.to_owned());
        given.trim_end_matches('/').to_owned()
    }

    fn ca(&self) -> Option<PathBuf> {
        let given = std::env::var_os("TACHO_CA").map(PathBuf::from);
        self.ca.clone().or(given)
    }

    fn token(&self) -> Result<Option<String>> {
        let token = self.token.clone().or_else(|| variable("TACHO_TOKEN"));
        let file = std::env::var_os("TACHO_TOKEN_FILE").map(PathBuf::from);
        let token = match (token, self.token_file.clone().or(file)) {
            (Some(token), _) => token,
            (None, None) => return Ok(None),
            (None, Some(path)) => std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read the token in {}", path.display()))?,
        };
        let token = token.trim();
        // Never shown: it may be a secret that was only copied badly.
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            bail!("the token is empty or has characters that no token has; copy it anew");
        }
        Ok(Some(token.to_owned()))
    }
}

/// What a variable says. One that is not UTF-8 says something too, which will be refused.
fn variable(name: &str) -> Option<String> {
    let text = std::env::var_os(name)?;
    Some(text.to_string_lossy().into_owned())
}

/// What makes requests; `authorities` in place of those that browsers trust.
fn agent(wait: Duration, authorities: Option<RootCerts>) -> ureq::Agent {
    let tls = TlsConfig::builder().root_certs(authorities.unwrap_or(RootCerts::WebPki));
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(wait))
        .timeout_connect(Some(Duration::from_secs(5)))
        .tls_config(tls.build())
        // A proxy for the outside world has no business with a server on loopback.
        .proxy(None)
        .build()
        .new_agent()
}

/// The certificates of a PEM file.
fn authorities(path: &Path) -> Result<RootCerts> {
    let shown = path.display();
    let pem = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        let item = item.with_context(|| format!("{shown} is no PEM file"))?;
        if let PemItem::Certificate(certificate) = item {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        bail!("{shown} has no certificate; name the PEM file of the authority");
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

impl Answer {
    /// The body as JSON when the status is a success; else the problem's detail as an error.
    pub(crate) fn json(self) -> Result<Value> {
        if (200..300).contains(&self.status) {
            return serde_json::from_str(&self.body).context("the server's answer is no JSON");
        }
        Err(self.problem())
    }

    /// The body as text when the status is a success; else the problem's detail as an error.
    pub(crate) fn text(self) -> Result<String> {
        if (200..300).contains(&self.status) {
            Ok(self.body)
        } else {
            Err(self.problem())
        }
    }

    /// What an answer says that is no problem of ours: a short text, not a page.
    fn words(&self) -> &str {
        let body = self.body.trim();
        let is_page = body.starts_with(['<', '{']) || body.contains(char::is_control);
        match body.len() {
            1..=WORDS_BYTES_MAX if !is_page => body,
            _ => "",
        }
    }

    fn problem(&self) -> anyhow::Error {
        let parsed: Option<Value> = serde_json::from_str(&self.body).ok();
        let detail = parsed
            .as_ref()
            // Ours, or Prometheus' way to say it.
            .and_then(|body| body.get("detail").or_else(|| body.get("error"))?.as_str());
        match detail {
            Some(detail) if self.status == 401 => anyhow!("{detail}; {HOW_TO_BE_LET_IN}"),
            Some(detail) => anyhow!("{detail}"),
            None => match self.words() {
                "" => anyhow!("the server answered {}", self.status),
                words => anyhow!("the server answered {}: {words}", self.status),
            },
        }
    }
}
