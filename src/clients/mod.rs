//! A population of DHCP clients behind one relay agent, on one UDP socket.
//!
//! `message` writes and reads what they say, [`Population`] lives their lives, and a [`Witness`] is
//! told everything that they are told. The servers have to answer to where a request came from, as
//! they do on any port but 67.

mod message;
mod population;

pub use population::{ClientId, Habit, Holding, Population, Told, Witness};
