//! What must not be done because both servers might give an address afterwards.

use std::time::Duration;

use axum::http::StatusCode;

use crate::admin::problem::Failure;
use crate::admin::{App, ask};
use crate::balance::Role;
use crate::driver::clock::Clock;
use crate::endpoint::status::Sync;
use crate::endpoint::{Communications, Status};
use crate::server::command::AdminCommand;
use crate::time::UnixTime;
use crate::wire::codes::FailoverState;

/// How long the partner may take to hand over.
const HAND_OVER: Duration = Duration::from_secs(5);

/// Pause between two looks at how far it is.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// A relationship that the engine serves.
pub(super) async fn status(app: &App, name: &str) -> Result<Option<Status>, Failure> {
    let status = ask(&app.commands, |answer| AdminCommand::Status { answer }).await?;
    Ok(status.relationships.into_iter().find(|status| status.name == name))
}

/// Whether this server may give all addresses of a relationship alone, whatever its partner does: the
/// partner is declared down, and a lead time has passed since.
pub(super) async fn is_alone(app: &App, name: &str) -> Result<bool, Failure> {
    let now = Clock::new().now().wall;
    Ok(status(app, name).await?.is_none_or(|status| is_over(&status, now)))
}

fn is_over(status: &Status, now: UnixTime) -> bool {
    let is_unused = status.ranges.is_empty();
    let is_down = status.state == FailoverState::PartnerDown;
    is_unused || (is_down && status.state_since.plus(status.mclt) <= now)
}

/// Refuses to give alone what the partner may be giving.
pub(super) async fn needs_to_be_alone(app: &App, name: &str) -> Result<(), Failure> {
    if is_alone(app, name).await? {
        return Ok(());
    }
    let why = "the partner may be giving these addresses, and both must not: let it be done on both servers \
               (partner), or declare the partner down and wait for the lead time (MCLT)";
    Err(Failure::new(StatusCode::CONFLICT, why, "§9.4"))
}

/// Refuses to part while one of the two knows what the other does not.
pub(super) async fn needs_agreement(app: &App, name: &str) -> Result<(), Failure> {
    let Some(status) = status(app, name).await? else { return Ok(()) };
    let is_together = status.state == FailoverState::Normal
        && status.communications == Communications::Ok
        && status.sync == Sync::Synced;
    if status.ranges.is_empty() || is_together {
        return Ok(());
    }
    let why = "the two servers do not agree on all leases now, and one of them would not know of some: wait \
               until they are in normal and synced";
    Err(Failure::new(StatusCode::CONFLICT, why, "§5.10"))
}

/// Refuses to share addresses with leases that the primary would not know when it begins to give them:
/// all that are unused are the primary's at first. A new relationship learns all leases before it serves,
/// which is when `role` is `None`. `here` and `there` say who has them now.
pub(super) fn needs_leases_at_primary(
    role: Option<Role>,
    here: bool,
    there: bool,
) -> Result<(), Failure> {
    let is_safe = match role {
        None => true,
        Some(Role::Primary) => !there,
        Some(Role::Secondary) => !here,
    };
    if is_safe {
        return Ok(());
    }
    let why = "the primary would give these addresses before it knows the leases that the secondary has given \
               alone: disable the pool until they have ended, or remove the relationship and create it with \
               this scope, so that they are told first";
    Err(Failure::new(StatusCode::CONFLICT, why, "§5.4"))
}

/// Whether the two talk and both serve.
pub(super) async fn is_normal(app: &App, name: &str) -> Result<bool, Failure> {
    let status = status(app, name).await?;
    Ok(status.is_some_and(|status| {
        status.state == FailoverState::Normal && status.communications == Communications::Ok
    }))
}

/// Waits until the partner has handed everything over.
pub(super) async fn taken_over(app: &App, name: &str) -> Result<(), Failure> {
    let since = tokio::time::Instant::now();
    while since.elapsed() < HAND_OVER {
        let state = status(app, name).await?.map(|status| status.state);
        if matches!(state, None | Some(FailoverState::PartnerDown)) {
            return Ok(());
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    let why = "the partner was told to hand over and has not yet; nothing else is changed, try again when \
               this server is in partner-down";
    Err(Failure::new(StatusCode::CONFLICT, why, "§9.14"))
}
