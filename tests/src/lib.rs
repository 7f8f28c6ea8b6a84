//! What do the end-to-end tests share? Real programs and a real Apache Kafka, and what is built on them.

pub use purple_sector_harness::{kafka, process};
