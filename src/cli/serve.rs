//! `twinlease serve`.

use std::path::Path;
use std::process::ExitCode;

use crate::server::config::{Config, LoadError};
use crate::server::logging::{self, LogFormat};
use crate::server::serve;

use super::{FAILED, USAGE, fail};

/// Serves until a signal ends it.
pub(super) fn run(file: &Path, filter: &str, format: LogFormat) -> ExitCode {
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(match error {
                LoadError::Unreadable { .. } => FAILED,
                LoadError::Invalid(_) => USAGE,
            });
        }
    };
    if let Err(error) = logging::start(filter, format) {
        eprintln!("{error}");
        return ExitCode::from(USAGE);
    }
    match serve::run(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}
