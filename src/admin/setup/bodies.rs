//! The form of the answers about relationships and scopes, and of what is asked for.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::balance::ServerBuckets;
use crate::endpoint::Status;
use crate::server::config::{Config, Relationship, Subnet};
use crate::server::edit::{Scope, ScopeWish};
use crate::wire::codes::FailoverState;
use crate::wire::pretty::ColonHex;

/// `GET /v1/relationships`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RelationshipsBody {
    /// In the order of the file.
    pub relationships: Vec<ConfiguredBody>,
}

/// A relationship as it is configured, and how it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConfiguredBody {
    /// relationship-name.
    pub name: String,
    /// "primary" or "secondary".
    pub role: String,
    /// "load-balance" or "hot-standby"; null on the secondary, to whom the primary tells it, as all
    /// that only a primary has.
    pub mode: Option<String>,
    /// Where this server listens.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// Where the partner listens.
    pub peer_address: String,
    /// Its port.
    pub peer_port: u16,
    /// Seconds.
    pub max_response_delay: u32,
    /// Updates.
    pub max_unacked_updates: u32,
    /// Seconds; a primary's.
    pub mclt: Option<u32>,
    /// Buckets of 256 that the primary answers; a primary's that balances load.
    pub split: Option<u16>,
    /// Percent; a primary's in hot standby.
    pub reserve_percent: Option<u8>,
    /// Seconds.
    pub load_balance_max_seconds: u16,
    /// Seconds; 0 for never.
    pub auto_partner_down: u64,
    /// As "250ms"; null where it follows from the partner's `max-response-delay`.
    pub heartbeat_interval: Option<String>,
    /// As "500ms"; null where it is `max-response-delay`.
    pub contact_lost_time: Option<String>,
    /// As "100ms".
    pub takeover_delay: String,
    /// "isc" or "draft".
    pub dialect: String,
    /// "set" or "none"; what it is is never said.
    pub shared_secret: String,
    /// 32 octets as the file writes them; null where the pair answers all buckets.
    pub server_hba: Option<String>,
    /// Where the partner's admin listener is.
    pub peer_admin: Option<String>,
    /// Networks of its scopes.
    pub scopes: Vec<String>,
    /// "empty", "not-synced", "syncing" or "synced".
    pub status: String,
    /// Own state; null where the engine does not know the relationship.
    pub state: Option<String>,
    /// The partner's last announced state.
    pub partner_state: Option<String>,
}

impl ConfiguredBody {
    pub(super) fn new(configured: &Relationship, config: &Config, status: Option<&Status>) -> Self {
        let is_primary = configured.role == crate::balance::Role::Primary;
        let mode = match configured.reserve_percent {
            Some(_) => "hot-standby",
            None => "load-balance",
        };
        let balances = is_primary && configured.reserve_percent.is_none();
        let secret = if configured.secrets.is_some() { "set" } else { "none" };
        let scopes = Scope::all(config).into_iter().filter(|scope| scope.is_of(&configured.name));
        let is_served = config.subnets.iter().flat_map(Subnet::served_pools);
        let mut is_served =
            is_served.filter(|pool| pool.relationship.as_deref() == Some(configured.name.as_str()));
        let sync = status.map_or("not-synced", |status| status.sync.name());
        Self {
            name: configured.name.clone(),
            role: configured.role.name().to_owned(),
            mode: is_primary.then(|| mode.to_owned()),
            address: configured.address.ip().to_string(),
            port: configured.address.port(),
            peer_address: configured.peer_address.ip().to_string(),
            peer_port: configured.peer_address.port(),
            max_response_delay: configured.max_response_delay,
            max_unacked_updates: configured.max_unacked_updates,
            mclt: is_primary.then_some(configured.mclt),
            split: balances.then(|| configured.hash_buckets.share()),
            reserve_percent: configured.reserve_percent,
            load_balance_max_seconds: configured.load_balance_max_seconds,
            auto_partner_down: configured.auto_partner_down.map_or(0, |time| time.as_secs()),
            heartbeat_interval: configured.pace.heartbeat_interval.map(millis),
            contact_lost_time: configured.pace.contact_lost_time.map(millis),
            takeover_delay: millis(configured.pace.takeover_delay),
            dialect: configured.dialect.name().to_owned(),
            shared_secret: secret.to_owned(),
            server_hba: server_hba(&configured.server_buckets),
            peer_admin: configured.peer_admin.as_ref().map(|peer| peer.url.clone()),
            scopes: scopes.map(|scope| scope.network).collect(),
            status: if is_served.next().is_some() { sync } else { "empty" }.to_owned(),
            state: status.map(|status| status.state.name().to_owned()),
            partner_state: status
                .and_then(|status| status.partner_state)
                .map(|state| FailoverState::name(state).to_owned()),
        }
    }
}

