//! What happens to those who ask for too much, or too slowly?

use std::time::{Duration, Instant};

use crate::client::{Client, HANDSHAKE, get, request, upgrade, viewer};
use crate::server::{Server, token};

#[tokio::test]
async fn a_head_must_come_within_five_seconds() {
    let server = Server::with_tokens(&[]).await;
    let started = Instant::now();
    let mut silent = Client::connect(server.public).await;
    let mut idle = Client::connect(server.public).await;
    idle.write(request("GET", "/healthz", &["host: x"])).await;
    assert_eq!(idle.answer().await.map(|answer| answer.status), Some(200));
    tokio::join!(silent.ended(), idle.ended());
    let took = started.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_secs(15)).contains(&took), "{took:?}");
    assert_eq!(get(server.public, "/healthz", &[]).await.status, 200);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_answered_with_431() {
    let server = Server::with_tokens(&[]).await;
    let fits = format!("authorization: Bearer {}", "a".repeat(12 * 1024));
    assert_eq!(get(server.public, "/v1/stats", &[&fits]).await.status, 401);
    for n_bytes in [20 * 1024, 64 * 1024, 1024 * 1024] {
        let mut client = Client::connect(server.public).await;
        let large = format!("authorization: Bearer {}", "a".repeat(n_bytes));
        client.write(request("GET", "/v1/stats", &["host: x", &large])).await;
        // With much unread the answer may be lost on the way; being served is what must not happen.
        let status = client.answer().await.map(|answer| answer.status);
        assert!(matches!(status, None | Some(431)), "{n_bytes}: {status:?}");
        assert!(n_bytes > 20 * 1024 || status == Some(431), "{status:?}");
    }
    let lines: Vec<String> = (0..100).map(|i| format!("x-{i}: y")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(get(server.public, "/healthz", &lines).await.status, 431);
}

#[tokio::test]
async fn connections_of_one_address_are_limited_and_come_free_again() {
    let server = Server::with_tokens(&["--max-connections-per-address", "3"]).await;
    let alice = token("alice");
    let held = [viewer(server.public, &alice).await, viewer(server.public, &alice).await];
    let mut plain = Client::connect(server.public).await;
    plain.write(request("GET", "/healthz", &["host: x"])).await;
    assert_eq!(plain.answer().await.map(|answer| answer.status), Some(200));
    let answer = get(server.public, "/healthz", &[]).await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "too_many_connections"));
    // Operators have a door of their own.
    assert_eq!(get(server.operators, "/healthz", &[]).await.status, 200);
    drop((held, plain));
    let started = Instant::now();
    while get(server.public, "/healthz", &[]).await.status != 200 {
        assert!(started.elapsed() < Duration::from_secs(10), "places come free");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_address_that_is_only_claimed_is_not_believed() {
    let server = Server::with_tokens(&["--max-connections-per-address", "3"]).await;
    let alice = token("alice");
    let mut held = Vec::new();
    for i in 0..3 {
        let mut client = Client::connect(server.public).await;
        let claims = [format!("x-forwarded-for: 10.0.0.{i}"), format!("forwarded: for=10.0.0.{i}")];
        let real = format!("x-real-ip: 10.0.0.{i}");
        let bearer = format!("authorization: Bearer {alice}");
        let headers = [&HANDSHAKE[..], &[&claims[0], &claims[1], &real, &bearer]].concat();
        client.write(request("GET", "/v1/stream", &headers)).await;
        assert_eq!(client.answer().await.map(|answer| answer.status), Some(101));
        held.push(client);
    }
    let answer = get(server.public, "/healthz", &["x-forwarded-for: 10.0.0.9"]).await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "too_many_connections"));
    // Nor is a proxy's greeting in front of the request.
    let mut client = Client::connect(server.operators).await;
    client.write("PROXY TCP4 10.0.0.9 10.0.0.1 1 2\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let status = client.answer().await.map(|answer| answer.status);
    assert!(matches!(status, None | Some(400)), "{status:?}");
}

#[tokio::test]
async fn connections_in_all_are_limited() {
    let server = Server::with_tokens(&["--max-connections", "1"]).await;
    let _held = viewer(server.public, &token("alice")).await;
    let answer = get(server.public, "/healthz", &[]).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "too_many_connections"));
}

#[tokio::test]
async fn viewers_of_one_user_are_limited_and_others_still_come_in() {
    let server = Server::with_tokens(&["--max-viewers-per-user", "2"]).await;
    let alice = token("alice");
    let held = [viewer(server.public, &alice).await, viewer(server.public, &alice).await];
    let bearer = format!("authorization: Bearer {alice}");
    let (answer, _client) = upgrade(server.public, "/", &[&bearer]).await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "too_many_viewers"));
    assert!(answer.header("retry-after").is_some());
    let _bob = viewer(server.public, &token("bob")).await;
    drop(held);
    let started = Instant::now();
    while upgrade(server.public, "/", &[&bearer]).await.0.status != 101 {
        assert!(started.elapsed() < Duration::from_secs(10), "seats come free");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
