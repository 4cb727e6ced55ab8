//! Packets pass without allocating once the buffers have their size.

use dhcproto::v4::MessageType;
use twinlease::endpoint::Output;

use crate::counting;
use crate::support::{Bench, Request, SERVER, bench, client, ip};

/// How often the service allocates for each of these messages, the last of several times that it
/// sees them.
fn allocations(bench: &mut Bench, requests: &[Request]) -> Vec<usize> {
    let datagrams: Vec<_> = requests.iter().map(|one| (one.bytes(), one.arrival)).collect();
    let mut replies = Vec::new();
    let mut counted = Vec::new();
    for _ in 0..20 {
        counted.clear();
        counted.reserve(datagrams.len());
        for (datagram, arrival) in &datagrams {
            counted.push(counting::allocations(|| {
                bench.service.handle(datagram, arrival, &mut bench.owners, bench.now, &mut replies);
            }));
            replies.clear();
            while let Output::Commit(_) = bench.owners.0[0].alone.poll_output() {}
        }
    }
    counted
}

#[test]
fn from_discover_to_release_nothing_is_allocated() {
    let mut bench = bench();
    let me = || client(1).identifier(b"\x01\x00\x0c\x01\x02\x03\x01").option(55, &[1, 3, 6, 15]);
    let requests = [
        me(),
        me().selecting(ip(20), SERVER),
        me().renewing(ip(20)),
        me().rebinding(ip(20)),
        me().rebooting(ip(20)),
        me().renewing(ip(20)).kind(MessageType::Inform),
        me().selecting(ip(20), ip(2)),
        me().releasing(ip(20)),
    ];
    assert_eq!(allocations(&mut bench, &requests), [0; 8]);
}
