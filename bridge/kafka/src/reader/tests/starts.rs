//! Where does reading begin, and what goes out while all is well?

use std::time::Duration;

use super::super::*;
use super::cluster::{Cluster, FETCH, LIST_OFFSETS, METADATA};
use super::world::World;

#[test]
fn it_asks_who_leads_then_for_the_end_then_for_the_start_then_for_records() {
    let mut cluster = Cluster::new(1, 2);
    cluster.append(0, 3, 0, 1_764_000_000_000 - 90_000);
    cluster.append(0, 2, 0, 1_764_000_000_000 - 50_000);
    let mut world = World::new(cluster, |_| ());
    world.start();
    world.pass(300);
    let keys: Vec<i16> = world.requests.iter().map(|request| request.2).take(4).collect();
    assert_eq!(keys, [METADATA, LIST_OFFSETS, LIST_OFFSETS, FETCH]);
    let topic = format!("Topic {{ id: {} }}", "09".repeat(16));
    let started =
        |partition, from, end| format!("Started {{ partition: {partition}, from: {from}, end: {end} }}");
    assert_eq!(world.news, [topic, started(1, 0, 0), started(0, 3, 5)]);
    assert_eq!((world.n_records, world.n_connects), (2, 1));
    assert_eq!(world.reader.positions().collect::<Vec<_>>(), [(0, 5), (1, 0)]);
}

#[track_caller]
fn check_start(look_back: LookBack, from: i64) {
    let mut cluster = Cluster::new(1, 1);
    for age_s in [120, 90, 30, 10] {
        cluster.append(0, 10, 0, 1_764_000_000_000 - age_s * 1000);
    }
    cluster.expire(0, 1);
    let mut world = World::new(cluster, |settings| settings.look_back = look_back);
    world.start();
    world.pass(300);
    assert_eq!(world.news[1], format!("Started {{ partition: 0, from: {from}, end: 40 }}"));
    assert_eq!(world.n_records as i64, 40 - from);
}

#[test]
fn how_far_to_look_back_is_a_time_or_a_number_of_records() {
    check_start(LookBack::Time(Duration::from_secs(60)), 20);
    check_start(LookBack::Time(Duration::from_secs(1)), 40);
    check_start(LookBack::Time(Duration::MAX), 10);
    check_start(LookBack::Records(5), 35);
    check_start(LookBack::Records(1000), 10);
    check_start(LookBack::Records(0), 40);
}

#[test]
fn a_start_whose_first_batch_expired_meanwhile_begins_at_the_oldest_record() {
    let mut world = World::new(Cluster::new(1, 1), |_| ());
    world.append(0, 5);
    world.append(0, 5);
    world.start();
    while world.news.len() < 2 {
        world.pass(1);
    }
    world.cluster.expire(0, 1);
    world.pass(1000);
    assert!(world.has_all());
}

#[test]
fn a_quiet_topic_costs_one_fetch_per_wait_and_broker_and_a_look_each_10_s() {
    for gives_sessions in [true, false] {
        let mut cluster = Cluster::new(2, 4);
        cluster.gives_sessions = gives_sessions;
        let mut world = World::new(cluster, |_| ());
        world.start();
        world.pass(1000);
        let n_requests = world.requests_in(60_000);
        assert!((220..=260).contains(&n_requests), "{n_requests}");
        let n_looks = world.requests.iter().filter(|request| request.2 == METADATA).count();
        assert!((6..=9).contains(&n_looks), "{n_looks}");
        assert_eq!(world.reader.n_links(), 2);
    }
}

#[test]
fn a_record_comes_at_once() {
    for gives_sessions in [true, false] {
        let mut world = World::settled(2, 3);
        world.cluster.gives_sessions = gives_sessions;
        world.cut(None);
        world.pass(1000);
        for n in 0..100 {
            world.append(n % 3, 1 + (n % 2) as i64);
            world.pass(3);
            assert!(world.has_all(), "record {n}");
        }
    }
}

#[test]
fn a_backlog_that_is_longer_than_an_answer_comes_whole() {
    let mut cluster = Cluster::new(1, 3);
    for n in 0..300 {
        cluster.append(n % 3, 5, 2000, 1_764_000_000_000);
    }
    let mut world = World::new(cluster, |settings| settings.max_bytes = 32_000);
    world.start();
    world.pass(1000);
    assert_eq!(world.n_records, 1500);
    assert!(world.has_all());
}

#[test]
fn a_batch_that_is_longer_than_what_is_asked_for_comes_whole() {
    let mut world = World::settled(1, 2);
    for partition in [0, 1, 0] {
        world.cluster.append(partition, 1, 300_000, world.now.unix_ms);
    }
    world.pass(1000);
    assert!(world.has_all() && world.news.is_empty(), "{:?}", world.news);
}
