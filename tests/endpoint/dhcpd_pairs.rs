//! Every state of this server against every state of a dhcpd, as crashes of both may leave them: the
//! pair finds its way to NORMAL, and the dhcpd neither terminates nor parks itself.

use twinlease::balance::Role;
use twinlease::durable::EndpointRecord;
use twinlease::time::UnixTime;
use twinlease::wire::codes::{FailoverState, MessageType};
use twinlease::wire::message::Message;

use crate::support::dhcpd::Dhcpd;
use crate::support::scripted::{DHCPD, Script, stored};
use crate::support::{MCLT, START};

use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, PotentialConflict, Recover,
    RecoverDone, RecoverWait, ResolutionInterrupted,
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

fn tell_all(script: &mut Script, says: &[Message<'_>]) {
    for message in says {
        script.tell(message);
    }
}

fn connect(script: &mut Script, dhcpd: &Dhcpd) {
    script.shake_hands();
    script.tell(&dhcpd.announcement());
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
                tell_all(script, &dhcpd.on_state(state, flags));
            }
            MessageType::UPDREQ | MessageType::UPDREQALL => {
                script.say(said.xid, &Message::UpdDone);
            }
            MessageType::UPDDONE => tell_all(script, &dhcpd.on_update_done()),
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
            tell_all(&mut script, &dhcpd.enter(RecoverDone));
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
