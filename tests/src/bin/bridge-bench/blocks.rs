//! What do the drivers of the bench send? The reference recording at 60 Hz, encoded by the codec before anything is
//! measured, each driver at another place of it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use purple_sector_codec::{
    Facts, Row, Schema, SessionId, StreamEncoder, StreamSettings, Topic, UserId, partition_for,
};
use purple_sector_collector::source::replay::Replay;
use purple_sector_collector::source::{Source, Step};

/// The collector's default at 60 Hz: 30 blocks a second.
const SAMPLES_PER_BLOCK: usize = 2;
const INTERVAL_US: u64 = 16_667;
/// How far apart two drivers are in the recording, in samples.
const STRIDE: usize = 97;

/// A recording in memory.
pub(crate) struct Recording {
    schema: Schema,
    facts: Facts,
    /// Floats and ints of each sample.
    samples: Vec<(Vec<f32>, Vec<i32>)>,
}

/// One driver's session, ready to be sent.
pub(crate) struct Session {
    pub(crate) topic: Topic,
    /// The record's key: the session id.
    pub(crate) key: String,
    pub(crate) partition: i32,
    /// Schema and facts, as a collector begins.
    pub(crate) start: [Vec<u8>; 2],
    /// The n-th is the block with the number n.
    pub(crate) blocks: Vec<Vec<u8>>,
    pub(crate) end: Vec<u8>,
}

/// A driver and the number of the run. The stream's epoch is made of both, so it says whose block one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) run: u16,
    pub(crate) user: u16,
}

impl Origin {
    /// The epoch of this driver's stream in this run.
    pub(crate) fn epoch(self) -> u32 {
        u32::from(self.run) << 16 | u32::from(self.user)
    }

    /// Whose stream has this epoch.
    pub(crate) fn of(epoch: u32) -> Self {
        let [a, b, c, d] = epoch.to_be_bytes();
        Self { run: u16::from_be_bytes([a, b]), user: u16::from_be_bytes([c, d]) }
    }
}

impl Recording {
    /// Reads the reference recording.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(crate) fn reference() -> Result<Self> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings/reference-60hz.csv.gz");
        let mut replay = Replay::open(&file, false, false)?;
        let mut samples = Vec::new();
        loop {
            match replay.advance()? {
                Step::Sample { .. } => {
                    let row = replay.row();
                    samples.push((row.floats.to_vec(), row.ints.to_vec()));
                }
                Step::Event(_) | Step::Facts => {}
                Step::End => break,
            }
        }
        ensure!(!samples.is_empty(), "the recording is empty");
        Ok(Self { schema: replay.schema().clone(), facts: replay.facts().clone(), samples })
    }

    /// A session of `n_blocks` blocks in the topic of `user`, which has `n_partitions` partitions.
    ///
    /// # Errors
    /// Where the codec does not take a sample.
    pub(crate) fn session(
        &self,
        user: &UserId,
        origin: Origin,
        n_partitions: u32,
        n_blocks: usize,
    ) -> Result<Session> {
        let session = SessionId::parse(&format!("bench-{}-{user}", origin.run))?;
        let mut encoder = StreamEncoder::new(StreamSettings {
            session,
            epoch: origin.epoch(),
            schema: self.schema.clone(),
            samples_per_block: SAMPLES_PER_BLOCK,
            key_interval_us: StreamSettings::KEY_INTERVAL_US,
        })?;
        let start = [encoder.schema_record().to_vec(), encoder.facts_record(&self.facts)?.to_vec()];
        let mut blocks = Vec::with_capacity(n_blocks);
        let from = usize::from(origin.user) * STRIDE;
        let samples = self.samples.iter().cycle().skip(from % self.samples.len());
        for ((floats, ints), at) in samples.zip(1_u64..).take(n_blocks * SAMPLES_PER_BLOCK) {
            let row = Row { captured_at_us: at * INTERVAL_US, floats, ints };
            blocks.extend(encoder.push(row)?.map(|block| block.to_vec()));
        }
        ensure!(blocks.len() == n_blocks, "{} blocks instead of {n_blocks}", blocks.len());
        let partition = i32::try_from(partition_for(&session, n_partitions)).context("no such partition")?;
        let end = encoder.end_record().to_vec();
        Ok(Session { topic: user.topic(), key: session.to_string(), partition, start, blocks, end })
    }
}
