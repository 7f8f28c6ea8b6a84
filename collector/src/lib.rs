//! Purple Sector's collector: where do samples come from, and how do they reach Kafka?
pub mod source;
