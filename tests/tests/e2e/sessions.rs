//! A user's sessions, and the life of a feed: two sessions at once, and the feed's end after its last viewer.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use purple_sector_codec::Schema;
use purple_sector_tests::bridge::Bridge;
use purple_sector_tests::eventually;
use purple_sector_tests::publisher::{Publisher, create_topic};
use purple_sector_tests::rows::Rows;
use purple_sector_tests::viewer::Viewer;

use crate::users::{User, WARM_UP, brokers, live_viewer, now_us, shared_bridge};

const LIMIT: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_live_sessions_of_one_user_both_arrive_whole() -> Result<()> {
    const N_EACH: usize = 240;
    let (user, brokers) = (User::new("two-sessions")?, brokers()?);
    let mut viewer = live_viewer(&brokers, shared_bridge()?, &user).await?;
    let schema = Schema::full();
    let mut sessions = Vec::new();
    for name in ["practice", "race"] {
        let publisher = Publisher::start(&brokers, &user.id, name, schema.clone(), 2)?;
        sessions.push((publisher, Rows::new(&schema, 1, now_us()?, 16_667)));
    }
    for _ in 0..N_EACH {
        for (publisher, rows) in &mut sessions {
            publisher.push(rows.next_row())?;
        }
    }
    for (publisher, _) in &mut sessions {
        publisher.end()?;
    }
    let mut last: HashMap<String, (usize, u64)> = HashMap::new();
    let deadline = Instant::now() + LIMIT;
    while last.values().map(|(n_seen, _)| n_seen).sum::<usize>() < 2 * N_EACH {
        let seen = viewer.samples(1, deadline.saturating_duration_since(Instant::now())).await?;
        for sample in seen.into_iter().filter(|sample| !sample.session.starts_with(WARM_UP)) {
            let (n_seen, last_us) = last.entry(sample.session).or_default();
            ensure!(sample.captured_at_us > *last_us, "samples came twice or out of order");
            (*n_seen, *last_us) = (*n_seen + 1, sample.captured_at_us);
        }
    }
    for name in ["practice", "race"] {
        ensure!(last.get(name).is_some_and(|(n_seen, _)| *n_seen == N_EACH), "{name}: {last:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_ends_after_its_last_viewer_and_starts_again() -> Result<()> {
    let (user, brokers) = (User::new("feed-life")?, brokers()?);
    create_topic(&brokers, &user.id).await?;
    let bridge = Bridge::start_with(&brokers, &[("FEED_LINGER", "1s")])?;
    let first = Viewer::connect(bridge.port(), &user.token).await?;
    let second = Viewer::connect(bridge.port(), &user.token).await?;
    wait_for_feeds(&bridge, 1).await?;
    drop(first);
    tokio::time::sleep(Duration::from_secs(2)).await;
    wait_for_feeds(&bridge, 1).await?;
    drop(second);
    wait_for_feeds(&bridge, 0).await?;
    let schema = Schema::full();
    let mut publisher = Publisher::start(&brokers, &user.id, "again", schema.clone(), 2)?;
    let mut rows = Rows::new(&schema, 1, now_us()?, 16_667);
    for _ in 0..20 {
        publisher.push(rows.next_row())?;
    }
    publisher.flush()?;
    let mut again = Viewer::connect(bridge.port(), &user.token).await?;
    again.samples(20, LIMIT).await?;
    Ok(())
}

async fn wait_for_feeds(bridge: &Bridge, n_feeds: u64) -> Result<()> {
    eventually(format!("{n_feeds} feeds"), LIMIT, async || {
        Ok((bridge.stats().await?["feeds"] == n_feeds).then_some(()))
    })
    .await
}
