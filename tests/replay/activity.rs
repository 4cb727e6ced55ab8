//! What clients and operators did at a captured server, read from its own updates.
//!
//! An update that tells of a client comes at once in NORMAL and when the connection is back after
//! an interruption; its times then say when it happened.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use twinlease::binding::{Client, ClientIdentifier, HardwareAddress};
use twinlease::wire::{BindingStatus, Message, MessageType};

use crate::conversation::{Conversation, read};
use crate::side::Side;
use crate::tcp::Micros;

/// An update that comes later than this after what it tells of was held back.
const PROMPT: Micros = 1_200_000;

/// dhcpd's abandon-lease-time.
const ABANDON_SECONDS: u32 = 86_400;

/// Something that happened at the server.
#[derive(Clone, Debug)]
pub struct Activity {
    pub at: Micros,
    pub address: Ipv4Addr,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Leased(Client),
    Released,
    Declined,
    Reset,
}

/// Everything that happened at `side`.
pub fn of(conversation: &Conversation, side: Side) -> Vec<Activity> {
    let mut known = BTreeSet::new();
    let mut activities = Vec::new();
    for (_, spoken) in conversation.of_type(side, MessageType::BNDUPD) {
        let (_, Message::BndUpd(bndupd)) = read(&spoken.octets) else { continue };
        let update = bndupd.updates().next().unwrap();
        let status = BindingStatus::from_code(update.binding_status.unwrap()).unwrap();
        let time = |time: Option<twinlease::time::UnixTime>| time.map_or(0, |time| time.0);
        let end = time(update.lease_expiration);
        let last_transaction = time(update.client_last_transaction);
        let (what, second) = match status {
            // What was learnt from the partner repeats the partner's start and an older or no
            // transaction.
            BindingStatus::Active if last_transaction == time(update.start_of_status) => {
                let identifier = update.client_identifier.and_then(ClientIdentifier::new);
                let hardware = update.client_hardware_address.and_then(HardwareAddress::from_wire);
                (What::Leased(Client { identifier, hardware }), last_transaction)
            }
            BindingStatus::Released => (What::Released, end),
            BindingStatus::Abandoned => (What::Declined, end - ABANDON_SECONDS),
            BindingStatus::Reset => {
                (What::Reset, u32::try_from(spoken.at.micros / 1_000_000).unwrap())
            }
            _ => continue,
        };
        let happened = Micros::from(second) * 1_000_000;
        let prompt = spoken.at.micros < happened + PROMPT;
        let at = if prompt { spoken.at.micros } else { happened + 500_000 };
        if known.insert((update.address, status, second)) {
            activities.push(Activity { at, address: update.address, what });
        }
    }
    activities
}
