//! A `dhcpd.conf` that says what a configuration of ours says.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::read::hardware_name;
use super::write::quoted;
use crate::balance::{Role, ServerBuckets};
use crate::dhcp::config::ReservedFor;
use crate::server::config::{Config, OptionKind, Relationship, Subnet, option_by_code};
use crate::wire::dialect::Dialect;

/// Whose file it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// A dhcpd in the place of this server.
    This,
    /// A dhcpd as its partner.
    Partner,
}

/// The file, and what it could not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DhcpdConf {
    /// The text of the file.
    pub text: String,
    /// One sentence for everything that dhcpd has no words for, or that the operator has to add.
    pub notes: Vec<String>,
}

/// Writes the file for one half.
pub fn dhcpd_conf(config: &Config, half: Half) -> DhcpdConf {
    let mut conf = DhcpdConf::default();
    conf.globals(config);
    conf.declarations(config);
    for relationship in &config.relationships {
        let has_pool = config
            .subnets
            .iter()
            .flat_map(Subnet::served_pools)
            .any(|pool| pool.relationship.as_deref() == Some(&*relationship.name));
        if has_pool {
            conf.relationship(relationship, half);
        } else {
            conf.note(format!(
                "relationship \"{}\" has no pool, which dhcpd refuses: left out",
                relationship.name
            ));
        }
    }
    for subnet in &config.subnets {
        conf.subnet(subnet);
    }
    conf.hosts(config);
    conf
}

impl DhcpdConf {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String does not fail.
        let _written = writeln!(self.text, "{line}");
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn globals(&mut self, config: &Config) {
        let not = if config.dhcp.authoritative { "" } else { "not " };
        self.line(format_args!("{not}authoritative;"));
        self.line(format_args!("ddns-update-style none;"));
        self.line(format_args!("ping-check {};", config.dhcp.ping_check));
        if let Some(identifier) = config.dhcp.server_identifier {
            self.line(format_args!("server-identifier {identifier};"));
        }
        let swapped = config.relationships.iter().filter(|one| one.check_secs_byte_order).count();
        if swapped > 0 {
            self.line(format_args!("check-secs-byte-order true;"));
        }
        if (1..config.relationships.len()).contains(&swapped) {
            self.note("check-secs-byte-order counts for every relationship of a dhcpd".to_owned());
        }
    }

