//! The attacks that a token check must withstand, one case each.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::{EncodingKey, jwk::Jwk};
use serde_json::json;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(super) const NOW_S: u64 = 1_800_000_000;

pub(super) fn rules() -> Rules {
    Rules {
        issuer: "https://id.example".into(),
        audience: "bridge".into(),
        user_claim: "sub".into(),
        max_lifetime: Duration::from_secs(3600),
        reserved: Reserved {
            names: vec!["svc-*".parse().expect("a name"), "admin".parse().expect("a name")],
        },
    }
}

fn secret_keys() -> KeySet {
    KeySet::from_secret(&SECRET.parse().expect("any text is a secret")).expect("32 bytes are enough")
}

pub(super) fn claims() -> Value {
    json!({ "iss": "https://id.example", "aud": "bridge", "sub": "alice", "iat": NOW_S - 60, "exp": NOW_S + 60 })
}

pub(super) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with any header and payload, signed with `key` by `algorithm`.
pub(super) fn sign(
    header: &Value,
    payload: impl AsRef<[u8]>,
    key: &EncodingKey,
    algorithm: Algorithm,
) -> String {
    let message = format!("{}.{}", base64(header.to_string()), base64(payload));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).expect("the key signs");
    format!("{message}.{signature}")
}

fn sign_hs(header: &Value, payload: impl AsRef<[u8]>) -> String {
    sign(header, payload, &EncodingKey::from_secret(SECRET.as_bytes()), Algorithm::HS256)
}

/// The usual claims with one of them replaced, or removed where `value` is null.
fn with(name: &str, value: Value) -> String {
    let mut claims = claims();
    let map = claims.as_object_mut().expect("claims are an object");
    if value.is_null() {
        map.remove(name)
    } else {
        map.insert(name.into(), value)
    };
    sign_hs(&json!({ "alg": "HS256" }), claims.to_string())
}

#[track_caller]
fn check(token: &str, expected: Result<&str, AuthError>) {
    let found = verify(token, &secret_keys(), &rules(), NOW_S).map(|claims| claims.user.to_string());
    assert_eq!(found, expected.map(str::to_owned), "{token}");
}

/// Claims with one replaced by a value that must be refused as `expected`.
#[track_caller]
fn refused(name: &str, value: Value, expected: AuthError) {
    check(&with(name, value), Err(expected));
}

#[test]
fn a_good_token_names_its_user() {
    check(&sign_hs(&json!({ "alg": "HS256" }), claims().to_string()), Ok("alice"));
    let found = verify(&with("exp", json!(NOW_S + 1)), &secret_keys(), &rules(), NOW_S);
    assert_eq!(found.map(|claims| claims.expires_at_s), Ok(NOW_S + 1));
}

#[test]
fn no_and_unsigned_tokens_are_refused() {
    check("", Err(AuthError::Malformed("it has not three parts")));
    let expected = AuthError::Algorithm { expected: Algorithm::HS256 };
    for alg in [
        "none", "nOnE", "None", "NONE", "", "hs256", "HS256 ", "HS384", "HS512", "RS256", "ES256", "PS256",
        "EdDSA",
    ] {
        let header = json!({ "alg": alg });
        check(&sign_hs(&header, claims().to_string()), Err(expected.clone()));
        let unsigned = format!("{}.{}.", base64(header.to_string()), base64(claims().to_string()));
        check(&unsigned, Err(expected.clone()));
    }
    let good = sign_hs(&json!({ "alg": "HS256" }), claims().to_string());
    let end = good.rfind('.').expect("three parts");
    check(&good[..=end], Err(AuthError::Signature));
    check(&good[..end], Err(AuthError::Malformed("it has not three parts")));
    let missing = Err(AuthError::Malformed("a part is not the JSON expected"));
    check(&sign_hs(&json!({ "typ": "JWT" }), claims().to_string()), missing.clone());
    check(&sign_hs(&json!({ "alg": ["HS256"] }), claims().to_string()), missing);
}

#[test]
fn a_secret_of_someone_else_is_refused() {
    let key = EncodingKey::from_secret(b"another secret of thirty-two bytes");
    check(
        &sign(&json!({ "alg": "HS256" }), claims().to_string(), &key, Algorithm::HS256),
        Err(AuthError::Signature),
    );
}

