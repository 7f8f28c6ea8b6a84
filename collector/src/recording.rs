//! How is a recording written to disk, and read back? Its bytes are those of [`purple_sector_codec::recording`].

use std::fs::File;
use std::io::{self, BufRead, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use purple_sector_codec::recording::{LENGTH_LEN, MAGIC, check_length, length_of};
use purple_sector_codec::{DecodeError, MAX_RECORD_LEN};

/// Why a recording cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The file already exists, and is never overwritten.
    #[error("{} already exists; choose another name for the recording (--record)", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The system refuses.
    #[error("cannot write {}: {error} (--record)", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// What is wrong in a recording, and where.
#[derive(Debug, thiserror::Error)]
#[error("{}, byte {at}: {fault}", path.display())]
pub struct RecordingError {
    /// The file.
    pub path: PathBuf,
    /// Where the record begins, bytes from the file's start.
    pub at: u64,
    /// What is wrong with it.
    pub fault: RecordFault,
}

/// What can be wrong with a record of a recording.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordFault {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// Its length is impossible.
    #[error("a record of {found} bytes, but records have 1 to {MAX_RECORD_LEN}")]
    Length {
        /// The length that the file gives.
        found: u32,
    },
    /// Its bytes cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Its channels differ from those before it.
    #[error("the channels change here, and a recording has one set of them")]
    ChannelsChange,
}

/// Writes a recording.
#[derive(Debug)]
pub struct RecordingWriter {
    file: BufWriter<File>,
    since_flush: usize,
}

impl RecordingWriter {
    /// Begins a new file; one that exists is never overwritten.
    ///
    /// # Errors
    /// A [`CreateError`] with the path.
    pub fn create(path: &Path) -> Result<Self, CreateError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => CreateError::Exists { path: path.to_owned() },
            _ => CreateError::Write { path: path.to_owned(), error },
        };
        let file = File::options().write(true).create_new(true).open(path).map_err(failed)?;
        let mut writer = Self::to(file);
        writer.file.write_all(&MAGIC).map_err(failed)?;
        // A disk that is already full is noticed before anything is published.
        writer.finish().map_err(failed)?;
        Ok(writer)
    }

    pub(crate) fn to(file: File) -> Self {
        Self { file: BufWriter::new(file), since_flush: 0 }
    }

    /// Appends a record. It is handed to the operating system a few kilobytes later at most.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&mut self, record: &[u8]) -> io::Result<()> {
        self.file.write_all(&length_of(record))?;
        self.file.write_all(record)?;
        self.since_flush += record.len();
        // About two seconds' worth: what a crash may cost.
        if self.since_flush > 4_096 {
            self.finish()?;
        }
        Ok(())
    }

    /// Hands everything to the operating system.
    ///
    /// # Errors
    /// What the file system says.
    pub fn finish(&mut self) -> io::Result<()> {
        self.since_flush = 0;
        self.file.flush()
    }
}

/// Reads the records of a recording in turn.
pub struct RecordingReader {
    path: PathBuf,
    file: Box<dyn BufRead + Send>,
    /// Where the next record begins, bytes from the file's start.
    offset: u64,
}

/// What [`RecordingReader::next_record`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A record, in the given buffer.
    Record,
    /// The end of the file.
    End,
    /// The file ends in the middle of the record that begins at this byte.
    CutOff {
        /// Bytes from the file's start.
        at: u64,
    },
}

impl RecordingReader {
    /// Continues with `file`, from which [`MAGIC`] was read.
    pub fn after_magic(path: &Path, file: Box<dyn BufRead + Send>) -> Self {
        Self { path: path.to_owned(), file, offset: MAGIC.len() as u64 }
    }

    /// Where the next record begins, bytes from the file's start.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads the next record into `record`.
    ///
    /// # Errors
    /// A [`RecordingError`] that names the file, the byte and what is wrong.
    pub fn next_record(&mut self, record: &mut Vec<u8>) -> Result<Found, RecordingError> {
        let at = self.offset;
        let mut length = [0; LENGTH_LEN];
        match self.read_fully(&mut length)? {
            0 => return Ok(Found::End),
            LENGTH_LEN => {}
            _ => return Ok(Found::CutOff { at }),
        }
        let found = u32::from_le_bytes(length);
        let length = check_length(length, at).map_err(|_| self.wrong(RecordFault::Length { found }))?;
        record.resize(length, 0);
        if self.read_fully(record)? < length {
            return Ok(Found::CutOff { at });
        }
        self.offset = at + (LENGTH_LEN + length) as u64;
        Ok(Found::Record)
    }

    /// Fills `bytes` as far as the file goes and returns how far that was.
    fn read_fully(&mut self, bytes: &mut [u8]) -> Result<usize, RecordingError> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.file.read(&mut bytes[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.wrong(RecordFault::Read(error))),
            }
        }
        Ok(filled)
    }

    /// An error in the record that is being read.
    fn wrong(&self, fault: RecordFault) -> RecordingError {
        RecordingError { path: self.path.clone(), at: self.offset, fault }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that a file with these bytes after the magic gives.
    fn read(bytes: &[u8]) -> Result<(Vec<Vec<u8>>, Found), String> {
        let file = Box::new(io::Cursor::new(bytes.to_vec()));
        let mut reader = RecordingReader::after_magic(Path::new("lap.psrec"), file);
        let (mut records, mut record) = (Vec::new(), Vec::new());
        loop {
            match reader.next_record(&mut record).map_err(|error| error.to_string())? {
                Found::Record => records.push(record.clone()),
                end => return Ok((records, end)),
            }
        }
    }

    #[test]
    fn records_come_back_and_a_cut_file_is_good_up_to_there() {
        let bytes = [2, 0, 0, 0, 7, 8, 1, 0, 0, 0, 9];
        assert_eq!(read(&bytes), Ok((vec![vec![7, 8], vec![9]], Found::End)));
        assert_eq!(read(&bytes[..10]), Ok((vec![vec![7, 8]], Found::CutOff { at: 12 })));
        assert_eq!(read(&bytes[..8]), Ok((vec![vec![7, 8]], Found::CutOff { at: 12 })));
        assert_eq!(read(&[]), Ok((vec![], Found::End)));
    }

    #[test]
    fn impossible_lengths_name_file_and_byte() {
        for length in [0_u32, MAX_RECORD_LEN as u32 + 1, u32::MAX] {
            let error = read(&length.to_le_bytes()).expect_err("refused");
            assert!(
                error.starts_with("lap.psrec, byte 6: ") && error.contains(&length.to_string()),
                "{error}"
            );
        }
    }

    #[test]
    fn a_recording_is_never_overwritten() {
        let path = std::env::temp_dir().join(format!("collector-recording-{}", std::process::id()));
        let written = RecordingWriter::create(&path).map(|_| ());
        let again = RecordingWriter::create(&path).map(|_| ());
        std::fs::remove_file(&path).expect("it was written");
        assert!(written.is_ok(), "{written:?}");
        assert!(matches!(again, Err(CreateError::Exists { .. })), "{again:?}");
    }
}
