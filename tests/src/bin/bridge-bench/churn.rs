//! What do users leave behind? Thousands of different ones come in waves, receive a little, and go.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use tokio::task::spawn_blocking;

use crate::contender::{Contender, FEED_LINGER, Name};
use crate::machine::held;
use crate::results::Load;
use crate::tally::Tally;
use crate::viewers::Viewers;
use crate::{Bench, load, topics};

/// Of a topic here: 5,000 topics with ten each are more than one broker can hold.
const N_PARTITIONS: u32 = 2;
/// Blocks that each user sends, a few a second.
const N_BLOCKS: u32 = 6;
const RATE: u32 = 3;
/// Beyond the linger, until a feed is gone.
const GONE_AFTER: Duration = Duration::from_secs(2);
/// Before the two figures that are compared.
const SETTLE: Duration = Duration::from_secs(5);

impl Bench {
    /// All waves, with a broker of their own.
    pub(crate) async fn churn(&mut self) -> Result<()> {
        let name = Name::PurpleSector;
        let (n_users, wave, first) = (self.plan.n_churn, self.plan.wave, self.plan.churn_first);
        ensure!(n_users.is_multiple_of(wave) && first.is_multiple_of(wave), "waves do not fit");
        let mut contender = Contender::start(name, &self.kafka.brokers(), &self.node)?;
        let pid = contender.pid();
        let mut after_first_mib = None;
        for n_gone in (0..n_users).step_by(wave) {
            let full_mib = self.wave(&contender, pid, n_gone).await?;
            let n_gone = n_gone + wave;
            if n_gone == first || n_gone == n_users {
                tokio::time::sleep(SETTLE).await;
            }
            let rss_mib = held(pid)?.rss_mib;
            println!(
                "  {n_gone:>5} users came and went: {rss_mib:.1} MiB, {full_mib:.1} with the last {wave} there"
            );
            if n_gone == first {
                after_first_mib = Some(rss_mib);
            }
        }
        let at_end_mib = held(pid)?.rss_mib;
        contender.stop()?;
        let before_mib = after_first_mib.ok_or_else(|| anyhow!("fewer users than the first ones"))?;
        let load = |users| Load { users, active: 0 };
        self.results.add(name, load(first), "rss_mib_after_leaving", "MiB", before_mib);
        self.results.add(name, load(n_users), "rss_mib_after_leaving", "MiB", at_end_mib);
        self.results.add(name, load(n_users), "left_behind_share", "share", at_end_mib / before_mib - 1.0);
        Ok(())
    }

    /// One wave; gives the memory while all of it was there, in MiB.
    async fn wave(&mut self, contender: &Contender, pid: u32, n_before: usize) -> Result<f64> {
        let users = topics::users(n_before, self.plan.wave)?;
        let brokers = self.kafka.brokers();
        topics::create(&brokers, &users, N_PARTITIONS).await?;
        let run = self.next_run();
        let tally = Tally::new(contender.name(), run, n_before + users.len());
        let viewers = Viewers::join(contender, &users, tally).await?;
        let sessions = self.sessions(run, &users, N_PARTITIONS, N_BLOCKS)?;
        let sender = load::start(&brokers, sessions, RATE);
        spawn_blocking(move || sender.join()).await?.map_err(|_| anyhow!("the producer panicked"))??;
        let checked = viewers.check(&users, N_BLOCKS).await;
        checked.with_context(|| format!("the wave after {n_before} users"))?;
        let full_mib = held(pid)?.rss_mib;
        viewers.leave().await;
        tokio::time::sleep(FEED_LINGER + GONE_AFTER).await;
        Ok(full_mib)
    }
}
