//! Another configuration takes the place of the present one, and nobody loses a lease.
//!
//! What the difference leaves as it is goes on as before. The partners of the others are told, as
//! before a stop; then they rest, and once everything that they made is durable the committer's thread
//! opens from the store what takes their place. Between the last answer of an owner and the first of
//! its successor there is no other moment at which one of both could give an address.

use std::time::Duration;

use tokio::sync::oneshot;

use super::difference::Difference;
use super::opening::{link_specs, reopen_owners};
use super::{Engine, StartError, open_pinger};
use crate::dhcp::{DhcpConfig, DhcpService};
use crate::server::command::{Applied, CommandError};
use crate::server::config::Config;
use crate::server::keeper::Place;
use crate::server::owners::{Owner, RESTING};
use crate::server::plan::Plan;
use crate::time::Instant;

/// How long partners have to take note.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whoever waits for the new configuration to serve.
type Answer = oneshot::Sender<Result<Applied, CommandError>>;

/// A configuration on its way.
#[derive(Debug)]
pub(super) struct Applying {
    config: Box<Config>,
    plan: Plan,
    difference: Difference,
    phase: Phase,
    /// Not there where the former configuration is put back.
    answer: Option<Answer>,
}

#[derive(Debug)]
enum Phase {
    /// Partners are being told.
    Telling { until: Instant },
    /// What was made is becoming durable.
    Resting,
    /// The store is being read.
    Opening(oneshot::Receiver<Result<Vec<Owner>, StartError>>),
}

impl Applying {
    /// When there is something to do if nothing happens.
    pub(super) const fn next_wake(&self) -> Option<Instant> {
        match self.phase {
            Phase::Telling { until } => Some(until),
            Phase::Resting | Phase::Opening(_) => None,
        }
    }

    /// The owners that take the place of others, once the store has been read. May be dropped and called
    /// again.
    pub(super) async fn opened(&mut self) -> Result<Vec<Owner>, StartError> {
        if let Phase::Opening(owners) = &mut self.phase
            && let Ok(owners) = owners.await
        {
            return owners;
        }
        // A committer that has failed says so itself.
        std::future::pending().await
    }
}

impl Engine {
    /// Begins to put another configuration in the place of the present one.
    pub(super) fn begin_applying(&mut self, config: Box<Config>, answer: Answer) {
        let plan = Plan::new(&config, self.table_seed);
        if let Err(reason) = self.objection_to(&plan) {
            let _gone = answer.send(Err(CommandError::Refused { reason }));
            return;
        }
        let difference = Difference::between(&self.plan, &plan);
        let now = self.clock.now();
        let mut told = false;
        for number in &difference.resting {
            told |= self.keeper.prepare_rest(now, *number);
        }
        let until = if told { now.monotonic.after(PATIENCE) } else { now.monotonic };
        let phase = Phase::Telling { until };
        self.applying = Some(Applying { config, plan, difference, phase, answer: Some(answer) });
        self.go_on_applying();
    }

    /// Why a plan cannot be carried out, as far as it can be seen beforehand.
    fn objection_to(&self, plan: &Plan) -> Result<(), String> {
        if self.applying.is_some() {
            return Err(RESTING.to_owned());
        }
        if self.stopping.is_some() {
            return Err("the server is stopping".to_owned());
        }
        DhcpService::new(plan.dhcp.clone()).map_err(|error| error.to_string())?;
        for relationship in &plan.relationships {
            let endpoint = &relationship.endpoint;
            endpoint.check().map_err(|error| {
                StartError::Relationship(endpoint.name.clone(), error).to_string()
            })?;
        }
        Ok(())
    }

    /// Does what can be done now. To be called after every turn.
    pub(super) fn go_on_applying(&mut self) {
        let now = self.clock.monotonic();
        let Self { applying: Some(applying), keeper, .. } = self else { return };
        let resting = &applying.difference.resting;
        if let Phase::Telling { until } = applying.phase {
            if now < until && !resting.iter().all(|number| keeper.has_stopped(*number)) {
                return;
            }
            for number in resting {
                keeper.rest(*number);
            }
            applying.phase = Phase::Resting;
        }
        let is_durable = |number: &usize| keeper.made(*number) == keeper.durable(*number);
        if matches!(applying.phase, Phase::Resting) && resting.iter().all(is_durable) {
            self.open_successors();
        }
    }

