//! Feeds on a real Apache Kafka that is hurt on purpose: what one topic suffers, its viewers are told, and no other
//! user notices.

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::Producer;

use super::*;

const TOOL_TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const TOOL_CONFIGS: &str = "kafka.admin.ConfigCommand";
const TOOL_GROUPS: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";

fn on(broker: &Broker) -> KafkaSettings {
    KafkaSettings {
        source: KafkaSource::Brokers(broker.brokers()),
        auto_create_topics: true,
        partitions: 10,
        replication_factor: None,
        security: Security::default(),
    }
}

async fn shared() -> &'static Broker {
    tokio::task::spawn_blocking(Broker::shared).await.expect("it ends").expect("a broker")
}

fn producer(broker: &Broker, more: &[(&str, &str)]) -> FutureProducer {
    producer_to(&broker.brokers(), more)
}

pub(super) fn producer_to(brokers: &str, more: &[(&str, &str)]) -> FutureProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("linger.ms", "0");
    more.iter().for_each(|(key, value)| {
        config.set(*key, *value);
    });
    config.create().expect("a producer")
}

pub(super) fn admin(brokers: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", brokers).create().expect("an admin client")
}

pub(super) fn topic(user: &str) -> purple_sector_codec::Topic {
    UserId::parse(user).expect("a user").topic()
}

pub(super) async fn join(feeds: &Feeds, user: &str) -> ViewerHandle {
    feeds.join(VerifiedUser::for_test(user), JoinOptions::default()).await.expect("joins")
}

