//! The pool and the topics on a real Apache Kafka.

use std::collections::HashMap;
use std::time::Instant;

use purple_sector_codec::UserId;
use purple_sector_harness::kafka::Kafka as Broker;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::mpsc::Receiver;

use super::upkeep::Held;
use super::*;

const WITHIN: Duration = Duration::from_secs(60);
const TOOL_GROUPS: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
const TOOL_TOPICS: &str = "org.apache.kafka.tools.TopicCommand";

/// The bridge's Kafka side on the shared broker, with a pool of these settings.
async fn kafka(settings: PoolSettings) -> (Kafka, FutureProducer, Arc<Stats>) {
    let broker = tokio::task::spawn_blocking(Broker::shared).await.expect("it ends").expect("a broker");
    let producer = ClientConfig::new()
        .set("bootstrap.servers", broker.brokers())
        .set("linger.ms", "0")
        .create()
        .expect("a producer");
    let stats = Arc::new(Stats::default());
    let source = KafkaSource::Brokers(broker.brokers());
    let kafka_settings =
        KafkaSettings { source, auto_create_topics: true, partitions: 10, replication_factor: None };
    let kafka = Kafka::start_with(&kafka_settings, Some(settings), stats.clone()).await.expect("it answers");
    (kafka, producer, stats)
}

fn topic(user: &str) -> Arc<str> {
    Arc::from(&*UserId::parse(user).expect("a user").topic())
}

/// Looks a topic up, has it assigned, and gives where its records arrive.
async fn read(kafka: &Kafka, topic: &Arc<str>, generation: u64) -> (Receiver<FromKafka>, Vec<Start>) {
    let starts = kafka.find(topic.clone()).await.expect("a start");
    let (inbox, arrived) = tokio::sync::mpsc::channel(1_000);
    let wanted =
        |start: &Start| Wanted { partition: start.partition, from: start.from, live: start.from < start.end };
    let wanted = starts.iter().map(wanted).collect();
    kafka.assign(topic.clone(), Sink { inbox, generation }, wanted);
    (arrived, starts)
}

async fn publish(producer: &FutureProducer, topic: &str, partition: i32, text: &str) {
    let record = FutureRecord::<(), _>::to(topic).partition(partition).payload(text);
    producer.send(record, WITHIN).await.expect("published");
}

