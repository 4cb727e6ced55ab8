//! `twinlease isc ...`: to and from the files of an ISC dhcpd.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Subcommand;

use crate::balance::Role;
use crate::durable::{Change, Recovered};
use crate::isc::{self, Half, LeaseFile, Owner};
use crate::server::config::Config;
use crate::server::engine::owner_name;
use crate::server::plan::Plan;
use crate::server::serve::open_store;
use crate::store::{LeaseStore, OwnerId};
use crate::time::UnixTime;

use super::serve::refuse;
use super::{ConfigFile, Failure, finish};

/// Bindings written with one sync.
const BATCH: usize = 10_000;

#[derive(Debug, Subcommand)]
pub(super) enum IscCommand {
    /// Print the leases and states of a stopped server as a dhcpd.leases
    #[command(after_help = "\
The dhcpd that starts with it takes the place of this server: it must not run any more.

Example:
  twinlease isc export-leases --config twinlease.toml > /var/lib/dhcp/dhcpd.leases")]
    ExportLeases {
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Fill an empty data-dir from the dhcpd.leases of a stopped dhcpd
    #[command(after_help = "\
Without --trust-states the server begins in RECOVER: it has the leases, and asks its partner for
everything all the same. With it, it goes on in the state that the file says (NORMAL,
COMMUNICATIONS-INTERRUPTED, PARTNER-DOWN; else RECOVER too) and asks for nothing that it has: only
right if the file is what dhcpd left when it stopped, and dhcpd has not run since.

Example:
  twinlease isc import-leases --config twinlease.toml /var/lib/dhcp/dhcpd.leases")]
    ImportLeases {
        #[command(flatten)]
        file: ConfigFile,
        /// The lease file of dhcpd
        leases: PathBuf,
        /// Go on in the states that the file says
        #[arg(long)]
        trust_states: bool,
    },
    /// Print a dhcpd.conf that says what the configuration says
    #[command(after_help = "\
What dhcpd has no words for goes to standard error, a sentence each.

Example:
  twinlease isc dhcpd-conf --config twinlease.toml --partner > dhcpd.conf")]
    DhcpdConf {
        #[command(flatten)]
        file: ConfigFile,
        /// For the other half of each relationship, instead of for this one
        #[arg(long)]
        partner: bool,
    },
}

pub(super) fn run(command: IscCommand) -> ExitCode {
    let (IscCommand::ExportLeases { file }
    | IscCommand::ImportLeases { file, .. }
    | IscCommand::DhcpdConf { file, .. }) = &command;
    let config = match Config::load(&file.config) {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    finish(match command {
        IscCommand::ExportLeases { .. } => export_leases(&config),
        IscCommand::ImportLeases { leases, trust_states, .. } => {
            import_leases(&config, &leases, trust_states)
        }
        IscCommand::DhcpdConf { partner, .. } => {
            dhcpd_conf(&config, if partner { Half::Partner } else { Half::This })
        }
    })
}

/// The owners of a plan, in its order.
fn owners(plan: &Plan) -> Vec<Owner<'_>> {
    let relationships = plan.relationships.iter().map(|one| Owner {
        relationship: Some((&*one.endpoint.name, one.endpoint.role)),
        ranges: &one.endpoint.ranges,
    });
    let alone = plan.alone.iter().map(|alone| Owner { relationship: None, ranges: &alone.ranges });
    relationships.chain(alone).collect()
}

/// Opens an owner; what it has.
fn open(
    store: &mut dyn LeaseStore,
    relationship: Option<(&str, Role)>,
) -> Result<(OwnerId, Recovered), Failure> {
    let name = owner_name(relationship.map(|(name, _)| name));
    store.open_owner(&name).map_err(|error| Failure::Said(error.to_string()))
}

fn export_leases(config: &Config) -> Result<(), Failure> {
    let plan = Plan::new(config, 0);
    let mut store = open_store(config).map_err(|error| Failure::Said(error.to_string()))?;
    let mut file = LeaseFile::default();
    for owner in owners(&plan) {
        let (_, recovered) = open(&mut *store, owner.relationship)?;
        isc::export(owner.relationship, &recovered, &mut file);
    }
    if file == LeaseFile::default() {
        return Err(Failure::Said(format!("{} holds nothing", config.data_dir.display())));
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    write!(out, "{file}")?;
    Ok(out.flush()?)
}

fn import_leases(config: &Config, leases: &Path, trusted: bool) -> Result<(), Failure> {
    let octets = fs::read(leases)
        .map_err(|error| Failure::Said(format!("cannot read {}: {error}", leases.display())))?;
    let file = LeaseFile::read(&octets)
        .map_err(|error| Failure::Said(format!("{}:{error}", leases.display())))?;
    let plan = Plan::new(config, 0);
    let owners = owners(&plan);
    let imported = isc::import(&file, &owners, trusted, now());

    let mut store = open_store(config).map_err(|error| Failure::Said(error.to_string()))?;
    let mut ids = Vec::new();
    for owner in &owners {
        let (id, held) = open(&mut *store, owner.relationship)?;
        if held != Recovered::default() {
            return Err(Failure::Said(format!(
                "{} is not empty: move it away first",
                config.data_dir.display()
            )));
        }
        ids.push(id);
    }
    let mut out = io::stdout().lock();
    for ((owner, id), recovered) in owners.iter().zip(ids).zip(imported.owners) {
        let name = owner.relationship.map_or("no relationship", |(name, _)| name);
        let state = match &recovered.endpoint {
            Some(record) => format!("state {} since {}", record.state, record.start_of_state),
            None if owner.relationship.is_some() => {
                "no state in the file: begins in RECOVER".to_owned()
            }
            None => "no partner".to_owned(),
        };
        writeln!(out, "{name}: bindings {}, {state}", recovered.bindings.len())?;
        write(&mut *store, id, recovered)?;
    }
    if let Some(first) = imported.left_out.first() {
        let count = imported.left_out.len();
        eprintln!("twinlease: leases in no pool, left out: {count}, the first is {first}");
    }
    for name in &imported.unknown {
        eprintln!("twinlease: relationship \"{name}\" of the file is not configured");
    }
    Ok(())
}

/// The record of the relationship comes last: without it a server asks for everything.
fn write(store: &mut dyn LeaseStore, id: OwnerId, recovered: Recovered) -> Result<(), Failure> {
    let bindings = recovered.bindings.into_iter().map(Change::Binding);
    let changes = bindings.chain(recovered.endpoint.map(Change::Endpoint));
    let changes: Vec<_> = changes.map(|change| (id, change)).collect();
    changes
        .chunks(BATCH)
        .try_for_each(|batch| store.commit(batch))
        .map_err(|error| Failure::Said(error.to_string()))
}

fn dhcpd_conf(config: &Config, half: Half) -> Result<(), Failure> {
    let conf = isc::dhcpd_conf(config, half);
    for note in &conf.notes {
        eprintln!("twinlease: {note}");
    }
    Ok(io::stdout().lock().write_all(conf.text.as_bytes())?)
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime(u32::try_from(since.as_secs()).unwrap_or(UnixTime::INFINITE.0))
}
