//! What the end-to-end tests share: brokers, bridges, publishers and viewers, all of them real.

pub use purple_sector_harness::{kafka, process};

pub mod binaries;

pub mod bridge;

pub mod publisher;

pub mod rows;

pub mod viewer;

pub mod log;
pub mod node;

pub mod figures;

mod wait;

pub use wait::eventually;
