//! What can the program do besides serving?

pub mod keys;
pub mod token;

use anyhow::Result;

use crate::config::Command;

/// Runs a command to its end.
///
/// # Errors
/// One sentence that says what to change.
pub fn run(command: Command) -> Result<()> {
    match command {
        Command::Token(token::TokenCommand::Mint(args)) => token::mint(&args),
        Command::Keys(keys::KeysCommand::Generate(args)) => keys::generate(&args),
    }
}
