//! The forms in which a token may come in `Authorization`.
//!
//! | form | who sends it |
//! | --- | --- |
//! | `Bearer T` | OpenTelemetry, Prometheus (`authorization`), Grafana, our own commands |
//! | `Token T` | `InfluxDB`'s clients, Telegraf |
//! | `Basic base64(user:T)` | browsers, Prometheus (`basic_auth`), curl -u; any user |
//! | `T` | logfire |
//!
//! Names of schemes know no case (RFC 9110, section 11.1). Basic is RFC 7617; where there is no
//! password, the user is taken for it, as in `https://TOKEN@host`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::secret::{Hash, SECRET_BYTES, hash};

/// Longest `Authorization` that is looked at: a token and a user's name in base64.
const HEADER_BYTES_MAX: usize = 1024;

/// The hash of the token that was sent; `None` when what was sent cannot be one.
pub(super) fn hash_of(authorization: &[u8]) -> Option<Hash> {
    if authorization.len() > HEADER_BYTES_MAX {
        return None;
    }
    let sent = authorization.trim_ascii();
    let (scheme, rest) = match sent.iter().position(|byte| *byte == b' ') {
        Some(at) => sent.split_at(at),
        None => (&b""[..], sent),
    };
    let rest = rest.trim_ascii();
    let is = |name: &str| scheme.eq_ignore_ascii_case(name.as_bytes());
    if is("basic") {
        let decoded = STANDARD.decode(rest).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let (user, password) = decoded.split_at(colon);
        let password = password.get(1..).unwrap_or_default();
        return secret(if password.is_empty() { user } else { password });
    }
    if is("bearer") || is("token") || is("") {
        return secret(rest);
    }
    None
}

fn secret(bytes: &[u8]) -> Option<Hash> {
    (bytes.len() == SECRET_BYTES).then(|| hash(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::secret::Secret;

    #[test]
    fn each_form_is_the_same_token() {
        let secret = Secret::random().unwrap();
        let t = secret.reveal();
        let basic = |text: String| format!("Basic {}", STANDARD.encode(text));
        for form in [
            format!("Bearer {t}"),
            format!("bearer   {t} "),
            format!("Token {t}"),
            t.to_owned(),
            basic(format!("x:{t}")),
            basic(format!(":{t}")),
            basic(format!("{t}:")),
            basic(format!("ünser:{t}")).replace("Basic", "BASIC"),
        ] {
            assert_eq!(hash_of(form.as_bytes()), Some(secret.hash()), "{form}");
        }
        for form in [
            String::new(),
            "Bearer".to_owned(),
            format!("Bearer {t}x"),
            format!("Bearer {t} {t}"),
            format!("Digest {t}"),
            format!("Basic {t}"),
            basic(t.to_owned()),
            basic(format!("{t}:x")),
            basic(format!("{}:{t}", "u".repeat(1000))),
            format!("Bearer {}", "x".repeat(9000)),
        ] {
            assert_ne!(hash_of(form.as_bytes()), Some(secret.hash()), "{form}");
        }
        // Bytes that are no text are no token, and nothing else.
        assert_eq!(hash_of(&[0xff; 60]), None);
    }
}
