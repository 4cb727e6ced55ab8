//! A partner of dhcpd that says whatever a test says, over a real connection, and remembers what it hears.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use twinlease::time::UnixTime;
use twinlease::wire::codes::{MessageType, OptionCode, Xid};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::frame::{Frame, Header};
use twinlease::wire::option::OptionWriter;

use super::setup::RELATIONSHIP;

/// Longest that dhcpd may take for what it does at once, or after a timer of its own.
const PATIENCE: Duration = Duration::from_secs(60);

/// An address in no pool of any test.
const NOWHERE: Ipv4Addr = Ipv4Addr::new(10, 78, 200, 200);

/// Unix seconds.
pub fn now() -> u32 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u32::try_from(passed.as_secs()).unwrap()
}

/// A message to be sent, sensible or not.
#[derive(Debug, Clone)]
pub struct Message {
    pub kind: MessageType,
    /// That of a request to be answered; else the next of the partner's own.
    pub xid: Option<u32>,
    /// Seconds by which the header is ahead of the clock.
    pub ahead: i64,
    /// Octets between header and options.
    pub extension: Vec<u8>,
    pub options: Vec<(OptionCode, Vec<u8>)>,
}

impl Message {
    pub fn new(kind: MessageType) -> Self {
        Self { kind, xid: None, ahead: 0, extension: Vec::new(), options: Vec::new() }
    }

    /// The answer to `request`.
    pub fn answer(kind: MessageType, request: &Heard) -> Self {
        Self { xid: Some(request.xid), ..Self::new(kind) }
    }

    /// A CONNECT that a dhcpd secondary accepts.
    pub fn connect() -> Self {
        Self::new(MessageType::CONNECT)
            .with(OptionCode::RELATIONSHIP_NAME, RELATIONSHIP)
            .number(OptionCode::MAX_UNACKED_BNDUPD, 100)
            .number(OptionCode::RECEIVE_TIMER, 3600)
            .with(OptionCode::VENDOR_CLASS_IDENTIFIER, "script")
            .with(OptionCode::PROTOCOL_VERSION, [1])
            .with(OptionCode::TLS_REQUEST, [0])
            .number(OptionCode::MCLT, 60)
            .with(OptionCode::HASH_BUCKET_ASSIGNMENT, [[0xff; 16], [0; 16]].concat())
    }

    /// A CONNECTACK that a dhcpd primary accepts.
    pub fn connect_ack(request: &Heard) -> Self {
        Self::answer(MessageType::CONNECTACK, request)
            .with(OptionCode::RELATIONSHIP_NAME, RELATIONSHIP)
            .number(OptionCode::MAX_UNACKED_BNDUPD, 100)
            .number(OptionCode::RECEIVE_TIMER, 3600)
            .with(OptionCode::VENDOR_CLASS_IDENTIFIER, "script")
            .with(OptionCode::PROTOCOL_VERSION, [1])
            .with(OptionCode::TLS_REPLY, [0])
    }

    pub fn state(code: u8, flags: u8) -> Self {
        Self::new(MessageType::STATE)
            .with(OptionCode::SERVER_STATE, [code])
            .with(OptionCode::SERVER_FLAGS, [flags])
            .number(OptionCode::START_TIME_OF_STATE, now())
    }

    /// BNDUPD with a status and the times of an address that nobody ever used.
    pub fn update(address: Ipv4Addr, status: u8) -> Self {
        Self::new(MessageType::BNDUPD)
            .with(OptionCode::ASSIGNED_IP_ADDRESS, address.octets())
            .with(OptionCode::BINDING_STATUS, [status])
            .number(OptionCode::LEASE_EXPIRATION_TIME, 0)
            .number(OptionCode::POTENTIAL_EXPIRATION_TIME, 0)
            .number(OptionCode::START_TIME_OF_STATE, 0)
    }

    /// BNDUPD about a client whose lease ends in `seconds`, heard now.
    pub fn lease(address: Ipv4Addr, status: u8, hardware: [u8; 6], seconds: u32) -> Self {
        let now = now();
        Self::update(address, status)
            .with(OptionCode::CLIENT_HARDWARE_ADDRESS, [&[1], &hardware[..]].concat())
            .number(OptionCode::LEASE_EXPIRATION_TIME, now + seconds)
            .number(OptionCode::POTENTIAL_EXPIRATION_TIME, now + 2 * seconds)
            .number(OptionCode::START_TIME_OF_STATE, now)
            .number(OptionCode::CLIENT_LAST_TRANSACTION_TIME, now)
    }

