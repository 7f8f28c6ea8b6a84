//! What does a bridge take for some active users, alone and among many idle ones, and for the idle ones by themselves?

use std::time::Duration;

use anyhow::{Result, anyhow};
use purple_sector_codec::UserId;
use tokio::task::spawn_blocking;

use crate::blocks::Origin;
use crate::contender::{Contender, FEED_LINGER, Name};
use crate::machine::{self, Moment, Programs, Used, held};
use crate::plan::BLOCKS_PER_S;
use crate::results::Load;
use crate::tally::Tally;
use crate::viewers::Viewers;
use crate::{Bench, load};

/// After the last viewer has joined, before anything else happens.
const SETTLE: Duration = Duration::from_secs(3);
/// After the last block was sent, until the last one must have come.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);
/// The broker's time to finish what a crowd of viewers asked of it.
const QUIET_LIMIT: Duration = Duration::from_secs(60);

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
        tokio::time::sleep(SETTLE).await;
        machine::until_quiet(programs.broker, QUIET_LIMIT).await?;
        let before = Moment::now(programs)?;
        tokio::time::sleep(self.plan.idle_window).await;
        let used = before.used()?;
        let held = held(programs.measured)?;
        tell(name, loads.idle, &used);
        self.results.add(name, loads.empty, "rss_mib", "MiB", empty_mib);
        self.results.add(name, loads.idle, "rss_mib", "MiB", held.rss_mib);
        self.results.add(name, loads.idle, "threads", "threads", held.threads);
        self.results.add(name, loads.idle, "idle_core_share", "core", used.measured_share);

        // Spread over the crowd, so that nothing speaks for the first ones.
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
        let sessions = active.iter().map(|(number, user)| {
            let origin = Origin { run, user: *number };
            self.recording.session(user, origin, self.n_partitions, usize::try_from(n_blocks)?)
        });
        let sessions = sessions.collect::<Result<Vec<_>>>()?;
        let sender = load::start(&self.kafka.brokers(), sessions, BLOCKS_PER_S);
        tokio::time::sleep(self.plan.warm_up).await;

        viewers.tally().begin();
        let before = Moment::now(programs)?;
        tokio::time::sleep(self.plan.window).await;
        let used = before.used()?;
        let mut delays_us = viewers.tally().end();
        let held = held(programs.measured)?;

        spawn_blocking(move || sender.join()).await?.map_err(|_| anyhow!("the producer panicked"))??;
        let numbers: Vec<u16> = active.iter().map(|(number, _)| *number).collect();
        let deadline = tokio::time::Instant::now() + DRAIN_LIMIT;
        while !viewers.tally().is_complete(&numbers, n_blocks) && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // What comes twice may come late.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let verdict = viewers.tally().verdict(&numbers, n_blocks);
        verdict.map_err(|wrong| anyhow!("{}, {} users: {wrong}", name.as_str(), load.users))?;
        viewers.leave().await;
        contender.stop()?;

        tell(name, load, &used);
        delays_us.sort_unstable();
        let add =
            |results: &mut crate::Results, metric, unit, value| results.add(name, load, metric, unit, value);
        let n_delivered = delays_us.len() as f64;
        add(&mut self.results, "cpu_us_per_block", "us", used.measured_us / n_delivered);
        for (metric, share) in [("stamp_to_client_ms_p50", 0.50), ("stamp_to_client_ms_p99", 0.99)] {
            let delays_ms: Vec<f64> = delays_us.iter().map(|us| *us as f64 / 1000.0).collect();
            add(&mut self.results, metric, "ms", purple_sector_tests::figures::quantile(&delays_ms, share));
        }
        add(&mut self.results, "rss_mib", "MiB", held.rss_mib);
        add(&mut self.results, "threads", "threads", held.threads);
        Ok(())
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
