//! Tokens that end before their time: on every bridge, whether it runs already or starts later.

use std::time::{Duration, Instant};

use purple_sector_harness::kafka::Kafka;
use tokio::task::spawn_blocking;

use crate::client::{get, viewer};
use crate::commands::bridge;
use crate::server::{Server, claims, now_s, token_with};
use crate::sockets::ends_with;

/// How soon a revocation holds everywhere.
pub(crate) const WITHIN: Duration = Duration::from_secs(5);

/// A token with an id.
pub(crate) fn token(user: &str, id: &str) -> String {
    token_with(claims(user, now_s() + 600, id))
}

/// Runs `bridge token revoke`, which must say that it is done.
pub(crate) async fn revoke(brokers: &str, flags: &[&'static str]) {
    let brokers = brokers.to_owned();
    let flags = [&["token", "revoke"], flags].concat();
    let output =
        spawn_blocking(move || bridge(&flags, &[("KAFKA_BROKERS", &brokers)])).await.expect("it ends");
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("revoked"), "{said}{error}");
}

pub(crate) async fn status(server: &Server, token: &str) -> u16 {
    get(server.public, "/v1/stats", &[&format!("Authorization: Bearer {token}")]).await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_ends_on_every_bridge_within_five_seconds() {
    let kafka = spawn_blocking(Kafka::start).await.expect("it ends").expect("Apache Kafka starts");
    let brokers = kafka.brokers();
    let servers = [Server::on_kafka(&brokers).await, Server::on_kafka(&brokers).await];

    let (stolen, other) = (token("alice", "stolen"), token("alice", "other"));
    let (by_bob, by_carol) = (token("bob", "b1"), token("carol", "c1"));
    let mut watching = Vec::new();
    for server in &servers {
        watching.push((viewer(server.public, &stolen).await, viewer(server.public, &by_bob).await));
    }
    let mut stays = viewer(servers[0].public, &other).await;

    revoke(&brokers, &["--id", "stolen"]).await;
    revoke(&brokers, &["--user", "bob"]).await;
    let revoked = Instant::now();
    for (thief, bob) in &mut watching {
        ends_with(thief, 4501).await;
        ends_with(bob, 4501).await;
    }
    println!("closed everywhere {:?} after both were revoked", revoked.elapsed());
    assert!(revoked.elapsed() < WITHIN, "{:?}", revoked.elapsed());

    // One that starts only now knows it before it serves anyone.
    let late = Server::on_kafka(&brokers).await;
    for server in servers.iter().chain([&late]) {
        assert_eq!(status(server, &stolen).await, 401);
        assert_eq!(status(server, &by_bob).await, 401);
        assert_eq!(status(server, &other).await, 200);
        assert_eq!(status(server, &by_carol).await, 200);
    }
    // A token that bob gets from now on is good again.
    let mut fresh = claims("bob", now_s() + 600, "b2");
    fresh["iat"] = (now_s() + 2).into();
    assert_eq!(status(&servers[0], &token_with(fresh)).await, 200);
    stays.send(purple_sector_codec::bridge_protocol::ClientMessage::Time { client_us: 1 }).await;
    stays
        .until(|message| {
            matches!(message, purple_sector_codec::bridge_protocol::ServerMessage::Time { .. }).then_some(())
        })
        .await;
    spawn_blocking(move || drop(kafka)).await.expect("Kafka ends");
}
