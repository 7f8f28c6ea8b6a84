//! What does the bridge cost, compared with a plain Node bridge on the same topics in the same run?
//!
//! `cargo xtask bench bridge` runs this: a real, warmed-up Apache Kafka, one viewer for each user, the codec's own blocks.
//! Both bridges take turns (A B A B …), each in a fresh process; the figures are medians over the turns. A block that does
//! not come to its own viewer exactly once ends the bench. Writes `target/bench/bridge.json`; `docs/benchmarks.md` says what
//! each figure means.

mod blocks;
mod budgets;
mod churn;
mod contender;
mod crowd;
mod load;
mod machine;
mod plan;
mod results;
mod tally;
mod topics;
mod viewers;

use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use purple_sector_codec::UserId;
use purple_sector_tests::figures;
use purple_sector_tests::kafka::Kafka;
use purple_sector_tests::publisher::N_PARTITIONS;

use self::blocks::{Origin, Recording, Session};
use self::contender::{Name, NodeSettings};
use self::plan::Plan;
use self::results::Results;

/// The broker goes on creating files for a while after it has answered that the topics are there.
const FILES_LIMIT: Duration = Duration::from_secs(180);

/// Compares our bridge with a plain Node bridge.
#[derive(Debug, Parser)]
struct Args {
    /// A short form that shows that everything works; its figures mean little
    #[arg(long)]
    quick: bool,
    /// Only these scenarios
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME")]
    scenario: Vec<Scenario>,
    #[command(flatten)]
    node: NodeSettings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Active users alone
    Alone,
    /// Many idle users, then some of them active
    Crowd,
    /// Thousands of users one wave after another
    Churn,
}

/// What all scenarios share.
struct Bench {
    plan: Plan,
    node: NodeSettings,
    kafka: Kafka,
    recording: Recording,
    n_partitions: u32,
    results: Results,
    last_run: u16,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args = Args::parse();
    let plan = if args.quick { Plan::QUICK } else { Plan::WHOLE };
    let is_asked_for = |scenario| args.scenario.is_empty() || args.scenario.contains(&scenario);
    let mut bench = Bench {
        plan,
        node: args.node,
        kafka: start_kafka()?,
        recording: Recording::reference()?,
        n_partitions: N_PARTITIONS,
        results: Results::default(),
        last_run: 0,
    };
    let measured = bench.run(&is_asked_for).await;
    // Also where something went wrong: what was measured until then is worth reading.
    bench.results.print();
    budgets::print(&bench.results, &plan.loads());
    measured?;
    if args.quick {
        println!("\nthe short form: too short for its figures to count");
    }
    figures::write("bridge", &bench.results.to_json())
}

fn start_kafka() -> Result<Kafka> {
    println!("starting Apache Kafka");
    Kafka::start()
}

impl Bench {
    /// All scenarios that are asked for.
    async fn run(&mut self, is_asked_for: &impl Fn(Scenario) -> bool) -> Result<()> {
        let (alone, crowd) = (is_asked_for(Scenario::Alone), is_asked_for(Scenario::Crowd));
        if alone || crowd {
            self.turns(alone, crowd).await?;
        }
        if is_asked_for(Scenario::Churn) {
            println!("{} users, {} at a time", self.plan.n_churn, self.plan.wave);
            self.kafka = start_kafka()?;
            self.churn().await?;
        }
        Ok(())
    }

    /// The scenarios in which both bridges take turns.
    async fn turns(&mut self, alone: bool, crowd: bool) -> Result<()> {
        let users = topics::users(0, if crowd { self.plan.n_users } else { self.plan.n_active })?;
        println!("making {} topics", users.len());
        topics::create(&self.kafka.brokers(), &users, self.n_partitions).await?;
        let broker = self.kafka.process_id().context("the broker has ended")?;
        machine::until_quiet(broker, FILES_LIMIT).await?;
        let active = users[..self.plan.n_active].to_vec();
        self.warm_up(&active).await?;
        if alone {
            for turn in 1..=self.plan.repeats_alone {
                println!("active users alone, turn {turn} of {}", self.plan.repeats_alone);
                for name in Name::BOTH {
                    self.alone(name, &active).await?;
                }
            }
        }
        if crowd {
            for turn in 1..=self.plan.repeats_crowd {
                println!("many idle users, then some active, turn {turn} of {}", self.plan.repeats_crowd);
                for name in Name::BOTH {
                    self.crowd(name, &users).await?;
                }
            }
        }
        Ok(())
    }

    /// Load like the measured one, through our bridge; its figures are thrown away.
    async fn warm_up(&mut self, active: &[(u16, UserId)]) -> Result<()> {
        println!("warming up the JVM for {} s", self.plan.jvm_warm_up.as_secs());
        let plan = self.plan;
        self.plan.warm_up = plan.jvm_warm_up;
        let warmed = self.alone(Name::PurpleSector, active).await;
        self.plan = plan;
        self.results = Results::default();
        warmed
    }

    /// What these users send in this run.
    fn sessions(
        &self,
        run: u16,
        users: &[(u16, UserId)],
        n_partitions: u32,
        n_blocks: u32,
    ) -> Result<Vec<Session>> {
        let session = |(number, user): &(u16, UserId)| {
            let origin = Origin { run, user: *number };
            self.recording.session(user, origin, n_partitions, usize::try_from(n_blocks)?)
        };
        users.iter().map(session).collect()
    }

    /// Numbers every run, so that its blocks differ from those of the others.
    fn next_run(&mut self) -> u16 {
        self.last_run += 1;
        self.last_run
    }
}
