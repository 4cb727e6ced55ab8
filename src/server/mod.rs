//! The server around the engine: configuration, logging, wiring, signals.

pub mod command;
pub mod config;
pub mod logging;
pub mod metrics;
pub mod plan;