/// A fresh ES256 pair: the private half, and the public one as a key set with this id.
fn ec_pair(kid: &str) -> (EncodingKey, Vec<u8>) {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .expect("the machine has random numbers");
    let private = EncodingKey::from_ec_der(document.as_ref());
    let mut jwk = Jwk::from_encoding_key(&private, Algorithm::ES256).expect("the pair has a public half");
    jwk.common.key_id = Some(kid.to_owned());
    (private, json!({ "keys": [jwk] }).to_string().into_bytes())
}

#[test]
fn a_public_key_cannot_be_a_secret() {
    let (private, jwks) = ec_pair("k1");
    let keys = KeySet::from_jwks(&jwks).expect("the set is good");
    let check = |token: String, expected: Result<&str, AuthError>| {
        let found = verify(&token, &keys, &rules(), NOW_S).map(|claims| claims.user.to_string());
        assert_eq!(found, expected.map(str::to_owned));
    };
    let payload = claims().to_string();
    check(sign(&json!({ "alg": "ES256", "kid": "k1" }), &payload, &private, Algorithm::ES256), Ok("alice"));
    check(sign(&json!({ "alg": "ES256" }), &payload, &private, Algorithm::ES256), Ok("alice"));
    for kid in [
        "k2",
        "",
        "../../etc/passwd",
        "' OR 1=1 --",
        "https://evil.example/jwks.json",
        "K1",
        &"k".repeat(128),
    ] {
        let header = json!({ "alg": "ES256", "kid": kid });
        check(sign(&header, &payload, &private, Algorithm::ES256), Err(AuthError::UnknownKey));
    }
    // The key set is public: whoever has it must not be able to sign with its bytes.
    let public = EncodingKey::from_secret(&jwks);
    let forged = sign(&json!({ "alg": "HS256", "kid": "k1" }), &payload, &public, Algorithm::HS256);
    check(forged, Err(AuthError::Algorithm { expected: Algorithm::ES256 }));
    let forged = sign(&json!({ "alg": "ES256", "kid": "k1" }), &payload, &public, Algorithm::HS256);
    check(forged, Err(AuthError::Signature));
    // Keys that come with the token are not looked at.
    let (other, other_jwks) = ec_pair("k1");
    let other_jwks: Value = serde_json::from_slice(&other_jwks).expect("made above");
    let header =
        json!({ "alg": "ES256", "kid": "k1", "jwk": other_jwks["keys"][0], "jku": "https://evil.example" });
    check(sign(&header, &payload, &other, Algorithm::ES256), Err(AuthError::Signature));
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let good = sign_hs(&json!({ "alg": "HS256" }), claims().to_string());
    let keys = secret_keys();
    for i in 0..good.len() {
        for bit in 0..7 {
            let mut bytes = good.clone().into_bytes();
            bytes[i] ^= 1 << bit;
            let flipped = String::from_utf8(bytes).expect("the flipped bits keep it ASCII");
            assert!(verify(&flipped, &keys, &rules(), NOW_S).is_err(), "byte {i}, bit {bit}");
        }
    }
}

#[test]
fn expiry_is_required_and_a_plausible_number() {
    for value in [
        json!(null),
        json!("1800000060"),
        json!(1_800_000_060.5),
        json!(-1),
        json!(1_u64 << 63),
        json!(u64::MAX),
    ] {
        refused("exp", value, AuthError::Claim("exp"));
    }
    for value in [json!([NOW_S + 60]), json!({}), json!(true), json!(MAX_TIME_S + 1)] {
        refused("exp", value, AuthError::Claim("exp"));
    }
    refused("exp", json!(MAX_TIME_S), AuthError::TooLongLived(MAX_TIME_S - NOW_S + 60));
    check(&with("exp", json!(NOW_S - 4)), Ok("alice"));
    check(&with("exp", json!(NOW_S - 5)), Ok("alice"));
    refused("exp", json!(NOW_S - 6), AuthError::Expired(6));
    refused("exp", json!(0), AuthError::Expired(NOW_S));
}

#[test]
fn a_token_is_not_valid_before_its_time() {
    check(&with("nbf", json!(NOW_S)), Ok("alice"));
    check(&with("nbf", json!(NOW_S + 5)), Ok("alice"));
    refused("nbf", json!(NOW_S + 6), AuthError::NotYet(6));
    for value in [json!("0"), json!(-1), json!(0.5), json!([])] {
        refused("nbf", value, AuthError::Claim("nbf"));
    }
}

