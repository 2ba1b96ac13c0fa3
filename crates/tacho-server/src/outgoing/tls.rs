//! Connections that are made safe: whom to trust, and what to show.
//!
//! Files are read when a client is made. A certificate that signed itself can be trusted by name of
//! its file, as long as it is no authority's. Sources: Prometheus "Configuration" (3.8), `tls_config`;
//! RFC 5280, "Basic Constraints".

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::causes;

/// Why no connection can be made safe as it should.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there, or is not what it should be.
    #[error("cannot use {}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The system trusts nobody.
    #[error("the system has no certificates of authorities; give `ca`, or install ca-certificates")]
    Roots,
    /// A name that no server can have.
    #[error("`{0}` is no server_name")]
    Name(String),
}

/// How a connection is made safe.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// Who may vouch for the server; the system's authorities where absent.
    pub ca: Option<PathBuf>,
    /// Certificate and key to show.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name that the server's certificate must be for; the address's where absent.
    pub server_name: Option<String>,
    /// Whether the certificate is looked at.
    pub verify: Verify,
}

/// Whether a server's certificate is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// It is.
    #[default]
    Always,
    /// Anybody may answer.
    Never,
}

/// Makes connections as safe as the settings say.
pub(crate) fn secured(
    builder: reqwest::ClientBuilder,
    settings: &TlsSettings,
) -> Result<reqwest::ClientBuilder, TlsError> {
    let is_plain = settings.ca.is_none()
        && settings.identity.is_none()
        && settings.server_name.is_none()
        && settings.verify == Verify::Always;
    if is_plain {
        return Ok(builder);
    }
    if let (Verify::Always, Some(ca)) = (settings.verify, &settings.ca) {
        let verifier = named_verifier(ca, settings.server_name.as_deref())?;
        return Ok(builder.tls_backend_preconfigured(config(verifier, settings)?));
    }
    if settings.verify == Verify::Never {
        let verifier = Arc::new(Anybody);
        return Ok(builder.tls_backend_preconfigured(config(verifier, settings)?));
    }
    match &settings.identity {
        Some((certificate, key)) => {
            let mut pem = read(key)?;
            pem.extend(read(certificate)?);
            let identity = reqwest::Identity::from_pem(&pem)
                .map_err(|error| unusable(certificate, &causes::in_one_line(&error)))?;
            Ok(builder.identity(identity))
        }
        None => Ok(builder),
    }
}

/// What makes the connections of a collector's target as safe as the settings say; files are read
/// when it is first needed, and again after that failed.
pub fn for_targets(settings: &TlsSettings) -> tacho_collect::net::Tls {
    let name = settings.server_name.clone();
    let settings = settings.clone();
    let make = move || client_config(&settings).map_err(|error| error.to_string());
    tacho_collect::net::Tls::new(Arc::new(make), name)
}

fn client_config(settings: &TlsSettings) -> Result<ClientConfig, TlsError> {
    let verifier: Arc<dyn ServerCertVerifier> = match (settings.verify, &settings.ca) {
        (Verify::Never, _) => Arc::new(Anybody),
        (Verify::Always, Some(ca)) => named_verifier(ca, settings.server_name.as_deref())?,
        (Verify::Always, None) => system_verifier()?,
    };
    config(verifier, settings)
}

/// A verifier that trusts whom the system trusts.
fn system_verifier() -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    let verifier = WebPkiServerVerifier::builder(Arc::new(roots)).build();
    match verifier {
        Ok(verifier) => Ok(verifier),
        Err(_) => Err(TlsError::Roots),
    }
}

fn config(
    verifier: Arc<dyn ServerCertVerifier>,
    settings: &TlsSettings,
) -> Result<ClientConfig, TlsError> {
    let config = ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let Some((certificate, key)) = &settings.identity else {
        return Ok(config.with_no_client_auth());
    };
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|error| unusable(key, &error.to_string()))?;
    config
        .with_client_auth_cert(chain, private)
        .map_err(|error| unusable(certificate, &error.to_string()))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| unusable(path, &error.to_string()))
}

fn unusable(path: &Path, reason: &str) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match read {
        Ok(read) if !read.is_empty() => Ok(read),
        Ok(_) => Err(unusable(path, "it holds no certificate in PEM form")),
        Err(error) => Err(unusable(path, &error.to_string())),
    }
}

/// A verifier that trusts the authorities in a file, for this name where one is given.
fn named_verifier(ca: &Path, name: Option<&str>) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        let added = roots.add(certificate);
        added.map_err(|error| unusable(ca, &error.to_string()))?;
    }
    let verifier = WebPkiServerVerifier::builder(Arc::new(roots))
        .build()
        .map_err(|error| unusable(ca, &error.to_string()))?;
    let Some(name) = name else {
        return Ok(verifier);
    };
    let name =
        ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.to_owned()))?;
    Ok(Arc::new(Named { verifier, name }))
}

/// Takes a certificate for a name other than that of the address.
#[derive(Debug)]
struct Named {
    verifier: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

type Signed = Result<HandshakeSignatureValid, rustls::Error>;

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let name = &self.name;
        self.verifier
            .verify_server_cert(end, between, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        by: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Signed {
        self.verifier.verify_tls12_signature(message, by, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        by: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Signed {
        self.verifier.verify_tls13_signature(message, by, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Takes any certificate (`insecure_skip_verify`).
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _by: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Signed {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _by: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Signed {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
