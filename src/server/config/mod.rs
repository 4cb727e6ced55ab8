//! The configuration file: TOML, read whole, every mistake reported at once.
//!
//! [`Config::parse`] reads a text. `section` holds a table against the keys known, `value` reads
//! single values, `relationship`, `subnet` and `options` read what their names say, `checks` looks
//! at several sections together, and `problem` says where what is wrong.

mod access;
mod checks;
mod hook;
mod options;
mod pace;
mod peer;
mod problem;
mod relationship;
mod section;
mod security;
mod subnet;
mod tls;
mod value;
mod virtual_address;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};

use toml_edit::Document;

use crate::driver::web_tls::WebIdentity;

pub use access::{NoDigest, Role, Token, TokenDigest};
pub use hook::{EventKind, Hook, HookTarget, WebHook};
pub(crate) use options::{Kind as OptionKind, by_code as option_by_code, code_of as option_code};
pub use peer::PeerAdmin;
pub use problem::{InvalidConfig, Problem};
pub use relationship::Relationship;
pub(crate) use relationship::{KEYS as RELATIONSHIP_KEYS, PRIMARY_ONLY};
pub use subnet::{LeaseTimes, Pool, Subnet};
pub use tls::Tls;
pub(crate) use value::{duration, network_of, range_of};
pub use virtual_address::VirtualAddress;

use problem::Problems;
use section::Section;
use subnet::StatedTimes;
use value::Wrong;

const TOP_KEYS: &[&str] =
    &["data-dir", "admin", "dhcp", "hook", "relationship", "subnet", "virtual-address"];
const DHCP_KEYS: &[&str] = &[
    "interfaces",
    "listen",
    "server-identifier",
    "authoritative",
    "ping-check",
    "default-lease-time",
    "min-lease-time",
    "max-lease-time",
    "options",
];

/// Where the admin listener is unless the file says otherwise.
pub const DEFAULT_ADMIN: &str = "127.0.0.1:8067";

/// Everything that `twinlease serve` is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where leases and states are kept.
    pub data_dir: PathBuf,
    /// The admin listener.
    pub admin: Admin,
    /// The DHCP service.
    pub dhcp: Dhcp,
    /// Who is told of events, in the order of the file.
    pub hooks: Vec<Hook>,
    /// Partners, in the order of the file.
    pub relationships: Vec<Relationship>,
    /// Networks, in the order of the file.
    pub subnets: Vec<Subnet>,
    /// An address that moves to the serving peer.
    pub virtual_address: Option<VirtualAddress>,
}

/// `[admin]`.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Address of the HTTP API.
    pub listen: SocketAddr,
    /// Who may ask, by what a request shows as `Authorization: Bearer ...`; never empty off loopback.
    pub tokens: Vec<Token>,
    /// As whom the listener is known over TLS; `None` without.
    pub tls: Option<WebIdentity>,
}

/// `[dhcp]`.
#[derive(Clone, Debug)]
pub struct Dhcp {
    /// Interfaces with directly attached clients.
    pub interfaces: Vec<String>,
    /// UDP addresses for relayed clients and trials without privileges.
    pub listen: Vec<SocketAddrV4>,
    /// Sent as option 54; `None` takes the address a message arrived on.
    pub server_identifier: Option<Ipv4Addr>,
    /// Whether a client that asks for an address of another network is told so.
    pub authoritative: bool,
    /// Whether an address is pinged before it is offered.
    pub ping_check: bool,
}

/// Why there is no configuration.
#[derive(Debug)]
pub enum LoadError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// It can be read and is wrong.
    Invalid(InvalidConfig),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => {
                write!(f, "cannot read the configuration file {}: {error}", file.display())
            }
            Self::Invalid(invalid) => invalid.fmt(f),
        }
    }
}

impl std::error::Error for LoadError {}

impl Config {
    /// Reads and checks `file`.
    pub fn load(file: &Path) -> Result<Self, LoadError> {
        let octets = std::fs::read(file)
            .map_err(|error| LoadError::Unreadable { file: file.to_owned(), error })?;
        Self::parse_octets(&octets, file).map_err(LoadError::Invalid)
    }

    fn parse_octets(octets: &[u8], file: &Path) -> Result<Self, InvalidConfig> {
        let error = match str::from_utf8(octets) {
            Ok(text) => return Self::parse(text, file),
            Err(error) => error,
        };
        let text = String::from_utf8_lossy(octets);
        let mut problems = Problems::new(&text);
        let place = error.valid_up_to();
        let fix = "save the file in this encoding";
        problems.add(&(place..place), "", "what follows is not UTF-8", fix);
        Err(problems.into_error(file))
    }

    /// Reads and checks a text; `file` is named in messages.
    pub fn parse(text: &str, file: &Path) -> Result<Self, InvalidConfig> {
        let mut problems = Problems::new(text);
        let document = match Document::parse(text) {
            Ok(document) => document,
            Err(error) => {
                let end = text.len();
                let message = error.message().replace('\n', ", ");
                let fix = "write it as TOML, see https://toml.io";
                problems.add(&error.span().unwrap_or(end..end), "", message, fix);
                return Err(problems.into_error(file));
            }
        };
        let root = Section::root(document.as_table(), TOP_KEYS, &mut problems);
        match read(&root, &mut problems) {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(problems.into_error(file)),
        }
    }
}

