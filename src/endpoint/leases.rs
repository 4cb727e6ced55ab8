//! The endpoint as the owner of pools: which client, which address, how long (§5.2, §9.4.2, §9.8.2).

use core::net::Ipv4Addr;

use crate::balance::{self, Role};
use crate::binding::table::{BindingTable, Mark, RangeId};
use crate::binding::{Binding, Carried, ClientRef, UnknownAddress, times};
use crate::durable::CommitId;
use crate::time::{Now, UnixTime};
use crate::wire::codes::{BindingStatus, FailoverState, IpFlags};

use super::FailoverEndpoint;
use super::service::{
    Availability, BindingChange, ClientRequest, Grant, LeaseAuthority, LeaseDetails, RecordError,
    RequestKind, Service, Silence, Unavailable,
};

/// Candidates that `choose` looks at before it gives up on one kind of address.
const MAX_CANDIDATES: usize = 4096;

/// How long an abandoned address stays so before it is tried again (dhcpd: abandon-lease-time).
pub(super) const ABANDON_SECONDS: u32 = 86_400;

/// How a state treats clients (§9.2, requirements 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ServiceMode {
    Balanced,
    Responsive,
    RenewalsOnly,
    Unresponsive,
}

const fn service_mode(state: FailoverState) -> ServiceMode {
    match state {
        FailoverState::Normal => ServiceMode::Balanced,
        FailoverState::CommunicationsInterrupted
        | FailoverState::PartnerDown
        | FailoverState::ResolutionInterrupted
        | FailoverState::ConflictDone => ServiceMode::Responsive,
        FailoverState::RecoverDone => ServiceMode::RenewalsOnly,
        FailoverState::Startup
        | FailoverState::PotentialConflict
        | FailoverState::Recover
        | FailoverState::RecoverWait
        | FailoverState::Paused
        | FailoverState::Shutdown => ServiceMode::Unresponsive,
    }
}

/// Whether clients are served at all, so that the present moment counts as operation (§9.3.2).
pub(super) const fn serves_clients(state: FailoverState) -> bool {
    matches!(service_mode(state), ServiceMode::Balanced | ServiceMode::Responsive)
}

impl FailoverEndpoint {
    pub(super) fn is_reserved(&self, address: Ipv4Addr) -> bool {
        self.reserved.contains_key(&address)
    }

    /// Whether the pair leaves the client to other servers, in whatever state it is (§5.3).
    fn is_of_other_servers(&self, request: &ClientRequest<'_>) -> bool {
        goes_by_hash(request) && !self.config.server_buckets.serves(request.client.hash_key())
    }

    /// Load balancing in NORMAL (§5.3, §9.8.2).
    fn balanced(&self, request: &ClientRequest<'_>) -> Service {
        if !goes_by_hash(request) || self.has_waited(request.secs) {
            return Service::Serve;
        }
        let mine = self
            .buckets
            .is_some_and(|buckets| buckets.role_for(request.client.hash_key()) == self.config.role);
        let partner_has_none = request.kind == RequestKind::Discover
            && !request.ranges.is_empty()
            && request.ranges.iter().all(|range| self.partners_count(*range) == 0);
        if mine || partner_has_none {
            Service::Serve
        } else {
            Service::Silent(Silence::PartnersClient)
        }
    }

    fn has_waited(&self, secs: u16) -> bool {
        balance::secs_override(
            secs,
            self.delayed_service,
            self.config.check_secs_byte_order,
            self.config.dialect,
        )
    }

    fn partners_count(&self, range: RangeId) -> u32 {
        self.table.count(range, self.partners_free_status())
    }

    fn partners_free_status(&self) -> BindingStatus {
        match self.config.role {
            Role::Primary => BindingStatus::Backup,
            Role::Secondary => BindingStatus::Free,
        }
    }

    /// T0 if this server is in PARTNER-DOWN, as long as the partner is not about to join it.
    pub(super) fn partner_down_since(&self) -> Option<UnixTime> {
        let alone = self.state() == FailoverState::PartnerDown && !self.partner_is_back();
        alone.then_some(self.record.start_of_state)
    }

    /// Whether the waits of PARTNER-DOWN are over for an address that a partner may have leased
    /// (§9.4.2).
    pub(super) fn is_reallocatable(&self, binding: &Binding, now: Now) -> bool {
        self.reallocatable_from(binding).is_some_and(|at| now.wall >= at)
    }

