//! How is a password proved without being shown (RFC 5802, RFC 7677)?

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::identity::{ScramHash, ScramSecret};
use super::{LogInError, Refusal};
use crate::response::Malformed;

/// How often a broker may have the password hashed: fewer make guessing cheap, more would keep a thread busy. Kafka's
/// own limits.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4_096..=16_384;
/// What a broker may add to the nonce, and its salt: generous.
const MAX_NONCE_LEN: usize = 512;
const MAX_SALT_LEN: usize = 512;
/// "No channel binding", and that in Base64.
const GS2_HEADER: &str = "n,,";
const GS2_HEADER_BASE64: &str = "biws";

impl ScramHash {
    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }
}

/// A password after a broker's salt.
pub(super) struct Salted {
    hash: ScramHash,
    salt: Vec<u8>,
    n_iterations: u32,
    key: Vec<u8>,
}

impl Salted {
    pub(super) fn derive(hash: ScramHash, password: &str, salt: &[u8], n_iterations: u32) -> Self {
        let mut key = vec![0; hash.digest().output_len];
        let times = NonZeroU32::new(n_iterations).unwrap_or(NonZeroU32::MIN);
        pbkdf2::derive(hash.pbkdf2(), times, salt, password.as_bytes(), &mut key);
        Self { hash, salt: salt.to_vec(), n_iterations, key }
    }

    pub(super) fn is_of(&self, salt: &[u8], n_iterations: u32) -> bool {
        self.salt == salt && self.n_iterations == n_iterations
    }

    fn hmac(&self, key: &[u8], message: &[u8]) -> hmac::Tag {
        hmac::sign(&hmac::Key::new(self.hash.hmac(), key), message)
    }
}

/// The client's side of one exchange.
#[derive(Debug)]
pub(super) struct Scram {
    /// The client's nonce at first, then both.
    nonce: String,
    first_bare: String,
    /// What the broker must answer at the end, once it is known.
    expected: Option<hmac::Tag>,
}

/// A nonce that was never used.
pub(super) fn nonce() -> Result<String, LogInError> {
    let mut bytes = [0; 24];
    rand::fill(&mut bytes).map_err(|_| LogInError::NoRandomness)?;
    Ok(BASE64.encode(bytes))
}

impl Scram {
    /// The exchange, and its first message.
    pub(super) fn begin(secret: &ScramSecret, nonce: String) -> (Self, String) {
        let username = secret.username.replace('=', "=3D").replace(',', "=2C");
        let first_bare = format!("n={username},r={nonce}");
        let message = format!("{GS2_HEADER}{first_bare}");
        (Self { nonce, first_bare, expected: None }, message)
    }

    /// Answers the broker's first message.
    pub(super) fn prove(&mut self, secret: &ScramSecret, server_first: &[u8]) -> Result<String, LogInError> {
        let server_first = std::str::from_utf8(server_first).map_err(|_| Malformed)?;
        let mut fields = server_first.split(',');
        let mut field =
            |name: &str| fields.next().and_then(|field| field.strip_prefix(name)).ok_or(Malformed);
        let (nonce, salt, times) = (field("r=")?, field("s=")?, field("i=")?);
        let adds_to_ours = nonce.len() > self.nonce.len() && nonce.starts_with(&self.nonce);
        if !adds_to_ours || nonce.len() > MAX_NONCE_LEN || salt.len() > MAX_SALT_LEN {
            return Err(Malformed.into());
        }
        let salt = BASE64.decode(salt).map_err(|_| Malformed)?;
        let times = times.parse().ok().filter(|times| ITERATIONS.contains(times)).ok_or(Malformed)?;
        let salted = secret.salted(&salt, times);

        let without_proof = format!("c={GS2_HEADER_BASE64},r={nonce}");
        let signed = format!("{},{server_first},{without_proof}", self.first_bare);
        let client_key = salted.hmac(&salted.key, b"Client Key");
        let stored_key = digest::digest(secret.hash.digest(), client_key.as_ref());
        let signature = salted.hmac(stored_key.as_ref(), signed.as_bytes());
        let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        let server_key = salted.hmac(&salted.key, b"Server Key");
        self.expected = Some(salted.hmac(server_key.as_ref(), signed.as_bytes()));
        Ok(format!("{without_proof},p={}", BASE64.encode(proof)))
    }

    /// Whether the broker's last message shows that it knows the password as well.
    pub(super) fn check(&self, server_final: &[u8]) -> Result<(), LogInError> {
        let signature = server_final.strip_prefix(b"v=").ok_or(Refusal::Impostor)?;
        let signature = signature.split(|byte| *byte == b',').next().unwrap_or_default();
        let signature = BASE64.decode(signature).map_err(|_| Refusal::Impostor)?;
        let expected = self.expected.as_ref().ok_or(Malformed)?;
        let is_known =
            aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_ref(), &signature).is_ok();
        if is_known { Ok(()) } else { Err(Refusal::Impostor.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Identity;
    use super::super::identity::Proof;
    use super::*;

    fn with_secret<T>(
        hash: ScramHash,
        user: &str,
        password: &str,
        use_it: impl FnOnce(&ScramSecret) -> T,
    ) -> T {
        let identity = Identity::scram(hash, user, password);
        match identity.proof() {
            Proof::Scram(secret) => use_it(secret),
            _ => unreachable!("made as SCRAM"),
        }
    }

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    /// RFC 7677, section 3.
    #[test]
    fn the_exchange_of_the_rfc_is_ours() {
        with_secret(ScramHash::Sha256, "user", "pencil", |secret| {
            let (mut scram, first) = Scram::begin(secret, NONCE.to_owned());
            assert_eq!(first, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
            let last = scram.prove(secret, SERVER_FIRST.as_bytes());
            let expected = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                            p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
            assert_eq!(last.as_deref(), Ok(expected));
            let good = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
            assert_eq!(scram.check(good), Ok(()));
            let mut other = *good;
            other[10] ^= 1;
            assert_eq!(scram.check(&other), Err(Refusal::Impostor.into()));
            assert_eq!(scram.check(b"e=invalid-proof"), Err(Refusal::Impostor.into()));
            assert_eq!(scram.check(b""), Err(Refusal::Impostor.into()));
        });
    }

    #[track_caller]
    fn refused(server_first: &str) {
        with_secret(ScramHash::Sha512, "user", "pencil", |secret| {
            let (mut scram, _) = Scram::begin(secret, NONCE.to_owned());
            assert_eq!(scram.prove(secret, server_first.as_bytes()), Err(Malformed.into()), "{server_first}");
        });
    }

    #[test]
    fn a_broker_that_cheats_gets_no_proof() {
        refused("");
        refused("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        refused("r=another,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        refused("m=new,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        refused("r=rOprNGfwEbeRWgbNEkqOx,s=not base64,i=4096");
        for times in ["4095", "16385", "0", "-1", "4294967296", "", "4096x"] {
            refused(&format!("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i={times}"));
        }
        refused(&format!("r=rOprNGfwEbeRWgbNEkqO{},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "x".repeat(600)));
        refused(&format!("r=rOprNGfwEbeRWgbNEkqOx,s={},i=4096", "A".repeat(600)));
    }

    #[test]
    fn names_cannot_add_fields() {
        with_secret(ScramHash::Sha512, "a=b,r=c", "x", |secret| {
            assert_eq!(Scram::begin(secret, "N".to_owned()).1, "n,,n=a=3Db=2Cr=3Dc,r=N");
        });
    }

    #[test]
    fn nonces_differ() {
        assert_ne!(nonce(), nonce());
    }
}
