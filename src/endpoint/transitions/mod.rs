//! Which state follows which (§9): one table and the pure functions that look things up in it.
//!
//! [`rows`] is the whole of it; `docs/transitions.md` is the same for readers, written by
//! [`render_markdown`]. The endpoint asks [`previous_state_at_startup`] once, then
//! [`at_startup_contact`] or [`at_startup_timeout`] to leave STARTUP, [`on_partner_state`] whenever
//! the partner's state is news, and [`on_event`] for everything else.
//!
//! Each answer is one step. The draft wants a change of the partner's state treated as a loss of
//! communications followed by their return (§9.2); the rows already hold the outcome, as sending the
//! state in between would make two servers bounce each other for ever. An answer whose `next` is the
//! present state enters nothing, announces nothing and starts no timer. Every answer names its row;
//! [`Applied`] counts how often each one was given.
//!
//! Peculiarities of deployed servers are not in here.

mod applied;
#[cfg(test)]
mod convergence;
mod markdown;
mod table;
#[cfg(test)]
mod tests;

use core::mem::discriminant;

pub use applied::Applied;
pub use markdown::render_markdown;

use super::config::StartupPolicy;
use crate::balance::Role;
use crate::time::UnixTime;
use crate::wire::codes::FailoverState;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name in logs and documents.
    pub id: &'static str,
    /// Own states that it is for.
    pub states: States,
    /// What happens.
    pub trigger: Trigger,
    /// The role that it is for; `None` for both.
    pub role: Option<Role>,
    /// The state that follows.
    pub next: Next,
    /// What belongs to it.
    pub action: Action,
    /// Where the draft says so; "open" where it is silent.
    pub section: &'static str,
    /// Why, in a few words.
    pub text: &'static str,
}

/// Own states that a row is for.
#[derive(Clone, Copy, Debug)]
pub enum States {
    /// Every state.
    Any,
    /// These.
    Only(&'static [FailoverState]),
    /// All except these.
    AllBut(&'static [FailoverState]),
}

impl States {
    fn contain(self, state: FailoverState) -> bool {
        match self {
            Self::Any => true,
            Self::Only(states) => states.contains(&state),
            Self::AllBut(states) => !states.contains(&state),
        }
    }
}

/// What makes a row apply.
#[derive(Clone, Copy, Debug)]
pub enum Trigger {
    /// The process starts and the store holds this own state.
    Stored,
    /// The process starts after a stop during which the partner entered PARTNER-DOWN.
    StoppedWhilePartnerTookOver,
    /// The process starts with an empty store.
    NothingStored,
    /// The process starts with an empty store and was told to expect that.
    NothingStoredAsDeclared,
    /// In STARTUP the partner's state arrives; the own state is the previous one.
    FirstContact(Contact),
    /// STARTUP has lasted long enough; the own state is the previous one.
    StartupOver(StartupPolicy),
    /// The partner's state is this, on a new connection or newly.
    Partner(FailoverState),
    /// As before, and the partner says that it is in STARTUP.
    PartnerInStartup,
    /// Everything else.
    Happens(EndpointEvent),
    /// No other row fits.
    AnythingElse,
}

impl Trigger {
    fn is(self, other: Self) -> bool {
        match (self, other) {
            (Self::FirstContact(one), Self::FirstContact(two)) => one == two,
            (Self::StartupOver(one), Self::StartupOver(two)) => one == two,
            (Self::Partner(one), Self::Partner(two)) => one == two,
            (Self::Happens(one), Self::Happens(two)) => discriminant(&one) == discriminant(&two),
            (one, two) => discriminant(&one) == discriminant(&two),
        }
    }
}

/// What the partner's first STATE means to a server in STARTUP (§9.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// In PARTNER-DOWN since after this server was last in operation.
    TookOver,
    /// In PARTNER-DOWN since this server was still in operation, or since the same second.
    ServedTogether,
    /// In PARTNER-DOWN, and this server has been recovering, so no times are compared.
    PartnerDown,
    /// Any other state, in STARTUP.
    PartnerStarts,
    /// Any other state.
    Regular,
}

/// The state after a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The present one, or the previous one in rows for startup.
    Stay,
    /// This one.
    To(FailoverState),
    /// This one if the operator insists; else the command is refused.
    IfForced(FailoverState),
    /// This one unless the partner is connected; else the command is refused.
    UnlessConnected(FailoverState),
    /// The command is refused.
    Refuse,
    /// That of the state saved before the stop.
    Saved,
    /// That of the same pair without the partner's STARTUP.
    AsPair,
}

