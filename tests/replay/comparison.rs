//! What the endpoint said and knows, beside what the captured server said and knew.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use twinlease::binding::{Binding, ClientIdentifier, HardwareAddress};
use twinlease::wire::{BindingStatus, FailoverState, Message, MessageType, OptionCode};

use crate::conversation::{
    Conversation, Spoken, Verdict, message_type, options, read, reply_of, update_of,
};
use crate::difference::Differences;
use crate::player::{Outcome, Said, settled, verdict_of};
use crate::server_log::Logged;
use crate::side::Side;
use crate::tcp::Micros;

/// An update that came later than this before the end is not answered in every capture.
const LAST_MOMENTS: Micros = 3_000_000;

pub struct Comparison<'a> {
    pub conversation: &'a Conversation,
    pub own: Side,
    pub end: Micros,
}

impl Comparison<'_> {
    /// Everything in which the endpoint differs from the captured server.
    pub fn run(&self, outcome: Outcome, log: &[(Micros, Logged)]) -> Differences {
        let mut differences = outcome.differences;
        let logged = log.iter().filter_map(|(_, logged)| match logged {
            Logged::Moved(_, to) => Some(*to),
            _ => None,
        });
        let states = without_instant_wait(&outcome.states, &mut differences);
        note_sequence("states", logged, states, &mut differences);
        self.compare_announcements(&outcome.said, &mut differences);
        self.compare_handshakes(&outcome.said, &mut differences);
        self.compare_verdicts(&outcome.said, &mut differences);
        self.compare_answers(&outcome.said, &mut differences);
        self.compare_requests(&outcome.said, &mut differences);
        self.compare_updates(&outcome.said, &mut differences);
        self.compare_bindings(&outcome.bindings, &mut differences);
        differences
    }

    fn own(&self, message_type: MessageType) -> impl Iterator<Item = (usize, &Spoken)> {
        self.conversation
            .of_type(self.own, message_type)
            .filter(|(_, spoken)| spoken.at.micros < self.end)
    }

    fn place(&self, at: Micros, what: impl std::fmt::Display) -> String {
        let millis = at.saturating_sub(self.conversation.begin) / 1000;
        format!("{}.{:03} {what}", millis / 1000, millis % 1000)
    }

    fn compare_announcements(&self, said: &[Said], differences: &mut Differences) {
        let state = |octets: &[u8]| match read(octets).1 {
            Message::State(state) => state.server_state.and_then(FailoverState::from_code),
            _ => None,
        };
        let captured = self.own(MessageType::STATE).filter_map(|(_, spoken)| state(&spoken.octets));
        let ours: Vec<_> =
            said.iter().filter_map(|said| Some((said.at, state(&said.octets)?))).collect();
        let ours = without_instant_wait(&ours, &mut Differences::default());
        note_sequence("announced", captured, ours, differences);
    }

    /// CONNECT and CONNECTACK of every connection, option by option.
    fn compare_handshakes(&self, said: &[Said], differences: &mut Differences) {
        for handshake in [MessageType::CONNECT, MessageType::CONNECTACK] {
            let name = handshake.name();
            let mut ours: BTreeMap<usize, &Said> = BTreeMap::new();
            for said in said.iter().filter(|said| message_type(&said.octets) == handshake) {
                ours.entry(said.connection).or_insert(said);
            }
            for (_, spoken) in self.own(handshake) {
                let place = self.place(spoken.at.micros, "");
                let Some(said) = ours.remove(&spoken.connection) else {
                    differences.note(format!("{name}: sent by dhcpd only"), place);
                    continue;
                };
                for code in different_options(&spoken.octets, &said.octets, 0) {
                    if code != OptionCode::VENDOR_CLASS_IDENTIFIER {
                        differences.note(format!("{name}: {} differs", code.name()), &*place);
                    }
                }
            }
            for said in ours.into_values() {
                differences
                    .note(format!("{name}: sent by twinlease only"), self.place(said.at, ""));
            }
        }
    }

    /// Accepted or rejected, and why, for every update of the partner.
    fn compare_verdicts(&self, said: &[Said], differences: &mut Differences) {
        for (_, bndupd) in self.conversation.of_type(self.own.other(), MessageType::BNDUPD) {
            let Some(delivered) = bndupd.delivered else { continue };
            let (address, status) = update_of(&bndupd.octets).unwrap();
            let captured = self.conversation.verdict(bndupd);
            let ours = verdict_of(said, bndupd);
            let unfinished = captured == Verdict::Unanswered
                && delivered.micros + LAST_MOMENTS > self.end
                && ours == Verdict::Accepted;
            if captured != ours && !unfinished {
                let kind = format!(
                    "bndupd {status} of the partner: dhcpd {}, twinlease {}",
                    words(captured),
                    words(ours)
                );
                differences.note(kind, self.place(delivered.micros, address));
            }
        }
    }

    /// UPDDONE and POOLRESP.
    fn compare_answers(&self, said: &[Said], differences: &mut Differences) {
        for (request, answer) in [
            (MessageType::UPDREQ, MessageType::UPDDONE),
            (MessageType::UPDREQALL, MessageType::UPDDONE),
            (MessageType::POOLREQ, MessageType::POOLRESP),
        ] {
            for (_, spoken) in self.conversation.of_type(self.own.other(), request) {
                let Some(delivered) = spoken.delivered else { continue };
                let captured = self.conversation.answer(spoken, answer).map(|a| &*a.octets);
                let xid = read(&spoken.octets).0;
                let ours = said.iter().map(|said| (said.connection, &*said.octets)).find(
                    |(connection, octets)| {
                        *connection == spoken.connection
                            && message_type(octets) == answer
                            && read(octets).0 == xid
                    },
                );
                let captured = in_words(captured);
                let ours = in_words(ours.map(|(_, octets)| octets));
                if captured != ours {
                    let kind = format!("{}: dhcpd {captured}, twinlease {ours}", request.name());
                    differences.note(kind, self.place(delivered.micros, xid));
                }
            }
        }
    }

    /// How often the endpoint asks.
    fn compare_requests(&self, said: &[Said], differences: &mut Differences) {
        for request in [
            MessageType::UPDREQ,
            MessageType::UPDREQALL,
            MessageType::POOLREQ,
            MessageType::DISCONNECT,
        ] {
            let captured = self.own(request).count();
            let ours = said.iter().filter(|said| message_type(&said.octets) == request).count();
            if captured != ours {
                let who = if captured > ours { "dhcpd" } else { "twinlease" };
                let kind = format!("{} sent more often by {who}", request.name());
                differences.note(kind, format!("dhcpd {captured}, twinlease {ours}"));
            }
        }
    }

    /// The endpoint's own updates beside those of the captured server that tell the same.
    fn compare_updates(&self, said: &[Said], differences: &mut Differences) {
        let mut twins: BTreeSet<usize> = BTreeSet::new();
        for said in said.iter().filter(|said| message_type(&said.octets) == MessageType::BNDUPD) {
            let (address, status) = update_of(&said.octets).unwrap();
            let Some(twin) = said.twin else {
                let place = self.place(said.at, address);
                differences.note(format!("bndupd {status}: sent by twinlease only"), place);
                continue;
            };
            twins.insert(twin);
            let captured = &self.conversation.messages[twin].octets;
            for code in different_options(captured, &said.octets, 1) {
                let values = [captured, &said.octets]
                    .map(|octets| options(octets).get(&code).map_or(String::new(), |v| hex(v)));
                let place = self.place(said.at, format_args!("{address} {values:?}"));
                differences.note(format!("bndupd {status}: {} differs", code.name()), place);
            }
        }
        for (number, spoken) in self.own(MessageType::BNDUPD) {
            if !twins.contains(&number) {
                let (address, status) = update_of(&spoken.octets).unwrap();
                let (_, Message::BndUpd(bndupd)) = read(&spoken.octets) else { continue };
                let virgin = bndupd.updates().next().is_some_and(|update| {
                    update.client_hardware_address.is_none()
                        && update.lease_expiration.is_none_or(|time| !time.is_known())
                        && update.start_of_status.is_none_or(|time| !time.is_known())
                });
                let what = if virgin { "of an unused address " } else { "" };
                let kind = format!("bndupd {status} {what}sent by dhcpd only");
                differences.note(kind, self.place(spoken.at.micros, address));
            }
        }
    }

    /// What both know at the end.
    fn compare_bindings(&self, bindings: &[Binding], differences: &mut Differences) {
        let known = self.known_at_the_end();
        for binding in bindings {
            let Some(captured) = known.get(&binding.address) else { continue };
            let ours = Known::of(binding);
            let place = format!("{} dhcpd {captured:x?} twinlease {ours:x?}", binding.address);
            if captured.status != ours.status {
                let kind = format!(
                    "at the end: dhcpd {}, twinlease {}",
                    captured.status, binding.binding_status
                );
                differences.note(kind, place);
            } else if captured.status == BindingStatus::Active {
                if (&captured.identifier, &captured.hardware) != (&ours.identifier, &ours.hardware)
                {
                    differences.note("at the end: another client", &*place);
                }
                if captured.end.abs_diff(ours.end) > 1 {
                    differences.note("at the end: another lease expiration", place);
                }
            }
        }
    }

    /// What the captured server's own updates, and those that it accepted, say of each address.
    fn known_at_the_end(&self) -> BTreeMap<Ipv4Addr, Known> {
        let mut known = BTreeMap::new();
        let partners: Vec<&Spoken> = self
            .conversation
            .of_type(self.own.other(), MessageType::BNDUPD)
            .map(|(_, spoken)| spoken)
            .collect();
        for spoken in self.conversation.messages.iter().filter(|s| s.at.micros < self.end) {
            if let Some((address, _)) = update_of(&spoken.octets)
                && spoken.sender == self.own
            {
                known.insert(address, Known::told(&spoken.octets));
            }
            let Some((address, Verdict::Accepted)) = reply_of(&spoken.octets) else { continue };
            if spoken.sender != self.own {
                if let Some(before) = known.remove(&address) {
                    known.insert(address, before.agreed());
                }
                continue;
            }
            let xid = read(&spoken.octets).0;
            let answered = partners.iter().rfind(|update| {
                update.at < spoken.at
                    && read(&update.octets).0 == xid
                    && update_of(&update.octets).is_some_and(|(told, _)| told == address)
            });
            if let Some(update) = answered {
                known.insert(address, Known::told(&update.octets).agreed());
            }
        }
        known
    }
}

