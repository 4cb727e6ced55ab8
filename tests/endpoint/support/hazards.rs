//! What makes a dhcpd drop the connection, loop, park itself or terminate: one checker over what it is
//! sent and the state that it is in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use twinlease::time::UnixTime;
use twinlease::wire::codes::{FailoverState, MessageType, OptionCode};
use twinlease::wire::frame::Frame;

use FailoverState::{ConflictDone, Normal, PotentialConflict, Recover, ResolutionInterrupted};

/// Longest message that a dhcpd reads.
const LONGEST: usize = 2048;
/// Longest client-hardware-address that it stores, type included.
const LONGEST_HARDWARE: usize = 21;
/// Difference of the clocks, in seconds, up to which it takes CONNECT and CONNECTACK.
const CLOCKS: u32 = 60;
/// receive-timer below which it says CONTACT without pause.
const SHORTEST_TIMER: u32 = 3;

/// A message as a dhcpd takes it apart, without the product's reading of options.
struct Heard<'a> {
    kind: MessageType,
    xid: u32,
    time: UnixTime,
    options: BTreeMap<u16, &'a [u8]>,
}

impl<'a> Heard<'a> {
    fn read(octets: &'a [u8]) -> Result<Self, String> {
        let frame = Frame::parse(octets).map_err(|error| format!("is no message: {error}"))?;
        if octets.len() > LONGEST || frame.header.payload_offset != 12 {
            return Err(format!("has {} octets or another payload offset", octets.len()));
        }
        let kind = frame.header.message_type;
        let mut options = BTreeMap::new();
        let mut rest = &octets[12..];
        while !rest.is_empty() {
            let [c0, c1, l0, l1, after @ ..] = rest else { return Err("ends early".to_owned()) };
            let (code, length) = (u16::from_be_bytes([*c0, *c1]), u16::from_be_bytes([*l0, *l1]));
            let length = usize::from(length);
            if after.len() < length {
                return Err(format!("option {code} runs past the end"));
            }
            let (value, after) = after.split_at(length);
            rest = after;
            if !stored(kind).contains(&code) {
                continue;
            }
            if options.insert(code, value).is_some() {
                return Err(format!("option {code} is repeated"));
            }
            if size(code).is_some_and(|size| size != length) {
                return Err(format!("option {code} has {length} octets"));
            }
        }
        let (xid, time) = (frame.header.xid.0, frame.header.time);
        Ok(Self { kind, xid, time, options })
    }

    fn has(&self, code: OptionCode) -> bool {
        self.options.contains_key(&code.0)
    }

    fn octet(&self, code: OptionCode) -> Option<u8> {
        self.options.get(&code.0)?.first().copied()
    }

    fn number(&self, code: OptionCode) -> Option<u32> {
        self.options.get(&code.0).map(|value| u32::from_be_bytes((*value).try_into().unwrap()))
    }

    fn address(&self) -> Option<Ipv4Addr> {
        self.number(OptionCode::ASSIGNED_IP_ADDRESS).map(Ipv4Addr::from)
    }
}

/// The options that a dhcpd stores of each message; it skips all others, whatever their length. A
/// repeated one of these, or one of another length, is the end of the connection.
fn stored(kind: MessageType) -> &'static [u16] {
    match kind {
        MessageType::POOLRESP => &[1],
        MessageType::BNDUPD => &[2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 18, 25],
        MessageType::BNDACK => &[2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 18, 21, 25],
        MessageType::CONNECT => &[11, 14, 15, 19, 20, 22, 27, 28],
        MessageType::CONNECTACK => &[14, 16, 19, 20, 21, 22, 26, 28],
        MessageType::STATE => &[23, 24, 25],
        MessageType::DISCONNECT => &[16, 21],
        _ => &[],
    }
}

/// Octets of an option, where they are checked.
fn size(code: u16) -> Option<usize> {
    match code {
        1 | 2 | 6 | 13 | 14 | 15 | 18 | 19 | 25 => Some(4),
        12 => Some(2),
        3 | 20 | 21 | 23 | 24 | 26 | 27 => Some(1),
        _ => None,
    }
}

/// What a dhcpd in `its` state survives in a useful state.
pub(crate) fn is_harmless(its: FailoverState, ours: FailoverState) -> bool {
    match its {
        ConflictDone => matches!(ours, Normal | PotentialConflict | ResolutionInterrupted),
        Normal => !matches!(ours, PotentialConflict | ResolutionInterrupted | ConflictDone),
        PotentialConflict | Recover => ours != Normal,
        _ => true,
    }
}

/// What a dhcpd remembers of its partner's messages, and of its own as far as they are answered.
#[derive(Default)]
pub(crate) struct Ears {
    /// xids of this run of the partner under which it said something of its own.
    used: BTreeSet<u32>,
    /// Updates of the dhcpd, answered or not: xid and address.
    pub(crate) told: BTreeSet<(u32, Ipv4Addr)>,
    /// xids of its requests (UPDREQ, UPDREQALL, POOLREQ, CONNECT) that have no answer yet.
    pub(crate) asked: BTreeSet<u32>,
    /// The window that it allows, and the partner's updates in it.
    window: usize,
    pub(crate) unanswered: BTreeSet<u32>,
}

impl Ears {
    /// Those of a dhcpd that takes this many updates without answering.
    pub(crate) fn with_window(window: usize) -> Self {
        Self { window, ..Self::default() }
    }

    /// The partner's process ends; another one counts its xids from the start.
    pub(crate) fn partner_restarts(&mut self) {
        self.used.clear();
        self.connection_ends();
    }

