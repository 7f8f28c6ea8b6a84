//! What happens when leaders, partitions and topics change?

use super::cluster::{FETCH, METADATA};
use super::world::World;

#[track_caller]
fn check_goes_on(world: &mut World, within_ms: u64) {
    let partitions = world.cluster.topic.as_ref().unwrap().partitions.len();
    for partition in 0..partitions {
        world.append(partition, 3);
    }
    world.pass(within_ms);
    assert!(world.has_all(), "{:?} {:?}", world.next, world.news);
    assert!(!world.news.iter().any(|news| news.starts_with("Lost")), "{:?}", world.news);
}

#[test]
fn a_partition_is_read_from_its_new_leader() {
    let mut world = World::settled(3, 3);
    for (partition, leader) in [(0, 1), (1, 2), (0, 2), (2, 0)] {
        world.cluster.lead(partition, Some(leader));
        // The new leader's connection may be waiting for a record of what it led before.
        check_goes_on(&mut world, 700);
    }
    assert_eq!(world.news[0], "Failed { partition: 0, error: ErrorCode(6) }");
}

#[test]
fn an_epoch_that_is_not_the_brokers_is_asked_for_again() {
    let mut world = World::settled(2, 2);
    world.cluster.lead(0, Some(0));
    check_goes_on(&mut world, 300);
    assert_eq!(world.news, ["Failed { partition: 0, error: ErrorCode(74) }"]);
    // A broker that has not heard of the newest epoch yet.
    world.news.clear();
    world.cluster.log(1).epoch -= 1;
    world.append(1, 1);
    world.pass(200);
    assert_eq!(world.news[0], "Failed { partition: 1, error: ErrorCode(75) }");
    world.cluster.log(1).epoch += 1;
    check_goes_on(&mut world, 300);
}

#[test]
fn without_a_leader_it_looks_again_and_the_others_are_read() {
    let mut world = World::settled(2, 2);
    world.cluster.lead(0, None);
    world.pass(1000);
    let n_requests = world.requests_in(60_000);
    assert!(n_requests < 60 * 12, "{n_requests}");
    world.append(1, 5);
    world.pass(3);
    assert_eq!(world.next[&1], 5);
    world.cluster.elect();
    check_goes_on(&mut world, 3500);
}

#[test]
fn records_that_retention_took_are_announced() {
    let mut world = World::settled(1, 2);
    world.cut(None);
    world.cluster.brokers[0].is_up = false;
    for _ in 0..4 {
        world.append(0, 10);
    }
    world.cluster.expire(0, 3);
    world.pass(500);
    world.start_broker(0);
    world.pass(3000);
    assert!(world.has_all());
    assert_eq!(
        world.news,
        ["Failed { partition: 0, error: ErrorCode(1) }", "Lost { partition: 0, from: 0, to: 30 }",]
    );
}

#[test]
fn a_deleted_topic_is_reported_and_nothing_is_done_until_it_is_looked_for() {
    let mut world = World::settled(2, 2);
    let topic = world.cluster.topic.take();
    world.pass(2000);
    assert_eq!(world.news.last().unwrap(), "Missing");
    assert_eq!(world.reader.n_links(), 0);
    assert_eq!(world.requests_in(600_000), 0);
    world.on(super::super::Event::LookAgain);
    world.pass(2000);
    assert_eq!((world.news.last().unwrap().as_str(), world.reader.n_links()), ("Missing", 0));
    // It was only hidden: its records are read on from where they were.
    world.cluster.topic = topic;
    world.on(super::super::Event::LookAgain);
    check_goes_on(&mut world, 2000);
    assert!(!world.news.iter().any(|news| news.starts_with("Replaced")));
}

#[test]
fn a_topic_that_was_made_again_is_read_from_its_oldest_record() {
    for is_looked_for in [true, false] {
        let mut world = World::settled(2, 2);
        world.append(0, 10);
        world.pass(100);
        world.cluster.topic = None;
        if is_looked_for {
            world.pass(3000);
        }
        world.cluster.make_topic(5, 3);
        world.append(2, 4);
        world.on(super::super::Event::LookAgain);
        check_goes_on(&mut world, 1500);
        assert!(world.news.contains(&format!("Replaced {{ id: {} }}", "05".repeat(16))), "{:?}", world.news);
        assert_eq!(world.next[&2], 7);
        assert!(!world.news.iter().any(|news| news == "Foreign"));
    }
}

#[test]
fn partitions_that_are_added_are_read_from_their_first_record() {
    let mut world = World::settled(2, 1);
    world.cluster.add_partition();
    world.append(1, 10);
    world.pass(11_000);
    assert_eq!(world.news, ["Started { partition: 1, from: 0, end: 0 }"]);
    check_goes_on(&mut world, 300);
}

#[test]
fn a_reader_that_is_refused_does_nothing_more() {
    for by_metadata in [true, false] {
        let mut world = World::settled(2, 2);
        match by_metadata {
            true => world.cluster.topic_error = 29,
            false => _ = world.cluster.errors.insert((FETCH, 0), 29),
        }
        world.pass(11_000);
        assert_eq!(world.news.last().unwrap(), "Refused { error: ErrorCode(29) }");
        assert_eq!((world.reader.n_links(), world.requests_in(600_000)), (0, 0));
    }
}

#[test]
fn a_metadata_error_that_may_pass_is_asked_about_again() {
    let mut world = World::settled(1, 1);
    world.cluster.topic_error = 5;
    world.pass(20_000);
    let n_looks = world.requests.iter().filter(|request| request.2 == METADATA).count();
    assert!((5..40).contains(&n_looks), "{n_looks}");
    world.cluster.topic_error = 0;
    check_goes_on(&mut world, 100);
}
