//! What the end-to-end tests share: brokers, bridges, publishers and viewers, all of them real.
//!
//! `bridge` and `publisher` are the two ends of a test; `rows` are the samples that a publisher sends, and `marks` says whose
//! they are. `viewer`, `log` and `node` see what came of them. `clients` talk to a secured Kafka directly.

pub mod binaries;
pub mod bridge;
pub mod clients;
pub mod figures;
pub mod log;
pub mod marks;
pub mod node;
pub mod publisher;
pub mod rows;
pub mod viewer;
mod wait;

pub use purple_sector_harness::{kafka, process, secure};

pub use self::wait::eventually;
