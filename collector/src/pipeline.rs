//! What happens to one user's samples? They are encoded, written down if asked, and queued for Kafka.

use crate::outbox::Outbox;
use crate::queue::{Content, Dropped, Record};
use crate::recording::RecordingWriter;
use crate::source::{Source, SourceError, Step};
use purple_sector_codec::{
    EncodeError, Envelope, Event, Facts, Kind, Row, SessionId, StreamEncoder, StreamSettings,
};
use std::sync::Arc;
use std::time::Duration;

/// How often schema and facts are repeated, µs.
const REPEAT_US: u64 = 10_000_000;
/// A longer time between two samples ends the block before it, µs.
const SOURCE_GAP_US: u64 = 1_000_000;

/// How samples become blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockSize {
    /// As many samples as the source gives in this time, at least one.
    Time(Duration),
    /// So many samples.
    Samples(usize),
}

impl BlockSize {
    /// Samples per block for a source of `rate_hz`.
    pub fn n_samples(self, rate_hz: f32) -> usize {
        match self {
            Self::Samples(n) => n,
            Self::Time(time) => ((rate_hz * time.as_secs_f32()).round() as usize).clamp(1, 256),
        }
    }
}

/// Why a pipeline ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The source failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The source gave what cannot be encoded.
    #[error("cannot encode what the source gave: {0}")]
    Encode(#[from] EncodeError),
    /// The recording could not be written.
    #[error("cannot write the recording: {0}")]
    Recording(#[from] std::io::Error),
}

/// Samples that are not yet in a block.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    from_us: u64,
    n_samples: u64,
}

impl Waiting {
    /// What the block made of them is to the queue.
    fn content(self, bytes: &[u8], to_us: u64) -> Content {
        let key = Envelope::parse(bytes).is_ok_and(|envelope| envelope.kind == Kind::Key);
        Content::Block { key, n_samples: self.n_samples, from_us: self.from_us, to_us }
    }
}

/// One user's source, encoder and queue.
pub struct Pipeline {
    source: Box<dyn Source>,
    encoder: StreamEncoder,
    outbox: Arc<Outbox>,
    recording: Option<RecordingWriter>,
    /// When the sample that waits in the source is due, µs since the source began; `None` after its end.
    next_us: Option<u64>,
    repeat_at_us: u64,
    /// The samples that wait in the encoder for their block to fill.
    block: Option<Waiting>,
    last_us: u64,
    n_missed: u32,
}

impl Pipeline {
    /// Puts a source in front of a queue, and goes to its first sample.
    ///
    /// # Errors
    /// If the source fails at once, or its schema and block size cannot be encoded.
    pub fn new(
        mut source: Box<dyn Source>,
        (session, epoch): (SessionId, u32),
        block: BlockSize,
        outbox: Arc<Outbox>,
        recording: Option<RecordingWriter>,
    ) -> Result<Self, PipelineError> {
        let first = source.advance()?;
        let rate_hz = source.facts().nominal_rate_hz.unwrap_or(60.0);
        let settings = StreamSettings {
            session,
            epoch,
            schema: source.schema().clone(),
            samples_per_block: block.n_samples(rate_hz),
            key_interval_us: StreamSettings::KEY_INTERVAL_US,
        };
        let mut pipeline = Self {
            encoder: StreamEncoder::new(settings)?,
            source,
            outbox,
            recording,
            next_us: None,
            repeat_at_us: 0,
            block: None,
            last_us: 0,
            n_missed: 0,
        };
        pipeline.take(first, 0)?;
        Ok(pipeline)
    }

    /// When the next sample is due, µs since the source began; `None` when there is no more.
    pub fn next_us(&self) -> Option<u64> {
        self.next_us
    }

    /// Whether the queue has so much that a source that can wait should.
    pub fn should_wait(&self) -> bool {
        self.outbox.is_half_full()
    }

    /// Hands on the sample that is due, stamped `now_us`, and goes to the next one. `at_us` turns the source's times
    /// into Unix µs.
    ///
    /// # Errors
    /// As [`PipelineError`] says; the pipeline has ended.
    pub fn step(&mut self, now_us: u64, at_us: impl Fn(u64) -> u64) -> Result<(), PipelineError> {
        if self.n_missed > 0 {
            let event = Event::StepsMissed { at_us: now_us, n_steps: std::mem::take(&mut self.n_missed) };
            self.event(&event)?;
        }
        self.repeat(now_us)?;
        if now_us.saturating_sub(self.last_us) > SOURCE_GAP_US {
            self.flush()?;
        }
        let row = Row { captured_at_us: now_us, ..self.source.row() };
        let block = self.block.get_or_insert(Waiting { from_us: now_us, n_samples: 0 });
        block.n_samples += 1;
        let block = *block;
        if let Some(bytes) = self.encoder.push(row)? {
            self.block = None;
            let dropped = send(&self.outbox, &mut self.recording, bytes, block.content(bytes, now_us))?;
            self.tell_of(dropped, now_us)?;
        }
        self.last_us = now_us;
        self.go_on(at_us)
    }

