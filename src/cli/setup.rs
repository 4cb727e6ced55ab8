//! `twinlease relationship`, `scope`, `drift` and `reload`: the configuration of a running server.

use std::io::{self, Write};

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::admin::client::escaped;
use crate::admin::json::{ConfiguredBody, DriftBody, EditBody, RelationshipsBody, ScopesBody};

use super::table::Table;
use super::{AdminAddress, Failure};

/// Where a question goes, and how the answer is printed.
#[derive(Debug, Args)]
pub(super) struct Look {
    #[command(flatten)]
    pub(super) server: AdminAddress,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// How a change is made.
#[derive(Debug, Args)]
pub(super) struct How {
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    look: Look,
}

/// Whether the partner is asked too.
#[derive(Debug, Args)]
pub(super) struct Both {
    /// Also on the partner, whose admin listener is said by peer-admin
    #[arg(long)]
    pub(super) partner: bool,
    #[command(flatten)]
    pub(super) how: How,
}

#[derive(Debug, Subcommand)]
pub(super) enum RelationshipCommand {
    /// List the relationships of the configuration file
    #[command(after_help = "Example:\n  twinlease relationship list")]
    List(Look),
    /// Show every key of one
    #[command(after_help = "Example:\n  twinlease relationship show office-lan")]
    Show {
        /// Name of the relationship
        name: String,
        #[command(flatten)]
        look: Look,
    },
    /// Create one, here or on both servers
    #[command(after_help = "\
Keys are those of [[relationship]] in the configuration file. On the partner it is created with the other
role, the addresses turned round, and the same scopes.

Example:
  twinlease relationship create office-lan --set role=primary --set address=10.78.0.1 \\
    --set peer-address=10.78.0.2 --set peer-admin=http://10.78.0.2:8067 \\
    --scope 10.78.0.0/24=10.78.0.20-10.78.0.119 --partner --dry-run")]
    Create {
        /// Name of the relationship
        name: String,
        /// A key with its value
        #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
        set: Vec<(String, Value)>,
        /// A scope that it shares from the beginning, with ranges of its pools
        #[arg(long, value_name = "NETWORK[=RANGE,...]")]
        scope: Vec<String>,
        #[command(flatten)]
        both: Both,
    },
    /// Change keys of one
    #[command(after_help = "\
Example:
  twinlease relationship modify office-lan --set split=192 --unset max-response-delay --partner")]
    Modify {
        /// Name of the relationship
        name: String,
        /// A key with its new value
        #[arg(long, value_name = "KEY=VALUE", value_parser = pair, required_unless_present = "unset")]
        set: Vec<(String, Value)>,
        /// A key that goes back to its default
        #[arg(long, value_name = "KEY")]
        unset: Vec<String>,
        #[command(flatten)]
        both: Both,
    },
    /// Remove one, and say who serves its scopes
    #[command(after_help = "\
Example:
  twinlease relationship remove office-lan --scopes here --partner")]
    Remove {
        /// Name of the relationship
        name: String,
        /// Who serves its scopes afterwards
        #[arg(long, value_enum)]
        scopes: Stay,
        #[command(flatten)]
        both: Both,
    },
}

/// Who serves the scopes of a removed relationship.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Stay {
    /// This server
    Here,
    /// The partner
    There,
    /// Nobody; they stay in the file
    Disabled,
}

/// What becomes of pools on the partner.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum OnPartner {
    /// They are taken out of its file
    Delete,
    /// They stay in its file and serve nobody
    Disable,
}

#[derive(Debug, Subcommand)]
pub(super) enum ScopeCommand {
    /// List the subnets of the configuration file with their pools
    #[command(after_help = "Example:\n  twinlease scope list")]
    List(Look),
    /// Give a relationship a scope: pools that are there, or new ones
    #[command(after_help = "\
Without ranges a subnet that is there gives all its pools without a relationship.

Example:
  twinlease scope add office-lan 10.78.1.0/24 10.78.1.20-10.78.1.119 \\
    --set default-lease-time=600 --option routers=10.78.1.1 --partner")]
    Add {
        /// Name of the relationship
        relationship: String,
        /// The network
        network: String,
        /// Ranges of its pools
        ranges: Vec<String>,
        /// A key of [[subnet]] for a new one
        #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
        set: Vec<(String, Value)>,
        /// A DHCP option for a new one
        #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
        option: Vec<(String, Value)>,
        #[command(flatten)]
        both: Both,
    },
    /// Take a scope out of a relationship: this server keeps it
    #[command(after_help = "\
Example:
  twinlease scope remove office-lan 10.78.1.0/24 --on-partner disable --partner")]
    Remove {
        /// Name of the relationship
        relationship: String,
        /// The network
        network: String,
        /// What becomes of it on the partner
        #[arg(long, value_enum, default_value = "delete")]
        on_partner: OnPartner,
        #[command(flatten)]
        both: Both,
    },
    /// Move a scope to another relationship
    #[command(after_help = "\
Example:
  twinlease scope move 10.78.1.0/24 --to branch-lan --partner")]
    Move {
        /// The network
        network: String,
        /// Name of the relationship that gets it
        #[arg(long, value_name = "NAME")]
        to: String,
        /// Name of the one that has it, where that is not plain
        #[arg(long, value_name = "NAME")]
        from: Option<String>,
        #[command(flatten)]
        both: Both,
    },
    /// Make the partner's scopes those of this server: one, all of a relationship, or all
    #[command(after_help = "\
The partner's configuration is replaced, never its leases.

Examples:
  twinlease scope replicate office-lan --network 10.78.1.0/24
  twinlease scope replicate office-lan
  twinlease scope replicate --all")]
    Replicate {
        /// Name of the relationship
        #[arg(required_unless_present = "all")]
        relationship: Option<String>,
        /// Only this scope
        #[arg(long, requires = "relationship")]
        network: Option<String>,
        /// All relationships
        #[arg(long, conflicts_with = "relationship")]
        all: bool,
        #[command(flatten)]
        how: How,
    },
}

