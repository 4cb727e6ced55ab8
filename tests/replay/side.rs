//! The two servers of a capture.

use std::fmt;
use std::net::Ipv4Addr;

use twinlease::balance::Role;

/// One of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Primary,
    Secondary,
}

impl Side {
    /// By the addresses that all captures have in common.
    pub fn of(address: Ipv4Addr) -> Self {
        match address.octets() {
            [10, 78, 0, 1] => Self::Primary,
            [10, 78, 0, 2] => Self::Secondary,
            _ => panic!("{address} is no server of the captures"),
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::Primary => Self::Secondary,
            Self::Secondary => Self::Primary,
        }
    }

    pub fn role(self) -> Role {
        match self {
            Self::Primary => Role::Primary,
            Self::Secondary => Role::Secondary,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        })
    }
}
