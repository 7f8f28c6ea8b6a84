//! Does what the simulator gives reach a Kafka topic, whole and in order? Against librdkafka's in-process broker.

use std::time::{Duration, Instant};

use clap::Parser;
use purple_sector_codec::{Event, Received, Schema, SessionId, StreamReader, UserId, partition_for};
use purple_sector_collector::source::simulator::{Simulator, SimulatorSettings};
use purple_sector_collector::{Config, run};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::oneshot;

type Broker = MockCluster<'static, DefaultProducerContext>;

const N_PARTITIONS: i32 = 10;

fn broker(users: &[&str]) -> Broker {
    let cluster = MockCluster::new(1).expect("a mock cluster starts");
    for user in users {
        let topic = UserId::parse(user).expect("valid").topic();
        cluster.create_topic(&topic, N_PARTITIONS, 1).expect("a topic");
    }
    cluster
}

fn config(arguments: &str, brokers: &str) -> Config {
    let arguments = std::iter::once("collector").chain(arguments.split(' ')).chain(["--brokers", brokers]);
    Config::try_parse_from(arguments).expect("valid settings")
}

/// Runs a collector; the sender stops it, the handle gives its end.
fn start(
    arguments: &str,
    brokers: &str,
) -> (oneshot::Sender<()>, tokio::task::JoinHandle<Result<(), String>>) {
    let (stop, stopped) = oneshot::channel();
    let config = config(arguments, brokers);
    let task = tokio::spawn(async move {
        let shutdown = async { drop(stopped.await) };
        run(config, shutdown).await.map_err(|failure| failure.to_string())
    });
    (stop, task)
}

/// Reads one session's partition from the start.
struct Viewer {
    consumer: BaseConsumer,
    reader: StreamReader,
    rows: Vec<(u64, Vec<f32>, Vec<i32>)>,
    facts: Vec<purple_sector_codec::Facts>,
    events: Vec<Event>,
    schemas: usize,
    n_blocks: usize,
    epochs: Vec<u32>,
    ended: bool,
}

impl Viewer {
    fn new(brokers: &str, user: &str, session: &str) -> Self {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", "test")
            .set("fetch.wait.max.ms", "10")
            .create()
            .expect("a consumer");
        let session = SessionId::parse(session).expect("valid");
        let partition = partition_for(&session, N_PARTITIONS as u32) as i32;
        let topic = UserId::parse(user).expect("valid").topic();
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(&topic, partition, Offset::Beginning).expect("an offset");
        consumer.assign(&assignment).expect("assigned");
        Self {
            consumer,
            reader: StreamReader::new(),
            rows: Vec::new(),
            facts: Vec::new(),
            events: Vec::new(),
            schemas: 0,
            n_blocks: 0,
            epochs: Vec::new(),
            ended: false,
        }
    }

