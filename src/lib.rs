//! twinlease
