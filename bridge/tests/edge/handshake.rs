//! Who gets a WebSocket?

use std::path::Path;
use std::time::Duration;

use purple_sector_codec::bridge_protocol::ServerMessage;
use serde_json::json;

use crate::client::{Client, HANDSHAKE, get, request, upgrade};
use crate::server::{Server, now_s, token, token_until, token_with};

const SAME_HOST: &str = "origin: https://bridge.test";

#[tokio::test]
async fn a_page_gets_in_with_its_token_as_a_subprotocol() {
    let server = Server::with_tokens(&[]).await;
    for path in ["/v1/stream", "/", "/v1/stream?userId=alice", "/?userId=alice"] {
        let protocols = format!("sec-websocket-protocol: purple-sector.v1, bearer.{}", token("alice"));
        let deflate = "sec-websocket-extensions: permessage-deflate; client_max_window_bits";
        let (answer, mut client) = upgrade(server.public, path, &[SAME_HOST, &protocols, deflate]).await;
        assert_eq!(answer.status, 101, "{path}: {answer:?}");
        assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(answer.header("sec-websocket-protocol"), Some("purple-sector.v1"));
        assert_eq!(answer.header("sec-websocket-extensions"), None);
        let user = client.until(|message| match message {
            ServerMessage::Hello { version: 1, user, .. } => Some(user.to_owned()),
            other => panic!("the first message is {other:?}"),
        });
        assert_eq!(user.await, "alice");
    }
}

#[tokio::test]
async fn a_program_gets_in_with_an_authorization_header_and_no_origin() {
    let server = Server::with_tokens(&[]).await;
    let (answer, _client) =
        upgrade(server.public, "/", &[&format!("authorization: Bearer {}", token("alice"))]).await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, None));
}

/// Asks with these lines and expects this refusal.
async fn refused(server: &Server, path: &str, headers: &[&str], status: u16, code: &str) {
    let (answer, _client) = upgrade(server.public, path, headers).await;
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path} {headers:?}");
}

