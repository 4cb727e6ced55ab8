//! The endpoint as a whole: two of them on one clock, with nothing in between but octets.

mod recovery;
mod support;
