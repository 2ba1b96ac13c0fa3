//! What to do when a connection by TLS does not come about.
//!
//! The library tells what is wrong in its own terms; who meets it has an address, a certificate and
//! a key of the configuration in front of them. Sources: rustls, `Error` and `CertificateError`;
//! RFC 5280, "Basic Constraints".

use std::error::Error;
use std::io;

use rustls::{CertificateError, InvalidMessage};

use crate::causes;

/// An error of a request in one line, as advice where there is some. `ca_key` is what names an
/// authority: an option or a key of the configuration.
pub fn told(error: &(dyn Error + 'static), ca_key: &str) -> String {
    if let Some(advice) = advice(error, ca_key) {
        return advice;
    }
    match error.downcast_ref::<reqwest::Error>() {
        // The layers in between say "error sending request", "client error (Connect)" and such.
        Some(request) if request.is_connect() => format!("cannot connect: {}", innermost(error)),
        _ => causes::in_one_line(error),
    }
}

fn innermost<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost
}

/// What to do about an error of TLS; `None` for errors of other kinds, and where nothing helps.
pub fn advice(error: &(dyn Error + 'static), ca_key: &str) -> Option<String> {
    let error = tls_error(error)?;
    match error {
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Some(
            "what answers there is not TLS, most likely plain HTTP: write http:// in the address"
                .to_owned(),
        ),
        rustls::Error::InvalidCertificate(certificate) => of_certificate(certificate, ca_key),
        _ => None,
    }
}

fn of_certificate(error: &CertificateError, ca_key: &str) -> Option<String> {
    Some(match error {
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "its certificate is an authority's own (CA:TRUE) and cannot be a server's: make one \
             with `-addext basicConstraints=critical,CA:FALSE`"
                .to_owned()
        }
        CertificateError::UnknownIssuer => {
            format!("its certificate is signed by nobody known here: name who did with {ca_key}")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("{error}: make one with a subjectAltName for it, or use the name that it has")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("its certificate has expired: renew it ({error})")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("its certificate is not valid yet: are both clocks right? ({error})")
        }
        _ => return None,
    })
}

/// The error of TLS among the causes. One that travels in an error of I/O is not its cause.
fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        let within = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match within {
            Some(within) => Some(within as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::OtherError;

    use super::*;

    #[track_caller]
    fn says(error: rustls::Error, expected: &str) {
        let packed = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error));
        let text = told(&packed, "--ca");
        assert!(text.contains(expected), "no `{expected}` in: {text}");
    }

    #[test]
    fn each_common_mistake_has_its_advice() {
        use rustls::Error::{InvalidCertificate, InvalidMessage};
        says(
            InvalidMessage(rustls::InvalidMessage::InvalidContentType),
            "write http://",
        );
        let cause = io::Error::other("CaUsedAsEndEntity");
        let other = CertificateError::Other(OtherError(Arc::new(cause)));
        says(InvalidCertificate(other), "CA:FALSE");
        says(
            InvalidCertificate(CertificateError::UnknownIssuer),
            "with --ca",
        );
        says(
            InvalidCertificate(CertificateError::NotValidForName),
            "subjectAltName",
        );
        says(InvalidCertificate(CertificateError::Expired), "renew it");
        says(InvalidCertificate(CertificateError::NotValidYet), "clocks");
    }

    #[test]
    fn other_errors_are_told_as_they_are() {
        says(rustls::Error::DecryptError, "decrypt");
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(told(&refused, "--ca"), "connection refused");
    }
}
