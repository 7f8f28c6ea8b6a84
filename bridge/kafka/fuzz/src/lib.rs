//! What must hold for any input? One function for each fuzz target; each panics where it does not hold.

use std::sync::Arc;
use std::time::{Duration, Instant};

use purple_sector_codec::UserId;
use purple_sector_kafka::{
    Action, CloseReason, Event, Identity, LinkId, LogIn, Login, LookBack, News, Now, Output, Reader,
    ReaderSettings, ScramHash, Step, Versions,
};

const MAX_ACTIONS_PER_EVENT: usize = 2000;

/// Bytes choose events: a kind, a length, and what an answer has after its number. Answers carry the right number, as
/// with another one they would all be the same.
pub fn reader(data: &[u8]) {
    let mut world = World::new();
    let mut rest = data;
    while let Some((&[kind, which, length], after)) = rest.split_first_chunk::<3>() {
        let (bytes, after) = after.split_at(after.len().min(usize::from(length)));
        rest = after;
        let link = LinkId(u32::from(which % 16));
        match kind % 8 {
            0 => {
                let versions = Versions { fetch: 13 + i16::from(length % 5) };
                let lifetime = (length > 0).then(|| Duration::from_millis(u64::from(length) * 40));
                world.on(Event::Opened { link, versions, lifetime });
            }
            1 => world.on(Event::Closed { link, reason: CloseReason::Lost }),
            2 => world.on(Event::Closed { link, reason: CloseReason::TooLong }),
            3 => world.on(Event::LookAgain),
            4 => world.pass(Duration::from_millis(u64::from(length) * 50)),
            5 => world.open(),
            7 => {
                let end_ms = world.now.unix_ms + u64::from(length) * 100;
                let token = Identity::bearer("token", end_ms).expect("a token");
                world.on(Event::LogIn(if which % 4 == 0 { Login::Nobody } else { Login::As(token) }));
            }
            _ => world.answer(usize::from(which), bytes),
        }
    }
}

/// A byte chooses the mechanism; each further answer is a length and so many bytes. A log-in asks a few times at most. With
/// the first bit of the length set the bytes follow the client's own nonce in an answer that is otherwise right, as
/// SCRAM looks at nothing else.
pub fn log_in(data: &[u8]) {
    let Some((&how, mut rest)) = data.split_first() else { return };
    let identity = match how % 4 {
        0 => Identity::bearer("token", 1).expect("a token"),
        1 => Identity::plain("name", "password"),
        2 => Identity::scram(ScramHash::Sha256, "name", "password"),
        _ => Identity::scram(ScramHash::Sha512, "name", "password"),
    };
    let (mut log_in, mut asked) = LogIn::begin(identity, 1);
    let mut n_asked = 0;
    while let Some((&length, after)) = rest.split_first() {
        let (bytes, after) = after.split_at(after.len().min(usize::from(length & 0x7F)));
        rest = after;
        let answer = if length & 0x80 == 0 { bytes.to_vec() } else { first_of_scram(&asked.bytes, bytes) };
        match log_in.take(&answer, 1) {
            Ok(Step::Ask(next)) => asked = next,
            Ok(Step::Done { .. }) | Err(_) => return,
        }
        n_asked += 1;
        assert!(n_asked <= 2, "a log-in without end");
    }
}

fn first_of_scram(asked: &[u8], rest: &[u8]) -> Vec<u8> {
    let nonce_at = asked.windows(2).position(|pair| pair == b"r=").unwrap_or(asked.len());
    // The request ends with its tagged fields: none.
    let message = [asked[nonce_at..].strip_suffix(b"\0").unwrap_or_default(), rest].concat();
    let length = message.len() + 1;
    let head = [0, 0, 0, length as u8 | 0x80, (length >> 7) as u8];
    [&head[..], &message, &[0; 9]].concat()
}

/// The records of one partition's Fetch, whose answer is otherwise right: offsets only rise. Most checksums are right, as
/// nothing behind a wrong one is looked at.
pub fn batch(data: &[u8]) {
    let Some((&how, records)) = data.split_first() else { return };
    let mut records = records.to_vec();
    if how % 16 != 0 {
        put_right(&mut records);
    }
    let mut world = World::new();
    world.open();
    world.answer(0, METADATA);
    for _ in 0..2 {
        world.answer(0, &offsets(0));
        world.open();
    }
    assert_eq!(world.reader.positions().next(), Some((0, 0)), "reading has begun");
    world.answer(0, &fetched(&records));
}