    /// Whoever asked on it has to ask again.
    pub(crate) fn connection_ends(&mut self) {
        self.asked.clear();
        self.unanswered.clear();
    }

    /// Takes a message in; an error says why no dhcpd in `its` state should ever get it.
    pub(crate) fn hear(
        &mut self,
        octets: &[u8],
        its: FailoverState,
        now: UnixTime,
    ) -> Result<(), String> {
        let heard = Heard::read(octets)?;
        match heard.kind {
            MessageType::CONNECT => terms(&heard, now)?,
            MessageType::CONNECTACK => {
                self.answers(&heard)?;
                terms(&heard, now)?;
            }
            MessageType::STATE => state(&heard, its)?,
            MessageType::BNDUPD => self.update(&heard)?,
            MessageType::BNDACK => self.acknowledgement(&heard)?,
            MessageType::UPDDONE | MessageType::POOLRESP => self.answers(&heard)?,
            MessageType::POOLREQ
            | MessageType::UPDREQ
            | MessageType::UPDREQALL
            | MessageType::CONTACT
            | MessageType::DISCONNECT => {}
            other => return Err(format!("type {other} is none that it knows")),
        }
        let is_answer = matches!(
            heard.kind,
            MessageType::CONNECTACK
                | MessageType::BNDACK
                | MessageType::UPDDONE
                | MessageType::POOLRESP
        );
        if !is_answer && !self.used.insert(heard.xid) {
            return Err(format!("xid {} is used again", heard.xid));
        }
        Ok(())
    }

    /// An answer is to something that was asked and not answered yet.
    fn answers(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        if self.asked.remove(&heard.xid) {
            return Ok(());
        }
        Err(format!("nothing with xid {} waits for an answer", heard.xid))
    }

    fn update(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        if heard.has(OptionCode::DDNS) {
            return Err("DDNS ends the connection".to_owned());
        }
        let status = heard.octet(OptionCode::BINDING_STATUS).unwrap_or_default();
        if heard.address().is_none() || !(1..=7).contains(&status) {
            return Err(format!("status {status} of {:?} terminates it", heard.address()));
        }
        let hardware = heard.options.get(&OptionCode::CLIENT_HARDWARE_ADDRESS.0);
        let identified = hardware.is_some() || heard.has(OptionCode::CLIENT_IDENTIFIER);
        if status == 5 && identified {
            return Err("ABANDONED names a client".to_owned());
        }
        if matches!(status, 2..=4) && hardware.is_none() {
            return Err(format!("status {status} without client-hardware-address"));
        }
        if hardware.is_some_and(|hardware| hardware.len() > LONGEST_HARDWARE) {
            return Err("client-hardware-address is too long".to_owned());
        }
        self.unanswered.insert(heard.xid);
        if self.unanswered.len() > self.window {
            return Err(format!("more than {} updates wait for answers", self.window));
        }
        Ok(())
    }

    /// dhcpd takes the xid of a rejection for granted; any other answer with a wrong one, or with more
    /// than the address, does harm that nobody sees.
    fn acknowledgement(&self, heard: &Heard<'_>) -> Result<(), String> {
        let expected =
            [OptionCode::ASSIGNED_IP_ADDRESS.0, OptionCode::REJECT_REASON.0, OptionCode::MESSAGE.0];
        if let Some(code) = heard.options.keys().find(|code| !expected.contains(code)) {
            return Err(format!("an answer carries option {code}"));
        }
        let Some(address) = heard.address() else {
            return Err("an answer names no address".to_owned());
        };
        let rejects = heard.has(OptionCode::REJECT_REASON);
        if !rejects && !self.told.contains(&(heard.xid, address)) {
            return Err(format!("{address} was not told with xid {}", heard.xid));
        }
        Ok(())
    }
}

/// CONNECT and CONNECTACK.
fn terms(heard: &Heard<'_>, now: UnixTime) -> Result<(), String> {
    let refuses = heard.has(OptionCode::REJECT_REASON);
    if heard.time.0.abs_diff(now.0) > CLOCKS {
        return Err("the clocks differ".to_owned());
    }
    if !heard.has(OptionCode::RELATIONSHIP_NAME) {
        return Err("relationship-name is missing".to_owned());
    }
    let timer = heard.number(OptionCode::RECEIVE_TIMER).unwrap_or_default();
    if timer < SHORTEST_TIMER && !refuses {
        return Err(format!("receive-timer {timer} makes it say CONTACT without pause"));
    }
    if heard.number(OptionCode::MAX_UNACKED_BNDUPD).unwrap_or_default() == 0 && !refuses {
        return Err("no window: it never says an update".to_owned());
    }
    if heard.kind == MessageType::CONNECT {
        let buckets = heard.options.get(&OptionCode::HASH_BUCKET_ASSIGNMENT.0);
        if buckets.map(|buckets| buckets.len()) != Some(32) || !heard.has(OptionCode::MCLT) {
            return Err("hash buckets or MCLT are missing".to_owned());
        }
    }
    Ok(())
}

/// STATE.
fn state(heard: &Heard<'_>, its: FailoverState) -> Result<(), String> {
    let code = heard.octet(OptionCode::SERVER_STATE).unwrap_or_default();
    let ours = FailoverState::from_code(code).filter(|_| matches!(code, 2..=11 | 254));
    match ours {
        Some(ours) if is_harmless(its, ours) => Ok(()),
        Some(ours) => Err(format!("{ours} in {its}")),
        None => Err(format!("server-state {code} parks it")),
    }
}
