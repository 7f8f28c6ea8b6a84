//! The `collector` program: settings, logging, run, exit code.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use purple_sector_collector::config::LogFormat;
use purple_sector_collector::{Config, Failure, run};
use tracing_subscriber::EnvFilter;

/// Bad settings, as for every program of this project.
const BAD_SETTINGS: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let config = Config::parse(); // bad settings end here, with exit code 2
    init_logging(config.common.log_format);
    match run(config, shutdown_signal()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("collector: {failure}");
            match failure {
                Failure::Settings(_) => ExitCode::from(BAD_SETTINGS),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn init_logging(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logging = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let is_terminal = std::io::stderr().is_terminal();
    match format {
        LogFormat::Text => logging.with_target(false).with_ansi(is_terminal).init(),
        LogFormat::Json => logging.json().init(),
    }
}

/// Completes when a person or the system asks the program to stop.
async fn shutdown_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without signals there is only the end of the source.
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let terminate = async {
            match signal(SignalKind::terminate()) {
                Ok(mut signal) => {
                    signal.recv().await;
                }
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! { () = interrupt => {}, () = terminate => {} }
    }
    #[cfg(not(unix))]
    interrupt.await;
}
