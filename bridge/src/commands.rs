//! What can the program do besides serving?

pub mod keys;
mod revoke;
pub mod token;
