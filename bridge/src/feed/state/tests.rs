use std::collections::HashMap;

use proptest::prelude::*;
use purple_sector_codec::bridge_protocol::{GapReason, ServerMessage};
use purple_sector_kafka::{ErrorCode, Mechanism, Refusal};

use super::super::testing::Source;
use super::*;
use crate::auth::UserToken;
use crate::stats::Counter;

const ID: TopicId = TopicId([1; 16]);
const OTHER_ID: TopicId = TopicId([2; 16]);
/// The broker's and this machine's time at the start of a test.
const WALL_MS: u64 = 1_700_000_000_000;

/// A feed with a clock, and what each viewer got.
struct Bench {
    feed: Feed,
    start: Instant,
    now: Instant,
    actions: Vec<Action>,
    got: HashMap<ViewerId, Vec<Got>>,
    notes: Vec<Note>,
    others: Vec<Action>,
    offsets: HashMap<u16, u64>,
    gop_bytes: Arc<Counter>,
}

/// A message as a viewer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        bench.news(News::Topic { id: ID });
        bench.news(News::Started { partition: 0, from: 0, end: end as i64 });
        bench.news(News::Started { partition: 1, from: 0, end: 0 });
        bench.others.clear();
        bench
    }

    fn news(&mut self, news: News<'_>) {
        let wall_ms = self.wall_ms();
        self.on(Event::Kafka { news, wall_ms });
    }

    fn new() -> Self {
        let gop_bytes = Arc::<Counter>::default();
        let budget = GopBudget::new(gop_bytes.clone(), 1 << 30);
        Self::with_budget(budget, gop_bytes)
    }

    /// One of several feeds that share a budget.
    fn with_budget(budget: Arc<GopBudget>, gop_bytes: Arc<Counter>) -> Self {
        let now = Instant::now() + Duration::from_secs(3600);
        let feed = Feed::new(Duration::from_secs(15), budget, now);
        let (start, got, offsets) = (now, HashMap::new(), HashMap::new());
        let (actions, notes, others) = (Vec::new(), Vec::new(), Vec::new());
        Self { feed, start, now, actions, got, notes, others, offsets, gop_bytes }
    }

    fn wall_ms(&self) -> u64 {
        WALL_MS + (self.now - self.start).as_millis() as u64
    }

    fn on(&mut self, event: Event<'_>) {
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
                Action::Note(note) => self.notes.push(note),
                other => self.others.push(other),
            }
        }
    }

    fn join(&mut self, viewer: ViewerId) {
        self.on(Event::Join { viewer, options: JoinOptions::default(), token: None });
    }

    fn join_with(&mut self, viewer: ViewerId, token: &UserToken) {
        let token = Some(token.clone());
        self.on(Event::Join { viewer, options: JoinOptions::default(), token });
    }

    fn login_refused(&mut self) {
        self.news(News::LoginRefused { refusal: Refusal::Credentials(Mechanism::OAuthBearer) });
    }

    /// With which tokens the reader was to log in since the last look.
    fn logins(&mut self) -> Vec<Option<UserToken>> {
        let (logins, others) = std::mem::take(&mut self.others)
            .into_iter()
            .partition(|action| matches!(action, Action::LogIn { .. }));
        self.others = others;
        let token = |action| match action {
            Action::LogIn { token } => token,
            _ => unreachable!("sorted out"),
        };
        Vec::into_iter(logins).map(token).collect()
    }

    fn record(&mut self, bytes: &[u8]) {
        self.record_at(0, self.wall_ms(), bytes);
    }

    fn record_at(&mut self, partition: u16, time_ms: u64, bytes: &[u8]) {
        let next = self.offsets.entry(partition).or_default();
        let record = purple_sector_kafka::Record { partition, offset: *next, time_ms, value: bytes };
        *next += 1;
        self.news(News::Record(record));
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
        self.ended_with().is_some()
    }

    fn ended_with(&self) -> Option<Closed> {
        self.others.iter().find_map(|action| match action {
            Action::End { reason } => Some(*reason),
            _ => None,
        })
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
}