    /// The option with this value, in its place if the message has it, else as the last one.
    pub fn with(mut self, code: OptionCode, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref().to_vec();
        match self.options.iter_mut().find(|(known, _)| *known == code) {
            Some(option) => option.1 = value,
            None => self.options.push((code, value)),
        }
        self
    }

    /// The same for an option of four octets.
    pub fn number(self, code: OptionCode, value: u32) -> Self {
        self.with(code, value.to_be_bytes())
    }

    pub fn without(mut self, code: OptionCode) -> Self {
        self.options.retain(|(known, _)| *known != code);
        self
    }

    /// An option of four octets.
    pub fn value(&self, code: OptionCode) -> Option<i64> {
        let (_, value) = self.options.iter().find(|(known, _)| *known == code)?;
        Some(i64::from(u32::from_be_bytes(value.as_slice().try_into().unwrap())))
    }

    /// The octets of the message.
    pub fn encode(&self, xid: u32) -> Vec<u8> {
        let header = Header {
            message_type: self.kind,
            payload_offset: 12,
            time: UnixTime(u32::try_from(i64::from(now()) + self.ahead).unwrap()),
            xid: Xid(xid),
        };
        let mut octets = Vec::new();
        let mut writer = OptionWriter::begin(header, &mut octets);
        writer.raw(&self.extension);
        for (code, value) in &self.options {
            writer.octets(*code, value);
        }
        writer.finish().unwrap();
        octets[3] += u8::try_from(self.extension.len()).unwrap();
        octets
    }
}

/// A message of dhcpd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub kind: MessageType,
    pub xid: u32,
    /// The header's, in Unix seconds.
    pub time: u32,
    pub options: Vec<(u16, Vec<u8>)>,
}

impl Heard {
    /// Takes the first whole message off `octets`.
    fn take_from(octets: &mut Vec<u8>) -> Option<Self> {
        let mut rest = octets.as_slice();
        let frame = Frame::take(&mut rest, Dialect::Isc).unwrap()?;
        let heard = Self {
            kind: frame.header.message_type,
            xid: frame.header.xid.0,
            time: frame.header.time.0,
            options: frame
                .options()
                .map(|option| option.unwrap())
                .map(|option| (option.code.0, option.value.to_vec()))
                .collect(),
        };
        let taken = octets.len() - rest.len();
        octets.drain(..taken);
        Some(heard)
    }

    /// The codes of the options, in their order.
    pub fn codes(&self) -> Vec<u16> {
        self.options.iter().map(|(code, _)| *code).collect()
    }

    pub fn option(&self, code: OptionCode) -> Option<&[u8]> {
        let found = self.options.iter().find(|(known, _)| *known == code.0);
        found.map(|(_, value)| value.as_slice())
    }

    /// An option of four octets.
    pub fn number(&self, code: OptionCode) -> Option<u32> {
        self.option(code).map(|value| u32::from_be_bytes(value.try_into().unwrap()))
    }

    pub fn address(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.number(OptionCode::ASSIGNED_IP_ADDRESS).unwrap())
    }

    /// binding-status of a BNDUPD.
    pub fn status(&self) -> u8 {
        self.option(OptionCode::BINDING_STATUS).unwrap()[0]
    }

    /// server-state and server-flags of a STATE.
    pub fn state(&self) -> (u8, u8) {
        let octet = |code| self.option(code).unwrap()[0];
        (octet(OptionCode::SERVER_STATE), octet(OptionCode::SERVER_FLAGS))
    }

    pub fn is_update_of(&self, address: Ipv4Addr) -> bool {
        self.kind == MessageType::BNDUPD && self.address() == address
    }

    pub fn reject_reason(&self) -> Option<u8> {
        self.option(OptionCode::REJECT_REASON).map(|value| value[0])
    }
}

/// One connection with dhcpd.
#[derive(Debug)]
pub struct Partner {
    stream: TcpStream,
    octets: Vec<u8>,
    heard: VecDeque<Heard>,
    closed: bool,
    xid: u32,
}

