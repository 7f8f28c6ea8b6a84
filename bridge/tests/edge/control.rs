//! What can someone do who may write to the topic of the bridges, or would like to be called like it?

use std::collections::HashSet;
use std::time::{Duration, Instant};

use purple_sector_codec::UserId;
use purple_sector_codec::bridge_protocol::{ClientMessage, ServerMessage};
use purple_sector_harness::kafka::Kafka;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::client::viewer;
use crate::revoked::{WITHIN, revoke, status, token};
use crate::server::Server;
use crate::sockets::ends_with;

const TOPIC: &str = "purple-sector-control";

async fn brokers() -> String {
    spawn_blocking(Kafka::shared).await.expect("it ends").expect("Apache Kafka starts").brokers()
}

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("allow.auto.create.topics", "false");
    config
}

/// Writes a record to the bridges' topic; `None` deletes what was there under this key.
async fn write(producer: &FutureProducer, key: &str, value: Option<&[u8]>) {
    let record = FutureRecord { payload: value, ..FutureRecord::<str, [u8]>::to(TOPIC) };
    let sent = producer.send(record.partition(0).key(key), Duration::from_secs(10)).await;
    sent.expect("Kafka takes it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_in_the_bridges_topic_lets_a_revoked_token_in_or_stops_a_bridge() {
    let brokers = brokers().await;
    let server = Server::on_kafka(&brokers).await;
    let (stolen, late, kept) =
        (token("alice", "stolen-1"), token("alice", "late-1"), token("alice", "kept-1"));
    let mut thief = viewer(server.public, &stolen).await;
    let mut by_late = viewer(server.public, &late).await;
    let mut stays = viewer(server.public, &kept).await;
    revoke(&brokers, &["--id", "stolen-1"]).await;
    ends_with(&mut thief, 4501).await;

    let producer: FutureProducer = config(&brokers).create().expect("the settings are good");
    let key = "revoked/token/stolen-1";
    let again = |keep_until_s: u64| {
        json!({ "kind": "token_revoked", "id": "stolen-1", "keep_until_s": keep_until_s }).to_string()
    };
    // Taking it back: deleted, written again as ended long ago, and as something else.
    write(&producer, key, None).await;
    write(&producer, key, Some(b"")).await;
    write(&producer, key, Some(again(0).as_bytes())).await;
    write(&producer, key, Some(br#"{"kind":"token_allowed","id":"stolen-1"}"#)).await;
    // Garbage: not JSON, too deep, too long, with names that are none, with numbers that are too large.
    let long = format!("{}{}", " ".repeat(17 * 1024), again(1));
    let odd = json!({ "kind": "token_revoked", "id": "kept-1\n", "keep_until_s": u64::MAX }).to_string();
    let nobody = json!({ "kind": "user_revoked", "user": " alice", "issued_until_s": u64::MAX, "keep_until_s": u64::MAX });
    let never = json!({ "kind": "token_revoked", "id": "other-1", "keep_until_s": u64::MAX }).to_string();
    for value in [
        &b"\0\xff\xfe"[..],
        b"{",
        b"null",
        &[b'['; 10_000],
        &[0xff; 60_000],
        long.as_bytes(),
        odd.as_bytes(),
        nobody.to_string().as_bytes(),
        br#"{"kind":"token_revoked","id":"kept-1","keep_until_s":-1}"#,
        br#"{"kind":"token_revoked","id":"kept-1","keep_until_s":1e30}"#,
        br#"{"kind":"token_revoked","id":["kept-1"],"keep_until_s":1}"#,
        br#"{"kind":"user_revoked","user":"alice"}"#,
        never.as_bytes(),
    ] {
        write(&producer, "garbage", Some(value)).await;
    }

    // It still follows, and what was revoked is.
    revoke(&brokers, &["--id", "late-1"]).await;
    let revoked = Instant::now();
    ends_with(&mut by_late, 4501).await;
    assert!(revoked.elapsed() < WITHIN, "{:?}", revoked.elapsed());
    assert_eq!(status(&server, &stolen).await, 401);
    stays.send(ClientMessage::Time { client_us: 1 }).await;
    // One that starts now reads all of it first.
    let other = Server::on_kafka(&brokers).await;
    for server in [&server, &other] {
        assert_eq!(status(server, &late).await, 401);
        assert_eq!(status(server, &kept).await, 200);
    }
    assert_eq!(status(&other, &stolen).await, 401);
    stays.send(ClientMessage::Time { client_us: 1 }).await;
    stays.until(|message| matches!(message, ServerMessage::Time { .. }).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_the_name_of_a_topic_gets_a_users_topic() {
    let brokers = brokers().await;
    let server = Server::on_kafka(&brokers).await;
    let long = "é".repeat(64);
    let users = [
        "__consumer_offsets",
        "__cluster_metadata",
        TOPIC,
        "telemetry",
        "telemetry-user-alice",
        "../x",
        "a/b",
        "*",
        "%00",
        "🏎",
        "\u{430}lice",
        "caf\u{e9}",
        "cafe\u{301}",
        &long,
    ];
    let mut watching = Vec::new();
    for user in users {
        let mut client = viewer(server.public, &crate::server::token(user)).await;
        client.until(|message| matches!(message, ServerMessage::State { .. }).then_some(())).await;
        watching.push(client);
    }
    let topics = topics(&brokers).await;
    let own: HashSet<String> = users.iter().map(|user| topic_of(user)).collect();
    assert_eq!(own.len(), users.len(), "each has a topic of their own");
    assert!(own.iter().all(|topic| topics.contains(topic)), "{own:?} are not all among {topics:?}");
    for topic in topics {
        assert!(topic.len() <= 249 && topic.starts_with("telemetry-user-"), "{topic}");
        assert!(topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{topic}");
    }
}

fn topic_of(user: &str) -> String {
    UserId::parse(user).expect("a user id").topic().as_str().to_owned()
}

async fn topics(brokers: &str) -> Vec<String> {
    let config = config(brokers);
    let asked = spawn_blocking(move || {
        let client: BaseConsumer = config.create().expect("the settings are good");
        let metadata = client.fetch_metadata(None, Duration::from_secs(10)).expect("Kafka answers");
        let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
        // The broker's own come and go by themselves.
        names.filter(|name| !name.starts_with("__") && name != TOPIC).collect()
    });
    asked.await.expect("it ends")
}
