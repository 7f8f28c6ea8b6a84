//! Which tokens are turned away at the door? Each case is a request for a WebSocket to the real server.

use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::client::{Answer, upgrade};
use crate::issuer::{Key, base64, key_set, sign};
use crate::server::{SECRET, Server, claims, now_s, token, token_with};

/// Asks for a WebSocket with this token.
async fn ask(server: &Server, token: &str) -> Answer {
    upgrade(server.public, "/v1/stream", &[&format!("authorization: Bearer {token}")]).await.0
}

/// Expects a token to be refused like any other bad one.
async fn refused(server: &Server, what: &str, token: &str) {
    let answer = ask(server, token).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "token_invalid"), "{what}");
}

async fn accepted(server: &Server, what: &str, token: &str) {
    let answer = ask(server, token).await;
    assert_eq!(answer.status, 101, "{what}: {answer:?}");
}

/// What alice's token says, with one claim replaced, or removed where `value` is null.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims("alice", now_s() + 60, "t");
    let map = claims.as_object_mut().expect("claims are an object");
    if value.is_null() {
        map.remove(name)
    } else {
        map.insert(name.into(), value)
    };
    claims
}

/// Refuses each of these values of a claim.
async fn each_refused(server: &Server, name: &str, values: &[Value]) {
    for value in values {
        refused(server, &format!("{name}: {value}"), &token_with(with(name, value.clone()))).await;
    }
}

fn sign_hs(header: &Value, payload: impl AsRef<[u8]>) -> String {
    sign(header, payload, &EncodingKey::from_secret(SECRET.as_bytes()), Algorithm::HS256)
}

/// A server whose viewers are many: each case may leave one behind for a moment.
async fn start(flags: &[&str]) -> Server {
    Server::with_tokens(&[&["--max-viewers-per-user", "1000"], flags].concat()).await
}

/// A server that takes tokens signed with these keys, and the folder with its key file.
async fn start_with_keys(keys: &[Value]) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, key_set(keys)).expect("the folder is writable");
    let flags = ["--jwks-file", &file.to_string_lossy(), "--max-viewers-per-user", "1000"];
    (Server::start(&flags).await, folder)
}

#[tokio::test]
async fn a_token_that_nobody_signed_is_refused() {
    let (server, key) = (start(&[]).await, Key::new("k1"));
    let (by_file, _folder) = start_with_keys(&[key.public()]).await;
    let payload = claims("alice", now_s() + 60, "t").to_string();
    for alg in ["none", "nOnE", "None", "NONE", "", "HS256", "ES256"] {
        for server in [&server, &by_file] {
            let header = json!({ "alg": alg, "kid": "k1" });
            let unsigned = format!("{}.{}", base64(header.to_string()), base64(&payload));
            refused(server, alg, &format!("{unsigned}.")).await;
            refused(server, alg, &unsigned).await;
            refused(server, alg, &format!("{unsigned}.{}", base64([0; 64]))).await;
        }
    }
}

#[tokio::test]
async fn the_public_key_is_no_secret_and_a_key_in_the_token_is_no_key() {
    let (key, other) = (Key::new("k1"), Key::new("k1"));
    let (server, _folder) = start_with_keys(&[key.public()]).await;
    accepted(&server, "the key itself", &key.token("alice")).await;
    let payload = claims("alice", now_s() + 60, "t").to_string();
    for public in [key_set(&[key.public()]), key.public().to_string()] {
        for alg in ["HS256", "ES256"] {
            let secret = EncodingKey::from_secret(public.as_bytes());
            let header = json!({ "alg": alg, "kid": "k1" });
            refused(&server, alg, &sign(&header, &payload, &secret, Algorithm::HS256)).await;
        }
    }
    for brought in ["jwk", "jku", "x5u", "x5c"] {
        let mut header = json!({ "alg": "ES256", "kid": "k1" });
        header[brought] = if brought == "jwk" { other.public() } else { json!("https://evil.example/keys") };
        refused(&server, brought, &other.sign(&header, &payload)).await;
    }
}

#[tokio::test]
async fn a_changed_bit_in_any_part_is_refused() {
    let server = start(&[]).await;
    let good = token("alice");
    accepted(&server, "unchanged", &good).await;
    let mut start = 0;
    for (name, part) in ["header", "payload", "signature"].iter().zip(good.split('.')) {
        for at in [start, start + part.len() / 2] {
            // Another letter of Base64, which stands for other bits.
            let mut bytes = good.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("it is ASCII");
            refused(&server, &format!("{name} at {at}"), &changed).await;
        }
        start += part.len() + 1;
    }
}

