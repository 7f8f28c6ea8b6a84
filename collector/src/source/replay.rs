//! Plays recordings; the readers of the formats follow.

use super::{Source, SourceError, Step};
use purple_sector_codec::{Facts, Row, Schema};
use std::path::Path;

/// A recording.
#[derive(Debug)]
pub enum Replay {}

impl Replay {
    /// Opens a recording.
    ///
    /// # Errors
    /// Always, until the readers are here.
    pub fn open(path: &Path, _repeat: bool, _lossless: bool) -> Result<Self, SourceError> {
        Err(SourceError(format!("{}: recordings cannot be played yet", path.display())))
    }
}

impl Source for Replay {
    fn schema(&self) -> &Schema {
        match *self {}
    }

    fn facts(&self) -> &Facts {
        match *self {}
    }

    fn advance(&mut self) -> Result<Step, SourceError> {
        match *self {}
    }

    fn row(&self) -> Row<'_> {
        match *self {}
    }
}
