//! `twinlease bench`: measures servers from outside, whoever made them.

pub mod partner;
