//! Reserved addresses by the draft: FREE on the primary and BACKUP on the secondary at the same time,
//! as only one client can get them (§5.13).
//!
//! The primary keeps such an address as FREE and reports it as BACKUP with the RESERVED flag. The flag
//! on its own record says that it has been reported so: the secondary may hold it as BACKUP even when
//! the reservation is cancelled. Towards a dhcpd none of this applies.

use core::net::Ipv4Addr;
use std::collections::BTreeSet;

use crate::balance::Role;
use crate::binding::Binding;
use crate::binding::table::Mark;
use crate::wire::codes::{BindingStatus, IpFlags};

use super::FailoverEndpoint;

impl FailoverEndpoint {
    /// Whether the address is free for its client on either server, as this primary sees it.
    pub(super) fn is_shared_reservation(&self, binding: &Binding) -> bool {
        self.config.role == Role::Primary
            && self.config.dialect.announces_reservations()
            && binding.binding_status == BindingStatus::Free
            && self.is_reserved(binding.address)
    }

    /// At the start of the process: offers what is reserved by now and takes note of reservations
    /// that have been cancelled. `flagged` are the addresses whose records carry the RESERVED flag.
    pub(super) fn compare_reservations(&mut self, mut flagged: BTreeSet<Ipv4Addr>) {
        if !self.config.dialect.announces_reservations() {
            return;
        }
        flagged.extend(self.reserved.keys());
        for address in flagged {
            let Some(mut binding) = self.table.get(address) else { continue };
            let reserved = self.is_reserved(binding.address);
            let announced = binding.ip_flags.contains(IpFlags::RESERVED);
            binding.binding_status = match (self.config.role, binding.binding_status) {
                (Role::Primary, BindingStatus::Free) if reserved && !announced => {
                    set_reserved(&mut binding, true);
                    BindingStatus::Free
                }
                // The secondary may hold it: this server has to call it back before it uses it. The
                // flag stays until the secondary agrees, so that another start asks again.
                (Role::Primary, BindingStatus::Free | BindingStatus::Backup)
                    if !reserved && announced =>
                {
                    self.table.set_mark(address, Mark::Recalled, true);
                    BindingStatus::Backup
                }
                (Role::Secondary, BindingStatus::Backup) if !reserved && announced => {
                    set_reserved(&mut binding, false);
                    BindingStatus::Free
                }
                _ => continue,
            };
            binding.start_of_status = self.now.wall;
            binding.partner_knows = false;
            self.store_binding(binding);
        }
    }

    /// What the primary makes of a reserved address that has just become available: FREE here, to be
    /// offered to the secondary. Nothing else is changed.
    pub(super) fn prepare_offer(&self, own: &Binding, next: &mut Binding) {
        if self.config.role != Role::Primary || !self.config.dialect.announces_reservations() {
            return;
        }
        let available = matches!(next.binding_status, BindingStatus::Free | BindingStatus::Backup);
        let reserved = available && self.is_reserved(next.address);
        if reserved && next.binding_status == BindingStatus::Backup {
            next.binding_status = BindingStatus::Free;
            set_reserved(next, true);
        } else if reserved && own.binding_status != BindingStatus::Free {
            set_reserved(next, true);
            next.partner_knows = false;
        } else if available && !reserved {
            set_reserved(next, false);
        }
    }

    /// Reserved addresses of a status that carry no RESERVED flag on their record.
    pub(super) fn reserved_without_flag(
        &self,
        status: BindingStatus,
    ) -> impl Iterator<Item = Ipv4Addr> + '_ {
        self.config
            .reservations
            .iter()
            .filter_map(|held| self.table.get(held.address))
            .filter(move |binding| binding.binding_status == status)
            .filter(|binding| !binding.ip_flags.contains(IpFlags::RESERVED))
            .map(|binding| binding.address)
    }
}

fn set_reserved(binding: &mut Binding, reserved: bool) {
    binding.ip_flags = binding.ip_flags.with(IpFlags::RESERVED, reserved);
}
