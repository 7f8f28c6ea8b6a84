//! The bridge: each driver's live telemetry from Kafka to that driver's browsers, and to nobody else's.
//!
//! [`serve`] is the program: it is handed its listeners, its Kafka and its end, so tests run the same code.

mod audit;
pub mod auth;
mod bridge;
pub mod cli;
pub mod commands;
pub mod config;
pub mod control;
pub mod dashboard;
pub mod feed;
pub mod host;
mod http;
pub mod kafka;
pub mod logging;
pub mod origin;
mod places;
mod routes;
mod server;
pub mod stats;
mod supervisor;
mod time;
mod viewer;
mod workers;

pub use self::server::{Connected, Listeners, announce, bind, connect, serve};