/// What belongs to a row beside storing and announcing the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Cancel the safe period, send unacknowledged updates; then a secondary asks for addresses.
    EnterNormal,
    /// Serve all clients, start the safe period, alarm, reconnect.
    Interrupt,
    /// Note the present as T0, cancel the safe period, announce while the connection lasts.
    BeginPartnerDown,
    /// A primary asks for updates, a secondary waits for that.
    EnterConflict,
    /// Send UPDREQ, or UPDREQALL after loss of the store, unless a request is outstanding.
    RequestUpdates,
    /// Note that the store is lost; UPDREQALL on contact.
    RequestAllUpdates,
    /// Wait for the primary's UPDREQ.
    AwaitRequest,
    /// Wait for UPDDONE.
    AwaitUpdates,
    /// Answer the partner's requests for updates.
    ServeRequests,
    /// Ask for updates on the next connection.
    HoldRequest,
    /// Save RECOVER as the state to return to after the restart.
    SaveRecover,
    /// Save the present state as the one to return to; announce, disconnect, stop.
    SavePrevious,
    /// Wait for the partner to leave STARTUP.
    AwaitState,
    /// Apply the rule for the new state and the partner's.
    LookAtPartner,
    /// Forget that the store was lost; start the wait of MCLT.
    StartRecoverWait,
    /// Judge the update, store it, answer it.
    AnswerUpdate,
    /// Give addresses and say how many.
    BalancePools,
    /// Ask for more addresses.
    RequestPool,
    /// Close the connection, which counts as failed communications.
    Disconnect,
    /// Forget outstanding requests; try to connect.
    Reconnect,
    /// Tell the operator.
    Alarm,
}

impl Action {
    /// Whether this server asks for updates, unless it already does on this connection.
    pub const fn requests_updates(&self) -> bool {
        matches!(self, Self::RequestUpdates)
    }

    /// Whether RECOVER becomes the state to return to after the restart (§9.14.2).
    pub const fn saves_recover(&self) -> bool {
        matches!(self, Self::SaveRecover)
    }
}

/// The answer of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The row that gave it.
    pub row: &'static str,
    /// The state that follows; the present one if none is entered.
    pub next: FailoverState,
    /// Why, for the log.
    pub why: &'static str,
    /// What belongs to it.
    pub action: Action,
}

/// The answer to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The state that follows; nothing is entered if it is the present one.
    Transition(Transition),
    /// The operator's command is not carried out.
    Refused {
        /// The row that says so.
        row: &'static str,
        /// Why, for the operator.
        why: &'static str,
    },
}

/// What happens to an endpoint apart from news of the partner's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointEvent {
    /// Communications were okay and failed; in STARTUP also: there is no contact yet.
    CommunicationsFailed,
    /// A connection broke before the partner's STATE arrived on it.
    LinkLost,
    /// The safe period has run out (§10).
    SafePeriodOver,
    /// RECOVER-WAIT has lasted long enough, with communications okay (§9.6.2).
    RecoverWaitOver,
    /// The same without communications.
    RecoverWaitOverAlone,
    /// The same at the moment of entry.
    RecoverWaitOverAtEntry,
    /// The partner's state proves that neither server has served before.
    FirstRunProved,
    /// UPDDONE for this server's own request.
    UpdatesComplete,
    /// UPDDONE that answers no request of this connection.
    StrayUpdateDone,
    /// UPDREQ.
    UpdatesRequested,
    /// UPDREQALL.
    AllUpdatesRequested,
    /// BNDUPD.
    UpdateReceived,
    /// POOLREQ.
    PoolRequested,
    /// POOLRESP with a number above 0.
    PoolAnswered,
    /// Neither UPDDONE nor updates have come for too long after a request.
    RequestStalled,
    /// The connection is up and the partner has acknowledged nothing for too long.
    AcknowledgementsMissing,
    /// A message failed the check of its digest.
    AuthenticationFailed,
    /// A state cannot be stored.
    StorageFailed,
    /// The process starts.
    ProcessStarted,
    /// An operator declares the partner down.
    OperatorPartnerDown {
        /// Also where leases granted before are not known.
        forced: bool,
        /// Communications are okay at this moment.
        connected: bool,
    },
    /// An operator stops this server for a short time (§9.13).
    OperatorPause,
    /// An operator stops this server for long (§9.14).
    OperatorShutdown,
}

/// All rows, by their ids: ST, PT, EV, GAP.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    table::TABLE.iter().chain([&table::NO_RULE])
}

/// The row for what happens in `state`; the last row if there is none.
fn find(role: Role, state: FailoverState, trigger: Trigger) -> &'static Row {
    table::TABLE
        .iter()
        .find(|row| {
            row.trigger.is(trigger)
                && row.states.contain(state)
                && row.role.is_none_or(|only| only == role)
        })
        .unwrap_or(&table::NO_RULE)
}

/// The answer of a row that does not refuse.
fn answer(row: &Row, state: FailoverState) -> Transition {
    let next = match row.next {
        Next::To(next) | Next::IfForced(next) | Next::UnlessConnected(next) => next,
        Next::Stay | Next::Refuse | Next::Saved | Next::AsPair => state,
    };
    Transition { row: row.id, next, why: row.text, action: row.action }
}

