//! Entering and leaving states (§9). What leads where is decided by [`transitions`](super::transitions)
//! alone; here it is made durable, announced and acted upon, in this order (§9.2).

use core::fmt;
use core::time::Duration;

use crate::balance::{HashBuckets, Role};
use crate::binding::Binding;
use crate::binding::times::Mclt;
use crate::durable::EndpointRecord;
use crate::time::{Instant, Now, UnixTime};
use crate::wire::codes::{FailoverState, RejectReason};

use super::FailoverEndpoint;
use super::config::{RelationshipConfig, StartupPolicy};
use super::event::{Event, LinkEnd};
use super::io::{ConnectFailure, OperatorCommand};
use super::leases::serves_clients;
use super::transitions::{self, EndpointEvent, Outcome, Transition};

/// How long STARTUP goes on once it is certain that nothing listens at the partner's.
const REFUSED_WAIT: Duration = Duration::from_secs(5);

/// Seconds between the last thing that a store knows of and the partner's taking over within which
/// the store counts as that of the process which ended then.
const RECENT_STORE: u32 = 3600;

/// Distance of the marks by which a later start knows when this server was last in operation.
const OPERATION_MARK_INTERVAL: Duration = Duration::from_secs(10);

/// How long a stop waits for the partner to take note (§9.14).
const STOP_WAIT: Duration = Duration::from_secs(3);

/// STARTUP: not recorded, gone once the partner has been heard or the wait is over (§9.3).
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Startup {
    /// The state to go on in.
    previous: FailoverState,
    since: UnixTime,
    began: Instant,
    deadline: Instant,
}

impl Startup {
    /// When the process started.
    pub(super) fn since(&self) -> UnixTime {
        self.since
    }
}

/// Timers of the states.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(super) struct StateTimers {
    /// Automatic PARTNER-DOWN (§10).
    safe_period: Option<Instant>,
    /// End of RECOVER-WAIT; survives a loss of communications (§9.6).
    recover_wait: Option<UnixTime>,
    operation_mark: Option<Instant>,
    /// A stop is under way: the connection closes at this moment at the latest.
    stopping: Option<Instant>,
    /// Until this moment the clients of a partner that has been lost are left to it.
    pub(super) takeover: Option<Instant>,
    /// The partner was in STARTUP when it announced its state.
    pub(super) partner_in_startup: bool,
    /// No lease was ever granted from this store.
    never_served: bool,
    /// The partner runs, and only the clocks keep the two apart: it is not down (§5.10).
    refused_for_its_clock: bool,
}

/// An operator's command that the present state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The present state.
    pub state: FailoverState,
    /// Why not, and what would be possible.
    pub why: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused in state {}: {}", self.state, self.why)
    }
}

impl core::error::Error for Refused {}

/// The record to start from, the STARTUP that goes with it and the row that says so (§9.3.2).
pub(super) fn start(
    config: &RelationshipConfig,
    stored: Option<EndpointRecord>,
    bindings: &[Binding],
    now: Now,
) -> (EndpointRecord, Startup, &'static str) {
    let first_run = stored.is_none();
    let mut record = stored.unwrap_or(EndpointRecord {
        state: FailoverState::Recover,
        start_of_state: now.wall,
        previous_state: None,
        partner_state: None,
        partner_start_of_state: UnixTime::ABSENT,
        last_operation: UnixTime::ABSENT,
        down_time: config.storage_lost_at.unwrap_or(now.wall),
        storage_lost: true,
        owes_update_all: false,
        contact_in_partner_down: false,
        mclt: None,
        hash_bucket_assignment: None,
        last_connect_time: None,
        unsure_before: UnixTime::ABSENT,
        maintenance_until: None,
    });
    if serves_clients(record.state) {
        record.last_operation = record.last_operation.max(latest_news(bindings));
    }
    let stored_state = (!first_run).then_some(record.state);
    let (previous, row) = transitions::previous_state_at_startup(
        stored_state,
        record.previous_state,
        config.role,
        config.storage_lost_at.is_some(),
    );
    if matches!(record.state, FailoverState::Paused | FailoverState::Shutdown) {
        if previous == FailoverState::Recover {
            record.down_time = record.last_operation;
        }
        // A marker of the stop, not a state to be announced.
        record.state = record.previous_state.unwrap_or(previous);
    }
    record.previous_state = None;
    let known = record.last_operation.is_known();
    let long_away = known && now.wall.seconds_since(record.last_operation) >= mclt(config, &record);
    let wait = if long_away { config.startup_wait_after_mclt } else { config.startup_wait };
    let startup = Startup {
        previous,
        since: now.wall,
        began: now.monotonic,
        deadline: now.monotonic.after(wait),
    };
    (record, startup, row)
}

