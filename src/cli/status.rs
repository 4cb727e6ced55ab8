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
    if relationship.communications != "ok" {
        writeln!(out, "  last contact    {}", utc(relationship.last_contact))?;
    }
    if let Some(until) = relationship.maintenance_until {
        let until = utc(Some(until));
        writeln!(out, "  maintenance     until {until}: the partner is not declared down before")?;
    }
    if let Some(progress) = &relationship.progress {
        let total = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
        let left = progress.seconds_left.map(|left| format!(", {left} s left")).unwrap_or_default();
        let (direction, done, unit) = (&progress.direction, progress.done, &progress.unit);
        writeln!(out, "  {direction:<15} {done}{total} {unit}{left}")?;
    }
    for pool in &relationship.pools {
        if let Some(seconds) = pool.endurance_seconds {
            let short = if pool.endurance_warning { ": short" } else { "" };
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            writeln!(
                out,
                "  lasts           {} without the partner {hours} h {minutes} min{short}",
                pool.range
            )?;
        }
    }
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
