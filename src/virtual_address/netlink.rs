//! Addresses of interfaces, by netlink: set for a short time, and removed.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, CacheInfo};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use socket2::{Domain, Protocol, Socket, Type};

/// Seconds after which the system removes the address unless it is set again.
pub(super) const LIFETIME: u32 = 6;

/// How long the system may take for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Longest answer that is looked at: an error with the request that it is about.
const MAX_ANSWER: usize = 4096;

/// A way to the system's table of addresses.
#[derive(Debug)]
pub(super) struct Addresses(Socket);

impl Addresses {
    pub(super) fn open() -> io::Result<Self> {
        let family = Domain::from(libc::AF_NETLINK);
        let socket = Socket::new(family, Type::RAW, Some(Protocol::from(libc::NETLINK_ROUTE)))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(socket))
    }

    /// Adds the address for [`LIFETIME`], or lets it last so long again. There is no route by it: the machine
    /// goes on speaking from its own address. Needs `CAP_NET_ADMIN`.
    pub(super) fn set(&self, index: u32, address: Ipv4Addr, prefix_length: u8) -> io::Result<()> {
        let mut message = message(index, address, prefix_length);
        let mut lifetime = CacheInfo::default();
        (lifetime.ifa_valid, lifetime.ifa_preferred) = (LIFETIME, LIFETIME);
        message.attributes.push(AddressAttribute::Address(IpAddr::V4(address)));
        message.attributes.push(AddressAttribute::CacheInfo(lifetime));
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Noprefixroute));
        self.ask(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_REPLACE)
    }

    /// Removes the address, whatever its prefix, if it is there. Needs `CAP_NET_ADMIN`.
    pub(super) fn remove(
        &self,
        index: u32,
        address: Ipv4Addr,
        prefix_length: u8,
    ) -> io::Result<()> {
        let message = message(index, address, prefix_length);
        match self.ask(RouteNetlinkMessage::DelAddress(message), 0) {
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => Ok(()),
            done => done,
        }
    }

    fn ask(&self, request: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(request));
        message.finalize();
        let mut octets = vec![0; message.buffer_len()];
        message.serialize(&mut octets);
        self.0.send(&octets)?;
        let mut answer = vec![0; MAX_ANSWER];
        let length = (&self.0).read(&mut answer)?;
        let answer = answer.get(..length).unwrap_or_default();
        let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(answer);
        match answer.map(|answer| answer.payload) {
            Ok(NetlinkPayload::Error(error)) if error.code.is_none() => Ok(()),
            Ok(NetlinkPayload::Error(error)) => Err(error.to_io()),
            _ => Err(io::Error::other("the system's answer makes no sense")),
        }
    }
}

fn message(index: u32, address: Ipv4Addr, prefix_length: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.prefix_len = prefix_length;
    message.header.index = index;
    message.attributes.push(AddressAttribute::Local(IpAddr::V4(address)));
    message
}