/// MCLT in seconds as it was in force when the process ended.
fn mclt(config: &RelationshipConfig, record: &EndpointRecord) -> u32 {
    match config.role {
        Role::Primary => config.mclt.0,
        Role::Secondary => record.mclt.unwrap_or(config.mclt.0),
    }
}

/// When a client was served last of which the partner does not know: the marks of operation lie
/// seconds apart, and a crash may have come in between.
fn latest_news(bindings: &[Binding]) -> UnixTime {
    let news = bindings.iter().filter(|binding| !binding.partner_knows);
    news.map(|binding| binding.client_last_transaction).max().unwrap_or(UnixTime::ABSENT)
}

/// Whether no process ever served clients from what is stored: the first one, or one that follows
/// others that never found the partner.
pub(super) fn never_served(config: &RelationshipConfig, stored: Option<&EndpointRecord>) -> bool {
    match stored {
        None => config.storage_lost_at.is_none(),
        Some(record) => record.state == FailoverState::Recover && !record.last_operation.is_known(),
    }
}

impl FailoverEndpoint {
    /// The state as clients and operators see it.
    pub fn state(&self) -> FailoverState {
        if self.startup.is_some() { FailoverState::Startup } else { self.record.state }
    }

    /// Whether a stop asked for by an operator is complete: the partner was told, the connection is
    /// closed, and nothing waits for stable storage.
    pub fn is_stopped(&self) -> bool {
        matches!(self.record.state, FailoverState::Paused | FailoverState::Shutdown)
            && self.links.is_empty()
            && (self.durable == self.last_commit || self.storage_failed)
    }

    /// What STATE says: in STARTUP the recorded state, never STARTUP itself (§9.3.1).
    pub(super) fn announced_state(&self) -> FailoverState {
        self.record.state
    }

    /// What the last attempt to connect has shown: whether the partner is there and only its clock is
    /// in the way.
    pub(super) fn note_clock_refusal(&mut self, refused: bool) {
        self.timers.refused_for_its_clock = refused;
    }

    /// Notes whether no lease was ever granted from this store.
    pub(super) fn note_never_served(&mut self, never_served: bool) {
        self.timers.never_served = never_served;
    }

    /// What the primary prescribes, kept for the next start (§7.8.2).
    pub(super) fn adopt_terms(&mut self, mclt: Mclt, buckets: &HashBuckets) {
        let assignment = buckets.to_wire(self.config.dialect);
        self.mclt = mclt;
        self.buckets = Some(*buckets);
        if self.record.mclt != Some(mclt.0)
            || self.record.hash_bucket_assignment != Some(assignment)
        {
            self.record.mclt = Some(mclt.0);
            self.record.hash_bucket_assignment = Some(assignment);
            self.commit_record();
        }
    }

    // Events.

    /// STATE arrived. `first` is the first of its connection; `held` says that this server's own
    /// announcement waits for it.
    pub(super) fn partner_state_received(
        &mut self,
        now: Now,
        state: FailoverState,
        startup: bool,
        start_of_state: UnixTime,
        first: bool,
        held: bool,
    ) {
        self.foresight.heard(now.monotonic, state, startup);
        let from = self.record.partner_state;
        let changed = from != Some(state) || self.timers.partner_in_startup != startup;
        self.timers.partner_in_startup = startup;
        if changed || self.record.partner_start_of_state != start_of_state {
            self.record.partner_state = Some(state);
            self.record.partner_start_of_state = start_of_state;
            self.commit_record();
        }
        if changed && state == FailoverState::Recover {
            self.updates.partner_fell_behind();
        }
        if from != Some(state) {
            self.events.push(Event::PartnerState { from, to: state, startup });
        }
        if self.record.state == FailoverState::PartnerDown && !self.record.contact_in_partner_down {
            self.record.contact_in_partner_down = true;
            self.commit_record();
        }
        if let Some(in_startup) = self.startup {
            let decision = transitions::at_startup_contact(
                self.config.role,
                in_startup.previous,
                state,
                startup,
                start_of_state,
                self.record.last_operation,
            );
            self.applied.note(decision.row);
            self.leave_startup(now, in_startup, decision, state, startup);
        } else if first || changed {
            self.apply_pair_rule(now, state, startup);
        }
        if held && self.first_state_is_due() {
            self.announce_state(now);
        }
        self.catch_up();
    }

