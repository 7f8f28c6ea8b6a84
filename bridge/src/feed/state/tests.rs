use std::collections::HashMap;

use proptest::prelude::*;
use purple_sector_codec::bridge_protocol::{GapReason, ServerMessage};

use super::super::testing::{Source, record};
use super::*;
use crate::stats::Counter;

const TOPIC: &str = "telemetry-user-alice";
/// The broker's and this machine's time at the start of a test.
const WALL_MS: u64 = 1_700_000_000_000;

/// A feed with a clock, and what each viewer got.
struct Bench {
    feed: Feed,
    start: Instant,
    now: Instant,
    actions: Vec<Action>,
    got: HashMap<ViewerId, Vec<Got>>,
    others: Vec<Action>,
    offsets: HashMap<u16, u64>,
    gop_bytes: Arc<Counter>,
}

/// A message as a viewer sees it.
#[derive(Debug, PartialEq, Eq, Clone)]
enum Got {
    Live(Kind),
    Snapshot(Kind),
    Gap(GapReason, u64),
    State(FeedState),
}

use Got::{Gap, Live, Snapshot, State};

const A: ViewerId = ViewerId(1);
const B: ViewerId = ViewerId(2);

impl Bench {
    /// A feed that has looked up two partitions; the first has history up to `end`.
    fn reading(end: u64) -> Self {
        Self::new().read(end)
    }

    fn read(self, end: u64) -> Self {
        let mut bench = self;
        let starts =
            vec![Start { partition: 0, from: 0, end: end as i64 }, Start { partition: 1, from: 0, end: 0 }];
        bench.on(Event::Found { generation: 1, result: Ok(starts) });
        bench.others.clear();
        bench
    }

    fn new() -> Self {
        let gop_bytes = Arc::default();
        let budget = GopBudget::new(Arc::clone(&gop_bytes), 1 << 30);
        Self::with_budget(budget, gop_bytes)
    }

    /// One of several feeds that share a budget.
    fn with_budget(budget: Arc<GopBudget>, gop_bytes: Arc<Counter>) -> Self {
        let stats = Arc::new(Stats::default());
        let now = Instant::now() + Duration::from_secs(3600);
        let mut actions = Vec::new();
        let linger = Duration::from_secs(15);
        let feed = Feed::new(TOPIC.into(), linger, budget, stats, Arc::default(), now, &mut actions);
        let (start, got, offsets) = (now, HashMap::new(), HashMap::new());
        Self { feed, start, now, actions: Vec::new(), got, others: actions, offsets, gop_bytes }
    }

    fn wall_ms(&self) -> u64 {
        WALL_MS + (self.now - self.start).as_millis() as u64
    }

    fn on(&mut self, event: Event) {
        self.feed.on(event, self.now, &mut self.actions);
        for action in self.actions.drain(..) {
            match action {
                Action::Send { viewer, item } => {
                    let got = match ServerMessage::parse(&item.bytes).expect("a message") {
                        ServerMessage::Data { header, record } => {
                            let kind = Envelope::parse(record).expect("a record").kind;
                            if header.snapshot { Snapshot(kind) } else { Live(kind) }
                        }
                        ServerMessage::Gap { reason, n_records, .. } => Gap(reason, n_records),
                        ServerMessage::State { state, .. } => State(state),
                        other => panic!("unexpected {other:?}"),
                    };
                    self.got.entry(viewer).or_default().push(got);
                }
                other => self.others.push(other),
            }
        }
    }

    fn join(&mut self, viewer: ViewerId) {
        self.on(Event::Join { viewer, options: JoinOptions::default() });
    }

    fn record(&mut self, bytes: &[u8]) {
        self.record_at(0, self.wall_ms(), bytes);
    }

    fn record_at(&mut self, partition: u16, time_ms: u64, bytes: &[u8]) {
        let next = self.offsets.entry(partition).or_default();
        let record = record(TOPIC, self.feed.generation, partition, *next, time_ms, bytes);
        *next += 1;
        let wall_ms = self.wall_ms();
        self.on(Event::Kafka { from_kafka: FromKafka::Record(record), wall_ms });
    }

    /// Lets time pass as the task does: from deadline to deadline.
    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while self.feed.life != Life::Ended && self.feed.deadline(self.now) <= end {
            self.now = self.feed.deadline(self.now).max(self.now);
            self.on(Event::Time);
        }
        self.now = end;
    }

    fn take(&mut self, viewer: ViewerId) -> Vec<Got> {
        self.got.remove(&viewer).unwrap_or_default()
    }

    fn has_ended(&self) -> bool {
        self.others.iter().any(|action| matches!(action, Action::End { .. }))
    }
}

