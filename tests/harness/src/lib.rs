//! Starts and ends real programs, Apache Kafka among them, for the end-to-end tests and for `cargo xtask`.

pub mod cache;
pub mod corpus;
pub mod kafka;
pub mod process;
#[cfg(feature = "secure")]
pub mod secure;
