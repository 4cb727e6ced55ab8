//! What tells the partner from an impostor: shared secrets, and how much the clocks may differ.
//!
//! A secret stands in a file of its own or in the environment, never in the configuration, whose
//! lines are shown when something in them is wrong.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use toml_edit::Value;

use crate::endpoint::SharedSecrets;
use crate::wire::{Dialect, DigestInput, SharedSecret};

use super::problem::Problems;
use super::section::Section;
use super::value::{self, Wrong};

/// Keys that say where a secret is.
const CURRENT: [&str; 2] = ["shared-secret-file", "shared-secret-env"];
const PREVIOUS: [&str; 2] = ["previous-shared-secret-file", "previous-shared-secret-env"];

/// What a digest is computed over.
const COVERS: &str = "digest-covers";

/// What a secret in the configuration itself would be called.
const INLINE: &str = "shared-secret";

/// Fewest octets of a secret; what is shorter can be found by trying.
const MIN_SECRET: usize = 8;

/// Most octets of a secret.
const MAX_SECRET: usize = 1024;

/// Permissions that a file with a secret may not have: anything for others, writing for the group.
const TOO_OPEN: u32 = 0o027;

/// What is configured about the partner's identity.
#[derive(Clone, Debug, Default)]
pub(super) struct Security {
    pub(super) secrets: Option<SharedSecrets>,
    pub(super) max_clock_delta: Option<u32>,
}

pub(super) fn read(
    section: &Section<'_>,
    dialect: Dialect,
    problems: &mut Problems<'_>,
) -> Security {
    if let Some(span) = section.span_of_key(INLINE) {
        problems.add_hiding_value(
            &span,
            section.path_of(INLINE),
            "a secret in this file could be read by whoever reads the file",
            "write it into a file of its own and name that: shared-secret-file = \"...\"",
        );
    }
    let current = read_secret(section, CURRENT, problems);
    let previous = read_secret(section, PREVIOUS, problems);
    let input = section.optional(COVERS, problems, |value| {
        let inputs = [
            ("message-and-secret", DigestInput::MessageAndSecret),
            ("message", DigestInput::Message),
        ];
        value::word(value, &inputs)
    });
    let max_clock_delta =
        section.optional("max-clock-difference", problems, |value| value::seconds(value, 1));
    if !dialect.signs_messages() {
        refuse_secrets(section, dialect, problems);
    } else if CURRENT.iter().all(|key| section.span_of_key(key).is_none()) {
        for key in PREVIOUS.into_iter().chain([COVERS]) {
            needs_secret(section, key, problems);
        }
    }
    let input = input.map(|input| input.value).unwrap_or_default();
    let secrets = current.map(|current| SharedSecrets { current, previous, input });
    Security { secrets, max_clock_delta: max_clock_delta.map(|located| located.value) }
}

/// The secret that one of two keys leads to.
fn read_secret(
    section: &Section<'_>,
    [file, variable]: [&str; 2],
    problems: &mut Problems<'_>,
) -> Option<SharedSecret> {
    let both = section.span_of_key(file).and(section.span_of_key(variable));
    if let Some(span) = both {
        problems.add(
            &span,
            section.path_of(variable),
            format!("\"{file}\" and \"{variable}\" both say where the secret is"),
            "remove one of the two",
        );
    }
    let in_file = section.optional(file, problems, secret_in_file);
    let in_environment = section.optional(variable, problems, secret_in_environment);
    in_file.or(in_environment).map(|located| located.value)
}

fn refuse_secrets(section: &Section<'_>, dialect: Dialect, problems: &mut Problems<'_>) {
    for key in CURRENT.into_iter().chain(PREVIOUS).chain([COVERS]) {
        if let Some(span) = section.span_of_key(key) {
            problems.add(
                &span,
                section.path_of(key),
                format!("a partner of dialect \"{dialect}\" neither signs messages nor verifies them"),
                "remove it; or, where the partner is twinlease too, write dialect = \"draft\" on both",
            );
        }
    }
}

