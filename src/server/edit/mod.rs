//! Changes of the configuration file that leave its comments, order and layout alone.
//!
//! [`edit`] makes a new text of a text and a [`Wish`]; it changes nothing else. The new text is read as
//! every configuration is, so that nothing can be written that the server would not start with.
//! `relationships`, `scopes`, `reservations` and `replace` carry out the wishes, each with the help of `document`, which
//! knows how sections are written; `scope` and `options` show what is configured in one way of writing.
//! [`diff`] tells a change line by line and `secrets` keeps what it must not tell; [`ConfigFile`]
//! replaces the file, whole or not at all.

mod diff;
mod document;
mod file;
mod options;
mod problem;
mod relationships;
mod replace;
mod reservations;
mod scope;
mod scopes;
mod secrets;

use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::{Map, Value as Json};
use toml_edit::DocumentMut;

use crate::server::config::{Config, network_of};

pub use diff::diff;
pub use file::ConfigFile;
pub use problem::EditError;
pub use scope::{Scope, ScopePool, ScopeReservation};
pub use secrets::{MASK, is_secret};

/// What is to become of the pools that a relationship leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// This server has them alone.
    Keep,
    /// They are taken out of the file, and so is a subnet that has none left.
    Delete,
    /// They stay in the file and serve nobody.
    Disable,
}

/// A scope that a relationship is to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeWish {
    /// Its network, as the file writes it.
    pub network: String,
    /// Ranges of its pools; none for all pools of a subnet that is there already.
    pub ranges: Vec<String>,
    /// Further keys of `[[subnet]]`, for one that is not there yet.
    pub others: Map<String, Json>,
}

/// A change of the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// A new relationship.
    Create {
        /// Keys of `[[relationship]]`.
        keys: Map<String, Json>,
        /// What it shares from the beginning.
        scopes: Vec<ScopeWish>,
    },
    /// Other values for keys of a relationship.
    Modify {
        /// relationship-name.
        name: String,
        /// Each key with its new value; null takes it out, so that its default holds.
        set: Map<String, Json>,
    },
    /// A relationship is taken out.
    Remove {
        /// relationship-name.
        name: String,
        /// What becomes of its pools.
        fate: Fate,
    },
    /// A relationship gets the pools of a scope.
    AddScope {
        /// relationship-name.
        name: String,
        /// Which.
        scope: ScopeWish,
    },
    /// A relationship loses its pools of a scope.
    RemoveScope {
        /// relationship-name.
        name: String,
        /// Network of the scope.
        network: String,
        /// What becomes of them.
        fate: Fate,
    },
    /// Pools of a scope go from one relationship to another.
    MoveScope {
        /// Network of the scope.
        network: String,
        /// relationship-name.
        from: String,
        /// relationship-name.
        to: String,
    },
    /// An address is held for one client.
    Reserve {
        /// The address.
        address: Ipv4Addr,
        /// `hw-address` or `client-id`.
        client: Map<String, Json>,
    },
    /// It is held for nobody any more.
    Free {
        /// The address.
        address: Ipv4Addr,
    },
    /// Scopes of a relationship become as the partner has them.
    Replace {
        /// relationship-name.
        name: String,
        /// As they are to be, with the pools of this relationship only.
        scopes: Vec<Scope>,
        /// The relationship has no others.
        is_complete: bool,
    },
}

/// A text, and what it says.
#[derive(Clone, Debug)]
pub struct Edited {
    /// The text of the file.
    pub text: String,
    /// The same, read.
    pub config: Config,
}

/// Reads a text as it stands; `file` is named in messages.
pub fn read(text: &str, file: &Path) -> Result<Config, EditError> {
    Config::parse(text, file).map_err(|invalid| EditError::broken(&invalid))
}

/// The text with a wish carried out.
pub fn edit(text: &str, wish: &Wish, file: &Path) -> Result<Edited, EditError> {
    let config = read(text, file)?;
    let broken = |error: toml_edit::TomlError| {
        EditError::wrong("", error.message(), "put the file right first")
    };
    let mut document: DocumentMut = text.parse().map_err(broken)?;
    apply(&mut document, &config, wish)?;
    let mut text_after = document.to_string();
    if text.contains("\r\n") {
        text_after = text_after.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    let config = Config::parse(&text_after, file).map_err(|wrong| EditError::invalid(&wrong))?;
    Ok(Edited { text: text_after, config })
}

fn apply(document: &mut DocumentMut, config: &Config, wish: &Wish) -> Result<(), EditError> {
    match wish {
        Wish::Create { keys, scopes } => relationships::create(document, config, keys, scopes),
        Wish::Modify { name, set } => relationships::modify(document, config, name, set),
        Wish::Remove { name, fate } => relationships::remove(document, config, name, *fate),
        Wish::AddScope { name, scope } => {
            relationship(config, name)?;
            scopes::add(document, config, name, scope)
        }
        Wish::RemoveScope { name, network, fate } => {
            relationship(config, name)?;
            scopes::leave(document, config, name, network, *fate)
        }
        Wish::MoveScope { network, from, to } => {
            relationship(config, from)?;
            relationship(config, to)?;
            scopes::change_hands(document, config, network, from, to)
        }
        Wish::Reserve { address, client } => {
            reservations::reserve(document, config, *address, client)
        }
        Wish::Free { address } => reservations::free(document, config, *address),
        Wish::Replace { name, scopes, is_complete } => {
            relationship(config, name)?;
            replace::replace(document, config, name, scopes, *is_complete)
        }
    }
}

/// Whether two texts name one network.
pub fn same_network(one: &str, other: &str) -> bool {
    network_of(one).is_some_and(|network| network_of(other) == Some(network))
}

/// Number of the relationship of this name.
fn relationship(config: &Config, name: &str) -> Result<usize, EditError> {
    let names = config.relationships.iter().map(|relationship| &relationship.name);
    names.clone().position(|known| known == name).ok_or_else(|| EditError::UnknownRelationship {
        name: name.to_owned(),
        known: names.cloned().collect(),
    })
}

/// Number of the subnet with this network; `None` if there is none.
fn find_subnet(config: &Config, network: &str) -> Result<Option<usize>, EditError> {
    let wanted = network_of(network).ok_or_else(|| {
        EditError::wrong(
            "subnet.network",
            format!("\"{network}\" is no network"),
            "write address and prefix length: 10.78.0.0/24",
        )
    })?;
    Ok(config.subnets.iter().position(|subnet| subnet.network == wanted))
}

/// The same for one that has to be there.
fn subnet(config: &Config, network: &str) -> Result<usize, EditError> {
    find_subnet(config, network)?.ok_or_else(|| EditError::UnknownScope {
        network: network.to_owned(),
        known: config.subnets.iter().map(|subnet| subnet.network.to_string()).collect(),
    })
}

#[cfg(test)]
mod tests;