fn read(root: &Section<'_>, problems: &mut Problems<'_>) -> Option<Config> {
    let data_dir = root.required("data-dir", "\"/var/lib/twinlease\"", problems, value::text);
    let admin = access::read(root, problems);
    let dhcp_section = root.section("dhcp", DHCP_KEYS, problems);
    let dhcp = read_dhcp(dhcp_section.as_ref(), problems);
    let (times, dhcp_options) = match &dhcp_section {
        Some(section) => {
            let times = StatedTimes::read(section, problems);
            times.complete(&StatedTimes::default(), problems);
            let table = section.open_section("options", problems);
            (times, table.map(|table| options::read(&table, problems)).unwrap_or_default())
        }
        None => Default::default(),
    };
    let hooks = hook::read_all(root, problems);
    let relationships: Vec<_> = root
        .sections("relationship", relationship::KEYS, problems)
        .iter()
        .map(|section| relationship::read(section, problems))
        .collect();
    let subnets: Vec<_> = root
        .sections("subnet", subnet::KEYS, problems)
        .iter()
        .filter_map(|section| subnet::read(section, &times, &dhcp_options, problems))
        .collect();
    // Names of relationships that could not be read would be reported as missing.
    let complete = relationships.iter().all(Option::is_some);
    let relationships: Vec<_> = relationships.into_iter().flatten().collect();
    checks::relationships(&relationships, problems);
    let known = complete.then_some(&*relationships);
    checks::subnets(&subnets, known, problems);
    let virtual_address = virtual_address::read(root, problems);
    if let Some(wanted) = &virtual_address {
        virtual_address::check(wanted, known, &subnets, problems);
    }
    Some(Config {
        data_dir: PathBuf::from(data_dir?.value),
        admin: admin?,
        dhcp,
        hooks,
        relationships: relationships.into_iter().map(|(relationship, _)| relationship).collect(),
        subnets: subnets.into_iter().map(|(subnet, _)| subnet).collect(),
        virtual_address: virtual_address.map(|(wanted, _)| wanted),
    })
}

fn read_dhcp(section: Option<&Section<'_>>, problems: &mut Problems<'_>) -> Dhcp {
    let mut dhcp = Dhcp {
        interfaces: Vec::new(),
        listen: Vec::new(),
        server_identifier: None,
        authoritative: true,
        ping_check: false,
    };
    let Some(section) = section else { return dhcp };
    let names = |value: &toml_edit::Value| value::list(value, interface_name);
    if let Some(interfaces) = section.optional("interfaces", problems, names) {
        dhcp.interfaces = interfaces.value;
    }
    let sockets = |value: &toml_edit::Value| value::list(value, socket_v4);
    let listen = section.optional("listen", problems, sockets);
    let server_identifier = section.optional("server-identifier", problems, value::address);
    if let Some(listen) = listen {
        let everywhere = listen.value.iter().any(|address| address.ip().is_unspecified());
        if everywhere && section.span_of_key("server-identifier").is_none() {
            problems.add(
                &listen.span,
                &*listen.key,
                "clients have to be told one address of this server",
                "listen on that address instead of 0.0.0.0, or add server-identifier = \"...\"",
            );
        }
        dhcp.listen = listen.value;
    }
    dhcp.server_identifier = server_identifier.map(|located| located.value);
    if let Some(authoritative) = section.optional("authoritative", problems, value::boolean) {
        dhcp.authoritative = authoritative.value;
    }
    if let Some(ping_check) = section.optional("ping-check", problems, value::boolean) {
        dhcp.ping_check = ping_check.value;
    }
    dhcp
}

fn interface_name(value: &toml_edit::Value) -> Result<String, Wrong> {
    let name = value::text(value)?;
    let legal = |character: char| character.is_ascii_graphic() && character != '/';
    if name.len() > 15 || !name.chars().all(legal) {
        let fix = "write the name that `ip link` shows, of at most 15 characters";
        return Err(Wrong::new(format!("\"{name}\" is no name of an interface"), fix));
    }
    Ok(name)
}

fn socket_v4(value: &toml_edit::Value) -> Result<SocketAddrV4, Wrong> {
    match value::socket(value)? {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(address) => {
            let fix = "write an IPv4 address: \"127.0.0.1:6767\"";
            Err(Wrong::new(format!("{address} is not IPv4"), fix))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_documented() {
        let text = include_str!("../../../docs/configuration.md");
        let sections = [
            TOP_KEYS,
            access::KEYS,
            access::TOKEN_KEYS,
            access::TLS_KEYS,
            DHCP_KEYS,
            hook::KEYS,
            relationship::KEYS,
            tls::KEYS,
            subnet::KEYS,
            subnet::POOL_KEYS,
            subnet::RESERVATION_KEYS,
            virtual_address::KEYS,
        ];
        let is_documented = |key: &str| {
            let as_key = text.contains(&format!("`{key}`"));
            as_key || text.contains(&format!("[{key}]")) || text.contains(&format!(".{key}]"))
        };
        let missing: Vec<_> =
            sections.concat().into_iter().filter(|key| !is_documented(key)).collect();
        assert_eq!(missing, Vec::<&str>::new());
    }

    #[test]
    fn octets_that_are_not_utf_8_are_placed() {
        let file = Path::new("t.toml");
        let error = Config::parse_octets(b"data-dir = 1\n# \xff\n", file).unwrap_err();
        let problems: Vec<String> = error.problems().iter().map(Problem::to_string).collect();
        assert_eq!(problems, ["2:3: what follows is not UTF-8; save the file in this encoding"]);
    }

    #[test]
    fn the_example_of_the_readme_is_right() {
        let readme = include_str!("../../../README.md");
        let (_, rest) = readme.split_once("```toml\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        Config::parse(example, Path::new("README.md")).unwrap();
    }
}
