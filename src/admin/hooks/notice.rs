//! What a hook is told: one JSON object.

use serde_json::{Map, Value, json};

use crate::endpoint::Event;
use crate::server::config::EventKind;
use crate::server::feed::Told;
use crate::time::UnixTime;
use crate::wire::codes::FailoverState;

use super::super::events::described;

/// One thing to be told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Notice {
    pub(super) kind: EventKind,
    pub(super) members: Map<String, Value>,
}

impl Notice {
    /// What an event of the feed is to a hook: itself, and the beginning or the end of a conflict.
    pub(super) fn of(told: &Told) -> impl Iterator<Item = Self> {
        let (kind, mut members) = described(told);
        // It counts events of this process; a hook has the id.
        members.remove("number");
        let itself = EventKind::named(kind).map(|kind| Self { kind, members });
        itself.into_iter().chain(conflict(told))
    }

    /// A figure of a relationship passes its limit, or is well again.
    pub(super) fn of_limit(
        kind: EventKind,
        at: UnixTime,
        relationship: &str,
        is_active: bool,
        text: &str,
    ) -> Self {
        let members = json!({
            "at": at.0,
            "relationship": relationship,
            "active": is_active,
            "text": text,
            "warning": is_active,
        });
        Self { kind, members: members.as_object().cloned().unwrap_or_default() }
    }

    /// The same with one more member.
    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// As it is delivered, but for its id, which the queue gives.
    pub(super) fn into_json(self, server: &str) -> Map<String, Value> {
        let mut members = self.members;
        members.insert("event".to_owned(), self.kind.name().into());
        members.insert("server".to_owned(), server.into());
        members
    }
}

fn conflict(told: &Told) -> Option<Notice> {
    let Event::Transition { from, to, .. } = &told.event else { return None };
    let is_active = is_conflict(*to);
    if is_conflict(*from) == is_active {
        return None;
    }
    let text = if is_active {
        "both servers have served as if the other were down, and compare what they gave"
    } else {
        "the servers have compared what they gave: the conflict is over"
    };
    let kind = EventKind::Conflict;
    Some(Notice::of_limit(kind, told.at, &told.relationship, is_active, text))
}

const fn is_conflict(state: FailoverState) -> bool {
    matches!(
        state,
        FailoverState::PotentialConflict
            | FailoverState::ResolutionInterrupted
            | FailoverState::ConflictDone
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(from: FailoverState, to: FailoverState) -> Vec<(EventKind, Option<bool>)> {
        let event = Event::Transition { from, to, row: "", why: "" };
        let told = Told { number: 1, at: UnixTime(7), relationship: "a".to_owned(), event };
        let kind =
            |notice: Notice| (notice.kind, notice.members.get("active").and_then(Value::as_bool));
        Notice::of(&told).map(kind).collect()
    }

    #[test]
    fn a_conflict_begins_and_ends_once() {
        use FailoverState::{Normal, PartnerDown, PotentialConflict, ResolutionInterrupted};
        let transition = (EventKind::Transition, None);
        let conflict = |is_active| (EventKind::Conflict, Some(is_active));
        assert_eq!(kinds(PartnerDown, PotentialConflict), [transition, conflict(true)]);
        assert_eq!(kinds(PotentialConflict, ResolutionInterrupted), [transition]);
        assert_eq!(kinds(PotentialConflict, Normal), [transition, conflict(false)]);
    }
}
