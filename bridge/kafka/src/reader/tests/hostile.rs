//! What can a broker do that does not keep to the protocol?

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::cluster::{Cluster, FETCH, LIST_OFFSETS};
use super::world::{Tamper, World};

/// Tampers with the `nth` answer only.
fn once(nth: usize, mut change: impl FnMut(&mut BytesMut) + 'static) -> Tamper {
    let mut n_seen = 0;
    Box::new(move |_, answer| {
        n_seen += 1;
        let mut answer = BytesMut::from(&answer[..]);
        if n_seen == nth + 1 {
            change(&mut answer);
        }
        Some(answer.freeze())
    })
}

/// A world of which one answer is tampered with; records are written before and after it.
fn tampered(n_partitions: usize, tamper: Tamper) -> World {
    let mut world = World::new(Cluster::new(1, n_partitions), |_| ());
    (0..n_partitions).for_each(|partition| world.append(partition, 3));
    world.tamper = Some(tamper);
    world.start();
    world.pass(100);
    (0..n_partitions).for_each(|partition| world.append(partition, 3));
    world.pass(6000);
    world
}

/// The answers of a start: metadata, the end, the start, records.
const N_ANSWERS: usize = 4;

#[test]
fn an_answer_to_another_request_ends_the_connection() {
    for nth in 0..N_ANSWERS {
        let world = tampered(2, once(nth, |answer| answer[3] ^= 1));
        assert!(world.has_all());
        assert!(world.n_connects >= 2);
        assert_eq!(world.n_records, 12, "answer {nth}");
    }
}

#[test]
fn an_answer_that_is_cut_anywhere_loses_nothing() {
    for nth in 0..N_ANSWERS {
        let mut length = 0;
        loop {
            let (send, receive) = std::sync::mpsc::channel();
            let world = tampered(
                2,
                once(nth, move |answer| {
                    let _ = send.send(answer.len());
                    answer.truncate(length);
                }),
            );
            assert!(world.has_all(), "answer {nth} cut at {length}");
            assert_eq!(world.n_records, 12, "answer {nth} cut at {length}");
            length += 1;
            if receive.recv().unwrap() < length {
                break;
            }
        }
        assert!(length > 40);
    }
}

#[test]
fn an_answer_that_says_that_it_has_more_records_loses_nothing() {
    let mut twin = Cluster::new(1, 1);
    twin.append(0, 3, 0, 1_764_000_000_000);
    let batch = twin.log(0).first_batch().to_vec();
    // More than there is up to the end of the answer.
    for lie in batch.len() as u8 + 5..=127 {
        let batch = batch.clone();
        let world = tampered(
            1,
            once(N_ANSWERS - 1, move |answer| {
                let at = answer.windows(batch.len()).position(|window| window == batch).expect("records");
                answer[at - 1] = lie;
            }),
        );
        assert!(world.has_all(), "{lie}");
        assert_eq!(world.n_records, 6, "{lie}");
    }
}

fn with_foreign_id(answer: Bytes) -> Bytes {
    let mut bytes = answer.to_vec();
    let at = bytes.windows(16).position(|window| window == [9; 16]);
    if let Some(at) = at {
        bytes[at..at + 16].fill(8);
    }
    bytes.into()
}

#[test]
fn records_of_another_topic_are_dropped_and_asked_for_again() {
    let mut world = World::settled(1, 2);
    let mut n_left = 3;
    world.tamper = Some(Box::new(move |key, answer| {
        n_left -= i32::from(key == FETCH && n_left > 0);
        Some(if key == FETCH && n_left > 0 { with_foreign_id(answer) } else { answer })
    }));
    world.append(0, 3);
    world.append(1, 3);
    world.pass(3000);
    assert!(world.has_all());
    assert!(world.news.iter().any(|news| news == "Foreign"), "{:?}", world.news);
}

#[test]
fn a_broker_that_always_sends_another_topic_is_not_asked_without_pause() {
    let mut world = World::settled(1, 2);
    world.tamper =
        Some(Box::new(|key, answer| Some(if key == FETCH { with_foreign_id(answer) } else { answer })));
    world.append(0, 3);
    world.pass(5000);
    let n_requests = world.requests_in(10_000);
    assert!(n_requests <= 10 * 80, "{n_requests} in 10 s");
    assert_eq!(world.n_records, 0);
}

#[test]
fn an_answer_without_the_offsets_that_were_asked_for_is_not_asked_for_without_pause() {
    let mut world = World::new(Cluster::new(1, 1), |_| ());
    world.append(0, 3);
    world.tamper = Some(Box::new(|key, answer| {
        let empty = [&answer[..4], &[0, 0, 0, 0, 0, 1, 0]].concat();
        Some(if key == LIST_OFFSETS { empty.into() } else { answer })
    }));
    world.start();
    world.pass(5000);
    let n_requests = world.requests_in(10_000);
    assert!(n_requests <= 10 * 80, "{n_requests} in 10 s");
    world.tamper = None;
    world.pass(3000);
    assert!(world.has_all());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_changed_bytes_break_nothing(changes in prop::collection::vec((0usize..8, any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut world = World::new(Cluster::new(2, 2), |_| ());
        (0..2).for_each(|partition| world.append(partition, 3));
        let mut n_seen = 0;
        world.is_trusted = false;
        world.tamper = Some(Box::new(move |_, answer| {
            let mut bytes = answer.to_vec();
            for (_, at, byte) in changes.iter().filter(|change| change.0 == n_seen) {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            n_seen += 1;
            Some(bytes.into())
        }));
        world.start();
        world.pass(30_000);
        prop_assert!(world.requests.len() < 30 * 80, "{}", world.requests.len());
    }
}
