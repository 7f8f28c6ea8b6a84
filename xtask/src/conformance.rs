//! Is the wire format what its document says? A reader in Python that follows the document reads the golden
//! vectors, and every change of one of its rules is noticed by them.

use std::process::Command;

use anyhow::Result;

use crate::toolchain::system;
use crate::{paths, step};

/// Runs the Python reader over the vectors, and then the readers with a changed rule.
///
/// # Errors
/// Python is missing (the message has the command that installs it), a record is read otherwise than its vector says, or a
/// changed rule goes unnoticed.
pub(crate) fn run() -> Result<()> {
    system::ensure(&system::PYTHON)?;
    step::run_shown("reading the vectors by the document alone", "1 s", &mut python("check.py"))?;
    step::run_shown("changing each rule of that reader", "30 s", &mut python("mutants"))
}

fn python(program: &str) -> Command {
    let mut python = Command::new("python3");
    // It leaves no compiled files next to the sources.
    python.arg("-B").arg(paths::root().join("codec/conformance").join(program));
    python
}
