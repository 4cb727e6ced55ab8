//! Numbers and names.

use twinlease::wire::{
    BindingStatus, DdnsFlags, Dialect, FailoverState, IpFlags, MessageType, OptionCode,
    RejectReason, ServerFlags,
};

/// Holds: FO-6.1-9, FO-6.1-10.
#[test]
fn message_types_have_the_names_of_the_draft() {
    let names: Vec<_> = (0..=13).map(|code| MessageType(code).name()).collect();
    let expected = [
        "unknown",
        "poolreq",
        "poolresp",
        "bndupd",
        "bndack",
        "connect",
        "connectack",
        "updreqall",
        "upddone",
        "updreq",
        "state",
        "contact",
        "disconnect",
        "unknown",
    ];
    assert_eq!(names, expected);
}

/// Holds: FO-6.1-26, FO-12.1-1, FO-12.4-1, FO-12.12-1, FO-12.16-1, FO-12.29-1, FO-12.10-1.
#[test]
fn options_have_the_names_of_the_draft() {
    let names: Vec<_> = (0..=30).map(|code| OptionCode(code).name()).collect();
    let expected = [
        "unknown",
        "addresses-transferred",
        "assigned-IP-address",
        "binding-status",
        "client-identifier",
        "client-hardware-address",
        "client-last-transaction-time",
        "client-reply-options",
        "client-request-options",
        "DDNS",
        "delayed-service-parameter",
        "hash-bucket-assignment",
        "IP-flags",
        "lease-expiration-time",
        "max-unacked-bndupd",
        "MCLT",
        "message",
        "message-digest",
        "potential-expiration-time",
        "receive-timer",
        "protocol-version",
        "reject-reason",
        "relationship-name",
        "server-flags",
        "server-state",
        "start-time-of-state",
        "TLS-reply",
        "TLS-request",
        "vendor-class-identifier",
        "vendor-specific-options",
        "unknown",
    ];
    assert_eq!(names, expected);
}

/// Holds: FO-5.11-1.
/// Holds: FO-12.3-2.
#[test]
fn binding_statuses_are_1_to_7() {
    let expected = ["free", "active", "expired", "released", "abandoned", "reset", "backup"];
    for code in 0..=255_u8 {
        let name = BindingStatus::from_code(code).map(BindingStatus::name);
        let position = usize::from(code).checked_sub(1);
        assert_eq!(name, position.and_then(|position| expected.get(position)).copied());
    }
}

/// Holds: FO-12.24-2.
/// Holds: A2-01, A2-02.
#[test]
fn server_states_are_1_to_11_and_254() {
    let expected = [
        (1, "startup"),
        (2, "normal"),
        (3, "communications-interrupted"),
        (4, "partner-down"),
        (5, "potential-conflict"),
        (6, "recover"),
        (7, "paused"),
        (8, "shutdown"),
        (9, "recover-done"),
        (10, "resolution-interrupted"),
        (11, "conflict-done"),
        (254, "recover-wait"),
    ];
    let states: Vec<_> = (0..=255)
        .filter_map(|code| FailoverState::from_code(code).map(|state| (code, state.name())))
        .collect();
    assert_eq!(states, expected);
}

#[test]
fn codes_and_names_lead_back_to_the_same_member() {
    for status in BindingStatus::ALL {
        assert_eq!(BindingStatus::from_code(status.code()), Some(*status));
        assert_eq!(status.to_string().parse(), Ok(*status));
    }
    for state in FailoverState::ALL {
        assert_eq!(FailoverState::from_code(state.code()), Some(*state));
        assert_eq!(state.to_string().parse(), Ok(*state));
    }
    for dialect in [Dialect::Draft12, Dialect::Isc, Dialect::Microsoft] {
        assert_eq!(dialect.to_string().parse(), Ok(dialect));
    }
}

#[test]
fn a_wrong_name_is_answered_with_the_right_ones() {
    let error = "leased".parse::<BindingStatus>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "this is no binding-status; one of these is needed: free, active, expired, released, \
         abandoned, reset, backup"
    );
}

/// Holds: FO-12.21-4.
#[test]
fn reject_reasons_have_a_description() {
    assert_eq!(RejectReason::OUTDATED.to_string(), "15 (outdated binding information)");
    assert_eq!(RejectReason(200).to_string(), "200 (reserved)");
}

#[test]
fn flags_contain_their_bits() {
    assert!(IpFlags(3).contains(IpFlags::BOOTP));
    assert!(!IpFlags(1).contains(IpFlags::BOOTP));
    assert!(ServerFlags(0x81).contains(ServerFlags::STARTUP));
    assert!(!ServerFlags(0x80).contains(ServerFlags::STARTUP));
}

#[test]
fn dhcpd_is_the_partner_unless_told_otherwise() {
    assert_eq!(Dialect::default(), Dialect::Isc);
}

#[test]
fn towards_dhcpd_nothing_is_sent_that_it_drops_the_connection_for() {
    let isc = Dialect::Isc;
    assert!(!isc.may_send_bulk() && !isc.may_send_ddns());
    assert_eq!((isc.max_transactions(), isc.payload_offset(), isc.first_xid()), (1, 12, 0));
}

#[test]
fn flags_contain_what_is_set_in_them_and_nothing_else() {
    let both = IpFlags(IpFlags::RESERVED.0 | IpFlags::BOOTP.0);
    assert!(both.contains(IpFlags::BOOTP) && !IpFlags::RESERVED.contains(IpFlags::BOOTP));
    assert!(!IpFlags::BOOTP.contains(both));
    let both = DdnsFlags(DdnsFlags::FORWARD_DONE.0 | DdnsFlags::REVERSE_DONE.0);
    assert!(both.contains(DdnsFlags::FORWARD_DONE) && !DdnsFlags::FORWARD_DONE.contains(both));
    assert!(ServerFlags(3).contains(ServerFlags::STARTUP));
    assert!(!ServerFlags(2).contains(ServerFlags::STARTUP));
}

#[test]
fn a_flag_is_set_or_taken_away_beside_others() {
    let (reserved, bootp) = (IpFlags::RESERVED, IpFlags::BOOTP);
    let both = reserved.with(bootp, true);
    assert!(both.contains(reserved) && both.contains(bootp));
    assert_eq!(both.with(bootp, true), both);
    assert_eq!(both.with(bootp, false), reserved);
    assert_eq!(reserved.with(bootp, false), reserved);
}
