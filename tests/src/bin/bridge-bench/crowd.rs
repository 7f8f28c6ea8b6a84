//! What do some active users cost a bridge, alone and among many idle ones, and what do the idle ones cost by themselves?

use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use purple_sector_codec::UserId;
use purple_sector_tests::figures;
use tokio::task::spawn_blocking;

use crate::contender::{Contender, FEED_LINGER, Name};
use crate::machine::{Moment, Programs, Used, held};
use crate::plan::BLOCKS_PER_S;
use crate::results::Load;
use crate::tally::Tally;
use crate::viewers::Viewers;
use crate::{Bench, load};

/// After the last viewer has joined, before anything else happens.
const SETTLE: Duration = Duration::from_secs(3);
/// The same for a crowd: bridge and broker finish the work that its arrival caused. Files were made long before.
const SETTLE_CROWD: Duration = Duration::from_secs(15);

impl Bench {
    /// The active users alone.
    pub(crate) async fn alone(&mut self, name: Name, users: &[(u16, UserId)]) -> Result<()> {
        let contender = Contender::start(name, &self.kafka.brokers(), &self.node)?;
        let run = self.next_run();
        let viewers = Viewers::join(&contender, users, Tally::new(name, run, self.plan.n_users)).await?;
        self.drive(contender, viewers, run, users, self.plan.loads().alone).await
    }

    /// All users idle, then some of them active.
    pub(crate) async fn crowd(&mut self, name: Name, users: &[(u16, UserId)]) -> Result<()> {
        let mut contender = Contender::start(name, &self.kafka.brokers(), &self.node)?;
        let programs = self.programs(&mut contender)?;
        let loads = self.plan.loads();
        let run = self.next_run();
        let tally = || Tally::new(name, run, self.plan.n_users);
        // One viewer comes and goes, so that "empty" is not "never used".
        Viewers::join(&contender, &users[..1], tally()).await?.leave().await;
        tokio::time::sleep(FEED_LINGER + SETTLE).await;
        let empty_mib = held(programs.measured)?.rss_mib;

        let viewers = Viewers::join(&contender, users, tally()).await?;
        tokio::time::sleep(SETTLE_CROWD).await;
        let before = Moment::now(programs)?;
        tokio::time::sleep(self.plan.idle_window).await;
        let used = before.used()?;
        let held = held(programs.measured)?;
        tell(name, loads.idle, &used);
        self.results.add(name, loads.empty, "rss_mib", "MiB", empty_mib);
        self.results.add(name, loads.idle, "rss_mib", "MiB", held.rss_mib);
        self.results.add(name, loads.idle, "threads", "threads", held.threads);
        self.results.add(name, loads.idle, "idle_core_share", "core", used.measured_share);

        // Spread over the crowd, so that nothing favours the first ones.
        let active: Vec<_> = users
            .iter()
            .step_by(users.len() / self.plan.n_active)
            .take(self.plan.n_active)
            .cloned()
            .collect();
        self.drive(contender, viewers, run, &active, loads.among).await
    }

    /// Sends and receives, measures, and checks that everything came.
    async fn drive(
        &mut self,
        mut contender: Contender,
        viewers: Viewers,
        run: u16,
        active: &[(u16, UserId)],
        load: Load,
    ) -> Result<()> {
        tokio::time::sleep(SETTLE).await;
        let name = contender.name();
        let programs = self.programs(&mut contender)?;
        let seconds = (self.plan.warm_up + self.plan.window).as_secs() + 1;
        let n_blocks = u32::try_from(seconds)? * BLOCKS_PER_S;
        let sessions = self.sessions(run, active, self.n_partitions, n_blocks)?;
        let sender = load::start(&self.kafka.brokers(), sessions, BLOCKS_PER_S);
        tokio::time::sleep(self.plan.warm_up).await;

        viewers.tally().begin();
        let before = Moment::now(programs)?;
        tokio::time::sleep(self.plan.window).await;
        let used = before.used()?;
        let delays_us = viewers.tally().end();
        let held = held(programs.measured)?;

        spawn_blocking(move || sender.join()).await?.map_err(|_| anyhow!("the producer panicked"))??;
        let checked = viewers.check(active, n_blocks).await;
        checked.with_context(|| format!("{}, {} users", name.as_str(), load.users))?;
        viewers.leave().await;
        contender.stop()?;

        tell(name, load, &used);
        ensure!(!delays_us.is_empty(), "{} delivered nothing in the measured time", name.as_str());
        self.keep(name, load, &used, delays_us);
        self.results.add(name, load, "rss_mib", "MiB", held.rss_mib);
        self.results.add(name, load, "threads", "threads", held.threads);
        Ok(())
    }

    /// Keeps what one measured time with blocks has shown.
    fn keep(&mut self, name: Name, load: Load, used: &Used, delays_us: Vec<u64>) {
        let mut delays_ms: Vec<f64> = delays_us.into_iter().map(|us| us as f64 / 1000.0).collect();
        delays_ms.sort_by(f64::total_cmp);
        let per_block_us = used.measured_us / delays_ms.len() as f64;
        self.results.add(name, load, "cpu_us_per_block", "us", per_block_us);
        for (metric, share) in [("stamp_to_client_ms_p50", 0.50), ("stamp_to_client_ms_p99", 0.99)] {
            self.results.add(name, load, metric, "ms", figures::quantile(&delays_ms, share));
        }
    }

    fn programs(&self, contender: &mut Contender) -> Result<Programs> {
        let broker = self.kafka.process_id().ok_or_else(|| anyhow!("the broker has ended"))?;
        Ok(Programs { measured: contender.pid(), broker })
    }
}

/// What surrounded a measurement, in shares of a core: whether its figures can be believed.
fn tell(name: Name, load: Load, used: &Used) {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    println!(
        "  {:<13} {:>4} users, {:>2} active: itself {}, broker {}, load and viewers {}, others {}, steal {}",
        name.as_str(),
        load.users,
        load.active,
        percent(used.measured_share),
        percent(used.broker_share),
        percent(used.bench_share),
        percent(used.others_share),
        percent(used.steal_share),
    );
}