async fn next(arrived: &mut Receiver<FromKafka>) -> FromKafka {
    tokio::time::timeout(WITHIN, arrived.recv()).await.expect("something comes").expect("the pool runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_move_all_the_time_lose_and_repeat_nothing() {
    const N_USERS: usize = 4;
    const N_BURSTS: usize = 12;
    const BURST: usize = 40;
    // Idle after a tenth of a second: every burst makes its partition hot, every pause makes it cold.
    let restless = PoolSettings {
        busy_for: Duration::from_millis(100),
        tick: Duration::from_millis(20),
        n_cold: 2,
        ..POOL
    };
    let (kafka, producer, stats) = kafka(restless).await;
    let mut readers = tokio::task::JoinSet::new();
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..N_USERS {
        let topic = topic(&format!("moves-{n}"));
        let (mut arrived, starts) = read(&kafka, &topic, 1).await;
        assert_eq!(starts.len(), 10);
        readers.spawn(async move {
            let mut next_offset: HashMap<u16, u64> = HashMap::new();
            for _ in 0..10 * N_BURSTS * BURST {
                let FromKafka::Record(record) = next(&mut arrived).await else {
                    panic!("a position was lost")
                };
                let expected = next_offset.entry(record.partition).or_default();
                assert_eq!(record.offset, *expected, "in partition {}", record.partition);
                assert_eq!(record.bytes(), format!("{}/{}", record.partition, record.offset).as_bytes());
                *expected += 1;
            }
        });
        for partition in 0..10 {
            let (producer, topic) = (producer.clone(), topic.clone());
            writers.spawn(async move {
                for burst in 0..N_BURSTS {
                    for offset in burst * BURST..(burst + 1) * BURST {
                        publish(&producer, &topic, partition, &format!("{partition}/{offset}")).await;
                    }
                    tokio::time::sleep(Duration::from_millis(150 + 17 * partition as u64)).await;
                }
            });
        }
    }
    while let Some(writer) = writers.join_next().await {
        writer.expect("it writes");
    }
    while let Some(reader) = readers.join_next().await {
        reader.expect("every record came once and in order");
    }
    let moves = stats.moves.get();
    println!("{moves} moves under {} records", N_USERS * 10 * N_BURSTS * BURST);
    assert!(moves > 100, "only {moves} moves");
    kafka.shutdown(WITHIN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_made_with_the_agreed_settings_and_its_group_shows_how_far_the_bridge_read() {
    let (kafka, producer, _) = kafka(POOL).await;
    let topic = topic("settings");
    let (mut arrived, _) = read(&kafka, &topic, 1).await;
    for n in 0..3 {
        publish(&producer, &topic, 4, &format!("{n}")).await;
        next(&mut arrived).await;
    }
    let (lookup, to) = (kafka.lookup.clone(), Sink { inbox: tokio::sync::mpsc::channel(1).0, generation: 1 });
    let published = topic.clone();
    let (topics, groups) = tokio::task::spawn_blocking(move || {
        // What the bridge publishes by itself after some seconds is the same.
        let held = Held { topic: published.clone(), partition: 4, next: 3, to };
        upkeep::publish(&lookup, &published, &[held]).expect("the group's offsets are written");
        let broker = Broker::shared().expect("a broker");
        let group = UserId::from_topic(&published).expect("a user").group();
        (
            broker.tool(TOOL_TOPICS, &["--describe", "--topic", &published]).expect("topics"),
            broker.tool(TOOL_GROUPS, &["--describe", "--group", &group]).expect("groups"),
        )
    })
    .await
    .expect("it ends");
    for setting in [
        "PartitionCount: 10",
        "retention.ms=3600000",
        "segment.ms=600000",
        "message.timestamp.type=LogAppendTime",
    ] {
        assert!(topics.contains(setting), "{setting} is missing in\n{topics}");
    }
    let rows = groups.lines().map(|line| line.split_whitespace().skip(1).take(5).collect::<Vec<_>>());
    let expected = [topic.as_ref(), "4", "3", "3", "0"];
    assert!(
        rows.into_iter().any(|row| row == expected),
        "no {expected:?} (partition, offset, end, lag) in\n{groups}"
    );
    kafka.shutdown(WITHIN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_starts_in_the_past_where_there_are_records_and_at_the_end_elsewhere() {
    let (kafka, producer, _) = kafka(POOL).await;
    let topic = topic("past");
    kafka.find(topic.clone()).await.expect("the topic is made");
    for n in 0..5 {
        publish(&producer, &topic, 7, &format!("{n}")).await;
    }
    let (mut arrived, starts) = read(&kafka, &topic, 1).await;
    for start in &starts {
        let expected = if start.partition == 7 { (0, 5) } else { (0, 0) };
        assert_eq!((start.from, start.end), expected, "in partition {}", start.partition);
    }
    for n in 0..5 {
        let FromKafka::Record(record) = next(&mut arrived).await else { panic!("no record") };
        assert_eq!(record.bytes(), format!("{n}").as_bytes());
    }
    kafka.shutdown(WITHIN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_deleted_and_made_anew_is_told_to_its_feed() {
    let (kafka, producer, _) = kafka(POOL).await;
    let topic = topic("anew");
    let (mut arrived, _) = read(&kafka, &topic, 1).await;
    for n in 0..20 {
        publish(&producer, &topic, 0, &format!("{n}")).await;
        next(&mut arrived).await;
    }
    let brokers = Broker::shared().expect("a broker").brokers();
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().expect("an admin client");
    admin.delete_topics(&[&topic], &AdminOptions::new()).await.expect("deleted");
    let deadline = Instant::now() + WITHIN;
    while kafka.find(topic.clone()).await.is_err() {
        assert!(Instant::now() < deadline, "the topic is not made anew");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    match next(&mut arrived).await {
        FromKafka::PositionLost { generation: 1, partition: 0, from: 20, to: 0 }
        | FromKafka::TopicChanged { generation: 1, .. } => {}
        other => panic!("expected to be told, got {other:?}"),
    }
    kafka.release(topic.clone(), 1);
    let (mut arrived, _) = read(&kafka, &topic, 2).await;
    publish(&producer, &topic, 0, "first").await;
    loop {
        if let FromKafka::Record(record) = next(&mut arrived).await {
            assert_eq!((record.offset, record.bytes()), (0, &b"first"[..]));
            break;
        }
    }
    kafka.shutdown(WITHIN).await;
}
