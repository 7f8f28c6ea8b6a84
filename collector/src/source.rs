//! What is a source of telemetry?
//!
//! A source gives samples with the time that has passed since it began; the [pump](crate::pump) decides when each of
//! them is due, stamps it with the driver's clock and hands it on. Sources here: the [simulator] and
//! [recordings](replay). Those that read a game stand beside them.

pub mod replay;
pub mod simulated;
pub mod simulator;

use purple_sector_codec::{Event, Facts, Row, Schema};

/// Where samples come from. Runs on the source thread; nothing behind it ever makes it wait, save a full queue in
/// front of a recording that is played as fast as it goes.
pub trait Source: Send {
    /// The channels of every row.
    fn schema(&self) -> &Schema;

    /// What is known of the session now.
    fn facts(&self) -> &Facts;

    /// Goes on to what comes next.
    ///
    /// # Errors
    /// One sentence that says what is wrong and where; the source has ended.
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

/// Why a source ended early: one sentence that names the file, the place and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);
