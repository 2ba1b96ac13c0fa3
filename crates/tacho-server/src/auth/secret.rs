//! The secret of a token: how it is made, shown once, and known again.
//!
//! `tacho_` and 43 characters of base64url: 256 random bits of the system. The prefix lets people
//! and scanners of source code see what it is. A hash that is slow on purpose protects secrets
//! that people choose; this one cannot be guessed, so SHA-256 keeps it as safe as any other, and
//! costs a request less than a microsecond.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SecureRandom as _;

use super::TokenError;

/// What every secret begins with.
const MARK: &str = "tacho_";
/// How many bytes every secret has.
pub(super) const SECRET_BYTES: usize = MARK.len() + 43;
/// How many of them are kept, so that its owner knows it again.
const PREFIX_BYTES: usize = MARK.len() + 4;

/// SHA-256 of a secret.
pub(super) type Hash = [u8; 32];

/// A secret. It shows itself only where that is asked for.
pub(crate) struct Secret(String);

impl Secret {
    /// A new one.
    pub(crate) fn random() -> Result<Self, TokenError> {
        let mut bits = [0; 32];
        let random = ring::rand::SystemRandom::new();
        random.fill(&mut bits).map_err(|_| TokenError::Random)?;
        Ok(Self(format!("{MARK}{}", URL_SAFE_NO_PAD.encode(bits))))
    }

    /// The secret itself, for its owner.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    pub(super) fn prefix(&self) -> &str {
        self.0.get(..PREFIX_BYTES).unwrap_or(MARK)
    }

    pub(super) fn hash(&self) -> Hash {
        hash(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.prefix())
    }
}

/// SHA-256.
pub(super) fn hash(bytes: &[u8]) -> Hash {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut hash = Hash::default();
    hash.copy_from_slice(digest.as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_all_different_and_show_only_their_beginning() {
        let secrets: Vec<Secret> = (0..100).map(|_| Secret::random().unwrap()).collect();
        let hashes: std::collections::HashSet<Hash> = secrets.iter().map(Secret::hash).collect();
        assert_eq!(hashes.len(), 100);
        for secret in &secrets {
            assert_eq!(secret.reveal().len(), SECRET_BYTES);
            assert_eq!(format!("{secret:?}").len(), PREFIX_BYTES + '…'.len_utf8());
            // It passes through headers, addresses and shells as it is.
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            assert!(secret.reveal().chars().all(plain));
        }
    }

    /// FIPS 180-4, example "abc".
    #[test]
    fn the_hash_is_sha_256() {
        let hex: String = hash(b"abc").iter().map(|b| format!("{b:02x}")).collect();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex, expected);
    }
}