#[test]
fn a_topic_that_was_made_again_is_announced_and_read() {
    let mut bench = Bench::reading(0);
    bench.join(A);
    bench.record(&Source::new("s", 1).key());
    bench.take(A);
    bench.news(News::Replaced { id: OTHER_ID });
    assert_eq!(bench.take(A), [Gap(GapReason::TopicReplaced, 0)]);
    assert!(matches!(bench.others[..], [Action::Check, Action::Known { id: OTHER_ID }]));
    assert_eq!(bench.feed.topic_id(), Some(OTHER_ID));
    bench.offsets.clear();
    bench.news(News::Started { partition: 0, from: 0, end: 0 });
    bench.record(&Source::new("t", 2).key());
    assert_eq!(bench.take(A), [Snapshot(Kind::Key)]);
}

#[test]
fn a_lost_position_is_announced_and_the_feed_goes_on() {
    let mut bench = Bench::reading(0);
    bench.join(A);
    bench.take(A);
    bench.news(News::Lost { partition: 1, from: 100, to: 130 });
    assert_eq!(bench.take(A), [Gap(GapReason::Retention, 30)]);
    bench.record_at(1, WALL_MS, &Source::new("s", 1).key());
    assert!(bench.take(A).contains(&Snapshot(Kind::Key)));
}

#[test]
fn a_missing_topic_is_made_and_looked_for_until_every_broker_knows_it() {
    let mut bench = Bench::new();
    bench.join(A);
    bench.news(News::Missing);
    assert!(matches!(bench.others[..], [Action::Make]));
    bench.others.clear();
    bench.on(Event::Made(Ok(())));
    assert!(matches!(bench.others[..], [Action::LookAgain]));
    bench.others.clear();
    bench.news(News::Missing);
    assert!(bench.others.is_empty(), "it was made just now");
    bench.wait(LOOK_EVERY);
    assert!(matches!(bench.others[..], [Action::LookAgain]));
    bench.others.clear();
    bench.news(News::Topic { id: ID });
    assert!(matches!(bench.others[..], [Action::Known { id: ID }]), "its settings are ours");
}

#[test]
fn what_may_work_later_is_tried_further_and_further_apart() {
    let mut bench = Bench::new();
    bench.join(A);
    let mut waits = Vec::new();
    for _ in 0..7 {
        bench.news(News::Missing);
        bench.on(Event::Made(Err(MakeError::TryLater("no controller".into()))));
        let since = bench.now;
        bench.others.clear();
        while bench.others.is_empty() {
            bench.wait(Duration::from_millis(100));
        }
        assert!(matches!(bench.others[..], [Action::LookAgain]), "someone else may have made it");
        waits.push((bench.now - since).as_millis());
    }
    assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    assert!(!bench.has_ended());
}

#[test]
fn what_cannot_work_ends_the_feed_with_its_reason() {
    for (error, reason) in [
        (MakeError::Off, Closed::NoTopic),
        (MakeError::Refused("no".into()), Closed::Refused),
        (MakeError::Impossible("no".into()), Closed::CannotMakeTopic),
    ] {
        let mut bench = Bench::new();
        bench.join(A);
        bench.news(News::Missing);
        bench.on(Event::Made(Err(error)));
        assert_eq!(bench.ended_with(), Some(reason));
    }
    let mut bench = Bench::reading(0);
    bench.join(A);
    bench.news(News::Refused { error: ErrorCode::TOPIC_REFUSED });
    assert_eq!(bench.ended_with(), Some(Closed::Refused), "access was revoked");
}

