//! Which files are taken, and when they are read again.

use std::fs;

use super::*;

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn settings(&self) -> TlsSettings {
        let path = |name| self.0.path().join(name);
        let (cert, key) = (path("cert.pem"), path("key.pem"));
        TlsSettings { cert, key }
    }

    fn write(&self, cert: &str, key: &str) -> TlsSettings {
        let settings = self.settings();
        fs::write(&settings.cert, cert).unwrap();
        fs::write(&settings.key, key).unwrap();
        settings
    }
}

fn pair() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[track_caller]
fn refuses(cert: &str, key: &str, says: &str) {
    let files = Files::new();
    let error = Certificate::load(&files.write(cert, key)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(says) && text.contains(".pem"), "{text}");
}

#[test]
fn what_is_no_pair_is_refused_with_the_file() {
    let ((cert, key), (other, _)) = (pair(), pair());
    refuses("", &key, "cert.pem (server.tls) has no certificate");
    refuses(&key, &key, "has no certificate");
    refuses(&cert, &cert, "key.pem (server.tls) has no private key");
    refuses(&other, &key, "cannot be used together");
    let half = &cert[..cert.len() / 2];
    refuses(half, &key, "has no certificate");
    refuses(&"x".repeat(1 << 21), &key, "more than");
    let nothing = Certificate::load(&Files::new().settings()).unwrap_err();
    assert!(nothing.to_string().contains("cannot read"), "{nothing}");
    let files = Files::new();
    assert!(Certificate::load(&files.write(&cert, &key)).is_ok());
}

#[test]
fn a_changed_certificate_is_read_again_and_half_of_one_is_not_used() {
    let (first, second) = (pair(), pair());
    let files = Files::new();
    let settings = files.write(&first.0, &first.1);
    let certificate = Certificate::load(&settings).unwrap();
    let shown = || certificate.current.read().cert[0].to_vec();
    let before = shown();
    assert!(!certificate.renew().unwrap());
    // Only the certificate is there yet: told once, and the one before goes on.
    fs::write(&settings.cert, &second.0).unwrap();
    assert!(certificate.renew().is_err());
    assert!(!certificate.renew().unwrap());
    assert_eq!(shown(), before);
    fs::write(&settings.key, &second.1).unwrap();
    assert!(certificate.renew().unwrap());
    assert_ne!(shown(), before);
    fs::remove_file(&settings.cert).unwrap();
    assert!(certificate.renew().is_err());
    assert_ne!(shown(), before);
}

#[test]
fn listeners_offer_what_they_speak() {
    let (cert, key) = pair();
    let files = Files::new();
    let certificate = Certificate::load(&files.write(&cert, &key)).unwrap();
    let config = certificate.config(&[b"h2", HTTP_1]);
    assert_eq!(config.alpn_protocols, [&b"h2"[..], HTTP_1]);
}
