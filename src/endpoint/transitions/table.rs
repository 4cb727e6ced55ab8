//! Every transition of the protocol, one row each, and nothing else.
//!
//! Rows of one own state stand together. At most one row fits a state, a trigger and a role; the
//! tests hold that.

use super::{Action, Contact, EndpointEvent, Next, Row, States, Trigger};
use crate::balance::Role;
use crate::endpoint::config::StartupPolicy;
use crate::wire::codes::FailoverState;

use Action::{
    Alarm, AnswerUpdate, AwaitRequest, AwaitState, AwaitUpdates, BalancePools, BeginPartnerDown,
    Disconnect, EnterConflict, EnterNormal, HoldRequest, Interrupt, LookAtPartner, Nothing,
    Reconnect, RequestAllUpdates, RequestPool, RequestUpdates, SavePrevious, SaveRecover,
    ServeRequests, StartRecoverWait,
};
use EndpointEvent::{
    AcknowledgementsMissing, AllUpdatesRequested, AuthenticationFailed, CommunicationsFailed,
    FirstRunProved, LinkLost, OperatorPause, OperatorShutdown, PoolAnswered, PoolRequested,
    ProcessStarted, RecoverWaitOver, RecoverWaitOverAlone, RecoverWaitOverAtEntry, RequestStalled,
    SafePeriodOver, StorageFailed, StrayUpdateDone, UpdateReceived, UpdatesComplete,
    UpdatesRequested,
};
use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, Paused, PotentialConflict,
    Recover, RecoverDone, RecoverWait, ResolutionInterrupted, Shutdown, Startup,
};
use Next::{AsPair, IfForced, Refuse, Saved, Stay, To, UnlessConnected};
use States::{AllBut, Any, Only};
use Trigger::{
    FirstContact, Happens, NothingStored, NothingStoredAsDeclared, Partner, PartnerInStartup,
    StartupOver, StoppedWhilePartnerTookOver, Stored,
};

const BOTH: Option<Role> = None;
const PRIMARY: Option<Role> = Some(Role::Primary);
const SECONDARY: Option<Role> = Some(Role::Secondary);

/// The states on the way back after a failure.
const RECOVERING: &[FailoverState] = &[Recover, RecoverWait, RecoverDone];

/// The states that a loss of contact leaves as they are, for either role.
const WITHOUT_CONTACT: &[FailoverState] = &[
    CommunicationsInterrupted,
    PartnerDown,
    Recover,
    RecoverWait,
    RecoverDone,
    ResolutionInterrupted,
];

/// The operator's partner-down; what it says besides does not select the row.
const COMMAND: EndpointEvent =
    EndpointEvent::OperatorPartnerDown { forced: false, connected: false };

macro_rules! rows {
    ($($states:expr => {
        $($id:literal $trigger:expr, $role:expr => $next:expr, $action:expr,
            $section:literal, $text:literal;)+
    })+) => {
        &[$($(Row {
            id: $id,
            states: $states,
            trigger: $trigger,
            role: $role,
            next: $next,
            action: $action,
            section: $section,
            text: $text,
        },)+)+]
    };
}

/// What holds where no row fits.
pub(super) static NO_RULE: Row = Row {
    id: "GAP-4",
    states: Any,
    trigger: Trigger::AnythingElse,
    role: BOTH,
    next: Stay,
    action: Nothing,
    section: "open",
    text: "no rule: nothing changes",
};

