//! Every state of this server against every state of a dhcpd, as crashes of both may leave them: the
//! pair finds its way to NORMAL, and the dhcpd neither terminates nor parks itself.
//!
//! The dhcpd is a model of its state machine as observed: what it does on each STATE, on UPDDONE, on
//! entering a state, and on the loss of the connection.

use twinlease::balance::Role;
use twinlease::durable::EndpointRecord;
use twinlease::time::UnixTime;
use twinlease::wire::codes::{FailoverState, MessageType, ServerFlags};
use twinlease::wire::message::Message;

use crate::support::scripted::{DHCPD, Script, stored};
use crate::support::{MCLT, START};

use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, Paused, PotentialConflict,
    Recover, RecoverDone, RecoverWait, ResolutionInterrupted, Shutdown,
};

/// What both sides may come back with.
const STATES: [FailoverState; 9] = [
    Normal,
    CommunicationsInterrupted,
    PartnerDown,
    PotentialConflict,
    Recover,
    RecoverWait,
    RecoverDone,
    ResolutionInterrupted,
    ConflictDone,
];

/// What a dhcpd does on a STATE.
enum Reaction {
    Stay,
    To(FailoverState),
    AskForAll,
    Ask,
    /// It terminates, or parks itself until an operator comes.
    Harm,
}

struct Dhcpd {
    role: Role,
    state: FailoverState,
    starting: bool,
    ours: Option<FailoverState>,
}

impl Dhcpd {
    fn on_state(&mut self, ours: FailoverState, flags: ServerFlags, script: &mut Script) {
        let before = self.ours.replace(ours);
        let repeated = before == Some(ours);
        if self.starting {
            self.starting = false;
            let next = match self.reaction(before, ours, flags, true) {
                Reaction::To(next) => next,
                Reaction::Harm => self.harmed(ours),
                _ if repeated && self.state == ResolutionInterrupted => PotentialConflict,
                _ => self.state,
            };
            return self.enter(next, script);
        }
        let ignores_repetition = matches!(
            self.state,
            Normal | PotentialConflict | RecoverDone | RecoverWait | Shutdown | Paused
        );
        if repeated && ignores_repetition {
            return;
        }
        match self.reaction(before, ours, flags, false) {
            Reaction::Stay => {}
            Reaction::To(next) => self.enter(next, script),
            Reaction::AskForAll => _ = script.tell(&Message::UpdReqAll),
            Reaction::Ask => _ = script.tell(&Message::UpdReq),
            Reaction::Harm => _ = self.harmed(ours),
        }
    }

    fn harmed(&self, ours: FailoverState) -> FailoverState {
        panic!("{ours} harms a dhcpd in {}", self.state)
    }

    #[expect(clippy::match_same_arms, reason = "the rows stand by its state")]
    fn reaction(
        &self,
        before: Option<FailoverState>,
        ours: FailoverState,
        flags: ServerFlags,
        starting: bool,
    ) -> Reaction {
        use Reaction::{Ask, AskForAll, Harm, Stay, To};
        match (self.state, ours) {
            (Normal, PartnerDown) if starting => To(Recover),
            (Normal, PartnerDown) => To(PotentialConflict),
            (Normal, PotentialConflict | ResolutionInterrupted | ConflictDone) => Harm,
            (Normal | CommunicationsInterrupted, Recover | Shutdown) => To(PartnerDown),
            (Normal, Paused) => To(CommunicationsInterrupted),
            (
                CommunicationsInterrupted,
                Normal | CommunicationsInterrupted | RecoverDone | RecoverWait,
            ) => To(Normal),
            (
                CommunicationsInterrupted,
                PartnerDown | PotentialConflict | ResolutionInterrupted | ConflictDone,
            ) => To(PotentialConflict),
            (PartnerDown, _) if flags.contains(ServerFlags::STARTUP) => Stay,
            (PartnerDown, RecoverDone) => To(Normal),
            (PartnerDown, Recover | RecoverWait | Paused | Shutdown) => Stay,
            (PartnerDown, _) => To(PotentialConflict),
            (Recover, Normal | PotentialConflict | ResolutionInterrupted | ConflictDone) => {
                To(PotentialConflict)
            }
            (Recover, CommunicationsInterrupted | PartnerDown | Recover) => AskForAll,
            (Recover | RecoverDone | PotentialConflict | ResolutionInterrupted, Shutdown) => {
                To(PartnerDown)
            }
            (RecoverDone, Normal | RecoverDone) => To(Normal),
            (PotentialConflict, Normal) => Harm,
            (PotentialConflict, Recover) => To(Recover),
            (PotentialConflict, ConflictDone) if before == Some(PotentialConflict) => Ask,
            (ResolutionInterrupted, Paused) => Stay,
            (ResolutionInterrupted, _) => To(PotentialConflict),
            (ConflictDone, Normal) => To(Normal),
            (ConflictDone, PotentialConflict | ResolutionInterrupted) => Stay,
            (ConflictDone, _) => Harm,
            _ => Stay,
        }
    }

