//! Starts and ends real programs, Apache Kafka among them, for the end-to-end tests and for `cargo xtask`.

pub mod process;

pub mod kafka;

#[cfg(feature = "secure")]
pub mod secure;

pub mod cache;

pub mod corpus;
