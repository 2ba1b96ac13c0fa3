//! Proving a password to PostgreSQL: SCRAM-SHA-256, and MD5 for older servers.
//!
//! The server must prove in turn that it knows the password. Channel binding is not offered.
//! Passwords beyond ASCII are taken as they are, without `SASLprep`, as PostgreSQL itself does with
//! those that it cannot prepare. Sources: RFC 5802, RFC 7677; PostgreSQL 17, section 53.3.

use std::fmt::Write as _;
use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use ring::rand::SecureRandom as _;
use ring::{digest, hmac, pbkdf2};

use crate::targets::TargetError;

/// The mechanism's name.
pub(super) const NAME: &str = "SCRAM-SHA-256";
/// Most rounds that are worked on; PostgreSQL's default is 4096.
const ITERATIONS_MAX: u32 = 1_000_000;

/// An exchange under way.
pub(super) struct Scram {
    password: String,
    nonce: String,
    /// What the server must prove, once it is known.
    expected: Option<Vec<u8>>,
}

impl Scram {
    /// Begins one.
    pub(super) fn begin(password: String) -> Result<Self, TargetError> {
        let mut random = [0; 18];
        ring::rand::SystemRandom::new()
            .fill(&mut random)
            .map_err(|_| TargetError::Unusable("log in: the system has no randomness".into()))?;
        Ok(Self::with_nonce(password, STANDARD.encode(random)))
    }

    fn with_nonce(password: String, nonce: String) -> Self {
        Self {
            password,
            nonce,
            expected: None,
        }
    }

    /// The first message; the user's name stands elsewhere.
    pub(super) fn first(&self) -> String {
        format!("n,,{}", self.bare(""))
    }

    fn bare(&self, user: &str) -> String {
        format!("n={user},r={}", self.nonce)
    }

    /// The answer to the server's first message.
    pub(super) fn answer(&mut self, challenge: &str) -> Result<String, TargetError> {
        self.answer_as("", challenge)
    }

    fn answer_as(&mut self, user: &str, challenge: &str) -> Result<String, TargetError> {
        let field = |name: &str| {
            challenge
                .split(',')
                .find_map(|part| part.strip_prefix(name))
        };
        let wrong = |reason| TargetError::malformed("SCRAM-SHA-256", reason);
        let nonce = field("r=").ok_or_else(|| wrong("it has no nonce"))?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(wrong("its nonce is not of ours"));
        }
        let salt = field("s=").and_then(|text| STANDARD.decode(text).ok());
        let salt = salt.ok_or_else(|| wrong("it has no salt"))?;
        let rounds = field("i=").and_then(|text| text.parse().ok());
        let rounds = rounds.filter(|rounds| *rounds <= ITERATIONS_MAX);
        let rounds = rounds.and_then(NonZeroU32::new);
        let rounds = rounds.ok_or_else(|| wrong("its count of rounds is out of range"))?;
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        let method = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(method, rounds, &salt, self.password.as_bytes(), &mut salted);
        let client_key = sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, &client_key);
        let last = format!("c=biws,r={nonce}");
        let all = format!("{},{challenge},{last}", self.bare(user));
        let signature = sign(stored_key.as_ref(), all.as_bytes());
        let proof: Vec<u8> = client_key
            .iter()
            .zip(&signature)
            .map(|(a, b)| a ^ b)
            .collect();
        self.expected = Some(sign(&sign(&salted, b"Server Key"), all.as_bytes()));
        Ok(format!("{last},p={}", STANDARD.encode(proof)))
    }

    /// Whether the server knows the password too.
    pub(super) fn verify(&self, last: &str) -> Result<(), TargetError> {
        let proof = last.split(',').find_map(|part| part.strip_prefix("v="));
        let proof = proof.and_then(|text| STANDARD.decode(text).ok());
        if proof.is_some() && proof == self.expected {
            return Ok(());
        }
        Err(unproved())
    }
}

/// A server that may be anybody.
pub(super) fn unproved() -> TargetError {
    TargetError::Unusable(
        "log in: the server could not prove that it knows the password".to_owned(),
    )
}

fn sign(key: &[u8], message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, message).as_ref().to_vec()
}

/// The answer to a request for an MD5 password.
pub(super) fn md5(user: &str, password: &str, salt: [u8; 4]) -> String {
    let inner = hex(&Md5::digest(
        [password.as_bytes(), user.as_bytes()].concat(),
    ));
    let outer = hex(&Md5::digest([inner.as_bytes(), &salt].concat()));
    format!("md5{outer}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The exchange of RFC 7677, section 3.
    #[test]
    fn the_exchange_of_the_specification() {
        let nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
        let mut scram = Scram::with_nonce("pencil".to_owned(), nonce);
        let challenge = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let answer = scram.answer_as("user", challenge).unwrap();
        assert_eq!(
            answer,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        scram
            .verify("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
            .unwrap();
        for wrong in [
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=",
            "v=",
            "e=no",
            "",
        ] {
            assert!(scram.verify(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_challenge_out_of_the_ordinary_is_refused() {
        for bad in [
            "",
            "r=abc,s=QQ==,i=4096",
            "r=abcd,s=QQ==,i=0",
            "r=abcd,s=QQ==,i=4000000000",
            "r=abcd,s=?,i=4096",
            "r=xabcd,s=QQ==,i=4096",
        ] {
            let mut scram = Scram::with_nonce("p".to_owned(), "abc".to_owned());
            assert!(scram.answer(bad).is_err(), "{bad}");
            assert!(scram.verify("v=").is_err());
        }
    }

    /// From PostgreSQL's own way: `md5(md5(password || user) || salt)`.
    #[test]
    fn an_md5_password_is_hashed_twice() {
        let inner = hex(&Md5::digest(b"secretuser"));
        let outer = hex(&Md5::digest([inner.as_bytes(), &[1, 2, 3, 4]].concat()));
        assert_eq!(md5("user", "secret", [1, 2, 3, 4]), format!("md5{outer}"));
        assert_eq!(hex(&Md5::digest(b"")), "d41d8cd98f00b204e9800998ecf8427e");
    }

    proptest! {
        #[test]
        fn no_challenge_breaks_it(text in "[a-z=,+/0-9]{0,60}") {
            let mut scram = Scram::with_nonce("p".to_owned(), "a".to_owned());
            let _ = scram.answer(&text);
            let _ = scram.verify(&text);
        }
    }
}
