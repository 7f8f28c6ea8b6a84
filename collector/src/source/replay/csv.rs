//! What do the CSV files have in common? Lines, numbers with a name for what is wrong, and samples prepared one by one.

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use purple_sector_codec::{ChannelId, Event, Facts, Row, RowBuffer, Sample, Schema};

use super::{Source, SourceError, Step};
use crate::source::{LineError, LineFault};

/// A longer line is not a line of these files.
const MAX_LINE: usize = 64 * 1024;

/// The lines of a text file, numbered.
pub(super) struct Lines {
    path: PathBuf,
    file: Box<dyn BufRead + Send>,
    number: usize,
    line: Vec<u8>,
}

impl Lines {
    pub(super) fn new(path: &Path, file: Box<dyn BufRead + Send>) -> Self {
        Self { path: path.to_owned(), file, number: 0, line: Vec::new() }
    }

    /// The next line without its end, or `None` at the end of the file.
    pub(super) fn next_line(&mut self) -> Result<Option<&str>, SourceError> {
        self.line.clear();
        self.number += 1;
        let mut limited = std::io::Read::take(&mut self.file, MAX_LINE as u64);
        let read = limited.read_until(b'\n', &mut self.line);
        match read {
            Err(error) => return Err(SourceError::Read { path: self.path.clone(), error }),
            Ok(0) => return Ok(None),
            Ok(MAX_LINE) => return Err(self.wrong(LineFault::TooLong)),
            Ok(_) => {}
        }
        while self.line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            self.line.pop();
        }
        match std::str::from_utf8(&self.line) {
            Ok(line) => Ok(Some(line)),
            Err(_) => Err(self.wrong(LineFault::NotText)),
        }
    }

    /// An error in the line read last.
    pub(super) fn wrong(&self, error: impl Into<LineError>) -> SourceError {
        SourceError::Line { path: self.path.clone(), line: self.number, error: error.into() }
    }
}

/// One line's values by their column's name.
pub(super) struct Fields<'a> {
    names: &'a [String],
    values: Vec<&'a str>,
}

impl<'a> Fields<'a> {
    /// Splits a line; the error says how many columns it has.
    pub(super) fn split(names: &'a [String], line: &'a str) -> Result<Self, LineError> {
        let values: Vec<&str> = line.split(',').collect();
        if values.len() != names.len() {
            return Err(LineFault::Columns { found: values.len(), expected: names.len() }.into());
        }
        Ok(Self { names, values })
    }

    /// The text in a column.
    pub(super) fn text(&self, column: usize) -> &'a str {
        self.values.get(column).copied().unwrap_or_default()
    }

    /// The finite number in a column.
    pub(super) fn number(&self, column: usize) -> Result<f64, LineError> {
        let text = self.text(column);
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| self.wrong(column, LineFault::Number { text: text.to_owned() }))
    }

    /// An error in one column.
    pub(super) fn wrong(&self, column: usize, fault: LineFault) -> LineError {
        LineError { column: self.names.get(column).cloned(), fault }
    }
}

/// What a line gave; times are µs since the file's first sample.
pub(super) enum Item {
    Sample { elapsed_us: u64, sample: Box<Sample> },
    Event(Event),
    Facts(Facts),
}

/// One kind of CSV file.
pub(super) trait CsvFormat: Send {
    /// Channels that the file has.
    fn channels(&self) -> Vec<ChannelId>;

    /// What is known from the header.
    fn facts(&self) -> Facts;

    /// Takes one line; what it gives goes to `items`.
    fn take(&mut self, line: &str, items: &mut VecDeque<Item>) -> Result<(), LineError>;

    /// The file has ended.
    fn finish(&mut self, _items: &mut VecDeque<Item>) {}
}

/// Plays one round of a CSV file.
pub(super) struct CsvReplay {
    format: Box<dyn CsvFormat>,
    lines: Lines,
    schema: Schema,
    facts: Facts,
    row: RowBuffer,
    items: VecDeque<Item>,
    ended: bool,
}

impl CsvReplay {
    pub(super) fn new(format: Box<dyn CsvFormat>, lines: Lines, lossless: bool) -> Result<Self, SourceError> {
        let schema =
            Schema::subset(&format.channels()).map_err(|error| lines.wrong(LineFault::Schema(error)))?;
        let schema = if lossless { schema.lossless() } else { schema };
        let (row, facts) = (RowBuffer::new(&schema), format.facts());
        Ok(Self { format, lines, schema, facts, row, items: VecDeque::new(), ended: false })
    }

    fn read_line(&mut self) -> Result<(), SourceError> {
        match self.lines.next_line()?.map(str::to_owned) {
            // An empty line is what editors leave at the end.
            Some(line) if line.is_empty() => Ok(()),
            Some(line) => self.format.take(&line, &mut self.items).map_err(|error| self.lines.wrong(error)),
            None => {
                self.ended = true;
                self.format.finish(&mut self.items);
                Ok(())
            }
        }
    }
}

impl Source for CsvReplay {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn advance(&mut self) -> Result<Step, SourceError> {
        loop {
            match self.items.pop_front() {
                Some(Item::Sample { elapsed_us, sample }) => {
                    self.schema.project(&sample, &mut self.row);
                    return Ok(Step::Sample { elapsed_us });
                }
                Some(Item::Event(event)) => return Ok(Step::Event(event)),
                Some(Item::Facts(facts)) => {
                    self.facts = facts;
                    return Ok(Step::Facts);
                }
                None if self.ended => return Ok(Step::End),
                None => self.read_line()?,
            }
        }
    }

    fn row(&self) -> Row<'_> {
        self.row.row()
    }
}

/// The names in a header line.
pub(super) fn names(header: &str) -> Vec<String> {
    header.split(',').map(|name| name.trim().to_owned()).collect()
}

/// Milliseconds of `m:ss:mmm`, `m:ss.mmm` or `mm:ss.mmm`.
pub(super) fn lap_clock_ms(text: &str) -> Option<u32> {
    let (minutes, rest) = text.split_once(':')?;
    let (seconds, millis) = rest.split_once([':', '.'])?;
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(seconds, 2) || !digits(millis, 3) {
        return None;
    }
    let (seconds, millis) = (seconds.parse::<u32>().ok()?, millis.parse::<u32>().ok()?);
    let minutes = minutes.parse::<u32>().ok().filter(|&minutes| minutes < 1_000 && seconds < 60)?;
    Some((minutes * 60 + seconds) * 1_000 + millis)
}

#[cfg(test)]
mod tests {
    use super::lap_clock_ms;

    #[test]
    fn lap_clocks_with_colons_and_points() {
        assert_eq!(lap_clock_ms("0:05:907"), Some(5_907));
        assert_eq!(lap_clock_ms("05:907"), None);
        assert_eq!(lap_clock_ms("1:36:228"), Some(96_228));
        assert_eq!(lap_clock_ms("01:29.537"), Some(89_537));
        for wrong in ["", "1:60:000", "1:5:000", "1:05:7", "x:05:007", "1000:05:007", "1:05"] {
            assert_eq!(lap_clock_ms(wrong), None, "{wrong}");
        }
    }
}