/// The next gap that is not a viewer's own, with its reason.
async fn gap(viewer: &mut ViewerHandle, within: Duration) -> (GapReason, u64) {
    let deadline = Instant::now() + within;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let message = tokio::time::timeout(left, viewer.next()).await.expect("a gap comes in time");
        let message = message.expect("the feed goes on");
        if let Ok(ServerMessage::Gap { reason, n_records, .. }) = ServerMessage::parse(&message) {
            return (reason, n_records);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_deleted_under_load_is_announced_made_again_and_read() {
    let _with_others = ALONE.read().await;
    let broker = shared().await;
    let feeds = Feeds::start(settings(), &on(broker)).await.expect("it answers");
    let producer = producer(broker, &[]);
    let mut viewer = join(&feeds, "deleted").await;
    reads(&feeds, 10).await;
    let first_id = viewer.topic_id();
    assert_ne!(first_id.0, [0; 16], "it is known when the feed starts");
    let mut source = Source::new("s", 1);
    for n in 0..20 {
        let bytes = if n == 0 { source.key() } else { source.block() };
        publish(&producer, "deleted", 3, &bytes).await;
    }
    Watcher::default().read(&mut viewer, |seen| seen.n_blocks == 20).await;

    let deleted = Instant::now();
    admin(&broker.brokers())
        .delete_topics(&[&topic("deleted")], &AdminOptions::new())
        .await
        .expect("deleted");
    assert_eq!(gap(&mut viewer, Duration::from_secs(10)).await.0, GapReason::TopicReplaced);
    println!("noticed after {:?}", deleted.elapsed());
    reads(&feeds, 10).await;
    let mut again = Source::new("t", 2);
    let mut seen = Watcher::default();
    publish(&producer, "deleted", 3, &again.key()).await;
    publish(&producer, "deleted", 3, &again.block()).await;
    seen.read(&mut viewer, |seen| seen.n_blocks == 2).await;
    println!("read again after {:?}", deleted.elapsed());
    assert_ne!(viewer.topic_id(), first_id);
    assert_eq!(feeds.stats().foreign.get(), 0);
    shut_down(&feeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_added_are_read_from_their_first_record_on() {
    let _with_others = ALONE.read().await;
    let broker = tokio::task::spawn_blocking(Broker::start).await.expect("it ends").expect("a broker");
    let feeds = Feeds::start(settings(), &on(&broker)).await.expect("it answers");
    let producer = producer(&broker, &[]);
    let mut viewer = join(&feeds, "alice").await;
    reads(&feeds, 10).await;
    let mut source = Source::new("s", 1);
    publish(&producer, "alice", 0, &source.key()).await;
    Watcher::default().read(&mut viewer, |seen| seen.n_blocks == 1).await;

    let admin = admin(&broker.brokers());
    let alice = topic("alice");
    let more = NewPartitions::new(&alice, 12);
    admin.create_partitions([&more], &AdminOptions::new()).await.expect("added");
    let added = Instant::now();
    // Before the bridge knows of it, but by one that does.
    let mut other = Source::new("other", 2);
    let producer = self::producer(&broker, &[]);
    publish(&producer, "alice", 11, &other.key()).await;
    Watcher::default().read(&mut viewer, |seen| seen.n_blocks == 1).await;
    println!("new partitions are read after {:?}", added.elapsed());
    assert_eq!(feeds.stats().partitions.get(), 12);
    shut_down(&feeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hostile_producer_writes_is_passed_over_and_nobody_else_notices() {
    let _with_others = ALONE.read().await;
    const N_BOMBS: u64 = 2;
    let broker = shared().await;
    // The topic as someone else made it, where the bridge may change nothing: the broker keeps what it is given.
    let (victim, other) = (topic("hostile"), topic("hostile-bob"));
    let as_given = NewTopic::new(&victim, 1, TopicReplication::Fixed(1))
        .set("compression.type", "producer")
        .set("max.message.bytes", "10485760");
    let usual = NewTopic::new(&other, 1, TopicReplication::Fixed(1));
    admin(&broker.brokers()).create_topics([&as_given, &usual], &AdminOptions::new()).await.expect("topics");
    let kafka = KafkaSettings { auto_create_topics: false, ..on(broker) };
    let feeds = Feeds::start(settings(), &kafka).await.expect("it answers");
    let (mut mallory, mut bob) = (join(&feeds, "hostile").await, join(&feeds, "hostile-bob").await);
    reads(&feeds, 2).await;

    let bombing = async {
        for codec in ["gzip", "lz4"] {
            let sizes = [("message.max.bytes", "1000000000"), ("queue.buffering.max.kbytes", "2000000")];
            let hostile = producer(broker, &[&sizes[..], &[("compression.type", codec)]].concat());
            let zeros = vec![0; 64 * 1024 * 1024];
            let record = FutureRecord::<(), _>::to(&victim).partition(0).payload(&zeros);
            hostile.send(record, WITHIN).await.expect("published");
        }
    };
    let good = producer(broker, &[]);
    let (mut source, mut seen) = (Source::new("s", 1), Watcher::default());
    publish(&good, "hostile-bob", 0, &source.key()).await;
    seen.read(&mut bob, |seen| seen.n_blocks == 1).await;
    let watching = async {
        let mut longest = Duration::ZERO;
        for n in 2..100 {
            let sent = Instant::now();
            publish(&good, "hostile-bob", 0, &source.block()).await;
            seen.read(&mut bob, |seen| seen.n_blocks == n).await;
            longest = longest.max(sent.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        longest
    };
    let ((), longest) = tokio::join!(bombing, watching);
    eventually("all bombs are met", || feeds.stats().decode_errors.get() >= N_BOMBS).await;
    println!("longest delay of another user {longest:?}");
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    // The stream itself goes on behind them.
    let mut honest = Source::new("h", 3);
    publish(&good, "hostile", 0, &honest.key()).await;
    Watcher::default().read(&mut mallory, |seen| seen.n_blocks == 1).await;
    shut_down(&feeds).await;

    // Where the bridge may, the topic then takes no more of the kind.
    let feeds = Feeds::start(settings(), &on(broker)).await.expect("it answers");
    let _mallory = join(&feeds, "hostile").await;
    let described = tokio::task::spawn_blocking(move || {
        let args = ["--describe", "--entity-type", "topics", "--entity-name", victim.as_str()];
        let deadline = Instant::now() + WITHIN;
        loop {
            let described = broker.tool(TOOL_CONFIGS, &args).expect("settings");
            if described.contains("compression.type=uncompressed") || Instant::now() > deadline {
                return described;
            }
        }
    });
    let described = described.await.expect("it ends");
    for setting in ["compression.type=uncompressed", "max.message.bytes=131072"] {
        assert!(described.contains(setting), "{described}");
    }
    shut_down(&feeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_compressed_batches_and_transactions_are_read() {
    let _with_others = ALONE.read().await;
    let broker = shared().await;
    let compressed = topic("compressed");
    let new = NewTopic::new(&compressed, 10, TopicReplication::Fixed(1)).set("compression.type", "producer");
    admin(&broker.brokers()).create_topics([&new], &AdminOptions::new()).await.expect("a topic");
    let feeds = Feeds::start(settings(), &on(broker)).await.expect("it answers");
    let mut viewer = join(&feeds, "compressed").await;
    reads(&feeds, 10).await;
    let (mut source, mut n) = (Source::new("s", 1).with_body(3000), 0);
    let mut seen = Watcher::default();
    for codec in ["none", "gzip", "lz4"] {
        let producer = producer(broker, &[("compression.type", codec)]);
        for _ in 0..5 {
            let bytes = if n == 0 { source.key() } else { source.block() };
            publish(&producer, "compressed", 2, &bytes).await;
            n += 1;
        }
    }
    let transactional = producer(broker, &[("transactional.id", "t"), ("enable.idempotence", "true")]);
    let transactional =
        tokio::task::spawn_blocking(move || transactional.init_transactions(WITHIN).map(|()| transactional));
    let transactional = transactional.await.expect("it ends").expect("transactions");
    for _ in 0..3 {
        transactional.begin_transaction().expect("begun");
        for _ in 0..2 {
            publish(&transactional, "compressed", 2, &source.block()).await;
            n += 1;
        }
        let committing = transactional.clone();
        let committed = tokio::task::spawn_blocking(move || committing.commit_transaction(WITHIN));
        committed.await.expect("it ends").expect("committed");
    }
    seen.read(&mut viewer, |seen| seen.n_blocks == n).await;
    assert_eq!((seen.n_missing, feeds.stats().decode_errors.get()), (0, 0));
    shut_down(&feeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_fetch_sessions_everything_works_the_same() {
    let _with_others = ALONE.read().await;
    let settings_of_broker = ["max.incremental.fetch.session.cache.slots=0"];
    let broker = tokio::task::spawn_blocking(move || Broker::start_with(&settings_of_broker));
    let broker = broker.await.expect("it ends").expect("a broker");
    let feeds = Feeds::start(settings(), &on(&broker)).await.expect("it answers");
    let producer = producer(&broker, &[]);
    let mut viewer = join(&feeds, "alice").await;
    reads(&feeds, 10).await;
    let mut sources: Vec<Source> = (0..10).map(|n| Source::new(&format!("s{n}"), n)).collect();
    for n in 0..20 {
        for (partition, source) in sources.iter_mut().enumerate().take(8) {
            let bytes = if n % 10 == 0 { source.key() } else { source.block() };
            publish(&producer, "alice", partition as i32, &bytes).await;
        }
    }
    let mut seen = Watcher::default();
    seen.read(&mut viewer, |seen| seen.n_blocks == 160).await;
    assert_eq!((seen.n_missing, feeds.stats().repeats.get()), (0, 0));
    shut_down(&feeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_cannot_be_made_ends_its_feed_with_the_reason() {
    let _with_others = ALONE.read().await;
    let broker = shared().await;
    let kafka = KafkaSettings { replication_factor: Some(3), ..on(broker) };
    let feeds = Feeds::start(settings(), &kafka).await.expect("it answers");
    let mut viewer = join(&feeds, "three-copies").await;
    assert_eq!(ended(&mut viewer).await, Closed::CannotMakeTopic);
    shut_down(&feeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_made_as_agreed_and_groups_show_how_far_the_bridge_read() {
    let _with_others = ALONE.read().await;
    let broker = shared().await;
    let feeds = Feeds::start(settings(), &on(broker)).await.expect("it answers");
    let producer = producer(broker, &[]);
    let mut viewer = join(&feeds, "agreed").await;
    reads(&feeds, 10).await;
    let mut source = Source::new("s", 1);
    for n in 0..3 {
        let bytes = if n == 0 { source.key() } else { source.block() };
        publish(&producer, "agreed", 4, &bytes).await;
    }
    Watcher::default().read(&mut viewer, |seen| seen.n_blocks == 3).await;
    let topic = topic("agreed");
    let expected = [topic.as_str(), "4", "3", "3", "0"].map(str::to_owned);
    let looked = tokio::task::spawn_blocking(move || {
        let topics = broker.tool(TOOL_TOPICS, &["--describe", "--topic", &topic]).expect("topics");
        let group = topic.user().expect("a user").group();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let groups = broker.tool(TOOL_GROUPS, &["--describe", "--group", &group]).unwrap_or_default();
            let shown = |row: &str| row.split_whitespace().skip(1).take(5).eq(expected.iter());
            if groups.lines().any(shown) {
                return topics;
            }
            assert!(Instant::now() < deadline, "no {expected:?} (partition, offset, end, lag) in\n{groups}");
        }
    });
    let topics = looked.await.expect("it ends");
    assert!(topics.contains("PartitionCount: 10"), "{topics}");
    for (key, value) in purple_sector_codec::Topic::SETTINGS {
        // Kafka leaves out what is its own default.
        assert!(key == "cleanup.policy" || topics.contains(&format!("{key}={value}")), "{key} in\n{topics}");
    }
    shut_down(&feeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_again_at_once_is_read_from_its_first_record() {
    let _with_others = ALONE.read().await;
    let broker = shared().await;
    let topic = topic("quickly");
    let make = NewTopic::new(&topic, 2, TopicReplication::Fixed(1));
    let admin = admin(&broker.brokers());
    admin.create_topics([&make], &AdminOptions::new()).await.expect("a topic");
    let feeds = Feeds::start(settings(), &on(broker)).await.expect("it answers");
    let mut viewer = join(&feeds, "quickly").await;
    reads(&feeds, 2).await;
    let mut source = Source::new("s", 1);
    let first = producer(broker, &[]);
    for n in 0..20 {
        let bytes = if n == 0 { source.key() } else { source.block() };
        publish(&first, "quickly", 1, &bytes).await;
    }
    Watcher::default().read(&mut viewer, |seen| seen.n_blocks == 20).await;
    let id = viewer.topic_id();

    admin.delete_topics(&[&topic], &AdminOptions::new()).await.expect("deleted");
    let deleted = Instant::now();
    // Whoever is first, this test or the bridge.
    let is_there = |result: &Result<_, _>| {
        matches!(result, Ok(_) | Err((_, rdkafka::types::RDKafkaErrorCode::TopicAlreadyExists)))
    };
    let mut attempts = 0;
    loop {
        let results = admin.create_topics([&make], &AdminOptions::new()).await.expect("answered");
        attempts += 1;
        if attempts > 1 && results.iter().all(is_there) {
            break;
        }
        assert!(deleted.elapsed() < WITHIN, "the topic cannot be made again");
    }
    println!("made again after {:?}", deleted.elapsed());
    // Its offsets are those of the old one: only the id tells them apart. Fewer records than before, then more.
    let (mut again, second) = (Source::new("t", 2), producer(broker, &[]));
    for n in 0..30 {
        let bytes = if n == 0 { again.key() } else { again.block() };
        publish(&second, "quickly", 1, &bytes).await;
    }
    assert_eq!(gap(&mut viewer, Duration::from_secs(10)).await.0, GapReason::TopicReplaced);
    let mut seen = Watcher::default();
    seen.read(&mut viewer, |seen| seen.n_blocks == 30).await;
    assert_eq!((seen.n_missing, feeds.stats().foreign.get()), (0, 0));
    assert_ne!(viewer.topic_id(), id);
    shut_down(&feeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn access_that_is_taken_away_ends_the_feed_of_that_user_only() {
    let _with_others = ALONE.read().await;
    let settings_of_broker = [
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found=true",
    ];
    let broker = tokio::task::spawn_blocking(move || Broker::start_with(&settings_of_broker));
    let broker = broker.await.expect("it ends").expect("a broker");
    let feeds = Feeds::start(settings(), &on(&broker)).await.expect("it answers");
    let (mut alice, mut bob) = (join(&feeds, "alice").await, join(&feeds, "bob").await);
    reads(&feeds, 20).await;
    let producer = producer(&broker, &[]);
    let mut source = Source::new("s", 1);
    publish(&producer, "bob", 0, &source.key()).await;
    let mut seen = Watcher::default();
    seen.read(&mut bob, |seen| seen.n_blocks == 1).await;

    let denied = tokio::task::spawn_blocking(move || {
        let who = ["--add", "--force", "--deny-principal", "User:ANONYMOUS", "--operation", "Read"];
        let what = ["--topic", &topic("alice")];
        broker.tool("org.apache.kafka.tools.AclCommand", &[&who[..], &what[..]].concat()).map(|_| broker)
    });
    let _broker = denied.await.expect("it ends").expect("denied");
    assert_eq!(ended(&mut alice).await, Closed::Refused);
    publish(&producer, "bob", 0, &source.block()).await;
    seen.read(&mut bob, |seen| seen.n_blocks == 2).await;
    assert_eq!(feeds.stats().feeds.get(), 1);
    shut_down(&feeds).await;
}
