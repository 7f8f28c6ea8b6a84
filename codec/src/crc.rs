//! Did a byte change on the way? CRC-32C (Castagnoli), eight bytes at a time.
//!
//! The tables are made when they are first needed, because as constants they would add 8 kB to the WebAssembly
//! module, which is most of its size budget. They always hold the same numbers, so threads that make them at the
//! same time write the same values; atomics make that sound and cost nothing to read.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The Castagnoli polynomial, bits reversed.
const POLYNOMIAL: u32 = 0x82F6_3B78;

/// `TABLES[k][b]` is what byte `b` adds to the checksum when `k` more bytes follow it.
static TABLES: [[AtomicU32; 256]; 8] = [const { [const { AtomicU32::new(0) }; 256] }; 8];
static READY: AtomicBool = AtomicBool::new(false);

/// The CRC-32C of `bytes` (initial value and final XOR all ones, as in iSCSI and Kafka).
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    if !READY.load(Ordering::Acquire) {
        fill_tables();
    }
    // Zeros in front change nothing as long as the checksum is 0. So they fill the first word, all others are whole, and
    // the ones to start with are added to the first four bytes, of which some may be in the second word.
    let (first, words) = bytes.as_rchunks::<8>();
    let n_bits = 8 * first.len() as u32;
    let first = first.iter().fold(0, |word, byte| word >> 8 | u64::from(*byte) << 56);
    let ones = u64::from(u32::MAX);
    let first = first ^ ones.checked_shl(64 - n_bits).unwrap_or(0);
    let crc = add_word(0, first) ^ (ones >> n_bits) as u32;
    !words.iter().fold(crc, |crc, word| add_word(crc, u64::from_le_bytes(*word)))
}

#[inline(always)]
fn add_word(crc: u32, word: u64) -> u32 {
    let [a, b, c, d, e, f, g, h] = (word ^ u64::from(crc)).to_le_bytes();
    look_up(7, a)
        ^ look_up(6, b)
        ^ look_up(5, c)
        ^ look_up(4, d)
        ^ look_up(3, e)
        ^ look_up(2, f)
        ^ look_up(1, g)
        ^ look_up(0, h)
}

#[inline(always)]
fn look_up(table: usize, byte: u8) -> u32 {
    TABLES[table][usize::from(byte)].load(Ordering::Relaxed)
}

#[cold]
fn fill_tables() {
    for (byte, entry) in (0u32..).zip(&TABLES[0]) {
        let mut crc = byte;
        // Hidden, so that the compiler does not write the same step out eight times.
        for _ in 0..core::hint::black_box(8) {
            crc = (crc >> 1) ^ (POLYNOMIAL & 0u32.wrapping_sub(crc & 1));
        }
        entry.store(crc, Ordering::Relaxed);
    }
    for (table, longer_table) in TABLES.iter().zip(&TABLES[1..]) {
        for (entry, longer_entry) in table.iter().zip(longer_table) {
            let crc = entry.load(Ordering::Relaxed);
            longer_entry.store((crc >> 8) ^ look_up(0, crc as u8), Ordering::Relaxed);
        }
    }
    READY.store(true, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // The check value of the algorithm, and the examples of RFC 3720, appendix B.4.
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(b""), 0);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
        assert_eq!(crc32c(&core::array::from_fn::<u8, 32, _>(|i| i as u8)), 0x46DD_794E);
        assert_eq!(crc32c(&core::array::from_fn::<u8, 32, _>(|i| 31 - i as u8)), 0x113F_DB5C);
    }

    #[test]
    fn every_length_equals_the_definition() {
        let bytes: [u8; 67] = core::array::from_fn(|i| (i * 37 + 11) as u8);
        for length in 0..=bytes.len() {
            let mut crc = !0u32;
            for &byte in &bytes[..length] {
                crc ^= u32::from(byte);
                for _ in 0..8 {
                    crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
                }
            }
            assert_eq!(crc32c(&bytes[..length]), !crc, "length {length}");
        }
    }
}
