//! Where do log lines go, and how do they look?

use std::io;

use anyhow::Context;
use tracing::Level;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::config::LogFormat;

/// Starts logging to standard error. Control characters in values are escaped by either format, so that no value can
/// forge a line.
///
/// Whatever `level` says, two traces are left out, because a token may be in what they print: tungstenite's whole frames, and
/// warp's parts of paths.
///
/// # Errors
/// `level` is not a level or a list of them.
pub fn init(format: LogFormat, level: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level).with_context(|| {
        format!("\"{}\" is not a log level (--log-level, LOG_LEVEL)", level.escape_debug())
    })?;
    let filter = filter
        .and(filter_fn(|event| *event.level() != Level::TRACE || !event.target().starts_with("warp::")));
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    // tungstenite logs by `log`, as nothing else here does that has anything to say at this level.
    log::set_max_level(log::max_level().min(log::LevelFilter::Debug));
    Ok(())
}
