//! What becomes of requests that try to be read in two ways, or as somebody else's?

use purple_sector_codec::bridge_protocol::ServerMessage;

use crate::client::{BINARY, Client, HANDSHAKE, get, request, upgrade, viewer};
use crate::server::{Server, token};

fn bearer(user: &str) -> String {
    format!("authorization: Bearer {}", token(user))
}

fn handshake_of(user: &str) -> String {
    request("GET", "/v1/stream", &[&HANDSHAKE[..], &[&bearer(user)]].concat())
}

/// Whose data a viewer is promised.
async fn user_of(client: &mut Client) -> String {
    let user = client.until(|message| match message {
        ServerMessage::Hello { user, .. } => Some(user.to_owned()),
        _ => None,
    });
    user.await
}

#[tokio::test]
async fn a_second_handshake_on_the_same_connection_brings_nobody_else() {
    let server = Server::with_tokens(&[]).await;
    // Behind the first one, in the same bytes, and once the WebSocket is there.
    let mut at_once = Client::connect(server.public).await;
    at_once.write(handshake_of("alice") + &handshake_of("bob")).await;
    assert_eq!(at_once.answer().await.map(|answer| answer.status), Some(101));
    let mut later = viewer(server.public, &token("alice")).await;
    assert_eq!(user_of(&mut later).await, "alice");
    later.write(handshake_of("bob")).await;
    for client in [&mut at_once, &mut later] {
        // To a WebSocket it is a broken frame.
        assert_eq!(client.close_code().await.0, 1002);
        client.ended().await;
    }
    let figures = get(server.operators, "/v1/stats", &[]).await.body;
    assert!(!figures.contains("bob"), "{figures}");
}

#[tokio::test]
async fn a_refused_handshake_lends_nothing_to_what_follows_it() {
    let server = Server::with_tokens(&[]).await;
    // Frames behind a handshake that is refused are not a viewer's.
    let refused = request("GET", "/v1/stream", &[&HANDSHAKE[..], &["authorization: Bearer a.b.c"]].concat());
    let mut client = Client::connect(server.public).await;
    client.write(&refused).await;
    client.frame(0x80 | BINARY, &[67, 1, 0, 0, 0, 0, 0, 0, 0]).await;
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(401));
    let status = client.answer().await.map(|answer| answer.status);
    assert!(matches!(status, None | Some(400)), "{status:?}");
    // Nor is a token of the request before.
    let mut client = Client::connect(server.public).await;
    client.write(request("GET", "/v1/stats", &["host: x", &bearer("alice")])).await;
    client.write(request("GET", "/v1/stats", &["host: x"])).await;
    client.write(handshake_of("bob")).await;
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(200));
    assert_eq!(client.answer().await.map(|answer| answer.code()).as_deref(), Some("token_missing"));
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(101));
    assert_eq!(user_of(&mut client).await, "bob");
}

#[tokio::test]
async fn a_request_inside_a_body_is_not_a_request() {
    let server = Server::with_tokens(&[]).await;
    let inner = request("GET", "/v1/stats", &["host: x", &bearer("alice")]);
    let length = format!("content-length: {}", inner.len());
    let mut client = Client::connect(server.public).await;
    client.write(request("GET", "/healthz", &["host: x", &length]) + &inner).await;
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(200));
    assert!(client.answer().await.is_none(), "the body was answered");
    for lengths in [["content-length: 5", "content-length: 6"], ["content-length: 5", "content-length: -5"]] {
        let mut client = Client::connect(server.public).await;
        client.write(request("GET", "/healthz", &["host: x", lengths[0], lengths[1]]) + "hello").await;
        let status = client.answer().await.map(|answer| answer.status);
        assert!(matches!(status, None | Some(400)), "{lengths:?}: {status:?}");
    }
}

#[tokio::test]
async fn header_lines_that_some_read_otherwise_are_refused() {
    let server = Server::with_tokens(&[]).await;
    let token = token("alice");
    for lines in [
        format!("authorization : Bearer {token}\r\n"),
        format!("authorization: Bearer\r\n {token}\r\n"),
        format!("authorization: Bearer {token}\0\r\n"),
        format!("authorization: Bearer {token}\rx: y\r\n"),
        format!("authorization\r\n: Bearer {token}\r\n"),
        format!(" authorization: Bearer {token}\r\n"),
        format!("author\u{ef}zation: Bearer {token}\r\n"),
        format!("authorization: Bearer {token}\u{e9}\r\n"),
        format!("authorization: Bearer {token} {token}\r\n"),
        format!("authorization: Bearer {token}, Bearer {token}\r\n"),
        format!("authorization: {token}\r\n"),
    ] {
        let mut client = Client::connect(server.public).await;
        client.write(format!("GET /v1/stats HTTP/1.1\r\nhost: x\r\n{lines}\r\n")).await;
        let status = client.answer().await.map(|answer| answer.status);
        assert!(matches!(status, None | Some(400 | 401)), "{lines:?}: {status:?}");
    }
}

