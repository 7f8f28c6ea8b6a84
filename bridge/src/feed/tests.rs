//! Feeds on the embedded broker: real clients and sockets, in one process. And one on Apache Kafka, which restarts.

mod cluster;
mod faults;
mod proxy;
mod swapped;

use std::time::{Duration, Instant};

use purple_sector_codec::bridge_protocol::{GapReason, ServerMessage};
use purple_sector_codec::{Chain, Envelope, Kind, Link, UserId};
use purple_sector_harness::kafka::Kafka as Broker;
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::testing::Source;
use super::*;
use crate::kafka::{KafkaSource, Security};

/// Nothing here takes longer, on a busy machine either.
const WITHIN: Duration = Duration::from_secs(20);

async fn feeds(settings: FeedSettings) -> (Feeds, FutureProducer) {
    let kafka = KafkaSettings {
        source: KafkaSource::Embedded { port: 0, users: Vec::new() },
        auto_create_topics: true,
        partitions: 10,
        replication_factor: None,
        security: Security::default(),
    };
    let feeds = Feeds::start(settings, &kafka).await.expect("the embedded broker starts");
    let address = feeds.embedded_kafka().expect("there is one").to_string();
    let producer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("linger.ms", "0")
        .set("enable.idempotence", "true")
        .create()
        .expect("a producer");
    (feeds, producer)
}

/// Ends all feeds, as the bridge does when it stops; fails if one of them goes on.
async fn shut_down(feeds: &Feeds) {
    feeds.shutdown().await;
    eventually("all feeds end", || feeds.stats().feeds.get() == 0).await;
}

