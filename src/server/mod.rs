//! The server around the engine: configuration, logging, wiring, signals.

pub mod command;
pub mod metrics;