    /// Lets the sample that is due go by, because it is too late for it.
    ///
    /// # Errors
    /// As [`PipelineError`] says; the pipeline has ended.
    pub fn miss(&mut self, at_us: impl Fn(u64) -> u64) -> Result<(), PipelineError> {
        self.n_missed += 1;
        self.outbox.count_missed(1);
        self.go_on(at_us)
    }

    /// Ends the stream: what waits is sent, then the end.
    ///
    /// # Errors
    /// As [`PipelineError`] says.
    pub fn end(&mut self) -> Result<(), PipelineError> {
        self.flush()?;
        send(&self.outbox, &mut self.recording, self.encoder.end_record(), Content::Other)?;
        self.recording.as_mut().map_or(Ok(()), RecordingWriter::finish)?;
        Ok(())
    }

    /// Sends what waits in the encoder.
    fn flush(&mut self) -> Result<(), PipelineError> {
        if let (Some(bytes), Some(block)) = (self.encoder.flush()?, self.block.take()) {
            let dropped = send(&self.outbox, &mut self.recording, bytes, block.content(bytes, self.last_us))?;
            self.tell_of(dropped, self.last_us)?;
        }
        Ok(())
    }

    /// Takes steps until the next sample waits, or the end is reached.
    fn go_on(&mut self, at_us: impl Fn(u64) -> u64) -> Result<(), PipelineError> {
        self.next_us = None;
        loop {
            match self.source.advance()? {
                Step::Event(event) => self.event(&shifted(event, &at_us))?,
                step => {
                    let done = step != Step::Facts;
                    self.take(step, self.last_us)?;
                    if done {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn take(&mut self, step: Step, now_us: u64) -> Result<(), PipelineError> {
        match step {
            Step::Sample { elapsed_us } => self.next_us = Some(elapsed_us),
            Step::Facts if now_us > 0 => self.facts()?,
            Step::Facts | Step::Event(_) | Step::End => {}
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<(), PipelineError> {
        let dropped =
            send(&self.outbox, &mut self.recording, self.encoder.event_record(event)?, Content::Other)?;
        self.tell_of(dropped, event.at_us())
    }

    /// Schema and facts at the start and every 10 s.
    fn repeat(&mut self, now_us: u64) -> Result<(), PipelineError> {
        if now_us < self.repeat_at_us {
            return Ok(());
        }
        self.repeat_at_us = now_us + REPEAT_US;
        self.outbox.note_saturated(self.encoder.counts().saturated);
        let dropped = send(&self.outbox, &mut self.recording, self.encoder.schema_record(), Content::Other)?;
        self.tell_of(dropped, now_us)?;
        self.facts()
    }

    fn facts(&mut self) -> Result<(), PipelineError> {
        let facts = Facts {
            collector_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            clock: self.outbox.clock_offset(),
            ..self.source.facts().clone()
        };
        let dropped =
            send(&self.outbox, &mut self.recording, self.encoder.facts_record(&facts)?, Content::Other)?;
        self.tell_of(dropped, self.last_us)
    }

    /// Announces samples that the full queue dropped. The next block is a key block.
    fn tell_of(&mut self, dropped: Option<Dropped>, now_us: u64) -> Result<(), PipelineError> {
        let Some(Dropped { n_samples, from_us, to_us, .. }) = dropped else { return Ok(()) };
        self.encoder.force_key();
        let gap = Event::Gap { at_us: now_us, from_us, to_us, n_samples };
        // What this event pushes out in turn is counted by the queue; announcing it as well would never end.
        send(&self.outbox, &mut self.recording, self.encoder.event_record(&gap)?, Content::Other)?;
        Ok(())
    }
}

fn send(
    outbox: &Outbox,
    recording: &mut Option<RecordingWriter>,
    bytes: &[u8],
    content: Content,
) -> Result<Option<Dropped>, PipelineError> {
    if let Some(recording) = recording {
        recording.write(bytes)?;
    }
    Ok(outbox.push(Record { bytes: Arc::from(bytes), content }))
}

/// The same event with its times turned into Unix µs.
pub(crate) fn shifted(mut event: Event, shift: impl Fn(u64) -> u64) -> Event {
    match &mut event {
        Event::LapFinished { at_us, .. }
        | Event::Mark { at_us, .. }
        | Event::StepsMissed { at_us, .. }
        | Event::OtherCars { at_us, .. } => *at_us = shift(*at_us),
        Event::Gap { at_us, from_us, to_us, .. } => {
            for time in [at_us, from_us, to_us] {
                *time = shift(*time);
            }
        }
        _ => {}
    }
    event
}
