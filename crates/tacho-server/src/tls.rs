//! TLS: the certificate that listeners show, read again when its files change.
//!
//! 1. A certificate is taken into use only when its key fits; what is in use stays until then, so
//!    that a renewal that is half written costs no connection.
//! 2. Versions 1.2 and 1.3 with the cipher suites that rustls takes by default, nothing older.
//!
//! Listeners share one certificate and differ in the protocols that they offer (ALPN). Client
//! certificates are not asked for: who asks is what tokens say. The handshake itself is in
//! `handshake`, where a connection's own task does it.

pub(crate) mod handshake;
#[cfg(test)]
mod tests;

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;

use crate::settings::TlsSettings;

/// How often the files are looked at.
pub(crate) const RENEWAL_EVERY: Duration = Duration::from_secs(5);
/// Largest file of certificates or of a key.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// HTTP/2.
pub(crate) const HTTP_2: &[u8] = b"h2";
/// HTTP/1.1.
pub(crate) const HTTP_1: &[u8] = b"http/1.1";

/// Why there is no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {} (server.tls): {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is far too large for what it should be.
    #[error(
        "{} (server.tls) has more than {FILE_BYTES_MAX} bytes; that is no PEM file",
        path.display()
    )]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// A file has not what it should have.
    #[error("{} (server.tls) has no {what}: {source}", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// The two do not belong together, or are of a kind that is not known.
    #[error(
        "{} and {} (server.tls) cannot be used together: {}",
        cert.display(), key.display(), misfit(source)
    )]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's.
        key: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    seconds: i64,
    nanos: i64,
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            bytes: metadata.size(),
            seconds: metadata.mtime(),
            nanos: metadata.mtime_nsec(),
        }
    }
}

/// The certificate in use.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: TlsSettings,
    current: RwLock<Arc<CertifiedKey>>,
    /// The files as they were when they were last read, well or not.
    seen: Mutex<[Option<Stamp>; 2]>,
}

impl Certificate {
    /// Reads the certificate and its key.
    pub(crate) fn load(files: &TlsSettings) -> Result<Arc<Self>, TlsError> {
        // Looked at before they are read: what changes in between is read again.
        let seen = stamps(files);
        let current = read(files)?;
        warn_of_readers(&files.key);
        Ok(Arc::new(Self {
            files: files.clone(),
            current: RwLock::new(Arc::new(current)),
            seen: Mutex::new(seen),
        }))
    }

    /// Reads the files again where they changed; whether they did. After an error the certificate
    /// before stays in use, and nothing is said again until the files change once more.
    pub(crate) fn renew(&self) -> Result<bool, TlsError> {
        let mut seen = self.seen.lock();
        let now = stamps(&self.files);
        if now == *seen {
            return Ok(false);
        }
        *seen = now;
        let read = read(&self.files)?;
        *self.current.write() = Arc::new(read);
        Ok(true)
    }

    /// What a listener needs that offers these protocols.
    pub(crate) fn config(self: &Arc<Self>, protocols: &[&[u8]]) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap_or_else(|_| unreachable!("the provider has suites for both versions"));
        let resolver = Arc::clone(self) as Arc<dyn ResolvesServerCert>;
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read()))
    }
}

/// Looks at the files for as long as the server runs.
pub(crate) async fn keep_fresh(certificate: Arc<Certificate>) {
    loop {
        tokio::time::sleep(RENEWAL_EVERY).await;
        let shared = Arc::clone(&certificate);
        match tokio::task::spawn_blocking(move || shared.renew()).await {
            Ok(Ok(true)) => tracing::info!("the certificate was read again"),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => {
                tracing::error!("the certificate before stays in use: {error}");
            }
            // The server stops.
            Err(_) => return,
        }
    }
}

/// Why a certificate and a key are no pair.
fn misfit(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            "the key is not the certificate's; name the key that it was made with".to_owned()
        }
        other => other.to_string(),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn stamps(files: &TlsSettings) -> [Option<Stamp>; 2] {
    // Links are followed: renewing often means that one points elsewhere.
    [&files.cert, &files.key].map(|path| path.metadata().ok().as_ref().map(Stamp::from))
}

fn read(files: &TlsSettings) -> Result<CertifiedKey, TlsError> {
    let TlsSettings { cert, key } = files;
    let missing = |path: &Path, what, source| TlsError::Pem {
        path: path.to_owned(),
        what,
        source,
    };
    let bytes = read_file(cert)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.and_then(|chain| {
        if chain.is_empty() {
            return Err(pem::Error::NoItemsFound);
        }
        Ok(chain)
    });
    let chain = chain.map_err(|error| missing(cert, "certificate", error))?;
    let private = PrivateKeyDer::from_pem_slice(&read_file(key)?)
        .map_err(|error| missing(key, "private key", error))?;
    CertifiedKey::from_der(chain, private, &provider()).map_err(|source| TlsError::Pair {
        cert: cert.clone(),
        key: key.clone(),
        source,
    })
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::Read {
        path: path.to_owned(),
        source,
    };
    if std::fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        let path = path.to_owned();
        return Err(TlsError::TooLarge { path });
    }
    std::fs::read(path).map_err(failed)
}

fn warn_of_readers(key: &Path) {
    let mode = key.metadata().map_or(0, |m| m.permissions().mode());
    if mode & 0o004 != 0 {
        let key = key.display();
        tracing::warn!("everybody on this machine can read {key} (server.tls.key): chmod o-r");
    }
}