    /// Options that dhcpd does not know by itself.
    fn declarations(&mut self, config: &Config) {
        let all = config.subnets.iter().flat_map(|subnet| subnet.options.iter());
        let mut codes: Vec<u8> =
            all.map(|(code, _)| code.0).filter(|code| !is_known(*code)).collect();
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            self.line(format_args!("option twinlease-{code} code {code} = string;"));
        }
    }

    fn relationship(&mut self, one: &Relationship, half: Half) {
        let partner_role = if one.role == Role::Primary { Role::Secondary } else { Role::Primary };
        let (role, own, peer) = match half {
            Half::This => (one.role, one.address, one.peer_address),
            Half::Partner => (partner_role, one.peer_address, one.address),
        };
        self.unsaid(one);
        self.line(format_args!("\nfailover peer {} {{", quoted(one.name.as_bytes())));
        self.line(format_args!(
            "  {};",
            if role == Role::Primary { "primary" } else { "secondary" }
        ));
        let place = |of: SocketAddrV4| (*of.ip(), of.port());
        let ((address, port), (peer, peer_port)) = (place(own), place(peer));
        self.line(format_args!("  address {address};\n  port {port};"));
        self.line(format_args!("  peer address {peer};\n  peer port {peer_port};"));
        self.line(format_args!("  max-response-delay {};", one.max_response_delay));
        self.line(format_args!("  max-unacked-updates {};", one.max_unacked_updates));
        self.line(format_args!("  load balance max seconds {};", one.load_balance_max_seconds));
        if let Some(wait) = one.auto_partner_down {
            self.line(format_args!("  auto-partner-down {};", wait.as_secs()));
        }
        if role == Role::Primary {
            if one.role == Role::Secondary {
                self.note(format!(
                    "mclt and split of \"{}\" are the primary's to say: this file has {} and {}",
                    one.name,
                    one.mclt,
                    one.hash_buckets.share()
                ));
            }
            let octets = one.hash_buckets.to_wire(Dialect::Isc).map(|octet| format!("{octet:02x}"));
            self.line(format_args!("  mclt {};\n  hba {};", one.mclt, octets.join(":")));
        }
        self.line(format_args!("}}"));
    }

    /// What dhcpd has no words for.
    fn unsaid(&mut self, one: &Relationship) {
        let unsaid = [
            (one.dialect != Dialect::Isc, "speaks another dialect; a dhcpd needs \"isc\""),
            (one.reserve_percent.is_some(), "is a hot standby; dhcpd divides its pools in halves"),
            (one.server_buckets != ServerBuckets::all(), "has a server-hba, which dhcpd has not"),
        ];
        for (_, what) in unsaid.into_iter().filter(|(is_so, _)| *is_so) {
            self.note(format!("relationship \"{}\" {what}", one.name));
        }
    }

    fn subnet(&mut self, subnet: &Subnet) {
        let network = subnet.network;
        self.line(format_args!("\nsubnet {} netmask {} {{", network.address(), network.mask()));
        let times = subnet.lease_times;
        self.line(format_args!("  default-lease-time {};", times.default));
        self.line(format_args!("  min-lease-time {};", times.min));
        self.line(format_args!("  max-lease-time {};", times.max));
        for (code, data) in subnet.options.iter() {
            self.line(format_args!("  option {};", option(code.0, data)));
        }
        for pool in subnet.served_pools() {
            let (first, last) = (pool.range.first(), pool.range.last());
            let bootp = match &pool.relationship {
                None if pool.dynamic_bootp => "dynamic-bootp ",
                _ => "",
            };
            if pool.dynamic_bootp && pool.relationship.is_some() {
                self.note(format!(
                    "dhcpd refuses dynamic-bootp in the failover pool {}",
                    pool.range
                ));
            }
            let peer = pool.relationship.as_deref();
            let peer = peer.map(|name| format!("failover peer {}; ", quoted(name.as_bytes())));
            let peer = peer.unwrap_or_default();
            self.line(format_args!("  pool {{ {peer}range {bootp}{first} {last}; }}"));
        }
        self.line(format_args!("}}"));
    }

    fn hosts(&mut self, config: &Config) {
        for reservation in config.subnets.iter().flat_map(|subnet| &subnet.reservations) {
            let address: Ipv4Addr = reservation.address;
            let name = address.to_string().replace('.', "-");
            let client = match &reservation.client {
                ReservedFor::Hardware(hardware)
                    if hardware_name(hardware.htype()).contains('-') && hardware.htype() != 6 =>
                {
                    self.note(format!("dhcpd has no word for the hardware type of {address}"));
                    continue;
                }
                ReservedFor::Hardware(hardware) => {
                    format!("hardware {} {hardware};", hardware_name(hardware.htype()))
                }
                ReservedFor::Identifier(identifier) => {
                    format!("option dhcp-client-identifier {};", octets(identifier.octets()))
                }
            };
            self.line(format_args!(
                "\nhost reserved-{name} {{ {client} fixed-address {address}; }}"
            ));
        }
    }
}

/// Whether dhcpd has the option, by the same name and form. It declares no code above 76 of ours.
const fn is_known(code: u8) -> bool {
    code <= 76
}

/// Name and value of an option as dhcpd reads them.
fn option(code: u8, data: &[u8]) -> String {
    let known = option_by_code(code).filter(|_| is_known(code));
    let readable = known.and_then(|(name, kind)| Some(format!("{name} {}", value(kind, data)?)));
    readable.unwrap_or_else(|| {
        let name = known.map_or_else(|| format!("twinlease-{code}"), |(name, _)| name.to_owned());
        format!("{name} {}", octets(data))
    })
}

/// `None` where the octets do not fit the kind.
fn value(kind: OptionKind, data: &[u8]) -> Option<String> {
    let unsigned = || {
        let number = data.iter().fold(0_u64, |sum, octet| sum << 8 | u64::from(*octet));
        number.to_string()
    };
    Some(match kind {
        OptionKind::Address | OptionKind::Addresses => {
            let addresses = data.chunks(4).map(|chunk| <[u8; 4]>::try_from(chunk).ok());
            let addresses: Option<Vec<_>> = addresses.map(|one| one.map(Ipv4Addr::from)).collect();
            addresses?.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(", ")
        }
        OptionKind::Text => quoted(data),
        OptionKind::Boolean => (if data == [0] { "false" } else { "true" }).to_owned(),
        OptionKind::Unsigned8 | OptionKind::Unsigned16 | OptionKind::Unsigned32 => unsigned(),
        OptionKind::Signed32 => i32::from_be_bytes(data.try_into().ok()?).to_string(),
        OptionKind::Names | OptionKind::Routes | OptionKind::Octets => octets(data),
    })
}

/// Octets in hexadecimal with colons.
fn octets(data: &[u8]) -> String {
    data.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":")
}