    fn leave_startup(
        &mut self,
        now: Now,
        in_startup: Startup,
        decision: Transition,
        partner_state: FailoverState,
        partner_in_startup: bool,
    ) {
        if decision.next == in_startup.previous {
            let settled = transitions::on_partner_state(
                self.config.role,
                decision.next,
                partner_state,
                partner_in_startup,
            );
            if settled.next != decision.next && self.partner_cannot_take(now, decision.next) {
                // The state in between would do harm; where the pair leads to may not.
                self.applied.note(settled.row);
                return self.enter(now, settled);
            }
            self.resume(now, in_startup, decision);
        } else {
            if decision.next == FailoverState::Recover {
                self.record.down_time = self.record.last_operation;
                self.doubt_an_old_store();
            }
            self.enter(now, decision);
        }
        // The announcement may have cost the connection.
        if self.communications_ok() && self.state() != FailoverState::PotentialConflict {
            self.apply_pair_rule(now, partner_state, partner_in_startup);
        }
    }

    /// A partner that took over long after the last thing that this server knows of may have seen it
    /// run until then: the store may be an old copy, put back, and what the partner believes to be
    /// known here need not be (§5.16). Everything is asked for.
    fn doubt_an_old_store(&mut self) {
        let took_over = self.record.partner_start_of_state;
        if took_over.seconds_since(self.record.last_operation) > RECENT_STORE {
            self.record.storage_lost = true;
            self.record.down_time = took_over;
        }
    }

    /// Goes on where the former process stopped. The start of an unchanged state stays what it was:
    /// in PARTNER-DOWN the waits count from it (§9.4.2).
    fn resume(&mut self, now: Now, in_startup: Startup, decision: Transition) {
        let unchanged = self.record.state == in_startup.previous;
        let start_of_state = if unchanged { self.record.start_of_state } else { now.wall };
        self.record.state = in_startup.previous;
        self.enter_at(now, decision, start_of_state);
    }

    /// The rule for this server's state and the partner's (requirements 2.4).
    fn apply_pair_rule(&mut self, now: Now, partner_state: FailoverState, startup: bool) {
        if self.partner_is_back() && !self.updates.partner_has_all() {
            return self.start_sweep(None);
        }
        let state = self.state();
        let transition =
            transitions::on_partner_state(self.config.role, state, partner_state, startup);
        self.note_pair_rule(state, startup, transition);
        if transition.next != state {
            self.enter(now, transition);
        } else if transition.action.requests_updates() {
            if self.first_state_is_due() {
                // §8.2: STATE is the first message of a connection.
                self.announce_state(now);
            }
            self.request_updates(now);
        } else if transition.action.saves_recover() {
            self.record.previous_state = Some(FailoverState::Recover);
            self.record.start_of_state = now.wall;
            self.commit_record();
            self.timers.stopping = Some(now.monotonic);
        }
    }

    /// Whether the partner has recovered beside this server in PARTNER-DOWN. Before they are both in
    /// NORMAL it has to know of every one of its addresses that was given away (§9.4.3), and until then
    /// no more are.
    pub(super) fn partner_is_back(&self) -> bool {
        self.state() == FailoverState::PartnerDown
            && self.communications_ok()
            && self.record.partner_state == Some(FailoverState::RecoverDone)
            && !self.timers.partner_in_startup
    }

