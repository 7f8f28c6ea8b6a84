//! The collector's program: read settings, start logging, run, say how it ended.

use std::process::ExitCode;

use purple_sector_collector::{Config, Failure, logging, run};

/// Exit code for settings that cannot be used.
const BAD_SETTINGS: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let config = Config::load(); // ends here with exit code 2 if it cannot be read
    let result = match logging::init(config.common.log_format, &config.common.log_level) {
        Ok(()) => run(config, shutdown_signal()).await,
        Err(error) => Err(error.into()),
    };
    match result {
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
