//! How do samples become the body of a block, and back? The kernel: small, exact, without allocator.
//!
//! # From values to numbers
//!
//! Every channel is a *slot* of whole numbers (`i32`). Slot 0 is the time of the sample in microseconds since the
//! key block's first sample; then come the schema's float channels, then its int channels, in schema order.
//! - [`Coding::Fixed`]: the number of steps, rounded to the nearest, after limiting to the channel's range.
//! - [`Coding::Lossless`]: the bits of the float, with the lower 31 flipped if negative, so that order is kept.
//! - [`Coding::Int`]: the value itself.
//! - Absent (`NaN`, [`ABSENT`](crate::ABSENT)): `i32::MIN`, in every coding.
//!
//! All arithmetic on these numbers wraps at 32 bits, so every sequence of numbers has a coding.
//!
//! # Residuals
//!
//! A slot is coded by what a simple prediction leaves. Its *mode* says which prediction:
//!
//! | mode | name | prediction of the next number |
//! |---|---|---|
//! | 0 | sparse | the last number; a block in which nothing differs has no residuals at all |
//! | 1 | delta | the last number |
//! | 2 | linear | the last number plus the last difference |
//! | 3 | damped | the last number plus half of the last difference (rounded down) |
//!
//! The residual (number minus prediction) is zigzag coded (`0, -1, 1, -2, …` become `0, 1, 2, 3, …`) and written
//! in a fixed *width* of bits. Mode and width stay as they are until a block changes them.
//!
//! # The bytes of a body
//!
//! All fields are bits, the lowest bit of the first byte first, without gaps; the last byte is filled with zeros.
//!
//! 1. **Count**, 8 bits: number of samples minus one.
//! 2. In a key block, **absolute numbers** of the first sample, for each slot but the time (which is 0):
//!    a length code of 5 bits (0 to 29: so many bits; 30: 32 bits; 31: absent, no bits), then the zigzag number.
//!    Before it, all modes are sparse, all widths 0, and last differences 0.
//! 3. **Changes**, for each group of 16 slots: one bit *any*. If it is 1, one *event* bit for each slot of the
//!    group, then for each slot with an event, in order:
//!    - mode sparse and a width above 0: one bit; 0 means that the slot moves in this block, with the width as it
//!      is, and nothing follows; 1 means that new mode and width follow;
//!    - 2 bits mode, 5 bits width code (0 to 30: the width; 31: width 32). They hold from this block on.
//! 4. **Residuals** (parts 3 and 4 are missing in a key block of one sample) of one slot after the other: for each sample (in a key block from the second on) one number
//!    in the slot's width. A sparse slot without an event has none.
//!
//! The length of part 4 is known before its first bit is read, so a body is checked against its length once.

mod bits;
mod choice;
mod decode;
mod encode;
mod quantize;
mod slot;

pub use decode::{BlockDecoder, Columns, DecoderSlot};
pub use encode::{BlockEncoder, EncoderSlot};
pub use slot::{Coding, Slot};

/// Most channels in a schema.
pub const MAX_CHANNELS: usize = 1024;

/// Most samples in a block.
pub const MAX_SAMPLES: usize = 256;

/// Slots whose changes share one bit that says whether there are any.
const GROUP: usize = 16;

/// Rows of numbers that an encoder keeps from the block before: predictions look back two samples.
const HISTORY: usize = 2;

/// Times must be below this, so that JavaScript can hold them: 2^53 µs.
const TIME_LIMIT_US: u64 = 1 << 53;

/// Number of [`EncoderSlot`]s or [`DecoderSlot`]s needed for `n_channels` channels: one more, for the time.
pub const fn n_slots(n_channels: usize) -> usize {
    n_channels + 1
}

/// Number of `i32`s that an encoder needs for blocks of up to `n_samples` samples of `n_channels` channels.
pub const fn n_numbers(n_channels: usize, n_samples: usize) -> usize {
    n_slots(n_channels) * (n_samples + HISTORY)
}

/// The longest body of a block of `n_samples` samples of `n_channels` channels, in bytes.
pub const fn max_encoded_len(n_channels: usize, n_samples: usize) -> usize {
    let n_slots = n_slots(n_channels);
    let absolute_bits = n_slots * (5 + 32);
    let change_bits = n_slots * (1 + 1 + 7) + n_slots.div_ceil(GROUP);
    let residual_bits = n_slots * n_samples * 32;
    (8 + absolute_bits + change_bits + residual_bits).div_ceil(8)
}
