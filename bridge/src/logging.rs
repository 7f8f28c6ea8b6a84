//! Where do log lines go, and how do they look?

use std::io;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Starts logging to standard error. Control characters in values are escaped by either format, so that no value can
/// forge a line.
///
/// Whatever `level` says, tungstenite's trace is left out: it prints whole frames, and a frame may hold a token.
///
/// # Errors
/// `level` is not a level or a list of them.
pub fn init(format: LogFormat, level: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level).with_context(|| {
        format!("\"{}\" is not a log level (--log-level, LOG_LEVEL)", level.escape_debug())
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => builder.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    // tungstenite logs by `log`, as nothing else here does that has anything to say at this level.
    log::set_max_level(log::max_level().min(log::LevelFilter::Debug));
    Ok(())
}
