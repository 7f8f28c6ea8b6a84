//! Mistakes of the bridge, made on purpose. Two users' readers read each the other's topic: where readers log in as their
//! users, Kafka itself refuses them, and nobody gets anything. A feed is given another user's token: it does not take it.

use std::time::Duration;

use purple_sector_harness::secure::principal::{ADMIN, Access as Right};
use purple_sector_harness::secure::{Issuer, SecureKafka};

use super::faults::producer_to;
use super::*;
use crate::auth::{Access, KeySet, KeyStore, Reserved, RevocationStore, Rules, UserToken};
use crate::kafka::{ReaderLogin, Tls};

const ACLS: &str = "org.apache.kafka.tools.AclCommand";

/// A broker on which both users may read their own topics.
fn broker(users: [&str; 2]) -> &'static SecureKafka {
    let broker = SecureKafka::shared().expect("a broker");
    for user in users {
        let (principal, topic) = (format!("User:v-{user}"), UserId::parse(user).expect("a user").topic());
        let args = ["--add", "--allow-principal", &principal, "--operation", "Read", "--topic", &topic];
        broker.broker().tool(ACLS, &args).expect("granted");
    }
    broker
}

/// What a viewer brings: checked as the bridge checks it.
async fn token(broker: &SecureKafka, user: &str, life_s: u64) -> UserToken {
    let keys = std::fs::read(broker.issuer().jwks()).expect("the keys");
    let rules = Rules {
        issuer: Issuer::NAME.to_owned(),
        audience: Issuer::BRIDGE_AUDIENCE.to_owned(),
        user_claim: "sub".to_owned(),
        max_lifetime: Duration::from_secs(3600),
        reserved: Reserved::default(),
    };
    let keys = KeyStore::new(KeySet::from_jwks(&keys).expect("keys"));
    let access = Access::Tokens {
        keys,
        rules,
        revoked: RevocationStore::default(),
        kafka_audience: Some(Issuer::KAFKA_AUDIENCE.to_owned()),
    };
    let user = UserId::parse(user).expect("a user");
    let token = broker.issuer().token(&user, Right::Read, Duration::from_secs(life_s)).expect("signed");
    let admission = access.admit(Some(&token), None, crate::time::unix_s).await.expect("good");
    admission.for_kafka().cloned().expect("for Kafka as well")
}

async fn feeds(broker: &SecureKafka) -> Feeds {
    let identity = broker.service(ADMIN).expect("written");
    let tls = Tls::load(&broker.ca(), Some((&identity.certificate, &identity.key))).expect("files");
    let users_tls = Tls::load(&broker.ca(), None).expect("a file");
    let security = Security {
        tls: Some(tls),
        identity: None,
        readers: ReaderLogin::User { brokers: Some(broker.users()), tls: Some(users_tls) },
    };
    let settings = KafkaSettings {
        source: KafkaSource::Brokers(broker.services()),
        security,
        auto_create_topics: true,
        partitions: 2,
        replication_factor: None,
    };
    Feeds::start(FeedSettings::default(), &settings).await.expect("it answers")
}

fn producer(broker: &SecureKafka) -> FutureProducer {
    let identity = broker.service(ADMIN).expect("written");
    let path = |path: &std::path::Path| path.display().to_string();
    let (ca, certificate, key) = (path(&broker.ca()), path(&identity.certificate), path(&identity.key));
    producer_to(
        &broker.services(),
        &[
            ("security.protocol", "SSL"),
            ("ssl.ca.location", &ca),
            ("ssl.certificate.location", &certificate),
            ("ssl.key.location", &key),
        ],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_takes_no_token_of_another_user() {
    let users = ["given-alice", "given-bob"];
    let broker = tokio::task::spawn_blocking(move || broker(users)).await.expect("it ends");
    let (producer, feeds) = (producer(broker), feeds(broker).await);
    let [alice, bob] = users;
    let options = JoinOptions::default();
    let mut viewer = feeds.join_with(token(broker, alice, 600).await, options).await.expect("joins");
    reads(&feeds, 2).await;
    // It ends later than her own, so it would be shown instead.
    viewer.renew(token(broker, bob, 900).await).await;
    let (mut source, mut watcher) = (Source::new("not-bobs", 3), Watcher::default());
    // For longer than it takes until a newer token is shown.
    for n in 1..=8 {
        publish(&producer, alice, 0, &if n == 1 { source.key() } else { source.block() }).await;
        watcher.read(&mut viewer, |seen| seen.n_blocks >= n).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    shut_down(&feeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_read_the_topic_of_another_user_are_refused_by_kafka() {
    let users = ["swapped-alice", "swapped-bob"];
    let broker = tokio::task::spawn_blocking(move || broker(users)).await.expect("it ends");
    let producer = producer(broker);
    let join = async |feeds: &Feeds, user: &str| {
        feeds.join_with(token(broker, user, 600).await, JoinOptions::default()).await.expect("joins")
    };

    // As it should be: each gets what is in the own topic.
    let right = feeds(broker).await;
    for user in users {
        let mut viewer = join(&right, user).await;
        reads(&right, 2).await;
        publish(&producer, user, 0, &Source::new(user, 1).key()).await;
        Watcher::default().read(&mut viewer, |seen| seen.n_blocks >= 1).await;
    }
    shut_down(&right).await;

    let wrong = feeds(broker).await;
    let [alice, bob] = users.map(|user| UserId::parse(user).expect("a user"));
    wrong.swap([&alice, &bob]);
    for user in users {
        let mut viewer = join(&wrong, user).await;
        publish(&producer, user, 0, &Source::new(user, 2).key()).await;
        assert_eq!(ended(&mut viewer).await, Closed::Refused);
    }
    assert_eq!(wrong.stats().messages_received.get(), 0);
    let log = broker.broker().log();
    for [reader, owner] in [users, [users[1], users[0]]] {
        let is_refusal = |line: &String| {
            line.contains(&format!("User:v-{reader} is Denied"))
                && line.contains(&format!("telemetry-user-{owner}"))
        };
        assert!(log.iter().any(is_refusal), "the broker's log does not say that it refused {reader}");
    }
    shut_down(&wrong).await;
}
