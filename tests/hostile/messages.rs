//! Partners that were let in and keep no rule.

use std::time::{Duration, Instant};

use twinlease::wire::codes::{MessageType, OptionCode};

use crate::partner::{Heard, Message, Partner, now};
use crate::siege::Siege;

/// Messages of one kind.
const MANY: u32 = 20_000;

/// An address of the pool.
const ADDRESS: std::net::Ipv4Addr = std::net::Ipv4Addr::new(10, 78, 60, 1);

/// Hears for so long, and does what `each` wants with what was heard.
fn hear(partner: &mut Partner, time: Duration, mut each: impl FnMut(&mut Partner, &Heard)) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        for heard in partner.listen() {
            each(partner, &heard);
        }
        partner.send(&Message::new(MessageType::CONTACT));
    }
}

#[test]
fn a_partner_that_acknowledges_nothing_is_not_waited_for() {
    let mut siege = Siege::lay(111);
    let partner = siege.dialler();
    siege.during(|| hear(&mut partner.befriend(), Duration::from_secs(10), |_, _| {}));
    siege.lift();
}

#[test]
fn a_partner_that_acknowledges_everything_twice_changes_nothing() {
    let mut siege = Siege::lay(112);
    let partner = siege.dialler();
    siege.during(|| {
        hear(&mut partner.befriend(), Duration::from_secs(10), |partner, heard| {
            if heard.kind == MessageType::BNDUPD {
                partner.acknowledge(heard);
                partner.acknowledge(heard);
            }
        });
    });
    siege.lift();
}

#[test]
fn acknowledgements_of_updates_that_were_never_sent_change_nothing() {
    let mut siege = Siege::lay(113);
    let partner = siege.dialler();
    siege.during(|| {
        let mut partner = partner.befriend();
        let mut octets = Vec::new();
        for xid in 0..MANY {
            let address = std::net::Ipv4Addr::from(u32::from(ADDRESS) + xid % 256);
            let ack = Message::new(MessageType::BNDACK)
                .with(OptionCode::ASSIGNED_IP_ADDRESS, address.octets());
            octets.extend(ack.encode(0x7000_0000 + xid));
        }
        for piece in octets.chunks(1 << 16) {
            if !partner.send_octets(piece) {
                break;
            }
            drop(partner.listen());
        }
    });
    siege.lift();
}

#[test]
fn times_far_in_the_past_and_in_the_future_change_nothing() {
    let mut siege = Siege::lay(114);
    let partner = siege.dialler();
    siege.during(|| {
        for time in [0_u32, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let ahead = i64::from(time) - i64::from(now());
            let mut partner = partner.befriend();
            let late = |message: Message| Message { ahead, ..message };
            let mut sent = true;
            for number in 0..200 {
                let address = std::net::Ipv4Addr::from(u32::from(ADDRESS) + number);
                let lease = Message::update(address, 2)
                    .with(OptionCode::CLIENT_HARDWARE_ADDRESS, [1, 2, 3, 4, 5, 6, 7])
                    .number(OptionCode::LEASE_EXPIRATION_TIME, time)
                    .number(OptionCode::POTENTIAL_EXPIRATION_TIME, time)
                    .number(OptionCode::START_TIME_OF_STATE, time)
                    .number(OptionCode::CLIENT_LAST_TRANSACTION_TIME, time);
                let contact = Message::new(MessageType::CONTACT);
                let state = Message::state(2, 0).number(OptionCode::START_TIME_OF_STATE, time);
                for message in [lease.clone(), late(lease), late(contact), late(state)] {
                    sent = sent && partner.send_octets(&message.encode(0x7000_0000 + number));
                }
            }
            drop(partner.listen());
        }
    });
    siege.lift();
}

/// Twelve octets ask for a walk through all bindings.
#[test]
fn a_partner_that_asks_without_end_and_reads_nothing_keeps_nobody_from_being_served() {
    let mut siege = Siege::lay(115);
    let partner = siege.dialler();
    siege.during(|| {
        for kind in [MessageType::UPDREQALL, MessageType::UPDREQ, MessageType::POOLREQ] {
            let mut partner = partner.befriend();
            let ask = Message::new(kind).encode(0x7000_0000);
            for _ in 0..MANY {
                if !partner.send_octets(&ask) {
                    break;
                }
            }
        }
    });
    siege.lift();
}

#[test]
fn an_option_that_runs_past_its_message_ends_the_connection() {
    let mut siege = Siege::lay(116);
    let partner = siege.dialler();
    siege.during(|| {
        for _ in 0..50 {
            let mut partner = partner.meet();
            partner.take(MessageType::CONNECT);
            let mut octets = Message::connect().encode(1);
            // The length of the first option.
            octets[14..16].copy_from_slice(&[0xff, 0xff]);
            partner.send_octets(&octets);
            partner.until_closed();
        }
    });
    siege.lift();
}