#[tokio::test]
async fn a_token_of_another_time_is_refused() {
    let server = start(&["--jwt-max-lifetime", "1h"]).await;
    let now = now_s();
    let odd = [json!(null), json!("1800000060"), json!(now as f64 + 60.5), json!(-1), json!(1_u64 << 63)];
    each_refused(&server, "exp", &odd).await;
    each_refused(&server, "exp", &[json!(u64::MAX), json!([now + 60]), json!(true)]).await;
    each_refused(&server, "iat", &odd).await;
    each_refused(&server, "nbf", &[json!(now + 60), json!("0"), json!(-1)]).await;
    // Made in years to come, good for years, and both.
    each_refused(&server, "iat", &[json!(now + 600), json!(now + 100_000_000)]).await;
    each_refused(&server, "exp", &[json!(now + 3_600), json!(now + 100_000_000)]).await;
    let mut later = with("iat", json!(now + 100_000_000));
    later["exp"] = json!(now + 100_000_060);
    refused(&server, "later", &token_with(later)).await;

    accepted(&server, "just ended", &token_with(with("exp", json!(now_s() - 1)))).await;
    accepted(&server, "begins at once", &token_with(with("nbf", json!(now_s() + 2)))).await;
    let answer = ask(&server, &token_with(with("exp", json!(now_s() - 7)))).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "token_expired"));
}

