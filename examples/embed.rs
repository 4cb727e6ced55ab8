//! Somebody else's small DHCP server, made one half of a failover pair.
//!
//! The loop, the packets, the choice of addresses and the journal are its own. Failover comes from
//! [`FailoverEndpoint`], which touches no socket, clock, file or thread. Four duties join the two:
//!
//! 1. tell the endpoint what happens ([`Input`]);
//! 2. do what it wants ([`Output`]) until it is idle;
//! 3. ask before answering a client, and report the answer ([`LeaseAuthority`]);
//! 4. let nothing be seen that is not on disk yet.
//!
//! They take about 120 lines here; the rest is DHCP. Usage:
//! `embed primary|secondary OWN-ADDRESS PARTNER-ADDRESS FIRST LAST JOURNAL`. Clients are served
//! through a relay. The journal is never read back: the server starts as one that lost its database,
//! and its partner gives everything back (RECOVER). A real server recovers what it wrote.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant as Clock, SystemTime, UNIX_EPOCH};

use twinlease::balance::Role;
use twinlease::binding::{AddressRange, ClientRef, HardwareAddress, table::RangeId};
use twinlease::durable::{CommitId, Recovered};
use twinlease::endpoint::{Availability, BindingChange, ClientRequest, ConnectFailure};
use twinlease::endpoint::{
    FailoverEndpoint, Input, LeaseAuthority, LeaseDetails, LinkId, Origin, Output,
};
use twinlease::endpoint::{RelationshipConfig, RequestKind, Service};
use twinlease::time::{Instant, Now, UnixTime};
use twinlease::wire::Deframer;

struct Server {
    endpoint: FailoverEndpoint,
    own: Ipv4Addr,
    partner: SocketAddr,
    links: BTreeMap<LinkId, (TcpStream, Deframer)>,
    links_so_far: u64,
    journal: File,
    unsynced: Option<CommitId>,
    clients: UdpSocket,
    started: Clock,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [role, own, partner, first, last, journal] = arguments.as_slice() else {
        return Err("usage: embed primary|secondary OWN PARTNER FIRST LAST JOURNAL".into());
    };
    let role = if role == "primary" { Role::Primary } else { Role::Secondary };
    let range = AddressRange::new(first.parse()?, last.parse()?).ok_or("LAST is below FIRST")?;
    let config = RelationshipConfig::new("office-lan", role, vec![range]);
    let (own, started) = (own.parse()?, Clock::now());
    let mut server = Server {
        endpoint: FailoverEndpoint::new(config, Recovered::default(), now(started))?,
        own,
        partner: SocketAddr::new(partner.parse()?, 647),
        links: BTreeMap::new(),
        links_so_far: 0,
        journal: File::create(journal)?,
        unsynced: None,
        clients: UdpSocket::bind((own, 67))?,
        started,
    };
    let listener = TcpListener::bind((own, 647))?;
    listener.set_nonblocking(true)?;
    server.clients.set_nonblocking(true)?;
    loop {
        while let Ok((stream, peer)) = listener.accept() {
            // Only the partner is let in.
            if peer.ip() == server.partner.ip() {
                server.connected(stream, Origin::Accepted)?;
            }
        }
        server.read_links();
        let mut packet = [0; 1500];
        while let Ok(length) = server.clients.recv(&mut packet) {
            let _nothing_we_answer = server.answer(packet.get(..length).unwrap_or_default());
        }
        server.tell(Input::TimeReached);
        server.carry_out()?;
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Both readings of the present: timers run on the one, leases on the other.
fn now(started: Clock) -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let monotonic = Instant::from_micros(0).after(started.elapsed());
    Now { monotonic, wall: UnixTime(u32::try_from(wall).unwrap_or(u32::MAX)) }
}

impl Server {
    /// Duty 1: everything that happens becomes an input.
    fn tell(&mut self, input: Input<'_>) {
        self.endpoint.handle_input(now(self.started), input);
    }

    fn connected(&mut self, stream: TcpStream, origin: Origin) -> Result<(), Box<dyn Error>> {
        stream.set_nonblocking(true)?;
        self.links_so_far += 1;
        let link = LinkId(self.links_so_far);
        self.links.insert(link, (stream, Deframer::new()));
        self.tell(Input::Connected { link, origin });
        Ok(())
    }

