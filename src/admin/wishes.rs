//! What operators may want of a relationship beside leaving it or being left: see the endpoint's
//! `steering`.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use serde::Deserialize;
use serde_json::json;

use crate::driver::clock::Clock;
use crate::endpoint::OperatorCommand;
use crate::time::UnixTime;

use super::App;
use super::guard::Caller;
use super::json::DoneBody;
use super::problem::Failure;
use super::steer::{Asked, named, operate};

/// Longest maintenance in seconds: nobody forgets it for more than a month.
const MAX_MAINTENANCE: u32 = 31 * 86_400;

/// When maintenance ends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    /// So many seconds from now.
    seconds: Option<u32>,
    /// At this Unix time.
    until: Option<u32>,
}

impl End {
    /// The end, seen from `now`.
    fn at(&self, now: UnixTime) -> Result<UnixTime, Failure> {
        let until = match (self.seconds, self.until) {
            (Some(seconds), None) => now.plus(seconds.min(MAX_MAINTENANCE.saturating_add(1))),
            (None, Some(until)) => UnixTime(until),
            _ => {
                let why = "say when maintenance ends: seconds from now, or until a Unix time";
                return Err(Failure::wrong(why));
            }
        };
        if until <= now || until.seconds_since(now) > MAX_MAINTENANCE {
            let why = format!("maintenance ends within {MAX_MAINTENANCE} seconds, in the future");
            return Err(Failure::wrong(why));
        }
        Ok(until)
    }
}

pub(super) async fn maintenance(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    relationship: Result<Path<String>, PathRejection>,
    query: Result<Query<End>, QueryRejection>,
) -> Result<Json<DoneBody>, Failure> {
    let name = named(relationship)?;
    let Query(end) = query.map_err(|error| Failure::wrong(error.body_text()))?;
    let until = end.at(Clock::new().now().wall)?;
    let arguments = json!({ "until": until.0 });
    let asked = Asked { action: "maintenance", arguments, refused_by: "§10" };
    let command = OperatorCommand::Maintenance { until: Some(until) };
    operate(app, caller, asked, name, command).await
}

pub(super) async fn end_maintenance(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    relationship: Result<Path<String>, PathRejection>,
) -> Result<Json<DoneBody>, Failure> {
    let asked = Asked { action: "end-maintenance", arguments: json!({}), refused_by: "§10" };
    let command = OperatorCommand::Maintenance { until: None };
    operate(app, caller, asked, named(relationship)?, command).await
}

pub(super) async fn pause(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    relationship: Result<Path<String>, PathRejection>,
) -> Result<Json<DoneBody>, Failure> {
    let asked = Asked { action: "pause", arguments: json!({}), refused_by: "§9.13" };
    operate(app, caller, asked, named(relationship)?, OperatorCommand::Pause).await
}

pub(super) async fn resynchronise(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    relationship: Result<Path<String>, PathRejection>,
) -> Result<Json<DoneBody>, Failure> {
    let asked = Asked { action: "resynchronise", arguments: json!({}), refused_by: "§7.3" };
    operate(app, caller, asked, named(relationship)?, OperatorCommand::Resynchronise).await
}

pub(super) async fn rebalance(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    relationship: Result<Path<String>, PathRejection>,
) -> Result<Json<DoneBody>, Failure> {
    let asked = Asked { action: "rebalance", arguments: json!({}), refused_by: "§5.4" };
    operate(app, caller, asked, named(relationship)?, OperatorCommand::Rebalance).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_700_000_000);

    fn end(seconds: Option<u32>, until: Option<u32>) -> Option<u32> {
        End { seconds, until }.at(NOW).ok().map(|until| until.0)
    }

    #[test]
    fn maintenance_ends_after_a_time_or_at_one() {
        assert_eq!(end(Some(60), None), Some(1_700_000_060));
        assert_eq!(end(None, Some(1_700_000_001)), Some(1_700_000_001));
    }

    #[test]
    fn maintenance_without_an_end_or_with_one_out_of_reach_is_refused() {
        let month = 1_700_000_000 + MAX_MAINTENANCE;
        for (seconds, until) in [
            (None, None),
            (Some(1), Some(1_700_000_001)),
            (Some(0), None),
            (Some(MAX_MAINTENANCE + 1), None),
            (Some(u32::MAX), None),
            (None, Some(1_700_000_000)),
            (None, Some(month + 1)),
        ] {
            assert_eq!(end(seconds, until), None, "{seconds:?} {until:?}");
        }
        assert_eq!(end(None, Some(month)), Some(month));
    }
}
