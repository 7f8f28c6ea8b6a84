//! What happens when connections and sessions break, and when brokers are slow or in error?

use std::time::Duration;

use super::cluster::{Cluster, FETCH, LIST_OFFSETS, METADATA};
use super::world::World;

#[test]
fn a_lost_connection_is_opened_again_and_reading_goes_on() {
    let mut world = World::settled(2, 2);
    for _ in 0..20 {
        world.append(0, 2);
        world.append(1, 1);
        world.cut(None);
        world.pass(300);
        assert!(world.has_all());
    }
    assert!(world.news.is_empty(), "{:?}", world.news);
    assert_eq!(world.reader.n_links(), 2);
}

#[test]
fn a_cluster_that_is_down_is_tried_with_growing_pauses() {
    let mut world = World::settled(3, 3);
    (0..3).for_each(|node| world.stop_broker(node));
    world.pass(10_000);
    let before = world.n_connects;
    world.pass(60_000);
    let n_tries = world.n_connects - before;
    assert!((30..=200).contains(&n_tries), "{n_tries}: each of 3 brokers every 1 to 3 s");
    (0..3).for_each(|node| world.start_broker(node));
    (0..3).for_each(|partition| world.append(partition, 2));
    world.pass(4000);
    assert!(world.has_all());
}

#[test]
fn a_broker_that_does_not_come_up_is_not_needed_once_others_lead() {
    let mut world = World::settled(3, 3);
    world.stop_broker(1);
    world.pass(2000);
    world.cluster.elect();
    (0..3).for_each(|partition| world.append(partition, 2));
    world.pass(4000);
    assert!(world.has_all(), "{:?}", world.next);
    assert_eq!(world.reader.n_links(), 2);
}

#[test]
fn a_session_that_the_broker_forgot_is_begun_again() {
    let mut world = World::settled(1, 2);
    for _ in 0..3 {
        world.cluster.brokers[0].sessions.clear();
        world.append(0, 3);
        world.append(1, 3);
        world.pass(1000);
        assert!(world.has_all());
    }
    assert!(world.news.is_empty(), "{:?}", world.news);
    assert_eq!(world.n_connects, 1);
}

#[test]
fn a_broker_may_stop_giving_sessions() {
    let mut world = World::settled(1, 2);
    for gives_sessions in [false, true, false] {
        world.cluster.gives_sessions = gives_sessions;
        world.cluster.brokers[0].sessions.clear();
        world.append(0, 3);
        world.append(1, 3);
        world.pass(1000);
        assert!(world.has_all());
    }
}

#[test]
fn a_pause_that_a_broker_asks_for_is_kept() {
    let mut world = World::settled(1, 1);
    world.cluster.throttle_ms = 3000;
    world.pass(1000);
    for _ in 0..100 {
        world.append(0, 1);
        world.pass(300);
    }
    let times: Vec<_> = world.requests.iter().rev().take(5).map(|request| request.0).collect();
    for pair in times.windows(2) {
        assert!(pair[0] - pair[1] >= Duration::from_secs(3), "{:?}", pair[0] - pair[1]);
    }
    // There may be a look at the topic before the next Fetch.
    world.pass(6100);
    assert!(world.has_all());
}

#[test]
fn a_partition_in_error_neither_spins_nor_holds_up_the_others() {
    for (key, error) in [(FETCH, 56), (FETCH, 7), (FETCH, 6), (FETCH, 1), (FETCH, -1), (LIST_OFFSETS, 78)] {
        let mut cluster = Cluster::new(1, 2);
        cluster.errors.insert((key, 0), error);
        let mut world = World::new(cluster, |_| ());
        world.start();
        world.pass(5000);
        let n_requests = world.requests_in(20_000);
        assert!(n_requests <= 20 * 80, "{n_requests} in 20 s for error {error}");
        world.append(1, 5);
        world.pass(120);
        assert_eq!(world.next[&1], 5, "error {error}");
        world.cluster.errors.clear();
        world.append(0, 5);
        world.pass(4000);
        assert!(world.has_all(), "error {error}");
    }
}

#[test]
fn without_an_answer_it_gives_up_waiting_and_tries_again() {
    for silent in [METADATA, LIST_OFFSETS, FETCH] {
        let mut world = World::new(Cluster::new(2, 2), |_| ());
        world.tamper = Some(Box::new(move |key, answer| (key != silent).then_some(answer)));
        world.start();
        world.pass(4900);
        let first_links = world.n_connects;
        world.pass(60_000);
        let n_tries = world.n_connects - first_links;
        assert!((12..=70).contains(&n_tries), "{n_tries} connections for {silent}");
        world.tamper = None;
        (0..2).for_each(|partition| world.append(partition, 2));
        world.pass(9000);
        assert!(world.has_all(), "{silent}");
    }
}

#[test]
fn a_batch_that_is_too_long_is_passed_over_and_only_its_partition_loses() {
    let mut world = World::settled(1, 3);
    world.cluster.append(1, 1, crate::MAX_ANSWER_LEN, world.now.unix_ms);
    world.append(1, 2);
    world.append(0, 3);
    world.append(2, 3);
    world.pass(3000);
    assert!(world.has_all(), "{:?}", world.next);
    assert_eq!(world.news, ["Lost { partition: 1, from: 0, to: 3 }"]);
    world.append(1, 2);
    world.pass(3);
    assert!(world.has_all());
}
