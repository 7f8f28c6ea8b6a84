//! What must a viewer who joins now be given, so that it draws at once?
//!
//! Per live stream: schema, facts, and the current GOP, which is the newest key block and the blocks after it. Kept
//! from envelopes alone; a block's body is never looked at.

use std::sync::Arc;
use std::time::{Duration, Instant};

use purple_sector_codec::{Chain, Envelope, Kind, Link, SessionId};

use super::gop::{Gop, GopBudget};
use super::queue::StreamNo;
use super::record::Record;

/// Streams of one feed; one more drops the one whose last record is oldest.
pub(crate) const MAX_STREAMS: usize = 8;
/// A stream without a record for this long is not live.
pub(crate) const SILENT_AFTER: Duration = Duration::from_secs(10);

/// What a block means for those who watch its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Goes on where the stream was, or starts it.
    Next,
    /// A key block after a hole of this many blocks.
    AfterHole { n_blocks: u64 },
    /// Cannot be decoded before the next key block.
    NeedsKey,
    /// Was seen before.
    Repeat,
}

/// One stream of a feed.
pub(crate) struct Stream {
    pub(crate) no: StreamNo,
    pub(crate) partition: u16,
    epoch: u32,
    pub(crate) session: SessionId,
    /// Viewers have been given it.
    pub(crate) announced: bool,
    /// When its last record came, or would have come for one that was read from history.
    pub(crate) last_at: Instant,
    chain: Chain,
    schema: Option<Record>,
    facts: Option<Record>,
    gop: Gop,
    budget: Arc<GopBudget>,
}

impl Stream {
    pub(crate) fn is_live(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_at) <= SILENT_AFTER
    }

    /// Whether it has blocks for viewers who join.
    pub(crate) fn keeps_gop(&self) -> bool {
        !self.gop.is_empty()
    }

    /// What a joining viewer is given, in order; with each record whether it is a key block, a block, or neither.
    pub(crate) fn snapshot(&self) -> impl Iterator<Item = (Record, Kind)> {
        let schema = self.schema.iter().map(|record| (record.clone(), Kind::Schema));
        let facts = self.facts.iter().map(|record| (record.clone(), Kind::Facts));
        let gop = self.gop.records().into_iter().enumerate();
        let gop = gop.map(|(i, record)| (record, if i == 0 { Kind::Key } else { Kind::Block }));
        schema.chain(facts).chain(gop)
    }
}

/// The streams of one feed, most of which have one.
pub(crate) struct Streams {
    streams: Vec<Stream>,
    budget: Arc<GopBudget>,
    last_no: u32,
}

impl Streams {
    pub(crate) fn new(budget: Arc<GopBudget>) -> Self {
        Self { streams: Vec::new(), budget, last_no: 0 }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.streams.iter_mut()
    }

    /// The stream of a record that was seen before.
    pub(crate) fn find(&mut self, partition: u16, epoch: u32) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.partition == partition && stream.epoch == epoch)
    }

    /// The stream of a record that names its session; a new one if it is not known, in place of the oldest if full.
    pub(crate) fn find_or_add(
        &mut self,
        partition: u16,
        epoch: u32,
        session: SessionId,
        at: Instant,
    ) -> &mut Stream {
        let is_it = |stream: &Stream| {
            stream.partition == partition && stream.epoch == epoch && stream.session == session
        };
        let index = self.streams.iter().position(is_it).unwrap_or_else(|| {
            if self.streams.len() >= MAX_STREAMS
                && let Some(oldest) = (0..self.streams.len()).min_by_key(|i| self.streams[*i].last_at)
            {
                self.streams.swap_remove(oldest);
            }
            self.last_no += 1;
            self.streams.push(Stream {
                no: StreamNo(self.last_no),
                partition,
                epoch,
                session,
                announced: false,
                last_at: at,
                chain: Chain::new(),
                schema: None,
                facts: None,
                gop: Gop::new(self.budget.clone()),
                budget: self.budget.clone(),
            });
            self.streams.len() - 1
        });
        &mut self.streams[index]
    }

    pub(crate) fn remove(&mut self, no: StreamNo) {
        self.streams.retain(|stream| stream.no != no);
    }

    /// Frees the GOPs of streams that fell silent. Their place in the chain stays known, so that one that was only
    /// interrupted goes on without a hole.
    pub(crate) fn drop_silent(&mut self, now: Instant) {
        for stream in self.streams.iter_mut().filter(|stream| !stream.is_live(now)) {
            stream.gop.clear();
        }
    }
}

impl Stream {
    pub(crate) fn keep_schema(&mut self, record: &Record) {
        replace(&self.budget, &mut self.schema, Some(record.clone()));
    }

    pub(crate) fn keep_facts(&mut self, record: &Record) {
        replace(&self.budget, &mut self.facts, Some(record.clone()));
    }

    /// Takes one block or key block, which came at `at`.
    pub(crate) fn take_block(&mut self, record: &Record, envelope: &Envelope<'_>, at: Instant) -> Meaning {
        match self.chain.check(envelope) {
            Link::Next => {
                self.gop.add(record);
                Meaning::Next
            }
            Link::Key { missing } => {
                self.gop.start(record, at);
                missing.map_or(Meaning::Next, |gap| Meaning::AfterHole { n_blocks: gap.n_blocks() })
            }
            Link::Repeat => Meaning::Repeat,
            Link::Broken { .. } | Link::Outside => {
                self.gop.clear();
                Meaning::NeedsKey
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        replace(&self.budget, &mut self.schema, None);
        replace(&self.budget, &mut self.facts, None);
    }
}

/// Keeps another record in the place of the one before, and counts the bytes.
fn replace(budget: &GopBudget, kept: &mut Option<Record>, record: Option<Record>) {
    let len = |record: &Option<Record>| record.as_ref().map_or(0, |record| record.message.len());
    budget.release(len(kept));
    budget.hold(len(&record));
    *kept = record;
}