#[tokio::test]
async fn a_token_for_or_from_someone_else_is_refused() {
    let server = start(&[]).await;
    let ours = "purple-sector-bridge";
    each_refused(
        &server,
        "aud",
        &[
            json!(null),
            json!("another"),
            json!(""),
            json!([]),
            json!("Purple-Sector-Bridge"),
            json!("purple-sector-bridge/"),
            json!(["purple-sector", "purple-sector-bridge2", " purple-sector-bridge"]),
            json!([[ours]]),
            json!([ours, 1]),
            json!({ "purple-sector-bridge": true }),
        ],
    )
    .await;
    accepted(&server, "one of several", &token_with(with("aud", json!(["kafka", ours])))).await;
    each_refused(
        &server,
        "iss",
        &[
            json!(null),
            json!("another"),
            json!("purple-sector/"),
            json!("Purple-Sector"),
            json!(["purple-sector"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_subject_that_is_not_a_name_is_refused() {
    let server = start(&[]).await;
    let long = "x".repeat(4_000);
    each_refused(
        &server,
        "sub",
        &[json!(null), json!(""), json!(long), json!(7), json!(["alice"]), json!({ "id": "alice" })],
    )
    .await;
    // 10 KB make the token itself too long. 129 bytes would still make a topic, but not a user.
    each_refused(&server, "sub", &[json!("x".repeat(10_000)), json!("x".repeat(129)), json!("é".repeat(65))])
        .await;
    for sub in [" alice", "alice ", "\u{a0}alice", "ali\nce", "\r\n", "ali\0ce", "\u{1b}[31m", "\u{85}"] {
        refused(&server, &format!("{sub:?}"), &token_with(with("sub", json!(sub)))).await;
    }
    for sub in ["svc-bridge", "SVC-admin", "User:svc-broker"] {
        refused(&server, sub, &token_with(with("sub", json!(sub)))).await;
    }
}

#[tokio::test]
async fn an_odd_key_id_is_refused() {
    let (key, second) = (Key::new("k1"), Key::new("k2"));
    let (server, _folder) = start_with_keys(&[key.public(), second.public()]).await;
    let payload = claims("alice", now_s() + 60, "t").to_string();
    for kid in [
        json!("../../../dev/null"),
        json!("/etc/passwd"),
        json!("k1' OR '1'='1"),
        json!("https://evil.example/keys"),
        json!("k1\0"),
        json!("K1"),
        json!(""),
        json!("k".repeat(4_000)),
        json!(null),
        json!(["k1"]),
        json!(1),
    ] {
        refused(&server, &kid.to_string(), &key.sign(&json!({ "alg": "ES256", "kid": kid }), &payload)).await;
    }
    // The other key's name, and a head that is too large for any request.
    refused(&server, "k2", &key.sign(&json!({ "alg": "ES256", "kid": "k2" }), &payload)).await;
    let huge = key.sign(&json!({ "alg": "ES256", "kid": "k".repeat(1 << 20) }), &payload);
    let mut client = crate::client::Client::connect(server.public).await;
    let bearer = format!("authorization: Bearer {huge}");
    client.write(crate::client::request("GET", "/v1/stats", &["host: x", &bearer])).await;
    assert!(matches!(client.answer().await.map(|answer| answer.status), None | Some(431)));
    accepted(&server, "the bridge is well", &key.token("alice")).await;
}

#[tokio::test]
async fn what_is_not_a_plain_signed_token_is_refused() {
    let server = start(&[]).await;
    let payload = claims("alice", now_s() + 60, "t").to_string();
    for crit in [json!(["b64"]), json!(["x"]), json!([]), json!(null)] {
        refused(&server, "crit", &sign_hs(&json!({ "alg": "HS256", "crit": crit }), &payload)).await;
    }
    // The ID token of the same issuer, a log-out token, an encrypted one, one in another.
    for typ in ["id_token", "logout+jwt", "dpop+jwt", "JWE", ""] {
        refused(&server, typ, &sign_hs(&json!({ "alg": "HS256", "typ": typ }), &payload)).await;
    }
    let good = token("alice");
    let nested = sign_hs(&json!({ "alg": "HS256", "cty": "JWT" }), &good);
    refused(&server, "nested", &nested).await;
    let encrypted = base64(json!({ "alg": "dir", "enc": "A256GCM" }).to_string());
    refused(&server, "JWE", &format!("{encrypted}..a.b.c")).await;
    refused(&server, "five parts", &format!("{good}.{good}")).await;
    refused(&server, "four parts", &format!("{good}.a")).await;
    refused(&server, "JSON serialisation", "{\"payload\":\"e30\",\"signature\":\"\"}").await;
    refused(&server, "two tokens", &format!("{good} {good}")).await;
    for payload in ["null", "[]", "\"alice\"", "{\"sub\":", &"[".repeat(5_000)] {
        refused(&server, payload, &sign_hs(&json!({ "alg": "HS256" }), payload)).await;
    }
}

#[tokio::test]
async fn a_claim_that_comes_twice_is_refused() {
    let server = start(&[]).await;
    let good = claims("alice", now_s() + 60, "t").to_string();
    let good = good.trim_end_matches('}');
    for second in [r#""sub":"bob""#, r#""sub":"alice""#, r#""s\u0075b":"bob""#, r#""exp":9999999999"#] {
        for payload in [format!("{good},{second}}}"), format!("{{{second},{}", &good[1..]) + "}"] {
            refused(&server, second, &sign_hs(&json!({ "alg": "HS256" }), payload)).await;
        }
    }
}

#[tokio::test]
async fn an_id_that_could_forge_a_line_is_refused() {
    let server = start(&[]).await;
    let long = "x".repeat(129);
    let ids = [json!(""), json!("a b"), json!("a\nb"), json!("\u{1b}[2J"), json!("é"), json!(long), json!(1)];
    each_refused(&server, "jti", &ids).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_does_not_say_what_was_wrong() {
    let server = start(&[]).await;
    let good = token("alice");
    let (message, _) = good.rsplit_once('.').expect("three parts");
    let tokens = [
        ("no user", token_with(with("sub", json!("")))),
        ("a service", token_with(with("sub", json!("svc-bridge")))),
        ("another audience", token_with(with("aud", json!("another")))),
        ("not yet", token_with(with("nbf", json!(now_s() + 600)))),
        ("a bad signature", format!("{message}.{}", base64([1; 32]))),
        ("garbage", "a.b.c".to_owned()),
    ];
    let mut bodies = Vec::new();
    for (_, token) in &tokens {
        let answer = ask(&server, token).await;
        bodies.push((answer.status, answer.body));
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    // Nothing is looked up anywhere, so what differs is arithmetic. By turns, so that a busy machine is busy for all.
    let mut times = vec![Vec::new(); tokens.len()];
    for _ in 0..101 {
        for ((what, token), times) in tokens.iter().zip(&mut times) {
            let started = Instant::now();
            refused(&server, what, token).await;
            times.push(started.elapsed());
        }
    }
    let medians: Vec<Duration> = times.iter_mut().map(|times| *times.select_nth_unstable(50).1).collect();
    println!("refused within {medians:?}");
    let (least, most) = (medians.iter().min().expect("some"), medians.iter().max().expect("some"));
    assert!(*most - *least < Duration::from_millis(5), "{medians:?}");
    // Only those who hold a token that the issuer signed learn that it has ended.
    let ended = token_with(with("exp", json!(now_s() - 60)));
    let (message, _) = ended.rsplit_once('.').expect("three parts");
    refused(&server, "ended and forged", &format!("{message}.{}", base64([1; 32]))).await;
    // Whoever has never been seen is a user like any other.
    for user in ["alice", "nobody-has-ever-heard-of-me"] {
        accepted(&server, user, &token(user)).await;
    }
}
