//! How do records and the bridge's messages reach the codec, and samples the page? One reader with three fixed places.
//!
//! JavaScript writes a message into the input buffer, calls one `push`, and reads the head: numbers at fixed
//! positions ([`head`]). Nothing is allocated for a block once its stream and the longest block have been seen.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use purple_sector_codec::block::MAX_SAMPLES;
use purple_sector_codec::bridge_protocol::{MAX_SERVER_MESSAGE_LEN, ServerMessage};
use purple_sector_codec::{DecodeError, Gap, Received, Samples, StreamReader};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::describe;
use crate::note::{Note, address};
use crate::shared::{MAX_STREAMS, found, head};

/// All streams of one user, behind exports that only numbers cross.
#[wasm_bindgen]
pub struct Reader {
    streams: StreamReader,
    input: Box<[u8]>,
    output: Output,
}

/// What JavaScript reads.
struct Output {
    head: Box<[f64; head::SIZE]>,
    note: Note,
    times: Box<[f64; MAX_SAMPLES]>,
    /// The numbers of the streams that JavaScript has a description of, the oldest first.
    described: Vec<u32>,
}

#[wasm_bindgen]
impl Reader {
    /// A reader that has seen nothing.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "only JavaScript makes readers")]
    pub fn new() -> Self {
        let output = Output {
            head: Box::new([f64::NAN; head::SIZE]),
            note: Note::default(),
            times: Box::new([0.0; MAX_SAMPLES]),
            described: Vec::with_capacity(MAX_STREAMS),
        };
        // The built-in schemas would add half to the module's size, and every stream carries its own.
        let streams = StreamReader::with_known_schemas(|_| None);
        Self { streams, input: vec![0; MAX_SERVER_MESSAGE_LEN].into(), output }
    }

    /// Address of the input buffer.
    #[wasm_bindgen(js_name = inputPtr)]
    pub fn input_ptr(&self) -> usize {
        self.input.as_ptr().addr()
    }

    /// Length of the input buffer in bytes: no message is longer.
    #[wasm_bindgen(js_name = inputLen)]
    pub fn input_len(&self) -> usize {
        self.input.len()
    }

    /// Address of the head.
    #[wasm_bindgen(js_name = headPtr)]
    pub fn head_ptr(&self) -> usize {
        self.output.head.as_ptr().addr()
    }

    /// Reads the first `length` bytes of the input as a record and says what it was.
    #[wasm_bindgen(js_name = pushRecord)]
    pub fn push_record(&mut self, length: usize) -> u32 {
        let Self { streams, input, output } = self;
        output.push(streams, input.get(..length).unwrap_or_default())
    }

    /// Reads the first `length` bytes of the input as a message of the bridge and says what it was. A record in it
    /// is read like one of [`Reader::push_record`].
    #[wasm_bindgen(js_name = pushMessage)]
    pub fn push_message(&mut self, length: usize) -> u32 {
        let Self { streams, input, output } = self;
        match ServerMessage::parse(input.get(..length).unwrap_or_default()) {
            Ok(ServerMessage::Data { header, record }) => {
                output.head[head::PARTITION] = f64::from(header.partition);
                output.head[head::OFFSET] = header.offset as f64;
                output.head[head::BROKER_TIME_MS] = header.broker_time_ms as f64;
                output.head[head::SNAPSHOT] = f64::from(u8::from(header.snapshot));
                found::DATA + output.push(streams, record)
            }
            Ok(message) => output.write_message(&message),
            Err(error) => output.write_error(&error),
        }
    }
}

impl Reader {
    /// What JavaScript wrote for a message of its own.
    pub(crate) fn input(&self) -> &[u8] {
        &self.input
    }
}

