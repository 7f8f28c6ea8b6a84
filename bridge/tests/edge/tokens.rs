//! What happens to a viewer whose token ends while it watches?

use std::time::{Duration, Instant};

use purple_sector_codec::bridge_protocol::{ClientMessage, ServerMessage};

use crate::client::{Client, viewer};
use crate::server::{Server, now_s, token, token_until};
use crate::sockets::ends_with;

/// Waits until the bridge says how long the token is good.
async fn seconds_left(client: &mut Client) -> u32 {
    let left = client.until(|message| match message {
        ServerMessage::TokenExpiring { in_s } => Some(in_s),
        _ => None,
    });
    left.await
}

#[tokio::test]
async fn a_token_that_ends_is_announced_and_closes_the_connection_after_its_leeway() {
    let server = Server::with_tokens(&[]).await;
    let started = Instant::now();
    let mut client = viewer(server.public, &token_until("alice", now_s() + 2)).await;
    assert!(seconds_left(&mut client).await <= 2);
    ends_with(&mut client, 4401).await;
    let took = started.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_secs(9)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn a_new_token_for_the_same_user_keeps_it_open() {
    let server = Server::with_tokens(&[]).await;
    let mut client = viewer(server.public, &token_until("alice", now_s() + 1)).await;
    assert!(seconds_left(&mut client).await <= 1);
    client.send(ClientMessage::Refresh { token: &token_until("alice", now_s() + 600) }).await;
    assert!((598..=600).contains(&seconds_left(&mut client).await));
    tokio::time::sleep(Duration::from_secs(7)).await;
    client.send(ClientMessage::Time { client_us: 1 }).await;
    client.until(|message| matches!(message, ServerMessage::Time { .. }).then_some(())).await;
}

#[tokio::test]
async fn a_new_token_of_another_user_or_a_bad_one_ends_it() {
    let server = Server::with_tokens(&[]).await;
    for (fresh, code) in [
        (token("bob"), 4503),
        (token_until("alice", now_s() - 60), 4401),
        ("a.b.c".to_owned(), 4501),
        (String::new(), 4501),
    ] {
        let mut client = viewer(server.public, &token("alice")).await;
        client.send(ClientMessage::Refresh { token: &fresh }).await;
        ends_with(&mut client, code).await;
    }
}

#[tokio::test]
async fn refreshing_again_and_again_is_a_flood_like_any_other() {
    let server = Server::with_tokens(&[]).await;
    // Good tokens, each of which is checked.
    let mut client = viewer(server.public, &token("alice")).await;
    let good = token("alice");
    for _ in 0..60 {
        client.send(ClientMessage::Refresh { token: &good }).await;
    }
    ends_with(&mut client, 4429).await;
    // 64 KiB that are no token, in one message and in several.
    let mut client = viewer(server.public, &token("alice")).await;
    client.send(ClientMessage::Refresh { token: &"a".repeat(60_000) }).await;
    assert_eq!(client.close_code().await.0, 1009);
    let mut client = viewer(server.public, &token("alice")).await;
    for _ in 0..4 {
        client.send(ClientMessage::Refresh { token: &"a".repeat(16_000) }).await;
    }
    ends_with(&mut client, 4501).await;
}

#[tokio::test]
async fn a_refresh_with_a_shorter_token_shortens_and_never_lengthens() {
    let server = Server::with_tokens(&[]).await;
    let mut client = viewer(server.public, &token("alice")).await;
    client.send(ClientMessage::Refresh { token: &token_until("alice", now_s() + 1) }).await;
    assert!(seconds_left(&mut client).await <= 1);
    ends_with(&mut client, 4401).await;
    // Nor does a token that would be good for longer than any may be.
    let mut client = viewer(server.public, &token("alice")).await;
    client.send(ClientMessage::Refresh { token: &token_until("alice", now_s() + 400 * 86_400) }).await;
    ends_with(&mut client, 4501).await;
}