/// Waits until it is so; fails if that takes too long.
async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {WITHIN:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until this many partitions are read.
async fn reads(feeds: &Feeds, n_partitions: u64) {
    let what = format!("{n_partitions} partitions are read");
    eventually(&what, || feeds.stats().partitions.get() >= n_partitions).await;
}

/// Why the feed ended for this viewer, whatever it gave before.
async fn ended(viewer: &mut ViewerHandle) -> Closed {
    let ending = async {
        loop {
            if let Err(closed) = viewer.next().await {
                return closed;
            }
        }
    };
    tokio::time::timeout(WITHIN, ending).await.expect("the feed ends in time")
}

async fn publish(producer: &FutureProducer, user: &str, partition: i32, bytes: &[u8]) {
    let topic = UserId::parse(user).expect("a user").topic();
    let record = FutureRecord::<(), _>::to(&topic).partition(partition).payload(bytes);
    producer.send(record, WITHIN).await.expect("published");
}

/// Tests of a whole cluster measure how soon a user draws, so that no test with a broker of its own runs next to them.
static ALONE: tokio::sync::RwLock<()> = tokio::sync::RwLock::const_new(());

/// What one viewer has seen of its streams, by the rules that every reader has.
#[derive(Default)]
struct Watcher {
    chains: std::collections::HashMap<u32, Chain>,
    n_blocks: usize,
    n_missing: u64,
    n_skipped: u64,
    first: Vec<Kind>,
}

impl Watcher {
    /// Reads until `enough`; fails if that takes too long.
    async fn read(&mut self, viewer: &mut ViewerHandle, enough: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + WITHIN;
        while !enough(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = tokio::time::timeout(left, viewer.next()).await;
            let message = message.unwrap_or_else(|_| panic!("only {} blocks came", self.n_blocks));
            self.take(&message.expect("the feed goes on"));
        }
    }

    fn take(&mut self, message: &[u8]) {
        match ServerMessage::parse(message).expect("a message") {
            ServerMessage::Data { record, .. } => {
                let envelope = Envelope::parse(record).expect("a record");
                self.first.push(envelope.kind);
                let missing = match self.chains.entry(envelope.epoch).or_default().check(&envelope) {
                    Link::Next => None,
                    Link::Key { missing } => missing,
                    Link::Outside => return,
                    link => panic!("{link:?} instead of the next block, after {}", self.n_blocks),
                };
                self.n_blocks += 1;
                self.n_missing += missing.map_or(0, |gap| gap.n_blocks());
            }
            ServerMessage::Gap { reason: GapReason::Slow, n_records, .. } => self.n_skipped += n_records,
            _ => {}
        }
    }
}

fn settings() -> FeedSettings {
    FeedSettings { linger: Duration::from_millis(300), ..FeedSettings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_in_the_middle_of_a_stream_draws_on_its_first_message() {
    let (feeds, producer) = feeds(settings()).await;
    let mut source = Source::new("s", 1);
    // The collector came first: the topic has as many partitions as the broker gives by itself.
    for bytes in [source.schema(), source.facts(), source.key(), source.block(), source.key(), source.block()]
    {
        publish(&producer, "alice", 3, &bytes).await;
    }
    let user = VerifiedUser::for_test("alice");
    let mut first = feeds.join(user.clone(), JoinOptions::default()).await.expect("joins");
    let mut seen = Watcher::default();
    seen.read(&mut first, |seen| seen.n_blocks == 2).await;
    assert_eq!(seen.first, [Kind::Schema, Kind::Facts, Kind::Key, Kind::Block]);

    publish(&producer, "alice", 3, &source.block()).await;
    seen.read(&mut first, |seen| seen.n_blocks == 3).await;
    let mut second = feeds.join(user, JoinOptions::default()).await.expect("joins");
    let mut seen_second = Watcher::default();
    seen_second.read(&mut second, |seen| seen.n_blocks == 3).await;
    assert_eq!(seen_second.first[2], Kind::Key);
    publish(&producer, "alice", 3, &source.block()).await;
    seen.read(&mut first, |seen| seen.n_blocks == 4).await;
    seen_second.read(&mut second, |seen| seen.n_blocks == 4).await;
    assert_eq!(feeds.stats().feeds.get(), 1);
    shut_down(&feeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_who_waits_gets_every_record_from_the_first_on() {
    let (feeds, producer) = feeds(settings()).await;
    let mut viewer =
        feeds.join(VerifiedUser::for_test("alice"), JoinOptions::default()).await.expect("joins");
    let (mut one, mut two) = (Source::new("one", 1), Source::new("two", 2));
    // The topic is made when the viewer asks for it, with ten partitions.
    let publishing = async {
        reads(&feeds, 10).await;
        for n in 0..400 {
            let (one, two) = if n % 50 == 0 { (one.key(), two.key()) } else { (one.block(), two.block()) };
            publish(&producer, "alice", 9, &one).await;
            publish(&producer, "alice", 2, &two).await;
        }
    };
    let mut seen = Watcher::default();
    tokio::join!(publishing, seen.read(&mut viewer, |seen| seen.n_blocks == 800));
    assert_eq!((seen.n_missing, seen.n_skipped), (0, 0));
    assert_eq!(seen.chains.len(), 2);
    assert_eq!(feeds.stats().repeats.get(), 0);
    shut_down(&feeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_viewer_skips_ahead_and_delays_no_one() {
    let limits = FeedSettings { viewer_queue_blocks: 20, ..settings() };
    let (feeds, producer) = feeds(limits).await;
    let user = VerifiedUser::for_test("alice");
    let mut source = Source::new("s", 1);
    publish(&producer, "alice", 0, &source.key()).await;
    let mut slow = feeds.join(user.clone(), JoinOptions::default()).await.expect("joins");
    let mut fast = feeds.join(user, JoinOptions::default()).await.expect("joins");
    let (mut seen, mut seen_slow) = (Watcher::default(), Watcher::default());
    seen.read(&mut fast, |seen| seen.n_blocks == 1).await;
    seen_slow.read(&mut slow, |seen| seen.n_blocks == 1).await;
    for n in 1..200 {
        let bytes = if n % 10 == 0 { source.key() } else { source.block() };
        publish(&producer, "alice", 0, &bytes).await;
        seen.read(&mut fast, |seen| seen.n_blocks == n + 1).await;
    }
    while let Some(message) = slow.try_next() {
        seen_slow.take(&message);
    }
    assert!(seen_slow.n_blocks <= 1 + 20, "{} blocks came", seen_slow.n_blocks);
    assert_eq!(seen_slow.n_blocks as u64 + seen_slow.n_missing, 200, "skipped blocks are those it misses");
    assert_eq!(seen_slow.n_skipped, seen_slow.n_missing, "and those it was told of");
    assert_eq!(feeds.stats().skipped.get(), seen_slow.n_skipped);
    assert_eq!((seen.n_skipped, seen.n_missing), (0, 0));
    shut_down(&feeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_ends_after_its_last_viewer_and_begins_again_with_the_next() {
    let (feeds, producer) = feeds(settings()).await;
    let user = VerifiedUser::for_test("alice");
    let mut source = Source::new("s", 1);
    publish(&producer, "alice", 0, &source.key()).await;
    let mut viewer = feeds.join(user.clone(), JoinOptions::default()).await.expect("joins");
    Watcher::default().read(&mut viewer, |seen| seen.n_blocks == 1).await;
    assert_eq!(feeds.stats().viewers.get(), 1);
    drop(viewer);
    eventually("the feed ends", || feeds.stats().feeds.get() == 0 && feeds.stats().partitions.get() == 0)
        .await;
    assert_eq!(feeds.stats().viewers.get(), 0);
    publish(&producer, "alice", 0, &source.block()).await;
    let mut viewer = feeds.join(user, JoinOptions::default()).await.expect("joins");
    let mut seen = Watcher::default();
    seen.read(&mut viewer, |seen| seen.n_blocks == 2).await;
    assert_eq!(seen.first, [Kind::Key, Kind::Block]);
    shut_down(&feeds).await;
    assert_eq!(ended(&mut viewer).await, Closed::Stopping);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_get_their_own_records_only() {
    let (feeds, producer) = feeds(settings()).await;
    let mut sources: Vec<_> = (0..5).map(|n| Source::new(&format!("session-{n}"), n)).collect();
    let mut viewers = Vec::new();
    for n in 0..5 {
        let user = VerifiedUser::for_test(&format!("user-{n}"));
        viewers.push(feeds.join(user, JoinOptions::default()).await.expect("joins"));
    }
    for n in 0..20 {
        for (i, source) in sources.iter_mut().enumerate() {
            let bytes = if n == 0 { source.key() } else { source.block() };
            publish(&producer, &format!("user-{i}"), 0, &bytes).await;
        }
    }
    for (n, viewer) in viewers.iter_mut().enumerate() {
        let mut seen = Watcher::default();
        seen.read(viewer, |seen| seen.n_blocks == 20).await;
        assert_eq!(seen.chains.keys().copied().collect::<Vec<_>>(), [n as u32]);
    }
    assert_eq!(feeds.stats().foreign.get(), 0);
    shut_down(&feeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_there_is_named() {
    let settings = KafkaSettings {
        source: KafkaSource::Brokers("127.0.0.1:1".into()),
        auto_create_topics: true,
        partitions: 10,
        replication_factor: None,
        security: Security::default(),
    };
    let error = Feeds::start(FeedSettings::default(), &settings).await.err().expect("no broker there");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kafka_that_restarts_loses_nothing_and_ends_no_feed() {
    let _with_others = ALONE.read().await;
    let mut broker = tokio::task::spawn_blocking(Broker::start).await.expect("it ends").expect("a broker");
    let kafka = KafkaSettings {
        source: KafkaSource::Brokers(broker.brokers()),
        auto_create_topics: true,
        partitions: 10,
        replication_factor: None,
        security: Security::default(),
    };
    let feeds = Feeds::start(settings(), &kafka).await.expect("it answers");
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", broker.brokers()).create().expect("a producer");
    let mut viewer =
        feeds.join(VerifiedUser::for_test("alice"), JoinOptions::default()).await.expect("joins");
    let (mut source, mut seen) = (Source::new("s", 1), Watcher::default());
    // The topic is there once the feed reads it.
    reads(&feeds, 10).await;
    publish(&producer, "alice", 5, &source.key()).await;
    publish(&producer, "alice", 5, &source.block()).await;
    seen.read(&mut viewer, |seen| seen.n_blocks == 2).await;
    broker = tokio::task::spawn_blocking(move || broker.stop().map(|()| broker))
        .await
        .expect("it ends")
        .expect("stops");
    eventually("the outage is noticed", || !feeds.ready()).await;
    // Who comes during the outage is let in, to wait.
    let bob = feeds.join(VerifiedUser::for_test("bob"), JoinOptions::default()).await;
    let mut bob = bob.expect("joins");
    let restarted = tokio::task::spawn_blocking(move || broker.restart().map(|()| broker)).await;
    let _broker = restarted.expect("it ends").expect("it starts again");
    for _ in 0..20 {
        publish(&producer, "alice", 5, &source.block()).await;
    }
    publish(&producer, "alice", 5, &source.key()).await;
    seen.read(&mut viewer, |seen| seen.n_blocks == 23).await;
    assert_eq!(seen.n_missing, 0);
    let mut bobs = Source::new("b", 2);
    reads(&feeds, 20).await;
    publish(&producer, "bob", 0, &bobs.key()).await;
    Watcher::default().read(&mut bob, |seen| seen.n_blocks == 1).await;
    // Readiness has a client of its own, which looks every 2 s and may find Kafka later than the feeds do.
    eventually("the end of the outage is noticed", || feeds.ready()).await;
    assert_eq!((feeds.stats().repeats.get(), feeds.stats().positions_lost.get()), (0, 0));
    shut_down(&feeds).await;
}
