//! What do plain requests get?

use std::path::PathBuf;

use crate::client::{Client, get, request};
use crate::server::{Server, token};

/// A dashboard of three files beside one that is not part of it.
fn dashboard(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("bridge-edge-{name}-{}", std::process::id()));
    let dist = folder.join("dist");
    std::fs::create_dir_all(dist.join("assets")).expect("the temporary folder is writable");
    for (file, text) in [
        ("secret.txt", "not for you"),
        ("dist/index.html", "<!doctype html>hello"),
        ("dist/assets/app-1a2b.js", "1;"),
        ("dist/assets/codec-3c4d.wasm", "\0asm"),
    ] {
        std::fs::write(folder.join(file), text).expect("the temporary folder is writable");
    }
    dist
}

#[tokio::test]
async fn the_dashboard_is_served_with_its_policy() {
    let dist = dashboard("files");
    let server = Server::with_tokens(&["--dashboard-dir", &dist.to_string_lossy()]).await;
    for (path, mime, cache) in [
        ("/", "text/html", "no-cache"),
        ("/?x=1", "text/html", "no-cache"),
        ("/index.html", "text/html", "no-cache"),
        ("/assets/app-1a2b.js", "text/javascript", "public, max-age=31536000, immutable"),
        ("/assets/codec-3c4d.wasm", "application/wasm", "public, max-age=31536000, immutable"),
    ] {
        let answer = get(server.public, path, &[]).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some(mime), "{path}");
        assert_eq!(answer.header("cache-control"), Some(cache), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").expect("there is a policy");
        assert!(
            policy.contains("'wasm-unsafe-eval'") && policy.contains("connect-src 'self' ws: wss:"),
            "{policy}"
        );
    }
    std::fs::remove_dir_all(dist.parent().expect("made above")).expect("the folder is there");
}

#[tokio::test]
async fn no_path_leads_out_of_the_dashboard() {
    let dist = dashboard("escape");
    let server = Server::with_tokens(&["--dashboard-dir", &dist.to_string_lossy()]).await;
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/..%5csecret.txt",
        "//secret.txt",
        "/%00",
        "/assets/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/....//secret.txt",
    ] {
        let answer = get(server.public, path, &[]).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        assert!(!answer.body.contains("not for you"), "{path}");
    }
    std::fs::remove_dir_all(dist.parent().expect("made above")).expect("the folder is there");
}

#[tokio::test]
async fn figures_are_for_their_user_and_for_operators() {
    let server = Server::with_tokens(&[]).await;
    assert_eq!(get(server.public, "/v1/stats", &[]).await.code(), "token_missing");
    let bearer = format!("authorization: Bearer {}", token("alice"));
    let answer = get(server.public, "/v1/stats", &[&bearer]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.starts_with(r#"{"userConsumers":{"alice":{"#), "{}", answer.body);
    assert_eq!(get(server.public, "/v1/stats?userId=bob", &[&bearer]).await.code(), "other_user");
    assert_eq!(
        get(server.public, "/v1/stats", &[&bearer, "origin: https://evil.com"]).await.code(),
        "origin_refused"
    );

    let _viewer = crate::client::viewer(server.public, &token("bob")).await;
    let answer = get(server.operators, "/v1/stats", &[]).await;
    let figures: serde_json::Value = serde_json::from_str(&answer.body).expect("figures are JSON");
    assert_eq!(figures["foreignRecords"], 0);
    assert!(
        figures["userConsumers"].as_object().is_some_and(|users| !users.contains_key("alice")),
        "{figures}"
    );
    // Operators' figures are not at the public door, and the public routes not at the operators'.
    assert_eq!(get(server.operators, "/v1/stream", &[]).await.code(), "not_found");
}

#[tokio::test]
async fn health_and_unknown_addresses() {
    let server = Server::with_tokens(&[]).await;
    for address in [server.public, server.operators] {
        assert_eq!(get(address, "/healthz", &[]).await.status, 200);
        assert_eq!(get(address, "/readyz", &[]).await.status, 200);
        for path in ["/", "/metrics", "/v1", "/v1/stats/x", "/healthz/x", "/admin"] {
            assert_eq!(get(address, path, &[]).await.code(), "not_found", "{path}");
        }
        let mut client = Client::connect(address).await;
        client.write(request("DELETE", "/healthz", &["host: x"])).await;
        let answer = client.answer().await.expect("an answer");
        assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"));
    }
}
