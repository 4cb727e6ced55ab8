//! The server around the engine: configuration, logging, wiring, signals.

pub mod command;
pub mod config;
mod duties;
pub mod edit;
pub mod engine;
mod event_log;
pub mod feed;
pub(crate) mod keeper;
pub mod logging;
pub mod metrics;
mod notify;
pub(crate) mod owners;
pub mod plan;
mod reasons;
mod recovery;
mod report;
pub mod serve;
mod steering;
mod why;
