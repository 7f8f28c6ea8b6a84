//! Where does a page keep what it has seen? In this memory, next to where blocks are decoded; `npm/src/history.ts` fills it.

use alloc::boxed::Box;
use alloc::vec;

use wasm_bindgen::prelude::wasm_bindgen;

/// Memory of a fixed size for JavaScript, until it is freed.
#[wasm_bindgen]
pub struct Store {
    words: Box<[f64]>,
}

#[wasm_bindgen]
impl Store {
    /// Memory for `n_words` numbers of 8 bytes, all 0.
    #[wasm_bindgen(constructor)]
    pub fn new(n_words: usize) -> Self {
        Self { words: vec![0.0; n_words].into() }
    }

    /// Its address.
    pub fn ptr(&self) -> usize {
        self.words.as_ptr().addr()
    }
}
