//! Why did the program fail? Its message, and whether other settings would help, which decides the exit code.

use rdkafka::error::KafkaError;
use tracing_subscriber::filter::ParseError;

use crate::config::{ConfigError, SecurityError};
use crate::pipeline::PipelineError;
use crate::recording::CreateError;
use crate::source::SourceError;
use crate::source::simulator::SimulatorError;

/// Why the program failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The settings, or a file that they name, cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Something failed while running.
    #[error("{0:#}")]
    Running(anyhow::Error),
}

/// What is wrong with the settings, or with a file that they name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// They do not go together, or something is missing.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The settings of Kafka's client do not go together, or a file that they name cannot be used.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// Kafka's client does not take the settings, or the certificates and keys in their files.
    #[error("Kafka's client does not accept the settings: {reason} (KAFKA_SSL_…, --kafka-property)")]
    Client {
        /// What it says.
        reason: String,
    },
    /// The log level cannot be read.
    #[error("\"{}\" is not a log level: {error} (--log-level, LOG_LEVEL)", level.escape_debug())]
    LogLevel {
        /// What was asked for.
        level: String,
        /// What is wrong with it.
        error: ParseError,
    },
    /// This cannot be simulated.
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    /// The recording to play is missing or broken; the error says in which line, column or byte.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The recording to write cannot be begun.
    #[error(transparent)]
    Recording(#[from] CreateError),
    /// The source and the block size do not make a stream.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
}

impl SettingsError {
    /// What librdkafka does not accept.
    pub(crate) fn client(error: &KafkaError) -> Self {
        let reason = match error {
            // Without the value, which nobody has to see.
            KafkaError::ClientConfig(_, reason, _, _) | KafkaError::ClientCreation(reason) => reason.clone(),
            error => error.to_string(),
        };
        Self::Client { reason: reason.split_whitespace().collect::<Vec<_>>().join(" ") }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Running(error)
    }
}
