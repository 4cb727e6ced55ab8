//! `[admin]`: where operators are listened to, and who may ask what.
//!
//! A token is a random text of 256 bits. The file holds its SHA-256 only, so that whoever reads the file
//! cannot ask in somebody's name. The key `token` has one in clear, for a single operator.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::driver::tls::TlsPart;
use crate::driver::web_tls::WebIdentity;

use super::problem::{Problems, Span};
use super::section::{Located, Section};
use super::security;
use super::value;
use super::{Admin, DEFAULT_ADMIN};

/// Keys of `[admin]`.
pub(super) const KEYS: &[&str] = &["listen", "token", "tokens", "tls"];

/// Keys of `[admin.tls]`.
pub(super) const TLS_KEYS: &[&str] = &["certificate-file", "key-file"];

/// Keys of `[[admin.tokens]]`.
pub(super) const TOKEN_KEYS: &[&str] = &["name", "role", "sha256"];

/// Name of whoever shows the token of the key `token`.
const PLAIN: &str = "token";

/// What somebody may do; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look.
    Read,
    /// Steer relationships and addresses.
    Operate,
    /// Everything, and see what others did.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Operate, Self::Admin];

    /// "read", "operate" or "admin".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

/// SHA-256 of a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Of a token in clear.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Compares without telling by its duration how much is right.
    pub fn is_of(&self, token: &str) -> bool {
        let shown = Self::of(token);
        self.0.iter().zip(shown.0).fold(0, |sum, (left, right)| sum | (left ^ right)) == 0
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(..)")
    }
}

/// A text that is no digest.
#[derive(Debug, PartialEq, Eq)]
pub struct NoDigest;

impl FromStr for TokenDigest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(NoDigest);
        }
        let mut octets = [0; 32];
        for (octet, pair) in octets.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = str::from_utf8(pair).map_err(|_| NoDigest)?;
            *octet = u8::from_str_radix(pair, 16).map_err(|_| NoDigest)?;
        }
        Ok(Self(octets))
    }
}

/// Somebody who may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// As whom the audit log knows it.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// What its holder shows has this digest.
    pub digest: TokenDigest,
}

pub(super) fn read(root: &Section<'_>, problems: &mut Problems<'_>) -> Option<Admin> {
    let default = || DEFAULT_ADMIN.parse().ok();
    let Some(section) = root.section("admin", KEYS, problems) else {
        return Some(Admin { listen: default()?, tokens: Vec::new(), tls: None });
    };
    let listen = section.optional("listen", problems, value::socket);
    let plain = section.optional("token", problems, value::text);
    let mut tokens: Vec<Token> =
        plain.map(|text| plain_token(&section, &text, problems)).into_iter().collect();
    for entry in section.sections("tokens", TOKEN_KEYS, problems) {
        read_token(&entry, &mut tokens, problems);
    }
    let tls = read_tls(&section, problems);
    let has_token = ["token", "tokens"].iter().any(|key| section.span_of_key(key).is_some());
    if let Some(located) = &listen
        && !has_token
    {
        needs_token(&located.span, &located.key, located.value, problems);
    }
    let listen = match listen {
        Some(located) => located.value,
        None => default()?,
    };
    Some(Admin { listen, tokens, tls })
}

fn read_tls(section: &Section<'_>, problems: &mut Problems<'_>) -> Option<WebIdentity> {
    let section = section.section("tls", TLS_KEYS, problems)?;
    let example = "\"/etc/twinlease/admin.pem\"";
    let certificate = section.required("certificate-file", example, problems, value::text);
    let example = "\"/etc/twinlease/admin.key\"";
    let key = section.required("key-file", example, problems, security::private_file);
    let (certificate, key) = (certificate?, key?);
    match WebIdentity::load(Path::new(&certificate.value), Path::new(&key.value)) {
        Ok(identity) => Some(identity),
        Err(error) => {
            let (place, fix) = match error.part {
                TlsPart::Key => (key, "name the PEM file with the key of certificate-file"),
                _ => (certificate, "name a PEM file with this server's certificate"),
            };
            problems.add(&place.span, place.key, error.problem, fix);
            None
        }
    }
}

fn needs_token(span: &Span, key: &str, listen: SocketAddr, problems: &mut Problems<'_>) {
    if !listen.ip().is_loopback() {
        problems.add(
            span,
            key,
            format!("{listen} can be reached from other machines and there is no token"),
            "add token = \"...\" to [admin], or listen on 127.0.0.1",
        );
    }
}

