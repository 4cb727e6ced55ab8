//! What this test has in common with those of interoperation.

#[path = "../../interop/support/network.rs"]
pub mod network;
#[path = "../../interop/support/packet.rs"]
pub mod packet;
#[path = "../../interop/support/prerequisites.rs"]
pub mod prerequisites;
#[path = "../../interop/support/process.rs"]
pub mod process;
#[path = "../../interop/support/setup.rs"]
pub mod setup;
#[path = "../../interop/support/twinlease.rs"]
pub mod twinlease;
#[path = "../../interop/support/wait.rs"]
pub mod wait;
