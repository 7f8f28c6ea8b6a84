//! As whom is it read, and what happens when sessions and tokens end?

use std::time::Duration;

use super::super::*;
use super::cluster::{Cluster, Door, FETCH, SASL_AUTHENTICATE, SASL_HANDSHAKE, token};
use super::world::World;

const START_MS: u64 = 1_764_000_000_000;
const REFUSED: &str = "LoginRefused { refusal: Credentials(OAuthBearer) }";

/// A world whose brokers want a token; `tokens` are alice's, good for so many seconds from the start.
fn guarded(n_brokers: usize, max_session_s: Option<u64>, tokens: &[(&'static str, u64)]) -> World {
    let good = tokens.iter().map(|(token, s)| (*token, ("v-alice", START_MS + s * 1000))).collect();
    let mut cluster = Cluster::new(n_brokers, n_brokers);
    cluster.door = Some(Door { good, max_session: max_session_s.map(Duration::from_secs) });
    World::new(cluster, |_| ())
}

fn log_in(world: &mut World, text: &str, good_for_s: u64) {
    world.on(Event::LogIn(Login::As(token(text, START_MS + good_for_s * 1000))));
}

fn n_requests(world: &World, key: i16) -> usize {
    world.requests.iter().filter(|request| request.2 == key).count()
}

/// Lets time pass while records are written to every partition.
fn run(world: &mut World, seconds: u64) {
    for n in 0..seconds * 4 {
        (0..world.cluster.brokers.len()).for_each(|partition| world.append(partition, 1 + (n % 2) as i64));
        world.pass(250);
    }
}

#[test]
fn nothing_is_opened_before_it_is_known_as_whom() {
    let mut world = guarded(2, None, &[("a", 3600)]);
    world.on(Event::LogIn(Login::Nobody));
    world.start();
    world.pass(30_000);
    assert_eq!(world.n_connects, 0);
    log_in(&mut world, "a", 3600);
    run(&mut world, 2);
    assert!(world.has_all() && world.n_connects >= 2);
}

#[test]
fn a_session_is_renewed_before_its_end_on_the_same_connection() {
    let mut world = guarded(2, Some(10), &[("a", 3600)]);
    world.on(Event::LogIn(Login::As(token("a", START_MS + 3_600_000))));
    world.start();
    run(&mut world, 120);
    assert!(world.has_all());
    assert_eq!((world.n_late, world.n_connects), (0, 2));
    let n_renewals = n_requests(&world, SASL_AUTHENTICATE);
    assert!((28..=34).contains(&n_renewals), "{n_renewals}: two connections, 7 to 8.5 s each");
    assert_eq!(n_requests(&world, SASL_HANDSHAKE), n_renewals);
}

#[test]
fn a_quiet_topic_is_renewed_as_well_although_a_fetch_waits_longer() {
    let mut world = guarded(1, Some(3), &[("a", 3600)]);
    log_in(&mut world, "a", 3600);
    world.start();
    world.pass(60_000);
    assert_eq!((world.n_late, world.n_connects), (0, 1));
    world.append(0, 3);
    world.pass(5);
    assert!(world.has_all());
}

#[test]
fn a_newer_token_is_shown_soon_and_reading_outlives_the_first() {
    let mut world = guarded(2, None, &[("a", 60), ("b", 120), ("c", 180)]);
    log_in(&mut world, "a", 60);
    world.start();
    run(&mut world, 50);
    assert_eq!(n_requests(&world, SASL_AUTHENTICATE), 0, "the same token gives no more time");
    log_in(&mut world, "b", 120);
    run(&mut world, 2);
    assert_eq!(n_requests(&world, SASL_AUTHENTICATE), 2);
    run(&mut world, 58);
    log_in(&mut world, "c", 180);
    run(&mut world, 40);
    assert!(world.has_all());
    assert_eq!((world.n_late, world.n_connects), (0, 2));
}

#[test]
fn many_tokens_at_once_are_few_log_ins() {
    let mut world = guarded(1, None, &[("a", 60), ("b", 120)]);
    log_in(&mut world, "a", 60);
    world.start();
    for n in 0..100 {
        log_in(&mut world, ["a", "b"][n % 2], 60 + 60 * (n as u64 % 2));
        run(&mut world, 1);
        world.pass(37);
    }
    assert!(n_requests(&world, SASL_AUTHENTICATE) <= 104);
    assert_eq!((world.n_late, world.n_connects), (0, 1));
    let before = n_requests(&world, SASL_AUTHENTICATE);
    (0..200).for_each(|_| log_in(&mut world, "b", 120));
    world.pass(2000);
    assert!(n_requests(&world, SASL_AUTHENTICATE) <= before + 2);
}

#[test]
fn a_token_that_ends_without_another_ends_the_connections_and_the_next_goes_on_where_it_was() {
    let mut world = guarded(2, None, &[("a", 20), ("b", 3600)]);
    log_in(&mut world, "a", 20);
    world.start();
    run(&mut world, 19);
    assert!(world.has_all());
    world.news.clear();
    world.pass(10_000);
    (0..2).for_each(|partition| world.append(partition, 5));
    world.pass(30_000);
    assert_eq!(world.reader.n_links(), 0);
    assert!(!world.has_all());
    assert_eq!((world.n_late, world.n_connects, world.news.len()), (0, 2, 0), "{:?}", world.news);
    log_in(&mut world, "b", 3600);
    world.pass(1000);
    assert!(world.has_all(), "{:?}", world.news);
}

#[test]
fn a_token_ends_the_connection_even_if_the_broker_sets_no_end() {
    let mut world = guarded(1, None, &[("a", 3600)]);
    // The broker believes in an hour.
    log_in(&mut world, "a", 20);
    world.start();
    run(&mut world, 19);
    assert!(world.has_all());
    world.pass(10_000);
    assert_eq!((world.reader.n_links(), world.n_connects, world.n_late), (0, 1, 0));
}

#[test]
fn anyone_not_let_in_is_not_tried_again() {
    let mut world = guarded(3, None, &[("good", 3600)]);
    log_in(&mut world, "forged", 3600);
    world.start();
    world.pass(60_000);
    assert_eq!((world.n_connects, world.news.as_slice()), (1, &[REFUSED.to_owned()][..]));
    log_in(&mut world, "good", 3600);
    run(&mut world, 2);
    assert!(world.has_all());
}

#[test]
fn what_is_refused_of_a_former_token_says_nothing_of_the_one_now() {
    let mut world = guarded(1, None, &[("good", 3600)]);
    log_in(&mut world, "forged", 3600);
    world.start();
    log_in(&mut world, "good", 3600);
    run(&mut world, 4);
    assert!(world.has_all() && !world.news.contains(&REFUSED.to_owned()), "{:?}", world.news);
}

#[test]
fn a_token_that_is_refused_on_an_open_connection_is_tried_on_a_new_one_before_it_counts() {
    let mut world = guarded(1, None, &[("a", 3600)]);
    log_in(&mut world, "a", 3600);
    world.start();
    run(&mut world, 3);
    // Another principal of the same user: a session cannot pass to it, a new connection can.
    world.cluster.door.as_mut().expect("a door").good.insert("writer", ("u-alice", START_MS + 3_600_000));
    log_in(&mut world, "writer", 3600);
    run(&mut world, 3);
    assert!(world.has_all() && world.n_connects == 2);
    assert!(!world.news.contains(&REFUSED.to_owned()), "{:?}", world.news);
    log_in(&mut world, "forged", 3600);
    world.pass(5000);
    assert!(world.news.contains(&REFUSED.to_owned()));
}

#[test]
fn without_anybody_what_is_open_is_read_to_the_end_of_its_session() {
    let mut world = guarded(1, Some(10), &[("a", 3600)]);
    log_in(&mut world, "a", 3600);
    world.start();
    run(&mut world, 2);
    world.on(Event::LogIn(Login::Nobody));
    run(&mut world, 5);
    assert!(world.has_all());
    world.pass(5000);
    assert_eq!((world.reader.n_links(), world.n_late), (0, 0));
    let before = n_requests(&world, FETCH);
    world.pass(60_000);
    assert_eq!((n_requests(&world, FETCH), world.n_connects), (before, 1));
}

#[test]
fn a_session_of_no_length_neither_spins_nor_reads() {
    let mut world = guarded(1, Some(0), &[("a", 3600)]);
    log_in(&mut world, "a", 3600);
    world.start();
    world.pass(60_000);
    assert!(world.n_connects < 200, "{}", world.n_connects);
}
