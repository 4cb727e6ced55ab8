//! `peer-admin`: where the partner's admin listener is, and what this server shows there.

use std::io::Read;
use std::path::{Path, PathBuf};

use toml_edit::Value;

use crate::driver::web_tls::Authorities;

use super::problem::Problems;
use super::section::Section;
use super::security::open_private;
use super::value::{self, Wrong};

const URL: &str = "peer-admin";
const TOKEN_FILE: &str = "peer-admin-token-file";
const CA_FILE: &str = "peer-admin-ca-file";

/// Octets of a token.
const MAX_TOKEN: u64 = 1024;

/// The partner's admin listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAdmin {
    /// As `http://10.78.0.2:8067`, or with https.
    pub url: String,
    /// The file with the token that the partner wants to see, if it wants one.
    pub token_file: Option<PathBuf>,
    /// The file with the authorities that are believed over https; `None` for those of this machine.
    pub ca_file: Option<PathBuf>,
}

impl PeerAdmin {
    /// The token, as it stands in its file now; the error is a sentence.
    pub fn token(&self) -> Result<Option<String>, String> {
        let token = self.token_file.as_deref().map(read_token).transpose();
        token.map_err(|wrong| format!("{}; {}", wrong.problem, wrong.fix))
    }

    /// Whom to believe, as it stands in its file now; the error is a sentence.
    pub(crate) fn authorities(&self) -> Result<Option<Authorities>, String> {
        self.ca_file.as_deref().map(Authorities::load).transpose()
    }
}

pub(super) fn read(section: &Section<'_>, problems: &mut Problems<'_>) -> Option<PeerAdmin> {
    let url = section.optional(URL, problems, url);
    let token_file = section.optional(TOKEN_FILE, problems, |value| {
        let name = PathBuf::from(value::text(value)?);
        read_token(&name).map(|_| name)
    });
    let ca_file = section.optional(CA_FILE, problems, |value| {
        let name = PathBuf::from(value::text(value)?);
        let fix = "name a PEM file with the certificates of the authorities";
        Authorities::load(&name).map(|_| name).map_err(|problem| Wrong::new(problem, fix))
    });
    if section.span_of_key(URL).is_none() {
        for key in [TOKEN_FILE, CA_FILE] {
            needs_url(section, key, problems);
        }
    }
    let token_file = token_file.map(|located| located.value);
    Some(PeerAdmin { url: url?.value, token_file, ca_file: ca_file.map(|located| located.value) })
}

fn needs_url(section: &Section<'_>, key: &str, problems: &mut Problems<'_>) {
    if let Some(span) = section.span_of_key(key) {
        problems.add(
            &span,
            section.path_of(key),
            "this has a meaning beside peer-admin only",
            "remove it, or add peer-admin = \"http://...\"",
        );
    }
}

fn url(value: &Value) -> Result<String, Wrong> {
    let fix = "write where the partner's [admin] listens: \"http://10.78.0.2:8067\"";
    let text = value::text(value)?;
    let legal = |character: char| character.is_ascii_alphanumeric() || ".-:[]".contains(character);
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let host = rest.map(|rest| rest.trim_end_matches('/'));
    match host {
        Some(host) if !host.is_empty() && host.chars().all(legal) => Ok(text),
        _ => Err(Wrong::new("this is no address of an admin listener", fix)),
    }
}

fn read_token(file: &Path) -> Result<String, Wrong> {
    let name = file.display().to_string();
    let wrong = |problem: String| {
        Wrong::new(problem, "write the token that `twinlease token` printed, and nothing else")
    };
    let mut text = String::new();
    let file = open_private(&name)?;
    let read = file.take(MAX_TOKEN + 1).read_to_string(&mut text);
    read.map_err(|error| wrong(format!("{name} cannot be read: {error}")))?;
    let token = text.trim();
    let is_token = !token.is_empty() && token.chars().all(|letter| letter.is_ascii_graphic());
    if !is_token || u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_TOKEN {
        return Err(wrong(format!("{name} has no token")));
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str) -> bool {
        url(&Value::from(text)).is_ok()
    }

    #[test]
    fn an_admin_listener_is_a_scheme_and_a_machine() {
        for right in ["http://10.78.0.2:8067", "https://dhcp2.example.net", "http://[::1]:8067/"] {
            assert!(reads(right), "{right}");
        }
        for wrong in ["10.78.0.2:8067", "http://", "http://a b", "http://user@host", "ftp://a"] {
            assert!(!reads(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_file_without_a_token_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "two words").unwrap();
        let set = std::os::unix::fs::PermissionsExt::from_mode;
        std::fs::set_permissions(&file, set(0o600)).unwrap();
        assert!(read_token(&file).is_err());
    }
}
