//! Why did the program fail? Its message, and whether other settings would help, which decides the exit code.

use tracing_subscriber::filter::ParseError;

use crate::config::ConfigError;
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

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Running(error)
    }
}
