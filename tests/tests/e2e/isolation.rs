//! One user's data is never visible to another: everything carries its user's marks, and one foreign record fails the run.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use purple_sector_codec::{Position, Row, Schema, UserId};
use purple_sector_tests::bridge::Bridge;
use purple_sector_tests::marks::{MARK, Marks, marked_schema};
use purple_sector_tests::publisher::{Publisher, create_topic};
use purple_sector_tests::rows::Rows;
use purple_sector_tests::viewer::{News, Viewer};
use tokio::task::JoinSet;

use crate::users::{User, WARM_UP, brokers, now_us, shared_bridge, wait_until_live};

const SESSION: &str = "lap";
const SAMPLES_PER_BLOCK: usize = 2;
const INTERVAL: Duration = Duration::from_micros(16_667);
/// For the last samples, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_users_at_once_see_only_their_own_records() -> Result<()> {
    many_users("pair", 2, 600).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_users_at_once_see_only_their_own_records() -> Result<()> {
    many_users("crowd", 50, 900).await
}

/// Every user publishes at 60 Hz and watches with a viewer; each must see all of its own samples, and no record of another.
async fn many_users(name: &str, n_users: u32, n_samples: u32) -> Result<()> {
    let (brokers, bridge) = (brokers()?, shared_bridge()?);
    let foreign_before = foreign(bridge).await?;
    let schema = marked_schema(Schema::full())?;
    let mut tasks = JoinSet::new();
    for nth in 1..=n_users {
        let user = User::new(&format!("{name}-{nth:02}"))?;
        let mut viewer = marked_viewer(bridge, &user).await?;
        wait_until_live(&brokers, &user, &mut viewer).await?;
        tasks.spawn(watch(viewer, user.id.to_string(), n_samples));
        let (schema, brokers) = (schema.clone(), brokers.clone());
        tasks.spawn_blocking(move || publish(&brokers, &user, nth, &schema, n_samples));
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    ensure!(foreign(bridge).await? == foreign_before, "the bridge met records of foreign topics");
    Ok(())
}

/// A viewer for whom everything from its first message on must carry the user's marks.
async fn marked_viewer(bridge: &Bridge, user: &User) -> Result<Viewer> {
    let mut viewer = Viewer::connect(bridge.port(), &user.token).await?;
    viewer.expect_marks(Marks::of(&user.id));
    Ok(viewer)
}

fn publish(brokers: &str, user: &User, seed: u32, schema: &Schema, n_samples: u32) -> Result<()> {
    let marks = Marks::of(&user.id);
    let session = marks.session(SESSION);
    let mut publisher = Publisher::start(brokers, &user.id, &session, schema.clone(), SAMPLES_PER_BLOCK)?;
    let mut rows = Rows::new(schema, seed, now_us()?, 16_667).marked(&marks, &session);
    let start = Instant::now();
    for tick in 1..=n_samples {
        publisher.push(rows.next_row())?;
        std::thread::sleep((INTERVAL * tick).saturating_sub(start.elapsed()));
    }
    publisher.end()
}

/// Everything that comes must carry the user's marks, which the viewer checks; all samples must come.
async fn watch(mut viewer: Viewer, user: String, n_samples: u32) -> Result<()> {
    let (mut n_seen, mut gaps) = (0, Vec::new());
    let deadline = Instant::now() + INTERVAL * n_samples + PATIENCE;
    while n_seen < n_samples && Instant::now() < deadline {
        match viewer.next(deadline.saturating_duration_since(Instant::now())).await? {
            News::Samples(samples) => {
                let of_the_lap = samples.iter().filter(|sample| !sample.session.starts_with(WARM_UP));
                n_seen += u32::try_from(of_the_lap.count())?;
            }
            News::Gap(gap) => gaps.push(gap),
            News::Other(_) => {}
            News::Closed(code) => bail!("{user} was closed with {code:?}"),
        }
    }
    ensure!(n_seen == n_samples, "{user} saw {n_seen} of {n_samples} samples, gaps {gaps:?}");
    ensure!(viewer.n_checked() > n_samples as usize / SAMPLES_PER_BLOCK, "{user} checked too few records");
    Ok(())
}

/// The proof that the runs above can fail: what must never come is put into a topic, and the viewer finds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_session_a_foreign_mark_and_a_copied_one_are_all_found() -> Result<()> {
    let (brokers, bridge, schema) = (brokers()?, shared_bridge()?, marked_schema(Schema::full())?);
    let Some(Position::Int(mark_at)) = schema.position(MARK) else { bail!("the schema has no mark") };
    let other = Marks::of(&UserId::parse("another")?);
    for (case, finds) in [
        ("own", None),
        ("session", Some(" of the session ")),
        ("mark", Some(" has the mark ")),
        ("copy", Some(" has the mark ")),
    ] {
        let user = User::new(&format!("found-{case}"))?;
        let own = Marks::of(&user.id);
        create_topic(&brokers, &user.id).await?;
        let mut viewer = marked_viewer(bridge, &user).await?;
        let session = if case == "session" { &other } else { &own }.session(SESSION);
        let marks = if case == "mark" { &other } else { &own };
        let mut publisher = Publisher::start(&brokers, &user.id, &session, schema.clone(), 1)?;
        let mut rows = Rows::new(&schema, 1, now_us()?, 16_667).marked(marks, &session);
        let mut first_mark = None;
        for _ in 0..10 {
            let row = rows.next_row();
            let mut ints = row.ints.to_vec();
            let first_mark = *first_mark.get_or_insert(ints[mark_at]);
            if case == "copy" {
                ints[mark_at] = first_mark;
            }
            publisher.push(Row { ints: &ints, ..row })?;
        }
        publisher.end()?;
        let found = viewer.samples(10, PATIENCE).await.err().map(|error| format!("{error:#}"));
        let is_right = match (&found, finds) {
            (Some(found), Some(finds)) => found.contains(finds),
            (found, finds) => found.is_none() && finds.is_none(),
        };
        ensure!(is_right, "{case}: {found:?}");
    }
    Ok(())
}

/// Records that the bridge met in a feed of another user: must never move.
async fn foreign(bridge: &Bridge) -> Result<u64> {
    let stats = bridge.stats().await?;
    stats["foreignRecords"].as_u64().ok_or_else(|| anyhow::anyhow!("no foreignRecords in {stats}"))
}
