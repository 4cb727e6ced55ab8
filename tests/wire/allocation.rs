//! Messages pass without allocating once the buffers have their size; a binding table tells what it takes.

use std::hint::black_box;
use std::net::Ipv4Addr;

use twinlease::binding::carried::Parts;
use twinlease::binding::table::BindingTable;
use twinlease::binding::{AddressRange, Binding, Carried, Client, ClientIdentifier};
use twinlease::time::UnixTime;
use twinlease::wire::{BindingStatus, Deframer, Dialect, Message, OptionReader};

use crate::counting::{allocations, held};
use crate::octets::message;

/// One message of each type.
fn stream() -> Vec<u8> {
    let update = "0002 0004 0a140039 0003 0001 02 0004 0002 0102 0005 0007 0102005e100001
        000d 0004 6553f808 0012 0004 65549d44 0019 0004 6553f100 0006 0004 6553f100";
    [
        message(1, ""),
        message(2, "0001 0004 00000005"),
        message(3, &[update, update].concat()),
        message(4, "0002 0004 0a140039 0015 0001 0f 0010 0002 6869"),
        message(5, "0016 0002 7831 000e 0004 0000000a 0013 0004 0000001e 001c 0001 78"),
        message(6, "0016 0002 7831 000e 0004 0000000a 0013 0004 0000001e 001c 0001 78"),
        message(7, ""),
        message(8, ""),
        message(9, ""),
        message(10, "0018 0001 06 0017 0001 01 0019 0004 6553f0ff"),
        message(11, ""),
        message(12, "0015 0001 07 0010 0002 6869"),
        message(200, "0102"),
    ]
    .concat()
}

#[test]
fn reading_every_message_in_portions_and_sending_it_again_allocates_nothing() {
    let stream = stream();
    let mut deframer = Deframer::new();
    let mut out = Vec::with_capacity(2048);
    let mut pass = |portion: usize| {
        let mut messages = 0;
        for part in stream.chunks(portion) {
            deframer.push(part);
            while let Some(frame) = deframer.next_frame().unwrap() {
                let message = Message::decode(&frame, Dialect::Draft12).unwrap();
                out.clear();
                let (time, xid) = (frame.header.time, frame.header.xid);
                message.encode(time, xid, Dialect::Draft12, &mut out).unwrap();
                messages += 1;
            }
        }
        assert_eq!(messages, 13);
    };
    pass(stream.len());
    for portion in [1, 7, 100, stream.len()] {
        assert_eq!(allocations(|| pass(portion)), 0, "portions of {portion}");
    }
}

#[test]
fn typed_values_and_errors_allocate_nothing() {
    let payload = crate::octets::octets("0018 0001 06 0017 0002 0101 0019 0004 6553f0ff 00");
    let action = || {
        for option in OptionReader::new(&payload, 12).flatten() {
            let _ = black_box(option.typed());
        }
    };
    assert_eq!(allocations(action), 0);
    let octets = message(10, "0018 0002 0602");
    assert_eq!(allocations(|| _ = black_box(crate::octets::error(&octets))), 0);
}

/// Two ranges of 1000 addresses, every second one leased to a client of a long identifier, of whose
/// leases one in four was given back. `options` are carried with each lease.
fn table(options: Option<&[u8]>) -> BindingTable {
    let range = |third: u32| {
        let [first, last] = [0, 999].map(|last: u32| Ipv4Addr::from_bits(third << 16 | last));
        AddressRange::new(first, last).unwrap()
    };
    let mut table = BindingTable::new(&[range(1), range(2)], 7).unwrap();
    let parts = Parts { request_options: options, ..Parts::default() };
    for address in [1, 2].iter().flat_map(|third| (0..1000).map(move |last| third << 16 | last)) {
        let identifier = ClientIdentifier::new(&[u8::try_from(address % 251).unwrap(); 99]);
        let leased = Binding {
            binding_status: BindingStatus::Active,
            client: Some(Client { identifier, hardware: None }),
            lease_expiration: UnixTime(address),
            carried: Carried::new(parts),
            ..Binding::unused(Ipv4Addr::from_bits(address))
        };
        if address % 2 == 0 {
            table.put(&leased).unwrap();
        }
        if address % 8 == 0 {
            table.put(&Binding::unused(leased.address)).unwrap();
        }
    }
    table
}

#[test]
fn a_table_tells_the_memory_that_it_takes() {
    let (table, held) = held(|| table(None));
    assert_eq!(table.memory(), size_of::<BindingTable>() + held);
}

/// But for the two counters of each shared value.
#[test]
fn a_table_tells_the_memory_of_what_is_carried() {
    let (table, held) = held(|| table(Some(&[7; 204])));
    let counters = 2000 / 8 * 3 * 2 * size_of::<usize>();
    assert_eq!(table.memory() + counters, size_of::<BindingTable>() + held);
}