impl Output {
    /// Hands a record to the codec and writes down what it was.
    fn push(&mut self, streams: &mut StreamReader, record: &[u8]) -> u32 {
        match streams.push(record) {
            Ok(Received::Samples(samples)) => self.write_samples(&samples),
            Ok(Received::Schema { stream, schema }) => self.describe(found::SCHEMA, |note| {
                describe::stream(stream, note);
                describe::schema(schema, note);
            }),
            Ok(Received::Facts { stream, facts }) => self.describe(found::FACTS, |note| {
                describe::stream(stream, note);
                describe::facts(&facts, note);
            }),
            Ok(Received::Event { stream, event }) => self.describe(found::EVENT, |note| {
                describe::stream(stream, note);
                describe::event(&event, note);
            }),
            Ok(Received::End { stream, missing }) => {
                self.write_gap(missing);
                self.describe(found::END, |note| describe::stream(stream, note))
            }
            Ok(Received::Repeat { .. }) => found::REPEAT,
            Ok(Received::Waiting { epoch, missing, .. }) => {
                self.head[head::EPOCH] = f64::from(epoch);
                self.write_gap(missing);
                found::WAITING
            }
            Ok(Received::Skipped { .. }) => found::SKIPPED,
            Err(error) => self.write_error(&error),
        }
    }

    fn write_samples(&mut self, samples: &Samples<'_>) -> u32 {
        self.describe_stream(samples);
        self.head[head::STREAM] = f64::from(samples.stream_number);
        self.head[head::LENGTH] = samples.len() as f64;
        self.head[head::SEQ] = f64::from(samples.seq);
        self.write_gap(samples.missing);
        self.head[head::FLOATS] = address(samples.floats().as_ptr());
        self.head[head::INTS] = address(samples.ints().as_ptr());
        self.head[head::STRIDE] = samples.stride() as f64;
        self.head[head::TIMES] = address(self.times.as_ptr());
        for (time, captured_at_us) in self.times.iter_mut().zip(samples.captured_at_us()) {
            *time = *captured_at_us as f64; // exact: the codec refuses times of 2^53 and more
        }
        found::SAMPLES
    }

    /// Describes the samples' stream in the note, if JavaScript does not know it.
    fn describe_stream(&mut self, samples: &Samples<'_>) {
        if self.described.contains(&samples.stream_number) {
            return;
        }
        if self.described.len() == MAX_STREAMS {
            self.described.remove(0);
        }
        self.described.push(samples.stream_number);
        self.describe(found::SAMPLES, |note| {
            describe::stream(samples.stream, note);
            describe::schema(samples.schema, note);
        });
    }

    fn write_gap(&mut self, gap: Option<Gap>) {
        self.head[head::GAP_FIRST] = gap.map_or(f64::NAN, |gap| f64::from(gap.first_seq));
        self.head[head::GAP_LAST] = gap.map_or(f64::NAN, |gap| f64::from(gap.last_seq));
    }

    fn write_message(&mut self, message: &ServerMessage<'_>) -> u32 {
        let found = match message {
            ServerMessage::Hello { .. } => found::HELLO,
            ServerMessage::Gap { .. } => found::GAP,
            ServerMessage::State { .. } => found::STATE,
            ServerMessage::Time { .. } => found::TIME,
            ServerMessage::TokenExpiring { .. } => found::TOKEN_EXPIRING,
            ServerMessage::Bye { .. } => found::BYE,
            _ => found::UNKNOWN,
        };
        self.describe(found, |note| describe::message(message, note))
    }

    fn write_error(&mut self, error: &DecodeError) -> u32 {
        self.describe(found::ERROR, |note| {
            note.text(error.code());
        })
    }

    /// Writes a note and tells the head where it is.
    fn describe(&mut self, found: u32, write: impl FnOnce(&mut Note)) -> u32 {
        self.note.clear();
        write(&mut self.note);
        self.publish_note();
        found
    }

    fn publish_note(&mut self) {
        self.head[head::NOTE..head::NOTE + 4].copy_from_slice(&self.note.place());
    }
}