#[tokio::test]
async fn other_protocols_and_methods_open_nothing() {
    let server = Server::with_tokens(&[]).await;
    let lines = format!("{}\r\n{}\r\n\r\n", HANDSHAKE.join("\r\n"), bearer("alice"));
    for start in [
        "PRI * HTTP/2.0",
        "GET /v1/stream HTTP/1.0",
        "GET /v1/stream HTTP/0.9",
        "GET /v1/stream HTTP/1.2",
        "GET /v1/stream",
        "CONNECT bridge.test:443 HTTP/1.1",
        "CONNECT 127.0.0.1:22 HTTP/1.1",
        "TRACE /v1/stream HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "OPTIONS /v1/stream HTTP/1.1",
        "POST /v1/stream HTTP/1.1",
        "PUT /v1/stats HTTP/1.1",
        "get /v1/stream HTTP/1.1",
        "GET /v1/../v1/stream HTTP/1.1",
        "GET /V1/STREAM HTTP/1.1",
        "GET //v1/stream HTTP/1.1",
        "GET /v1%2fstream HTTP/1.1",
        "\0\0\0\0",
        "\u{16}\u{3}\u{1}",
    ] {
        let mut client = Client::connect(server.public).await;
        client.write(format!("{start}\r\n{lines}")).await;
        let answer = client.answer().await;
        let status = answer.as_ref().map(|answer| answer.status);
        assert!(status.is_none_or(|status| status >= 400), "{start:?}: {status:?}");
        // Nothing of the request comes back.
        assert!(answer.is_none_or(|answer| !answer.body.contains("Bearer ")), "{start:?}");
    }
}

#[tokio::test]
async fn a_long_list_of_subprotocols_is_read_once_or_not_at_all() {
    let server = Server::with_tokens(&[]).await;
    let origin = "origin: https://bridge.test";
    let names = |n: usize| (0..n).map(|i| format!("x{i},")).collect::<String>();
    let list = |n: usize| {
        format!("sec-websocket-protocol: {} purple-sector.v1, bearer.{}", names(n), token("alice"))
    };
    let (answer, _client) = upgrade(server.public, "/", &[origin, &list(1_500)]).await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, Some("purple-sector.v1")));
    let mut client = Client::connect(server.public).await;
    client.write(request("GET", "/", &[&HANDSHAKE[..], &[origin, &list(20_000)]].concat())).await;
    assert!(matches!(client.answer().await.map(|answer| answer.status), None | Some(431)));
    // Many tokens are many guesses.
    let guesses = format!("sec-websocket-protocol: purple-sector.v1{}", ", bearer.a.b.c".repeat(500));
    assert_eq!(upgrade(server.public, "/", &[origin, &guesses]).await.0.code(), "bad_request");
    let lines = ["sec-websocket-protocol: purple-sector.v1"; 2];
    assert_eq!(upgrade(server.public, "/", &[&[origin], &lines[..]].concat()).await.0.code(), "bad_request");
}

#[tokio::test]
async fn a_host_that_resembles_an_origin_does_not_make_it_the_own() {
    let server = Server::with_tokens(&[]).await;
    let protocols = format!("sec-websocket-protocol: purple-sector.v1, bearer.{}", token("alice"));
    for (host, origin) in [
        ("bridge.test@evil.com", "https://evil.com"),
        ("evil.com#bridge.test", "https://evil.com"),
        ("bridge.test", "https://bridge.test@evil.com"),
        ("bridge.test", "https://bridge.test."),
        ("bridge.test.", "https://bridge.test"),
        ("bridge.test", "https://bridge.test/"),
        ("bridge.test:443", "https://bridge.test:444"),
        ("bridge.test:80", "https://bridge.test"),
        ("bridge.test", "wss://bridge.test"),
        ("bridge.test", "https://bridge.test, https://evil.com"),
        ("bridge.test", "https://evil.com https://bridge.test"),
        ("bridge.test", "null, https://bridge.test"),
        ("bridge.test", "file://"),
        ("", "https://"),
        ("", "null"),
        ("*", "https://evil.com"),
    ] {
        let lines = HANDSHAKE
            .map(|line| if line.starts_with("host") { format!("host: {host}") } else { line.to_owned() });
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let mut client = Client::connect(server.public).await;
        let origin = format!("origin: {origin}");
        client.write(request("GET", "/v1/stream", &[&lines[..], &[&origin, &protocols]].concat())).await;
        let status = client.answer().await.map(|answer| answer.status);
        assert!(matches!(status, Some(400 | 403)), "{host:?} {origin:?}: {status:?}");
    }
}

