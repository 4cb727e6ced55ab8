//! `twinlease status`.

use std::io::{self, Write};

use crate::admin::json::{RelationshipBody, StatusBody};

use super::table::{Table, utc};
use super::{AdminAddress, Failure};

/// Prints how every relationship stands.
pub(super) fn run(server: &AdminAddress, json: bool) -> Result<(), Failure> {
    let status: StatusBody = server.client().get("/v1/status")?;
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, &status).map_err(io::Error::from)?;
        return Ok(writeln!(out)?);
    }
    if status.storage != "ok" {
        writeln!(
            out,
            "storage {}: no new lease is promised until there is room\n",
            status.storage
        )?;
    }
    if status.relationships.is_empty() {
        return Ok(writeln!(out, "twinlease {}: no relationship is configured", status.version)?);
    }
    for (position, relationship) in status.relationships.iter().enumerate() {
        if position > 0 {
            writeln!(out)?;
        }
        print(relationship, &mut out)?;
    }
    Ok(())
}

fn print(relationship: &RelationshipBody, out: &mut impl Write) -> io::Result<()> {
    let since = utc(relationship.state_since);
    writeln!(out, "{} ({})", relationship.name, relationship.role)?;
    writeln!(out, "  state           {} since {since}", relationship.state)?;
    let partner = relationship.partner_state.as_deref().unwrap_or("unknown");
    writeln!(out, "  partner         {partner}, communications {}", relationship.communications)?;
    writeln!(
        out,
        "  updates         {}, {} unacknowledged, {} queued",
        relationship.sync, relationship.unacked_updates, relationship.queued_updates
    )?;
    if let Some(delta) = relationship.clock_delta_seconds {
        writeln!(out, "  clock           {delta:+} s against the partner's")?;
    }
    let mut table = Table::new(&[
        "  pool",
        "free",
        "backup",
        "active",
        "expired",
        "released",
        "abandoned",
        "reset",
    ]);
    for pool in &relationship.pools {
        let mut row = vec![format!("  {}", pool.range)];
        row.extend(
            [
                pool.free,
                pool.backup,
                pool.active,
                pool.expired,
                pool.released,
                pool.abandoned,
                pool.reset,
            ]
            .map(|count| count.to_string()),
        );
        table.row(row);
    }
    table.print(out)
}
