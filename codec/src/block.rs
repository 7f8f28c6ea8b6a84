//! How do samples become the body of a block, and back? The kernel: small, exact, without an allocator.
//!
//! [The wire format](https://github.com/purple-sector/purple-sector/blob/main/docs/wire-format.md) says what the bits of a body are and is
//! the only place that does. In short: every channel, and last the time, is a *slot* of whole numbers (`quantize`); a slot's *mode* says how the
//! next number is predicted (`slot`); the modes and widths that change come first (`choice`, `change`), then the residuals of one slot after the
//! other, bit-packed in that slot's width (`group`, `pack` to write, `change_reader`, `quad` to read).

mod bits;
mod change;
mod change_reader;
mod choice;
mod decode;
mod encode;
mod group;
mod pack;
mod quad;
mod quantize;
mod slot;

pub use self::decode::{BlockDecoder, Columns};
pub use self::encode::BlockEncoder;
pub use self::group::EncoderGroup;
pub use self::quad::DecoderQuad;
pub use self::slot::{Coding, Slot};

/// A [`BlockEncoder`] that owns its memory.
#[cfg(feature = "alloc")]
pub type OwnedBlockEncoder = BlockEncoder<alloc::vec::Vec<EncoderGroup>, alloc::vec::Vec<[i32; GROUP]>>;

/// A [`BlockDecoder`] that owns its memory.
#[cfg(feature = "alloc")]
pub type OwnedBlockDecoder = BlockDecoder<alloc::vec::Vec<DecoderQuad>>;

/// Most channels in a schema.
pub const MAX_CHANNELS: usize = 1024;

/// Most samples in a block.
pub const MAX_SAMPLES: usize = 256;

/// Most numbers in a block: samples times slots, the time among them. More would not fit into a record if all of them moved,
/// so no encoder writes them, which bounds a reader's work on a short record.
pub const MAX_NUMBERS: usize = 16 * 1024;

/// Slots whose changes share one bit that says whether there are any, and that the encoder handles side by side.
const GROUP: usize = 8;
/// Rows of numbers of the slots of one group.
type GroupRows = [[i32; GROUP]];

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

/// Longest time between a key block's first sample and a sample that continues it: about 18 minutes.
const SPAN_LIMIT_US: u64 = 1 << 30;

/// Number of [`DecoderQuad`]s that a decoder needs for `n_channels` channels: four to a quad, but the floats, the ints and
/// the time each start a new one.
pub const fn n_quads(n_channels: usize) -> usize {
    n_channels.div_ceil(quad::LANES) + 2
}

/// Slots of `n_channels` channels: one more, for the time.
const fn n_slots(n_channels: usize) -> usize {
    n_channels + 1
}

/// Most samples in a block of `n_channels` channels.
pub const fn max_samples(n_channels: usize) -> usize {
    let by_numbers = MAX_NUMBERS / n_slots(n_channels);
    if by_numbers < MAX_SAMPLES { by_numbers } else { MAX_SAMPLES }
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
    (n_samples + quad::SLACK).next_multiple_of(quad::TILE)
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