#[test]
fn a_token_says_when_it_was_made_and_lives_no_longer_than_is_accepted() {
    check(&with("iat", json!(NOW_S + 5)), Ok("alice"));
    refused("iat", json!(NOW_S + 6), AuthError::NotYet(6));
    for value in [json!(null), json!("0"), json!(-1), json!(0.5), json!([]), json!(MAX_TIME_S + 1)] {
        refused("iat", value, AuthError::Claim("iat"));
    }
    check(&with("iat", json!(NOW_S + 60 - 3600)), Ok("alice"));
    refused("iat", json!(NOW_S + 60 - 3601), AuthError::TooLongLived(3601));
    refused("iat", json!(0), AuthError::TooLongLived(NOW_S + 60));
}

#[test]
fn a_claim_that_is_given_twice_is_refused() {
    let twice = Err(AuthError::Malformed("a part is not the JSON expected"));
    let good = claims().to_string();
    for second in
        [r#""sub":"bob""#, r#""sub":"alice""#, r#""s\u0075b":"bob""#, r#""exp":9999999999"#, r#""aud":[]"#]
    {
        let payload = format!("{},{second}}}", good.trim_end_matches('}'));
        check(&sign_hs(&json!({ "alg": "HS256" }), payload), twice.clone());
    }
    let header = base64(r#"{"alg":"HS256","alg":"none"}"#);
    check(&format!("{header}.{}.", base64(&good)), twice);
}

#[test]
fn names_of_services_are_nobodys() {
    for name in ["svc-broker", "SVC-bridge", "admin", "Admin", "User:svc-broker", "User:admin"] {
        refused("sub", json!(name), AuthError::Reserved);
    }
    // Neither may another claim name one, nor may one hide behind another claim.
    let rules = Rules { user_claim: "driver".into(), ..rules() };
    for (sub, driver) in [("alice", "svc-broker"), ("svc-broker", "alice")] {
        let mut claims = claims();
        claims["sub"] = json!(sub);
        claims["driver"] = json!(driver);
        let token = sign_hs(&json!({ "alg": "HS256" }), claims.to_string());
        let found = verify(&token, &secret_keys(), &rules, NOW_S);
        assert_eq!(found.map(|claims| claims.user.to_string()), Err(AuthError::Reserved));
    }
}

#[test]
fn a_token_may_have_an_id() {
    let id = |token: &str| {
        let found = verify(token, &secret_keys(), &rules(), NOW_S);
        found.map(|claims| claims.id.map(|id| id.to_string()))
    };
    assert_eq!(id(&with("jti", json!("4f9c-1"))), Ok(Some("4f9c-1".into())));
    assert_eq!(id(&with("jti", json!(null))), Ok(None));
    for value in [json!(1), json!(""), json!("a b"), json!(["a"]), json!("x".repeat(129))] {
        refused("jti", value, AuthError::Claim("jti"));
    }
}

#[test]
fn the_audience_is_exact() {
    check(&with("aud", json!(["kafka", "bridge"])), Ok("alice"));
    for value in [
        json!("Bridge"),
        json!("bridge "),
        json!("bridge/"),
        json!(""),
        json!([]),
        json!(["kafka", "bridge2"]),
    ] {
        refused("aud", value, AuthError::Audience);
    }
    for value in [json!(null), json!(1), json!({ "bridge": true }), json!(["bridge", 1]), json!([["bridge"]])]
    {
        refused("aud", value, AuthError::Claim("aud"));
    }
}

#[test]
fn the_issuer_is_exact() {
    for value in
        [json!("https://id.example/"), json!("http://id.example"), json!("HTTPS://id.example"), json!("")]
    {
        refused("iss", value, AuthError::Issuer);
    }
    for value in [json!(null), json!(1), json!(["https://id.example"])] {
        refused("iss", value, AuthError::Claim("iss"));
    }
}

#[test]
fn the_subject_is_a_user_id() {
    for value in [json!(null), json!(7), json!(["alice"]), json!({ "id": "alice" }), json!(true)] {
        refused("sub", value, AuthError::Claim("sub"));
    }
    let long = "x".repeat(10_000);
    for value in
        ["", " alice", "alice ", "ali\nce", "ali\r\nce", "\u{1b}[31malice", "\0", &"x".repeat(129), &long]
    {
        let token = with("sub", json!(value));
        let found = verify(&token, &secret_keys(), &rules(), NOW_S);
        let is_refused = matches!(found, Err(AuthError::Subject | AuthError::User | AuthError::TooLong(_)));
        assert!(is_refused, "{value:?}: {found:?}");
    }
}

#[test]
fn look_alike_subjects_never_share_a_topic() {
    let names = [
        "alice",
        "Alice",
        "аlice",
        "../x",
        "a/b",
        "*",
        "%00",
        "é",
        "e\u{301}",
        "😀",
        "__consumer_offsets",
        "telemetry",
    ];
    let mut topics = std::collections::HashSet::new();
    for name in names {
        if let Ok(claims) = verify(&with("sub", json!(name)), &secret_keys(), &rules(), NOW_S) {
            let topic = claims.user.id().topic();
            assert!(topic.starts_with("telemetry-user-") && topic.len() <= 249, "{topic}");
            assert!(topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{topic}");
            assert!(topics.insert(topic), "{name} shares a topic");
        }
    }
}

#[test]
fn another_claim_may_name_the_user() {
    let rules = Rules { user_claim: "driver".into(), ..rules() };
    let user =
        |token: &str| verify(token, &secret_keys(), &rules, NOW_S).map(|claims| claims.user.to_string());
    assert_eq!(user(&with("driver", json!("bob"))), Ok("bob".into()));
    assert_eq!(user(&with("driver", json!(null))), Err(AuthError::User));
    assert_eq!(user(&with("driver", json!(["bob"]))), Err(AuthError::User));
}

#[test]
fn other_types_of_token_are_refused() {
    let token = |header: Value| sign_hs(&header, claims().to_string());
    for typ in ["JWT", "jwt", "at+jwt", "AT+JWT"] {
        check(&token(json!({ "alg": "HS256", "typ": typ })), Ok("alice"));
    }
    for typ in ["JWE", "logout+jwt", "secevent+jwt", "dpop+jwt", "id_token", "", "JWT "] {
        check(&token(json!({ "alg": "HS256", "typ": typ })), Err(AuthError::Type));
    }
    for crit in [json!(["b64"]), json!([]), json!(null), json!("exp")] {
        check(&token(json!({ "alg": "HS256", "crit": crit })), Err(AuthError::Critical));
    }
    // With one secret there is nothing to look up; the id is only kept short.
    check(&token(json!({ "alg": "HS256", "kid": "k".repeat(128) })), Ok("alice"));
    check(&token(json!({ "alg": "HS256", "kid": "k".repeat(129) })), Err(AuthError::UnknownKey));
    check(
        &token(json!({ "alg": "HS256", "kid": "k".repeat(1 << 20) })),
        Err(AuthError::TooLong(token_len(1 << 20))),
    );
}

/// Length of a token whose header has a `kid` of this many bytes.
fn token_len(kid: usize) -> usize {
    sign_hs(&json!({ "alg": "HS256", "kid": "k".repeat(kid) }), claims().to_string()).len()
}

#[test]
fn shapes_that_are_not_a_signed_token_are_refused() {
    let parts = Err(AuthError::Malformed("it has not three parts"));
    for token in
        ["a", "a.b", "a.b.c.d", "a.b.c.d.e", "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d"]
    {
        check(token, parts.clone());
    }
    check("..", Err(AuthError::Malformed("a part is not the JSON expected")));
    check("%%.%%.%%", Err(AuthError::Malformed("a part is not Base64")));
    let header = json!({ "alg": "HS256", "cty": "JWT" });
    let nested = sign_hs(&header, sign_hs(&json!({ "alg": "HS256" }), claims().to_string()));
    check(&nested, Err(AuthError::Malformed("a part is not the JSON expected")));
    for payload in ["", "null", "[]", "\"alice\"", "{\"exp\":", "\u{feff}{}"] {
        check(
            &sign_hs(&json!({ "alg": "HS256" }), payload),
            Err(AuthError::Malformed("a part is not the JSON expected")),
        );
    }
    let deep = "[".repeat(4000);
    check(
        &sign_hs(&json!({ "alg": "HS256" }), deep),
        Err(AuthError::Malformed("a part is not the JSON expected")),
    );
    let good = sign_hs(&json!({ "alg": "HS256" }), claims().to_string());
    for around in [format!(" {good}"), format!("{good} "), format!("{good}\n"), format!("{good}=")] {
        assert!(verify(&around, &secret_keys(), &rules(), NOW_S).is_err());
    }
}

#[test]
fn a_token_has_a_greatest_length() {
    check(&"a".repeat(8 * 1024 + 1), Err(AuthError::TooLong(8 * 1024 + 1)));
    check(&"a".repeat(8 * 1024), Err(AuthError::Malformed("it has not three parts")));
    check(&"a".repeat(64 * 1024), Err(AuthError::TooLong(64 * 1024)));
}