/// Gives each batch the version and the checksum that it should have, and the last one a length that fits.
fn put_right(mut records: &mut [u8]) {
    while let Some((head, _)) = records.split_first_chunk_mut::<HEAD>() {
        let length = u32::from_be_bytes([head[8], head[9], head[10], head[11]]) as usize;
        let end = (12 + length).clamp(HEAD, records.len());
        records[8..12].copy_from_slice(&((end - 12) as u32).to_be_bytes());
        records[16] = 2;
        let crc = crc32c::crc32c(&records[21..end]);
        records[17..21].copy_from_slice(&crc.to_be_bytes());
        records = &mut records[end..];
    }
}

/// Length of what a batch has before its first record.
const HEAD: usize = 61;

/// Broker 1 at h:1 leads partition 0 of alice's topic, whose id is 0909….
const METADATA: &[u8] =
    b"\0\0\0\0\0\x02\0\0\0\x01\x02h\0\0\0\x01\0\0\0\0\0\0\x01\x02\0\0\x15telemetry-user-alice\
    \t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\0\x02\0\0\0\0\0\0\0\0\0\x01\0\0\0\x03\x01\x01\x01\0\0\0\0\0\0\0\0";

fn offsets(offset: i64) -> Vec<u8> {
    let mut bytes = b"\0\0\0\0\0\x02\x15telemetry-user-alice\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend(offset.to_be_bytes());
    bytes.extend([0; 7]);
    bytes
}

fn fetched(records: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 11];
    bytes.push(2); // topics
    bytes.extend([9; 16]);
    bytes.push(2); // partitions
    bytes.extend([0; 6 + 24]);
    bytes.push(1); // no aborted transactions
    bytes.extend([0xFF; 4]);
    let mut length = records.len() + 1;
    while length > 0x7F {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(records);
    bytes.extend([0; 3]);
    bytes
}

struct World {
    reader: Reader,
    now: Now,
    opening: Vec<LinkId>,
    /// Requests without an answer: their connection and number.
    asked: Vec<(LinkId, [u8; 4])>,
}

impl World {
    fn new() -> Self {
        let settings = ReaderSettings {
            seeds: vec!["h:1".into()],
            look_back: LookBack::Time(Duration::from_secs(60)),
            max_wait: Duration::from_millis(500),
            max_bytes: 100_000,
        };
        let now = Now { at: Instant::now(), unix_ms: 1_764_000_000_000 };
        let topic = UserId::parse("alice").expect("a user id").topic();
        let reader = Reader::new(topic, Arc::new(settings), Login::ByConnection, 7, now.at);
        let mut world = Self { reader, now, opening: Vec::new(), asked: Vec::new() };
        world.on(Event::Time);
        world
    }

    fn on(&mut self, event: Event<'_>) {
        let mut n_actions = 0;
        let mut last = None;
        if let Event::Opened { link, .. } | Event::Closed { link, .. } | Event::Answer { link, .. } = &event {
            self.opening.retain(|opening| opening != link);
            self.asked.retain(|asked| asked.0 != *link);
        }
        let Self { reader, opening, asked, now } = self;
        reader.on(event, *now, &mut |output| match output {
            Output::Act(action) => {
                n_actions += 1;
                match action {
                    Action::Connect { link, .. } => opening.push(link),
                    Action::Send { link, bytes } => {
                        assert!(asked.iter().all(|asked| asked.0 != link), "one request at a time");
                        let length = u32::from_be_bytes(bytes[..4].try_into().expect("4 bytes"));
                        assert_eq!(length as usize, bytes.len() - 4);
                        asked.push((link, bytes[8..12].try_into().expect("4 bytes")));
                    }
                    Action::Close { link } => {
                        opening.retain(|opening| *opening != link);
                        asked.retain(|asked| asked.0 != link);
                    }
                }
            }
            Output::News(News::Record(record)) => {
                let at = (record.partition, record.offset);
                assert!(
                    last.is_none_or(|last: (u16, u64)| last.0 != at.0 || last.1 <= at.1),
                    "{last:?} {at:?}"
                );
                last = Some(at);
            }
            Output::News(_) => {}
        });
        assert!(n_actions <= MAX_ACTIONS_PER_EVENT);
        assert!(self.reader.deadline(self.now.at) > self.now.at);
    }

    fn pass(&mut self, time: Duration) {
        self.now.at += time;
        self.now.unix_ms += time.as_millis() as u64;
        self.on(Event::Time);
    }

    fn open(&mut self) {
        if let Some(link) = self.opening.pop() {
            self.on(Event::Opened { link, versions: Versions { fetch: 13 }, lifetime: None });
        }
    }

    fn answer(&mut self, which: usize, rest: &[u8]) {
        if self.asked.is_empty() {
            return;
        }
        let (link, number) = self.asked[which % self.asked.len()];
        self.on(Event::Answer { link, bytes: &[&number, rest].concat() });
    }
}