/// A time as the file has it.
fn millis(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

fn server_hba(buckets: &ServerBuckets) -> Option<String> {
    (*buckets != ServerBuckets::all()).then(|| ColonHex(buckets.octets()).to_string())
}

/// `GET /v1/scopes`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScopesBody {
    /// In the order of the file.
    pub scopes: Vec<Scope>,
}

/// The answer to every change of relationships and scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EditBody {
    /// False for a dry run: nothing is written.
    pub applied: bool,
    /// What changes in the file here.
    pub diff: String,
    /// What changes in the partner's; null where it was not asked or did not answer.
    pub partner_diff: Option<String>,
    /// "applied", "not-asked", or "unreachable: " and why.
    pub partner: String,
    /// Relationships that began anew.
    pub changed: Vec<String>,
    /// Keys whose change waits for a restart.
    pub needs_restart: Vec<String>,
}

/// `GET /v1/relationships/{name}/drift`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DriftBody {
    /// There is no difference.
    pub in_agreement: bool,
    /// What differs.
    pub differences: Vec<DifferenceBody>,
}

/// One difference between the two servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceBody {
    /// "relationship NAME", or "scope NETWORK".
    pub what: String,
    /// Of which key.
    pub key: String,
    /// As it is here; null where it is not.
    pub here: Value,
    /// As it is there.
    pub there: Value,
}

/// Whether a change is only shown.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::admin) struct DryRun {
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// `POST /v1/relationships`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct CreateBody {
    pub(super) relationship: Map<String, Value>,
    #[serde(default)]
    pub(super) scopes: Vec<ScopeBody>,
    #[serde(default)]
    pub(super) partner: bool,
}

/// `PATCH /v1/relationships/{name}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct ModifyBody {
    pub(super) set: Map<String, Value>,
    #[serde(default)]
    pub(super) partner: bool,
}

/// A scope that a relationship is to get.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::admin) struct ScopeBody {
    pub(super) network: String,
    #[serde(default)]
    pub(super) ranges: Vec<String>,
    #[serde(flatten)]
    pub(super) others: Map<String, Value>,
}

impl From<ScopeBody> for ScopeWish {
    fn from(body: ScopeBody) -> Self {
        Self { network: body.network, ranges: body.ranges, others: body.others }
    }
}

/// `POST /v1/relationships/{name}/scopes`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct AddBody {
    pub(super) scope: ScopeBody,
    #[serde(default)]
    pub(super) partner: bool,
}

/// `PUT /v1/relationships/{name}/scopes`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct ReplaceBody {
    pub(super) scopes: Vec<Scope>,
    /// The relationship has no others.
    #[serde(default)]
    pub(super) complete: bool,
}

/// `POST /v1/scopes/move`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::admin) struct MoveBody {
    pub(super) network: String,
    #[serde(default)]
    pub(super) from: Option<String>,
    pub(super) to: String,
    #[serde(default)]
    pub(super) partner: bool,
    #[serde(default)]
    pub(super) partner_is_done: bool,
}

/// `PUT /v1/reservations/{address}`: for whom.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::admin) struct ReserveBody {
    #[serde(default)]
    hw_address: Option<String>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    pub(super) partner: bool,
}

impl ReserveBody {
    /// The keys of `[[subnet.reservation]]` that it has.
    pub(super) fn client(&self) -> Map<String, Value> {
        let keys = [("hw-address", &self.hw_address), ("client-id", &self.client_id)];
        let said = |(key, value): (&str, &Option<String>)| {
            value.as_ref().map(|value| (key.to_owned(), value.as_str().into()))
        };
        keys.into_iter().filter_map(said).collect()
    }
}

/// Query of `DELETE /v1/reservations/{address}`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::admin) struct FreeQuery {
    #[serde(default)]
    pub(super) partner: bool,
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// `POST /v1/relationships/{name}/replicate`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct ReplicateBody {
    #[serde(default)]
    pub(super) network: Option<String>,
}

/// A body without members.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct NoBody {}

/// Where the scopes of a removed relationship stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::admin) enum Stay {
    Here,
    There,
    Disabled,
}

/// Query of `DELETE /v1/relationships/{name}`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::admin) struct RemoveQuery {
    pub(super) scopes: Stay,
    #[serde(default)]
    pub(super) partner: bool,
    #[serde(default)]
    pub(super) dry_run: bool,
    #[serde(default)]
    pub(super) partner_is_done: bool,
}

/// What a server does with the pools that leave a relationship.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::admin) enum Leave {
    #[default]
    Keep,
    Delete,
    Disable,
}

/// Query of `DELETE /v1/relationships/{name}/scopes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::admin) struct LeaveQuery {
    pub(super) network: String,
    #[serde(default)]
    pub(super) here: Leave,
    #[serde(default)]
    pub(super) on_partner: Option<Leave>,
    #[serde(default)]
    pub(super) partner: bool,
    #[serde(default)]
    pub(super) dry_run: bool,
    #[serde(default)]
    pub(super) partner_is_done: bool,
}
