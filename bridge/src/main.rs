//! The bridge's program: read settings, start logging, serve, say how it ended.

use std::process::ExitCode;

use clap::Parser;
use purple_sector_bridge::cli::Cli;
use purple_sector_bridge::config::{Config, ServeArgs};
use purple_sector_bridge::{announce, bind, connect, logging, serve};

/// Exit code for settings that cannot be used.
const BAD_SETTINGS: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse(); // ends here with exit code 2 if it cannot be read
    match cli.command {
        Some(command) => ended(command.run(), BAD_SETTINGS),
        None => run(cli.serve),
    }
}

fn run(args: ServeArgs) -> ExitCode {
    let (log_format, log_level) = (args.log_format, args.log_level.clone());
    let checked = logging::init(log_format, &log_level).and_then(|()| Config::check(args));
    let config = match checked {
        Ok(config) => config,
        Err(error) => return ended(Err(error), BAD_SETTINGS),
    };
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => ended(runtime.block_on(start(config)), 1),
        Err(error) => ended(Err(error.into()), 1),
    }
}

async fn start(mut config: Config) -> anyhow::Result<()> {
    let shutdown = shutdown_signal()?;
    let connected = connect(&mut config).await?;
    let listeners = bind(&config).await?;
    announce(&listeners, &connected, &config)?;
    serve(listeners, connected, config, shutdown).await;
    Ok(())
}

/// Ctrl-C or, where there is one, SIGTERM.
fn shutdown_signal() -> anyhow::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}

fn ended(result: anyhow::Result<()>, failure: u8) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bridge: {error:#}");
            ExitCode::from(failure)
        }
    }
}