/// The state in which a process that starts goes on after STARTUP, and the row that says so
/// (ST-01 to ST-09).
///
/// `stored` is the state recorded last, absent on the very first start; `saved_previous` the state
/// saved with PAUSED or SHUTDOWN. A record that cannot be, such as PAUSED without a saved state,
/// counts as nothing stored. `loss_declared` says that an empty store was to be expected.
pub fn previous_state_at_startup(
    stored: Option<FailoverState>,
    saved_previous: Option<FailoverState>,
    role: Role,
    loss_declared: bool,
) -> (FailoverState, &'static str) {
    let resolve = |state: FailoverState| {
        let row = find(role, state, Trigger::Stored);
        let is_rule = matches!(row.trigger, Trigger::Stored) && row.next != Next::Saved;
        is_rule.then(|| (answer(row, state).next, row.id))
    };
    let known = stored.and_then(|state| {
        let took_over = find(role, state, Trigger::StoppedWhilePartnerTookOver);
        if saved_previous == Some(FailoverState::Recover)
            && matches!(took_over.trigger, Trigger::StoppedWhilePartnerTookOver)
        {
            return Some((answer(took_over, state).next, took_over.id));
        }
        let row = find(role, state, Trigger::Stored);
        match row.next {
            Next::Saved => Some((resolve(saved_previous?)?.0, row.id)),
            _ => resolve(state),
        }
    });
    known.unwrap_or_else(|| {
        let trigger =
            if loss_declared { Trigger::NothingStoredAsDeclared } else { Trigger::NothingStored };
        let row = find(role, FailoverState::Startup, trigger);
        (answer(row, FailoverState::Recover).next, row.id)
    })
}

/// How STARTUP ends when the partner's STATE arrives (ST-10 to ST-15). After any answer but
/// POTENTIAL-CONFLICT, [`on_partner_state`] follows at once with the same STATE.
///
/// `previous` comes from [`previous_state_at_startup`]; `partner_start_of_state` is in the local
/// clock; `last_operation` is when this server last served clients. A partner that entered
/// PARTNER-DOWN in that very second has not taken over after it.
pub fn at_startup_contact(
    role: Role,
    previous: FailoverState,
    partner_state: FailoverState,
    partner_in_startup: bool,
    partner_start_of_state: UnixTime,
    last_operation: UnixTime,
) -> Transition {
    let contact = if partner_state != FailoverState::PartnerDown {
        if partner_in_startup { Contact::PartnerStarts } else { Contact::Regular }
    } else if is_recovering(previous) {
        Contact::PartnerDown
    } else if partner_start_of_state > last_operation {
        Contact::TookOver
    } else {
        Contact::ServedTogether
    };
    answer(find(role, previous, Trigger::FirstContact(contact)), previous)
}

/// How STARTUP ends, or goes on, when its time is over without contact (ST-16 to ST-19).
pub fn at_startup_timeout(previous: FailoverState, policy: StartupPolicy) -> Transition {
    // The rows are the same for both roles.
    answer(find(Role::Primary, previous, Trigger::StartupOver(policy)), previous)
}

/// What the partner's state means to a server in `state` (PT-001 to PT-162): for the first STATE of
/// a connection, and for a later one that differs from what is on record in state or STARTUP flag.
pub fn on_partner_state(
    role: Role,
    state: FailoverState,
    partner_state: FailoverState,
    partner_in_startup: bool,
) -> Transition {
    let pair = find(role, state, Trigger::Partner(partner_state));
    if partner_in_startup && partner_state != FailoverState::Startup {
        let flagged = find(role, state, Trigger::PartnerInStartup);
        if flagged.next != Next::AsPair {
            return answer(flagged, state);
        }
    }
    answer(pair, state)
}

/// The row that says whether STARTUP of the partner matters in `state` (PT-161, PT-162).
pub fn startup_flag_row(role: Role, state: FailoverState) -> &'static str {
    find(role, state, Trigger::PartnerInStartup).id
}

/// What an event means to a server in `state` (ST-20, EV-01 to EV-43).
pub fn on_event(role: Role, state: FailoverState, event: EndpointEvent) -> Outcome {
    let row = find(role, state, Trigger::Happens(event));
    let (forced, connected) = match event {
        EndpointEvent::OperatorPartnerDown { forced, connected } => (forced, connected),
        _ => (false, false),
    };
    let refused = match row.next {
        Next::Refuse => true,
        Next::IfForced(_) => !forced,
        Next::UnlessConnected(_) => connected,
        Next::To(_) | Next::Stay | Next::Saved | Next::AsPair => false,
    };
    if refused {
        Outcome::Refused { row: row.id, why: row.text }
    } else {
        Outcome::Transition(answer(row, state))
    }
}

const fn is_recovering(state: FailoverState) -> bool {
    matches!(
        state,
        FailoverState::Recover | FailoverState::RecoverWait | FailoverState::RecoverDone
    )
}
