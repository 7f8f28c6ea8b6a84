//! What can be asked of the program?

use clap::{Parser, Subcommand};

use crate::commands::{keys, token};
use crate::config::ServeArgs;

/// Serves each driver's live telemetry from Kafka to that driver's browsers, and to nobody else's.
#[derive(Debug, Parser)]
#[command(name = "bridge", version, subcommand_help_heading = "Commands")]
pub struct Cli {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings of the service.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// What else the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes tokens for trying things out, and ends tokens before their time.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Makes keys that sign tokens.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
}

impl Command {
    /// Runs the command to its end.
    ///
    /// # Errors
    /// One sentence that says what to change.
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Token(command) => command.run(),
            Self::Keys(command) => command.run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