    fn open_successors(&mut self) {
        let Some(applying) = &mut self.applying else { return };
        let (opened, owners) = oneshot::channel();
        applying.phase = Phase::Opening(owners);
        let (clock, seed) = (self.clock, self.table_seed);
        let plan = applying.plan.clone();
        let kept = applying.difference.kept.iter().enumerate();
        let numbers: Vec<_> =
            kept.filter(|(_, before)| before.is_none()).map(|(number, _)| number).collect();
        let unasked = applying.difference.unasked.clone();
        self.committer.lend(move |store| {
            let owners = reopen_owners(&plan, &numbers, &unasked, store, seed, clock.now());
            let _gone = opened.send(owners);
        });
    }

    /// The store has been read: the new owners begin, or the former ones again.
    pub(super) fn on_opened(&mut self, opened: Result<Vec<Owner>, StartError>) {
        match opened {
            Ok(owners) => self.succeed(owners),
            Err(StartError::Store(error)) => {
                tracing::error!("the store cannot be read, nothing is promised any more: {error}");
                self.keeper.storage_failed(self.clock.now());
                self.failure = Some(error);
            }
            Err(error) => self.put_back(&error),
        }
    }

    fn put_back(&mut self, error: &StartError) {
        tracing::error!("the changed configuration cannot be applied: {error}");
        let Some(mut applying) = self.applying.take() else { return };
        if let Some(answer) = applying.answer.take() {
            let _gone = answer.send(Err(CommandError::Refused { reason: error.to_string() }));
            let difference = Difference::reopening(&self.plan, &applying.difference.resting);
            let (config, plan) = (Box::new(self.config.clone()), self.plan.clone());
            self.applying = Some(Applying { config, plan, difference, answer: None, ..applying });
            self.open_successors();
        }
    }

    fn succeed(&mut self, owners: Vec<Owner>) {
        let Some(Applying { config, plan, difference, answer, .. }) = self.applying.take() else {
            return;
        };
        let now = self.clock.now();
        let mut owners = owners.into_iter();
        let place = |before: &Option<usize>| match before {
            Some(before) => Some(Place::Kept(*before)),
            None => owners.next().map(Place::New),
        };
        let places: Vec<_> = difference.kept.iter().filter_map(place).collect();
        let is_kept: Vec<_> = places.iter().map(|place| matches!(place, Place::Kept(_))).collect();
        self.keeper.rearrange(places);
        let owners = self.keeper.owners();
        let kept = owners.iter().zip(&is_kept).filter(|(_, is_kept)| **is_kept);
        let kept: Vec<_> = kept.map(|(owner, _)| owner.id).collect();
        self.links.reconfigure(link_specs(&plan.relationships, owners.iter()), &kept);
        self.event_log.renumber(now);
        if config.dhcp.ping_check && self.pinger.is_none() {
            self.pinger = open_pinger();
        }
        let ping_timeout = plan.dhcp.ping_timeout.filter(|_| self.pinger.is_some());
        let dhcp = DhcpConfig { ping_timeout, ..plan.dhcp.clone() };
        if let Err(error) = self.keeper.service_mut().reconfigure(dhcp) {
            tracing::error!("subnets stay as they were: {error}");
        }
        let needs_restart = needs_restart(&self.config, &config);
        self.plan = plan;
        self.config = *config;
        let applied = Applied { changed: difference.changed, needs_restart };
        tracing::info!(changed = ?applied.changed, needs_restart = ?applied.needs_restart, "configuration applied");
        if let Some(answer) = answer {
            let _gone = answer.send(Ok(applied));
        }
    }
}

/// Keys whose new value does not count before a restart.
fn needs_restart(old: &Config, new: &Config) -> Vec<String> {
    [
        ("data-dir", old.data_dir != new.data_dir),
        ("hook", old.hooks != new.hooks),
        ("virtual-address", old.virtual_address != new.virtual_address),
        ("admin.listen", old.admin.listen != new.admin.listen),
        ("admin.tls", old.admin.tls != new.admin.tls),
        ("admin.tokens", old.admin.tokens != new.admin.tokens),
        ("dhcp.interfaces", old.dhcp.interfaces != new.dhcp.interfaces),
        ("dhcp.listen", old.dhcp.listen != new.dhcp.listen),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(key, _)| key.to_owned())
    .collect()
}
