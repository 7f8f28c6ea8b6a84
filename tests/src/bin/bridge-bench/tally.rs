//! What have the viewers received? Counts and delays of the measured time, and whether every block came to its own viewer
//! exactly once, in order.

use purple_sector_codec::{Envelope, Header};

use crate::blocks::Origin;
use crate::contender::{Name, Said, read};

/// Breaches that are printed; more are only counted.
const TOLD: usize = 5;

/// All viewers of one run together.
#[derive(Debug)]
pub(crate) struct Tally {
    name: Name,
    run: u16,
    /// By user: the number of the next block, or `None` where there is no viewer.
    next_seq: Vec<Option<u32>>,
    joined: Vec<bool>,
    recording: bool,
    delays_us: Vec<u64>,
    n_breaches: usize,
    breaches: Vec<String>,
}

impl Tally {
    /// Nothing received yet; users are numbered from 0.
    pub(crate) fn new(name: Name, run: u16, n_users: usize) -> Self {
        Self {
            name,
            run,
            next_seq: vec![None; n_users],
            joined: vec![false; n_users],
            recording: false,
            delays_us: Vec::new(),
            n_breaches: 0,
            breaches: Vec::new(),
        }
    }

    /// A viewer of this user is connected.
    pub(crate) fn connected(&mut self, user: u16) {
        if let Some(next_seq) = self.next_seq.get_mut(usize::from(user)) {
            *next_seq = Some(0);
        }
    }

    /// The bridge has told the viewer that it is served from now on.
    pub(crate) fn joined(&mut self, user: u16) {
        if let Some(joined) = self.joined.get_mut(usize::from(user)) {
            *joined = true;
        }
    }

    /// How many viewers were told so.
    pub(crate) fn n_joined(&self) -> usize {
        self.joined.iter().filter(|joined| **joined).count()
    }

    /// A binary message came to the viewer of `user` at `now_us` (Unix µs).
    pub(crate) fn received(&mut self, user: u16, message: &[u8], now_us: u64) {
        match read(self.name, message) {
            Ok(Said::Record { bytes, broker_time_ms }) => self.record(user, bytes, broker_time_ms, now_us),
            Ok(Said::State) => self.joined(user),
            Ok(Said::Gap) => self.breach(format!("user {user}: the bridge announced a gap")),
            Ok(Said::Other) => {}
            Err(error) => self.breach(format!("user {user}: {error:#}")),
        }
    }

    fn record(&mut self, user: u16, bytes: &[u8], broker_time_ms: u64, now_us: u64) {
        let envelope = match Envelope::parse(bytes) {
            Ok(envelope) => envelope,
            Err(error) => return self.breach(format!("user {user}: not a record: {error}")),
        };
        let origin = Origin::of(envelope.epoch);
        if origin.user != user {
            return self.breach(format!("user {user} saw a record of user {}", origin.user));
        }
        if origin.run != self.run {
            // The user's own earlier sessions: a bridge may begin with what is in the log.
            return;
        }
        let (Header::Key { seq, .. } | Header::Block { seq, .. }) = envelope.header else { return };
        let expected = self.next_seq.get(usize::from(user)).copied().flatten();
        if expected != Some(seq) {
            self.breach(format!("user {user}: block {seq} where {expected:?} was next"));
        }
        if let Some(next_seq) = self.next_seq.get_mut(usize::from(user)) {
            *next_seq = Some(seq + 1);
        }
        if self.recording {
            // The stamp is whole ms, cut: nothing is taken off, so a delay is up to 1 ms too long, 0.5 ms on average.
            self.delays_us.push(now_us.saturating_sub(broker_time_ms * 1000));
        }
    }

    /// Something that must not happen.
    pub(crate) fn breach(&mut self, what: String) {
        self.n_breaches += 1;
        if self.breaches.len() < TOLD {
            self.breaches.push(what);
        }
    }

    /// From now on delays are kept.
    pub(crate) fn begin(&mut self) {
        self.delays_us.clear();
        self.recording = true;
    }

    /// The delays since [`Tally::begin`] in µs, one for each block.
    pub(crate) fn end(&mut self) -> Vec<u64> {
        self.recording = false;
        std::mem::take(&mut self.delays_us)
    }

    /// Whether each of `active` has `n_blocks` blocks.
    pub(crate) fn is_complete(&self, active: &[u16], n_blocks: u32) -> bool {
        active.iter().all(|user| self.next_seq.get(usize::from(*user)) == Some(&Some(n_blocks)))
    }

