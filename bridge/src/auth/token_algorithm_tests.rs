//! Tokens of every algorithm that a key set may hold: the right key by its own algorithm gets in, and nothing else does.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::EncodingKey;
use jsonwebtoken::jwk::Jwk;
use serde_json::json;

use super::tests::{NOW_S, base64, claims, rules, sign};
use super::*;

/// Everything that a JWT may name, `none` included.
const ALL: [&str; 14] = [
    "ES256", "RS256", "EdDSA", "HS256", "HS384", "HS512", "ES384", "ES512", "ES256K", "RS384", "RS512",
    "PS256", "Ed25519", "none",
];

/// A fresh pair of one algorithm.
struct Pair {
    algorithm: Algorithm,
    /// As the header writes it, which is also the pair's `kid` here.
    name: &'static str,
    private: EncodingKey,
    /// The public half in the forms that are passed around: raw, DER, PEM.
    public: Vec<Vec<u8>>,
}

impl Pair {
    fn es256() -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let pkcs8 = pkcs8.expect("the machine has random numbers");
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).expect("made above");
        let public = public(pair.public_key().as_ref(), pair.public_key().as_der());
        let private = EncodingKey::from_ec_der(pkcs8.as_ref());
        Self { algorithm: Algorithm::ES256, name: "ES256", private, public }
    }

    fn rs256() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("the machine has random numbers");
        let public = public(pair.public_key().as_ref(), pair.public_key().as_der());
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().expect("a pair can be written");
        let private = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", pkcs8.as_ref()).as_bytes());
        let private = private.expect("jsonwebtoken reads it");
        Self { algorithm: Algorithm::RS256, name: "RS256", private, public }
    }

    fn eddsa() -> Self {
        let pair = Ed25519KeyPair::generate().expect("the machine has random numbers");
        let public = public(pair.public_key().as_ref(), pair.public_key().as_der());
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().expect("a pair can be written");
        let private = EncodingKey::from_ed_der(pkcs8.as_ref());
        Self { algorithm: Algorithm::EdDSA, name: "EdDSA", private, public }
    }

    fn all() -> [Self; 3] {
        [Self::es256(), Self::rs256(), Self::eddsa()]
    }

    fn jwk(&self) -> Jwk {
        let mut jwk =
            Jwk::from_encoding_key(&self.private, self.algorithm).expect("the pair has a public half");
        jwk.common.key_id = Some(self.name.to_owned());
        jwk
    }

    fn token(&self) -> String {
        let header = json!({ "alg": self.name, "kid": self.name });
        sign(&header, claims().to_string(), &self.private, self.algorithm)
    }
}

fn public<E: std::fmt::Debug>(raw: &[u8], der: Result<PublicKeyX509Der<'static>, E>) -> Vec<Vec<u8>> {
    let der = der.expect("a public key can be written");
    let pem = pem("PUBLIC KEY", der.as_ref());
    let on_one_line = pem.trim_end().as_bytes().to_vec();
    vec![raw.to_vec(), der.as_ref().to_vec(), pem.into_bytes(), on_one_line]
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

fn key_set(pairs: &[Pair]) -> KeySet {
    let keys: Vec<Jwk> = pairs.iter().map(Pair::jwk).collect();
    KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes()).expect("the set is good")
}

#[track_caller]
fn check(token: &str, keys: &KeySet, expected: Result<&str, AuthError>) {
    let found = verify(token, keys, &rules(), NOW_S).map(|claims| claims.user.to_string());
    assert_eq!(found, expected.map(str::to_owned), "{token}");
}

#[test]
fn a_good_token_of_every_algorithm_gets_in() {
    let pairs = Pair::all();
    let keys = key_set(&pairs);
    assert_eq!(keys.n_keys(), 3);
    for pair in &pairs {
        check(&pair.token(), &keys, Ok("alice"));
        // A set of one key needs no kid.
        let without_kid =
            sign(&json!({ "alg": pair.name }), claims().to_string(), &pair.private, pair.algorithm);
        check(&without_kid, &key_set(std::slice::from_ref(pair)), Ok("alice"));
        check(&without_kid, &keys, Err(AuthError::UnknownKey));
    }
}

#[test]
fn another_key_of_the_same_algorithm_is_refused() {
    let keys = key_set(&Pair::all());
    for stranger in Pair::all() {
        check(&stranger.token(), &keys, Err(AuthError::Signature));
    }
}

#[test]
fn a_flipped_or_missing_bit_of_a_signature_is_refused() {
    let pairs = Pair::all();
    let keys = key_set(&pairs);
    for pair in &pairs {
        let token = pair.token();
        let (message, signature) = token.rsplit_once('.').expect("three parts");
        let good = URL_SAFE_NO_PAD.decode(signature).expect("made above");
        for i in 0..8 * good.len() {
            let mut flipped = good.clone();
            flipped[i / 8] ^= 1 << (i % 8);
            check(&format!("{message}.{}", base64(flipped)), &keys, Err(AuthError::Signature));
        }
        let longer = [&good[..], &[0]].concat();
        for other in [&good[1..], &good[..good.len() - 1], &[], &longer, &vec![0; good.len()]] {
            check(&format!("{message}.{}", base64(other)), &keys, Err(AuthError::Signature));
        }
        let payload = claims().to_string().replace("alice", "alicf");
        let header = message.split('.').next().expect("two parts");
        check(&format!("{header}.{}.{signature}", base64(payload)), &keys, Err(AuthError::Signature));
    }
}

#[test]
fn a_key_serves_its_own_algorithm_only() {
    let pairs = Pair::all();
    let keys = key_set(&pairs);
    for pair in &pairs {
        for alg in ALL.into_iter().filter(|alg| *alg != pair.name) {
            let header = json!({ "alg": alg, "kid": pair.name });
            let token = sign(&header, claims().to_string(), &pair.private, pair.algorithm);
            check(&token, &keys, Err(AuthError::Algorithm { expected: pair.algorithm }));
        }
        // Signed by another key of the set, by that key's algorithm.
        for other in pairs.iter().filter(|other| other.name != pair.name) {
            for (alg, expected) in [
                (other.name, AuthError::Algorithm { expected: pair.algorithm }),
                (pair.name, AuthError::Signature),
            ] {
                let header = json!({ "alg": alg, "kid": pair.name });
                let token = sign(&header, claims().to_string(), &other.private, other.algorithm);
                check(&token, &keys, Err(expected));
            }
        }
    }
    // The same key by another padding of RSA.
    let [_, rsa, _] = &pairs;
    for (alg, expected) in
        [("RS256", AuthError::Signature), ("PS256", AuthError::Algorithm { expected: Algorithm::RS256 })]
    {
        let header = json!({ "alg": alg, "kid": "RS256" });
        let token = sign(&header, claims().to_string(), &rsa.private, Algorithm::PS256);
        check(&token, &keys, Err(expected));
    }
}

#[test]
fn a_public_key_of_any_algorithm_cannot_be_a_secret() {
    let pairs = Pair::all();
    let keys = key_set(&pairs);
    for pair in &pairs {
        let jwk = serde_json::to_vec(&pair.jwk()).expect("a key is JSON");
        for public in pair.public.iter().chain([&jwk]) {
            let secret = EncodingKey::from_secret(public);
            for (alg, expected) in [
                ("HS256", AuthError::Algorithm { expected: pair.algorithm }),
                (pair.name, AuthError::Signature),
            ] {
                let header = json!({ "alg": alg, "kid": pair.name });
                check(&sign(&header, claims().to_string(), &secret, Algorithm::HS256), &keys, Err(expected));
            }
        }
    }
}
