//! Asking other servers: what scraping and forwarding have in common.
//!
//! Here is who asks, with secrets that are never shown and that are read from their files for each
//! request, so that they can be changed while the server runs, and what is told of an answer that
//! is no success. `tls` makes connections safe, `advice` says what to do when none comes about.
//! Not for requests that come in: those are `auth`'s.

pub mod advice;
pub mod tls;

use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Response;
use reqwest::header::HeaderValue;

/// Largest secret that is read; what a file has beyond it is not looked at.
const SECRET_BYTES_MAX: u64 = 64 << 10;
/// Bytes of an answer that are read and told.
pub(crate) const ANSWER_BYTES_MAX: usize = 300;

/// What is not shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Itself.
    Text(String),
    /// The file that it is in, read for each request.
    File(PathBuf),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("<secret>"),
            Self::File(path) => write!(f, "<secret in {}>", path.display()),
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// Nobody in particular.
    #[default]
    None,
    /// A user with a password.
    Basic {
        /// The user.
        username: Secret,
        /// The password.
        password: Secret,
    },
    /// Whoever holds this.
    Credentials {
        /// `Bearer`, mostly.
        scheme: String,
        /// What goes behind it.
        credentials: Secret,
    },
}

/// Why it cannot be said who asks.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// A secret's file cannot be read.
    #[error("cannot read the secret in {}: {source}", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// What is read cannot stand in a header.
    #[error("the credentials are no header text: they have control characters")]
    NoText,
}

impl Auth {
    /// The value of the header that says who asks; `None` for nobody in particular.
    pub(crate) async fn header(&self) -> Result<Option<HeaderValue>, AuthError> {
        let text = match self {
            Self::None => return Ok(None),
            Self::Basic { username, password } => {
                let pair = format!("{}:{}", username.reveal().await?, password.reveal().await?);
                format!("Basic {}", STANDARD.encode(pair))
            }
            Self::Credentials {
                scheme,
                credentials,
            } => format!("{scheme} {}", credentials.reveal().await?),
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| AuthError::NoText)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Whether every file of a secret can be read now. Blocks.
    pub(crate) fn check(&self) -> Result<(), AuthError> {
        let secrets = match self {
            Self::None => [None, None],
            Self::Basic { username, password } => [Some(username), Some(password)],
            Self::Credentials { credentials, .. } => [Some(credentials), None],
        };
        let read = |secret: &Secret| secret.read().map(|_| ());
        secrets.into_iter().flatten().try_for_each(read)
    }
}

impl Secret {
    async fn reveal(&self) -> Result<String, AuthError> {
        let path = match self {
            Self::Text(text) => return Ok(text.clone()),
            Self::File(path) => path.clone(),
        };
        let secret = self.clone();
        let read = tokio::task::spawn_blocking(move || secret.read()).await;
        read.unwrap_or_else(|error| {
            let source = std::io::Error::other(error);
            Err(AuthError::Secret { path, source })
        })
    }

    /// The secret itself. Blocks.
    pub(crate) fn read(&self) -> Result<String, AuthError> {
        let path = match self {
            Self::Text(text) => return Ok(text.clone()),
            Self::File(path) => path,
        };
        let read = || {
            let mut text = String::new();
            let file = std::fs::File::open(path)?;
            file.take(SECRET_BYTES_MAX).read_to_string(&mut text)?;
            Ok(text.trim().to_owned())
        };
        read().map_err(|source| AuthError::Secret {
            path: path.clone(),
            source,
        })
    }
}

/// What an answer that is no success says, after a colon; nothing where it says nothing to people.
pub(crate) async fn said(response: Response) -> String {
    let text = words(&beginning(response, ANSWER_BYTES_MAX).await);
    if text.is_empty() {
        return text;
    }
    format!(": {text}")
}

/// So many bytes of an answer's body, or all there are.
pub(crate) async fn beginning(mut response: Response, bytes_max: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= bytes_max {
            break;
        }
    }
    bytes.truncate(bytes_max);
    bytes
}

/// A text of somebody else's, as it can stand in a message.
pub(crate) fn in_a_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

/// The words of an answer's beginning: a problem's detail, or a text that is no page.
fn words(body: &[u8]) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let detail = problem
        .as_ref()
        .and_then(|problem| problem.get("detail")?.as_str());
    let text = String::from_utf8_lossy(body);
    let text = detail.unwrap_or_else(|| text.trim());
    if text.starts_with('<') {
        return String::new();
    }
    in_a_line(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let auth = Auth::Basic {
            username: Secret::Text("somebody".to_owned()),
            password: Secret::File("/run/pass".into()),
        };
        let shown = format!("{auth:?}");
        assert!(!shown.contains("somebody"), "{shown}");
        assert!(shown.contains("/run/pass"), "{shown}");
    }

    #[tokio::test]
    async fn a_secret_in_a_file_is_read_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let auth = Auth::Credentials {
            scheme: "Bearer".to_owned(),
            credentials: Secret::File(path.clone()),
        };
        let error = auth.header().await.unwrap_err().to_string();
        assert!(error.contains("cannot read the secret in"), "{error}");
        assert_eq!(auth.check().unwrap_err().to_string(), error);
        for secret in ["first", "second"] {
            std::fs::write(&path, format!("{secret}\n")).unwrap();
            let header = auth.header().await.unwrap().unwrap();
            assert_eq!(header, format!("Bearer {secret}").as_str());
            assert!(header.is_sensitive() && auth.check().is_ok());
        }
        std::fs::write(&path, "two\nlines").unwrap();
        assert!(matches!(auth.header().await, Err(AuthError::NoText)));
    }

    #[test]
    fn an_answer_is_told_in_its_own_words() {
        let problem = br#"{"status": 508, "detail": "a server does not scrape itself"}"#;
        assert_eq!(words(problem), "a server does not scrape itself");
        assert_eq!(words(b" out of order\nsample\n"), "out of order sample");
        assert_eq!(words(b"<html><h1>Not Found</h1>"), "");
        assert_eq!(words(b"{\"detail\": \"cut"), "{\"detail\": \"cut");
        assert_eq!(words(b""), "");
    }
}
