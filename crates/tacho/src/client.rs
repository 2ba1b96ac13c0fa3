//! The way to the data: a running server, or a data folder when none runs.
//!
//! A folder is read through the same API: a read-only server on a free loopback port, inside this
//! process, for as long as the command takes. So every command has one code path and shows the
//! same numbers either way.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;
use tacho_server::run::LocalServer;

/// The server that commands talk to unless told otherwise.
pub(crate) const SERVER: &str = "http://127.0.0.1:8090";
/// The longest a single answer may take.
const WAIT: Duration = Duration::from_mins(5);
/// The largest answer that is read.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// Where the data is.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Source {
    /// The running server
    #[arg(long, env = "TACHO_SERVER", default_value = SERVER, value_name = "URL")]
    pub(crate) server: String,
    /// Read this data folder instead, without a server
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Client {
    base: String,
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
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(WAIT))
            .timeout_connect(Some(Duration::from_secs(5)))
            // A proxy for the outside world has no business with a server on loopback.
            .proxy(None)
            .build()
            .new_agent();
        let (base, local) = match &source.data_dir {
            None => (source.server.trim_end_matches('/').to_owned(), None),
            Some(dir) => {
                let local = LocalServer::read_only(dir)
                    .with_context(|| format!("cannot read the data folder {}", dir.display()))?;
                (format!("http://{}", local.address()), Some(local))
            }
        };
        if !base.starts_with("http://") {
            bail!("`{base}` is no server address; write it like {SERVER}");
        }
        Ok(Self {
            base,
            agent,
            _local: local,
        })
    }

    /// The address of the server.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// `GET` with query parameters.
    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer> {
        let url = format!("{}{path}", self.base);
        let request = query
            .iter()
            .fold(self.agent.get(&url), |r, (n, v)| r.query(n, v));
        self.read(request.call())
    }

    /// `POST` of a JSON body.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        let url = format!("{}{path}", self.base);
        self.read(self.agent.post(&url).send_json(body))
    }

    /// `DELETE`.
    pub(crate) fn delete(&self, path: &str) -> Result<Answer> {
        let url = format!("{}{path}", self.base);
        self.read(self.agent.delete(&url).call())
    }

    fn read(
        &self,
        answered: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Answer> {
        let mut response = answered.map_err(|error| match error {
            ureq::Error::Io(_) | ureq::Error::ConnectionFailed | ureq::Error::Timeout(_) => {
                anyhow!(
                    "no server answers at {} ({error}); start one with `tacho start`, name \
                     another with --server, or read a folder with --data-dir",
                    self.base
                )
            }
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

    fn problem(&self) -> anyhow::Error {
        let parsed: Option<Value> = serde_json::from_str(&self.body).ok();
        let detail = parsed
            .as_ref()
            .and_then(|body| body.get("detail")?.as_str());
        match detail {
            Some(detail) => anyhow!("{detail}"),
            None => anyhow!("the server answered {}", self.status),
        }
    }
}
