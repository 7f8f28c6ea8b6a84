//! Which records follow on each other? Samples in and records out; records in and samples out, once and in order.
//!
//! A stream is one session's blocks of one encoder start. The rules that make it safe to read from the middle,
//! twice, or with holes are in [`Chain`]; `docs/wire-format.md` states them.

mod chain;

pub use chain::{Chain, Gap, Link};