#[test]
fn the_first_viewer_is_given_the_gop_that_history_holds_and_then_live_records() {
    let mut bench = Bench::reading(5);
    bench.join(A);
    assert_eq!(bench.take(A), [State(FeedState::Waiting)]);
    let mut source = Source::new("s", 1);
    for bytes in [source.key(), source.block(), source.schema(), source.key()] {
        bench.record(&bytes);
    }
    assert_eq!(bench.take(A), [State(FeedState::Live)]);
    bench.record(&source.block());
    assert_eq!(bench.take(A), [Snapshot(Kind::Schema), Snapshot(Kind::Key), Snapshot(Kind::Block)]);
    bench.record(&source.block());
    assert_eq!(bench.take(A), [Live(Kind::Block)]);
}

#[test]
fn a_viewer_who_joins_later_is_given_the_same() {
    let mut bench = Bench::reading(0);
    let mut source = Source::new("s", 1);
    for bytes in [source.schema(), source.facts(), source.key(), source.block()] {
        bench.record(&bytes);
    }
    bench.join(A);
    let snapshot = [Kind::Schema, Kind::Facts, Kind::Key, Kind::Block].map(Snapshot);
    assert_eq!(bench.take(A), [vec![State(FeedState::Live)], snapshot.to_vec()].concat());
}

#[test]
fn a_stream_that_begins_live_is_forwarded_record_by_record() {
    let mut bench = Bench::reading(0);
    bench.join(A);
    let mut source = Source::new("s", 1);
    bench.record(&source.schema());
    bench.record(&source.key());
    bench.record(&source.block());
    bench.record(&source.event());
    let got: Vec<Got> = bench.take(A).into_iter().filter(|got| !matches!(got, State(_))).collect();
    assert_eq!(got, [Snapshot(Kind::Schema), Live(Kind::Key), Live(Kind::Block), Live(Kind::Event)]);
}

#[test]
fn a_hole_is_announced_at_the_next_key_and_repeats_are_dropped() {
    let mut bench = Bench::reading(0);
    bench.join(A);
    let mut source = Source::new("s", 1);
    let key = source.key();
    bench.record(&key);
    bench.take(A);
    bench.record(&key);
    source.block();
    source.block();
    bench.record(&source.block());
    assert_eq!(bench.take(A), [], "a repeat, and a block that cannot be decoded");
    bench.record(&source.key());
    assert_eq!(bench.take(A), [Gap(GapReason::Missing, 3), Live(Kind::Key)]);
}

#[test]
fn a_block_before_any_key_is_not_forwarded() {
    let mut bench = Bench::reading(0);
    bench.join(A);
    let mut source = Source::new("s", 1);
    source.key();
    bench.record(&source.block());
    assert_eq!(bench.take(A), [State(FeedState::Waiting)]);
}

#[test]
fn a_subscription_narrows_to_a_session_and_to_keys() {
    let mut bench = Bench::reading(0);
    let (mut one, mut two) = (Source::new("one", 1), Source::new("two", 2));
    bench.record(&one.key());
    bench.record(&two.key());
    bench.record(&two.block());
    bench.join(A);
    bench.take(A);
    let options = JoinOptions { session: Some(two.session), keys_only: true };
    bench.on(Event::Subscribe { viewer: A, options });
    assert_eq!(bench.take(A), [Snapshot(Kind::Key)]);
    bench.record(&one.key());
    bench.record(&two.block());
    assert_eq!(bench.take(A), []);
    bench.record(&two.key());
    bench.record(&two.facts());
    assert_eq!(bench.take(A), [Live(Kind::Key), Live(Kind::Facts)]);
}

#[test]
fn a_silent_stream_is_not_given_to_new_viewers_but_goes_on_without_a_hole() {
    let mut bench = Bench::reading(0);
    bench.join(A);
    let mut source = Source::new("s", 1);
    bench.record(&source.key());
    bench.take(A);
    bench.wait(STALE_AFTER);
    assert_eq!(bench.take(A), [State(FeedState::Stale)]);
    bench.wait(SILENT_AFTER);
    assert_eq!(bench.gop_bytes.get(), 0, "its GOP is freed");
    bench.join(B);
    assert_eq!(bench.take(B), [State(FeedState::Stale)]);
    bench.record(&source.block());
    assert_eq!(bench.take(A), [Live(Kind::Block), State(FeedState::Live)]);
}

#[test]
fn streams_that_were_over_before_the_feed_began_are_not_shown() {
    let mut bench = Bench::reading(3);
    bench.join(A);
    let (mut old, mut ended) = (Source::new("old", 1), Source::new("ended", 2));
    bench.record_at(0, WALL_MS - SILENT_AFTER.as_millis() as u64 - 1, &old.key());
    bench.record(&ended.key());
    bench.record(&ended.end());
    assert!(!bench.take(A).iter().any(|got| matches!(got, Snapshot(_))));
}

