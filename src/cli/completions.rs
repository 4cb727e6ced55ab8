//! `twinlease completions`.

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Failure};

/// Prints what a shell has to know to complete command lines.
pub(super) fn run(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "twinlease", &mut script);
    Ok(io::Write::write_all(&mut io::stdout().lock(), &script)?)
}
