//! One user's data is never visible to another: every sample carries its user's mark, and one foreign sample fails the run.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use purple_sector_codec::{Position, Schema};
use purple_sector_tests::bridge::Bridge;
use purple_sector_tests::publisher::{MARK, Publisher, marked_schema};
use purple_sector_tests::rows::Rows;
use purple_sector_tests::viewer::{News, Viewer};
use tokio::task::JoinSet;

use crate::users::{User, brokers, live_viewer, now_us, shared_bridge};

const SESSION: &str = "lap";
const INTERVAL: Duration = Duration::from_micros(16_667);
/// For the last samples, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_users_at_once_see_only_their_own_samples() -> Result<()> {
    many_users("pair", 2, 600).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_users_at_once_see_only_their_own_samples() -> Result<()> {
    many_users("crowd", 50, 900).await
}

/// Every user publishes at 60 Hz and watches with a viewer; each must see all of its own samples and no other.
async fn many_users(name: &str, n_users: i32, n_samples: u32) -> Result<()> {
    let (brokers, bridge) = (brokers()?, shared_bridge()?);
    let foreign_before = foreign(bridge).await?;
    let schema = marked_schema(Schema::full())?;
    let mut tasks = JoinSet::new();
    for mark in 1..=n_users {
        let user = User::new(&format!("{name}-{mark:02}"))?;
        let mut viewer = live_viewer(&brokers, bridge, &user).await?;
        viewer.follow(SESSION);
        tasks.spawn(watch(viewer, mark, schema.clone(), n_samples));
        let (schema, brokers) = (schema.clone(), brokers.clone());
        tasks.spawn_blocking(move || publish(&brokers, &user, mark, &schema, n_samples));
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    ensure!(foreign(bridge).await? == foreign_before, "the bridge met records of foreign topics");
    Ok(())
}

fn publish(brokers: &str, user: &User, mark: i32, schema: &Schema, n_samples: u32) -> Result<()> {
    let mut publisher = Publisher::start(brokers, &user.id, SESSION, schema.clone(), 2)?;
    let mut rows = Rows::new(schema, mark, now_us()?, 16_667);
    let start = Instant::now();
    for tick in 1..=n_samples {
        publisher.push(rows.next_row())?;
        std::thread::sleep((INTERVAL * tick).saturating_sub(start.elapsed()));
    }
    publisher.end()
}

/// Every sample that comes must carry this user's mark; all of them must come.
async fn watch(mut viewer: Viewer, mark: i32, schema: Schema, n_samples: u32) -> Result<()> {
    let Some(Position::Int(at)) = schema.position(MARK) else { anyhow::bail!("the schema has no mark") };
    let (mut n_seen, mut gaps) = (0, Vec::new());
    let deadline = Instant::now() + INTERVAL * n_samples + PATIENCE;
    while n_seen < n_samples {
        let Ok(news) = viewer.next(deadline.saturating_duration_since(Instant::now())).await else { break };
        if let News::Gap(gap) = &news {
            gaps.push(gap.clone());
        }
        let News::Samples(samples) = news else { continue };
        for sample in samples {
            ensure!(sample.ints[at] == mark, "user {mark} got a sample of user {}", sample.ints[at]);
            n_seen += 1;
        }
    }
    ensure!(n_seen == n_samples, "user {mark} saw {n_seen} of {n_samples} samples, gaps {gaps:?}");
    Ok(())
}

/// Records that the bridge met in a feed of another user: must never move.
async fn foreign(bridge: &Bridge) -> Result<u64> {
    let stats = bridge.stats().await?;
    stats["foreignRecords"].as_u64().ok_or_else(|| anyhow::anyhow!("no foreignRecords in {stats}"))
}
