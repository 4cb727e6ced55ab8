//! One binding update as octets and back, as dhcpd sends it.

use std::hint::black_box;
use std::net::Ipv4Addr;

use twinlease::time::UnixTime;
use twinlease::wire::{BindingUpdate, BndUpd, Deframer, Dialect, Frame, Message, Xid};

const TIME: UnixTime = UnixTime(1_700_000_000);

/// An ACTIVE binding with everything that dhcpd sends for it.
pub fn update() -> BindingUpdate<'static> {
    BindingUpdate {
        address: Ipv4Addr::new(10, 20, 0, 57),
        binding_status: Some(2),
        client_identifier: Some(&[1, 2, 0, 0x5e, 0x10, 0, 1]),
        client_hardware_address: Some(&[1, 2, 0, 0x5e, 0x10, 0, 1]),
        lease_expiration: Some(UnixTime(1_700_001_800)),
        potential_expiration: Some(UnixTime(1_700_044_100)),
        start_of_status: Some(TIME),
        client_last_transaction: Some(TIME),
        ..BindingUpdate::default()
    }
}

/// Replaces the content of `octets` by one message with `updates`.
pub fn write(updates: &[BindingUpdate<'_>], octets: &mut Vec<u8>) {
    octets.clear();
    let message = Message::BndUpd(BndUpd::of(black_box(updates)));
    message.encode(TIME, Xid(8), Dialect::Draft12, octets).expect("the message fits");
    black_box(octets);
}

/// One message with `count` updates.
pub fn message(count: usize) -> Vec<u8> {
    let mut octets = Vec::new();
    write(&vec![update(); count], &mut octets);
    octets
}

/// Reads one message to the last of its updates.
pub fn read(octets: &[u8]) {
    visit(&Frame::parse(black_box(octets)).expect("a frame"));
}

/// Cuts a stream into messages and reads each.
pub fn read_stream(deframer: &mut Deframer, stream: &[u8]) {
    deframer.push(black_box(stream));
    while let Some(frame) = deframer.next_frame().expect("a frame") {
        visit(&frame);
    }
}

fn visit(frame: &Frame<'_>) {
    let message = Message::decode(frame, Dialect::Isc).expect("a message");
    if let Message::BndUpd(bndupd) = message {
        bndupd.updates().for_each(|update| _ = black_box(update));
    }
}
