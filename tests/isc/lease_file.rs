//! Reading and writing.

use std::net::Ipv4Addr;

use twinlease::binding::HardwareAddress;
use twinlease::isc::{Lease, LeaseFile};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{BindingStatus, FailoverState};

/// Two states of one relationship, two blocks of one lease, and things that say nothing about failover.
pub(crate) const FILE: &str = r#"
# a comment with { and "
authoring-byte-order little-endian;
server-duid "\000\001\"";
failover peer "office-lan" state {
  my state recover at 5 2026/11/20 12:00:00;
  partner state unknown-state at 5 2026/11/20 12:00:00;
}
failover peer "office-lan" state {
  my state communications-interrupted at 5 2026/11/20 13:07:17;
  partner state normal at epoch 1795180000; # Fri
  mclt 60;
}
ia-na "x" { cltt 5 2026/11/20 13:07:17; iaaddr 2001:db8::1 { ends never; } }
lease 10.78.8.1 { binding state backup; }
lease 10.78.8.1 {
  starts 5 2026/11/20 13:07:17;
  ends 5 2026/11/20 13:17:17;
  tstp 5 2026/11/20 13:22:17;
  tsfp 5 2026/11/20 13:22:18;
  atsfp 5 2026/11/20 13:22:19;
  cltt 5 2026/11/20 13:07:16;
  binding state active;
  next binding state expired;
  rewind binding state free;
  reserved;
  dynamic-bootp;
  hardware ethernet 00:0c:01:02:03:04;
  uid "\001\000\"\\a{";
  set vendor-class-identifier = "a;b";
  option agent.circuit-id "{";
  client-hostname "x";
  on expiry { set x = "}"; }
}
lease 10.78.8.2 {
  ends never;
  binding state abandoned;
  hardware unknown-30 0a:0B;
  uid 1:ff;
}
"#;

pub(crate) fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 78, 8, last)
}

fn read() -> LeaseFile {
    LeaseFile::read(FILE.as_bytes()).unwrap()
}

#[test]
fn the_last_block_of_an_address_counts() {
    let lease = &read().leases[&address(1)];
    let start = 1_795_180_037;
    let expected = Lease {
        starts: UnixTime(start),
        ends: UnixTime(start + 600),
        tstp: UnixTime(start + 900),
        tsfp: UnixTime(start + 901),
        atsfp: UnixTime(start + 902),
        cltt: UnixTime(start - 1),
        binding: Some(BindingStatus::Active),
        next: Some(BindingStatus::Expired),
        rewind: Some(BindingStatus::Free),
        reserved: true,
        bootp: true,
        hardware: HardwareAddress::new(1, &[0, 12, 1, 2, 3, 4]),
        uid: lease.uid.clone(),
    };
    assert_eq!(*lease, expected);
    assert_eq!(lease.uid.as_ref().unwrap().octets(), b"\x01\x00\"\\a{");
}

#[test]
fn the_last_states_of_a_relationship_count() {
    let block = &read().relationships["office-lan"];
    let own = (FailoverState::CommunicationsInterrupted, UnixTime(1_795_180_037));
    let partner = (FailoverState::Normal, UnixTime(1_795_180_000));
    assert_eq!((block.own, block.partner, block.mclt), (Some(own), Some(partner), Some(60)));
}

#[test]
fn hardware_without_a_name_and_identifiers_in_digits_are_read() {
    let lease = &read().leases[&address(2)];
    assert_eq!(lease.hardware, HardwareAddress::new(30, &[10, 11]));
    assert_eq!(lease.uid.as_ref().unwrap().octets(), [1, 255]);
    assert!(lease.ends.is_infinite());
}

#[test]
fn what_was_written_reads_back() {
    let file = read();
    assert_eq!(LeaseFile::read(file.to_string().as_bytes()), Ok(file));
}

#[test]
fn an_empty_file_says_nothing() {
    assert_eq!(LeaseFile::read(b""), Ok(LeaseFile::default()));
}