    fn enter(&mut self, next: FailoverState, script: &mut Script) {
        self.state = next;
        self.announce(script);
        match next {
            Recover => _ = script.tell(&Message::UpdReqAll),
            PotentialConflict if self.role == Role::Primary || self.ours == Some(ConflictDone) => {
                script.tell(&Message::UpdReq);
            }
            _ => {}
        }
    }

    fn announce(&self, script: &mut Script) {
        let flags = if self.starting { ServerFlags::STARTUP } else { ServerFlags(0) };
        script.state_with(self.state, flags, START - 5);
    }

    fn on_update_done(&mut self, script: &mut Script) {
        let next = match (self.state, self.role, self.ours) {
            (Recover, _, Some(Recover | RecoverDone)) => RecoverDone,
            (Recover, _, _) => RecoverWait,
            (PotentialConflict, Role::Primary, Some(ConflictDone)) => panic!("two primaries"),
            (PotentialConflict, Role::Primary, _) => ConflictDone,
            (PotentialConflict, Role::Secondary, Some(ConflictDone)) => Normal,
            _ => return,
        };
        self.enter(next, script);
    }

    fn on_loss(&mut self) {
        self.starting = false;
        self.state = match self.state {
            Normal => CommunicationsInterrupted,
            PotentialConflict => ResolutionInterrupted,
            other => other,
        };
    }
}

fn connect(script: &mut Script, dhcpd: &Dhcpd) {
    script.shake_hands();
    dhcpd.announce(script);
}

/// A dhcpd in RECOVER-DONE waits for NORMAL or RECOVER-DONE whatever else it is told, so it never
/// joins a conflict. No sequence of crashes leads a pair there.
fn is_no_pair(ours: FailoverState, its: FailoverState) -> bool {
    matches!(its, RecoverWait | RecoverDone)
        && matches!(ours, PotentialConflict | ResolutionInterrupted | ConflictDone)
}

/// Answers what the endpoint says until it says no more.
fn converse(script: &mut Script, dhcpd: &mut Dhcpd) {
    for _ in 0..500 {
        if !script.closed.is_empty() {
            script.closed.clear();
            script.said.clear();
            dhcpd.on_loss();
            script.run(1);
            connect(script, dhcpd);
            continue;
        }
        let Some(said) = script.said.pop_front() else { break };
        match said.message_type {
            MessageType::STATE => {
                let (state, flags) = said.state();
                dhcpd.on_state(state, flags, script);
            }
            MessageType::UPDREQ | MessageType::UPDREQALL => {
                script.say(said.xid, &Message::UpdDone);
            }
            MessageType::UPDDONE => dhcpd.on_update_done(script),
            MessageType::BNDUPD => script.acknowledge(&said),
            _ => {}
        }
    }
}

fn meet(role: Role, ours: FailoverState, its: FailoverState, starting: bool) -> [FailoverState; 2] {
    let record = EndpointRecord { down_time: UnixTime(START - 10), ..stored(ours) };
    let mut script = Script::restarted(role, record);
    script.vendor = DHCPD;
    let its_role = if role == Role::Primary { Role::Secondary } else { Role::Primary };
    let mut dhcpd = Dhcpd { role: its_role, state: its, starting, ours: None };
    if !starting {
        dhcpd.on_loss();
    }
    connect(&mut script, &dhcpd);
    for _ in 0..4 {
        converse(&mut script, &mut dhcpd);
        for _ in 0..=MCLT / 5 {
            script.run_talking(5);
            converse(&mut script, &mut dhcpd);
        }
        if dhcpd.state == RecoverWait {
            dhcpd.enter(RecoverDone, &mut script);
        }
    }
    [script.endpoint.state(), dhcpd.state]
}

#[test]
fn every_pair_of_states_ends_in_normal() {
    let mut stuck = Vec::new();
    for role in [Role::Primary, Role::Secondary] {
        for ours in STATES {
            for its in STATES {
                let done = match role {
                    Role::Primary => its,
                    Role::Secondary => ours,
                };
                // Only a primary is ever in CONFLICT-DONE.
                if done == ConflictDone || is_no_pair(ours, its) {
                    continue;
                }
                for starting in [false, true] {
                    let end = meet(role, ours, its, starting);
                    if end != [Normal, Normal] {
                        stuck.push(format!("{role:?} {ours} / {its} {starting}: {end:?}"));
                    }
                }
            }
        }
    }
    assert_eq!(stuck, Vec::<String>::new());
}