    /// When the waits of PARTNER-DOWN are over for the address; `None` in other states, and where no
    /// time ends them.
    pub(super) fn reallocatable_from(&self, binding: &Binding) -> Option<UnixTime> {
        let since = self.partner_down_since()?;
        if self.may_be_given_for_ever(binding) {
            return None;
        }
        let leased_alone = !self.record.contact_in_partner_down
            && binding.client_last_transaction > since
            && !self.table.is_marked(binding.address, Mark::EndReported);
        let waits_over = if leased_alone {
            // What was promised since then never reached the partner (§5.2.1).
            let known = Binding {
                lease_expiration: UnixTime::ABSENT,
                sent_potential_expiration: UnixTime::ABSENT,
                start_of_status: UnixTime::ABSENT,
                ..binding.clone()
            };
            let bound_before = known.acked_potential_expiration.is_known()
                || known.received_potential_expiration.is_known();
            if bound_before { times::reallocatable_at(since, &known, self.mclt) } else { since }
        } else {
            times::reallocatable_at(since, binding, self.mclt)
        };
        let at = match binding.binding_status {
            BindingStatus::Expired | BindingStatus::Released | BindingStatus::Reset => {
                waits_over.max(binding.lease_expiration)
            }
            BindingStatus::Free
            | BindingStatus::Active
            | BindingStatus::Abandoned
            | BindingStatus::Backup => waits_over,
        };
        (!at.is_infinite()).then_some(at)
    }

    /// Whether the partner may have leased the address by BOOTP: no time ends that (§5.14). A
    /// secondary that reported the end of a lease may not know that the primary has the address.
    fn may_be_given_for_ever(&self, binding: &Binding) -> bool {
        let range = self.table.range_of(binding.address);
        let may_be_partners = binding.binding_status == self.partners_free_status()
            || self.config.role == Role::Secondary
                && self.table.is_marked(binding.address, Mark::EndReported);
        may_be_partners && range.is_some_and(|range| self.config.bootp_ranges.contains(&range))
    }

    fn availability_of(&self, binding: &Binding, client: &ClientRef<'_>, now: Now) -> Availability {
        if let Some(holder) = self.reserved.get(&binding.address) {
            let holder = holder.as_ref();
            if !reservation_matches(&holder, client) {
                return Availability::No(Unavailable::Reserved);
            }
        }
        let same_client = binding.belongs_to(client);
        match binding.binding_status {
            BindingStatus::Active if same_client => Availability::Renew,
            BindingStatus::Active => Availability::No(Unavailable::HeldByOther),
            status @ (BindingStatus::Free | BindingStatus::Backup) => {
                let own = status == self.own_free_status()
                    && !self.table.is_marked(binding.address, Mark::Recalled);
                // By the draft each server has its own claim on a reserved address (§5.13). A dhcpd
                // offers none, and nobody but the client can have the address there either.
                let reserved = self.is_reserved(binding.address)
                    && !self.config.dialect.announces_reservations();
                if own || reserved || self.is_reallocatable(binding, now) {
                    Availability::Lease
                } else {
                    Availability::No(Unavailable::PartnersPool)
                }
            }
            BindingStatus::Expired | BindingStatus::Released
                if same_client && !self.table.is_marked(binding.address, Mark::EndReported) =>
            {
                Availability::Lease
            }
            BindingStatus::Expired | BindingStatus::Released | BindingStatus::Reset => {
                if self.is_reallocatable(binding, now) {
                    Availability::Lease
                } else {
                    Availability::No(Unavailable::AwaitingPartner)
                }
            }
            BindingStatus::Abandoned => Availability::No(Unavailable::Abandoned),
        }
    }

    /// The first address of a queue that anybody may have.
    fn first_available(
        &self,
        range: RangeId,
        status: BindingStatus,
        now: Now,
        is_parked: &dyn Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        const NOBODY: ClientRef<'static> = ClientRef { identifier: None, hardware: None };
        self.table.queue(range, status).take(MAX_CANDIDATES).find(|address| {
            !is_parked(*address)
                && !self.is_reserved(*address)
                && self.table.get(*address).is_some_and(|binding| {
                    self.availability_of(&binding, &NOBODY, now) == Availability::Lease
                })
        })
    }

    fn leased(
        now: Now,
        own: &Binding,
        client: &ClientRef<'_>,
        grant: Grant,
        details: LeaseDetails<'_>,
    ) -> Binding {
        let continues = own.belongs_to(client)
            && matches!(
                own.binding_status,
                BindingStatus::Active | BindingStatus::Expired | BindingStatus::Released
            );
        let mut next = own.clone();
        if !continues {
            next.acked_potential_expiration = UnixTime::ABSENT;
            next.received_potential_expiration = UnixTime::ABSENT;
        }
        next.carried = if continues {
            own.carried.renewed(details.carried)
        } else {
            Carried::new(details.carried)
        };
        next.ip_flags = next.ip_flags.with(IpFlags::BOOTP, details.bootp);
        if !(continues && own.binding_status == BindingStatus::Active) {
            next.start_of_status = now.wall;
        }
        next.binding_status = BindingStatus::Active;
        next.client = Some(client.to_client());
        next.lease_expiration = grant.lease_expiration;
        next.sent_potential_expiration = grant.potential_expiration;
        // §7.1.5: a smaller promise replaces a larger one from the moment it is made.
        next.acked_potential_expiration =
            next.acked_potential_expiration.min(grant.potential_expiration);
        next.client_last_transaction = now.wall;
        next.partner_knows = false;
        next
    }

