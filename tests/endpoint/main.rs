//! The endpoint as a whole: two of them on one clock, or one and a scripted partner, with nothing in
//! between but octets.

mod conflict;
mod connection;
mod durability;
mod interruption;
mod leases;
mod pool;
mod recovery;
mod support;
mod updates;
