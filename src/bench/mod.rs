//! `twinlease bench`: loads for any DHCP server and any failover partner, and what came of them.
//!
//! [`clients`] is a population of DHCP clients that asks at a given rate, whatever the server does.
//! [`report`] writes figures for programs (JSON) and for people (a page with plots that needs nothing
//! from elsewhere).
//!
//! Nothing here is part of the server: these are tools that measure it from the outside, and others of
//! its kind by the same measure.

pub mod clients;
pub mod report;
