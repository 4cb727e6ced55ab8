//! Building captures for the tests.

/// A packet from 10.0.0.1 to 10.0.0.2 or back.
#[derive(Clone, Copy)]
pub(crate) struct Tcp<'a> {
    pub(crate) ports: (u16, u16),
    pub(crate) sequence: u32,
    pub(crate) syn: bool,
    pub(crate) payload: &'a [u8],
}

/// A segment from port 647 of 10.0.0.1 to port 40000 of 10.0.0.2.
pub(crate) fn segment(sequence: u32, payload: &[u8]) -> Tcp<'_> {
    Tcp { ports: (647, 40_000), sequence, syn: false, payload }
}

/// The segment that opens the connection.
pub(crate) fn syn(sequence: u32) -> Tcp<'static> {
    Tcp { syn: true, ..segment(sequence, &[]) }
}

impl Tcp<'_> {
    fn tcp(&self) -> Vec<u8> {
        let mut packet = Vec::new();
        packet.extend(self.ports.0.to_be_bytes());
        packet.extend(self.ports.1.to_be_bytes());
        packet.extend(self.sequence.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend([0x50, if self.syn { 0x02 } else { 0x18 }, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(self.payload);
        packet
    }

    /// The packet from its IPv4 header on.
    pub(crate) fn ipv4(&self) -> Vec<u8> {
        let tcp = self.tcp();
        let length = u16::try_from(20 + tcp.len()).unwrap().to_be_bytes();
        let mut packet = vec![0x45, 0, length[0], length[1], 0, 0, 0x40, 0, 64, 6, 0, 0];
        packet.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        packet.extend(tcp);
        packet
    }

    /// The packet from its IPv6 header on.
    pub(crate) fn ipv6(&self) -> Vec<u8> {
        let tcp = self.tcp();
        let length = u16::try_from(tcp.len()).unwrap().to_be_bytes();
        let mut packet = vec![0x60, 0, 0, 0, length[0], length[1], 6, 64];
        for last in [1, 2] {
            packet.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
        }
        packet.extend(tcp);
        packet
    }

    /// The packet in an Ethernet frame.
    pub(crate) fn ethernet(&self) -> Vec<u8> {
        self.behind(&[0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1, 8, 0])
    }

    /// The IPv4 packet behind a link layer header.
    pub(crate) fn behind(&self, header: &[u8]) -> Vec<u8> {
        [header.to_vec(), self.ipv4()].concat()
    }
}

/// How numbers stand in a file.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    fn u32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

/// A pcap file. The packets are captured from second 1000 on, one a second and 5 units late.
pub(crate) fn pcap(order: Order, magic: u32, link_type: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(order.u32(magic));
    file.extend(order.u16(2));
    file.extend(order.u16(4));
    file.extend([0; 8]);
    file.extend(order.u32(262_144));
    file.extend(order.u32(link_type));
    for (second, packet) in (1000..).zip(packets) {
        let length = u32::try_from(packet.len()).unwrap();
        file.extend(order.u32(second));
        file.extend(order.u32(5));
        file.extend(order.u32(length));
        file.extend(order.u32(length));
        file.extend(packet);
    }
    file
}

/// An ordinary pcap file of Ethernet.
pub(crate) fn ethernet_pcap(packets: &[Tcp<'_>]) -> Vec<u8> {
    let packets: Vec<_> = packets.iter().map(Tcp::ethernet).collect();
    pcap(Order::Little, 0xa1b2_c3d4, 1, &packets)
}

/// One interface of a pcapng file.
#[derive(Clone, Copy)]
pub(crate) struct Interface {
    pub(crate) link_type: u16,
    /// The option `if_tsresol`.
    pub(crate) resolution: Option<u8>,
    /// The option `if_tsoffset`.
    pub(crate) offset: Option<i64>,
}

/// A pcapng file; a packet is its interface, its time in units, its octets.
pub(crate) fn pcapng(
    order: Order,
    interfaces: &[Interface],
    packets: &[(u32, u64, Vec<u8>)],
) -> Vec<u8> {
    let mut section = Vec::new();
    section.extend(order.u32(0x1a2b_3c4d));
    section.extend(order.u16(1));
    section.extend(order.u16(0));
    section.extend([0xff; 8]);
    let mut file = block(order, 0x0a0d_0d0a, &section);
    for interface in interfaces {
        file.extend(block(order, 1, &description(order, interface)));
    }
    for (interface, time, packet) in packets {
        let mut body = Vec::new();
        body.extend(order.u32(*interface));
        body.extend(order.u32(u32::try_from(time >> 32).unwrap()));
        body.extend(order.u32(u32::try_from(time & 0xffff_ffff).unwrap()));
        let length = u32::try_from(packet.len()).unwrap();
        body.extend(order.u32(length));
        body.extend(order.u32(length));
        body.extend(padded(packet));
        file.extend(block(order, 6, &body));
    }
    file
}

/// A block that holds a packet and nothing else.
pub(crate) fn simple_packet(order: Order, packet: &[u8]) -> Vec<u8> {
    let mut body = order.u32(u32::try_from(packet.len()).unwrap()).to_vec();
    body.extend(padded(packet));
    block(order, 3, &body)
}

fn description(order: Order, interface: &Interface) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(order.u16(interface.link_type));
    body.extend([0; 2]);
    body.extend(order.u32(262_144));
    if let Some(resolution) = interface.resolution {
        body.extend(order.u16(9));
        body.extend(order.u16(1));
        body.extend([resolution, 0, 0, 0]);
    }
    if let Some(offset) = interface.offset {
        body.extend(order.u16(14));
        body.extend(order.u16(8));
        body.extend(match order {
            Order::Little => offset.to_le_bytes(),
            Order::Big => offset.to_be_bytes(),
        });
    }
    body.extend([0; 4]);
    body
}

fn block(order: Order, block_type: u32, body: &[u8]) -> Vec<u8> {
    let length = order.u32(u32::try_from(12 + body.len()).unwrap());
    [&order.u32(block_type), &length, body, &length].concat()
}

fn padded(octets: &[u8]) -> Vec<u8> {
    let mut padded = octets.to_vec();
    padded.resize(octets.len().next_multiple_of(4), 0);
    padded
}
