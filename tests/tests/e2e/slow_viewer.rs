//! A viewer that does not read: it is skipped ahead and told so, and another viewer of the same feed notices nothing.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use purple_sector_codec::Schema;
use purple_sector_tests::bridge::Bridge;
use purple_sector_tests::publisher::Publisher;
use purple_sector_tests::rows::Rows;
use purple_sector_tests::viewer::{News, Viewer};

use crate::users::{User, brokers, live_viewer, now_us};

const SESSION: &str = "hot";
const LIMIT: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_viewer_skips_ahead_and_delays_nobody() -> Result<()> {
    // Enough to fill both ends' socket buffers and the queue several times.
    const N_SAMPLES: usize = 20_000;
    let (user, brokers) = (User::new("slow")?, brokers()?);
    let bridge = Bridge::start_with(&brokers, &[("VIEWER_QUEUE_BLOCKS", "1024")])?;
    let mut fast = live_viewer(&brokers, &bridge, &user).await?;
    let mut slow = Viewer::connect_narrow(bridge.port(), &user.token).await?;
    fast.follow(SESSION);
    slow.follow(SESSION);
    let schema = Schema::full().lossless();
    let (driver_schema, driver) = (schema.clone(), user.id.clone());
    let publishing = tokio::task::spawn_blocking(move || {
        let mut publisher = Publisher::start(&brokers, &driver, SESSION, driver_schema.clone(), 2)?;
        let mut rows = Rows::new(&driver_schema, 9, now_us()?, 3_000);
        for at in 0..N_SAMPLES {
            publisher.push(rows.next_row())?;
            if at % 20 == 19 {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        publisher.flush().map(|()| rows.next_row().captured_at_us)
    });
    let seen = fast.samples(N_SAMPLES, LIMIT).await?;
    let end_us = publishing.await??;
    ensure!(seen.len() == N_SAMPLES, "the fast viewer saw {}", seen.len());
    ensure!(
        seen.is_sorted_by(|a, b| a.captured_at_us < b.captured_at_us),
        "the fast viewer's samples are out of order"
    );

    let (mut n_seen, mut last_us, mut told) = (0, 0, false);
    let deadline = Instant::now() + LIMIT;
    while last_us + 2 * 3_000 < end_us {
        match slow.next(deadline.saturating_duration_since(Instant::now())).await? {
            News::Samples(samples) => {
                for sample in samples {
                    ensure!(
                        sample.captured_at_us > last_us,
                        "the slow viewer's samples came twice or out of order"
                    );
                    (n_seen, last_us) = (n_seen + 1, sample.captured_at_us);
                }
            }
            News::Gap(_) => told = true,
            News::Other(_) => {}
            News::Closed(code) => anyhow::bail!("the slow viewer was closed with {code:?}"),
        }
    }
    ensure!(told, "the slow viewer was not told that it skipped");
    ensure!(n_seen < N_SAMPLES, "the slow viewer missed nothing: the queue was not bounded");
    Ok(())
}