    /// Ends a lease or takes an address out of use, and tells the partner.
    pub(super) fn end_lease(&mut self, now: Now, own: Binding, status: BindingStatus) -> CommitId {
        let mut next = Binding {
            binding_status: status,
            start_of_status: now.wall,
            partner_knows: false,
            ..own
        };
        if status == BindingStatus::Released {
            next.lease_expiration = next.lease_expiration.min(now.wall);
            next.client_last_transaction = now.wall;
        }
        if status == BindingStatus::Abandoned {
            next.client = None;
            next.carried = next.carried.ended();
            next.lease_expiration = now.wall.plus(ABANDON_SECONDS);
            next.client_last_transaction = UnixTime::ABSENT;
        }
        self.table.set_mark(next.address, Mark::EndReported, false);
        self.table.set_mark(next.address, Mark::Recalled, false);
        let address = next.address;
        let commit = self.store_binding(next);
        self.note_news(address, commit);
        commit
    }

    /// Leases whose time is over (§5.11), and abandoned addresses to be tried again.
    pub(super) fn expire_leases(&mut self, now: Now) {
        while let Some(address) = self.table.pop_expired(now.wall) {
            if self.may_expire() {
                self.expire(now, address);
            } else {
                self.deferred_expiry.insert(address);
            }
        }
        if self.may_expire() {
            for address in core::mem::take(&mut self.deferred_expiry) {
                self.expire(now, address);
            }
        }
    }

    /// A server that does not serve leaves leases alone; so does a secondary next to a dhcpd in
    /// NORMAL, which refuses to hear of an expiry from it and reports its own.
    fn may_expire(&self) -> bool {
        let state = self.state();
        let partners_business = self.config.role == Role::Secondary
            && state == FailoverState::Normal
            && self.config.dialect.primary_alone_expires()
            && !self.partner.is_twinlease();
        serves_clients(state) && !partners_business
    }

    /// Whether an operator may free an abandoned address here now (§5.11). Where this server serves
    /// nobody its partner may know better, and a dhcpd that is the primary does it by itself.
    pub fn may_reset(&self) -> bool {
        self.may_expire()
    }

    fn expire(&mut self, now: Now, address: Ipv4Addr) {
        let Some(binding) = self.table.get(address) else { return };
        if binding.lease_expiration > now.wall || binding.lease_expiration.is_infinite() {
            return;
        }
        if binding.binding_status == BindingStatus::Active && self.prolong_if_unsure(now, &binding)
        {
            return;
        }
        match binding.binding_status {
            BindingStatus::Active => {
                self.end_lease(now, binding, BindingStatus::Expired);
            }
            BindingStatus::Abandoned => {
                self.end_lease(now, binding, BindingStatus::Reset);
            }
            BindingStatus::Free
            | BindingStatus::Backup
            | BindingStatus::Expired
            | BindingStatus::Released
            | BindingStatus::Reset => {}
        }
    }
}

/// Renewals are everybody's, and what only this server can take is taken; the rest goes by the hash
/// (§9.8.2).
const fn goes_by_hash(request: &ClientRequest<'_>) -> bool {
    match request.kind {
        RequestKind::Renewing | RequestKind::Rebinding => false,
        RequestKind::Discover
        | RequestKind::Selecting
        | RequestKind::InitReboot
        | RequestKind::Release
        | RequestKind::Decline
        | RequestKind::Inform
        | RequestKind::Bootp => !request.addressed_to_this_server,
    }
}

/// A reservation by identifier, or by hardware address whatever identifier the client sends.
fn reservation_matches(holder: &ClientRef<'_>, client: &ClientRef<'_>) -> bool {
    match holder.identifier {
        Some(identifier) => client.identifier == Some(identifier),
        None => holder.hardware.is_some() && holder.hardware == client.hardware,
    }
}

