//! `twinlease token`.

use std::fmt::Write as _;
use std::io::{self, Write};

use clap::ValueEnum;
use serde_json::json;

use crate::server::config::{Role, TokenDigest};

use super::Failure;

/// Octets of a token.
const OCTETS: usize = 32;

/// A role on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum RoleName {
    /// Look
    Read,
    /// Steer relationships and addresses
    Operate,
    /// Everything, and see what others did
    Admin,
}

impl RoleName {
    const fn role(self) -> Role {
        match self {
            Self::Read => Role::Read,
            Self::Operate => Role::Operate,
            Self::Admin => Role::Admin,
        }
    }
}

/// Prints a new token and what the configuration has to say about it.
pub(super) fn run(name: &str, role: RoleName, json: bool) -> Result<(), Failure> {
    let mut octets = [0; OCTETS];
    getrandom::fill(&mut octets)
        .map_err(|error| Failure::Said(format!("the system has no randomness to give: {error}")))?;
    let token = octets.iter().fold(String::new(), |mut token, octet| {
        // Writing into a String cannot fail.
        let _ = write!(token, "{octet:02x}");
        token
    });
    let digest = TokenDigest::of(&token).to_string();
    let role = role.role().name();
    let mut out = io::stdout().lock();
    if json {
        let printed = json!({ "name": name, "role": role, "token": token, "sha256": digest });
        return Ok(writeln!(out, "{printed}")?);
    }
    // TOML's basic strings and JSON's are escaped alike.
    let name = serde_json::to_string(name).map_err(io::Error::from)?;
    writeln!(out, "{token}\n")?;
    writeln!(out, "[[admin.tokens]]\nname = {name}\nrole = \"{role}\"\nsha256 = \"{digest}\"")?;
    Ok(())
}