impl Partner {
    /// Speaks on a connection whose first xid of its own is `xid`.
    pub fn on(stream: TcpStream, xid: u32) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream, octets: Vec::new(), heard: VecDeque::new(), closed: false, xid }
    }

    /// Sends a message; its xid.
    pub fn send(&mut self, message: &Message) -> u32 {
        let xid = message.xid.unwrap_or_else(|| {
            self.xid += 1;
            self.xid - 1
        });
        self.stream.write_all(&message.encode(xid)).unwrap();
        xid
    }

    /// Sends octets, sensible or not; whether the connection takes them.
    pub fn send_octets(&mut self, octets: &[u8]) -> bool {
        self.stream.write_all(octets).is_ok()
    }

    /// What has come, waited for only a moment.
    pub fn listen(&mut self) -> Vec<Heard> {
        self.read();
        self.heard.drain(..).collect()
    }

    /// Accepts an update.
    pub fn acknowledge(&mut self, update: &Heard) {
        let ack = Message::answer(MessageType::BNDACK, update)
            .with(OptionCode::ASSIGNED_IP_ADDRESS, update.address().octets());
        self.send(&ack);
    }

    /// The next message of this type, wherever it stands.
    #[track_caller]
    pub fn take(&mut self, kind: MessageType) -> Heard {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(position) = self.heard.iter().position(|heard| heard.kind == kind) {
                return self.heard.remove(position).unwrap();
            }
            assert!(
                !self.closed && Instant::now() < end,
                "no {kind}; heard {:?}, closed: {}",
                self.heard,
                self.closed
            );
            self.read();
        }
    }

    /// The next message, whatever it is; CONTACT is none.
    #[track_caller]
    pub fn next(&mut self) -> Heard {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.heard.pop_front() {
                Some(heard) if heard.kind == MessageType::CONTACT => {}
                Some(heard) => return heard,
                None => {
                    assert!(!self.closed && Instant::now() < end, "dhcpd says nothing more");
                    self.read();
                }
            }
        }
    }

    /// All that dhcpd says until it closes the connection.
    #[track_caller]
    pub fn until_closed(&mut self) -> Vec<Heard> {
        let end = Instant::now() + PATIENCE;
        while !self.closed {
            assert!(Instant::now() < end, "dhcpd keeps the connection; heard {:?}", self.heard);
            self.read();
        }
        self.heard.drain(..).filter(|heard| heard.kind != MessageType::CONTACT).collect()
    }

    /// All that dhcpd has to say so far, known without waiting: it rejects an update of an address that it does not know at
    /// once, and messages keep their order.
    #[track_caller]
    pub fn so_far(&mut self) -> Vec<Heard> {
        let marker = self.send(&Message::update(NOWHERE, 1));
        let is_marker = |heard: &Heard| heard.kind == MessageType::BNDACK && heard.xid == marker;
        let end = Instant::now() + PATIENCE;
        while !self.heard.iter().any(is_marker) {
            assert!(!self.closed && Instant::now() < end, "no answer; heard {:?}", self.heard);
            self.read();
        }
        self.heard
            .drain(..)
            .filter(|heard| !is_marker(heard) && heard.kind != MessageType::CONTACT)
            .collect()
    }

    /// Accepts every update until no more come; all that was heard.
    #[track_caller]
    pub fn accept_all(&mut self) -> Vec<Heard> {
        let mut all = Vec::new();
        loop {
            let mut heard = self.so_far();
            let updates = heard.iter().filter(|heard| heard.kind == MessageType::BNDUPD);
            let count = updates.map(|update| self.acknowledge(update)).count();
            all.append(&mut heard);
            if count == 0 {
                return all;
            }
        }
    }

    /// Sends an update and waits for its answer: the reason of a rejection.
    #[track_caller]
    pub fn update(&mut self, update: &Message) -> Option<u8> {
        let xid = self.send(update);
        loop {
            let ack = self.take(MessageType::BNDACK);
            if ack.xid == xid {
                return ack.reject_reason();
            }
        }
    }

    fn read(&mut self) {
        self.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.closed = true,
            Ok(count) => self.octets.extend(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => self.closed = true,
            Err(error) if is_patience(error.kind()) => {}
            Err(error) => panic!("{error}"),
        }
        while let Some(heard) = Heard::take_from(&mut self.octets) {
            self.heard.push_back(heard);
        }
    }
}

/// Nothing has come yet: the time is over, or a child of another test has ended.
fn is_patience(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