    /// The partner has answered everything that this server did alone.
    pub(super) fn leave_partner_down(&mut self, now: Now) {
        if self.partner_is_back() {
            let (state, partner_state) = (FailoverState::PartnerDown, FailoverState::RecoverDone);
            let role = self.config.role;
            let transition = transitions::on_partner_state(role, state, partner_state, false);
            self.note_pair_rule(state, false, transition);
            self.enter(now, transition);
        }
    }

    fn note_pair_rule(&mut self, state: FailoverState, startup: bool, transition: Transition) {
        if startup {
            let flag = transitions::startup_flag_row(self.config.role, state);
            if flag != transition.row {
                self.applied.note(flag);
            }
        }
        self.applied.note(transition.row);
    }

    /// STATE with a number that is no state to report.
    pub(super) fn note_state_without_meaning(&mut self) {
        let (role, state) = (self.config.role, self.state());
        let answer = transitions::on_partner_state(role, state, FailoverState::Startup, false);
        self.applied.note(answer.row);
    }

    /// What the end of a connection with okay communications means in the present state.
    pub(super) fn failure_of_communications(&self, end: &LinkEnd) -> EndpointEvent {
        match (end, self.state()) {
            (LinkEnd::Stalled, FailoverState::Recover | FailoverState::PotentialConflict) => {
                EndpointEvent::RequestStalled
            }
            (LinkEnd::Unacknowledged, FailoverState::Normal) => {
                EndpointEvent::AcknowledgementsMissing
            }
            _ => EndpointEvent::CommunicationsFailed,
        }
    }

    /// Communications were okay and are not any more.
    pub(super) fn communications_failed(&mut self, now: Now, failure: EndpointEvent) {
        self.timers.partner_in_startup = false;
        self.apply_event(now, failure);
    }

    /// UPDDONE for this server's own request.
    pub(super) fn updates_complete(&mut self, now: Now) {
        self.commit_record();
        self.apply_event(now, EndpointEvent::UpdatesComplete);
    }

    /// What the table says to an event that no operator caused.
    pub(super) fn apply_event(&mut self, now: Now, event: EndpointEvent) {
        let state = self.state();
        let outcome = transitions::on_event(self.config.role, state, event);
        self.applied.note_answer(&outcome);
        if let Outcome::Transition(transition) = outcome
            && transition.next != state
        {
            self.enter(now, transition);
        }
    }

    /// The dial attempt failed while STARTUP waits: nothing to wait for if nothing listens there.
    pub(super) fn startup_without_partner(&mut self, now: Now, failure: ConnectFailure) {
        if self.startup.is_some() {
            self.apply_event(now, EndpointEvent::CommunicationsFailed);
        }
        if failure == ConnectFailure::Refused
            && self.config.startup_policy == StartupPolicy::Proceed
            && let Some(startup) = &mut self.startup
        {
            startup.deadline = startup.deadline.min(startup.began.after(REFUSED_WAIT));
        }
    }

    // Operators.

    pub(super) fn operate(&mut self, now: Now, command: OperatorCommand) -> Result<(), Refused> {
        let state = self.state();
        let stopped = matches!(state, FailoverState::Paused | FailoverState::Shutdown);
        let stop = matches!(command, OperatorCommand::Pause | OperatorCommand::Shutdown);
        if stopped && stop {
            // The kind of stop that was announced first stays: only a restart leads out of it.
            return Ok(());
        }
        let connected = self.communications_ok();
        let event = match command {
            OperatorCommand::PartnerDown { forced } => {
                EndpointEvent::OperatorPartnerDown { forced, connected }
            }
            OperatorCommand::Pause => EndpointEvent::OperatorPause,
            OperatorCommand::Shutdown => EndpointEvent::OperatorShutdown,
            OperatorCommand::ForgetConnectTime => {
                self.forget_connect_time();
                return Ok(());
            }
            OperatorCommand::Maintenance { until } => return self.set_maintenance(now, until),
            OperatorCommand::Resynchronise => return self.resynchronise(now),
            OperatorCommand::Rebalance => return self.rebalance(now),
        };
        let outcome = transitions::on_event(self.config.role, state, event);
        self.applied.note_answer(&outcome);
        match outcome {
            Outcome::Refused { why, .. } => Err(Refused { state, why }),
            Outcome::Transition(transition) => {
                match (transition.next != state, stop) {
                    (false, _) => {}
                    (true, false) => self.enter(now, transition),
                    (true, true) => self.stop(now, transition),
                }
                Ok(())
            }
        }
    }

