//! What is a source of telemetry?
//!
//! A source gives samples with the time that has passed since it began; the [pump](crate::pump) decides when each of
//! them is due, stamps it with the driver's clock and hands it on. Sources here: the [simulator] and
//! [recordings](replay). Those that read a game will be next to them.

pub mod replay;
pub mod simulated;
pub mod simulator;

use std::path::PathBuf;
use std::{fmt, io};

use purple_sector_codec::{Event, Facts, Row, Schema, SchemaError};

use crate::recording::RecordingError;

/// Where samples come from. Runs on the source thread; nothing downstream ever makes it wait, except a full queue while a
/// recording is played as fast as possible.
pub trait Source: Send {
    /// The channels of every row.
    fn schema(&self) -> &Schema;

    /// What is known of the session now.
    fn facts(&self) -> &Facts;

    /// Goes on to what comes next.
    ///
    /// # Errors
    /// What is wrong and where; the source has ended.
    fn advance(&mut self) -> Result<Step, SourceError>;

    /// The sample that the last [`Source::advance`] announced. Its time is to be ignored.
    fn row(&self) -> Row<'_>;
}

/// What came next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A sample, `elapsed_us` after the source began; never less than before.
    Sample {
        /// µs since the source began.
        elapsed_us: u64,
    },
    /// Something happened, together with the sample before it. Its times are µs since the source began.
    Event(Event),
    /// [`Source::facts`] has changed.
    Facts,
    /// There is no more.
    End,
}

/// Why a source ended early, and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A line of a text file is wrong.
    #[error("{}, line {line}{error}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// What is wrong in it.
        error: LineError,
    },
    /// A recording of this collector is wrong.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// There are no samples in the file.
    #[error("{}: no samples in this recording", path.display())]
    NoSamples {
        /// The file.
        path: PathBuf,
    },
    /// The file has changed since it was opened.
    #[error("the channels of {} changed while it was played", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// What is wrong in a line. It prints as the end of `file, line n`: `, column c: what`, or `: what`.
#[derive(Debug, Clone, PartialEq)]
pub struct LineError {
    /// Name of the column, where the fault is in one.
    pub column: Option<String>,
    /// What is wrong.
    pub fault: LineFault,
}

impl From<LineFault> for LineError {
    fn from(fault: LineFault) -> Self {
        Self { column: None, fault }
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, ", column {column}: {}", self.fault),
            None => write!(f, ": {}", self.fault),
        }
    }
}

impl std::error::Error for LineError {}

/// What can be wrong in a line.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LineFault {
    /// The file's first line does not belong to any known kind.
    #[error("neither a recording of this collector nor one of the known CSV files")]
    UnknownKind,
    /// It has more bytes than any line should.
    #[error("longer than any line of a recording")]
    TooLong,
    /// It is not text.
    #[error("not UTF-8 text")]
    NotText,
    /// It has another number of columns than the header.
    #[error("{found} columns instead of {expected}")]
    Columns {
        /// Columns of the line.
        found: usize,
        /// Columns of the header.
        expected: usize,
    },
    /// A finite number should be there.
    #[error("{text:?} is not a number")]
    Number {
        /// What is there.
        text: String,
    },
    /// A lap time should be there.
    #[error("{text:?} is not a lap time")]
    LapTime {
        /// What is there.
        text: String,
    },
    /// Time goes backwards.
    #[error("the lap clock runs backwards")]
    ClockRunsBack,
    /// Time goes back behind the first sample.
    #[error("earlier than the first sample")]
    BeforeFirst,
    /// The header does not say how long the track is.
    #[error("the eight header lines have no track length")]
    NoTrackLength,
    /// The header lacks a column.
    #[error("the header has no column {name:?}")]
    NoColumn {
        /// The column.
        name: String,
    },
    /// No schema can be made of the file's channels.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}
