//! ISC dhcpd's files: what one half of a dhcpd pair leaves behind, and what it is started with.
//!
//! [`LeaseFile`] is a `dhcpd.leases` as values. `tokens`, `date` and `read` read one from octets:
//! reading is total, whatever the octets are the outcome is a value or a [`LeaseFileError`] with line
//! and column. `write` writes one as dhcpd does. `import` turns a lease file into what a store holds,
//! `export` does the reverse, and [`dhcpd_conf`] writes a `dhcpd.conf` that says what a configuration
//! of ours says.

mod conf;
mod date;
mod error;
mod export;
mod import;
mod lease;
mod read;
mod tokens;
mod write;

pub use conf::{DhcpdConf, Half, dhcpd_conf};
pub use error::{LeaseFileError, Trouble};
pub use export::export;
pub use import::{Imported, Owner, import};
pub use lease::{FailoverBlock, Lease, LeaseFile};
