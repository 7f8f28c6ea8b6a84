//! A line to Kafka that a test can hold up or cut: the broker names the proxy as its address.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;

/// A broker behind a proxy.
pub(super) struct Proxied {
    pub(super) broker: Broker,
    /// Where the bridge connects; tests connect to the broker itself.
    pub(super) address: String,
    line: watch::Sender<Line>,
    n_connections: Arc<AtomicUsize>,
}

/// What happens to what the broker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Open,
    /// Nothing passes.
    Held,
    /// Connections end at their third answer: every other one within it, after one byte more than the one before it,
    /// and those between them after the whole of it, so that what was published never piles up.
    Cut,
}

impl Line {
    /// What a connection that will be cut gives before that: the log-in, and one answer so that the reader gets on.
    const WHOLE_ANSWERS: usize = 2;
}

impl Proxied {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let behind = purple_sector_harness::process::free_port().expect("a port");
        let settings = [
            format!(
                "listeners=PLAINTEXT://127.0.0.1:{{port}},PROXIED://127.0.0.1:{behind},CONTROLLER://127.0.0.1:{{controller_port}}"
            ),
            format!("advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},PROXIED://{address}"),
            "inter.broker.listener.name=PLAINTEXT".to_owned(),
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT"
                .to_owned(),
        ];
        let starting =
            tokio::task::spawn_blocking(move || Broker::start_with(&settings.each_ref().map(String::as_str)));
        let broker = starting.await.expect("it ends").expect("a broker");
        let (line, seen) = watch::channel(Line::Open);
        let n_connections = Arc::new(AtomicUsize::new(0));
        tokio::spawn(accept(listener, behind, seen, n_connections.clone()));
        Self { broker, address, line, n_connections }
    }

    /// From now on.
    pub(super) fn set(&self, line: Line) {
        self.n_connections.store(0, Ordering::Relaxed);
        self.line.send_replace(line);
    }

    /// How many connections were made since the line was set.
    pub(super) fn n_connections(&self) -> usize {
        self.n_connections.load(Ordering::Relaxed)
    }

    pub(super) fn settings(&self) -> KafkaSettings {
        KafkaSettings {
            source: KafkaSource::Brokers(self.address.clone()),
            auto_create_topics: true,
            partitions: 1,
            replication_factor: None,
            security: Security::default(),
        }
    }
}

async fn accept(
    listener: TcpListener,
    behind: u16,
    line: watch::Receiver<Line>,
    n_connections: Arc<AtomicUsize>,
) {
    while let Ok((client, _)) = listener.accept().await {
        let nth = n_connections.fetch_add(1, Ordering::Relaxed);
        let line = line.clone();
        tokio::spawn(async move {
            let Ok(broker) = TcpStream::connect(("127.0.0.1", behind)).await else { return };
            let (from_client, to_client) = client.into_split();
            let (mut from_broker, to_broker) = broker.into_split();
            // Either end ends both.
            tokio::select! {
                () = ask(from_client, to_broker) => {}
                () = answer(&mut from_broker, to_client, line, nth) => {}
            }
        });
    }
}

async fn ask(mut from_client: OwnedReadHalf, mut to_broker: OwnedWriteHalf) {
    let _ = tokio::io::copy(&mut from_client, &mut to_broker).await;
}

/// Passes answer after answer.
async fn answer(
    from_broker: &mut OwnedReadHalf,
    mut to_client: OwnedWriteHalf,
    mut line: watch::Receiver<Line>,
    nth: usize,
) {
    for n_passed in 0.. {
        let Ok(length) = from_broker.read_u32().await else { return };
        let mut answer = length.to_be_bytes().to_vec();
        answer.resize(4 + length as usize, 0);
        if from_broker.read_exact(&mut answer[4..]).await.is_err() {
            return;
        }
        let Ok(now) = line.wait_for(|line| *line != Line::Held).await.map(|line| *line) else { return };
        let is_cut = matches!(now, Line::Cut) && n_passed >= Line::WHOLE_ANSWERS;
        let end = if is_cut && nth % 2 == 1 { (nth / 2).min(answer.len()) } else { answer.len() };
        if to_client.write_all(&answer[..end]).await.is_err() || is_cut {
            return;
        }
    }
}

