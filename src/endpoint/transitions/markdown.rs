//! The table for readers.

use core::fmt::{self, Write};

use super::{Action, Contact, EndpointEvent, Next, Row, States, Trigger, on_partner_state, rows};
use crate::balance::Role;
use crate::endpoint::config::StartupPolicy;
use crate::wire::codes::FailoverState;

const INTRODUCTION: &str = "\
# State transitions

Written from `src/endpoint/transitions/table.rs`; after a change there, run
`TWINLEASE_BLESS=1 cargo test --lib transitions`.

Every transition of a failover endpoint is one row. Logs name the row. A change of the partner's
state counts as a loss of communications followed by their return (§9.2); the rows hold the outcome
of both steps. On a transition the new state is stored, then announced, then acted upon. Where the
state stays the same, nothing is stored, announced or started again. A number that is missing
belonged to a row that no server could reach.

Sections are those of draft-ietf-dhc-failover-12; \"open\" marks what it leaves open.
";

const MATRIX: &str = "
## Own state and partner's state

Own state down, partner's state across; = means that the state stays. CONFLICT-DONE is a state of
the primary only. For PARTNER-DOWN the cells hold once the partner has left STARTUP; before, every
cell is =.

";

/// The parts of the table: prefix of the ids, heading, headings of the second and third column.
const PARTS: [(&str, &str, &str, &str); 4] = [
    ("ST", "Startup", "stored or previous state", "condition"),
    ("PT", "The partner's state", "own state", "partner's state"),
    ("EV", "Everything else", "own state", "event"),
    ("GAP", "What the draft does not foresee", "own state", "event"),
];

/// The whole table as `docs/transitions.md` has it.
pub fn render_markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    // Writing to a string does not fail.
    let _ = write_matrix(&mut page);
    for (prefix, heading, state, trigger) in PARTS {
        let part = rows().filter(|row| row.id.starts_with(prefix));
        let _ = write_part(&mut page, heading, (state, trigger), part);
    }
    page
}

fn write_matrix(page: &mut String) -> fmt::Result {
    let states = || FailoverState::ALL.iter().filter(|state| **state != FailoverState::Startup);
    page.push_str(MATRIX);
    write!(page, "| own \\ partner |")?;
    for partner in states() {
        write!(page, " {} |", Name(*partner))?;
    }
    writeln!(page, "\n|---|{}", "---|".repeat(states().count()))?;
    for own in states() {
        write!(page, "| **{}** |", Name(*own))?;
        for partner in states() {
            let next = on_partner_state(Role::Primary, *own, *partner, false).next;
            if next == *own { write!(page, " = |")? } else { write!(page, " {} |", Name(next))? }
        }
        writeln!(page)?;
    }
    Ok(())
}

fn write_part<'a>(
    page: &mut String,
    heading: &str,
    (state, trigger): (&str, &str),
    rows: impl Iterator<Item = &'a Row>,
) -> fmt::Result {
    writeln!(page, "\n## {heading}\n")?;
    writeln!(page, "| row | {state} | {trigger} | role | new state | action | why | section |")?;
    writeln!(page, "|---|---|---|---|---|---|---|---|")?;
    for row in rows {
        let role = row.role.map_or("both", Role::name);
        let next = NextOf(row.next);
        let (states, trigger) = (StatesOf(row.states), TriggerOf(row.trigger));
        let (action, text, section) = (row.action.text(), row.text, row.section);
        writeln!(
            page,
            "| {} | {states} | {trigger} | {role} | {next} | {action} | {text} | {section} |",
            row.id
        )?;
    }
    Ok(())
}

/// A state as the draft spells it.
struct Name(FailoverState);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name().to_uppercase())
    }
}

struct StatesOf(States);

impl fmt::Display for StatesOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (introduction, states) = match self.0 {
            States::Any => return f.write_str("any"),
            States::Only(states) => ("", states),
            States::AllBut(states) => ("any but ", states),
        };
        f.write_str(introduction)?;
        for (position, state) in states.iter().enumerate() {
            write!(f, "{}{}", if position == 0 { "" } else { ", " }, Name(*state))?;
        }
        Ok(())
    }
}

struct NextOf(Next);

impl fmt::Display for NextOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Next::Stay => f.write_str("="),
            Next::To(state) => write!(f, "**{}**", Name(state)),
            Next::IfForced(state) => write!(f, "**{}** if forced, else refused", Name(state)),
            Next::UnlessConnected(state) => {
                write!(f, "**{}** unless connected, else refused", Name(state))
            }
            Next::Refuse => f.write_str("refused"),
            Next::Saved => f.write_str("by the saved state"),
            Next::AsPair => f.write_str("as without STARTUP"),
        }
    }
}

