//! The lease store: what goes in comes out, also after a crash, and damage is noticed.
#![cfg(feature = "server")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test stops at the first surprise"
)]

mod crash_images;
mod damage;
mod disk;
mod load;
mod records;
mod refusals;
mod round_trip;
mod samples;
mod space;
mod torture;
