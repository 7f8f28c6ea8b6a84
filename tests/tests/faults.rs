//! Things that break: the bridge is killed, Kafka is killed, records are broken. Viewers come back, and nothing repeats.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use purple_sector_codec::{Schema, Topic, UserId};
use purple_sector_tests::bridge::{Bridge, token};
use purple_sector_tests::kafka::Kafka;
use purple_sector_tests::publisher::{Publisher, create_topic, create_topic_with};
use purple_sector_tests::rows::Rows;
use purple_sector_tests::viewer::Viewer;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

const LIMIT: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_draws_at_once_after_a_bridge_restart() -> Result<()> {
    let kafka = Kafka::shared()?;
    let mut driver = Driver::start(&kafka.brokers(), "bridge-restart").await?;
    let mut bridge = Bridge::start(&kafka.brokers())?;
    driver.drive(60)?;
    let token = token("bridge-restart")?;
    let mut viewer = Viewer::connect(bridge.port(), &token).await?;
    viewer.samples(2, LIMIT).await?;
    bridge.kill_and_restart()?;
    viewer.closed(LIMIT).await?;
    // Nothing is published now: what the viewer draws comes from the log.
    let mut viewer = Viewer::connect(bridge.port(), &token).await?;
    ensure!(viewer.samples(2, LIMIT).await?[0].snapshot, "no snapshot after the restart");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_goes_on_after_a_kafka_restart_and_repeats_nothing() -> Result<()> {
    let mut kafka = Kafka::start()?;
    let bridge = Bridge::start(&kafka.brokers())?;
    let mut driver = Driver::start(&kafka.brokers(), "kafka-restart").await?;
    let mut viewer = Viewer::connect(bridge.port(), &token("kafka-restart")?).await?;
    driver.drive(60)?;
    let before = viewer.samples(60, LIMIT).await?;
    kafka.kill()?;
    kafka.restart()?;
    driver.drive(60)?;
    let after = viewer.samples(60, LIMIT).await?;
    let times: Vec<u64> = before.iter().chain(&after).map(|sample| sample.captured_at_us).collect();
    ensure!(times.is_sorted_by(|a, b| a < b), "samples came twice or out of order");
    ensure!(times.windows(2).all(|pair| pair[1] - pair[0] == 16_667), "samples are missing");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_records_are_skipped_and_the_stream_goes_on() -> Result<()> {
    let kafka = Kafka::shared()?;
    let bridge = Bridge::start(&kafka.brokers())?;
    let mut driver = Driver::start(&kafka.brokers(), "broken").await?;
    let mut viewer = Viewer::connect(bridge.port(), &token("broken")?).await?;
    driver.drive(10)?;
    for garbage in [&b""[..], b"not a record", &[0xB1; 700], &[0; 70_000]] {
        driver.publisher.send(garbage)?;
    }
    driver.drive(10)?;
    let seen = viewer.samples(20, LIMIT).await?;
    ensure!(
        seen.is_sorted_by(|a, b| a.captured_at_us < b.captured_at_us),
        "samples came twice or out of order"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_ends_in_time_while_kafka_hangs() -> Result<()> {
    const DRAIN: Duration = Duration::from_secs(3);
    let mut kafka = Kafka::start()?;
    let mut bridge = Bridge::start_with(&kafka.brokers(), &[("DRAIN_TIMEOUT", "3s")])?;
    let mut viewers = Vec::new();
    for n in 0..10 {
        viewers.push(Viewer::connect(bridge.port(), &token(&format!("reads-{n}"))?).await?);
    }
    kafka.signal(libc::SIGSTOP)?;
    // These wait for topics that nobody can make.
    for n in 0..10 {
        viewers.push(Viewer::connect(bridge.port(), &token(&format!("waits-{n}"))?).await?);
    }
    let asked = Instant::now();
    bridge.process().signal(libc::SIGTERM)?;
    let code = bridge.process().exit_code(DRAIN + Duration::from_secs(2));
    let took = asked.elapsed();
    // Before anything else: it could not be ended in order otherwise.
    kafka.signal(libc::SIGCONT)?;
    println!("ended after {took:?}");
    ensure!(code? == 0, "it did not end in order");
    for viewer in &mut viewers {
        let code = viewer.closed(LIMIT).await?;
        ensure!(
            matches!(code, Some(1001 | 1012)),
            "a viewer was not told, its connection ended with {code:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decompression_bombs_take_little_memory_and_hold_up_nobody() -> Result<()> {
    const ZEROS: usize = 400 * 1024 * 1024;
    let kafka = Kafka::start()?;
    // As a topic may be that someone else made: it takes what the bridge's own topics refuse.
    let mallory = UserId::parse("mallory")?;
    create_topic_with(
        &kafka.brokers(),
        &mallory,
        &[("compression.type", "producer"), ("max.message.bytes", "10485760")],
    )
    .await?;
    let settings = [("KAFKA_AUTO_CREATE_TOPICS", "false")];
    let mut bridge = Bridge::start_with(&kafka.brokers(), &settings)?;
    let mut bob = Driver::start(&kafka.brokers(), "bob").await?;
    let mut viewer = Viewer::connect(bridge.port(), &token("bob")?).await?;
    let _mallory = Viewer::connect(bridge.port(), &token("mallory")?).await?;
    bob.drive(60)?;
    viewer.samples(60, LIMIT).await?;
    let before_mib = rss_mib(&mut bridge)?;

    let (brokers, topic) = (kafka.brokers(), mallory.topic());
    let bombing = tokio::task::spawn_blocking(move || {
        ["gzip", "lz4"]
            .into_iter()
            .cycle()
            .take(6)
            .try_for_each(|codec| send_zeros(&brokers, &topic, codec, ZEROS))
    });
    let (mut most_mib, mut longest) = (before_mib, Duration::ZERO);
    while !bombing.is_finished() {
        let sent = Instant::now();
        bob.drive(2)?;
        viewer.samples(2, LIMIT).await?;
        longest = longest.max(sent.elapsed());
        most_mib = most_mib.max(rss_mib(&mut bridge)?);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bombing.await??;
    let deadline = Instant::now() + LIMIT;
    loop {
        let stats = bridge.stats().await?;
        if stats["decodeErrors"].as_u64() >= Some(6) {
            break;
        }
        ensure!(Instant::now() < deadline, "not all bombs were read: {stats}");
        most_mib = most_mib.max(rss_mib(&mut bridge)?);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("{before_mib:.1} MiB before, at most {most_mib:.1}; bob's longest delay {longest:?}");
    ensure!(most_mib - before_mib < 16.0, "{before_mib:.1} MiB grew to {most_mib:.1}");
    ensure!(longest < Duration::from_secs(1), "bob waited for {longest:?}");
    Ok(())
}

/// Sends one record that is small on its way and large once inflated.
fn send_zeros(brokers: &str, topic: &Topic, codec: &str, length: usize) -> Result<()> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("compression.type", codec)
        .set("message.max.bytes", "1000000000")
        .set("queue.buffering.max.kbytes", "2000000")
        .create()?;
    let zeros = vec![0; length];
    producer.send(BaseRecord::<(), _>::to(topic).partition(0).payload(&zeros)).map_err(|(error, _)| error)?;
    producer.flush(LIMIT).context("the bomb was not sent")
}

fn rss_mib(bridge: &mut Bridge) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", bridge.process().id()))?;
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
    let kib: f64 = kib.context("no VmRSS")?;
    Ok(kib / 1024.0)
}

/// A session that a test drives by hand.
struct Driver {
    publisher: Publisher,
    rows: Rows,
}

impl Driver {
    async fn start(brokers: &str, user: &str) -> Result<Self> {
        let user = UserId::parse(user)?;
        create_topic(brokers, &user).await?;
        let schema = Schema::full();
        let now_us = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
        let rows = Rows::new(&schema, 1, now_us, 16_667);
        Ok(Self { publisher: Publisher::start(brokers, &user, "run", schema, 2)?, rows })
    }

    fn drive(&mut self, n_samples: usize) -> Result<()> {
        for _ in 0..n_samples {
            self.publisher.push(self.rows.next_row())?;
        }
        self.publisher.flush()
    }
}