    /// PAUSED or SHUTDOWN: the state to come back to is saved, the partner is told, and then the
    /// connection closes (§9.13, §9.14).
    fn stop(&mut self, now: Now, transition: Transition) {
        if !matches!(self.record.state, FailoverState::Paused | FailoverState::Shutdown) {
            self.record.previous_state = Some(self.record.state);
        }
        if serves_clients(self.state()) {
            self.record.last_operation = now.wall;
        }
        let waits_for_answer =
            transition.next == FailoverState::Shutdown && self.communications_ok();
        self.timers.stopping =
            Some(if waits_for_answer { now.monotonic.after(STOP_WAIT) } else { now.monotonic });
        // The state to come back to began when it began: PARTNER-DOWN keeps its T0 (§9.4.2).
        self.enter_at(now, transition, self.record.start_of_state);
        self.stop_dialling();
    }

    // Transitions.

    fn enter(&mut self, now: Now, transition: Transition) {
        self.enter_at(now, transition, now.wall);
    }

    fn enter_at(&mut self, now: Now, transition: Transition, start_of_state: UnixTime) {
        let from = self.state();
        let to = transition.next;
        let goes_on = self.record.start_of_state == start_of_state;
        self.startup = None;
        self.record.state = to;
        self.record.start_of_state = start_of_state;
        self.timers.safe_period = None;
        self.timers.takeover = self.takeover_from(from, to, now.monotonic);
        if from == FailoverState::Normal {
            self.leave_normal_balance();
        }
        if serves_clients(to) {
            self.record.last_operation = now.wall;
            self.timers.operation_mark = Some(now.monotonic.after(OPERATION_MARK_INTERVAL));
        }
        match to {
            FailoverState::PartnerDown => {
                let had_contact = goes_on && self.record.contact_in_partner_down;
                self.record.contact_in_partner_down = had_contact || self.communications_ok();
            }
            FailoverState::Normal => self.record.down_time = UnixTime::ABSENT,
            FailoverState::Recover if !self.record.down_time.is_known() => {
                self.record.down_time = now.wall;
            }
            _ => {}
        }
        self.commit_record();
        self.events.push(Event::Transition { from, to, row: transition.row, why: transition.why });
        self.announce_state(now);
        // The announcement may have cost the connection, and that another state.
        if self.state() == to {
            self.entry_actions(now, to);
        }
    }

    fn entry_actions(&mut self, now: Now, state: FailoverState) {
        match state {
            FailoverState::Normal => {
                self.free_what_was_agreed(now);
                self.start_sweep(None);
                self.enter_normal_balance(now);
            }
            FailoverState::CommunicationsInterrupted => {
                self.timers.safe_period =
                    self.config.safe_period.map(|period| now.monotonic.after(period));
            }
            FailoverState::PotentialConflict => self.begin_resolution(now),
            FailoverState::RecoverWait => self.begin_recover_wait(now),
            FailoverState::RecoverDone => {
                self.timers.recover_wait = None;
                self.timers.never_served = false;
                if let Some(partner) =
                    self.record.partner_state.filter(|_| self.communications_ok())
                {
                    self.apply_pair_rule(now, partner, self.timers.partner_in_startup);
                }
            }
            // What RECOVER asks for depends on the partner's state: the pair rule follows.
            FailoverState::Recover
            | FailoverState::PartnerDown
            | FailoverState::ResolutionInterrupted
            | FailoverState::ConflictDone
            | FailoverState::Paused
            | FailoverState::Shutdown
            | FailoverState::Startup => {}
        }
    }

    /// The wait counts from when this server stopped; two servers that never served do not wait
    /// (§9.6.2).
    fn begin_recover_wait(&mut self, now: Now) {
        let partner_recovers = matches!(
            self.record.partner_state,
            Some(FailoverState::Recover | FailoverState::RecoverWait | FailoverState::RecoverDone)
        );
        let end = self.record.down_time.plus(self.mclt.0);
        if self.timers.never_served && partner_recovers {
            self.apply_event(now, EndpointEvent::FirstRunProved);
        } else if end <= now.wall {
            self.apply_event(now, EndpointEvent::RecoverWaitOverAtEntry);
        } else {
            self.timers.recover_wait = Some(end);
        }
    }

