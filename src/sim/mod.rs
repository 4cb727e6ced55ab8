//! A world in which everything goes wrong, and always in the same way.
//!
//! A seed stands for a pair of servers, their clients and a list of misfortunes
//! (`scenario`). A `world::World` lets them live, jumping from one happening to the next
//! (`agenda`). The servers are those that ship: endpoint, tables, DHCP service and store, driven
//! through the same `Keeper` as in the engine. What is simulated is what lies around them: the
//! network between them (`network`), their disks (`disk`) and clocks (`clock`), and their
//! `clients`. `watch` looks at everything that they say and write, and `liveness` at what comes
//! about once all is healed.
//!
//! The same seed always leads to the same world, octet for octet.

mod agenda;
mod campaign;
mod clients;
mod clock;
mod disk;
mod faults;
mod liveness;
mod machine;
mod minimise;
mod network;
mod outcome;
mod packet;
mod prng;
mod scenario;
mod store;
mod trace;
mod turn;
mod watch;
mod world;

pub use campaign::Campaign;
pub use outcome::{Counts, Outcome};
pub use scenario::{FaultKind, Wishes};
pub use watch::{Kind, Violation};
