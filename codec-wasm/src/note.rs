//! How do things other than columns reach JavaScript? As a note: numbers in an agreed order, and UTF-8 text.
//!
//! A text is written as its length in bytes, and its bytes go to the text area. `NaN` stands for an absent value, and a
//! list starts with its length. `npm/src/note.ts` reads the same order. Notes are for rare things; what comes with every
//! block has a fixed place in the head (see `reader.rs`).

use alloc::vec::Vec;

/// A note being written. Its memory is kept, so that rewriting one of the same size allocates nothing.
#[derive(Default)]
pub(crate) struct Note {
    numbers: Vec<f64>,
    text: Vec<u8>,
}

impl Note {
    /// Empties it.
    pub(crate) fn clear(&mut self) {
        self.numbers.clear();
        self.text.clear();
    }

    /// Writes a number.
    pub(crate) fn number(&mut self, value: impl Into<f64>) -> &mut Self {
        self.push(value.into())
    }

    // Once in the module, not in each of a hundred places.
    #[inline(never)]
    fn push(&mut self, value: f64) -> &mut Self {
        self.numbers.push(value);
        self
    }

    /// Writes a whole number that the formats keep below 2^53; larger ones are rounded.
    pub(crate) fn large(&mut self, value: u64) -> &mut Self {
        self.number(value as f64)
    }

    /// Writes a number or its absence.
    pub(crate) fn optional(&mut self, value: Option<impl Into<f64>>) -> &mut Self {
        self.number(value.map_or(f64::NAN, Into::into))
    }

    /// Writes a text.
    #[inline(never)]
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.text.extend_from_slice(text.as_bytes());
        self.large(text.len() as u64)
    }

    /// Writes a text or its absence.
    pub(crate) fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.number(f64::NAN),
        }
    }

    /// Address and length of the numbers and of the text, as the head holds them.
    pub(crate) fn place(&self) -> [f64; 4] {
        [
            address(self.numbers.as_ptr()),
            self.numbers.len() as f64,
            address(self.text.as_ptr()),
            self.text.len() as f64,
        ]
    }
}

/// Where `pointer` stands in the WebAssembly memory.
pub(crate) fn address<T>(pointer: *const T) -> f64 {
    pointer.addr() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_lengths_among_the_numbers() {
        let mut note = Note::default();
        note.number(1.5_f32).text("°C").optional_text(None).optional(Some(7_u32)).large(1 << 52);
        assert_eq!(note.text, "°C".as_bytes());
        assert_eq!(note.numbers[..2], [1.5, 3.0]);
        assert!(note.numbers[2].is_nan());
        assert_eq!(note.numbers[3..], [7.0, (1_u64 << 52) as f64]);
    }

    #[test]
    fn a_cleared_note_keeps_its_memory() {
        let mut note = Note::default();
        note.text("a text");
        let place = note.place();
        note.clear();
        note.text("a tent");
        assert_eq!(note.place(), place);
    }
}