    /// Reads until `done`, at most 20 s.
    fn read_until(&mut self, done: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !done(self) {
            assert!(started.elapsed() < Duration::from_secs(20), "only {} samples came", self.rows.len());
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    let bytes = message.payload().expect("a payload").to_vec();
                    drop(message);
                    self.take(&bytes);
                }
                // The consumer says when the broker is away; it comes back by itself.
                Some(Err(error)) => eprintln!("{error}"),
                None => {}
            }
        }
    }

    fn take(&mut self, record: &[u8]) {
        match self.reader.push(record).expect("a good record") {
            Received::Samples(samples) => {
                assert_eq!(samples.missing, None, "no hole in the stream");
                if !self.epochs.contains(&samples.stream.epoch) {
                    self.epochs.push(samples.stream.epoch);
                }
                self.n_blocks += 1;
                for (i, &at_us) in samples.captured_at_us().iter().enumerate() {
                    let floats = (0..samples.schema.n_floats()).map(|c| samples.float_column(c)[i]).collect();
                    let ints = (0..samples.schema.n_ints()).map(|c| samples.int_column(c)[i]).collect();
                    self.rows.push((at_us, floats, ints));
                }
            }
            Received::Schema { .. } => self.schemas += 1,
            Received::Facts { facts, .. } => self.facts.push(facts),
            Received::Event { event, .. } => self.events.push(event),
            Received::End { missing, .. } => {
                assert_eq!(missing, None);
                self.ended = true;
            }
            Received::Repeat { .. } => {}
            other => panic!("unexpected: {other:?}"),
        }
    }

    /// The rows are the simulator's, bit for bit, from its first sample on.
    fn check_rows_are_simulated(&self, rate_hz: u32) {
        let settings = SimulatorSettings { rate_hz, start_us: 0, ..SimulatorSettings::default() };
        let simulator = Simulator::new(settings).expect("valid");
        let schema = Schema::full();
        let mut row = purple_sector_codec::RowBuffer::new(&schema);
        let first_us = self.rows[0].0;
        for (sample, (at_us, floats, ints)) in simulator.zip(&self.rows) {
            schema.project(&sample, &mut row);
            assert_eq!(at_us - first_us, row.captured_at_us);
            let bits = |floats: &[f32]| floats.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(floats), bits(&row.floats));
            assert_eq!(ints, &row.ints);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_the_simulator_gives_arrives_in_order_and_a_stop_delivers_the_rest() {
    let broker = broker(&["alice"]);
    let brokers = broker.bootstrap_servers();
    let (stop, task) =
        start("simulator --user alice --session s1 --rate 333 --lossless --block-samples 4", &brokers);
    let mut viewer = Viewer::new(&brokers, "alice", "s1");
    viewer.read_until(|viewer| viewer.rows.len() > 700);
    drop(stop);
    assert_eq!(task.await.expect("no panic"), Ok(()));
    viewer.read_until(|viewer| viewer.ended);
    viewer.check_rows_are_simulated(333);
    assert!(viewer.schemas >= 1);
    let facts = &viewer.facts[0];
    assert_eq!((facts.driver.as_deref(), facts.nominal_rate_hz), (Some("alice"), Some(333.0)));
    assert!(viewer.n_blocks.abs_diff(viewer.rows.len() / 4) <= 1, "{} blocks", viewer.n_blocks);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_loses_nothing() {
    let broker = broker(&["alice"]);
    let brokers = broker.bootstrap_servers();
    let (stop, task) = start("simulator --user alice --session s1 --rate 60 --lossless", &brokers);
    let mut viewer = Viewer::new(&brokers, "alice", "s1");
    viewer.read_until(|viewer| viewer.rows.len() > 60);
    broker.broker_down(1).expect("down");
    tokio::time::sleep(Duration::from_secs(3)).await;
    broker.broker_up(1).expect("up");
    viewer.read_until(|viewer| viewer.rows.len() > 400);
    drop(stop);
    assert_eq!(task.await.expect("no panic"), Ok(()));
    viewer.read_until(|viewer| viewer.ended);
    viewer.check_rows_are_simulated(60);
    assert_eq!(viewer.events, [], "no gap, no missed steps");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_users_publish_to_their_own_topics_only() {
    let broker = broker(&["load-0001", "load-0002", "load-0003"]);
    let brokers = broker.bootstrap_servers();
    let (stop, task) = start("simulator --user load --users 3 --session s1", &brokers);
    for user in ["load-0001", "load-0002", "load-0003"] {
        let mut viewer = Viewer::new(&brokers, user, "s1");
        viewer.read_until(|viewer| viewer.rows.len() > 60 && !viewer.facts.is_empty());
        assert_eq!(viewer.facts[0].driver.as_deref(), Some(user));
        assert_eq!(viewer.epochs.len(), 1);
    }
    drop(stop);
    assert_eq!(task.await.expect("no panic"), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_for_a_topic_that_only_the_bridge_can_make() {
    let broker = broker(&[]);
    let brokers = broker.bootstrap_servers();
    let (stop, task) = start("simulator --user alice --session s1", &brokers);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!task.is_finished());
    broker.create_topic("telemetry-user-alice", N_PARTITIONS, 1).expect("a topic");
    let mut viewer = Viewer::new(&brokers, "alice", "s1");
    viewer.read_until(|viewer| viewer.rows.len() > 10);
    drop(stop);
    assert_eq!(task.await.expect("no panic"), Ok(()));
}
