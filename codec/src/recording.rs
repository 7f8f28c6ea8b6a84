//! How are a stream's records stored in a file? The same bytes as in Kafka, each after its length.
//!
//! A recording begins with [`MAGIC`]; then come records, each as its length (`u32`, little-endian) and its bytes. A recording
//! that was cut off, for instance because its program was stopped, is good up to there.
//!
//! Reading and writing files is up to the caller; this module has only bytes. [`records`] reads a recording that is in memory.
//! A program that reads one piece by piece takes [`LENGTH_LEN`] bytes, [`check_length`], and then as many bytes as that says.
//!
//! ```
//! use purple_sector_codec::recording;
//!
//! let mut file = recording::MAGIC.to_vec();
//! for record in [&b"one record"[..], b"another"] {
//!     file.extend(recording::length_of(record));
//!     file.extend(record);
//! }
//! let read: Result<Vec<&[u8]>, _> = recording::records(&file)?.collect();
//! assert_eq!(read?, [&b"one record"[..], b"another"]);
//!
//! // The program that wrote it was stopped: what came before is given, and then what is wrong.
//! let mut cut = recording::records(&file[..file.len() - 1])?;
//! assert_eq!(cut.next(), Some(Ok(&b"one record"[..])));
//! assert_eq!(cut.next(), Some(Err(recording::RecordingError::CutOff { at: 20 })));
//! assert_eq!(cut.next(), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::iter::FusedIterator;

use crate::MAX_RECORD_LEN;

/// How a recording begins: `PSREC` and the format's version, 1.
pub const MAGIC: [u8; 6] = *b"PSREC\x01";
/// Bytes of the length in front of each record.
pub const LENGTH_LEN: usize = 4;

/// What is wrong with a recording. Positions count bytes from the file's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// It does not begin as a recording does.
    #[error("this is not a recording: it does not begin with PSREC and 01")]
    NotARecording,
    /// The length in front of a record is one that no record has.
    #[error("byte {at}: a record of {found} bytes, but records have 1 to {MAX_RECORD_LEN}")]
    Length {
        /// Where the length is.
        at: u64,
        /// The length.
        found: u32,
    },
    /// The file ends within a record, or within its length.
    #[error("byte {at}: the recording is cut off in its last record")]
    CutOff {
        /// Where that record's length begins.
        at: u64,
    },
}

/// What comes before `record`, which has less than 4 GiB.
pub const fn length_of(record: &[u8]) -> [u8; LENGTH_LEN] {
    (record.len() as u32).to_le_bytes()
}

/// Reads the length found at byte `at`: how many bytes of the record follow it.
///
/// # Errors
/// [`RecordingError::Length`] for an empty record, and for one longer than [`MAX_RECORD_LEN`]: nobody should allocate
/// memory for what no reader accepts.
pub const fn check_length(length: [u8; LENGTH_LEN], at: u64) -> Result<usize, RecordingError> {
    let found = u32::from_le_bytes(length);
    if found == 0 || found as usize > MAX_RECORD_LEN {
        return Err(RecordingError::Length { at, found });
    }
    Ok(found as usize)
}

/// The records of a recording that is the whole of `file`.
///
/// # Errors
/// [`RecordingError::NotARecording`].
pub fn records(file: &[u8]) -> Result<Records<'_>, RecordingError> {
    let rest = file.strip_prefix(&MAGIC).ok_or(RecordingError::NotARecording)?;
    Ok(Records { rest, at: MAGIC.len() as u64 })
}

/// Gives the records of a recording one after the other, of whatever length; [`Envelope::parse`](crate::Envelope::parse)
/// says whether each is one. A recording that is cut off gives [`RecordingError::CutOff`] last.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    rest: &'a [u8],
    at: u64,
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<&'a [u8], RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let record = self.rest.split_first_chunk().and_then(|(length, after)| {
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            after.split_at_checked(length)
        });
        let Some((record, rest)) = record else {
            self.rest = &[];
            return Some(Err(RecordingError::CutOff { at: self.at }));
        };
        self.rest = rest;
        self.at += (LENGTH_LEN + record.len()) as u64;
        Some(Ok(record))
    }
}

impl FusedIterator for Records<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the recording with these bytes behind its magic gives: how many records, their bytes in all, and its end.
    #[track_caller]
    fn check(bytes: &[u8], n_records: usize, n_bytes: usize, end: Option<RecordingError>) {
        let mut file = [0; 64];
        file[..MAGIC.len()].copy_from_slice(&MAGIC);
        file[MAGIC.len()..][..bytes.len()].copy_from_slice(bytes);
        let mut read = records(&file[..MAGIC.len() + bytes.len()]).expect("a recording");
        let mut found = (0, 0, None);
        for record in read.by_ref() {
            match record {
                Ok(record) => found = (found.0 + 1, found.1 + record.len(), None),
                Err(error) => found.2 = Some(error),
            }
        }
        assert_eq!(found, (n_records, n_bytes, end));
        assert_eq!(read.next(), None);
    }

    #[test]
    fn a_recording_is_good_up_to_where_it_is_cut_off() {
        let bytes = [2, 0, 0, 0, 7, 8, 1, 0, 0, 0, 9];
        check(&bytes, 2, 3, None);
        for length in 7..11 {
            check(&bytes[..length], 1, 2, Some(RecordingError::CutOff { at: 12 }));
        }
        check(&bytes[..6], 1, 2, None);
        for length in 1..6 {
            check(&bytes[..length], 0, 0, Some(RecordingError::CutOff { at: 6 }));
        }
        check(&[], 0, 0, None);
        check(&[255, 255, 255, 255, 1], 0, 0, Some(RecordingError::CutOff { at: 6 }));
        check(&[0, 0, 0, 0], 1, 0, None);
    }

    #[test]
    fn what_begins_otherwise_is_not_a_recording() {
        for bytes in [&b""[..], b"PSREC", b"PSREC\x02", b"t_us,speed\n"] {
            assert_eq!(records(bytes).err(), Some(RecordingError::NotARecording));
        }
    }

    #[test]
    fn lengths_that_no_record_has_are_refused() {
        for length in [1, MAX_RECORD_LEN as u32] {
            assert_eq!(check_length(length.to_le_bytes(), 6), Ok(length as usize));
        }
        for found in [0, MAX_RECORD_LEN as u32 + 1, u32::MAX] {
            assert_eq!(check_length(found.to_le_bytes(), 6), Err(RecordingError::Length { at: 6, found }));
        }
    }
}
