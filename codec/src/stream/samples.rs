//! What came out of one block? Columns of values, in the order of its stream's schema.

use super::{Gap, StreamId};
use crate::block::column_stride;
use crate::{Columns, Schema};

/// The samples of one block, valid until the reader's next record.
#[derive(Debug, Clone, Copy)]
pub struct Samples<'a> {
    /// The stream that they belong to.
    pub stream: &'a StreamId,
    /// A short name for the stream and its schema: the same for as long as the reader follows them, and from 1 on.
    pub stream_number: u32,
    /// Number of the block in its stream.
    pub seq: u32,
    /// Blocks missing between the samples before and these.
    pub missing: Option<Gap>,
    /// The channels, in the order of the columns.
    pub schema: &'a Schema,
    pub(super) columns: &'a ColumnMemory,
    pub(super) length: usize,
}

impl<'a> Samples<'a> {
    /// Number of samples, 1 to 256.
    #[expect(clippy::len_without_is_empty, reason = "a block is never empty")]
    pub fn len(&self) -> usize {
        self.length
    }

    /// When each sample was taken: Unix µs on the driver's clock.
    pub fn captured_at_us(&self) -> &'a [u64] {
        self.columns.captured_at_us.get(..self.length).unwrap_or_default()
    }

    /// Values of the schema's float channel `index`; absent is `NaN`. Empty if there is no such channel.
    pub fn float_column(&self, index: usize) -> &'a [f32] {
        self.column(&self.columns.floats, self.schema.n_floats(), index)
    }

    /// Values of the schema's int channel `index`; absent is [`ABSENT`](crate::ABSENT). Empty if there is no such
    /// channel.
    pub fn int_column(&self, index: usize) -> &'a [i32] {
        self.column(&self.columns.ints, self.schema.n_ints(), index)
    }

    /// All float columns: column `index` starts at `index * stride()`. For views over the memory.
    pub fn floats(&self) -> &'a [f32] {
        &self.columns.floats
    }

    /// All int columns, in the same way.
    pub fn ints(&self) -> &'a [i32] {
        &self.columns.ints
    }

    /// Distance between the starts of two columns, in values.
    pub fn stride(&self) -> usize {
        self.columns.stride
    }

    fn column<T>(&self, values: &'a [T], n_columns: usize, index: usize) -> &'a [T] {
        if index >= n_columns {
            return &[];
        }
        let start = index * self.columns.stride;
        values.get(start..start + self.length).unwrap_or_default()
    }
}

/// Where a reader decodes to; shared by its streams, because samples are valid only until the next record.
#[derive(Debug, Clone, Default)]
pub(super) struct ColumnMemory {
    captured_at_us: alloc::vec::Vec<u64>,
    floats: alloc::vec::Vec<f32>,
    ints: alloc::vec::Vec<i32>,
    stride: usize,
}

impl ColumnMemory {
    /// Columns with room for `n_samples` samples of this schema. Grows with the longest block and the largest schema
    /// seen so far, and never shrinks, so it stops to allocate after the first block of each.
    pub(super) fn for_block(&mut self, n_samples: usize, schema: &Schema) -> Columns<'_> {
        self.stride = self.stride.max(column_stride(n_samples));
        grow(&mut self.captured_at_us, self.stride);
        grow(&mut self.floats, self.stride * schema.n_floats());
        grow(&mut self.ints, self.stride * schema.n_ints());
        Columns {
            captured_at_us: &mut self.captured_at_us,
            floats: &mut self.floats,
            ints: &mut self.ints,
            stride: self.stride,
        }
    }
}

fn grow<T: Clone + Default>(values: &mut alloc::vec::Vec<T>, length: usize) {
    if values.len() < length {
        values.resize(length, T::default());
    }
}
