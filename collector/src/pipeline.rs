//! What happens to one user's samples? They are encoded, written down if asked, and queued for Kafka.

use std::sync::Arc;
use std::time::Duration;

use purple_sector_codec::block::max_samples;
use purple_sector_codec::{
    EncodeError, EncodedBlock, Event, Facts, Row, SOURCE_GAP_US, SessionId, StreamEncoder, StreamSettings,
};

use crate::lane::Lane;
use crate::queue::{Content, Dropped, Record};
use crate::recorder::Recorder;
use crate::source::{Source, SourceError, Step};

/// How often schema and facts are repeated, µs.
const REPEAT_US: u64 = 10_000_000;

/// How samples become blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockSize {
    /// As many samples as the source gives in this time, at least one.
    Time(Duration),
    /// This many samples.
    Samples(usize),
}

impl BlockSize {
    /// Samples per block for a source of `rate_hz` with `n_channels`.
    pub fn n_samples(self, rate_hz: f32, n_channels: usize) -> usize {
        match self {
            Self::Samples(n) => n,
            Self::Time(time) => {
                let n_samples = (rate_hz * time.as_secs_f32()).round() as usize;
                n_samples.clamp(1, max_samples(n_channels))
            }
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
}

/// Samples that are not yet in a block.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    from_us: u64,
    n_samples: u64,
}

impl Waiting {
    /// What the block made of them is for the queue.
    fn content(self, block: EncodedBlock<'_>, to_us: u64) -> Content {
        Content::Block { key: block.is_key, n_samples: self.n_samples, from_us: self.from_us, to_us }
    }
}

/// One user's source, encoder and queue.
pub struct Pipeline {
    source: Box<dyn Source>,
    encoder: StreamEncoder,
    lane: Arc<Lane>,
    recorder: Recorder,
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
        lane: Arc<Lane>,
        recorder: Recorder,
    ) -> Result<Self, PipelineError> {
        let first = source.advance()?;
        let rate_hz = source.facts().nominal_rate_hz.unwrap_or(60.0);
        let settings = StreamSettings {
            session,
            epoch,
            schema: source.schema().clone(),
            samples_per_block: block
                .n_samples(rate_hz, source.schema().n_floats() + source.schema().n_ints()),
            key_interval_us: StreamSettings::KEY_INTERVAL_US,
        };
        let mut pipeline = Self {
            encoder: StreamEncoder::new(settings)?,
            source,
            lane,
            recorder,
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

    /// Where its records go.
    pub fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// Whether the queue is so full that a source that can wait should wait.
    pub fn should_wait(&self) -> bool {
        self.lane.is_half_full()
    }

    /// Hands on the sample that is due, stamped `now_us`, and goes to the next one. `at_us` turns the source's times
    /// into Unix µs.
    ///
    /// # Errors
    /// As [`PipelineError`] says; the pipeline has ended.
    pub fn step(&mut self, now_us: u64, at_us: impl Fn(u64) -> u64) -> Result<(), PipelineError> {
        if self.n_missed > 0 {
            let event = Event::StepsMissed { at_us: now_us, n_steps: std::mem::take(&mut self.n_missed) };
            self.send_event(&event)?;
        }
        if self.lane.take_begins_again() {
            self.repeat_at_us = 0;
            self.encoder.force_key();
        }
        self.repeat_if_due(now_us)?;
        if now_us.saturating_sub(self.last_us) > SOURCE_GAP_US {
            self.flush()?;
        }
        let row = Row { captured_at_us: now_us, ..self.source.row() };
        let block = self.block.get_or_insert(Waiting { from_us: now_us, n_samples: 0 });
        block.n_samples += 1;
        let block = *block;
        if let Some(encoded) = self.encoder.push(row)? {
            self.block = None;
            let dropped = send(&self.lane, &mut self.recorder, &encoded, block.content(encoded, now_us));
            self.announce(dropped, now_us)?;
        }
        self.last_us = now_us;
        self.go_on(at_us)
    }

    /// Leaves out the sample that is due, because it is too late for it.
    ///
    /// # Errors
    /// As [`PipelineError`] says; the pipeline has ended.
    pub fn miss(&mut self, at_us: impl Fn(u64) -> u64) -> Result<(), PipelineError> {
        self.n_missed += 1;
        self.lane.count_missed(1);
        self.go_on(at_us)
    }

    /// Ends the stream: what waits is sent, then the end.
    ///
    /// # Errors
    /// As [`PipelineError`] says.
    pub fn end(&mut self) -> Result<(), PipelineError> {
        self.flush()?;
        send(&self.lane, &mut self.recorder, self.encoder.end_record(), Content::Other);
        self.recorder.finish();
        Ok(())
    }

    /// Sends what waits in the encoder.
    fn flush(&mut self) -> Result<(), PipelineError> {
        if let (Some(encoded), Some(block)) = (self.encoder.flush()?, self.block.take()) {
            let dropped =
                send(&self.lane, &mut self.recorder, &encoded, block.content(encoded, self.last_us));
            self.announce(dropped, self.last_us)?;
        }
        Ok(())
    }

    /// Takes steps until the next sample waits, or the end is reached.
    fn go_on(&mut self, at_us: impl Fn(u64) -> u64) -> Result<(), PipelineError> {
        self.next_us = None;
        loop {
            match self.source.advance()? {
                Step::Event(event) => self.send_event(&event.shifted(&at_us))?,
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
            Step::Facts if now_us > 0 => self.send_facts()?,
            Step::Facts | Step::Event(_) | Step::End => {}
        }
        Ok(())
    }

    fn send_event(&mut self, event: &Event) -> Result<(), PipelineError> {
        let dropped = send(&self.lane, &mut self.recorder, self.encoder.event_record(event)?, Content::Other);
        self.announce(dropped, event.at_us())
    }

    /// Sends schema and facts, at the start and every 10 s.
    fn repeat_if_due(&mut self, now_us: u64) -> Result<(), PipelineError> {
        if now_us < self.repeat_at_us {
            return Ok(());
        }
        self.repeat_at_us = now_us + REPEAT_US;
        self.lane.set_saturated(self.encoder.counts().saturated);
        let dropped = send(&self.lane, &mut self.recorder, self.encoder.schema_record(), Content::Other);
        self.announce(dropped, now_us)?;
        self.send_facts()
    }

    fn send_facts(&mut self) -> Result<(), PipelineError> {
        let facts = Facts {
            collector_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            clock: self.lane.clock_offset(),
            ..self.source.facts().clone()
        };
        let dropped =
            send(&self.lane, &mut self.recorder, self.encoder.facts_record(&facts)?, Content::Other);
        self.announce(dropped, self.last_us)
    }

    /// Announces samples that will not reach Kafka. The next block is a key block.
    fn announce(&mut self, dropped: Option<Dropped>, now_us: u64) -> Result<(), PipelineError> {
        let Some(Dropped { n_samples, from_us, to_us, .. }) = dropped else { return Ok(()) };
        self.encoder.force_key();
        let gap = Event::Gap { at_us: now_us, from_us, to_us, n_samples };
        // What this event pushes out in turn is counted by the queue; announcing it as well would never end.
        send(&self.lane, &mut self.recorder, self.encoder.event_record(&gap)?, Content::Other);
        Ok(())
    }
}

fn send(lane: &Lane, recorder: &mut Recorder, bytes: &[u8], content: Content) -> Option<Dropped> {
    recorder.write(bytes);
    lane.push(Record { bytes: Arc::from(bytes), content })
}

#[cfg(test)]
mod tests {
    use purple_sector_codec::{Envelope, Received, RowBuffer, Schema, StreamReader, UserId};

    use super::*;
    use crate::clock::Clock;
    use crate::outbox::{Outbox, Sent};

    /// Gives `n_samples` absent samples, one every 10 ms, and a lap after the third.
    struct Fake {
        schema: Schema,
        facts: Facts,
        row: RowBuffer,
        n_left: u64,
        elapsed_us: u64,
        event: Option<Event>,
    }

    impl Fake {
        fn boxed(n_samples: u64) -> Box<Self> {
            let schema = Schema::full();
            let event = Some(Event::Mark { at_us: 20_000, label: "third".into() });
            let row = RowBuffer::new(&schema);
            Box::new(Self { schema, facts: Facts::default(), row, n_left: n_samples, elapsed_us: 0, event })
        }
    }

    impl Source for Fake {
        fn schema(&self) -> &Schema {
            &self.schema
        }

        fn facts(&self) -> &Facts {
            &self.facts
        }

        fn advance(&mut self) -> Result<Step, SourceError> {
            if self.elapsed_us == 30_000
                && let Some(event) = self.event.take()
            {
                return Ok(Step::Event(event));
            }
            if self.n_left == 0 {
                return Ok(Step::End);
            }
            self.n_left -= 1;
            let elapsed_us = self.elapsed_us;
            self.elapsed_us += 10_000;
            Ok(Step::Sample { elapsed_us })
        }

        fn row(&self) -> Row<'_> {
            self.row.row()
        }
    }

    const START_US: u64 = 1_790_000_000_000_000;

    fn pipeline(n_samples: u64, max_bytes: usize) -> (Pipeline, Arc<Lane>) {
        let topic = UserId::parse("t").expect("valid").topic();
        let session = SessionId::parse("s").expect("valid");
        let lane = Arc::new(Lane::new(topic, session, 1, Clock::start(), Outbox::new(max_bytes, false)));
        let pipeline = Pipeline::new(
            Fake::boxed(n_samples),
            (session, 7),
            BlockSize::Samples(2),
            lane.clone(),
            Recorder::default(),
        );
        (pipeline.expect("a good source"), lane)
    }

    fn run(pipeline: &mut Pipeline) {
        while let Some(elapsed_us) = pipeline.next_us() {
            pipeline.step(START_US + elapsed_us, |us| START_US + us).expect("a good source");
        }
    }

    /// What a reader makes of everything in the outbox, a word per record.
    fn read(lane: &Lane) -> Vec<String> {
        let (mut reader, mut words) = (StreamReader::new(), Vec::new());
        lane.send_waiting(|_, bytes, _| {
            let kind = Envelope::parse(bytes).expect("a good record").kind;
            words.push(match reader.push(bytes).expect("a good record") {
                Received::Samples(samples) => format!("{kind:?} {}", samples.len()),
                Received::Event { event, .. } => match event {
                    Event::Gap { n_samples, .. } => format!("Gap {n_samples}"),
                    Event::StepsMissed { n_steps, .. } => format!("StepsMissed {n_steps}"),
                    Event::Mark { at_us, label } => format!("Mark {label} {}", at_us - START_US),
                    other => format!("{other:?}"),
                },
                _ => format!("{kind:?}"),
            });
            Sent::Taken
        });
        words
    }

    #[test]
    fn a_stream_begins_with_schema_and_facts_and_ends_with_what_waits_and_the_end() {
        let (mut pipeline, lane) = pipeline(5, 1 << 20);
        run(&mut pipeline);
        pipeline.end().expect("ends");
        let expected = ["Schema", "Facts", "Key 2", "Mark third 20000", "Block 2", "Block 1", "End"];
        assert_eq!(read(&lane), expected);
    }

    #[test]
    fn missed_samples_are_announced_before_the_next_one() {
        let (mut pipeline, lane) = pipeline(6, 1 << 20);
        pipeline.step(START_US, |us| START_US + us).expect("good");
        pipeline.miss(|us| START_US + us).expect("good");
        pipeline.miss(|us| START_US + us).expect("good");
        run(&mut pipeline);
        let words = read(&lane);
        assert!(words.contains(&"StepsMissed 2".to_owned()), "{words:?}");
        assert_eq!(lane.counts().n_missed, 2);
    }

    #[test]
    fn a_source_gap_ends_the_block_and_forces_a_key() {
        let (mut pipeline, lane) = pipeline(4, 1 << 20);
        let at = |us: u64| START_US + us + if us >= 10_000 { 5_000_000 } else { 0 };
        while let Some(elapsed_us) = pipeline.next_us() {
            pipeline.step(at(elapsed_us), at).expect("good");
        }
        let blocks: Vec<String> =
            read(&lane).into_iter().filter(|word| word.ends_with(" 1") || word.ends_with(" 2")).collect();
        assert_eq!(blocks, ["Key 1", "Key 2"]);
    }

    #[test]
    fn what_a_full_queue_drops_is_announced_and_a_key_follows() {
        let (mut pipeline, lane) = pipeline(4_000, 40_000);
        run(&mut pipeline);
        let words = read(&lane);
        let gap = words.iter().position(|word| word.starts_with("Gap ")).expect("a gap is announced");
        assert!(lane.counts().n_dropped > 0);
        let next = words[gap + 1..].iter().find(|word| word.starts_with("Key") || word.starts_with("Block"));
        assert!(next.is_none_or(|word| word.starts_with("Key")), "{words:?}");
    }

    #[test]
    fn in_a_topic_that_was_made_again_the_stream_begins_again() {
        let (mut pipeline, lane) = pipeline(8, 1 << 20);
        for _ in 0..4 {
            let elapsed_us = pipeline.next_us().expect("more");
            pipeline.step(START_US + elapsed_us, |us| START_US + us).expect("good");
        }
        read(&lane);
        lane.move_to_new_topic(1);
        run(&mut pipeline);
        assert_eq!(read(&lane), ["Schema", "Facts", "Key 2", "Block 2"]);
    }
}
