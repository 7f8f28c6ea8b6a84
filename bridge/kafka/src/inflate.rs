//! How is a compressed batch opened without letting it take memory or time from others?
//!
//! Our collectors never compress batches and our topics do not keep them compressed, but whoever may write to a topic that
//! is set up otherwise can. Each batch may inflate to [`MAX_LEN`], and each topic has an [`Allowance`].

use std::io::Read;
use std::time::{Duration, Instant};

use crate::Unreadable;

/// What one batch may inflate to, in bytes.
pub(crate) const MAX_LEN: usize = 1024 * 1024;
/// What all batches of a topic may inflate to: at once, and then per second. A driver's telemetry is some 10 KiB a second.
const BURST_BYTES: u64 = 8 * MAX_LEN as u64;
const BYTES_PER_S: u64 = MAX_LEN as u64;

/// How a batch's records are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Lz4,
}

impl Compression {
    pub(crate) fn from_attributes(attributes: i16) -> Result<Self, Unreadable> {
        match attributes & 0x07 {
            0 => Ok(Self::None),
            1 => Ok(Self::Gzip),
            2 => Err(Unreadable::Compression("snappy")),
            3 => Ok(Self::Lz4),
            4 => Err(Unreadable::Compression("zstd")),
            _ => Err(Unreadable::Compression("something unknown")),
        }
    }
}

/// How much may be inflated for one topic; fills up with time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    left: u64,
    at: Instant,
}

impl Allowance {
    pub(crate) fn new(now: Instant) -> Self {
        Self { left: BURST_BYTES, at: now }
    }

    pub(crate) fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).min(Duration::from_secs(3600));
        self.left = BURST_BYTES.min(self.left + passed.as_millis() as u64 * BYTES_PER_S / 1000);
        self.at = now;
    }

    fn take(&mut self, n_bytes: usize) {
        self.left = self.left.saturating_sub(n_bytes as u64);
    }
}

/// The records of a batch.
pub(crate) fn inflate(
    compression: Compression,
    bytes: &[u8],
    allowance: &mut Allowance,
) -> Result<Vec<u8>, Unreadable> {
    if allowance.left == 0 {
        return Err(Unreadable::TooMuch);
    }
    let mut records = Vec::new();
    let read = match compression {
        Compression::None => return Ok(bytes.to_vec()),
        Compression::Gzip => read_all(flate2::read::GzDecoder::new(bytes), &mut records),
        Compression::Lz4 if has_small_blocks(bytes) => {
            read_all(lz4_flex::frame::FrameDecoder::new(bytes), &mut records)
        }
        Compression::Lz4 => return Err(Unreadable::TooLarge),
    };
    allowance.take(records.len());
    match read {
        Ok(_) if records.len() <= MAX_LEN => Ok(records),
        _ => Err(Unreadable::TooLarge),
    }
}

fn read_all(from: impl Read, records: &mut Vec<u8>) -> std::io::Result<usize> {
    from.take(MAX_LEN as u64 + 1).read_to_end(records)
}

/// LZ4's decoder takes memory for a block before it reads one: the frame's header must not ask for more than the cap.
fn has_small_blocks(frame: &[u8]) -> bool {
    // Magic number, flags, then the block size: 4 is 64 KiB, 5 is 256 KiB, 6 is 1 MiB, 7 is 4 MiB.
    frame.get(5).is_some_and(|descriptor| (descriptor >> 4) & 0x07 <= 6)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn lz4(bytes: &[u8]) -> Vec<u8> {
        // The blocks that Kafka's own clients write.
        let frame = lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max64KB);
        let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(frame, Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_fits_comes_out_and_one_byte_more_does_not() {
        for (compression, compress) in
            [(Compression::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (Compression::Lz4, lz4)]
        {
            for (length, fits) in [(0, true), (1000, true), (MAX_LEN, true), (MAX_LEN + 1, false)] {
                let bytes: Vec<u8> = (0..length).map(|i| i as u8).collect();
                let found = inflate(compression, &compress(&bytes), &mut Allowance::new(Instant::now()));
                let expected = if fits { Ok(bytes) } else { Err(Unreadable::TooLarge) };
                assert!(found == expected, "{length} bytes, {compression:?}");
            }
        }
    }

    #[test]
    fn a_bomb_costs_no_more_than_the_cap() {
        let bomb = gzip(&vec![0; 400 * 1024 * 1024]);
        let mut allowance = Allowance::new(Instant::now());
        assert_eq!(inflate(Compression::Gzip, &bomb, &mut allowance), Err(Unreadable::TooLarge));
        assert_eq!(allowance.left, BURST_BYTES - MAX_LEN as u64 - 1);
    }

    #[test]
    fn one_bomb_after_the_other_ends_with_the_allowance_which_comes_back_with_time() {
        let bomb = gzip(&vec![0; 2 * MAX_LEN]);
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        let n_opened = (0..100)
            .take_while(|_| inflate(Compression::Gzip, &bomb, &mut allowance) == Err(Unreadable::TooLarge))
            .count();
        assert_eq!(n_opened, 8);
        assert_eq!(inflate(Compression::Gzip, &gzip(b"x"), &mut allowance), Err(Unreadable::TooMuch));
        allowance.refill(start + Duration::from_secs(1));
        assert_eq!(inflate(Compression::Gzip, &gzip(b"x"), &mut allowance), Ok(b"x".to_vec()));
    }

    #[test]
    fn broken_frames_and_huge_lz4_blocks_are_refused() {
        let mut allowance = Allowance::new(Instant::now());
        for bytes in
            [&b""[..], b"\x1f\x8b", b"not compressed at all", &[0x04, 0x22, 0x4D, 0x18, 0x60, 0x70, 0x73]]
        {
            for compression in [Compression::Gzip, Compression::Lz4] {
                let found = inflate(compression, bytes, &mut allowance);
                assert!(found.is_err(), "{compression:?} {bytes:?}: {found:?}");
            }
        }
    }
}
