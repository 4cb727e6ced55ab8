//! What an operator has to think about twice.

use crate::endpoint::Communications;
use crate::wire::codes::FailoverState;

use super::command::CommandError;
use super::owners::{Owner, OwnerSet};

/// Why the partner of the relationship `name` should not be declared down: it answers. The draft leaves
/// that to the operator (§9.8.4); two servers that are both alone give an address to two clients (§9.4).
pub(super) fn objection(owners: &OwnerSet, name: &str) -> Option<CommandError> {
    let mut endpoints = owners.iter().filter_map(Owner::endpoint);
    let status = endpoints.find(|endpoint| endpoint.config().name == name)?.status();
    let is_settled = matches!(
        status.state,
        FailoverState::PartnerDown | FailoverState::Paused | FailoverState::Shutdown
    );
    if status.communications != Communications::Ok || is_settled {
        return None;
    }
    let state = status.partner_state.map_or("an unknown state", FailoverState::name);
    let reason = format!(
        "the partner answers and is in {state}: it is not down. Stop it first, or shut it down so that it \
         hands over by itself; to declare it down all the same, force it and give a reason"
    );
    Some(CommandError::Refused { reason })
}