fn needs_secret(section: &Section<'_>, key: &str, problems: &mut Problems<'_>) {
    if let Some(span) = section.span_of_key(key) {
        problems.add(
            &span,
            section.path_of(key),
            "this has a meaning beside a shared secret only",
            "remove it, or add shared-secret-file = \"...\"",
        );
    }
}

/// Opens a file that nobody but this server may read.
pub(super) fn open_private(name: &str) -> Result<File, Wrong> {
    let unreadable = |error: io::Error| unreadable(name, &error);
    let file = File::open(Path::new(name)).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.mode();
    if mode & TOO_OPEN != 0 {
        return Err(Wrong::new(
            format!("{name} is open to others than this server, its mode is {:04o}", mode & 0o7777),
            format!("chmod 600 {name}"),
        ));
    }
    Ok(file)
}

/// The name of such a file.
pub(super) fn private_file(value: &Value) -> Result<String, Wrong> {
    let name = value::text(value)?;
    open_private(&name).map(|_| name)
}

fn unreadable(name: &str, error: &io::Error) -> Wrong {
    let fix = "name a file that this server can read and others cannot";
    Wrong::new(format!("{name} cannot be read: {error}"), fix)
}

fn secret_in_file(value: &Value) -> Result<SharedSecret, Wrong> {
    let name = value::text(value)?;
    let file = open_private(&name)?;
    let mut octets = Vec::new();
    let limit = u64::try_from(MAX_SECRET + 3).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut octets).map_err(|error| unreadable(&name, &error))?;
    secret(&octets, &name)
}

fn secret_in_environment(value: &Value) -> Result<SharedSecret, Wrong> {
    let name = value::text(value)?;
    let found: Option<OsString> = std::env::var_os(&name);
    let Some(octets) = found else {
        let fix = "set it to the secret in the environment of this server";
        return Err(Wrong::new(format!("the environment has no variable {name}"), fix));
    };
    secret(octets.as_encoded_bytes(), &name)
}

/// The secret without the end of its line.
fn secret(octets: &[u8], place: &str) -> Result<SharedSecret, Wrong> {
    let octets = octets.strip_suffix(b"\n").unwrap_or(octets);
    let octets = octets.strip_suffix(b"\r").unwrap_or(octets);
    let fix = format!(
        "{MIN_SECRET} to {MAX_SECRET} are possible; `openssl rand -hex 16` makes a good one"
    );
    let wrong = |what: String| Wrong::new(what, fix.clone());
    if octets.len() > MAX_SECRET {
        return Err(wrong(format!("the secret in {place} has more than {MAX_SECRET} octets")));
    }
    if octets.len() < MIN_SECRET {
        return Err(wrong(format!("the secret in {place} has {} octets", octets.len())));
    }
    SharedSecret::new(octets).ok_or_else(|| wrong(format!("the secret in {place} is empty")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt;
    use std::{fs, io::Write};

    use crate::server::config::Config;

    use super::*;

    #[test]
    fn a_configuration_that_is_printed_shows_no_secret() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        let mut options = fs::OpenOptions::new();
        options.create(true).write(true).mode(0o600);
        options.open(&file).unwrap().write_all(b"swordfish").unwrap();
        let text = format!(
            "data-dir = \"/tmp/none\"\n[[relationship]]\nname = \"a\"\nrole = \"primary\"\n\
             address = \"10.0.0.1\"\npeer-address = \"10.0.0.2\"\ndialect = \"draft\"\n\
             shared-secret-file = \"{}\"",
            file.display()
        );
        let config = Config::parse(&text, Path::new("t.toml")).unwrap();
        let secret = &config.relationships.first().unwrap().secrets.as_ref().unwrap().current;
        assert_eq!(*secret, SharedSecret::new(b"swordfish").unwrap());
        let shown = format!("{config:?}");
        let octets = format!("{:?}", b"swordfish");
        assert!(!shown.contains("swordfish") && !shown.contains(&octets), "{shown}");
    }
}
