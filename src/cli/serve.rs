//! `twinlease serve`.

use std::path::Path;
use std::process::ExitCode;

use crate::server::config::{Config, LoadError};
use crate::server::{logging, serve};

use super::{FAILED, LogOptions, USAGE, fail};

/// Serves until a signal ends it.
pub(super) fn run(file: &Path, log: &LogOptions) -> ExitCode {
    if let Err(wrong) = logging::start(&log.log, log.log_format) {
        eprintln!("twinlease: {wrong}");
        return ExitCode::from(USAGE);
    }
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    if config.dhcp.interfaces.is_empty() && config.dhcp.listen.is_empty() {
        tracing::warn!("no client is served: [dhcp] has neither interfaces nor listen");
    }
    match serve::run(&config, file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

/// Says what is wrong with a configuration file, and the exit code for it.
pub(super) fn refuse(error: &LoadError) -> ExitCode {
    match error {
        LoadError::Invalid(invalid) => {
            eprintln!("{invalid}");
            ExitCode::from(USAGE)
        }
        LoadError::Unreadable { .. } => {
            eprintln!("twinlease: {error}");
            ExitCode::from(FAILED)
        }
    }
}
