//! Which options an answer carries, and in which order.

use dhcproto::v4::{DhcpOption, OptionCode as Code};

use crate::support::{SERVER, Setup, bench, client, ip};
use twinlease::dhcp::{OptionCode, OptionSet};

#[test]
fn without_a_parameter_request_list_everything_configured_is_sent() {
    assert_eq!(bench().ask(&client(1)).codes(), [53, 54, 51, 58, 59, 1, 3, 6, 15]);
}

#[test]
fn of_the_configured_options_only_those_asked_for_are_sent_in_the_order_of_asking() {
    let offer = bench().ask(&client(1).option(55, &[15, 42, 3, 15, 1, 51]));
    assert_eq!(offer.codes(), [53, 54, 51, 58, 59, 1, 15, 3]);
}

#[test]
fn the_mask_is_that_of_the_subnet() {
    let offer = bench().ask(&client(1).option(55, &[3]));
    let mask = DhcpOption::SubnetMask([255, 255, 255, 0].into());
    assert_eq!(offer.option(Code::SubnetMask), Some(&mask));
}

#[test]
fn a_configured_mask_replaces_that_of_the_subnet() {
    let options = [(OptionCode(1), vec![255, 255, 0, 0])].into_iter().collect();
    let offer = Setup { options, ..Setup::default() }.bench().ask(&client(1));
    assert_eq!(offer.codes(), [53, 54, 51, 58, 59, 1]);
    let mask = DhcpOption::SubnetMask([255, 255, 0, 0].into());
    assert_eq!(offer.option(Code::SubnetMask), Some(&mask));
}

#[test]
fn a_configured_value_arrives_as_it_is() {
    let ack = bench().ask(&client(1).selecting(ip(20), SERVER));
    let servers = DhcpOption::DomainNameServer(vec![ip(4), ip(5)]);
    assert_eq!(ack.option(Code::DomainNameServer), Some(&servers));
    assert_eq!(ack.option(Code::DomainName), Some(&DhcpOption::DomainName("example.net".into())));
}

#[test]
fn the_client_identifier_comes_back() {
    let mut bench = bench();
    let client = client(1).identifier(b"\x01\x02\x03");
    let echo = DhcpOption::ClientIdentifier(b"\x01\x02\x03".to_vec());
    let offer = bench.ask(&client);
    let ack = bench.ask(&client.selecting(ip(20), SERVER));
    assert_eq!(offer.option(Code::ClientIdentifier), Some(&echo));
    assert_eq!(ack.option(Code::ClientIdentifier), Some(&echo));
}

fn bulky() -> Setup {
    let options: OptionSet = (0..4).map(|n| (OptionCode(224 + n), vec![n; 200])).collect();
    Setup { options, ..Setup::default() }
}

#[test]
fn options_that_do_not_fit_are_left_out_and_counted() {
    let mut bench = bulky().bench();
    let offer = bench.ask(&client(1));
    assert_eq!(offer.codes(), [53, 54, 51, 58, 59, 1, 224]);
    assert!(offer.pending.reply.bytes.len() <= 548);
    assert_eq!(bench.service.counters().options_omitted, 3);
}

#[test]
fn a_client_that_takes_longer_messages_gets_them() {
    let offer = bulky().bench().ask(&client(1).option(57, &1500_u16.to_be_bytes()));
    assert_eq!(offer.codes(), [53, 54, 51, 58, 59, 1, 224, 225, 226, 227]);
    assert!(offer.pending.reply.bytes.len() <= 1472);
}

#[test]
fn a_maximum_below_576_counts_as_576() {
    let offer = bulky().bench().ask(&client(1).option(57, &300_u16.to_be_bytes()));
    assert_eq!(offer.codes(), [53, 54, 51, 58, 59, 1, 224]);
}

/// Holds: FO-5.2.1-7.
#[test]
fn the_wish_for_a_length_of_lease_is_kept_within_its_bounds() {
    let cases = [(30, 60), (60, 60), (1000, 1000), (7200, 7200), (7201, 7200), (u32::MAX, 7200)];
    for (wish, lease) in cases {
        let offer = bench().ask(&client(1).option(51, &wish.to_be_bytes()));
        assert_eq!(offer.lease_time(), Some(lease), "{wish}");
    }
    assert_eq!(bench().ask(&client(1)).lease_time(), Some(600));
}
