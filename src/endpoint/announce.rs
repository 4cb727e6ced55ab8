//! STATE: when it is said, and to whom it must not be said (§7.10, §9.2).
//!
//! A dhcpd may be terminated, or parked in SHUTDOWN until an operator comes, by announcements that
//! the draft allows. What it must not hear depends on the state in which it was last heard.

use crate::balance::Role;
use crate::time::Now;
use crate::wire::codes::{FailoverState, RejectReason, ServerFlags};

use super::FailoverEndpoint;
use super::event::LinkEnd;
use super::foresight::Told;
use super::io::LinkId;
use super::link::SETUP_TIMEOUT;
use super::outbox::Outgoing;

impl FailoverEndpoint {
    /// Some first announcements are safe only once the state of a dhcpd is known: one in
    /// CONFLICT-DONE, a primary, terminates on most of them, one in RECOVER takes NORMAL for a
    /// conflict, one that starts in NORMAL parks itself on hearing of a conflict. It announces its
    /// own right after CONNECTACK, so a moment's patience tells.
    pub(super) fn holds_first_state(&self) -> bool {
        let risky = match self.config.role {
            Role::Primary => matches!(
                self.announced_state(),
                FailoverState::Normal
                    | FailoverState::PotentialConflict
                    | FailoverState::ResolutionInterrupted
                    | FailoverState::ConflictDone
                    | FailoverState::RecoverWait
                    | FailoverState::RecoverDone
            ),
            Role::Secondary => true,
        };
        self.partner.is_dhcpd() && risky
    }

    /// STATE, held until the record it speaks of is durable.
    pub(super) fn announce_state(&mut self, now: Now) {
        let Some(id) = self.link_in_use() else { return };
        let state = self.announced_state();
        let communications_ok = self.communications_ok();
        let hopeless = self.partner_cannot_take(now, state);
        if hopeless && communications_ok {
            self.close_for_another_start(now, id, state);
            return;
        }
        let mut is_first = false;
        if let Some(link) = self.link_mut(id) {
            is_first = link.first_state_due.is_some();
            if !communications_ok && link.first_state_due.is_some_and(|due| due > now.monotonic) {
                return;
            }
            // What would harm the partner if it is as it was last seen waits until it is heard.
            link.first_state_due = hopeless.then(|| link.since.after(SETUP_TIMEOUT));
            if hopeless {
                return;
            }
        }
        if is_first && self.partner_forgot_to_ask(state) {
            self.remind_partner_to_ask();
        }
        let flags = if self.startup.is_some() { ServerFlags::STARTUP } else { ServerFlags(0) };
        let start_of_state = match state {
            // The record keeps the start of the state to come back to.
            FailoverState::Paused | FailoverState::Shutdown => now.wall,
            _ => self.record.start_of_state,
        };
        self.outbox.push(self.last_commit, Outgoing::State { state, flags, start_of_state });
    }

    /// A dhcpd that lost the connection in RECOVER asks for updates again on hearing of RECOVER,
    /// but not on hearing of what comes after it; each server would wait for the other for ever.
    fn partner_forgot_to_ask(&self, announced: FailoverState) -> bool {
        self.communications_ok()
            && self.partner.is_dhcpd()
            && self.record.partner_state == Some(FailoverState::Recover)
            && matches!(announced, FailoverState::RecoverWait | FailoverState::RecoverDone)
    }

    /// RECOVER, which this server has behind it, ahead of the state that it is in.
    fn remind_partner_to_ask(&mut self) {
        self.outbox.push(
            self.last_commit,
            Outgoing::State {
                state: FailoverState::Recover,
                flags: ServerFlags(0),
                start_of_state: self.record.start_of_state,
            },
        );
    }

    /// The partner has moved on while an announcement waited for the disk, and cannot take it any
    /// more. One that a newer announcement follows is not needed.
    pub(super) fn withhold_announcement(&mut self, now: Now, state: FailoverState) {
        if state == self.announced_state()
            && let Some(id) = self.link_in_use()
        {
            self.close_for_another_start(now, id, state);
        }
    }

    /// What the partner cannot be told on this connection it may be told on the next one.
    fn close_for_another_start(&mut self, now: Now, id: LinkId, state: FailoverState) {
        let reason = (RejectReason::UNKNOWN, "closing to announce another state");
        self.close_link(now, id, LinkEnd::StateNotTakenByPartner(state), Some(reason));
    }

    /// STATE messages that terminate a dhcpd, park it in SHUTDOWN for an operator to free it, or
    /// turn its recovery into a conflict.
    pub(super) fn partner_cannot_take(&self, now: Now, state: FailoverState) -> bool {
        let announced = self.record.partner_state.into_iter();
        self.partner.is_dhcpd()
            && announced
                .chain(self.foresight.states(now.monotonic))
                .any(|its| is_harmful(its, state))
    }

    /// STATE leaves now.
    pub(super) fn foresee_effect_of_state(
        &mut self,
        now: Now,
        state: FailoverState,
        flags: ServerFlags,
    ) {
        if let Some(its) = self.record.partner_state.filter(|_| self.partner.is_dhcpd()) {
            let told = Told { state, in_startup: flags.contains(ServerFlags::STARTUP) };
            self.foresight.told(now.monotonic, its, self.timers.partner_in_startup, told);
        }
    }

    /// UPDDONE leaves now.
    pub(super) fn foresee_effect_of_upddone(&mut self, now: Now) {
        if let Some(its) = self.record.partner_state.filter(|_| self.partner.is_dhcpd()) {
            self.foresight.told_done(now.monotonic, its, self.announced_state(), self.config.role);
        }
    }

    /// Whether the first STATE of the connection in use is still held back.
    pub(super) fn first_state_is_due(&self) -> bool {
        self.current_link().is_some_and(|link| link.first_state_due.is_some())
    }
}

/// Whether a dhcpd in `its` state terminates, parks itself or sees a conflict on hearing `ours`.
fn is_harmful(its: FailoverState, ours: FailoverState) -> bool {
    match its {
        FailoverState::ConflictDone => !matches!(
            ours,
            FailoverState::Normal
                | FailoverState::PotentialConflict
                | FailoverState::ResolutionInterrupted
        ),
        FailoverState::Normal => matches!(
            ours,
            FailoverState::PotentialConflict
                | FailoverState::ResolutionInterrupted
                | FailoverState::ConflictDone
        ),
        FailoverState::PotentialConflict | FailoverState::Recover => ours == FailoverState::Normal,
        _ => false,
    }
}
