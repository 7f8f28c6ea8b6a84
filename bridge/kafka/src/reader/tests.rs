//! Readers against a small Kafka cluster whose answers another implementation of the protocol writes.

mod cluster;
mod faults;
mod hostile;
mod logins;
mod moves;
mod random;
mod starts;
mod world;
