//! One user's data is never visible to another: every sample carries its user's mark, and one foreign sample fails the run.

use std::time::Duration;

use anyhow::{Result, ensure};
use purple_sector_codec::{Position, Schema};
use purple_sector_tests::bridge::Bridge;
use purple_sector_tests::publisher::{MARK, Publisher, create_topic, marked_schema};
use purple_sector_tests::rows::Rows;
use purple_sector_tests::viewer::{News, Viewer};
use tokio::task::JoinSet;

use crate::users::{User, brokers, now_us, shared_bridge};

const INTERVAL: Duration = Duration::from_micros(16_667);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_users_at_once_see_only_their_own_samples() -> Result<()> {
    many_users("pair", 2, Duration::from_secs(10)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_users_at_once_see_only_their_own_samples() -> Result<()> {
    many_users("crowd", 50, Duration::from_secs(15)).await
}

/// Every user publishes at 60 Hz and watches with a viewer; each must see at least half of what was sent, all its own.
async fn many_users(name: &str, n_users: i32, duration: Duration) -> Result<()> {
    let (brokers, bridge) = (brokers()?, shared_bridge()?);
    let foreign_before = foreign(bridge).await?;
    let schema = marked_schema(Schema::full())?;
    let mut tasks = JoinSet::new();
    for mark in 1..=n_users {
        let user = User::new(&format!("{name}-{mark:02}"))?;
        create_topic(&brokers, &user.id).await?;
        let viewer = Viewer::connect(bridge.port(), &user.token).await?;
        tasks.spawn(watch(viewer, mark, schema.clone(), duration));
        let (schema, brokers) = (schema.clone(), brokers.clone());
        tasks.spawn_blocking(move || publish(&brokers, &user, mark, &schema, duration));
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    ensure!(foreign(bridge).await? == foreign_before, "the bridge met records of foreign topics");
    Ok(())
}

fn publish(brokers: &str, user: &User, mark: i32, schema: &Schema, duration: Duration) -> Result<()> {
    let mut publisher = Publisher::start(brokers, &user.id, "lap", schema.clone(), 2)?;
    let mut rows = Rows::new(schema, mark, now_us()?, 16_667);
    let start = std::time::Instant::now();
    for tick in 1.. {
        publisher.push(rows.next_row())?;
        let next = INTERVAL * tick;
        if next > duration {
            break;
        }
        std::thread::sleep(next.saturating_sub(start.elapsed()));
    }
    publisher.end()
}

async fn watch(mut viewer: Viewer, mark: i32, schema: Schema, duration: Duration) -> Result<()> {
    let Some(Position::Int(at)) = schema.position(MARK) else { anyhow::bail!("the schema has no mark") };
    let expected = duration.as_micros() / INTERVAL.as_micros();
    let mut n_seen = 0;
    let deadline = tokio::time::Instant::now() + duration + Duration::from_secs(20);
    while n_seen < expected {
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let Ok(news) = viewer.next(left).await else { break };
        let News::Samples(samples) = news else { continue };
        for sample in samples {
            ensure!(sample.ints[at] == mark, "user {mark} got a sample of user {}", sample.ints[at]);
            n_seen += 1;
        }
    }
    ensure!(n_seen == expected, "user {mark} saw {n_seen} of {expected} samples");
    Ok(())
}

/// Records that the bridge met in a feed of another user: must never move.
async fn foreign(bridge: &Bridge) -> Result<u64> {
    let stats = bridge.stats().await?;
    stats["foreignRecords"].as_u64().ok_or_else(|| anyhow::anyhow!("no foreignRecords in {stats}"))
}