impl LeaseAuthority for FailoverEndpoint {
    fn service_for(&self, request: &ClientRequest<'_>, now: Now) -> Service {
        let state = self.state();
        let waits = self.timers.takeover.is_some_and(|until| now.monotonic < until);
        if self.storage_failed {
            return Service::Silent(Silence::State(state));
        }
        let mode = if waits { ServiceMode::Balanced } else { service_mode(state) };
        let by_state = match mode {
            ServiceMode::Balanced => self.balanced(request),
            ServiceMode::Responsive => Service::Serve,
            ServiceMode::RenewalsOnly => match request.kind {
                RequestKind::Renewing | RequestKind::Rebinding => Service::Serve,
                RequestKind::Discover
                | RequestKind::Selecting
                | RequestKind::InitReboot
                | RequestKind::Release
                | RequestKind::Decline
                | RequestKind::Inform
                | RequestKind::Bootp => Service::Silent(Silence::State(state)),
            },
            ServiceMode::Unresponsive => Service::Silent(Silence::State(state)),
        };
        if by_state == Service::Serve && self.is_of_other_servers(request) {
            Service::Silent(Silence::OtherServersClient)
        } else {
            by_state
        }
    }

    fn table(&self) -> &BindingTable {
        &self.table
    }

    fn availability(&self, address: Ipv4Addr, client: &ClientRef<'_>, now: Now) -> Availability {
        match self.table.get(address) {
            Some(binding) => self.availability_of(&binding, client, now),
            None => Availability::No(Unavailable::UnknownAddress),
        }
    }

    fn believes_renewals(&self) -> bool {
        service_mode(self.state()) == ServiceMode::Responsive
    }

    fn choose(
        &self,
        range: RangeId,
        now: Now,
        is_parked: &dyn Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        let own = self.own_free_status();
        if let Some(address) = self.first_available(range, own, now, is_parked) {
            return Some(address);
        }
        self.partner_down_since()?;
        [
            self.partners_free_status(),
            BindingStatus::Expired,
            BindingStatus::Released,
            BindingStatus::Reset,
        ]
        .into_iter()
        .find_map(|status| self.first_available(range, status, now, is_parked))
    }

    fn park(&mut self, address: Ipv4Addr) {
        self.table.rotate(address);
    }

    fn grant(&self, address: Ipv4Addr, client: &ClientRef<'_>, desired: u32, now: Now) -> Grant {
        let (acked, received, promised) = match self.table.get(address) {
            Some(binding)
                if binding.belongs_to(client)
                    && matches!(
                        binding.binding_status,
                        BindingStatus::Active | BindingStatus::Expired | BindingStatus::Released
                    ) =>
            {
                (
                    binding.acked_potential_expiration,
                    binding.received_potential_expiration,
                    binding.sent_potential_expiration,
                )
            }
            _ => (UnixTime::ABSENT, UnixTime::ABSENT, UnixTime::ABSENT),
        };
        let unclamped =
            self.state() == FailoverState::PartnerDown && !self.config.clamp_in_partner_down;
        let limit = if unclamped {
            UnixTime::INFINITE
        } else {
            times::lease_limit(now.wall, acked, received, self.mclt)
        };
        let lease_expiration = times::lease_end(now.wall, desired, limit);
        let lease_seconds = times::lease_seconds(now.wall, lease_expiration);
        // Nothing promised for this client is taken back: the partner may have leased up to it, and
        // the waits of PARTNER-DOWN count from what is on record (§7.1.5, §9.4.2).
        let potential_expiration =
            times::potential_expiration(now.wall, lease_seconds, desired).max(promised);
        Grant { lease_seconds, lease_expiration, potential_expiration }
    }

    fn record(&mut self, now: Now, change: BindingChange<'_>) -> Result<CommitId, RecordError> {
        change.check()?;
        self.now = now;
        let address = change.address();
        let own = self.table.get(address).ok_or(UnknownAddress(address))?;
        let commit = match change {
            BindingChange::Leased { client, grant, details, .. } => {
                if !own.belongs_to(&client) || own.binding_status != BindingStatus::Active {
                    self.updates.client_changed(address);
                }
                let next = Self::leased(now, &own, &client, grant, details);
                self.dns_of_lease(&own, &next);
                self.table.set_mark(address, Mark::EndReported, false);
                let commit = self.store_binding(next);
                self.note_news(address, commit);
                commit
            }
            BindingChange::Released { .. } => self.end_lease(now, own, BindingStatus::Released),
            BindingChange::Abandoned { .. } => self.end_lease(now, own, BindingStatus::Abandoned),
            BindingChange::Reset { .. } => self.end_lease(now, own, BindingStatus::Reset),
            BindingChange::DnsUpdated { ddns, .. } => self.note_dns(own, ddns),
        };
        self.step(now);
        Ok(commit)
    }
}