/// One address.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    status: BindingStatus,
    identifier: Option<Vec<u8>>,
    hardware: Option<HardwareAddress>,
    end: u32,
}

impl Known {
    fn told(octets: &[u8]) -> Self {
        let (_, Message::BndUpd(bndupd)) = read(octets) else { panic!("no BNDUPD") };
        let update = bndupd.updates().next().unwrap();
        Self {
            status: BindingStatus::from_code(update.binding_status.unwrap()).unwrap(),
            identifier: update.client_identifier.map(<[u8]>::to_vec),
            hardware: update.client_hardware_address.and_then(HardwareAddress::from_wire),
            end: update.lease_expiration.map_or(0, |time| time.0),
        }
    }

    fn agreed(self) -> Self {
        Self { status: settled(self.status), ..self }
    }

    fn of(binding: &Binding) -> Self {
        let client = binding.client.as_ref();
        Self {
            status: binding.binding_status,
            identifier: client
                .and_then(|client| client.identifier.as_ref())
                .map(ClientIdentifier::octets)
                .map(<[u8]>::to_vec),
            hardware: client.and_then(|client| client.hardware),
            end: binding.lease_expiration.0,
        }
    }
}

/// The options that differ. Numbers of four octets may be `tolerance` apart.
fn different_options(one: &[u8], other: &[u8], tolerance: u32) -> Vec<OptionCode> {
    let (one, other) = (options(one), options(other));
    let codes: BTreeSet<OptionCode> = one.keys().chain(other.keys()).copied().collect();
    let number = |value: &[u8]| value.try_into().ok().map(u32::from_be_bytes);
    let same = |code: &OptionCode| match (one.get(code), other.get(code)) {
        (Some(one), Some(other)) if one == other => true,
        (Some(one), Some(other)) => match (number(one), number(other)) {
            (Some(one), Some(other)) => one.abs_diff(other) <= tolerance,
            _ => false,
        },
        _ => false,
    };
    codes.into_iter().filter(|code| !same(code)).collect()
}

