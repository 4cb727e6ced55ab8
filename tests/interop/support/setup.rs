//! One description of a failover pair, from which either server's configuration is written for either role.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use twinlease::balance::{self, HashBuckets};
use twinlease::wire::dialect::Dialect;

use super::packet::Client;

/// Name of the relationship in every test.
pub const RELATIONSHIP: &str = "office-lan";

/// Role of a server in the relationship. The primary lives in host `a`, the secondary in host `b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Primary,
    Secondary,
}

impl Role {
    /// The host that carries the server of this role.
    pub fn host(self) -> &'static str {
        match self {
            Self::Primary => "a",
            Self::Secondary => "b",
        }
    }

    /// The address of that host.
    pub fn address(self) -> Ipv4Addr {
        match self {
            Self::Primary => Ipv4Addr::new(10, 78, 0, 1),
            Self::Secondary => Ipv4Addr::new(10, 78, 0, 2),
        }
    }

    /// The role of the partner.
    pub fn other(self) -> Self {
        match self {
            Self::Primary => Self::Secondary,
            Self::Secondary => Self::Primary,
        }
    }

    /// The word that both kinds of configuration use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }
}

/// What both servers of a pair are told. Times in seconds.
#[derive(Debug, Clone)]
pub struct Setup {
    pub mclt: u32,
    pub split: u16,
    pub max_response_delay: u32,
    pub max_unacked_updates: u32,
    pub load_balance_max_seconds: u32,
    pub auto_partner_down: u32,
    pub default_lease_time: u32,
    pub max_lease_time: u32,
    /// First and last address of the pool.
    pub pool: (Ipv4Addr, Ipv4Addr),
    /// Instead of `split`: hash buckets as dhcpd writes them.
    pub hba: Option<[u8; 32]>,
    pub check_secs_byte_order: bool,
    /// Further statements for dhcpd alone, outside of everything and inside `failover peer`. By the first every renewal is
    /// an update, as it is at most other servers.
    pub dhcpd_global: &'static str,
    pub dhcpd_peer: &'static str,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            mclt: 60,
            split: 128,
            max_response_delay: 30,
            max_unacked_updates: 10,
            load_balance_max_seconds: 3,
            auto_partner_down: 0,
            default_lease_time: 600,
            max_lease_time: 7200,
            pool: (Ipv4Addr::new(10, 78, 8, 0), Ipv4Addr::new(10, 78, 8, 99)),
            hba: None,
            check_secs_byte_order: false,
            dhcpd_global: "dhcp-cache-threshold 0;",
            dhcpd_peer: "",
        }
    }
}

impl Setup {
    /// Number of addresses in the pool.
    pub fn pool_size(&self) -> usize {
        self.addresses().count()
    }

    /// The hash buckets, by whichever of the two they are given.
    pub fn buckets(&self) -> HashBuckets {
        match self.hba {
            Some(octets) => HashBuckets::from_wire(&octets, Dialect::Isc).unwrap(),
            None => HashBuckets::from_split(self.split).unwrap(),
        }
    }

    /// Clients whose DISCOVER the server of `role` answers.
    pub fn clients_of(&self, role: Role) -> impl Iterator<Item = Client> + use<> {
        let buckets = self.buckets();
        (0..u16::MAX).map(Client::number).filter(move |client| {
            let primary = buckets.role_for(client.balancing_key()) == balance::Role::Primary;
            primary == (role == Role::Primary)
        })
    }

    fn hba_text(&self) -> Option<String> {
        let octets = self.hba?;
        Some(octets.map(|octet| format!("{octet:02x}")).join(":"))
    }

    /// The addresses of the pool, ascending.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> + use<> {
        (u32::from(self.pool.0)..=u32::from(self.pool.1)).map(Ipv4Addr::from)
    }

    /// `dhcpd.conf` for `role`.
    pub fn dhcpd(&self, role: Role) -> String {
        let mut text = format!(
            "authoritative; ddns-update-style none; ping-check false; omapi-port 7911; {}\n\
             check-secs-byte-order {};\n\
             default-lease-time {}; max-lease-time {};\n\
             failover peer \"{RELATIONSHIP}\" {{\n  {};\n  address {}; port 647;\n  peer address {}; peer port 647;\n  \
             max-response-delay {}; max-unacked-updates {};\n  load balance max seconds {};\n  {}\n",
            self.dhcpd_global,
            self.check_secs_byte_order,
            self.default_lease_time,
            self.max_lease_time,
            role.word(),
            role.address(),
            role.other().address(),
            self.max_response_delay,
            self.max_unacked_updates,
            self.load_balance_max_seconds,
            self.dhcpd_peer,
        );
        if role == Role::Primary {
            let balancing = match self.hba_text() {
                Some(hba) => format!("hba {hba}"),
                None => format!("split {}", self.split),
            };
            writeln!(text, "  mclt {}; {balancing};", self.mclt).unwrap();
        }
        if self.auto_partner_down > 0 {
            writeln!(text, "  auto-partner-down {};", self.auto_partner_down).unwrap();
        }
        write!(
            text,
            "}}\nsubnet 10.78.0.0 netmask 255.255.0.0 {{\n  option routers 10.78.0.3;\n  \
             pool {{ failover peer \"{RELATIONSHIP}\"; range {} {}; }}\n}}\n",
            self.pool.0, self.pool.1
        )
        .unwrap();
        text
    }

    /// The twinlease configuration for `role`, with its database in `data`.
    pub fn twinlease(&self, role: Role, data: &std::path::Path) -> String {
        let mut text = format!(
            "data-dir = \"{}\"\n\n[admin]\nlisten = \"127.0.0.1:8067\"\n\n[dhcp]\ninterfaces = [\"eth0\"]\n\
             authoritative = true\nping-check = false\n\n[[relationship]]\nname = \"{RELATIONSHIP}\"\nrole = \"{}\"\n\
             address = \"{}\"\nport = 647\npeer-address = \"{}\"\npeer-port = 647\nmax-response-delay = {}\n\
             max-unacked-updates = {}\nload-balance-max-seconds = {}\nauto-partner-down = {}\ndialect = \"isc\"\n\
             check-secs-byte-order = {}\n",
            data.display(),
            role.word(),
            role.address(),
            role.other().address(),
            self.max_response_delay,
            self.max_unacked_updates,
            self.load_balance_max_seconds,
            self.auto_partner_down,
            self.check_secs_byte_order,
        );
        if role == Role::Primary {
            let balancing = match self.hba_text() {
                Some(hba) => format!("hba = \"{hba}\""),
                None => format!("split = {}", self.split),
            };
            write!(text, "mclt = {}\n{balancing}\n", self.mclt).unwrap();
        }
        write!(
            text,
            "\n[[subnet]]\nnetwork = \"10.78.0.0/16\"\ndefault-lease-time = {}\nmax-lease-time = {}\n\
             options = {{ routers = [\"10.78.0.3\"] }}\n\n[[subnet.pool]]\nrange = \"{}-{}\"\n\
             relationship = \"{RELATIONSHIP}\"\n",
            self.default_lease_time, self.max_lease_time, self.pool.0, self.pool.1
        )
        .unwrap();
        text
    }
}