fn plain_token(
    section: &Section<'_>,
    text: &Located<String>,
    problems: &mut Problems<'_>,
) -> Token {
    if !text.value.chars().all(|character| character.is_ascii_graphic()) {
        let fix = "use printable ASCII characters without spaces";
        let problem = "the token cannot be sent in an HTTP header";
        let span = section.span_of_key("token").unwrap_or_else(|| text.span.clone());
        problems.add_hiding_value(&span, &*text.key, problem, fix);
    }
    let digest = TokenDigest::of(&text.value);
    Token { name: PLAIN.to_owned(), role: Role::Admin, digest }
}

fn read_token(entry: &Section<'_>, tokens: &mut Vec<Token>, problems: &mut Problems<'_>) {
    let name = entry.required("name", "\"grafana\"", problems, value::text);
    let roles = Role::ALL.map(|role| (role.name(), role));
    let role = entry.required("role", "\"read\"", problems, |value| value::word(value, &roles));
    let text = entry.required("sha256", "what `twinlease token` prints", problems, value::text);
    let (Some(name), Some(role), Some(text)) = (name, role, text) else { return };
    let Ok(digest) = text.value.parse::<TokenDigest>() else {
        // Somebody may have written the token itself.
        let fix = "`twinlease token` prints a new token and this line";
        let problem = "this is no SHA-256, which has 64 hexadecimal digits";
        let span = entry.span_of_key("sha256").unwrap_or(text.span);
        return problems.add_hiding_value(&span, text.key, problem, fix);
    };
    let fix = "give every token a name of its own";
    if tokens.iter().any(|token| token.name == name.value) {
        let problem = format!("there is a token \"{}\" already", name.value);
        problems.add(&name.span, &*name.key, problem, fix);
    }
    if tokens.iter().any(|token| token.digest == digest) {
        let fix = "make another with `twinlease token`";
        problems.add(&text.span, &*text.key, "this token is there already", fix);
    }
    tokens.push(Token { name: name.value, role: role.value, digest });
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::server::config::Config;

    use super::*;

    fn admin(lines: &str) -> Result<Admin, Vec<String>> {
        let text = format!("data-dir = \"/tmp/none\"\n[admin]\n{lines}");
        let parsed = Config::parse(&text, Path::new("t.toml"));
        parsed
            .map(|config| config.admin)
            .map_err(|error| error.problems().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_digest_is_that_of_the_standard() {
        // FIPS 180-4, the message "abc".
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(TokenDigest::of("abc").to_string(), expected);
        assert!(expected.parse::<TokenDigest>().unwrap().is_of("abc"));
        assert!(!expected.parse::<TokenDigest>().unwrap().is_of("abd"));
    }

    #[test]
    fn the_plain_token_is_an_admins() {
        let admin = admin("token = \"secret\"").unwrap();
        let token = admin.tokens.first().unwrap();
        assert_eq!((token.name.as_str(), token.role), ("token", Role::Admin));
        assert!(token.digest.is_of("secret"));
    }

    #[test]
    fn off_loopback_a_hashed_token_is_enough() {
        let digest = TokenDigest::of("abc");
        let lines = format!(
            "listen = \"10.0.0.1:8067\"\n\
             tokens = [{{ name = \"a\", role = \"read\", sha256 = \"{digest}\" }}]"
        );
        assert_eq!(admin(&lines).unwrap().tokens.len(), 1);
    }

    #[test]
    fn a_token_in_the_place_of_its_digest_is_refused_and_not_shown() {
        let lines = "[[admin.tokens]]\nname = \"a\"\nrole = \"read\"\nsha256 = \"swordfish\"";
        let problems = admin(lines).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems.iter().all(|problem| !problem.contains("swordfish")), "{problems:?}");
    }

    #[test]
    fn two_tokens_of_one_name_are_refused() {
        let entry = |token| {
            let digest = TokenDigest::of(token);
            format!("[[admin.tokens]]\nname = \"a\"\nrole = \"read\"\nsha256 = \"{digest}\"\n")
        };
        let problems = admin(&(entry("one") + &entry("two"))).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
    }

    #[test]
    fn the_configuration_that_is_printed_shows_neither_token_nor_digest() {
        let shown = format!("{:?}", admin("token = \"swordfish\"").unwrap());
        let digest = TokenDigest::of("swordfish").to_string();
        assert!(!shown.contains("swordfish") && !shown.contains(&digest), "{shown}");
    }
}
