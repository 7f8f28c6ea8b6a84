//! Purple Sector's collector: where do samples come from, and how do they reach Kafka?
//!
//! A [source] gives samples; a [pipeline] encodes them into blocks and puts these into the user's
//! [lane](lane::Lane), from which the [producer](publish) takes them in order. [`run`] is the program.

pub mod asker;
pub mod clock;
pub mod clock_offset;
pub mod config;
mod failure;
pub mod health;
pub mod lane;
pub mod lap;
pub mod logging;
pub mod login;
pub mod outbox;
pub mod pipeline;
mod progress;
pub mod publish;
pub mod pump;
pub mod queue;
pub mod recorder;
pub mod recording;
mod run;
pub mod secret;
pub mod session;
pub mod source;
pub mod token;
pub mod token_file;
pub mod topic;
mod topic_watch;

pub use self::config::{Config, ConfigError, SecurityError};
pub use self::failure::{Failure, SettingsError};
pub use self::run::run;
