//! How does a page decode what the collector encoded? With the codec itself, as WebAssembly: bytes in, columns out.
//!
//! The exports are as thin as they can be and only numbers cross: a reader has a fixed input buffer, a *head* of
//! numbers at a fixed place, and columns at fixed places per stream; a store is memory for what a page keeps. The typed
//! API over them is in `npm/`, which is the only user of these exports.
#![warn(missing_docs)]
// Without std the module is half as large: it leaves out panic messages, which a page has no use for.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod client;
mod describe;
mod note;
mod reader;
#[cfg(target_arch = "wasm32")]
mod runtime;
pub mod shared;
mod store;

pub use reader::Reader;
pub use store::Store;
