//! What operators may want beyond the table of states: maintenance of the partner, the leases told once
//! more, the pools divided anew.

use crate::binding::Binding;
use crate::time::{Now, UnixTime};
use crate::wire::codes::{BindingStatus, FailoverState};

use super::FailoverEndpoint;
use super::event::Event;
use super::state::Refused;

impl FailoverEndpoint {
    /// Holds the automatic PARTNER-DOWN back, or lets it happen again. The safe period goes on
    /// counting meanwhile: if it is over when maintenance is, the takeover follows at once.
    pub(super) fn set_maintenance(
        &mut self,
        now: Now,
        until: Option<UnixTime>,
    ) -> Result<(), Refused> {
        if until.is_some_and(|until| until <= now.wall) {
            return Err(self.refuse("maintenance has to end in the future"));
        }
        if self.record.maintenance_until != until {
            self.record.maintenance_until = until;
            self.commit_record();
            self.events.push(Event::Maintenance { until });
        }
        Ok(())
    }

    pub(super) fn maintenance_timer(&mut self, now: Now) {
        if self.record.maintenance_until.is_some_and(|until| until <= now.wall) {
            self.record.maintenance_until = None;
            self.commit_record();
            self.events.push(Event::Maintenance { until: None });
        }
    }

    /// Tells the partner every lease once more and asks for what was never acknowledged here.
    ///
    /// Leases only: that an address is unused is agreed on move by move (§5.4), and an old word about
    /// it could cross a move. A dhcpd is not asked, as it repeats by itself what was not acknowledged.
    pub(super) fn resynchronise(&mut self, now: Now) -> Result<(), Refused> {
        self.check_pair_is_normal()?;
        self.mark_unknown(is_lease);
        self.start_sweep(None);
        if !self.partner.is_dhcpd() {
            self.request_updates(now);
        }
        Ok(())
    }

    /// Divides the unused addresses anew.
    pub(super) fn rebalance(&mut self, now: Now) -> Result<(), Refused> {
        self.check_pair_is_normal()?;
        self.balance_at_once(now);
        Ok(())
    }

    fn check_pair_is_normal(&self) -> Result<(), Refused> {
        if self.state() == FailoverState::Normal && self.communications_ok() {
            return Ok(());
        }
        Err(self.refuse("this is for two servers in normal; until then it follows by itself"))
    }

    fn refuse(&self, why: &'static str) -> Refused {
        Refused { state: self.state(), why }
    }
}

fn is_lease(binding: &Binding) -> bool {
    binding.binding_status == BindingStatus::Active
}
