//! Every viewer draws on its first message: the first of a feed, one in mid-stream, one after the log's beginning has gone.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use purple_sector_codec::Schema;
use purple_sector_tests::publisher::{Publisher, admin, create_topic};
use purple_sector_tests::rows::Rows;
use purple_sector_tests::viewer::Viewer;
use rdkafka::admin::AdminOptions;
use rdkafka::{Offset, TopicPartitionList};

use crate::users::{User, brokers, now_us, shared_bridge};

const LIMIT: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_viewer_of_a_feed_draws_what_is_already_there() -> Result<()> {
    let (user, brokers) = (User::new("join-first")?, brokers()?);
    create_topic(&brokers, &user.id).await?;
    let _driver = drive(&brokers, &user, Schema::full(), 90)?;
    let started = Instant::now();
    let mut viewer = Viewer::connect(shared_bridge()?.port(), &user.token).await?;
    let seen = viewer.samples(1, LIMIT).await?;
    ensure!(seen[0].snapshot, "the first samples are not from the snapshot");
    println!("first samples after {:.0} ms", started.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_viewer_joins_mid_stream_and_both_go_on() -> Result<()> {
    let (user, brokers) = (User::new("join-second")?, brokers()?);
    create_topic(&brokers, &user.id).await?;
    let bridge = shared_bridge()?;
    let mut driver = drive(&brokers, &user, Schema::full(), 90)?;
    let mut first = Viewer::connect(bridge.port(), &user.token).await?;
    first.samples(1, LIMIT).await?;
    let mut second = Viewer::connect(bridge.port(), &user.token).await?;
    ensure!(second.samples(1, LIMIT).await?[0].snapshot, "the second viewer got no snapshot");
    let marker = driver.drive(60)?;
    for viewer in [&mut first, &mut second] {
        let (mut last, deadline) = (0, Instant::now() + LIMIT);
        while last < marker {
            let seen = viewer.samples(1, deadline.saturating_duration_since(Instant::now())).await?;
            for sample in seen {
                ensure!(sample.captured_at_us > last, "samples came twice or out of order");
                last = sample.captured_at_us;
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_joins_after_the_streams_first_records_were_deleted() -> Result<()> {
    let (user, brokers) = (User::new("join-deleted")?, brokers()?);
    create_topic(&brokers, &user.id).await?;
    // A schema that no build knows: it must be found again in what is left of the log.
    let schema = purple_sector_tests::marks::marked_schema(Schema::full())?;
    let mut driver = drive(&brokers, &user, schema, 300)?;
    let mut gone = TopicPartitionList::new();
    let before = i64::try_from(driver.publisher.n_records())? / 2;
    gone.add_partition_offset(&user.id.topic(), driver.publisher.partition(), Offset::Offset(before))?;
    admin(&brokers)?.delete_records(&gone, &AdminOptions::new()).await?;
    driver.publisher.announce(&purple_sector_codec::Facts::default())?;
    driver.drive(30)?;
    let mut viewer = Viewer::connect(shared_bridge()?.port(), &user.token).await?;
    viewer.samples(30, LIMIT).await?;
    Ok(())
}

/// A driver whose samples are published as fast as they can be.
struct Driver {
    publisher: Publisher,
    rows: Rows,
}

impl Driver {
    /// Publishes more samples and returns the time of the last one that is in a finished block.
    fn drive(&mut self, n_samples: usize) -> Result<u64> {
        let mut last = 0;
        for _ in 0..n_samples {
            let row = self.rows.next_row();
            last = row.captured_at_us;
            self.publisher.push(row)?;
        }
        self.publisher.flush()?;
        Ok(last)
    }
}

/// A session with `n_samples` (even) published, 2 to a block.
fn drive(brokers: &str, user: &User, schema: Schema, n_samples: usize) -> Result<Driver> {
    let rows = Rows::new(&schema, 5, now_us()?, 16_667);
    let mut driver = Driver { publisher: Publisher::start(brokers, &user.id, "run", schema, 2)?, rows };
    driver.drive(n_samples)?;
    Ok(driver)
}
