//! What each dialect does otherwise, one line a deviation: the draft, dhcpd, Windows.

use twinlease::time::UnixTime;
use twinlease::wire::Dialect;

/// What it is called, whether a dialect has it, and whether the three do.
type Deviation = (&'static str, fn(Dialect) -> bool, [bool; 3]);

const DIALECTS: [Dialect; 3] = [Dialect::Draft12, Dialect::Isc, Dialect::Microsoft];

#[test]
fn every_deviation_is_that_of_its_dialect() {
    let deviations: [Deviation; 21] = [
        ("payload offset 8", Dialect::accepts_payload_offset_8, [false, false, true]),
        ("short IP-flags", Dialect::accepts_one_octet_ip_flags, [false, false, true]),
        ("buckets of the primary", Dialect::hash_bucket_set_means_primary, [false, true, false]),
        ("secs reach the limit", Dialect::secs_threshold_inclusive, [true, false, true]),
        ("delayed service", Dialect::sends_delayed_service, [true, false, false]),
        ("times in all", Dialect::announces_times_in_every_status, [false, true, false]),
        ("several updates", Dialect::may_send_bulk, [true, false, true]),
        ("DDNS", Dialect::may_send_ddns, [true, false, true]),
        ("client options", Dialect::forwards_client_options, [true, false, true]),
        ("TLS-request", Dialect::sends_tls_request, [true, true, false]),
        ("reservations", Dialect::announces_reservations, [true, false, true]),
        ("unknown reservations", Dialect::rejects_unknown_reservations, [true, false, true]),
        ("kept promises", Dialect::keeps_promises_of_ended_leases, [false, true, false]),
        ("abandoned for a time", Dialect::frees_abandoned_by_time, [false, true, false]),
        ("own clock", Dialect::expires_by_its_own_clock, [false, true, false]),
        ("dated releases", Dialect::dates_release_by_lease_expiration, [false, true, false]),
        ("primary expires", Dialect::primary_alone_expires, [false, true, false]),
        ("both give", Dialect::either_role_gives_addresses, [false, true, false]),
        ("recall", Dialect::primary_recalls_addresses, [true, false, true]),
        ("any connection", Dialect::connects_on_any_connection, [false, true, false]),
        ("version", Dialect::checks_protocol_version, [true, false, true]),
    ];
    for (what, deviates, expected) in deviations {
        assert_eq!(DIALECTS.map(deviates), expected, "{what}");
    }
    let demanding = DIALECTS.map(Dialect::requires_timer_and_window);
    assert_eq!(demanding, [true, false, true]);
}

#[test]
fn numbers_are_those_of_the_dialect() {
    assert_eq!(DIALECTS.map(Dialect::payload_offset), [12, 12, 8]);
    assert_eq!(DIALECTS.map(Dialect::max_transactions), [156, 1, 16]);
    assert_eq!(DIALECTS.map(Dialect::max_clock_delta), [3600, 60, 3600]);
    assert_eq!(DIALECTS.map(Dialect::first_xid), [1, 0, 1]);
}

#[test]
fn names_are_those_of_the_configuration() {
    assert_eq!(DIALECTS.map(Dialect::name), ["draft", "isc", "microsoft"]);
    assert_eq!(
        DIALECTS.map(|dialect| format!("{dialect:>9}")),
        ["    draft", "      isc", "microsoft"]
    );
}

#[test]
fn an_infinite_time_is_one_that_dhcpd_can_read() {
    let sent = DIALECTS.map(|dialect| dialect.wire_time(UnixTime::INFINITE));
    assert_eq!(sent, [UnixTime::INFINITE, UnixTime::INFINITE_FLOOR, UnixTime::INFINITE]);
    assert_eq!(DIALECTS.map(|dialect| dialect.wire_time(UnixTime(7))), [UnixTime(7); 3]);
}