    /// What was wrong: each of `active` must have got `n_blocks` blocks, everyone else none.
    pub(crate) fn verdict(&self, active: &[u16], n_blocks: u32) -> Result<(), String> {
        let mut wrong = self.breaches.clone();
        let wanted = |user: usize| {
            if active.iter().any(|active| usize::from(*active) == user) { n_blocks } else { 0 }
        };
        let short = self.next_seq.iter().enumerate().filter_map(|(user, next_seq)| {
            let got = (*next_seq)?;
            (got != wanted(user)).then(|| format!("user {user}: {got} blocks of {}", wanted(user)))
        });
        let short: Vec<String> = short.collect();
        let n_wrong = self.n_breaches + short.len();
        wrong.extend(short.into_iter().take(TOLD));
        if n_wrong == 0 { Ok(()) } else { Err(format!("{n_wrong} breaches: {}", wrong.join("; "))) }
    }
}

#[cfg(test)]
mod tests {
    use purple_sector_codec::bridge_protocol::{DataHeader, ServerMessage};
    use purple_sector_codec::{Row, Schema, SessionId, StreamEncoder, StreamSettings};

    use super::*;

    /// The first blocks of a stream.
    fn blocks(origin: Origin, n_blocks: u64) -> Vec<Vec<u8>> {
        let schema = Schema::full();
        let (floats, ints) = (vec![0.0; schema.n_floats()], vec![0; schema.n_ints()]);
        let mut encoder = StreamEncoder::new(StreamSettings {
            session: SessionId::parse("s").expect("good"),
            epoch: origin.epoch(),
            schema,
            samples_per_block: 1,
            key_interval_us: StreamSettings::KEY_INTERVAL_US,
        })
        .expect("good settings");
        let row = |at: u64| Row { captured_at_us: at * 16_667, floats: &floats, ints: &ints };
        (1..=n_blocks)
            .map(|at| encoder.push(row(at)).expect("a good row").expect("a block").to_vec())
            .collect()
    }

    fn message(record: &[u8]) -> Vec<u8> {
        let header = DataHeader { partition: 0, offset: 0, broker_time_ms: 1_000, snapshot: false };
        ServerMessage::Data { header, record }.to_bytes()
    }

    /// A tally of two users in run 7, the first of whom gets these messages.
    fn after(messages: &[Vec<u8>]) -> Tally {
        let mut tally = Tally::new(Name::PurpleSector, 7, 2);
        tally.connected(0);
        tally.connected(1);
        tally.begin();
        for message in messages {
            tally.received(0, message, 1_002_500);
        }
        tally
    }

    #[track_caller]
    fn refused(messages: &[Vec<u8>], why: &str) {
        let verdict = after(messages).verdict(&[0], 3).expect_err("a breach");
        assert!(verdict.contains(why), "{verdict}");
    }

    #[test]
    fn every_block_once_and_in_order_is_right() {
        let ours = blocks(Origin { run: 7, user: 0 }, 3);
        let older = blocks(Origin { run: 6, user: 0 }, 1);
        let mut messages = vec![message(&older[0])];
        messages.extend(ours.iter().map(|block| message(block)));
        let mut tally = after(&messages);
        assert!(tally.is_complete(&[0], 3) && !tally.is_complete(&[0], 4));
        assert_eq!(tally.verdict(&[0], 3), Ok(()));
        assert_eq!(tally.end(), [2_500; 3]);
    }

    #[test]
    fn a_missing_a_repeated_and_a_foreign_block_are_breaches() {
        let ours: Vec<_> = blocks(Origin { run: 7, user: 0 }, 3).iter().map(|b| message(b)).collect();
        refused(&ours[..2], "user 0: 2 blocks of 3");
        refused(&[&ours[..1], &ours[2..]].concat(), "block 2 where Some(1) was next");
        refused(&[&ours[..], &ours[2..]].concat(), "block 2 where Some(3) was next");
        let foreign = message(&blocks(Origin { run: 7, user: 1 }, 1)[0]);
        refused(&[&ours[..], &[foreign]].concat(), "saw a record of user 1");
        let mut broken = ours.clone();
        *broken[1].last_mut().expect("bytes") ^= 1;
        refused(&broken, "not a record");
    }

    #[test]
    fn a_block_for_who_sends_none_is_a_breach() {
        let ours: Vec<_> = blocks(Origin { run: 7, user: 0 }, 1).iter().map(|b| message(b)).collect();
        assert!(after(&ours).verdict(&[], 0).expect_err("a breach").contains("1 blocks of 0"));
    }
}