#[test]
fn a_deleted_topic_is_announced_once_and_made_again() {
    let mut bench = Bench::reading(0);
    bench.join(A);
    bench.take(A);
    bench.news(News::Missing);
    assert_eq!(bench.take(A), [Gap(GapReason::TopicReplaced, 0)]);
    bench.on(Event::Made(Ok(())));
    bench.news(News::Replaced { id: OTHER_ID });
    assert_eq!(bench.take(A), []);
    assert_eq!(bench.feed.topic_id(), Some(OTHER_ID));
}

#[test]
fn what_is_of_another_topic_is_counted() {
    let mut bench = Bench::reading(0);
    bench.join(A);
    bench.take(A);
    bench.news(News::Foreign);
    assert_eq!(bench.take(A), []);
    assert_eq!(bench.notes.iter().filter(|note| matches!(note, Note::Foreign)).count(), 1);
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
    let told = |note: &Note| match note {
        Note::Unreadable { why, .. } => Some(why.is_some()),
        _ => None,
    };
    assert_eq!(bench.notes.iter().filter_map(told).collect::<Vec<_>>(), [true, true, false]);
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

fn token(text: &str, expires_at_s: u64) -> UserToken {
    UserToken::for_test("alice", text, expires_at_s)
}

#[test]
fn the_reader_logs_in_with_the_token_of_a_viewer_who_is_there() {
    let mut bench = Bench::new();
    let (first, fresh, other) = (token("first", 100), token("fresh", 200), token("other", 150));
    bench.join_with(A, &first);
    assert_eq!(bench.logins(), [Some(first)]);
    bench.on(Event::Renew { viewer: A, token: fresh.clone() });
    bench.join_with(B, &other);
    assert_eq!(bench.logins(), [Some(fresh)]);
    bench.on(Event::Renew { viewer: ViewerId(9), token: token("of-nobody", 900) });
    assert_eq!(bench.logins(), []);
    bench.on(Event::Leave { viewer: A });
    assert_eq!(bench.logins(), [Some(other)]);
    bench.on(Event::Leave { viewer: B });
    assert_eq!(bench.logins(), [None]);
    bench.wait(Duration::from_secs(16));
    assert_eq!(bench.ended_with(), Some(Closed::Stopping));
}

#[test]
fn a_viewer_whose_token_kafka_refuses_goes_and_others_stay() {
    let mut bench = Bench::new();
    let (bad, good) = (token("bad", 200), token("good", 100));
    bench.join_with(A, &bad);
    bench.join_with(B, &good);
    bench.logins();
    bench.login_refused();
    assert_eq!(bench.logins(), [Some(good)]);
    let closed = |bench: &mut Bench| match std::mem::take(&mut bench.others).as_slice() {
        [Action::Close { viewer, reason: Closed::TokenRefused }] => *viewer,
        others => panic!("{others:?}"),
    };
    assert_eq!(closed(&mut bench), A);
    bench.login_refused();
    assert_eq!(closed(&mut bench), B);
    bench.wait(Duration::from_secs(16));
    assert!(bench.has_ended(), "nobody is there");
}

#[test]
fn where_kafka_refuses_the_bridge_itself_all_viewers_are_told() {
    let mut bench = Bench::new();
    bench.join(A);
    bench.login_refused();
    assert_eq!(bench.ended_with(), Some(Closed::BridgeRefused));
}

proptest! {
    /// Viewers come and go, time passes, topics come and go: a feed never reads while nobody wants it longer than
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
                6 if ms % 3 == 0 => bench.news(News::Missing),
                6 => bench.on(Event::Made(if ms % 3 == 1 {
                    Err(MakeError::TryLater(String::new()))
                } else {
                    Ok(())
                })),
                _ => {
                    bench.news(if ms % 2 == 0 { News::Topic { id: ID } } else { News::Replaced { id: OTHER_ID } });
                    bench.news(News::Started { partition: 0, from: 0, end: ms as i64 % 5 });
                }
            }
        }
        let gop_bytes = bench.gop_bytes.clone();
        drop(bench);
        prop_assert_eq!(gop_bytes.get(), 0);
    }
}
