//! Does a reader keep its promises whatever happens to the cluster, in any order?

use proptest::prelude::*;

use std::time::Duration;

use super::super::{Event, Login};
use super::cluster::{Cluster, Door, token};
use super::world::World;

#[derive(Debug, Clone)]
enum Step {
    Append { partition: usize, n: i64, length: usize },
    Lead { partition: usize, leader: Option<i32> },
    Elect,
    Cut { node: Option<i32> },
    Stop { node: i32 },
    Start { node: i32 },
    ForgetSessions { node: i32 },
    GiveSessions(bool),
    AddPartition,
    Throttle { ms: i32 },
    Silence { is_silent: bool },
    Look,
    LogIn { token: Option<&'static str> },
    Pass { ms: u64 },
}

const N_BROKERS: usize = 3;

fn steps() -> impl Strategy<Value = Step> {
    let node = || 0..N_BROKERS as i32;
    prop_oneof![
        8 => (any::<usize>(), 1i64..6, prop_oneof![Just(0usize), Just(5_000)])
            .prop_map(|(partition, n, length)| Step::Append { partition, n, length }),
        2 => (any::<usize>(), prop::option::weighted(0.8, node()))
            .prop_map(|(partition, leader)| Step::Lead { partition, leader }),
        2 => Just(Step::Elect),
        2 => prop::option::of(node()).prop_map(|node| Step::Cut { node }),
        1 => node().prop_map(|node| Step::Stop { node }),
        2 => node().prop_map(|node| Step::Start { node }),
        1 => node().prop_map(|node| Step::ForgetSessions { node }),
        1 => any::<bool>().prop_map(Step::GiveSessions),
        1 => Just(Step::AddPartition),
        1 => prop_oneof![3 => Just(0), 1 => 1i32..2000].prop_map(|ms| Step::Throttle { ms }),
        1 => prop::bool::weighted(0.3).prop_map(|is_silent| Step::Silence { is_silent }),
        1 => Just(Step::Look),
        8 => prop_oneof![0u64..20, 0u64..1000, 0u64..15_000].prop_map(|ms| Step::Pass { ms }),
    ]
}

fn take(world: &mut World, step: Step) {
    let n_partitions = world.cluster.topic.as_ref().map_or(0, |topic| topic.partitions.len());
    match step {
        Step::Append { partition, n, length } => {
            world.cluster.append(partition % n_partitions, n, length, world.now.unix_ms);
        }
        Step::Lead { partition, leader } => world.cluster.lead(partition % n_partitions, leader),
        Step::Elect => world.cluster.elect(),
        Step::Cut { node } => world.cut(node),
        Step::Stop { node } => world.stop_broker(node),
        Step::Start { node } => world.start_broker(node),
        Step::ForgetSessions { node } => world.cluster.brokers[node as usize].sessions.clear(),
        Step::GiveSessions(gives) => world.cluster.gives_sessions = gives,
        Step::AddPartition if n_partitions < 6 => world.cluster.add_partition(),
        Step::AddPartition => {}
        Step::Throttle { ms } => world.cluster.throttle_ms = ms,
        Step::Silence { is_silent: true } => world.tamper = Some(Box::new(|_, _| None)),
        Step::Silence { is_silent: false } => world.tamper = None,
        Step::Look => world.on(Event::LookAgain),
        Step::LogIn { token: None } => world.on(Event::LogIn(Login::Nobody)),
        Step::LogIn { token: Some(text) } => world.on(Event::LogIn(Login::As(token(text, u64::MAX)))),
        Step::Pass { ms } => world.pass(ms),
    }
}

/// The same, and tokens that are good, those of another principal, and bad ones.
fn steps_with_logins() -> impl Strategy<Value = Step> {
    let token = prop::sample::select(vec![None, Some("a"), Some("b"), Some("writer"), Some("forged")]);
    prop_oneof![4 => steps(), 1 => token.prop_map(|token| Step::LogIn { token })]
}

/// Brings everything back to order and lets the reader catch up.
fn settle(world: &mut World) {
    (0..N_BROKERS as i32).for_each(|node| world.start_broker(node));
    world.cluster.throttle_ms = 0;
    world.tamper = None;
    world.cluster.elect();
    world.pass(20_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The world itself checks that records are those of the log, once and in order, and that nothing spins.
    #[test]
    fn every_record_comes_once_and_in_order(
        n_partitions in 1usize..4,
        steps in prop::collection::vec(steps(), 0..60),
    ) {
        let mut world = World::new(Cluster::new(N_BROKERS, n_partitions), |settings| settings.max_bytes = 20_000);
        (0..n_partitions).for_each(|partition| world.append(partition, 2));
        world.start();
        let begun_at = world.now.at;
        for step in steps {
            take(&mut world, step);
        }
        settle(&mut world);
        prop_assert!(world.has_all(), "{:?} {:?}", world.next, world.news);
        prop_assert!(world.news.iter().all(|news| !news.starts_with("Lost") && news != "Missing"));
        // Each record and each fault may cost a few requests, quiet seconds only few.
        let seconds = (world.now.at - begun_at).as_secs() as usize + 1;
        let budget = seconds * 12 * N_BROKERS + world.n_records * 2 + 60 * 20;
        prop_assert!(world.requests.len() < budget, "{} of {budget}", world.requests.len());
        let before = world.requests.len();
        world.pass(10_000);
        prop_assert!(world.requests.len() - before <= 10 * 2 * N_BROKERS + 20);
    }

    /// Nothing is asked after the end of a session either.
    #[test]
    fn every_record_comes_once_whoever_reads_it(steps in prop::collection::vec(steps_with_logins(), 0..60)) {
        let mut cluster = Cluster::new(N_BROKERS, 3);
        let good = [("a", "v-alice"), ("b", "v-alice"), ("writer", "u-alice")];
        let good = good.map(|(text, principal)| (text, (principal, u64::MAX))).into_iter().collect();
        cluster.door = Some(Door { good, max_session: Some(Duration::from_secs(5)) });
        let mut world = World::new(cluster, |settings| settings.max_bytes = 20_000);
        take(&mut world, Step::LogIn { token: Some("a") });
        let begun_at = world.now.at;
        for step in steps {
            take(&mut world, step);
        }
        take(&mut world, Step::LogIn { token: Some("b") });
        settle(&mut world);
        prop_assert!(world.has_all(), "{:?} {:?}", world.next, world.news);
        prop_assert_eq!(world.n_late, 0);
        let seconds = (world.now.at - begun_at).as_secs() as usize + 1;
        let budget = seconds * 16 * N_BROKERS + world.n_records * 2 + 60 * 20;
        prop_assert!(world.requests.len() < budget, "{} of {budget}", world.requests.len());
    }
}
