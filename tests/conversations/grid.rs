//! Every pair of an own state and the partner's, as a generated script: the server is brought into its
//! state, the partner announces its own, and the row of the table that this pair has is applied.

use std::collections::BTreeSet;

use twinlease::balance::Role;
use twinlease::endpoint::transitions::{Next, Trigger, on_partner_state, rows};
use twinlease::wire::codes::FailoverState;

use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, Paused, PotentialConflict,
    Recover, RecoverDone, RecoverWait, ResolutionInterrupted, Shutdown, Startup,
};

use crate::run::play;

/// How a server gets into a state: what it starts with, and two states of the partner that leave it
/// where it should be; RESOLUTION-INTERRUPTED ends with the first word of the partner.
fn path(own: FailoverState) -> (FailoverState, [FailoverState; 2]) {
    match own {
        Normal | Paused | Shutdown => (Normal, [CommunicationsInterrupted, Normal]),
        PotentialConflict => (ResolutionInterrupted, [ResolutionInterrupted, PotentialConflict]),
        ConflictDone => (own, [PotentialConflict, ResolutionInterrupted]),
        Recover | RecoverWait => (own, [Normal, PartnerDown]),
        CommunicationsInterrupted | PartnerDown | RecoverDone => (own, [Recover, RecoverWait]),
        ResolutionInterrupted | Startup => (own, [Startup; 2]),
    }
}

/// The partner announces `partner`, with `flags`, to a server in `own`.
fn script(role: Role, own: FailoverState, partner: FailoverState, flags: &str) -> String {
    let (stored, [first, second]) = path(own);
    let before = if first == partner { second } else { first };
    // In RESOLUTION-INTERRUPTED the first word of the partner would end STARTUP as well: wait.
    let meeting = if own == ResolutionInterrupted {
        "at 20s partner meets server".to_owned()
    } else {
        let stop = match own {
            Paused => "disk is slow\noperator pause\n",
            Shutdown => "operator shutdown\n",
            _ => "",
        };
        format!("partner meets server\npartner sends STATE {before}\n{stop}is in {own}")
    };
    format!(
        "role {}\ndialect draft\nstored {stored} down=0s\nstart\n{meeting}\n\
         partner sends STATE {partner} {flags}\nnever mind\n",
        role.name()
    )
}

/// Role, own state, partner's state; no secondary is ever in CONFLICT-DONE.
fn pairs() -> impl Iterator<Item = (Role, FailoverState, FailoverState)> {
    let states = || FailoverState::ALL.iter().copied().filter(|state| *state != Startup);
    let pairs = [Role::Primary, Role::Secondary].into_iter().flat_map(move |role| {
        states().flat_map(move |own| states().map(move |partner| (role, own, partner)))
    });
    pairs.filter(|(role, own, _)| (*role, *own) != (Role::Secondary, ConflictDone))
}

/// The rows that the pairs apply, with and without the partner's STARTUP.
pub(crate) fn rows_applied() -> BTreeSet<&'static str> {
    let mut applied = BTreeSet::new();
    for (role, own, partner) in pairs() {
        for flags in ["", "server-flags=startup"] {
            let script = script(role, own, partner, flags);
            applied.extend(play("grid", &script).unwrap_or_else(|fault| panic!("{script}{fault}")));
        }
    }
    applied
}

/// What the row says, from the row itself.
fn next(own: FailoverState, row: &str) -> FailoverState {
    let found = rows().find(|candidate| candidate.id == row).expect("a row of the table");
    match (found.next, found.trigger) {
        (Next::To(next), Trigger::Partner(_)) => next,
        _ => own,
    }
}

#[test]
fn every_pair_of_states_applies_its_row() {
    for (role, own, partner) in pairs() {
        let row = on_partner_state(role, own, partner, false).row;
        let next = next(own, row);
        let script = script(role, own, partner, "") + &format!("row {row}\nis in {next}\n");
        play("grid", &script).unwrap_or_else(|fault| panic!("{script}{fault}"));
    }
}
