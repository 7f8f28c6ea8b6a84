//! The bridge: each driver's live telemetry from Kafka to that driver's browsers, and to nobody else's.

pub mod auth;
