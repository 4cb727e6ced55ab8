//! Whether a transition is one of the table (checker 8).

use super::{Kind, Violation};
use crate::endpoint::transitions::{Next, States, rows};
use crate::sim::clock::True;
use crate::wire::codes::FailoverState;

/// Complains of a transition that its row does not have.
pub(crate) fn check(
    at: True,
    from: FailoverState,
    to: FailoverState,
    row: &'static str,
) -> Option<Violation> {
    let wrong = |why: &str| {
        Some(Violation::new(at, Kind::Transition, format!("{from} -> {to} by {row}: {why}")))
    };
    let Some(row) = rows().find(|known| known.id == row) else {
        return wrong("there is no such row");
    };
    let for_state = match row.states {
        States::Any => true,
        States::Only(states) => states.contains(&from) || from == FailoverState::Startup,
        States::AllBut(states) => !states.contains(&from),
    };
    if !for_state {
        return wrong("the row is not for this state");
    }
    match row.next {
        Next::To(next) | Next::IfForced(next) | Next::UnlessConnected(next) if next != to => {
            wrong("the row leads elsewhere")
        }
        Next::Refuse => wrong("the row refuses"),
        Next::To(_)
        | Next::IfForced(_)
        | Next::UnlessConnected(_)
        | Next::Stay
        | Next::Saved
        | Next::AsPair => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row that leads from one named state to another.
    fn plain() -> (FailoverState, FailoverState, &'static str) {
        let found = rows().find_map(|row| match (row.states, row.next) {
            (States::Only([from]), Next::To(to)) if *from != to => Some((*from, to, row.id)),
            _ => None,
        });
        found.unwrap()
    }

    #[test]
    fn a_transition_of_the_table_is_fine() {
        let (from, to, row) = plain();
        assert_eq!(check(0, from, to, row), None);
    }

    #[test]
    fn a_transition_that_leads_elsewhere_is_seen() {
        let (from, _, row) = plain();
        assert!(check(0, from, from, row).is_some());
    }

    #[test]
    fn a_row_that_does_not_exist_is_seen() {
        let (from, to, _) = plain();
        assert_eq!(check(0, from, to, "XX-1").unwrap().kind, Kind::Transition);
    }
}
