//! A relay agent that carries scripted clients' messages to the servers and their replies back.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::network::{Network, RELAYS};
use super::packet::{ACK, Client, Message, NAK};
use super::setup::Role;

/// Both servers of a pair.
pub const BOTH: [Role; 2] = [Role::Primary, Role::Secondary];

/// Messages that are under way together: few enough for every socket's buffer.
const BURST: usize = 20;

/// A waiting time that both kinds of server take for longer than every `load-balance-max-seconds`.
const LONG_WAIT: u16 = 100;

/// One relay address of the clients' host.
#[derive(Debug)]
pub struct Relay {
    address: Ipv4Addr,
    socket: UdpSocket,
}

/// What a client holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    pub address: Ipv4Addr,
    pub server: Role,
    /// Seconds.
    pub lease_time: u32,
}

impl Relay {
    /// The relay at 10.78.0.`last`.
    pub fn new(network: &Network, last: u8) -> Self {
        assert!(RELAYS.contains(&last));
        let address = Ipv4Addr::new(10, 78, 0, last);
        Self { address, socket: network.host("c").udp(address, 67) }
    }

    /// Sends a client's message to some servers.
    pub fn send(&self, message: &Message, servers: &[Role]) {
        let bytes = Message { giaddr: self.address, ..message.clone() }.encode();
        for server in servers {
            // A host whose server is down answers with an ICMP error, which the next call reports: not ours to judge.
            drop(self.socket.send_to(&bytes, (server.address(), 67)));
        }
    }

    /// The next reply and its sender, or nothing within `time`.
    pub fn receive(&self, time: Duration) -> Option<(Role, Message)> {
        let end = Instant::now() + time;
        let mut buffer = [0; 2048];
        loop {
            let left = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            self.socket.set_read_timeout(Some(left)).unwrap();
            let Ok((length, SocketAddr::V4(from))) = self.socket.recv_from(&mut buffer) else {
                continue;
            };
            let reply = Message::decode(&buffer[..length])
                .unwrap_or_else(|error| panic!("from {from}: {error}"));
            let sender = BOTH.into_iter().find(|role| role.address() == *from.ip());
            if let (Some(role), 2) = (sender, reply.op) {
                return Some((role, reply));
            }
        }
    }

    /// Sends `message` and returns the first reply to it within `time`.
    pub fn ask(
        &self,
        message: &Message,
        servers: &[Role],
        time: Duration,
    ) -> Option<(Role, Message)> {
        self.send(message, servers);
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            match self.receive(left) {
                Some((role, reply)) if reply.answers(message) => return Some((role, reply)),
                Some(_) => {}
                None => break,
            }
        }
        None
    }

    /// Repeats `message` as an impatient client does until a reply comes.
    pub fn insist(
        &self,
        message: &Message,
        servers: &[Role],
        tries: u32,
    ) -> Option<(Role, Message)> {
        (0..tries).find_map(|_| self.ask(message, servers, Duration::from_millis(500)))
    }

    /// DISCOVER, OFFER, REQUEST, ACK: what the client got, or what went wrong.
    pub fn obtain(&self, client: &Client, tries: u32) -> Result<Granted, String> {
        let found = (0..tries).find_map(|attempt| {
            let discover =
                client.after(client.secs + u16::try_from(attempt / 2).unwrap()).discover();
            self.ask(&discover, &BOTH, Duration::from_millis(500))
        });
        let (server, offer) =
            found.ok_or_else(|| format!("{}: no offer", client.hardware_text()))?;
        let answer = self.insist(&client.select(&offer), &[server], tries);
        granted(client, answer)
            .map_err(|error| format!("{error} to the request of {} from {server:?}", offer.yiaddr))
    }

    /// RENEWING towards one server, REBINDING towards both.
    pub fn renew(
        &self,
        client: &Client,
        address: Ipv4Addr,
        servers: &[Role],
        tries: u32,
    ) -> Result<Granted, String> {
        let answer = self.insist(&client.renew(address), servers, tries);
        granted(client, answer)
            .map_err(|error| format!("{error} to the renewal of {address} at {servers:?}"))
    }

    /// Which servers offer an address to each client on a DISCOVER to both.
    ///
    /// That a server stays silent is known without waiting: after each burst a client that has waited long asks, whom every
    /// server answers, and a server answers in the order in which it is asked.
    pub fn offers(&self, clients: &[Client], marker: &Client) -> Vec<Vec<Role>> {
        let mut offers = vec![Vec::new(); clients.len()];
        for (start, burst) in clients.chunks(BURST).enumerate() {
            let mut asked = BTreeMap::new();
            for (position, client) in burst.iter().enumerate() {
                let discover = client.discover();
                asked.insert(discover.xid, start * BURST + position);
                self.send(&discover, &BOTH);
            }
            let end = marker.after(LONG_WAIT).discover();
            self.send(&end, &BOTH);
            let mut ended = Vec::new();
            while ended.len() < BOTH.len() {
                let (role, reply) = self.receive(Duration::from_secs(20)).unwrap_or_else(|| {
                    panic!("only {ended:?} answered a client that has waited long")
                });
                match asked.get(&reply.xid) {
                    Some(position) => offers[*position].push(role),
                    None if reply.xid == end.xid => ended.push(role),
                    None => {}
                }
            }
        }
        offers
    }
}

fn granted(client: &Client, answer: Option<(Role, Message)>) -> Result<Granted, String> {
    let name = client.hardware_text();
    match answer {
        Some((server, reply)) if reply.kind() == Some(ACK) => {
            if reply.server() != Some(server.address()) {
                return Err(format!("{name}: {server:?} calls itself {:?}", reply.server()));
            }
            let lease_time =
                reply.lease_time().ok_or_else(|| format!("{name}: ACK without lease time"))?;
            Ok(Granted { address: reply.yiaddr, server, lease_time })
        }
        Some((_, reply)) if reply.kind() == Some(NAK) => Err(format!("{name}: NAK")),
        Some((_, reply)) => Err(format!("{name}: unexpected {reply:?}")),
        None => Err(format!("{name}: no answer")),
    }
}