#[tokio::test]
async fn a_user_hidden_in_the_address_is_seen_or_means_nothing() {
    let server = Server::with_tokens(&[]).await;
    let alice = bearer("alice");
    for (query, status) in [
        ("user%49d=bob", 403),
        ("userId=alice;userId=bob", 403),
        ("userId=alice%00", 403),
        ("userId=alice%26userId=bob", 403),
        ("userId=%EF%BC%A1lice", 403),
        ("userId=alice&user%49d=bob", 400),
        ("userId=alice&userId=alice", 400),
        ("userId", 403),
    ] {
        let (answer, _client) = upgrade(server.public, &format!("/v1/stream?{query}"), &[&alice]).await;
        assert_eq!(answer.status, status, "{query}: {answer:?}");
    }
    for query in ["userid=bob", "userId[]=bob", "user=bob", "sub=bob", "userId =bob", "%61lice", "share=bob"]
    {
        let path = format!("/v1/stream?{}", query.replace(' ', "%20"));
        let headers = [alice.as_str(), "x-user: bob", "x-forwarded-user: bob", "cookie: userId=bob"];
        let (answer, mut client) = upgrade(server.public, &path, &headers).await;
        assert_eq!(answer.status, 101, "{query}: {answer:?}");
        assert_eq!(user_of(&mut client).await, "alice", "{query}");
    }
}

#[tokio::test]
async fn a_page_elsewhere_gains_nothing_from_cookies() {
    let server = Server::with_tokens(&[]).await;
    let token = token("alice");
    let cookie = format!("cookie: token={token}; authorization=Bearer {token}");
    let protocols = format!("sec-websocket-protocol: purple-sector.v1, bearer.{token}");
    for headers in [
        vec!["origin: https://evil.com", cookie.as_str()],
        vec!["origin: https://evil.com", &cookie, &protocols],
        vec!["origin: null", &cookie, &protocols],
    ] {
        let (answer, _client) = upgrade(server.public, "/v1/stream", &headers).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "origin_refused"), "{headers:?}");
    }
    // Not even a page of our own is let in by one.
    let (answer, _client) =
        upgrade(server.public, "/v1/stream", &["origin: https://bridge.test", &cookie]).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "token_missing"));
}

/// Whoever asks from a page elsewhere may send a request, and must not read what comes back.
#[tokio::test]
async fn no_answer_may_be_read_or_framed_by_another_site() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("index.html"), "hello").expect("the folder is writable");
    let server = Server::with_tokens(&["--dashboard-dir", &folder.path().to_string_lossy()]).await;
    let alice = bearer("alice");
    let evil = "origin: https://evil.com";
    let preflight = "access-control-request-headers: authorization";
    for (address, path) in [
        (server.public, "/"),
        (server.public, "/v1/stats"),
        (server.public, "/v1/stream"),
        (server.public, "/healthz"),
        (server.public, "/nothing"),
        (server.operators, "/v1/stats"),
        (server.operators, "/readyz"),
    ] {
        for method in ["GET", "OPTIONS"] {
            let mut client = Client::connect(address).await;
            let host = format!("host: {address}");
            client.write(request(method, path, &[&host, evil, preflight, &alice])).await;
            let answer = client.answer().await.expect("an answer");
            for name in ["allow-origin", "allow-headers", "allow-credentials"] {
                assert_eq!(answer.header(&format!("access-control-{name}")), None, "{method} {path}");
            }
            // Nor does an address leave the page that it was shown on, and no text becomes a script.
            assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{method} {path}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{method} {path}");
        }
    }
    let page = get(server.public, "/", &[]).await;
    let policy = page.header("content-security-policy").expect("there is a policy");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'none'"), "{policy}");
}