/// The states without a RECOVER-WAIT that is over as soon as it begins: dhcpd passes over it.
fn without_instant_wait(
    states: &[(Micros, FailoverState)],
    differences: &mut Differences,
) -> Vec<FailoverState> {
    let mut kept = Vec::new();
    for (position, &(at, state)) in states.iter().enumerate() {
        let left_at = states[position + 1..].iter().find(|(_, next)| *next != state);
        let instant = left_at.is_some_and(|(left, _)| *left == at);
        if state == FailoverState::RecoverWait && instant {
            differences.note("states: recover-wait without waiting in twinlease only", "");
        } else {
            kept.push(state);
        }
    }
    kept
}

fn note_sequence(
    what: &str,
    captured: impl Iterator<Item = FailoverState>,
    ours: Vec<FailoverState>,
    differences: &mut Differences,
) {
    let mut sequences = [captured.collect(), ours];
    for sequence in &mut sequences {
        sequence.dedup();
    }
    let [captured, ours] = sequences;
    if captured != ours {
        let [captured, ours] = [captured, ours].map(|states| {
            states.into_iter().map(FailoverState::name).collect::<Vec<_>>().join(" > ")
        });
        differences.note(format!("{what}: dhcpd {captured}; twinlease {ours}"), "");
    }
}

fn words(verdict: Verdict) -> String {
    match verdict {
        Verdict::Unanswered => "does not answer".to_owned(),
        Verdict::Accepted => "accepts".to_owned(),
        Verdict::Rejected(reason) => format!("rejects ({reason})"),
    }
}

fn in_words(answer: Option<&[u8]>) -> String {
    match answer.map(|octets| read(octets).1) {
        Some(Message::PoolResp { addresses_transferred }) => {
            format!("gives {}", addresses_transferred.unwrap_or(0))
        }
        Some(_) => "answers".to_owned(),
        None => "does not answer".to_owned(),
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |text, octet| format!("{text}{octet:02x}"))
}