/// Alice's feed behind a proxy, whose viewer has seen the first key block.
struct Live {
    proxied: Proxied,
    feeds: Feeds,
    viewer: ViewerHandle,
    producer: FutureProducer,
    source: Source,
    seen: Watcher,
}

impl Live {
    async fn start() -> Self {
        let proxied = Proxied::start().await;
        let feeds = Feeds::start(settings(), &proxied.settings()).await.expect("it answers");
        let mut viewer = super::faults::join(&feeds, "alice").await;
        reads(&feeds, 1).await;
        let producer = super::faults::producer_to(&proxied.broker.brokers(), &[]);
        let (mut source, mut seen) = (Source::new("s", 1), Watcher::default());
        publish(&producer, "alice", 0, &source.key()).await;
        seen.read(&mut viewer, |seen| seen.n_blocks == 1).await;
        Self { proxied, feeds, viewer, producer, source, seen }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_takes_before_it_is_read_is_announced_with_its_size() {
    let _with_others = ALONE.read().await;
    let Live { proxied, feeds, mut viewer, producer, mut source, .. } = Live::start().await;

    proxied.set(Line::Held);
    // The first of these answers the Fetch that waits; the others can only be asked for later.
    for _ in 0..19 {
        publish(&producer, "alice", 0, &source.block()).await;
    }
    let topic = super::faults::topic("alice");
    let mut kept_from = rdkafka::TopicPartitionList::new();
    kept_from.add_partition_offset(&topic, 0, rdkafka::Offset::Offset(15)).expect("an offset");
    let options = rdkafka::admin::AdminOptions::new();
    let admin = super::faults::admin(&proxied.broker.brokers());
    admin.delete_records(&kept_from, &options).await.expect("deleted");
    publish(&producer, "alice", 0, &source.key()).await;
    proxied.set(Line::Open);

    // Blocks without their key are not sent; so what follows the gap is the key.
    let mut lost = 0;
    let deadline = Instant::now() + WITHIN;
    let first_after = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let message = tokio::time::timeout(left, viewer.next()).await.expect("it comes in time");
        match ServerMessage::parse(&message.expect("the feed goes on")).expect("a message") {
            ServerMessage::Gap { reason: GapReason::Retention, n_records, .. } => lost = n_records,
            ServerMessage::Data { record, .. } if lost > 0 => {
                break Envelope::parse(record).expect("a record").kind;
            }
            _ => {}
        }
    };
    assert!((1..=14).contains(&lost), "{lost} records are said to be lost");
    assert_eq!(first_after, Kind::Key);
    assert_eq!(feeds.stats().positions_lost.get(), 1);
    shut_down(&feeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_at_any_byte_of_its_answers_loses_and_repeats_nothing() {
    let _with_others = ALONE.read().await;
    /// Longer than a Fetch's answer with one record.
    const LONGEST: usize = 400;
    let Live { proxied, feeds, mut viewer, producer, mut source, mut seen } = Live::start().await;

    proxied.set(Line::Cut);
    let mut n_published = 1;
    let deadline = Instant::now() + Duration::from_secs(90);
    while proxied.n_connections() <= 2 * LONGEST {
        assert!(Instant::now() < deadline, "only {} connections", proxied.n_connections());
        let bytes = if n_published % 20 == 0 { source.key() } else { source.block() };
        publish(&producer, "alice", 0, &bytes).await;
        n_published += 1;
        while let Some(message) = viewer.try_next() {
            seen.take(&message);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    proxied.set(Line::Open);
    println!("{n_published} blocks over {LONGEST} connections that were cut; {} seen so far", seen.n_blocks);
    seen.read(&mut viewer, |seen| seen.n_blocks == n_published).await;
    assert_eq!((seen.n_missing, seen.n_skipped), (0, 0));
    assert_eq!((feeds.stats().repeats.get(), feeds.stats().decode_errors.get()), (0, 0));
    shut_down(&feeds).await;
}
