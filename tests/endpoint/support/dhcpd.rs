//! A dhcpd at the other end: what it does on each STATE, on UPDDONE, on entering a state and on the loss
//! of the connection, as observed.

use twinlease::balance::Role;
use twinlease::time::UnixTime;
use twinlease::wire::codes::{FailoverState, ServerFlags};
use twinlease::wire::connect::StateMessage;
use twinlease::wire::message::Message;

use super::START;

use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, Paused, PotentialConflict,
    Recover, RecoverDone, RecoverWait, ResolutionInterrupted, Shutdown,
};

/// What a dhcpd does on a STATE.
enum Reaction {
    Stay,
    To(FailoverState),
    AskForAll,
    Ask,
    /// It terminates, or parks itself until an operator comes.
    Harm,
}

/// The state machine of a dhcpd. Its methods return what it says.
pub(crate) struct Dhcpd {
    pub(crate) role: Role,
    pub(crate) state: FailoverState,
    pub(crate) starting: bool,
    /// Our state as it heard it last.
    pub(crate) ours: Option<FailoverState>,
}

type Says = Vec<Message<'static>>;

impl Dhcpd {
    pub(crate) fn on_state(&mut self, ours: FailoverState, flags: ServerFlags) -> Says {
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
            return self.enter(next);
        }
        let ignores_repetition = matches!(
            self.state,
            Normal | PotentialConflict | RecoverDone | RecoverWait | Shutdown | Paused
        );
        if repeated && ignores_repetition {
            return Vec::new();
        }
        match self.reaction(before, ours, flags, false) {
            Reaction::Stay => Vec::new(),
            Reaction::To(next) => self.enter(next),
            Reaction::AskForAll => vec![Message::UpdReqAll],
            Reaction::Ask => vec![Message::UpdReq],
            Reaction::Harm => {
                self.harmed(ours);
                Vec::new()
            }
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

    pub(crate) fn enter(&mut self, next: FailoverState) -> Says {
        self.state = next;
        let mut says = vec![self.announcement()];
        match next {
            Recover => says.push(Message::UpdReqAll),
            PotentialConflict if self.role == Role::Primary || self.ours == Some(ConflictDone) => {
                says.push(Message::UpdReq);
            }
            _ => {}
        }
        says
    }

    /// STATE.
    pub(crate) fn announcement(&self) -> Message<'static> {
        Message::State(StateMessage {
            server_state: Some(self.state.code()),
            server_flags: Some(if self.starting { ServerFlags::STARTUP } else { ServerFlags(0) }),
            start_of_state: Some(UnixTime(START - 5)),
        })
    }

    pub(crate) fn on_update_done(&mut self) -> Says {
        let next = match (self.state, self.role, self.ours) {
            (Recover, _, Some(Recover | RecoverDone)) => RecoverDone,
            (Recover, _, _) => RecoverWait,
            (PotentialConflict, Role::Primary, Some(ConflictDone)) => panic!("two primaries"),
            (PotentialConflict, Role::Primary, _) => ConflictDone,
            (PotentialConflict, Role::Secondary, Some(ConflictDone)) => Normal,
            _ => return Vec::new(),
        };
        self.enter(next)
    }

    pub(crate) fn on_loss(&mut self) {
        self.starting = false;
        self.state = match self.state {
            Normal => CommunicationsInterrupted,
            PotentialConflict => ResolutionInterrupted,
            other => other,
        };
    }
}
