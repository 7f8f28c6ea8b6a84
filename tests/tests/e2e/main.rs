//! End to end: a real Apache Kafka, the real bridge and collector, viewers in Rust and in Node. One broker for all of them.

mod auth;
mod fidelity;
mod isolation;
mod joining;
mod sessions;
mod slow_viewer;
mod users;