struct TriggerOf(Trigger);

impl fmt::Display for TriggerOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Trigger::Stored => "start with this state stored",
            Trigger::StoppedWhilePartnerTookOver => {
                "start after a stop during which the partner entered PARTNER-DOWN"
            }
            Trigger::NothingStored => "start with an empty store",
            Trigger::NothingStoredAsDeclared => "start with an empty store, announced",
            Trigger::FirstContact(contact) => contact.text(),
            Trigger::StartupOver(StartupPolicy::Proceed) => "STARTUP is over, policy: proceed",
            Trigger::StartupOver(StartupPolicy::Wait) => "STARTUP is over, policy: wait",
            Trigger::StartupOver(StartupPolicy::CommissionAlone) => {
                "STARTUP is over, policy: commission alone"
            }
            Trigger::Partner(state) => return Name(state).fmt(f),
            Trigger::PartnerInStartup => "any state, with STARTUP flag",
            Trigger::Happens(event) => event.text(),
            Trigger::AnythingElse => "anything else",
        })
    }
}

impl Contact {
    const fn text(self) -> &'static str {
        match self {
            Self::TookOver => "partner in PARTNER-DOWN since after the last operation",
            Self::ServedTogether => "partner in PARTNER-DOWN since before the last operation",
            Self::PartnerDown => "partner in PARTNER-DOWN",
            Self::PartnerStarts => "partner in another state, with STARTUP flag",
            Self::Regular => "partner in another state",
        }
    }
}

impl EndpointEvent {
    const fn text(self) -> &'static str {
        match self {
            Self::CommunicationsFailed => "communications failed",
            Self::LinkLost => "connection lost before STATE",
            Self::SafePeriodOver => "safe period over",
            Self::RecoverWaitOver => "wait over, connected",
            Self::RecoverWaitOverAlone => "wait over, not connected",
            Self::RecoverWaitOverAtEntry => "wait over at entry",
            Self::FirstRunProved => "first run, proved by the partner's state",
            Self::UpdatesComplete => "UPDDONE for the own request",
            Self::StrayUpdateDone => "UPDDONE for no request",
            Self::UpdatesRequested => "UPDREQ",
            Self::AllUpdatesRequested => "UPDREQALL",
            Self::UpdateReceived => "BNDUPD",
            Self::PoolRequested => "POOLREQ",
            Self::PoolAnswered => "POOLRESP above 0",
            Self::RequestStalled => "no answer to the own request",
            Self::AcknowledgementsMissing => "no acknowledgements for too long",
            Self::AuthenticationFailed => "authentication failed",
            Self::StorageFailed => "state cannot be stored",
            Self::ProcessStarted => "process start",
            Self::OperatorPartnerDown { .. } => "operator: partner down",
            Self::OperatorPause => "operator: short stop",
            Self::OperatorShutdown => "operator: long stop",
        }
    }
}

impl Action {
    const fn text(self) -> &'static str {
        match self {
            Self::Nothing => "-",
            Self::EnterNormal => "send unacknowledged updates; a secondary then POOLREQ",
            Self::Interrupt => "serve all clients; start the safe period; alarm; reconnect",
            Self::BeginPartnerDown => "T0 is now; cancel the safe period",
            Self::EnterConflict => "primary: UPDREQ; secondary: wait for it",
            Self::RequestUpdates => {
                "UPDREQ, or UPDREQALL after loss of the store, unless outstanding"
            }
            Self::RequestAllUpdates => "note the loss of the store; UPDREQALL on contact",
            Self::AwaitRequest => "wait for the primary's UPDREQ",
            Self::AwaitUpdates => "wait for UPDDONE",
            Self::ServeRequests => "answer UPDREQ and UPDREQALL",
            Self::HoldRequest => "UPDREQ or UPDREQALL on the next connection",
            Self::SaveRecover => "save RECOVER for the restart",
            Self::SavePrevious => "save the state for the restart; disconnect; stop",
            Self::AwaitState => "wait for the next STATE",
            Self::LookAtPartner => "apply the rule for the partner's state",
            Self::StartRecoverWait => "the store is not lost any more; start the wait",
            Self::AnswerUpdate => "judge, store, BNDACK",
            Self::BalancePools => "BNDUPD for BACKUP addresses, POOLRESP",
            Self::RequestPool => "POOLREQ",
            Self::Disconnect => "DISCONNECT; close; reconnect",
            Self::Reconnect => "forget outstanding requests; reconnect",
            Self::Alarm => "alarm",
        }
    }
}