#[test]
fn the_end_of_the_last_stream_ends_what_viewers_see() {
    let mut bench = Bench::reading(0);
    bench.join(A);
    let mut source = Source::new("s", 1);
    bench.record(&source.key());
    bench.record(&source.end());
    bench.wait(STALE_AFTER);
    assert_eq!(bench.take(A).last(), Some(&State(FeedState::Ended)));
}

#[test]
fn history_that_does_not_come_does_not_keep_viewers_waiting() {
    let mut bench = Bench::reading(100);
    bench.join(A);
    bench.record(&Source::new("s", 1).key());
    assert!(!bench.take(A).contains(&Snapshot(Kind::Key)));
    bench.wait(CATCH_UP_WITHIN);
    assert!(bench.take(A).contains(&Snapshot(Kind::Key)));
}

#[test]
fn a_feed_ends_after_its_linger_and_not_before() {
    let mut bench = Bench::reading(0);
    bench.join(A);
    bench.wait(Duration::from_secs(60));
    assert!(!bench.has_ended());
    bench.on(Event::Leave { viewer: A });
    bench.wait(Duration::from_millis(14_999));
    assert!(!bench.has_ended());
    bench.join(B);
    bench.on(Event::Leave { viewer: B });
    bench.wait(Duration::from_secs(15));
    assert!(bench.has_ended());
    assert!(bench.others.iter().any(|action| matches!(action, Action::Release { generation: 1 })));
}

#[test]
fn what_kafka_says_about_an_older_start_is_ignored() {
    let mut bench = Bench::reading(0);
    bench.join(A);
    bench.on(Event::Kafka {
        from_kafka: FromKafka::TopicChanged { generation: 1, replaced: true },
        wall_ms: WALL_MS,
    });
    assert!(bench.take(A).contains(&Gap(GapReason::TopicReplaced, 0)));
    assert!(matches!(bench.others[..], [Action::Release { generation: 1 }, Action::Find { generation: 2 }]));
    bench.others.clear();
    bench.on(Event::Found { generation: 1, result: Ok(Vec::new()) });
    assert!(bench.others.is_empty(), "the answer to the look-up before");
    let starts = vec![Start { partition: 0, from: 0, end: 0 }];
    bench.on(Event::Found { generation: 2, result: Ok(starts) });
    assert!(matches!(bench.others[..], [Action::Assign { generation: 2, .. }]));
    let old = record(TOPIC, 1, 0, 0, WALL_MS, &Source::new("s", 1).key());
    bench.on(Event::Kafka { from_kafka: FromKafka::Record(old), wall_ms: WALL_MS });
    assert_eq!(bench.take(A), []);
}

#[test]
fn a_lost_position_is_announced_and_the_feed_starts_again() {
    let mut bench = Bench::reading(0);
    bench.join(A);
    bench.take(A);
    let lost = FromKafka::PositionLost { generation: 1, partition: 1, from: 100, to: 130 };
    bench.on(Event::Kafka { from_kafka: lost, wall_ms: WALL_MS });
    assert_eq!(bench.take(A), [Gap(GapReason::Retention, 30)]);
    assert!(bench.others.iter().any(|action| matches!(action, Action::Find { generation: 2 })));
}

#[test]
fn a_missing_topic_ends_the_feed_with_the_reason_and_an_outage_does_not() {
    let mut bench = Bench::new();
    bench.join(A);
    bench.on(Event::Found { generation: 1, result: Err(StartError::TryAgain("no broker".into())) });
    bench.others.clear();
    bench.wait(RETRY_AFTER);
    assert!(matches!(bench.others[..], [Action::Find { generation: 1 }]));
    bench.on(Event::Found { generation: 1, result: Err(StartError::NoTopic) });
    assert!(matches!(bench.others.last(), Some(Action::End { reason: Closed::NoTopic })));
}

#[test]
fn records_of_another_topic_are_dropped_and_counted() {
    let mut bench = Bench::reading(0);
    bench.join(A);
    bench.take(A);
    let foreign = record("telemetry-user-bob", 1, 0, 0, WALL_MS, &Source::new("s", 1).key());
    bench.on(Event::Kafka { from_kafka: FromKafka::Record(foreign), wall_ms: WALL_MS });
    assert_eq!(bench.take(A), []);
    assert_eq!(bench.feed.stats.foreign.get(), 1);
}

#[test]
fn garbage_is_counted_and_changes_nothing() {
    let mut bench = Bench::reading(0);
    bench.join(A);
    bench.take(A);
    for garbage in [&b""[..], b"{}", &[0xff; 300]] {
        bench.record(garbage);
    }
    assert_eq!(bench.take(A), []);
    assert_eq!(bench.feed.user_stats.decode_errors.get(), 3);
}

