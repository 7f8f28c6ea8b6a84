//! A mistake of the bridge, made on purpose: two users' readers read each the other's topic. Where readers log in as
//! their users, Kafka itself refuses them, and nobody gets anything.

use std::time::Duration;

use purple_sector_harness::secure::principal::{ADMIN, Access as Right};
use purple_sector_harness::secure::{Issuer, SecureKafka};

use super::faults::producer_to;
use super::*;
use crate::auth::{Access, KeySet, KeyStore, Reserved, RevocationStore, Rules, UserToken};
use crate::kafka::{ReaderLogin, Tls};

const ACLS: &str = "org.apache.kafka.tools.AclCommand";
const USERS: [&str; 2] = ["swapped-alice", "swapped-bob"];

/// A broker on which both users may read their own topics.
fn broker() -> &'static SecureKafka {
    let broker = SecureKafka::shared().expect("a broker");
    for user in USERS {
        let (principal, topic) = (format!("User:v-{user}"), UserId::parse(user).expect("a user").topic());
        let args = ["--add", "--allow-principal", &principal, "--operation", "Read", "--topic", &topic];
        broker.broker().tool(ACLS, &args).expect("granted");
    }
    broker
}

/// What a viewer brings: checked as the bridge checks it.
async fn token(broker: &SecureKafka, user: &str) -> UserToken {
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
    let token = broker.issuer().token(&user, Right::Read, Duration::from_secs(600)).expect("signed");
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
async fn readers_that_read_the_topic_of_another_user_are_refused_by_kafka() {
    let broker = tokio::task::spawn_blocking(broker).await.expect("it ends");
    let producer = producer(broker);
    let join = async |feeds: &Feeds, user: &str| {
        feeds.join_with(token(broker, user).await, JoinOptions::default()).await.expect("joins")
    };

    // As it should be: each gets what is in the own topic.
    let right = feeds(broker).await;
    for user in USERS {
        let mut viewer = join(&right, user).await;
        reads(&right, 2).await;
        publish(&producer, user, 0, &Source::new(user, 1).key()).await;
        Watcher::default().read(&mut viewer, |seen| seen.n_blocks >= 1).await;
    }
    shut_down(&right).await;

    let wrong = feeds(broker).await;
    let [alice, bob] = USERS.map(|user| UserId::parse(user).expect("a user"));
    wrong.swap([&alice, &bob]);
    for user in USERS {
        let mut viewer = join(&wrong, user).await;
        publish(&producer, user, 0, &Source::new(user, 2).key()).await;
        assert_eq!(ended(&mut viewer).await, Closed::Refused);
    }
    assert_eq!(wrong.stats().messages_received.get(), 0);
    let log = broker.broker().log();
    for [reader, owner] in [USERS, [USERS[1], USERS[0]]] {
        let is_refusal = |line: &String| {
            line.contains(&format!("User:v-{reader} is Denied"))
                && line.contains(&format!("telemetry-user-{owner}"))
        };
        assert!(log.iter().any(is_refusal), "the broker's log does not say that it refused {reader}");
    }
    shut_down(&wrong).await;
}
