//! Where do log lines go, and how do they look?

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;
use crate::failure::SettingsError;

/// Starts logging to standard error. Control characters in values are escaped by either format, so that no value can
/// forge a line.
///
/// # Errors
/// [`SettingsError::LogLevel`] if `level` is not a level or a list of them.
pub fn init(format: LogFormat, level: &str) -> Result<(), SettingsError> {
    let filter = EnvFilter::try_new(level)
        .map_err(|error| SettingsError::LogLevel { level: level.to_owned(), error })?;
    let logging = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => logging.with_target(false).with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => logging.json().flatten_event(true).init(),
    }
    Ok(())
}
