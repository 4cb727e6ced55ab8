//! What the system says about network interfaces.

use std::io;
use std::net::Ipv4Addr;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{LinkAddr, SockaddrIn};

/// ARP hardware type of Ethernet.
const ARPHRD_ETHER: u16 = 1;

/// One Ethernet interface.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    /// Its name.
    pub(super) name: String,
    /// Index and hardware address, in the form in which a packet socket is bound.
    pub(crate) link: LinkAddr,
    /// The hardware address.
    pub(crate) hardware: [u8; 6],
    /// Its IPv4 addresses; the first one is the primary.
    pub(super) addresses: Vec<Ipv4Addr>,
}

impl Interface {
    /// Looks an interface up. The error says what is missing.
    pub(crate) fn find(name: &str) -> io::Result<Self> {
        let mut link = None;
        let mut addresses = Vec::new();
        for entry in getifaddrs()?.filter(|entry| entry.interface_name == name) {
            let Some(address) = entry.address else { continue };
            if let Some(found) = address.as_link_addr() {
                link = Some(*found);
            } else if let Some(found) = address.as_sockaddr_in() {
                addresses.push(found.ip());
            }
        }
        let missing = |what: &str| io::Error::new(io::ErrorKind::NotFound, what);
        let link = link.ok_or_else(|| missing("there is no such interface"))?;
        if link.hatype() != ARPHRD_ETHER {
            return Err(missing("it is no Ethernet interface; serve it through `listen`"));
        }
        let hardware = link.addr().ok_or_else(|| missing("it has no hardware address"))?;
        if addresses.is_empty() {
            return Err(missing("it has no IPv4 address"));
        }
        Ok(Self { name: name.to_owned(), link, hardware, addresses })
    }

    /// Its number.
    pub(crate) fn index(&self) -> u32 {
        u32::try_from(self.link.ifindex()).unwrap_or(0)
    }
}

/// All IPv4 addresses of this machine.
pub(super) fn machine_addresses() -> io::Result<Vec<Ipv4Addr>> {
    let addresses = getifaddrs()?.filter_map(|entry| entry.address);
    Ok(addresses.filter_map(|address| address.as_sockaddr_in().map(SockaddrIn::ip)).collect())
}