#[tokio::test]
async fn bad_tokens_are_refused_before_the_upgrade() {
    let server = Server::with_tokens(&[]).await;
    refused(&server, "/v1/stream", &[], 401, "token_missing").await;
    refused(&server, "/", &["cookie: token=abc"], 401, "token_missing").await;
    refused(&server, "/v1/stream?token=abc", &[], 401, "token_missing").await;
    let bearer = |token: &str| format!("authorization: Bearer {token}");
    refused(&server, "/", &[&bearer(&token_until("alice", now_s() - 7))], 401, "token_expired").await;
    let other_audience = json!({ "iss": "purple-sector", "aud": "another", "sub": "alice", "iat": now_s(), "exp": now_s() + 60 });
    let no_expiry = json!({ "iss": "purple-sector", "aud": "purple-sector-bridge", "sub": "alice" });
    for bad in
        ["", "a.b.c", &token("../x\r\ny"), &token(""), &token_with(other_audience), &token_with(no_expiry)]
    {
        refused(&server, "/v1/stream", &[&bearer(bad)], 401, "token_invalid").await;
    }
    refused(&server, "/", &["authorization: Basic YTpi"], 401, "token_invalid").await;
    // All of it without a look at Kafka: no feed was begun, no topic asked for.
    assert!(
        crate::client::get(server.operators, "/v1/stats", &[]).await.body.contains(r#""userConsumers":{}"#)
    );
}

#[tokio::test]
async fn the_address_cannot_name_another_user() {
    let server = Server::with_tokens(&[]).await;
    let bearer = format!("authorization: Bearer {}", token("alice"));
    refused(&server, "/?userId=bob", &[&bearer], 403, "other_user").await;
    refused(&server, "/v1/stream?userId=", &[&bearer], 403, "other_user").await;
    refused(&server, "/v1/stream?userId=Alice", &[&bearer], 403, "other_user").await;
    refused(&server, "/v1/stream?userId=alice%20", &[&bearer], 403, "other_user").await;
    refused(&server, "/v1/stream?userId=alice&userId=bob", &[&bearer], 400, "bad_request").await;
    refused(&server, "/v1/stream?userId=bob", &[&bearer, "x-user: bob"], 403, "other_user").await;
    let (answer, mut client) = upgrade(server.public, "/v1/stream?user=bob", &[&bearer, "x-user: bob"]).await;
    assert_eq!(answer.status, 101);
    let user = client.until(|message| match message {
        ServerMessage::Hello { user, .. } => Some(user.to_owned()),
        _ => None,
    });
    assert_eq!(user.await, "alice");
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let server =
        Server::with_tokens(&["--allowed-origins", "https://app.example.com,http://localhost:5173"]).await;
    let protocols = format!("sec-websocket-protocol: purple-sector.v1, bearer.{}", token("alice"));
    let bearer = format!("authorization: Bearer {}", token("alice"));
    for origin in
        ["https://app.example.com", "http://localhost:5173", "https://bridge.test", "http://bridge.test"]
    {
        let (answer, _client) =
            upgrade(server.public, "/", &[&format!("origin: {origin}"), &protocols]).await;
        assert_eq!(answer.status, 101, "{origin}");
    }
    for origin in [
        "https://evil.com",
        "null",
        "",
        "http://app.example.com",
        "https://app.example.com.evil.com",
        "https://app.example.com:8443",
        "http://localhost:5174",
        "https://bridge.test.evil.com",
    ] {
        let origin = format!("origin: {origin}");
        refused(&server, "/", &[&origin, &protocols], 403, "origin_refused").await;
        refused(&server, "/", &[&origin, &bearer], 403, "origin_refused").await;
    }
    refused(&server, "/", &[&protocols], 403, "origin_refused").await;
    refused(
        &server,
        "/",
        &["origin: https://bridge.test", "origin: https://evil.com", &protocols],
        400,
        "bad_request",
    )
    .await;
}

#[tokio::test]
async fn doubtful_handshakes_are_refused() {
    let server = Server::with_tokens(&[]).await;
    let bearer = format!("authorization: Bearer {}", token("alice"));
    let protocols = format!("sec-websocket-protocol: purple-sector.v1, bearer.{}", token("alice"));
    refused(&server, "/", &[&bearer, &bearer], 400, "bad_request").await;
    refused(&server, "/", &[SAME_HOST, &bearer, &protocols], 400, "bad_request").await;
    refused(&server, "/", &[&bearer, "sec-websocket-protocol: graphql-ws"], 400, "bad_request").await;
    refused(&server, "/", &[&bearer, "sec-websocket-version: 8"], 400, "bad_request").await;
    for (from, to, status) in [
        ("sec-websocket-version: 13", "sec-websocket-version: 8", 426),
        ("sec-websocket-version: 13", "x: y", 400),
        ("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", "x: y", 400),
        ("upgrade: websocket", "x: y", 426),
    ] {
        let lines: Vec<&str> = HANDSHAKE.iter().map(|line| if *line == from { to } else { line }).collect();
        let mut client = Client::connect(server.public).await;
        client.write(request("GET", "/v1/stream", &[&lines[..], &[&bearer]].concat())).await;
        let answer = client.answer().await.expect("an answer");
        assert_eq!(answer.status, status, "{to}");
        if status == 426 {
            assert_eq!(answer.header("sec-websocket-version"), Some("13"));
        }
    }
    let mut client = Client::connect(server.public).await;
    client.write(request("POST", "/v1/stream", &[&HANDSHAKE[..], &[&bearer]].concat())).await;
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(405));
}

/// Browsers hide the answer to a refused handshake, so pages ask the same address plainly.
#[tokio::test]
async fn a_plain_request_learns_why_a_handshake_is_refused() {
    let server = Server::with_tokens(&[]).await;
    let expired = format!("authorization: Bearer {}", token_until("alice", now_s() - 7));
    let good = format!("authorization: Bearer {}", token("alice"));
    for (header, status) in [("x: y", 401), (expired.as_str(), 401), (good.as_str(), 426)] {
        assert_eq!(get(server.public, "/v1/stream", &[header]).await.status, status, "{header}");
    }
}

