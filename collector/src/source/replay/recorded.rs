//! How is a recording of this collector played? Its blocks are decoded, and encoded again, in a stream of their own.

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use purple_sector_codec::{Event, Facts, Received, Row, RowBuffer, Schema, StreamReader};
use tracing::warn;

use super::{Source, SourceError, Step};
use crate::recording::{Found, RecordFault, RecordingError, RecordingReader};

/// One round of a recording.
pub(super) struct Recorded {
    path: PathBuf,
    file: RecordingReader,
    reader: StreamReader,
    record: Vec<u8>,
    schema: Schema,
    facts: Facts,
    /// Decoded samples that have not been given yet; the first of `rows` that is `given` is the current one.
    rows: Vec<RowBuffer>,
    n_rows: usize,
    n_given: usize,
    events: VecDeque<Event>,
    /// Time of the recording's first sample, and of the latest one, Unix µs as recorded.
    first_us: Option<u64>,
    last_us: u64,
    facts_changed: bool,
    lossless: bool,
    ended: bool,
}

impl Recorded {
    /// Reads up to the first samples, whose schema is the recording's. With `lossless` the recording's values are sent
    /// bit for bit.
    pub(super) fn new(
        path: &Path,
        file: Box<dyn BufRead + Send>,
        lossless: bool,
    ) -> Result<Self, SourceError> {
        let mut recorded = Self {
            path: path.to_owned(),
            file: RecordingReader::after_magic(path, file),
            reader: StreamReader::new(),
            record: Vec::new(),
            schema: Schema::full(),
            facts: Facts::default(),
            rows: Vec::new(),
            n_rows: 0,
            n_given: 0,
            events: VecDeque::new(),
            first_us: None,
            last_us: 0,
            facts_changed: false,
            lossless,
            ended: false,
        };
        while recorded.n_rows == 0 && !recorded.ended {
            recorded.read_record()?;
        }
        // What came before the first samples is known when the first of them is given.
        recorded.facts_changed = false;
        Ok(recorded)
    }

    /// Reads one record and keeps what it gives.
    fn read_record(&mut self) -> Result<(), SourceError> {
        let at = self.file.offset();
        match self.file.next_record(&mut self.record)? {
            Found::Record => {}
            Found::End => {
                self.ended = true;
                return Ok(());
            }
            Found::CutOff { at } => {
                warn!(file = %self.path.display(), byte = at, "the recording is cut off in its last record");
                self.ended = true;
                return Ok(());
            }
        }
        let wrong = |fault| RecordingError { path: self.path.clone(), at, fault };
        match self.reader.push(&self.record).map_err(|error| wrong(RecordFault::Decode(error)))? {
            Received::Samples(samples) => {
                let schema = if self.lossless { samples.schema.lossless() } else { samples.schema.clone() };
                if self.first_us.is_none() {
                    self.schema = schema;
                } else if self.schema.hash() != schema.hash() {
                    return Err(wrong(RecordFault::ChannelsChange).into());
                }
                self.rows.resize_with(self.rows.len().max(samples.len()), RowBuffer::default);
                (self.n_rows, self.n_given) = (samples.len(), 0);
                for (i, row) in self.rows.iter_mut().take(samples.len()).enumerate() {
                    // Times that run backwards (a second session after the first) are held still instead.
                    self.last_us = samples.captured_at_us()[i].max(self.last_us);
                    row.captured_at_us = self.last_us;
                    row.floats.clear();
                    row.floats
                        .extend((0..self.schema.n_floats()).map(|column| samples.float_column(column)[i]));
                    row.ints.clear();
                    row.ints.extend((0..self.schema.n_ints()).map(|column| samples.int_column(column)[i]));
                }
                self.first_us = self.first_us.or(self.rows.first().map(|row| row.captured_at_us));
            }
            Received::Facts { facts, .. } => {
                // How the clocks differed then says nothing about now.
                let facts = Facts { clock: None, ..facts };
                self.facts_changed |= facts != self.facts;
                self.facts = facts;
            }
            Received::Event { event, .. } => {
                let first_us = self.first_us.unwrap_or_else(|| event.at_us());
                self.events.push_back(event.shifted(|us| us.saturating_sub(first_us)));
            }
            Received::Schema { .. }
            | Received::End { .. }
            | Received::Repeat { .. }
            | Received::Waiting { .. }
            | Received::Skipped { .. } => {}
        }
        Ok(())
    }
}

impl Source for Recorded {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn advance(&mut self) -> Result<Step, SourceError> {
        loop {
            if self.n_given < self.n_rows {
                self.n_given += 1;
                let at_us = self.rows[self.n_given - 1].captured_at_us;
                return Ok(Step::Sample { elapsed_us: at_us - self.first_us.unwrap_or(at_us) });
            }
            if let Some(event) = self.events.pop_front() {
                return Ok(Step::Event(event));
            }
            if std::mem::take(&mut self.facts_changed) {
                return Ok(Step::Facts);
            }
            if self.ended {
                return Ok(Step::End);
            }
            self.read_record()?;
        }
    }

    fn row(&self) -> Row<'_> {
        self.rows[self.n_given.saturating_sub(1)].row()
    }
}
