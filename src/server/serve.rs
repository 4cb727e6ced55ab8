//! From a configuration to a running server, and to its orderly end.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::admin::hooks::Hooks;
use crate::admin::setup::again::Again;
use crate::admin::{AdminServer, Elsewhere};
use crate::dhcp::{ClientSockets, SocketConfig};
use crate::store::{Journal, LeaseStore, StoreError};
use crate::virtual_address::Mover;

use super::command::{self, AdminCommand, CommandSender};
use super::config::Config;
use super::edit::ConfigFile;
use super::engine::{Engine, EngineEnd, StartError};
use super::notify;

/// How long the end of the process waits for what is told about it.
const HOOKS_PATIENCE: Duration = Duration::from_secs(4);

/// And for the virtual address to be given up; the system removes it soon if that fails.
const MOVER_PATIENCE: Duration = Duration::from_secs(3);

/// Why the server did not start, or ended by itself.
#[derive(Debug)]
pub enum ServeError {
    /// The system has no threads or signals to give.
    Runtime(io::Error),
    /// The store cannot be opened, or failed.
    Store(StoreError),
    /// A socket for clients cannot be opened.
    Sockets(crate::dhcp::socket::OpenError),
    /// The admin listener cannot be bound.
    Admin(SocketAddr, io::Error),
    /// The queue of the hooks cannot be opened.
    Hooks(io::Error),
    /// The virtual address cannot be moved.
    VirtualAddress(String),
    /// The parts do not fit together.
    Start(StartError),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runtime(error) => write!(f, "cannot start: {error}"),
            Self::Store(error) => error.fmt(f),
            Self::Sockets(error) => error.fmt(f),
            Self::Admin(address, error) => {
                write!(f, "cannot listen on {address} for [admin] listen: {error}")
            }
            Self::Hooks(error) => write!(f, "cannot open the queue of the hooks: {error}"),
            Self::VirtualAddress(why) => f.write_str(why),
            Self::Start(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ServeError {}

/// Serves until SIGTERM or SIGINT; then tells the partners and makes everything durable. On SIGHUP
/// `file`, from which the configuration is, is read again.
pub fn run(config: &Config, file: &Path) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ServeError::Runtime)?;
    runtime.block_on(serve(config, file))
}

async fn serve(config: &Config, file: &Path) -> Result<(), ServeError> {
    // First of all: a signal during the start ends it as orderly as one later.
    let signals = Signals::install().map_err(ServeError::Runtime)?;
    let store = open_store(config).map_err(ServeError::Store)?;
    // Before anybody is served by it.
    let mover = config.virtual_address.clone().map(Mover::start).transpose();
    let mover = mover.map_err(|error| ServeError::VirtualAddress(error.to_string()))?;
    let sockets = ClientSockets::open(&SocketConfig {
        interfaces: config.dhcp.interfaces.clone(),
        listen: config.dhcp.listen.clone(),
        movable: config.virtual_address.as_ref().map(|wanted| wanted.address),
    })
    .map_err(ServeError::Sockets)?;
    let (commands, inbox) = command::channel();
    let hooks = Hooks::start(&config.hooks, &config.data_dir).map_err(ServeError::Hooks)?;
    let elsewhere = Elsewhere {
        hooks: hooks.as_ref().map(Hooks::counts).unwrap_or_default(),
        virtual_address: mover.as_ref().map(Mover::held),
    };
    let (listen, data_dir) = (config.admin.listen, &config.data_dir);
    let configured = ConfigFile::new(file);
    let commanding = commands.clone();
    let admin = AdminServer::bind(&config.admin, data_dir, configured, commanding, elsewhere)
        .await
        .map_err(|error| ServeError::Admin(listen, error))?;
    let engine =
        Engine::new(config, store, sockets, inbox, table_seed()).map_err(ServeError::Start)?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        relationships = config.relationships.len(),
        subnets = config.subnets.len(),
        admin = %config.admin.listen,
        "serving"
    );
    tokio::spawn(notify::keep(commands.clone()));
    let telling = hooks.map(|hooks| {
        let drifts = hooks.wants_drifts().then(|| admin.drifts());
        tokio::spawn(hooks.run(commands.clone(), admin.looks(), drifts))
    });
    let moving = mover.map(|mover| tokio::spawn(mover.run(commands.clone())));
    tokio::spawn(heed(signals, commands, admin.again()));
    let admin = tokio::spawn(admin.run());
    let end = engine.run().await;
    admin.abort();
    if let Some(moving) = moving {
        // The address is given up at once, unless it was before.
        let _late = tokio::time::timeout(MOVER_PATIENCE, moving).await;
    }
    if let Some(telling) = telling {
        // What happened last is queued, and delivered if that is quick.
        let _late = tokio::time::timeout(HOOKS_PATIENCE, telling).await;
    }
    match end {
        EngineEnd::Stopped => {
            tracing::info!("stopped");
            Ok(())
        }
        EngineEnd::Storage(error) => Err(ServeError::Store(error)),
    }
}

/// Opens the store of a configuration, which one process at a time has, and says what a crash has
/// left in it.
pub(crate) fn open_store(config: &Config) -> Result<Box<dyn LeaseStore>, StoreError> {
    let store = Journal::open(&config.data_dir)?;
    if let Some(cut) = store.cut() {
        tracing::warn!(
            file = %cut.path.display(),
            "cut {} octets of a batch that was never acknowledged, at octet {}: {}",
            cut.octets,
            cut.offset,
            cut.what
        );
    }
    Ok(Box::new(store))
}

/// The signals to which a service listens.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

async fn heed(mut signals: Signals, commands: CommandSender, again: Again) {
    loop {
        tokio::select! {
            _ = signals.hangup.recv() => reload(&again).await,
            _ = signals.terminate.recv() => {
                tracing::info!("SIGTERM: telling the partners and leaving");
                break;
            }
            _ = signals.interrupt.recv() => {
                tracing::info!("SIGINT: telling the partners and leaving");
                break;
            }
        }
    }
    notify::stopping();
    let (answer, _) = oneshot::channel();
    // A failed send means that the engine has ended already.
    let _ended = commands.send(AdminCommand::Stop { answer }).await;
}

/// Reads the configuration again. What is wrong with it is logged, and the former one stays.
async fn reload(again: &Again) {
    tracing::info!("SIGHUP: reading the configuration again");
    notify::reloading();
    if let Err(why) = again.read().await {
        tracing::error!("the configuration stays as it was: {why}");
    }
    notify::ready();
}

/// A number that no client can guess, so that none can choose keys that collide in the client index.
fn table_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