#[tokio::test]
async fn open_mode_believes_the_address_but_not_every_page() {
    let server = Server::start(&["--open"]).await;
    let (answer, mut client) = upgrade(server.public, "/?userId=alice", &[]).await;
    assert_eq!(answer.status, 101);
    client.until(|message| matches!(message, ServerMessage::Hello { user: "alice", .. }).then_some(())).await;
    refused(&server, "/v1/stream", &[], 400, "user_missing").await;
    refused(&server, "/v1/stream?userId=%0a", &[], 400, "user_invalid").await;
    refused(&server, "/?userId=alice", &["origin: https://evil.com"], 403, "origin_refused").await;
    // A name that the public DNS answers for could be anyone's, even if it is the Host.
    refused(&server, "/?userId=alice", &["origin: http://bridge.test"], 403, "origin_refused").await;
    let lines = HANDSHAKE.map(|line| if line.starts_with("host") { "host: localhost:8080" } else { line });
    let mut client = Client::connect(server.public).await;
    client
        .write(request("GET", "/?userId=alice", &[&lines[..], &["origin: http://localhost:8080"]].concat()))
        .await;
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(101));
}

#[tokio::test]
async fn a_key_set_file_works_as_well() {
    let folder = std::env::temp_dir().join(format!("bridge-edge-keys-{}", std::process::id()));
    generate_keys(&folder);
    let (private, public) = (folder.join("private.pem"), folder.join("jwks.json"));
    let server = Server::start(&["--jwks-file", &public.to_string_lossy()]).await;
    let mint = ["token", "mint", "--user", "alice", "--key", &private.to_string_lossy()];
    let minted = String::from_utf8(crate::commands::bridge(&mint, &[]).stdout).expect("a token is text");
    let (answer, _client) =
        upgrade(server.public, "/", &[&format!("authorization: Bearer {}", minted.trim())]).await;
    assert_eq!(answer.status, 101);
    // HS256 with the public file as the secret must not pass, nor a secret from elsewhere.
    refused(&server, "/", &[&format!("authorization: Bearer {}", token("alice"))], 401, "token_invalid")
        .await;
    // A new key serves soon, and the old one no longer.
    let other = folder.join("other");
    generate_keys(&other);
    std::fs::copy(other.join("jwks.json"), &public).expect("the file can be replaced");
    let started = std::time::Instant::now();
    let bearer = format!("authorization: Bearer {}", minted.trim());
    while upgrade(server.public, "/", &[&bearer]).await.0.status == 101 {
        assert!(started.elapsed() < Duration::from_secs(10), "the changed file comes into use");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    std::fs::remove_dir_all(folder).expect("the folder is there");
}

fn generate_keys(folder: &Path) {
    let made = crate::commands::bridge(&["keys", "generate", "--out", &folder.to_string_lossy()], &[]);
    assert!(made.status.success());
}

#[tokio::test]
async fn what_can_be_read_in_two_ways_is_refused() {
    let server = Server::with_tokens(&[]).await;
    let authorization = format!("authorization: Bearer {}", token("alice"));
    let (answer, _) =
        upgrade(server.public, "/v1/stream", &[&authorization, "upgrade: h2c, websocket"]).await;
    assert_eq!(answer.status, 400, "two Upgrade headers: {answer:?}");
    for body in [
        &["transfer-encoding: chunked", "content-length: 5"][..],
        &["content-length: 5", "transfer-encoding: chunked"],
    ] {
        for path in ["/v1/stats", "/healthz", "/"] {
            let headers = [&[authorization.as_str()], body].concat();
            assert_eq!(get(server.public, path, &headers).await.status, 400, "{path} {body:?}");
        }
    }
}