    /// The primary asks first; the secondary once the primary is CONFLICT-DONE (§9.10).
    fn begin_resolution(&mut self, now: Now) {
        match (self.config.role, self.record.partner_state) {
            (Role::Primary, _) | (Role::Secondary, Some(FailoverState::ConflictDone)) => {
                self.request_updates(now);
            }
            // The answer to an earlier request would lead to NORMAL before the primary's turn.
            (Role::Secondary, _) => self.requests.forget(),
        }
    }

    // Timers.

    pub(super) fn state_timers(&mut self, now: Now) {
        self.startup_timer(now);
        self.maintenance_timer(now);
        if self.timers.safe_period.is_some_and(|at| at <= now.monotonic) && !self.is_takeover_held()
        {
            self.timers.safe_period = None;
            self.apply_event(now, EndpointEvent::SafePeriodOver);
        }
        if self.state() == FailoverState::RecoverWait {
            // A process that starts in RECOVER-WAIT finds the interval where it left it.
            let end =
                *self.timers.recover_wait.get_or_insert(self.record.down_time.plus(self.mclt.0));
            if end <= now.wall {
                let event = if self.communications_ok() {
                    EndpointEvent::RecoverWaitOver
                } else {
                    EndpointEvent::RecoverWaitOverAlone
                };
                self.apply_event(now, event);
            }
        }
        if self.timers.operation_mark.is_some_and(|at| at <= now.monotonic) {
            self.timers.operation_mark = None;
            if serves_clients(self.state()) {
                self.record.last_operation = now.wall;
                self.commit_record();
                self.timers.operation_mark = Some(now.monotonic.after(OPERATION_MARK_INTERVAL));
            }
        }
        self.stop_timer(now);
    }

    /// Whether the end of the safe period has to wait.
    fn is_takeover_held(&self) -> bool {
        self.timers.refused_for_its_clock || self.record.maintenance_until.is_some()
    }

    fn startup_timer(&mut self, now: Now) {
        let Some(startup) = self.startup.filter(|startup| startup.deadline <= now.monotonic) else {
            return;
        };
        let policy = self.config.startup_policy;
        let decision = transitions::at_startup_timeout(startup.previous, policy);
        self.applied.note(decision.row);
        match policy {
            StartupPolicy::Wait => {
                let deadline = now.monotonic.after(self.config.startup_wait);
                self.startup = Some(Startup { deadline, ..startup });
            }
            StartupPolicy::Proceed => self.resume(now, startup, decision),
            StartupPolicy::CommissionAlone => self.enter(now, decision),
        }
    }

    /// The connection closes once the announcement is out and the partner has had its time.
    fn stop_timer(&mut self, now: Now) {
        let due = self.timers.stopping.is_some_and(|at| at <= now.monotonic);
        if !due || !self.outbox.is_empty() && !self.storage_failed {
            return;
        }
        self.timers.stopping = None;
        self.close_all_links(
            now,
            &LinkEnd::Stopping,
            (RejectReason::UNKNOWN, "server is stopping"),
        );
    }

    pub(super) fn next_state_timer(&self) -> Option<Instant> {
        let startup = self
            .startup
            .filter(|_| self.config.startup_policy != StartupPolicy::Wait)
            .map(|startup| startup.deadline);
        let recover_wait = self
            .timers
            .recover_wait
            .filter(|_| self.state() == FailoverState::RecoverWait)
            .map(|at| self.monotonic_of(at));
        let stopping = self.timers.stopping.filter(|_| self.outbox.is_empty());
        let safe_period = self.timers.safe_period.filter(|_| !self.is_takeover_held());
        let maintenance = self.record.maintenance_until.map(|at| self.monotonic_of(at));
        [startup, safe_period, maintenance, recover_wait, self.timers.operation_mark, stopping]
            .into_iter()
            .flatten()
            .min()
    }
}
