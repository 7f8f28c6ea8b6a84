//! How do samples become the body of a block, and back? The kernel: small, exact, without allocator.
//!
//! # From values to numbers
//!
//! Every channel is a *slot* of whole numbers (`i32`). First come the schema's float channels, then its int channels,
//! in schema order; the last slot is the time of the sample, in microseconds since the key block's first sample.
//! - [`Coding::Fixed`]: the number of steps, rounded to the nearest, after limiting to the channel's range.
//! - [`Coding::Lossless`]: the bits of the float, with the lower 31 flipped if negative, so that order is kept.
//! - [`Coding::Int`]: the value itself.
//! - Absent (`NaN`, [`ABSENT`](crate::ABSENT)): `i32::MIN`, in every coding.
//!
//! Back again, a fixed point number is converted to `f32` and multiplied by the resolution. The result differs from
//! the original by at most half a step and one unit in the last place.
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
//! | 3 | mean | the last number minus half of the last difference (the half is rounded down) |
//!
//! The residual (number minus prediction) is zigzag coded (`0, -1, 1, -2, …` become `0, 1, 2, 3, …`) and written
//! in a fixed *width* of 0 to 32 bits. Mode and width stay as they are until a block changes them.
//!
//! # The bytes of a body
//!
//! All fields are bits, the lowest bit of the first byte first, without gaps; the last byte is filled with zeros.
//!
//! 1. **Count**, 8 bits: number of samples minus one.
//! 2. In a key block, the **first sample**, for each slot: a length code of 5 bits (0 to 29: so many bits; 30: 32
//!    bits; 31: absent, no bits), then the zigzag number in so many bits. With it all modes become sparse, all
//!    widths 0, all last differences 0. A key block of one sample ends here.
//! 3. **Changes**, for each group of 8 slots (the last group may have fewer): one bit *any*. If it is 1, one *event*
//!    bit for each slot of the group, and then for each slot with an event, in order:
//!    - if the slot is sparse with a width above 0: one bit. 0: the slot moves in this block, with its width as it
//!      is, and nothing follows. 1: a change follows.
//!    - if the slot is sparse with width 0, nothing tells the kind of change: it is a full one.
//!    - the change, holding from this block on:
//!
//!    | bits, in the order they are written | change |
//!    |---|---|
//!    | `0 s` | the width grows (`s` = 0) or shrinks (1) by 1 |
//!    | `1 0 s` | the width grows (`s` = 0) or shrinks (1) by 2 |
//!    | `1 1` and 7 bits | full: 2 bits mode, 5 bits width code (0 to 30: the width; 31: width 32) |
//!    | 7 bits | full, where it can be nothing else |
//!    In a key block, a change to linear is followed by the difference between the slot's first two numbers, written
//!    like a number of part 2; it stands for the last difference.
//! 4. **Residuals** of one slot after the other: for each sample (in a key block from the second on) one residual in
//!    the slot's width. A sparse slot without an event has none, nor has one that this block made sparse.
//!
//! The length of part 4 is known before its first bit is read, so a body is checked against its length once.

mod bits;
mod change;
mod choice;
mod column;
mod decode;
mod encode;
mod group;
mod pack;
mod quantize;
mod slot;

pub use column::DecoderSlot;
pub use decode::{BlockDecoder, Columns};
pub use encode::BlockEncoder;
pub use group::EncoderGroup;
pub use slot::{Coding, Slot};

/// A [`BlockEncoder`] that owns its memory.
#[cfg(feature = "alloc")]
pub type OwnedBlockEncoder = BlockEncoder<alloc::vec::Vec<EncoderGroup>, alloc::vec::Vec<[i32; GROUP]>>;

/// A [`BlockDecoder`] that owns its memory.
#[cfg(feature = "alloc")]
pub type OwnedBlockDecoder = BlockDecoder<alloc::vec::Vec<DecoderSlot>>;

/// Most channels in a schema.
pub const MAX_CHANNELS: usize = 1024;

/// Most samples in a block.
pub const MAX_SAMPLES: usize = 256;

/// Most numbers in a block: samples times slots, the time among them. More never fit into a record if all of them move,
/// so no encoder writes them, and a reader's work on a short record is bounded.
pub const MAX_NUMBERS: usize = 16 * 1024;

/// Slots whose changes share one bit that says whether there are any, and that the encoder handles side by side.
const GROUP: usize = 8;

/// Rows of numbers that an encoder keeps from the block before: predictions look back two samples.
const HISTORY: usize = 2;

/// How many residuals of each width one write or read of bits takes.
const RESIDUALS_PER_WORD: [u8; 64] = {
    let mut table = [u8::MAX; 64];
    let mut width = 1;
    while width <= 32 {
        table[width] = bits::MAX_BITS as u8 / width as u8;
        width += 1;
    }
    table
};

/// Times must be below this, so that JavaScript can hold them: 2^53 µs.
const TIME_LIMIT_US: u64 = 1 << 53;

/// Longest time between a key block's first sample and a sample that continues it: about 18 minutes.
const SPAN_LIMIT_US: u64 = 1 << 30;

/// Number of [`DecoderSlot`]s that a decoder needs for `n_channels` channels: one more, for the time.
pub const fn n_slots(n_channels: usize) -> usize {
    n_channels + 1
}

/// Number of [`EncoderGroup`]s that an encoder needs for `n_channels` channels.
pub const fn n_groups(n_channels: usize) -> usize {
    n_slots(n_channels).div_ceil(GROUP)
}

/// Number of `[i32; 8]`s that an encoder needs for blocks of up to `n_samples` samples of `n_channels` channels.
pub const fn n_number_groups(n_channels: usize, n_samples: usize) -> usize {
    n_groups(n_channels) * (n_samples + HISTORY)
}

/// Distance between columns for blocks of up to `n_samples` samples: three more, because a decoder writes four values at
/// a time, and rounded up to a multiple of four.
pub const fn column_stride(n_samples: usize) -> usize {
    (n_samples + column::SLACK).next_multiple_of(column::TILE)
}

/// Length of the output in bytes that an encoder asks for: the longest body of a block of `n_samples` samples of
/// `n_channels` channels, and 8 bytes, because it writes whole words.
pub const fn max_encoded_len(n_channels: usize, n_samples: usize) -> usize {
    let n_slots = n_slots(n_channels);
    let first_bits = n_slots * (5 + 32);
    let change_bits = n_groups(n_channels) + n_slots * (1 + 1 + 9 + 5 + 32);
    let residual_bits = n_slots * n_samples * 32;
    (8 + first_bits + change_bits + residual_bits).div_ceil(8) + bits::SLACK
}
