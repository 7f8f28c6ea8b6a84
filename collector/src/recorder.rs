//! What happens when a recording cannot be written? It ends with an error; the live telemetry goes on.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tracing::error;

use crate::recording::{CreateError, RecordingWriter};

/// Writes what is sent to a file, if asked, for as long as that works.
#[derive(Debug, Default)]
pub struct Recorder {
    writer: Option<RecordingWriter>,
    path: PathBuf,
    end: RecordingEnd,
}

/// Why a recording ended before its stream did; empty while it goes on. Copies see the same.
#[derive(Debug, Clone, Default)]
pub struct RecordingEnd(Arc<OnceLock<String>>);

impl RecordingEnd {
    /// One sentence with the path, if the recording has ended early.
    pub fn reason(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

impl Recorder {
    /// Begins a recording in a new file.
    ///
    /// # Errors
    /// As [`RecordingWriter::create`].
    pub fn create(path: &Path) -> Result<Self, CreateError> {
        let writer = Some(RecordingWriter::create(path)?);
        Ok(Self { writer, path: path.to_owned(), end: RecordingEnd::default() })
    }

    /// Where it shows that the recording ended early.
    pub fn end(&self) -> RecordingEnd {
        self.end.clone()
    }

    /// Appends a record.
    pub fn write(&mut self, record: &[u8]) {
        self.attempt(|writer| writer.write(record));
    }

    /// Hands everything to the operating system.
    pub fn finish(&mut self) {
        self.attempt(RecordingWriter::finish);
    }

    fn attempt(&mut self, action: impl FnOnce(&mut RecordingWriter) -> io::Result<()>) {
        let Some(writer) = &mut self.writer else { return };
        let Err(error) = action(writer) else { return };
        self.writer = None;
        let path = self.path.display();
        let reason = format!(
            "the recording {path} ended early: {error}; what was written until then can be replayed, and the live telemetry goes on"
        );
        error!("{reason}");
        // Nothing ends twice.
        let _ = self.end.0.set(reason);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_full_disk_ends_the_recording_and_says_so() {
        // Every write to this device fails for lack of space.
        let full = File::options().write(true).open("/dev/full").expect("it opens");
        let writer = Some(RecordingWriter::to(full));
        let mut recorder = Recorder { writer, path: "full.psrec".into(), end: RecordingEnd::default() };
        let end = recorder.end();
        assert_eq!(end.reason(), None);
        (0..20).for_each(|_| recorder.write(&[0; 1_000]));
        recorder.finish();
        assert!(end.reason().expect("it ended").contains("full.psrec"), "{end:?}");
    }
}
