//! Two servers, of either kind, that share a relationship.

use std::time::Duration;

use super::compare::{Database, differences};
use super::dhcpd::Dhcpd;
use super::network::Network;
use super::setup::{Role, Setup};
use super::twinlease::Twinlease;
use super::wait::{wait_for, wait_until};

/// Longest that two servers may take for what the protocol lets them do at once. dhcpd's own timers are 15 s (start-up)
/// and 5 s (reconnect).
pub const SOON: Duration = Duration::from_secs(120);

/// Which program a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Dhcpd,
    Twinlease,
}

/// Twinlease as primary of a dhcpd.
pub const PRIMARY: [Kind; 2] = [Kind::Twinlease, Kind::Dhcpd];
/// Twinlease as secondary of a dhcpd.
pub const SECONDARY: [Kind; 2] = [Kind::Dhcpd, Kind::Twinlease];
/// Twinlease on both sides.
pub const TWINS: [Kind; 2] = [Kind::Twinlease, Kind::Twinlease];

/// One server of either kind.
#[derive(Debug)]
pub enum Server {
    Dhcpd(Dhcpd),
    Twinlease(Twinlease),
}

impl Server {
    /// A configured, stopped server with an empty database.
    pub fn new(kind: Kind, network: &Network, role: Role, setup: &Setup) -> Self {
        match kind {
            Kind::Dhcpd => Self::Dhcpd(Dhcpd::new(network, role, setup)),
            Kind::Twinlease => Self::Twinlease(Twinlease::new(network, role, setup)),
        }
    }

    /// The server, which is a dhcpd.
    pub fn dhcpd(&mut self) -> &mut Dhcpd {
        match self {
            Self::Dhcpd(server) => server,
            Self::Twinlease(server) => panic!("the {:?} is no dhcpd", server.role),
        }
    }

    /// The server, which is a twinlease.
    pub fn twinlease(&mut self) -> &mut Twinlease {
        match self {
            Self::Twinlease(server) => server,
            Self::Dhcpd(server) => panic!("the {:?} is no twinlease", server.role),
        }
    }

    pub fn role(&self) -> Role {
        match self {
            Self::Dhcpd(server) => server.role,
            Self::Twinlease(server) => server.role,
        }
    }

    pub fn start(&mut self) {
        match self {
            Self::Dhcpd(server) => server.start(),
            Self::Twinlease(server) => server.start(),
        }
    }

    /// SIGTERM and the end of the process.
    pub fn stop(&mut self) {
        match self {
            Self::Dhcpd(server) => server.stop(),
            Self::Twinlease(server) => server.stop(),
        }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        match self {
            Self::Dhcpd(server) => server.kill(),
            Self::Twinlease(server) => server.kill(),
        }
    }

    /// Hangs the server, or lets it go on.
    pub fn set_frozen(&mut self, frozen: bool) {
        match self {
            Self::Dhcpd(server) => server.set_frozen(frozen),
            Self::Twinlease(server) => server.set_frozen(frozen),
        }
    }

    pub fn is_running(&mut self) -> bool {
        match self {
            Self::Dhcpd(server) => server.is_running(),
            Self::Twinlease(server) => server.is_running(),
        }
    }

    /// Own state, in the draft's words with hyphens.
    pub fn state(&mut self) -> Option<String> {
        match self {
            Self::Dhcpd(server) => server.state(),
            Self::Twinlease(server) => server.state(),
        }
    }

    /// The partner's state as last heard.
    pub fn partner_state(&mut self) -> Option<String> {
        match self {
            Self::Dhcpd(server) => server.partner_state(),
            Self::Twinlease(server) => server.partner_state(),
        }
    }

    /// The operator declares the partner dead.
    pub fn partner_down(&self) {
        match self {
            Self::Dhcpd(server) => server.partner_down(),
            Self::Twinlease(server) => server.partner_down(),
        }
    }

    /// The log of all runs.
    pub fn log(&self) -> String {
        match self {
            Self::Dhcpd(server) => server.log(),
            Self::Twinlease(server) => server.log(),
        }
    }

    /// The whole lease database.
    pub fn database(&self) -> Database {
        match self {
            Self::Dhcpd(server) => Database::of_dhcpd(&server.lease_file()),
            Self::Twinlease(server) => Database::of_twinlease(&server.leases()),
        }
    }

    /// Waits until the server says that it is in `state`.
    pub fn wait_state(&mut self, state: &str, deadline: Duration) {
        let role = self.role();
        wait_for(&format!("{role:?} in {state}"), deadline, || match self.state() {
            Some(found) if found == state => Ok(()),
            other => Err(format!("it is in {other:?}")),
        });
    }
}

/// Both servers.
#[derive(Debug)]
pub struct Pair {
    pub primary: Server,
    pub secondary: Server,
}

impl Pair {
    /// A stopped pair with empty databases.
    pub fn new(kinds: [Kind; 2], network: &Network, setup: &Setup) -> Self {
        let [primary, secondary] = kinds;
        Self {
            primary: Server::new(primary, network, Role::Primary, setup),
            secondary: Server::new(secondary, network, Role::Secondary, setup),
        }
    }

    /// The server of a role.
    pub fn server(&mut self, role: Role) -> &mut Server {
        match role {
            Role::Primary => &mut self.primary,
            Role::Secondary => &mut self.secondary,
        }
    }

    /// Waits until each is in NORMAL and knows that the other is.
    pub fn wait_normal(&mut self, deadline: Duration) {
        wait_for("both servers in NORMAL", deadline, || {
            let states = [&mut self.primary, &mut self.secondary].map(|server| {
                [server.state(), server.partner_state()].map(Option::unwrap_or_default)
            });
            if states.iter().flatten().all(|state| state == "normal") {
                return Ok(());
            }
            Err(format!("(own, partner) by primary and secondary: {states:?}"))
        });
    }

    /// Waits until the secondary has addresses of its own to give, as many as the primary keeps, within a tenth of the pool.
    pub fn wait_balanced(&self, setup: &Setup) {
        wait_until("the pool to be shared out", SOON, || {
            [&self.primary, &self.secondary].into_iter().all(|server| {
                let database = server.database();
                let (backup, active) = (database.count("backup"), database.count("active"));
                let free = setup.pool_size() - backup - active;
                backup > 0 && backup.abs_diff(free) <= setup.pool_size().div_ceil(10)
            })
        });
    }

    /// Waits until both databases hold the same.
    pub fn wait_equal(&self) {
        wait_for("equal databases", SOON, || {
            let found = differences(&self.primary.database(), &self.secondary.database());
            if found.is_empty() {
                return Ok(());
            }
            Err(format!("{} differences (primary | secondary):\n{}", found.len(), found.join("\n")))
        });
    }
}
