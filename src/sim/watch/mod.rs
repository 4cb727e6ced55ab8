//! Whether every promise is kept, seen from outside: from the clients, from the wire and from the
//! disks.
//!
//! Each checker has its own file and is fed plain observations, so that it can be shown what it must
//! complain of. [`violation`] names what they complain of, [`excuse`] what nobody can help.

pub(crate) mod announced;
pub(crate) mod changes;
pub(crate) mod excuse;
pub(crate) mod holders;
pub(crate) mod owners;
pub(crate) mod shadow;
pub(crate) mod table;
mod violation;
pub(crate) mod wire;

pub use violation::{Kind, Violation};