/// "key=value": the value as JSON, or a text where it is none.
fn pair(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    if key.is_empty() {
        return Err("write KEY=VALUE".to_owned());
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((key.to_owned(), value))
}

fn object(pairs: &[(String, Value)]) -> Map<String, Value> {
    pairs.iter().cloned().collect()
}

/// A scope as "network=range,range".
fn scope(text: &str) -> Value {
    let (network, ranges) = text.split_once('=').unwrap_or((text, ""));
    let ranges: Vec<_> = ranges.split(',').filter(|range| !range.is_empty()).collect();
    json!({ "network": network, "ranges": ranges })
}

fn of(name: &str, rest: &str) -> String {
    format!("/v1/relationships/{}{rest}", escaped(name))
}

/// What the command line says of a relationship.
pub(super) fn relationship(command: &RelationshipCommand) -> Result<(), Failure> {
    match command {
        RelationshipCommand::List(look) => list(look),
        RelationshipCommand::Show { name, look } => show(name, look),
        RelationshipCommand::Create { name, set, scope: scopes, both } => {
            let mut keys = object(set);
            keys.insert("name".to_owned(), name.as_str().into());
            let scopes: Vec<_> = scopes.iter().map(|text| scope(text)).collect();
            let body = json!({ "relationship": keys, "scopes": scopes, "partner": both.partner });
            both.how.change("POST", "/v1/relationships", Some(&body))
        }
        RelationshipCommand::Modify { name, set, unset, both } => {
            let mut set = object(set);
            set.extend(unset.iter().map(|key| (key.clone(), Value::Null)));
            let body = json!({ "set": set, "partner": both.partner });
            both.how.change("PATCH", &of(name, ""), Some(&body))
        }
        RelationshipCommand::Remove { name, scopes, both } => {
            let stay = match scopes {
                Stay::Here => "here",
                Stay::There => "there",
                Stay::Disabled => "disabled",
            };
            let query = format!("?scopes={stay}&partner={}", both.partner);
            both.how.change("DELETE", &of(name, &query), None)
        }
    }
}

/// What it says of a scope.
pub(super) fn scopes(command: &ScopeCommand) -> Result<(), Failure> {
    match command {
        ScopeCommand::List(look) => list_scopes(look),
        ScopeCommand::Add { relationship, network, ranges, set, option, both } => {
            let mut scope = object(set);
            scope.insert("network".to_owned(), network.as_str().into());
            scope.insert("ranges".to_owned(), json!(ranges));
            if !option.is_empty() {
                scope.insert("options".to_owned(), object(option).into());
            }
            let body = json!({ "scope": scope, "partner": both.partner });
            both.how.change("POST", &of(relationship, "/scopes"), Some(&body))
        }
        ScopeCommand::Remove { relationship, network, on_partner, both } => {
            let there = match on_partner {
                OnPartner::Delete => "delete",
                OnPartner::Disable => "disable",
            };
            let network = escaped(network);
            let partner = both.partner;
            let query = format!("/scopes?network={network}&on-partner={there}&partner={partner}");
            both.how.change("DELETE", &of(relationship, &query), None)
        }
        ScopeCommand::Move { network, to, from, both } => {
            let mut body = json!({ "network": network, "to": to, "partner": both.partner });
            if let (Some(from), Some(members)) = (from, body.as_object_mut()) {
                members.insert("from".to_owned(), from.as_str().into());
            }
            both.how.change("POST", "/v1/scopes/move", Some(&body))
        }
        ScopeCommand::Replicate { relationship, network, how, .. } => match relationship {
            None => how.change("POST", "/v1/replicate", Some(&json!({}))),
            Some(name) => {
                let body = network.as_ref().map_or(json!({}), |one| json!({ "network": one }));
                how.change("POST", &of(name, "/replicate"), Some(&body))
            }
        },
    }
}

/// Lets the server read its file anew.
pub(super) fn reload(how: &How) -> Result<(), Failure> {
    how.change("POST", "/v1/configuration/reload", Some(&json!({})))
}

impl Look {
    pub(super) fn print<T: Serialize>(
        &self,
        answer: &T,
        table: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        if !self.json {
            return Ok(table(&mut out)?);
        }
        serde_json::to_writer(&mut out, answer).map_err(io::Error::from)?;
        Ok(writeln!(out)?)
    }
}

impl How {
    pub(super) fn change(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(), Failure> {
        let sign = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{sign}dry-run={}", self.dry_run);
        let done: EditBody = self.look.server.client().exchange(method, &path, body)?;
        self.look.print(&done, |out| print_change(out, &done))
    }
}

fn print_change(out: &mut dyn Write, done: &EditBody) -> io::Result<()> {
    let here = if done.diff.is_empty() { "here nothing changes\n" } else { done.diff.as_str() };
    write!(out, "{here}")?;
    if let Some(diff) = &done.partner_diff {
        let there = if diff.is_empty() { "nothing changes\n" } else { diff.as_str() };
        write!(out, "\non the partner:\n{there}")?;
    }
    let there = match done.partner.as_str() {
        "applied" if !done.applied => "the partner would do its part",
        other => &format!("partner {other}"),
    };
    let here = if done.applied { "applied" } else { "nothing is written: a dry run" };
    writeln!(out, "\n{here}; {there}")?;
    for (what, names) in
        [("began anew", &done.changed), ("waits for a restart", &done.needs_restart)]
    {
        if !names.is_empty() {
            writeln!(out, "{what}: {}", names.join(", "))?;
        }
    }
    Ok(())
}

fn list(look: &Look) -> Result<(), Failure> {
    let all: RelationshipsBody = look.server.client().get("/v1/relationships")?;
    let mut table = Table::new(&["relationship", "role", "address", "partner", "status", "scopes"]);
    for one in &all.relationships {
        table.row(vec![
            one.name.clone(),
            one.role.clone(),
            format!("{}:{}", one.address, one.port),
            format!("{}:{}", one.peer_address, one.peer_port),
            one.status.clone(),
            one.scopes.join(" "),
        ]);
    }
    look.print(&all, |mut out| table.print(&mut out))
}

fn show(name: &str, look: &Look) -> Result<(), Failure> {
    let one: ConfiguredBody = look.server.client().get(&of(name, ""))?;
    let mut table = Table::new(&["key", "value"]);
    if let Ok(Value::Object(members)) = serde_json::to_value(&one) {
        for (key, value) in members {
            table.row(vec![key, word(&value)]);
        }
    }
    look.print(&one, |mut out| table.print(&mut out))
}

fn list_scopes(look: &Look) -> Result<(), Failure> {
    let all: ScopesBody = look.server.client().get("/v1/scopes")?;
    let mut table = Table::new(&["network", "range", "relationship", "lease", "longest"]);
    for scope in &all.scopes {
        let times = [scope.default_lease_time, scope.max_lease_time].map(|time| time.to_string());
        for pool in &scope.pools {
            let relationship = pool.relationship.as_deref().unwrap_or("-");
            let disabled = if pool.disabled { " (disabled)" } else { "" };
            let [lease, longest] = times.clone();
            let relationship = format!("{relationship}{disabled}");
            table.row(vec![
                scope.network.clone(),
                pool.range.clone(),
                relationship,
                lease,
                longest,
            ]);
        }
    }
    look.print(&all, |mut out| table.print(&mut out))
}

/// A value in a table.
fn word(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(word).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// Prints what differs between the two servers; whether they agree.
pub(super) fn drift(name: &str, look: &Look) -> Result<(), Failure> {
    let drift: DriftBody = look.server.client().get(&of(name, "/drift"))?;
    let mut table = Table::new(&["what", "key", "here", "there"]);
    for one in &drift.differences {
        table.row(vec![one.what.clone(), one.key.clone(), word(&one.here), word(&one.there)]);
    }
    look.print(&drift, |mut out| {
        if drift.in_agreement {
            return writeln!(out, "{name}: both servers agree");
        }
        table.print(&mut out)
    })?;
    if drift.in_agreement {
        return Ok(());
    }
    let count = drift.differences.len();
    Err(Failure::Said(format!("the two servers of {name} differ in {count} places")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_number_a_truth_a_list_or_else_a_text() {
        for (text, value) in [
            ("a=5", json!(5)),
            ("a=true", json!(true)),
            ("a=[1,\"x\"]", json!([1, "x"])),
            ("a=1h", json!("1h")),
            ("a=10.0.0.1", json!("10.0.0.1")),
            ("a=b=c", json!("b=c")),
        ] {
            assert_eq!(pair(text).unwrap(), ("a".to_owned(), value), "{text}");
        }
        assert!(pair("a").is_err() && pair("=5").is_err());
    }

    #[test]
    fn a_scope_is_a_network_with_its_ranges() {
        let two =
            json!({ "network": "10.0.0.0/8", "ranges": ["10.0.0.1-10.0.0.9", "10.1.0.0/16"] });
        assert_eq!(scope("10.0.0.0/8=10.0.0.1-10.0.0.9,10.1.0.0/16"), two);
        assert_eq!(scope("10.0.0.0/8"), json!({ "network": "10.0.0.0/8", "ranges": [] }));
    }
}