#[test]
fn a_gop_that_grows_too_large_is_not_given_until_the_next_key() {
    let mut bench = Bench::reading(0);
    let mut source = Source::new("s", 1).with_body(60_000);
    bench.record(&source.key());
    for _ in 0..4 {
        bench.record(&source.block());
    }
    bench.join(A);
    assert_eq!(bench.take(A), [State(FeedState::Live)], "four of them are within 256 KiB, five are not");
    bench.record(&source.block());
    assert_eq!(bench.take(A), [Live(Kind::Block)]);
    bench.record(&source.key());
    bench.join(B);
    assert_eq!(bench.take(B), [State(FeedState::Live), Snapshot(Kind::Key)]);
}

#[test]
fn beyond_the_budget_the_oldest_gop_of_all_feeds_goes_first() {
    let gop_bytes: Arc<Counter> = Arc::default();
    let budget = GopBudget::new(gop_bytes.clone(), 200_000);
    let feed = || Bench::with_budget(budget.clone(), gop_bytes.clone()).read(0);
    let (mut quiet, mut busy) = (feed(), feed());
    // The same clock for both.
    busy.now = quiet.now;
    let [mut first, mut second, mut third] =
        ["1", "2", "3"].map(|session| Source::new(session, 1).with_body(60_000));
    quiet.record(&first.key());
    busy.now += Duration::from_millis(1);
    busy.record_at(0, WALL_MS, &second.key());
    busy.now += Duration::from_millis(1);
    busy.record_at(1, WALL_MS, &third.key());
    assert!(gop_bytes.get() > 180_000, "three fit");

    busy.record_at(1, WALL_MS, &third.block());
    quiet.join(A);
    assert_eq!(quiet.take(A), [State(FeedState::Live)], "the quiet feed had the oldest");
    busy.join(A);
    let both = [State(FeedState::Live), Snapshot(Kind::Key), Snapshot(Kind::Key), Snapshot(Kind::Block)];
    assert_eq!(busy.take(A), both);

    // With a new key block it is the youngest, and the busy feed pays for its growth by itself.
    quiet.now = busy.now + Duration::from_millis(1);
    quiet.record(&first.block());
    quiet.record(&first.key());
    assert_eq!(quiet.take(A), [Live(Kind::Block), Live(Kind::Key)], "what is live goes on");
    busy.record_at(1, WALL_MS, &third.block());
    quiet.join(B);
    assert_eq!(quiet.take(B), [State(FeedState::Live), Snapshot(Kind::Key)]);
    busy.join(B);
    assert_eq!(busy.take(B), [State(FeedState::Live)], "both of its own were older");
    assert!(gop_bytes.get() <= 200_000);
}

#[test]
fn a_ninth_stream_takes_the_place_of_the_oldest() {
    let mut bench = Bench::reading(0);
    for epoch in 0..9 {
        bench.record(&Source::new(&format!("s{epoch}"), epoch).key());
        bench.now += Duration::from_millis(1);
    }
    bench.join(A);
    assert_eq!(bench.take(A).len(), 1 + super::super::stream::MAX_STREAMS);
}

proptest! {
    /// Viewers come and go, time passes, look-ups answer late: a feed never reads while nobody wants it longer than
    /// its linger, never ends under a viewer, and keeps no bytes once it is dropped.
    #[test]
    fn viewers_coming_and_going_neither_end_nor_keep_a_feed_wrongly(
        steps in prop::collection::vec((0u8..8, 0u64..4, 0u64..20_000), 1..200)
    ) {
        let mut bench = Bench::new();
        let mut source = Source::new("s", 1);
        let mut present = std::collections::HashSet::new();
        let mut empty_since = bench.now;
        for (what, who, ms) in steps {
            if bench.has_ended() {
                prop_assert!(present.is_empty());
                prop_assert!(bench.now - empty_since >= Duration::from_secs(15));
                break;
            }
            match what {
                0 | 1 => { present.insert(who); bench.join(ViewerId(who)); }
                2 | 3 => {
                    if present.remove(&who) && present.is_empty() { empty_since = bench.now; }
                    bench.on(Event::Leave { viewer: ViewerId(who) });
                }
                4 => bench.wait(Duration::from_millis(ms)),
                5 => bench.record(&source.key()),
                6 => bench.on(Event::Found {
                    generation: bench.feed.generation - (ms % 2).min(bench.feed.generation - 1),
                    result: if ms % 3 == 0 { Err(StartError::TryAgain(String::new())) }
                        else { Ok(vec![Start { partition: 0, from: 0, end: 0 }]) },
                }),
                _ => bench.on(Event::Kafka {
                    from_kafka: FromKafka::TopicChanged { generation: bench.feed.generation, replaced: ms % 2 == 0 },
                    wall_ms: WALL_MS,
                }),
            }
        }
        let gop_bytes = bench.gop_bytes.clone();
        drop(bench);
        prop_assert_eq!(gop_bytes.get(), 0);
    }
}
