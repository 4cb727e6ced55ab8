//! What the two servers of a capture said, ready to be looked up.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;

use twinlease::wire::{BindingStatus, Dialect, Frame, Message, MessageType, OptionCode, Xid};

use crate::side::Side;
use crate::tcp::{self, At, Connection, Micros};

/// A message of the capture.
#[derive(Debug)]
pub struct Spoken {
    /// Its connection, by position in [`Conversation::connections`].
    pub connection: usize,
    pub sender: Side,
    pub at: At,
    pub delivered: Option<At>,
    pub octets: Vec<u8>,
}

/// How a binding update was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Unanswered,
    Accepted,
    Rejected(u8),
}

/// A capture.
#[derive(Debug)]
pub struct Conversation {
    pub connections: Vec<Connection>,
    /// In the order in which they were sent.
    pub messages: Vec<Spoken>,
    pub begin: Micros,
}

/// The message in `octets`.
pub fn read(octets: &[u8]) -> (Xid, Message<'_>) {
    let frame = Frame::parse(octets).unwrap();
    (frame.header.xid, Message::decode(&frame, Dialect::Isc).unwrap())
}

/// The options of the message in `octets`.
pub fn options(octets: &[u8]) -> BTreeMap<OptionCode, Vec<u8>> {
    let frame = Frame::parse(octets).unwrap();
    frame.options().map(|option| option.unwrap()).map(|o| (o.code, o.value.to_vec())).collect()
}

pub fn message_type(octets: &[u8]) -> MessageType {
    MessageType(octets[2])
}

/// Address and status of a BNDUPD, which has one transaction.
pub fn update_of(octets: &[u8]) -> Option<(Ipv4Addr, BindingStatus)> {
    let (_, Message::BndUpd(bndupd)) = read(octets) else { return None };
    let update = bndupd.updates().next().unwrap();
    Some((update.address, BindingStatus::from_code(update.binding_status.unwrap()).unwrap()))
}

/// Address and verdict of a BNDACK.
pub fn reply_of(octets: &[u8]) -> Option<(Ipv4Addr, Verdict)> {
    let (_, Message::BndAck(bndack)) = read(octets) else { return None };
    let reply = bndack.replies().next().unwrap();
    let verdict =
        reply.reject.map_or(Verdict::Accepted, |reject| Verdict::Rejected(reject.reason.0));
    Some((reply.address, verdict))
}

/// The message with another xid, as if sent at the second `time`.
pub fn readdressed(octets: &[u8], time: u32, xid: Xid) -> Vec<u8> {
    let mut copy = octets.to_vec();
    copy[4..8].copy_from_slice(&time.to_be_bytes());
    copy[8..12].copy_from_slice(&xid.0.to_be_bytes());
    copy
}

impl Conversation {
    pub fn of(capture: &Path) -> Self {
        let (mut connections, begin, _) = tcp::connections(capture);
        let mut messages = Vec::new();
        for (number, connection) in connections.iter_mut().enumerate() {
            messages.extend(connection.messages.drain(..).map(|sent| Spoken {
                connection: number,
                sender: sent.sender,
                at: sent.at,
                delivered: sent.delivered,
                octets: sent.octets,
            }));
        }
        messages.sort_by_key(|spoken| spoken.at);
        Self { connections, messages, begin }
    }

    /// Messages of one type from one server.
    pub fn of_type(
        &self,
        sender: Side,
        message_type: MessageType,
    ) -> impl Iterator<Item = (usize, &Spoken)> {
        self.messages.iter().enumerate().filter(move |(_, spoken)| {
            spoken.sender == sender && self::message_type(&spoken.octets) == message_type
        })
    }

    /// The answer of type `answer` to `request`: same xid, behind it, on its connection. BNDACKs
    /// may come on a later one.
    pub fn answer(&self, request: &Spoken, answer: MessageType) -> Option<&Spoken> {
        let xid = read(&request.octets).0;
        let address = update_of(&request.octets).map(|(address, _)| address);
        let fits = |spoken: &&Spoken| {
            spoken.at > request.at
                && read(&spoken.octets).0 == xid
                && reply_of(&spoken.octets).map(|(address, _)| address) == address
        };
        let candidates = || self.of_type(request.sender.other(), answer).map(|(_, spoken)| spoken);
        candidates().filter(|spoken| spoken.connection == request.connection).find(fits).or_else(
            || candidates().filter(|spoken| spoken.connection > request.connection).find(fits),
        )
    }

    /// How the other server answered a BNDUPD.
    pub fn verdict(&self, bndupd: &Spoken) -> Verdict {
        self.answer(bndupd, MessageType::BNDACK)
            .and_then(|spoken| reply_of(&spoken.octets))
            .map_or(Verdict::Unanswered, |(_, verdict)| verdict)
    }
}