    fn read_links(&mut self) {
        let (now, mut octets, mut gone) = (now(self.started), [0; 16 * 1024], Vec::new());
        for (&link, (stream, deframer)) in &mut self.links {
            match stream.read(&mut octets) {
                Ok(length @ 1..) => deframer.push(octets.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Ok(_) | Err(_) => gone.push(link),
            }
            while let Some(frame) = deframer.next_frame().transpose() {
                let garbled = frame.is_err();
                self.endpoint.handle_input(
                    now,
                    match frame {
                        Ok(frame) => Input::Received { link, frame },
                        Err(error) => Input::Garbled { link, error },
                    },
                );
                if garbled {
                    break;
                }
            }
        }
        for link in gone {
            self.lost(link);
        }
    }

    fn lost(&mut self, link: LinkId) {
        self.links.remove(&link);
        self.tell(Input::Disconnected { link });
    }

    /// Duty 2: whatever the endpoint wants, until it wants nothing but time to pass.
    fn carry_out(&mut self) -> Result<(), Box<dyn Error>> {
        loop {
            match self.endpoint.poll_output() {
                Output::Commit(commit) => {
                    writeln!(self.journal, "{commit:?}")?;
                    self.unsynced = Some(commit.id);
                }
                // A real server dials without waiting, and from its own address.
                Output::Connect => {
                    match TcpStream::connect_timeout(&self.partner, Duration::from_millis(200)) {
                        Ok(stream) => self.connected(stream, Origin::Dialled)?,
                        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                            self.tell(Input::ConnectFailed(ConnectFailure::Refused));
                        }
                        Err(_) => self.tell(Input::ConnectFailed(ConnectFailure::Unreachable)),
                    }
                }
                Output::Transmit(link) => {
                    let mut octets = Vec::new();
                    self.endpoint.take_transmit(link, &mut octets);
                    // A real server keeps what a slow partner does not take at once.
                    if let Some((stream, _)) = self.links.get_mut(&link)
                        && stream.write_all(&octets).is_err()
                    {
                        self.lost(link);
                    }
                }
                // Never asked for: `RelationshipConfig::tls` says that this driver has none.
                Output::StartTls { link, .. } => {
                    self.tell(Input::TlsFailed {
                        link,
                        reason: "this driver has no TLS",
                        refused: true,
                    });
                }
                Output::Close(link) => {
                    if let Some((stream, _)) = self.links.remove(&link) {
                        let _was_closed_already = stream.shutdown(Shutdown::Both);
                    }
                }
                Output::Event(event) => println!("{event}"),
                // Duty 4: one sync for all that was written; what waited for it is said then.
                Output::Idle { .. } => {
                    let Some(newest) = self.unsynced.take() else { return Ok(()) };
                    self.journal.sync_data()?;
                    self.tell(Input::Committed(newest));
                }
            }
        }
    }

    /// Duty 3: a client asks. `None` is silence.
    fn answer(&mut self, packet: &[u8]) -> Option<()> {
        let now = now(self.started);
        let (&[1, htype, hlen, ..], options) = packet.split_first_chunk::<240>()? else {
            return None;
        };
        let field = |at| address(packet.get(at..at + 4)?);
        let (renewed, relay) = (field(12)?, field(24)?);
        let server = option(options, 54).and_then(address);
        let hardware = HardwareAddress::new(htype, packet.get(28..28 + usize::from(hlen.min(16)))?);
        let client = ClientRef { identifier: option(options, 61), hardware };
        let wanted = option(options, 50).and_then(address).unwrap_or(renewed);
        let kind = match option(options, 53)? {
            [1] => RequestKind::Discover,
            [3] if server.is_some() => RequestKind::Selecting,
            [3] if renewed.is_unspecified() => RequestKind::InitReboot,
            [3] => RequestKind::Renewing,
            [7] => RequestKind::Release,
            _ => return None,
        };
        // May this server answer this client now?
        let secs = u16::from_be_bytes(packet.get(8..10)?.try_into().ok()?);
        let addressed_to_this_server = server == Some(self.own);
        let ranges = &[RangeId(0)];
        let request = ClientRequest { kind, client, secs, addressed_to_this_server, ranges };
        let for_another = server.is_some() && !addressed_to_this_server;
        if for_another || self.endpoint.service_for(&request, now) != Service::Serve {
            return None;
        }
        // Which address? The taste is ours, the permission the endpoint's.
        let availability = |address| self.endpoint.availability(address, &client, now);
        if kind == RequestKind::Release {
            let change = BindingChange::Released { address: renewed };
            return (availability(renewed) == Availability::Renew)
                .then(|| self.endpoint.record(now, change).map(drop).ok())?;
        }
        let may_have = |address: &Ipv4Addr| !matches!(availability(*address), Availability::No(_));
        let address = match kind {
            RequestKind::Discover => {
                let table = self.endpoint.table();
                table.of_client(&client).chain(table.addresses_after(None)).find(may_have)
            }
            // A real server says DHCPNAK where this one is silent.
            _ => Some(wanted).filter(may_have),
        }?;
        // For how long? No longer than the partner can know of.
        let grant = self.endpoint.grant(address, &client, 600, now);
        if kind != RequestKind::Discover {
            self.endpoint
                .record(
                    now,
                    BindingChange::Leased {
                        address,
                        client,
                        grant,
                        details: LeaseDetails::default(),
                    },
                )
                .ok()?;
            // Duty 4: on disk, then on the wire.
            self.carry_out().ok()?;
        }
        let kind = if kind == RequestKind::Discover { 2 } else { 5 };
        let reply = reply(packet, kind, self.own, address, grant.lease_seconds);
        self.clients.send_to(&reply, (relay, 67)).map(drop).ok()
    }
}

fn reply(packet: &[u8], kind: u8, own: Ipv4Addr, address: Ipv4Addr, lease: u32) -> Vec<u8> {
    let mut reply: Vec<u8> = packet.iter().take(240).copied().collect();
    reply.splice(0..1, [2]);
    reply.splice(16..20, address.octets());
    reply.extend([53, 1, kind, 54, 4]);
    reply.extend(own.octets());
    reply.extend([51, 4]);
    reply.extend(lease.to_be_bytes());
    reply.push(255);
    reply
}

fn address(octets: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(octets).map(Ipv4Addr::from).ok()
}

/// The data of a DHCP option.
fn option(options: &[u8], wanted: u8) -> Option<&[u8]> {
    match options {
        [0, rest @ ..] => option(rest, wanted),
        [code, length, rest @ ..] => {
            let (data, rest) = rest.split_at_checked(usize::from(*length))?;
            if *code == wanted { Some(data) } else { option(rest, wanted) }
        }
        _ => None,
    }
}
