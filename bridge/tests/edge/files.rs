//! What do plain requests get?

use std::path::PathBuf;

use crate::client::{Client, get, request};
use crate::server::{Server, token};

/// A dashboard of a few files, next to one that is not part of it.
fn dashboard(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("bridge-edge-{name}-{}", std::process::id()));
    let dist = folder.join("dist");
    std::fs::create_dir_all(dist.join("assets")).expect("the temporary folder is writable");
    for (file, text) in [
        ("secret.txt", "not for you"),
        ("dist/index.html", "<!doctype html>hello"),
        ("dist/.hidden", "not for you"),
        ("dist/assets/app-1a2b3c4d.js", "1; // and more"),
        ("dist/assets/app-1a2b3c4d.js.br", "compressed"),
        ("dist/assets/team-overview.js", "2;"),
        ("dist/assets/codec-3C4D-e_f.wasm", "\0asm"),
    ] {
        std::fs::write(folder.join(file), text).expect("the temporary folder is writable");
    }
    dist
}

const FOR_EVER: Option<&str> = Some("public, max-age=31536000, immutable");
const ASK_AGAIN: Option<&str> = Some("no-cache");

#[tokio::test]
async fn the_dashboard_is_served_with_its_policy() {
    let dist = dashboard("files");
    let flags = ["--dashboard-dir", &dist.to_string_lossy(), "--dashboard-bridges", "https://eu.example.com"];
    let server = Server::with_tokens(&flags).await;
    for (path, media_type, cache) in [
        ("/", "text/html; charset=utf-8", ASK_AGAIN),
        ("/?x=1", "text/html; charset=utf-8", ASK_AGAIN),
        ("/index.html", "text/html; charset=utf-8", ASK_AGAIN),
        ("/%69ndex.html", "text/html; charset=utf-8", ASK_AGAIN),
        ("/assets/app-1a2b3c4d.js", "text/javascript; charset=utf-8", FOR_EVER),
        ("/assets/team-overview.js", "text/javascript; charset=utf-8", ASK_AGAIN),
        ("/assets/codec-3C4D-e_f.wasm", "application/wasm", FOR_EVER),
    ] {
        let answer = get(server.public, path, &[]).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some(media_type), "{path}");
        assert_eq!(answer.header("cache-control"), cache, "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").expect("there is a policy");
        let connect = "connect-src 'self' https://eu.example.com wss://eu.example.com;";
        assert!(policy.contains("'wasm-unsafe-eval'") && policy.contains(connect), "{policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("data:"), "{policy}");
    }
    for path in ["/.hidden", "/assets", "/assets/", "/assets/app-1a2b3c4d.js.br", "/assets/app-1a2b3c4d.js/"]
    {
        assert_eq!(get(server.public, path, &[]).await.code(), "not_found", "{path}");
    }
    std::fs::remove_dir_all(dist.parent().expect("made above")).expect("the folder is there");
}

#[tokio::test]
async fn who_takes_brotli_gets_it() {
    let dist = dashboard("brotli");
    let server = Server::with_tokens(&["--dashboard-dir", &dist.to_string_lossy()]).await;
    let path = "/assets/app-1a2b3c4d.js";
    let compressed = get(server.public, path, &["accept-encoding: gzip, deflate, br"]).await;
    assert_eq!((compressed.header("content-encoding"), compressed.body.as_str()), (Some("br"), "compressed"));
    let plain = get(server.public, path, &["accept-encoding: gzip, br;q=0"]).await;
    assert_eq!((plain.header("content-encoding"), plain.body.as_str()), (None, "1; // and more"));
    for answer in [&compressed, &plain] {
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
        assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), FOR_EVER);
    }
    assert_ne!(compressed.header("etag"), plain.header("etag"));
    // Of a file that was not compressed there is one form only.
    let other = get(server.public, "/", &["accept-encoding: br"]).await;
    assert_eq!((other.header("content-encoding"), other.header("vary")), (None, None));
    std::fs::remove_dir_all(dist.parent().expect("made above")).expect("the folder is there");
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let dist = dashboard("tags");
    let server = Server::with_tokens(&["--dashboard-dir", &dist.to_string_lossy()]).await;
    let first = get(server.public, "/", &[]).await;
    let tag = first.header("etag").expect("there is a tag");
    let again = get(server.public, "/", &[&format!("if-none-match: {tag}")]).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(again.header("cache-control"), ASK_AGAIN);
    let other = get(server.public, "/", &["if-none-match: \"other\""]).await;
    assert_eq!((other.status, other.body.as_str()), (200, "<!doctype html>hello"));

    let mut client = Client::connect(server.public).await;
    client.write(request("HEAD", "/", &["host: x"])).await;
    client.write(request("GET", "/healthz", &["host: x"])).await;
    let length = client.head().await.expect("an answer").header("content-length").map(str::to_owned);
    assert_eq!(length.as_deref(), Some("20"));
    assert_eq!(client.answer().await.expect("a HEAD has no body").body, r#"{"status":"ok"}"#);
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
        "/assets/..\\..\\secret.txt",
        "/assets\\..\\..\\secret.txt",
        "/..%c0%afsecret.txt",
        "/%252e%252e/secret.txt",
        "/index.html%00.js",
        "/.%2fsecret.txt",
        "/file:///etc/passwd",
        "/C:%5csecret.txt",
        "/assets/app-1a2b3c4d.js%20",
    ] {
        let answer = get(server.public, path, &[]).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        assert!(!answer.body.contains("not for you"), "{path}");
    }
    std::fs::remove_dir_all(dist.parent().expect("made above")).expect("the folder is there");
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_put_beside_the_dashboard_later_is_not_served() {
    let dist = dashboard("later");
    let server = Server::with_tokens(&["--dashboard-dir", &dist.to_string_lossy()]).await;
    std::os::unix::fs::symlink("../secret.txt", dist.join("link.txt")).expect("the folder is writable");
    std::os::unix::fs::symlink("/etc", dist.join("etc")).expect("the folder is writable");
    std::fs::write(dist.join("index.html"), "not for you").expect("the folder is writable");
    for path in ["/link.txt", "/etc/passwd", "/etc/hostname"] {
        assert_eq!(get(server.public, path, &[]).await.code(), "not_found", "{path}");
    }
    assert_eq!(get(server.public, "/", &[]).await.body, "<!doctype html>hello");
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
