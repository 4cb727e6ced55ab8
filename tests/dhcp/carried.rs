//! Options of real packets that are kept for the partner (draft-ietf-dhc-failover-12 §7.1.1).

use twinlease::binding::carried::options_of;
use twinlease::endpoint::LeaseAuthority;

use crate::support::{Bench, RELAY, SERVER, Setup, client, ip};

/// A server that clients behind a relay agent know by its one address.
fn bench() -> Bench {
    Setup { server_identifier: Some(SERVER), ..Setup::default() }.bench()
}

/// Codes and data of the options kept at the first address: of the request and of the answer.
fn kept(bench: &Bench) -> [Vec<(u8, Vec<u8>)>; 2] {
    let carried = bench.owners.0[0].table().get(ip(20)).unwrap().carried;
    let parts = carried.parts();
    [parts.request_options, parts.reply_options].map(|area| {
        let options = options_of(area.unwrap_or_default());
        options.map(|(code, data)| (code, data.to_vec())).collect()
    })
}

/// Holds: FO-5.12.2-14, FO-12.8-3, FO-12.8-4, FO-7.1.1-29.
#[test]
fn of_a_request_the_names_the_classes_the_relay_agent_and_the_subnet_are_kept_and_nothing_else() {
    let mut bench = bench();
    let wishes = client(1)
        .option(55, &[1, 3, 6])
        .option(57, &[5, 220])
        .option(118, &[10, 78, 0, 0])
        .option(60, b"phone")
        .option(12, b"host")
        .option(77, b"\x04user")
        .option(81, b"\x01\x00\x00\x04host\x00")
        .option(43, b"vendor")
        .option(82, &[1, 2, 0xab, 0xcd])
        .via(RELAY);
    bench.lease(&wishes);
    let expected = [
        (12, &b"host"[..]),
        (60, b"phone"),
        (77, b"\x04user"),
        (81, b"\x01\x00\x00\x04host\x00"),
        (82, &[1, 2, 0xab, 0xcd]),
        (118, &[10, 78, 0, 0]),
    ];
    assert_eq!(kept(&bench)[0], expected.map(|(code, data)| (code, data.to_vec())));
}

/// Holds: FO-12.7-3, FO-12.7-4, FO-7.1.1-34.
#[test]
fn of_an_answer_the_renewal_and_the_rebinding_time_are_kept_and_nothing_else() {
    let mut bench = bench();
    bench.lease(&client(1));
    let expected = [(58, 300_u32), (59, 525)];
    assert_eq!(kept(&bench)[1], expected.map(|(code, time)| (code, time.to_be_bytes().to_vec())));
}

#[test]
fn a_lease_for_ever_has_no_renewal_times_to_keep() {
    let mut bench = Setup { max_lease_time: u32::MAX, ..Setup::default() }.bench();
    bench.lease(&client(1).option(51, &[255; 4]));
    assert_eq!(kept(&bench)[1], []);
}

/// A renewal goes past the relay agent, straight to the server.
#[test]
fn what_the_relay_agent_said_is_kept_when_the_client_renews_without_it() {
    let mut bench = bench();
    bench.lease(&client(1).option(82, &[1, 1, 7]).option(12, b"old").via(RELAY));
    bench.ask(&client(1).option(12, b"new").renewing(ip(20)));
    assert_eq!(kept(&bench)[0], [(82, vec![1, 1, 7]), (12, b"new".to_vec())]);
}

#[test]
fn the_next_client_brings_its_own_options() {
    let mut bench = bench();
    let first = client(1).option(12, b"first").option(82, &[1, 1, 7]).via(RELAY);
    bench.lease(&first);
    bench.silence(&client(1).releasing(ip(20)));
    bench.ask(&client(2).selecting(ip(20), SERVER).option(12, b"next"));
    assert_eq!(kept(&bench)[0], [(12, b"next".to_vec())]);
}
