//! `twinlease man`.

use std::fs;
use std::path::Path;

use clap::CommandFactory;

use super::{Cli, Failure};

/// Writes a manual page for the program and for each of its commands.
pub(super) fn run(directory: &Path) -> Result<(), Failure> {
    let written = fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), directory));
    written.map_err(|error| {
        Failure::Said(format!("cannot write manual pages into {}: {error}", directory.display()))
    })
}
