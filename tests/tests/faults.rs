//! Things that break: the bridge is killed, Kafka is killed, records are broken. Viewers come back, and nothing repeats.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use purple_sector_codec::{Schema, UserId};
use purple_sector_tests::bridge::{Bridge, token};
use purple_sector_tests::kafka::Kafka;
use purple_sector_tests::publisher::{Publisher, create_topic};
use purple_sector_tests::rows::Rows;
use purple_sector_tests::viewer::{News, Viewer};

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
    ensure!(matches!(closed(&mut viewer).await?, News::Closed(_)), "the old connection did not end");
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

async fn closed(viewer: &mut Viewer) -> Result<News> {
    loop {
        let news = viewer.next(LIMIT).await?;
        if matches!(news, News::Closed(_)) {
            return Ok(news);
        }
    }
}