/// The table: ST for startup, PT for pairs of states, EV for other events, GAP for what the draft
/// leaves undefined and cannot happen.
pub(super) const TABLE: &[Row] = rows! {
    Only(&[Normal]) => {
        "ST-01" Stored, BOTH => To(CommunicationsInterrupted), Nothing,
            "§9.3.2", "contact is lost while this server does not run";
    }
    Only(&[PotentialConflict]) => {
        "ST-02" Stored, BOTH => To(ResolutionInterrupted), Nothing,
            "§9.3.2", "contact is lost while this server does not run";
    }
    Only(WITHOUT_CONTACT) => {
        "ST-03" Stored, BOTH => Stay, Nothing, "§9.3.2", "the state does not presume contact";
    }
    Only(&[ConflictDone]) => {
        "ST-04" Stored, PRIMARY => Stay, Nothing,
            "§9.3.2, §9.12", "the state does not presume contact";
        "ST-05" Stored, SECONDARY => To(ResolutionInterrupted), Nothing,
            "open", "no secondary is ever in CONFLICT-DONE: compare again";
    }
    Only(&[Paused, Shutdown]) => {
        "ST-06" Stored, BOTH => Saved, Nothing,
            "§9.13, §9.14", "the state from before the stop counts";
    }
    Only(&[Shutdown]) => {
        "ST-07" StoppedWhilePartnerTookOver, BOTH => To(Recover), RequestUpdates,
            "§9.14.2", "the partner took over during the stop";
    }
    Any => {
        "ST-08" NothingStoredAsDeclared, BOTH => To(Recover), RequestAllUpdates,
            "§9.3.2", "the loss of the store is announced; an empty one is taken for lost";
        "ST-09" NothingStored, BOTH => To(Recover), RequestAllUpdates,
            "§9.3.2", "the store is empty: ask for everything";
    }
    AllBut(RECOVERING) => {
        "ST-10" FirstContact(Contact::TookOver), BOTH => To(Recover), RequestUpdates,
            "§9.3.2", "the partner took over after this server had stopped";
        "ST-11" FirstContact(Contact::ServedTogether), BOTH => To(PotentialConflict), EnterConflict,
            "§9.3.2", "the partner took over while this server still served";
    }
    Only(RECOVERING) => {
        "ST-12" FirstContact(Contact::PartnerDown), BOTH => Stay, Nothing,
            "open", "a recovery goes on where it stopped";
    }
    Any => {
        "ST-13" FirstContact(Contact::Regular), BOTH => Stay, Nothing,
            "§9.3.2", "contact: go on in the previous state";
    }
    Only(&[PartnerDown]) => {
        "ST-14" FirstContact(Contact::PartnerStarts), BOTH => Stay, AwaitState,
            "§9.4.3", "the partner is in STARTUP itself";
    }
    AllBut(&[PartnerDown]) => {
        "ST-15" FirstContact(Contact::PartnerStarts), BOTH => Stay, Nothing,
            "§9.3.2, §9.4.3", "both start: go on in the previous state";
    }
    AllBut(&[Recover]) => {
        "ST-16" StartupOver(StartupPolicy::Proceed), BOTH => Stay, Nothing,
            "§9.3.2", "no contact: go on in the previous state";
    }
    Any => {
        "ST-17" StartupOver(StartupPolicy::Wait), BOTH => To(Startup), Reconnect,
            "§9.3.2", "no contact: keep waiting, as configured";
        "ST-18" StartupOver(StartupPolicy::CommissionAlone), BOTH
            => To(PartnerDown), BeginPartnerDown,
            "§9.3.2", "no contact: serve alone, as configured";
    }
    Only(&[Recover]) => {
        "ST-19" StartupOver(StartupPolicy::Proceed), BOTH => Stay, Reconnect,
            "§9.3.2", "no contact: recovery waits for the partner";
    }
    Only(&[Startup]) => {
        "ST-20" Happens(LinkLost), BOTH => Stay, Reconnect,
            "open", "the connection was lost before the partner told its state";
    }
    Only(&[Normal]) => {
        "PT-001" Partner(Normal), BOTH => Stay, Nothing, "§9.8.4", "both serve";
        "PT-002" Partner(CommunicationsInterrupted), BOTH => Stay, Nothing,
            "§9.2", "the partner comes to NORMAL by itself";
        "PT-003" Partner(PartnerDown), BOTH => To(PotentialConflict), EnterConflict,
            "§9.2", "the partner has declared this server down";
        "PT-004" Partner(Recover), BOTH => To(CommunicationsInterrupted), Interrupt,
            "§9.2", "the partner recovers and serves nobody";
        "PT-005" Partner(RecoverWait), BOTH => To(CommunicationsInterrupted), Interrupt,
            "§9.2, Fig. 9.2-1", "the partner recovers and serves nobody";
        "PT-006" Partner(RecoverDone), BOTH => Stay, Nothing,
            "§9.2", "the partner follows into NORMAL";
        "PT-007" Partner(PotentialConflict), BOTH => To(PotentialConflict), EnterConflict,
            "§9.2", "the partner has found a conflict";
        "PT-008" Partner(ResolutionInterrupted), BOTH => To(PotentialConflict), EnterConflict,
            "§9.2", "the partner has yet to resolve a conflict";
        "PT-009" Partner(ConflictDone), PRIMARY => To(PotentialConflict), RequestUpdates,
            "§9.2", "a secondary cannot be in CONFLICT-DONE: compare bindings";
        "PT-010" Partner(ConflictDone), SECONDARY => To(PotentialConflict), RequestUpdates,
            "§9.2", "the primary has already compared bindings";
        "PT-011" Partner(Paused), BOTH => To(CommunicationsInterrupted), Interrupt,
            "§9.8.4", "the partner stops for a short time";
        "PT-012" Partner(Shutdown), BOTH => To(PartnerDown), BeginPartnerDown,
            "§9.8.4", "the partner stops for long";
    }
    Only(&[CommunicationsInterrupted]) => {
        "PT-013" Partner(Normal), BOTH => To(Normal), EnterNormal, "§9.9.3", "the partner is back";
        "PT-014" Partner(CommunicationsInterrupted), BOTH => To(Normal), EnterNormal,
            "§9.9.3", "contact is restored";
        "PT-015" Partner(PartnerDown), BOTH => To(PotentialConflict), EnterConflict,
            "§9.9.3", "the partner has declared this server down";
        "PT-016" Partner(Recover), BOTH => Stay, ServeRequests,
            "§9.9.3", "the partner recovers and serves nobody";
        "PT-017" Partner(RecoverWait), BOTH => Stay, ServeRequests,
            "Fig. 9.2-1", "the partner recovers and serves nobody";
        "PT-018" Partner(RecoverDone), BOTH => To(Normal), EnterNormal,
            "§9.9.3", "the partner has recovered";
        "PT-019" Partner(PotentialConflict), BOTH => To(PotentialConflict), EnterConflict,
            "§9.9.3", "the partner has found a conflict";
        "PT-020" Partner(ResolutionInterrupted), BOTH => To(PotentialConflict), EnterConflict,
            "§9.9.3", "the partner has yet to resolve a conflict";
        "PT-021" Partner(ConflictDone), PRIMARY => To(PotentialConflict), RequestUpdates,
            "§9.9.3", "a secondary cannot be in CONFLICT-DONE: compare bindings";
        "PT-022" Partner(ConflictDone), SECONDARY => To(PotentialConflict), RequestUpdates,
            "§9.9.3, open", "the primary has already compared bindings";
        "PT-023" Partner(Paused), BOTH => Stay, Nothing,
            "§9.9.3", "the partner stops for a short time";
        "PT-024" Partner(Shutdown), BOTH => To(PartnerDown), BeginPartnerDown,
            "§9.9.3", "the partner stops for long";
    }
    Only(&[PartnerDown]) => {
        "PT-025" Partner(Normal), BOTH => To(PotentialConflict), EnterConflict,
            "§9.4.3", "the partner serves although it was declared down";
        "PT-026" Partner(CommunicationsInterrupted), BOTH => To(PotentialConflict), EnterConflict,
            "§9.4.3", "the partner has served although it was declared down";
        "PT-027" Partner(PartnerDown), BOTH => To(PotentialConflict), EnterConflict,
            "§9.4.3", "the partner has declared this server down";
        "PT-028" Partner(Recover), BOTH => Stay, ServeRequests,
            "§9.4.3", "the partner recovers and serves nobody";
        "PT-029" Partner(RecoverWait), BOTH => Stay, ServeRequests,
            "§9.4.3", "the partner recovers and serves nobody";
        "PT-030" Partner(RecoverDone), BOTH => To(Normal), EnterNormal,
            "§9.4.3", "the partner has recovered";
        "PT-031" Partner(PotentialConflict), BOTH => To(PotentialConflict), EnterConflict,
            "§9.4.3", "the partner has found a conflict";
        "PT-032" Partner(ResolutionInterrupted), BOTH => To(PotentialConflict), EnterConflict,
            "§9.4.3", "the partner has yet to resolve a conflict";
        "PT-033" Partner(ConflictDone), PRIMARY => To(PotentialConflict), RequestUpdates,
            "§9.4.3", "a secondary cannot be in CONFLICT-DONE: compare bindings";
        "PT-034" Partner(ConflictDone), SECONDARY => To(PotentialConflict), RequestUpdates,
            "§9.4.3, open", "the primary has already compared bindings";
        "PT-035" Partner(Paused), BOTH => Stay, Nothing, "§9.4.3", "the partner does not serve";
        "PT-036" Partner(Shutdown), BOTH => Stay, Nothing, "§9.4.3", "the partner does not serve";
    }
    Only(&[Recover]) => {
        "PT-037" Partner(Normal), BOTH => Stay, RequestUpdates,
            "§9.5.2", "the partner knows the bindings";
        "PT-038" Partner(CommunicationsInterrupted), BOTH => Stay, RequestUpdates,
            "§9.5.2", "the partner knows the bindings";
        "PT-039" Partner(PartnerDown), BOTH => Stay, RequestUpdates,
            "§9.5.2", "the partner knows the bindings";
        "PT-040" Partner(Recover), BOTH => Stay, RequestUpdates,
            "§9.5.2", "both recover, each from the other";
        "PT-041" Partner(RecoverWait), BOTH => Stay, RequestUpdates,
            "§9.5.2", "the partner answers while it waits";
        "PT-042" Partner(RecoverDone), BOTH => Stay, RequestUpdates,
            "§9.5.2", "the partner waits for this server";
        "PT-043" Partner(PotentialConflict), PRIMARY => To(PotentialConflict), RequestUpdates,
            "§9.5.2", "the partner has found a conflict";
        "PT-044" Partner(PotentialConflict), SECONDARY => To(PotentialConflict), AwaitRequest,
            "§9.5.2", "the partner has found a conflict";
        "PT-045" Partner(ResolutionInterrupted), PRIMARY => To(PotentialConflict), RequestUpdates,
            "§9.5.2", "the partner has yet to resolve a conflict";
        "PT-046" Partner(ResolutionInterrupted), SECONDARY => To(PotentialConflict), AwaitRequest,
            "§9.5.2", "the partner has yet to resolve a conflict";
        "PT-047" Partner(ConflictDone), PRIMARY => To(PotentialConflict), RequestUpdates,
            "§9.5.2", "a secondary cannot be in CONFLICT-DONE: compare bindings";
        "PT-048" Partner(ConflictDone), SECONDARY => To(PotentialConflict), RequestUpdates,
            "§9.5.2, open", "the primary has already compared bindings";
        "PT-049" Partner(Paused), BOTH => Stay, HoldRequest,
            "§9.5.2, open", "the partner is about to leave";
        "PT-050" Partner(Shutdown), BOTH => Stay, HoldRequest,
            "§9.5.2, open", "the partner is about to leave";
    }
    Only(&[RecoverWait]) => {
        "PT-051" Partner(Normal), BOTH => Stay, Nothing, "§9.6.2", "only time leads on";
        "PT-052" Partner(CommunicationsInterrupted), BOTH => Stay, Nothing,
            "§9.6.2", "only time leads on";
        "PT-053" Partner(PartnerDown), BOTH => Stay, Nothing, "§9.6.2", "only time leads on";
        "PT-054" Partner(Recover), BOTH => Stay, ServeRequests, "§9.6.2", "only time leads on";
        "PT-055" Partner(RecoverWait), BOTH => Stay, ServeRequests, "§9.6.2", "only time leads on";
        "PT-056" Partner(RecoverDone), BOTH => Stay, Nothing, "§9.6.2", "only time leads on";
        "PT-057" Partner(PotentialConflict), BOTH => Stay, ServeRequests,
            "§9.6.2", "only time leads on; the conflict is taken up after it";
        "PT-058" Partner(ResolutionInterrupted), BOTH => Stay, ServeRequests,
            "§9.6.2", "only time leads on; the conflict is taken up after it";
        "PT-059" Partner(ConflictDone), BOTH => Stay, ServeRequests,
            "§9.6.2", "only time leads on; the conflict is taken up after it";
        "PT-060" Partner(Paused), BOTH => Stay, Nothing, "§9.6.2", "only time leads on";
        "PT-061" Partner(Shutdown), BOTH => Stay, Nothing, "§9.6.2", "only time leads on";
    }
    Only(&[RecoverDone]) => {
        "PT-062" Partner(Normal), BOTH => To(Normal), EnterNormal,
            "§9.7.2", "the partner has taken this server back";
        "PT-063" Partner(CommunicationsInterrupted), BOTH => Stay, Nothing,
            "Fig. 9.2-1", "the partner moves to NORMAL first";
        "PT-064" Partner(PartnerDown), BOTH => Stay, Nothing,
            "Fig. 9.2-1", "the partner moves to NORMAL first";
        "PT-065" Partner(Recover), BOTH => Stay, ServeRequests,
            "Fig. 9.2-1", "the partner is still recovering";
        "PT-066" Partner(RecoverWait), BOTH => Stay, Nothing,
            "Fig. 9.2-1", "the partner is still recovering";
        "PT-067" Partner(RecoverDone), BOTH => To(Normal), EnterNormal,
            "§9.7.2", "both servers have recovered";
        "PT-068" Partner(PotentialConflict), PRIMARY => To(PotentialConflict), RequestUpdates,
            "Fig. 9.2-1", "the partner has found a conflict";
        "PT-069" Partner(PotentialConflict), SECONDARY => To(PotentialConflict), AwaitRequest,
            "Fig. 9.2-1", "the partner has found a conflict";
        "PT-070" Partner(ResolutionInterrupted), PRIMARY => To(PotentialConflict), RequestUpdates,
            "open", "the partner has yet to resolve a conflict";
        "PT-071" Partner(ResolutionInterrupted), SECONDARY => To(PotentialConflict), AwaitRequest,
            "open", "the partner has yet to resolve a conflict";
        "PT-072" Partner(ConflictDone), PRIMARY => To(PotentialConflict), RequestUpdates,
            "open", "a secondary cannot be in CONFLICT-DONE: compare bindings";
        "PT-073" Partner(ConflictDone), SECONDARY => To(PotentialConflict), RequestUpdates,
            "open", "the primary has already compared bindings";
        "PT-074" Partner(Paused), BOTH => Stay, Nothing, "Fig. 9.2-1", "the partner is about to leave";
        "PT-075" Partner(Shutdown), BOTH => Stay, Nothing,
            "Fig. 9.2-1", "the partner is about to leave";
    }
    Only(&[PotentialConflict]) => {
        "PT-076" Partner(Normal), PRIMARY => Stay, AwaitUpdates,
            "§9.2", "the partner joins on hearing of this state";
        "PT-077" Partner(Normal), SECONDARY => Stay, ServeRequests,
            "§9.2", "the partner joins on hearing of this state";
        "PT-078" Partner(CommunicationsInterrupted), PRIMARY => Stay, AwaitUpdates,
            "§9.2", "the partner joins on hearing of this state";
        "PT-079" Partner(CommunicationsInterrupted), SECONDARY => Stay, ServeRequests,
            "§9.2", "the partner joins on hearing of this state";
        "PT-080" Partner(PartnerDown), PRIMARY => Stay, AwaitUpdates,
            "§9.2", "the partner joins on hearing of this state";
        "PT-081" Partner(PartnerDown), SECONDARY => Stay, ServeRequests,
            "§9.2", "the partner joins on hearing of this state";
        "PT-082" Partner(Recover), PRIMARY => Stay, AwaitUpdates,
            "§9.2", "the partner joins on hearing of this state";
        "PT-083" Partner(Recover), SECONDARY => Stay, ServeRequests,
            "§9.2", "the partner joins on hearing of this state";
        "PT-084" Partner(RecoverWait), PRIMARY => Stay, AwaitUpdates,
            "§9.2", "the partner joins after its wait";
        "PT-085" Partner(RecoverWait), SECONDARY => Stay, ServeRequests,
            "§9.2", "the partner joins after its wait";
        "PT-086" Partner(RecoverDone), PRIMARY => Stay, AwaitUpdates,
            "§9.2", "the partner joins on hearing of this state";
        "PT-087" Partner(RecoverDone), SECONDARY => Stay, ServeRequests,
            "§9.2", "the partner joins on hearing of this state";
        "PT-088" Partner(PotentialConflict), PRIMARY => Stay, AwaitUpdates,
            "§9.10", "both compare bindings";
        "PT-089" Partner(PotentialConflict), SECONDARY => Stay, ServeRequests,
            "§9.10", "both compare bindings";
        "PT-090" Partner(ResolutionInterrupted), PRIMARY => Stay, AwaitUpdates,
            "§9.2", "the partner joins on hearing of this state";
        "PT-091" Partner(ResolutionInterrupted), SECONDARY => Stay, ServeRequests,
            "§9.2", "the partner joins on hearing of this state";
        "PT-092" Partner(ConflictDone), PRIMARY => Stay, Nothing,
            "open", "a secondary cannot be in CONFLICT-DONE";
        "PT-093" Partner(ConflictDone), SECONDARY => Stay, RequestUpdates,
            "§9.10.3", "the primary has finished; now this server asks";
        "PT-094" Partner(Paused), BOTH => Stay, Nothing, "§9.2", "the end of the connection leads on";
        "PT-095" Partner(Shutdown), BOTH => Stay, Nothing,
            "§9.2", "the end of the connection leads on";
    }
    Only(&[ResolutionInterrupted]) => {
        "PT-096" Partner(Normal), PRIMARY => To(PotentialConflict), RequestUpdates,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-097" Partner(Normal), SECONDARY => To(PotentialConflict), AwaitRequest,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-098" Partner(CommunicationsInterrupted), PRIMARY
            => To(PotentialConflict), RequestUpdates,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-099" Partner(CommunicationsInterrupted), SECONDARY
            => To(PotentialConflict), AwaitRequest,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-100" Partner(PartnerDown), PRIMARY => To(PotentialConflict), RequestUpdates,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-101" Partner(PartnerDown), SECONDARY => To(PotentialConflict), AwaitRequest,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-102" Partner(Recover), PRIMARY => To(PotentialConflict), RequestUpdates,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-103" Partner(Recover), SECONDARY => To(PotentialConflict), AwaitRequest,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-104" Partner(RecoverWait), PRIMARY => To(PotentialConflict), RequestUpdates,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-105" Partner(RecoverWait), SECONDARY => To(PotentialConflict), AwaitRequest,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-106" Partner(RecoverDone), PRIMARY => To(PotentialConflict), RequestUpdates,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-107" Partner(RecoverDone), SECONDARY => To(PotentialConflict), AwaitRequest,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-108" Partner(PotentialConflict), PRIMARY => To(PotentialConflict), RequestUpdates,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-109" Partner(PotentialConflict), SECONDARY => To(PotentialConflict), AwaitRequest,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-110" Partner(ResolutionInterrupted), PRIMARY => To(PotentialConflict), RequestUpdates,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-111" Partner(ResolutionInterrupted), SECONDARY => To(PotentialConflict), AwaitRequest,
            "§9.11.3", "contact is restored with a conflict to resolve";
        "PT-112" Partner(ConflictDone), PRIMARY => To(PotentialConflict), RequestUpdates,
            "§9.11.3", "a secondary cannot be in CONFLICT-DONE: compare bindings";
        "PT-113" Partner(ConflictDone), SECONDARY => To(PotentialConflict), RequestUpdates,
            "§9.11.3, open", "the primary has already compared bindings";
        "PT-114" Partner(Paused), BOTH => To(PotentialConflict), EnterConflict,
            "§9.11.3", "contact is restored, if not for long";
        "PT-115" Partner(Shutdown), BOTH => To(PotentialConflict), EnterConflict,
            "§9.11.3", "contact is restored, if not for long";
    }
    Only(&[ConflictDone]) => {
        "PT-116" Partner(Normal), PRIMARY => To(Normal), EnterNormal,
            "§9.12.3", "the secondary has finished comparing";
        "PT-118" Partner(CommunicationsInterrupted), PRIMARY => Stay, Nothing,
            "§9.12.2", "the secondary joins the comparison on hearing of this state";
        "PT-120" Partner(PartnerDown), PRIMARY => Stay, Nothing,
            "§9.12.2", "the secondary joins the comparison on hearing of this state";
        "PT-122" Partner(Recover), PRIMARY => Stay, Nothing,
            "§9.12.2", "the secondary joins the comparison on hearing of this state";
        "PT-124" Partner(RecoverWait), PRIMARY => Stay, Nothing,
            "§9.12.2", "the secondary joins after its wait";
        "PT-126" Partner(RecoverDone), PRIMARY => Stay, Nothing,
            "§9.12.2", "the secondary joins the comparison on hearing of this state";
        "PT-128" Partner(PotentialConflict), PRIMARY => Stay, ServeRequests,
            "§9.12.2", "the secondary compares bindings now";
        "PT-130" Partner(ResolutionInterrupted), PRIMARY => Stay, Nothing,
            "§9.12.2", "the secondary joins the comparison on hearing of this state";
        "PT-132" Partner(ConflictDone), PRIMARY => Stay, Nothing,
            "§9.12.2", "a secondary cannot be in CONFLICT-DONE";
        "PT-134" Partner(Paused), PRIMARY => Stay, Nothing,
            "§9.12.2", "the secondary is about to leave";
        "PT-136" Partner(Shutdown), PRIMARY => Stay, Nothing,
            "§9.12.2", "the secondary is about to leave";
    }
    Only(&[Paused]) => {
        "PT-138" Partner(Normal), BOTH => Stay, Nothing, "§9.13.2", "only a restart leads on";
        "PT-139" Partner(CommunicationsInterrupted), BOTH => Stay, Nothing,
            "§9.13.2", "only a restart leads on";
        "PT-140" Partner(PartnerDown), BOTH => Stay, Nothing, "§9.13.2", "only a restart leads on";
        "PT-141" Partner(Recover), BOTH => Stay, Nothing, "§9.13.2", "only a restart leads on";
        "PT-142" Partner(RecoverWait), BOTH => Stay, Nothing, "§9.13.2", "only a restart leads on";
        "PT-143" Partner(RecoverDone), BOTH => Stay, Nothing, "§9.13.2", "only a restart leads on";
        "PT-144" Partner(PotentialConflict), BOTH => Stay, Nothing,
            "§9.13.2", "only a restart leads on";
        "PT-145" Partner(ResolutionInterrupted), BOTH => Stay, Nothing,
            "§9.13.2", "only a restart leads on";
        "PT-146" Partner(ConflictDone), BOTH => Stay, Nothing, "§9.13.2", "only a restart leads on";
        "PT-147" Partner(Paused), BOTH => Stay, Nothing, "§9.13.2", "only a restart leads on";
        "PT-148" Partner(Shutdown), BOTH => Stay, Nothing, "§9.13.2", "only a restart leads on";
    }
    Only(&[Shutdown]) => {
        "PT-149" Partner(Normal), BOTH => Stay, Nothing, "§9.14.3", "only a restart leads on";
        "PT-150" Partner(CommunicationsInterrupted), BOTH => Stay, Nothing,
            "§9.14.3", "only a restart leads on";
        "PT-151" Partner(PartnerDown), BOTH => Stay, SaveRecover,
            "§9.14.2", "the partner has taken over: recover after the restart";
        "PT-152" Partner(Recover), BOTH => Stay, Nothing, "§9.14.3", "only a restart leads on";
        "PT-153" Partner(RecoverWait), BOTH => Stay, Nothing, "§9.14.3", "only a restart leads on";
        "PT-154" Partner(RecoverDone), BOTH => Stay, Nothing, "§9.14.3", "only a restart leads on";
        "PT-155" Partner(PotentialConflict), BOTH => Stay, Nothing,
            "§9.14.3", "only a restart leads on";
        "PT-156" Partner(ResolutionInterrupted), BOTH => Stay, Nothing,
            "§9.14.3", "only a restart leads on";
        "PT-157" Partner(ConflictDone), BOTH => Stay, Nothing, "§9.14.3", "only a restart leads on";
        "PT-158" Partner(Paused), BOTH => Stay, Nothing, "§9.14.3", "only a restart leads on";
        "PT-159" Partner(Shutdown), BOTH => Stay, Nothing, "§9.14.3", "only a restart leads on";
    }
    Any => {
        "PT-160" Partner(Startup), BOTH => Stay, Disconnect,
            "open", "STARTUP, or a number without meaning, is no state to report";
    }
    Only(&[PartnerDown]) => {
        "PT-161" PartnerInStartup, BOTH => Stay, AwaitState,
            "§9.4.3", "the partner is in STARTUP: wait for its next state";
    }
    AllBut(&[PartnerDown]) => {
        "PT-162" PartnerInStartup, BOTH => AsPair, Nothing,
            "open", "STARTUP of the partner makes no difference";
    }
    Only(&[Startup]) => {
        "EV-01" Happens(CommunicationsFailed), BOTH => Stay, Reconnect, "§9.3.2", "no contact yet";
    }
    Only(&[Normal]) => {
        "EV-02" Happens(CommunicationsFailed), BOTH => To(CommunicationsInterrupted), Interrupt,
            "§9.8.4, §8.6", "contact is lost";
    }
    Only(&[CommunicationsInterrupted]) => {
        "EV-03" Happens(CommunicationsFailed), BOTH => Stay, Reconnect,
            "§9.9", "contact was lost before";
    }
    Only(&[PartnerDown]) => {
        "EV-04" Happens(CommunicationsFailed), BOTH => Stay, Reconnect,
            "§9.4.2", "this server serves alone anyway";
    }
    Only(&[Recover]) => {
        "EV-05" Happens(CommunicationsFailed), BOTH => Stay, Reconnect,
            "§9.5.2", "the request starts over on the next connection";
    }
    Only(&[RecoverWait]) => {
        "EV-06" Happens(CommunicationsFailed), BOTH => Stay, Reconnect,
            "§9.6.2", "the wait goes on";
    }
    Only(&[RecoverDone]) => {
        "EV-07" Happens(CommunicationsFailed), BOTH => Stay, Reconnect,
            "§9.7.2", "the partner leads on once it is back";
    }
    Only(&[PotentialConflict]) => {
        "EV-08" Happens(CommunicationsFailed), BOTH => To(ResolutionInterrupted), Reconnect,
            "§9.10.3", "contact is lost with a conflict to resolve";
    }
    Only(&[ConflictDone]) => {
        "EV-10" Happens(CommunicationsFailed), PRIMARY => Stay, Reconnect,
            "§9.12.3", "the secondary compares once it is back";
    }
    Only(&[Paused, Shutdown]) => {
        "EV-11" Happens(CommunicationsFailed), BOTH => Stay, Nothing,
            "§9.13, §9.14", "this server stops anyway";
    }
    Only(&[CommunicationsInterrupted]) => {
        "EV-12" Happens(SafePeriodOver), BOTH => To(PartnerDown), BeginPartnerDown,
            "§9.9.3, §10", "the safe period is over";
    }
    Only(&[RecoverWait]) => {
        "EV-14" Happens(RecoverWaitOver), BOTH => To(RecoverDone), LookAtPartner,
            "§9.6.2", "leases that the partner may not know of are over";
        "EV-15" Happens(RecoverWaitOverAlone), BOTH => To(RecoverDone), Nothing,
            "§9.6.2", "leases that the partner may not know of are over";
        "EV-16" Happens(RecoverWaitOverAtEntry), BOTH => To(RecoverDone), LookAtPartner,
            "§9.6.2", "this server was away for longer than the wait";
        "EV-17" Happens(FirstRunProved), BOTH => To(RecoverDone), LookAtPartner,
            "§9.6.2", "a new pair: neither server has leased anything";
    }
    Only(&[Normal]) => {
        "EV-18" Happens(COMMAND), BOTH => To(PartnerDown), BeginPartnerDown,
            "§9.8.4", "the operator declares the partner down";
    }
    Only(&[CommunicationsInterrupted]) => {
        "EV-19" Happens(COMMAND), BOTH => To(PartnerDown), BeginPartnerDown,
            "§9.9.3", "the operator declares the partner down";
    }
    Only(&[ResolutionInterrupted]) => {
        "EV-20" Happens(COMMAND), BOTH => To(PartnerDown), BeginPartnerDown,
            "§9.11.3", "the operator declares the partner down";
    }
    Only(&[PartnerDown]) => {
        "EV-21" Happens(COMMAND), BOTH => Stay, Nothing,
            "open", "the partner has been declared down before; the waits go on";
    }
    Only(&[Startup]) => {
        "EV-22" Happens(COMMAND), BOTH => To(PartnerDown), BeginPartnerDown,
            "open", "the operator puts this server into service alone";
    }
    Only(RECOVERING) => {
        "EV-23" Happens(COMMAND), BOTH => IfForced(PartnerDown), BeginPartnerDown,
            "open", "leases granted before may be unknown here; only by force";
    }
    Only(&[PotentialConflict]) => {
        "EV-24" Happens(COMMAND), BOTH => Refuse, Nothing,
            "open", "the partner is connected, so it is not down";
    }
    Only(&[ConflictDone]) => {
        "EV-25" Happens(COMMAND), PRIMARY => UnlessConnected(PartnerDown), BeginPartnerDown,
            "open", "the partner must not be connected to be declared down";
    }
    Any => {
        "EV-26" Happens(OperatorPause), BOTH => To(Paused), SavePrevious,
            "§9.13", "the operator stops this server for a short time";
        "EV-27" Happens(OperatorShutdown), BOTH => To(Shutdown), SavePrevious,
            "§9.14", "the operator stops this server for long";
    }
    Only(&[Recover]) => {
        "EV-28" Happens(UpdatesComplete), BOTH => To(RecoverWait), StartRecoverWait,
            "§9.5.2", "the bindings of the partner are complete";
    }
    Only(&[PotentialConflict]) => {
        "EV-29" Happens(UpdatesComplete), PRIMARY => To(ConflictDone), Nothing,
            "§9.10.3", "the bindings of the secondary are compared";
        "EV-30" Happens(UpdatesComplete), SECONDARY => To(Normal), EnterNormal,
            "§9.10.3", "the bindings of the primary are compared";
    }
    AllBut(&[Recover, PotentialConflict]) => {
        "EV-31" Happens(UpdatesComplete), BOTH => Stay, Nothing, "open", "nothing waits for it";
    }
    Any => {
        "EV-32" Happens(StrayUpdateDone), BOTH => Stay, Nothing,
            "open", "it answers no request of this server";
        "EV-33" Happens(UpdatesRequested), BOTH => Stay, ServeRequests,
            "§7.3.2, §7.5", "the partner asks for what it has not acknowledged";
        "EV-34" Happens(AllUpdatesRequested), BOTH => Stay, ServeRequests,
            "§7.4.2, §5.16, §5.17", "the partner asks for everything";
        "EV-35" Happens(UpdateReceived), BOTH => Stay, AnswerUpdate,
            "§7.1, §9.8.3", "updates are judged in every state";
        "EV-36" Happens(PoolRequested), PRIMARY => Stay, BalancePools,
            "§7.6, §5.4", "the secondary asks for addresses";
    }
    Only(&[Normal]) => {
        "EV-37" Happens(PoolAnswered), SECONDARY => Stay, RequestPool,
            "§7.7.2", "the primary gave addresses and may have more";
    }
    Only(&[Recover]) => {
        "EV-38" Happens(RequestStalled), BOTH => Stay, Disconnect,
            "§9.5.2", "the partner does not answer the request";
    }
    Only(&[PotentialConflict]) => {
        "EV-39" Happens(RequestStalled), BOTH => To(ResolutionInterrupted), Disconnect,
            "open", "the partner does not answer the request";
    }
    Only(&[Normal]) => {
        "EV-40" Happens(AcknowledgementsMissing), BOTH => To(CommunicationsInterrupted), Disconnect,
            "§9.8.4", "the partner acknowledges nothing although it is connected";
    }
    Any => {
        "EV-41" Happens(AuthenticationFailed), BOTH => Stay, Disconnect,
            "§11.1", "the message is not from the partner; the lost connection leads on";
        "EV-42" Happens(StorageFailed), BOTH => Stay, Alarm,
            "§9.2", "a state that is not stored is not entered";
        "EV-43" Happens(ProcessStarted), BOTH => To(Startup), Reconnect,
            "§9.1", "every process starts in STARTUP";
    }
    Only(&[Paused, Shutdown]) => {
        "GAP-1" Happens(COMMAND), BOTH => Refuse, Nothing, "open", "this server is stopping";
    }
};
